"""The model that is trained on: whether it is there, and how to get it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from gui import preferences
from gui.context import WindowContext
from gui.look import theme
from gui.phrases import at_home, capital
from gui.training.facts import ModelFacts, read_model
from gui.widgets.drop_zone import button_for
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.model_card import ModelCard


class BaseModelCard(ModelCard):
    """The model of the Models page unless another was chosen for training."""

    changed = Signal()

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__("Base model", parent)
        self._context = context
        self._facts: ModelFacts | None = None
        self._looks = 0
        self.where = ElidedLabel("caption")
        self.column.addWidget(self.where)
        self.problem = self.add_text("caption")
        self._to_models = QPushButton("Get it on the Models page")
        self._to_models.clicked.connect(context.actions["show_models"].trigger)
        self.column.addWidget(self._to_models, 0, Qt.AlignmentFlag.AlignLeft)
        row = QHBoxLayout()
        row.setSpacing(theme.SMALL)
        self._usual = button_for(context.actions["usual_training_model"])
        for button in (button_for(context.actions["training_model"]), self._usual):
            row.addWidget(button)
        row.addStretch()
        self.column.addLayout(row)
        context.actions.on("training_model", self._choose)
        context.actions.on("usual_training_model", lambda: self._use(None))
        self.set_state("Looking…", "text_faint")
        self._show_buttons()

    @property
    def facts(self) -> ModelFacts | None:
        """What was found; None while nobody has looked."""
        return self._facts

    def look(self) -> None:
        """Look at the model in the background."""
        chosen = preferences.training_model() or preferences.kontext_model()
        self._looks += 1
        look = self._looks

        def done(facts: ModelFacts) -> None:
            if look == self._looks:
                self._show(facts)

        self._context.bridge.run_in_background(lambda: read_model(chosen), done, self._context.report)

    def refresh_actions(self) -> None:
        """Switch this card's commands on where they make sense."""
        is_here = self.isVisible()
        self._context.actions["training_model"].setEnabled(is_here)
        self._context.actions["usual_training_model"].setEnabled(is_here and preferences.training_model() is not None)
        self._show_buttons()

    # -- inside -------------------------------------------------------------------------------------------------

    def _show(self, facts: ModelFacts) -> None:
        self._facts = facts
        self.set_state(*(("Missing", "warn") if facts.problem else ("Found", "pass_")))
        self.where.show_text(at_home(facts.path.as_posix()))
        self.problem.setText(f"{at_home(capital(facts.problem))}. Training needs it." if facts.problem else "")
        self.problem.setToolTip(facts.remedy)
        self.problem.setVisible(bool(facts.problem))
        self.where.setVisible(not facts.problem)
        self.refresh_actions()
        self.changed.emit()

    def _show_buttons(self) -> None:
        self._to_models.setVisible(self._facts is not None and bool(self._facts.problem))
        self._usual.setVisible(preferences.training_model() is not None)

    def _choose(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Train on the model in this folder (diffusers)")
        if folder:
            self._use(Path(folder))

    def _use(self, path: Path | None) -> None:
        preferences.set_training_model(path)
        self.look()
