"""Training: data sets, LoRAs that are trained on them, and what comes of it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from engine.domain.errors import Cancelled
from engine.services.doctor import GraphicsCard
from gui import preferences
from gui.context import WindowContext
from gui.look import theme
from gui.training.base_model_card import BaseModelCard
from gui.training.facts import TrainingFacts, read_training
from gui.training.figures import Measuring
from gui.training.figures_dialog import FiguresDialog
from gui.training.longer_question import LongerQuestion
from gui.training.place import TrainingPlace
from gui.training.registering import Registering
from gui.training.run_panel import RunPanel
from gui.training.run_words import leaving_words
from gui.training.runs import Runs
from gui.training.set_card import SetCard
from gui.training.set_dialog import SetDialog
from gui.training.set_list import Check
from gui.training.settings_card import SettingsCard
from gui.training.starting import prepare
from gui.training.story import RunStory
from gui.widgets.card_column import card_column
from gui.widgets.drop_zone import button_for


class TrainingPage(QWidget):
    """Reads the training folder in the background each time it is shown."""

    registered = Signal()
    """A LoRA of a run was entered in the registry."""

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._looks = 0
        self._taken: tuple[str, ...] = ()
        self._asks_card = False
        self._dialog: SetDialog | None = None
        self.sets, self.settings, self.model = SetCard(context), SettingsCard(), BaseModelCard(context)
        self.runs = Runs(context, self)
        self.panel = RunPanel(context, self.runs)
        self.registering, self.measuring = Registering(context, self), Measuring(context, self)
        self.figures: FiguresDialog | None = None
        self.longer: LongerQuestion | None = None
        self.place = TrainingPlace(context)
        self.why_not = theme.label("", "caption")
        self.why_not.setWordWrap(True)
        self._build_layout()
        self._connect()

    # -- what the window calls ----------------------------------------------------------------------------------

    @property
    def folder(self) -> Path:
        """The training folder."""
        return self.place.folder

    def reload(self) -> None:
        """Look through the training folder again, in the background."""
        folder = self.folder
        self.place.show_path()
        self._looks += 1
        look = self._looks

        def done(facts: TrainingFacts) -> None:
            if look == self._looks:
                self._show_facts(facts)

        self._context.bridge.run_in_background(lambda: read_training(folder), done, self._context.report)
        self.model.look()

    @property
    def is_busy(self) -> bool:
        """Whether a run is at work."""
        return self.runs.live is not None

    def progress(self) -> tuple[int, int]:
        """Steps that are done, and all, of the run at work."""
        story = self.runs.live_story
        return (story.step, story.total) if story is not None else (0, 0)

    def leaving(self) -> str:
        """What of the run at work a closing window waits for; empty where nothing is."""
        live, story = self.runs.live, self.runs.live_story
        return leaving_words(story, is_stopping=live.is_stopping) if live is not None and story is not None else ""

    def stop(self) -> None:
        """End what is built, checked and asked, and have the run at work end; the window closes."""
        self.sets.stop()
        self.measuring.stop()
        self._context.services.torch.stop()
        self.runs.leave()

    def refresh_actions(self) -> None:
        """Switch this page's commands on where they make sense."""
        actions, is_here = self._context.actions, self.isVisible()
        why = self._why_not()
        self.why_not.setText(why)
        self.why_not.setVisible(bool(why))
        actions["train"].setEnabled(is_here and not why)
        actions["training_folder"].setEnabled(is_here and not self.is_busy and not self.sets.is_building)
        actions["read_training"].setEnabled(is_here)
        self.sets.refresh_actions()
        self.model.refresh_actions()
        self.panel.refresh_actions()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.reload()
        self._ask_card()

    # -- commands -----------------------------------------------------------------------------------------------

    def new_set(self) -> None:
        """Ask what a new data set shall be, and build it."""
        if self._dialog is not None:
            return
        dialog = SetDialog(self._context, self.folder, self._taken, self)
        dialog.ordered.connect(self.sets.build)
        dialog.finished.connect(self._forget_dialog)
        self._dialog = dialog
        dialog.open()

    @property
    def dialog(self) -> SetDialog | None:
        """What is being filled in."""
        return self._dialog

    def train(self) -> None:
        """Begin a run on the chosen set."""
        facts, model = self.sets.facts(), self.model.facts
        if facts is None or model is None or self._why_not():
            return
        folder, settings, name = self.folder, self.settings.settings(), self.settings.lora_name()
        tier = preferences.vram_tier()
        self.runs.start(lambda: prepare(facts, model.path, settings, name, folder, tier))

    def go_on(self) -> None:
        """Go on with the shown run; one that is finished is asked how many steps it shall have."""
        story = self.runs.story
        if story is None or not story.is_finished:
            self.runs.go_on()
            return
        if self.longer is None:
            self.longer = LongerQuestion(story, self)
            self.longer.answered.connect(self.runs.go_on)
            self.longer.finished.connect(self._forget_question)
            self.longer.open()

    # -- inside -------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        actions = self._context.actions
        for name, call in (
            ("new_set", self.new_set), ("train", self.train), ("go_on_training", self.go_on),
            ("pause_training", self._pause), ("stop_training", self._stop_run), ("register_run", self._register),
            ("run_figures", self._show_figures), ("open_run", self._open_run), ("read_training", self.reload),
        ):  # fmt: skip
            actions.on(name, call)
        self.sets.changed.connect(self.reload)
        self.sets.chosen.connect(self._on_set)
        self.settings.changed.connect(self.refresh_actions)
        self.model.changed.connect(self._on_model)
        self.place.changed.connect(self.reload)
        self.runs.stood.connect(self.reload)
        self.runs.stood.connect(self.refresh_actions)
        self.measuring.changed.connect(self.refresh_actions)
        self.runs.finished.connect(self._tell_finished)
        self.registering.registered.connect(self.registered)

    def _show_facts(self, facts: TrainingFacts) -> None:
        self._taken = tuple(path.folder.name for path in (*facts.sets, *facts.runs))
        self.sets.set_sets(facts.sets)
        self.panel.set_runs(facts.runs)
        self.refresh_actions()

    def _why_not(self) -> str:
        """Why no training can be started; empty where one can."""
        facts, check, model = self.sets.facts(), self.sets.check_state(), self.model.facts
        if self.measuring.run is not None:
            return "Checkpoints are being measured, which needs the graphics card."
        if self.is_busy:
            return "One training at a time: another can start when this one has ended or is paused."
        if facts is None:
            return "Choose or build a data set."
        if check is Check.WRONG:
            return "The data set has errors: they are listed above, each with what to do."
        if check in (Check.RUNNING, Check.UNKNOWN):
            return "The data set is being checked." if check is Check.RUNNING else "The data set must be checked first."
        if model is None:
            return "The model is being looked at."
        if model.problem:
            return "The base model is missing."
        return self.settings.problem()

    def _on_set(self) -> None:
        self.settings.set_dataset(self.sets.facts())
        self.refresh_actions()

    def _on_model(self) -> None:
        if self.model.facts is not None:
            self.settings.set_model(self.model.facts)
        self.refresh_actions()

    def _ask_card(self) -> None:
        """Which graphics card there is, once, of another process."""
        if self._asks_card:
            return
        self._asks_card = True

        def failed(error: Exception) -> None:
            if not isinstance(error, Cancelled):
                self._context.report(error)

        def done(card: GraphicsCard | None) -> None:
            self.settings.set_card(card)

        self._context.bridge.run_in_background(self._context.services.torch.graphics_card, done, failed)

    def _tell_finished(self, story: RunStory) -> None:
        self._context.notify(
            f"'{story.job.name}' is trained.", "Look at its samples, then register it on the Training page."
        )

    def _pause(self) -> None:
        if self.runs.live is not None:
            self.runs.live.pause()
            self.runs.changed.emit()

    def _stop_run(self) -> None:
        if self.runs.live is not None:
            self.runs.live.stop()
            self.runs.changed.emit()

    def _register(self) -> None:
        if self.runs.folder is not None and self.runs.story is not None:
            self.registering.ask(self.runs.folder, self.runs.story)

    def _show_figures(self) -> None:
        if self.figures is not None or self.runs.folder is None or self.runs.story is None:
            return
        self.figures = FiguresDialog(self._context, self.measuring, self.runs.folder, self.runs.story, self)
        self.figures.finished.connect(self._forget_figures)
        self.figures.open()

    def _open_run(self) -> None:
        if self.runs.folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.runs.folder)))

    def _forget_dialog(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
        self._dialog = None

    def _forget_figures(self) -> None:
        if self.figures is not None:
            self.figures.deleteLater()
        self.figures = None

    def _forget_question(self) -> None:
        if self.longer is not None:
            self.longer.deleteLater()
        self.longer = None

    # -- layout -------------------------------------------------------------------------------------------------

    def _build_layout(self) -> None:
        start = button_for(self._context.actions["train"], primary=True)
        start.setMinimumHeight(34)
        side = QVBoxLayout()
        side.setSpacing(theme.SMALL)
        side.addWidget(card_column((self.sets, self.settings, self.model, self.place)), 1)
        side.addWidget(self.why_not)
        side.addWidget(start)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.LARGE, theme.LARGE, theme.LARGE)
        layout.setSpacing(theme.LARGE)
        layout.addLayout(side)
        layout.addWidget(self.panel, 1)
