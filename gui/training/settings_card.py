"""What is trained, on which model, with which settings; and beginning it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QFrame, QLineEdit, QPushButton, QVBoxLayout, QWidget

from engine.domain.datasets import DatasetKind
from engine.domain.errors import UsageError
from engine.domain.training import TrainingSettings, default_settings
from engine.services.doctor import GraphicsCard
from gui import preferences
from gui.look import theme
from gui.look.icons import icon
from gui.phrases import capital
from gui.training import memory_words
from gui.training.facts import ModelFacts, SetFacts
from gui.training.settings_fields import FOLDED, VISIBLE, FieldOf, SettingField
from gui.widgets.form_dialog import FieldGrid

_NAMES = 112  # pixels: one width, so that all fields stand below one another


class SettingsCard(QFrame):
    """Begins with the settings of the published LoRAs of the set's kind; what is changed holds until another kind."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("panel", True)
        self._kind = DatasetKind.MASK
        self._card: GraphicsCard | None = None
        self._has_looked = False
        self._model: ModelFacts | None = None
        self.name = QLineEdit()
        self.name.setAccessibleName("Name of the LoRA")
        self.name.setToolTip("Of the LoRA and its files")
        self._fields = {of.name: SettingField(of) for of in (*VISIBLE, *(of for _, group in FOLDED for of in group))}
        self.fold = QPushButton(" More")
        self.fold.setProperty("disclosure", True)
        self.fold.setObjectName("training_settings")  # by which it is remembered whether it is unfolded
        self.fold.setCheckable(True)
        self.fold.setIconSize(QSize(14, 14))
        self.memory, self.warning = theme.label("", "caption"), theme.label("", "caption")
        for text in (self.memory, self.warning):
            text.setWordWrap(True)
        theme.set_ink(self.warning, "warn")
        self._build_layout()
        self.apply(default_settings(self._kind))
        self.fold.toggled.connect(self._unfold)
        self._unfold(False)
        self.name.textChanged.connect(self._refresh)
        for field in self._fields.values():
            field.changed.connect(self._refresh)
        self._refresh()

    # -- what the page calls ------------------------------------------------------------------------------------

    def set_dataset(self, facts: SetFacts | None) -> None:
        """Propose a name, and the settings of the kind where it is another one."""
        if facts is None:
            return
        self.name.setPlaceholderText(_proposed_name(facts))
        if facts.kind is not self._kind:
            self._kind = facts.kind
            self.apply(default_settings(facts.kind))
        self._refresh()

    def set_card(self, card: GraphicsCard | None) -> None:
        """Estimate for this card; None: there is none."""
        self._card, self._has_looked = card, True
        self._refresh()

    def set_model(self, model: ModelFacts) -> None:
        """Memory is estimated for FLUX.1 Kontext alone."""
        self._model = model
        self._refresh()

    def apply(self, settings: TrainingSettings) -> None:
        """Show these settings."""
        for name, field in self._fields.items():
            field.widget.blockSignals(True)
            field.show(getattr(settings, name))
            field.widget.blockSignals(False)
        self._refresh()

    def settings(self) -> TrainingSettings:
        """What was chosen; what has no field is as usual for the kind.

        Raises
        ------
        UsageError
            A field cannot be read, or is out of its range.
        """
        values: dict[str, Any] = {name: field.value() for name, field in self._fields.items()}
        try:
            return replace(default_settings(self._kind), **values)
        except UsageError as error:
            text = error.what
            for field in self._fields.values():
                text = text.replace(field.of.name, field.of.text.lower())
            raise UsageError(text, remedy=error.remedy) from None

    def lora_name(self) -> str:
        """What was typed, or what is proposed."""
        return self.name.text().strip() or self.name.placeholderText()

    def problem(self) -> str:
        """What is wrong with the fields; empty where nothing is."""
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", self.lora_name() or "a"):
            return "The name may have letters, digits, hyphens and full stops."
        try:
            self.settings()
        except UsageError as error:
            return f"{capital(error.what)}. {error.remedy}"
        return ""

    # -- inside -------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        problem = self.problem()
        memory, warning = "", problem
        if not problem and (self._model is None or self._model.is_flux):
            settings = self.settings()
            memory = memory_words.estimate(settings)
            if self._has_looked:
                words, fits = memory_words.here(settings, self._card, preferences.vram_tier())
                memory, warning = (f"{memory} {words}", "") if fits else (memory, words)
        elif not problem:
            memory = "A small model; memory is not estimated for it."
        self.memory.setText(memory)
        self.memory.setVisible(bool(memory))
        self.warning.setText(warning)
        self.warning.setVisible(bool(warning))
        theme.set_ink(self.warning, "fail" if problem else "warn")
        self.changed.emit()

    def _unfold(self, unfolded: bool) -> None:
        self._more.setVisible(unfolded)
        self.fold.setIcon(icon("chevron-down" if unfolded else "chevron-right", "text_quiet"))

    # -- layout -------------------------------------------------------------------------------------------------

    def _build_layout(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.LARGE, theme.MEDIUM, theme.LARGE, theme.LARGE)
        column.setSpacing(theme.SMALL)
        column.addWidget(theme.label("Training", "heading"))
        shown = FieldGrid(_NAMES, 6)
        _add(shown, "Name", self.name)
        self._add_fields(shown, VISIBLE)
        column.addLayout(shown)
        column.addWidget(self.fold)
        self._more = QWidget()
        more = QVBoxLayout(self._more)
        more.setContentsMargins(0, 0, 0, 0)
        more.setSpacing(theme.SMALL)
        for title, group in FOLDED:
            more.addWidget(theme.label(title, "body"))
            grid = FieldGrid(_NAMES, 6)
            self._add_fields(grid, group)
            more.addLayout(grid)
            more.addSpacing(theme.TIGHT)
        column.addWidget(self._more)
        column.addWidget(self.memory)
        column.addWidget(self.warning)

    def _add_fields(self, grid: FieldGrid, group: tuple[FieldOf, ...]) -> None:
        for of in group:
            _add(grid, of.text, self._fields[of.name].widget)


def _add(grid: FieldGrid, text: str, field: QWidget) -> None:
    # In a column that scrolls nothing may be squeezed while its texts find their heights.
    field.ensurePolished()
    field.setMinimumHeight(field.sizeHint().height())
    grid.add(text, field)


def _proposed_name(facts: SetFacts) -> str:
    """As the command line proposes, without the word that says it is a set."""
    stem = re.sub(r"[^a-z0-9]+", "-", facts.folder.name.lower()).strip("-")
    return re.sub(r"-set(-\d+)?$", r"\1", stem) or "lora"
