"""What an operator says of a LoRA file that was found good: what it is for and how it is prompted."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from engine.services.lora_files import LoraReport, LoraState, NewLora, proposed_name, proposed_prompt
from gui.look import theme
from gui.models.facts import mask_types_of, replaced_by
from gui.widgets.form_dialog import FormDialog, form_fields
from gui.widgets.mask_type_box import MaskTypeBox
from gui.widgets.number_box import NumberBox

COLOR = "Colour match"


class LoraForm(FormDialog):
    """Stays open until the LoRA is registered, so that a refusal costs no typing."""

    submitted = Signal(object, bool)
    """A `NewLora`, and whether it takes the place of another of the operator's own."""

    def __init__(self, report: LoraReport, states: Sequence[LoraState], parent: QWidget) -> None:
        super().__init__("lora_form", "Add LoRA", parent)
        self._states = list(states)
        self.task = MaskTypeBox([*mask_types_of(states), COLOR])
        self.name, self.prompt, self.trigger = QLineEdit(proposed_name(report.path)), QLineEdit(), QLineEdit()
        self.licence = QLineEdit()
        self.licence.setPlaceholderText("A note for your colleagues")
        self.trigger.setPlaceholderText("None")
        self.scale = NumberBox(0.05, 2.0, 2, step=0.05)
        self.scale.setValue(1.0)
        self.scale.setFixedWidth(80)
        self.scale.setToolTip("1 is the strength of its training")
        facts = theme.label("\n".join([f"{report.sentence()}.", *report.notices]), "caption")
        facts.setWordWrap(True)
        self.column.addWidget(theme.label(report.path.name, "heading"))
        self.column.addWidget(facts)
        self.column.addSpacing(theme.TIGHT)
        self.column.addLayout(
            form_fields(
                (
                    ("For", self.task), ("Name", self.name), ("Prompt", self.prompt), ("Trigger word", self.trigger),
                    ("Scale", self.scale), ("Licence", self.licence),
                )
            )
        )  # fmt: skip
        self.add_button = self.add_foot("add_lora_now", "Add")
        for text in (self.name, self.trigger):
            text.textChanged.connect(self._refresh)
        self.task.currentTextChanged.connect(self._refresh)
        self.add_button.clicked.connect(self._submit)
        self._refresh()

    def new_lora(self) -> NewLora:
        """What was typed; empty fields are filled in by the service."""
        return NewLora(
            mask_type=self._mask_type(),
            name=self.name.text().strip(),
            trigger=self.trigger.text().strip(),
            prompt=self.prompt.text().strip() if self.prompt.isModified() else "",
            scale=self.scale.value(),
            licence=self.licence.text().strip() or "not stated",
        )

    def refuse(self, sentence: str) -> None:
        """Say why it was not registered, and let the operator correct it."""
        self.tell(sentence, "fail")
        self.add_button.setEnabled(True)

    # -- inside -------------------------------------------------------------------------------------------------

    def _is_color(self) -> bool:
        return self.task.said() == COLOR.lower()

    def _mask_type(self) -> str:
        return "" if self._is_color() else self.task.said()

    def _replaced(self) -> list[str]:
        return replaced_by(self._states, self.name.text().strip(), self._mask_type())

    def _refresh(self) -> None:
        is_said = bool(self.task.said())
        known = [state.entry for state in self._states]
        prompt, _ = proposed_prompt(self._mask_type(), self.trigger.text().strip(), known) if is_said else ("", "")
        if not self.prompt.isModified():
            self.prompt.setText(prompt)
            self.prompt.setCursorPosition(0)
        self.prompt.setToolTip("{garment} stands for the garment's name")
        replaced = self._replaced()
        self.add_button.setText("Replace" if replaced else "Add")
        self.add_button.setEnabled(is_said)
        if replaced:
            self.tell(f"Takes the place of your {', '.join(replaced)}; its file stays.", "warn")
        else:
            self.tell("" if is_said else "Say what it is for.")

    def _submit(self) -> None:
        self.add_button.setEnabled(False)
        self.tell("Copying…")
        self.submitted.emit(self.new_lora(), bool(self._replaced()))
