"""What an operator says of a LoRA file that was found good: what it is for and how it is prompted."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.services.lora_files import LoraReport, LoraState, NewLora, proposed_name, proposed_prompt
from gui.look import theme
from gui.look.palette import Ink

_WIDTH = 560
COLOR = "Colour match"


class LoraForm(QDialog):
    """Stays open until the LoRA is registered, so that a refusal costs no typing."""

    submitted = Signal(object, bool)
    """A `NewLora`, and whether it takes the place of another of the operator's own."""

    def __init__(self, report: LoraReport, states: Sequence[LoraState], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("lora_form")
        self.setWindowTitle("Add LoRA")
        self.setFixedWidth(_WIDTH)
        self._states = list(states)
        self.task = QComboBox()
        self.task.setEditable(True)
        self.task.addItems([*dict.fromkeys(s.entry.mask_type for s in states if s.entry.mask_type), COLOR])
        self.task.setCurrentText("")
        line = self.task.lineEdit()
        assert line is not None
        line.setPlaceholderText("What it paints green: hat, scarf, …")
        self.name, self.prompt, self.trigger = QLineEdit(proposed_name(report.path)), QLineEdit(), QLineEdit()
        self.licence = QLineEdit()
        self.licence.setPlaceholderText("A note for your colleagues")
        self.trigger.setPlaceholderText("None")
        self.scale = QDoubleSpinBox()
        self.scale.setRange(0.05, 2.0)
        self.scale.setSingleStep(0.05)
        self.scale.setValue(1.0)
        self.scale.setFixedWidth(80)
        # A style sheet's padding is not heeded inside a spin box.
        self.scale.lineEdit().setTextMargins(6, 0, 0, 0)
        self.scale.setToolTip("1 is the strength of its training")
        fields = QFormLayout()
        fields.setHorizontalSpacing(theme.MEDIUM)
        fields.setVerticalSpacing(theme.SMALL)
        fields.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        for text, field in (
            ("For", self.task), ("Name", self.name), ("Prompt", self.prompt), ("Trigger word", self.trigger),
            ("Scale", self.scale), ("Licence", self.licence),
        ):  # fmt: skip
            fields.addRow(theme.label(text, "quiet"), field)
        facts = theme.label("\n".join([f"{report.sentence()}.", *report.notices]), "caption")
        facts.setWordWrap(True)
        self.message = theme.label("", "caption")
        self.message.setWordWrap(True)
        self.add_button, cancel = QPushButton("Add"), QPushButton("Cancel")
        self.add_button.setObjectName("add_lora_now")
        self.add_button.setProperty("primary", True)
        self.add_button.setDefault(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SMALL)
        buttons.addWidget(self.message, 1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.add_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.WIDE, theme.WIDE, theme.WIDE, theme.LARGE)
        layout.setSpacing(theme.MEDIUM)
        layout.addWidget(theme.label(report.path.name, "heading"))
        layout.addWidget(facts)
        layout.addSpacing(theme.TIGHT)
        layout.addLayout(fields)
        layout.addSpacing(theme.SMALL)
        layout.addLayout(buttons)
        for text in (self.name, self.trigger):
            text.textChanged.connect(self._refresh)
        self.task.currentTextChanged.connect(self._refresh)
        self.add_button.clicked.connect(self._submit)
        cancel.clicked.connect(self.reject)
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
        self._tell(sentence, "fail")
        self.add_button.setEnabled(True)

    # -- inside -------------------------------------------------------------------------------------------------

    def _is_color(self) -> bool:
        return self.task.currentText().strip().casefold() == COLOR.casefold()

    def _mask_type(self) -> str:
        return "" if self._is_color() else self.task.currentText().strip().lower()

    def _replaced(self) -> list[str]:
        name, mask_type = self.name.text().strip(), self._mask_type()
        return [
            state.entry.name
            for state in self._states
            if state.own and (state.entry.name == name or (mask_type and state.entry.mask_type == mask_type))
        ]

    def _refresh(self) -> None:
        is_said = self._is_color() or bool(self._mask_type())
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
            self._tell(f"Takes the place of your {', '.join(replaced)}; its file stays.", "warn")
        else:
            self._tell("" if is_said else "Say what it is for.", "text_quiet")

    def _tell(self, text: str, ink: Ink) -> None:
        self.message.setText(text)
        theme.set_ink(self.message, ink)

    def _submit(self) -> None:
        self.add_button.setEnabled(False)
        self._tell("Copying…", "text_quiet")
        self.submitted.emit(self.new_lora(), bool(self._replaced()))
