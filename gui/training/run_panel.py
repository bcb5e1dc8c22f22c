"""A training run: how it stands, its loss, and what the model paints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from engine.services.training import RunState
from gui.context import WindowContext
from gui.look import theme
from gui.phrases import capital
from gui.training.curve import LossCurve
from gui.training.facts import RunFacts
from gui.training.run_words import Words, about, figures, live_words, resting_words
from gui.training.runs import Runs
from gui.training.samples import SamplesView
from gui.training.story import RunStory
from gui.widgets.drop_zone import button_for
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.empty_state import EmptyState
from gui.widgets.progress_line import ProgressLine

_REPAINT_MS = 120
_SAMPLES_SHARE = 0.45  # of the height, at most; the curve has the rest
_LOOK_MS = 3_000
"""Between two looks whether another program has the shown run at work."""

_SHARED = "Batches go on meanwhile; jobs that need FLUX.1 Kontext share the graphics card with the training."
_SHARED_CORES = "Batches go on meanwhile, and share the processor with the training."
_ELSEWHERE = "{} has it at work: a command line, or another window. This page follows it; pause it there."
_STATES = {
    RunState.WAITING: "Not begun",
    RunState.AT_WORK: "At work elsewhere",
    RunState.STOPPED: "Stopped",
    RunState.PAUSED: "Paused",
    RunState.BROKEN: "Broken off",
    RunState.FINISHED: "Finished",
}
_BUTTONS = ("pause_training", "stop_training", "go_on_training", "run_figures", "register_run")


class RunPanel(QWidget):
    """Shows what `Runs` has; what a fast run tells is painted some eight times a second."""

    progressed = Signal(str)
    """How far the run at work is, in per cent; empty while none is."""

    def __init__(self, context: WindowContext, runs: Runs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context, self._runs = context, runs
        self._facts: tuple[RunFacts, ...] = ()
        self._is_focus_owed = False
        self.choice = QComboBox()
        self.choice.setAccessibleName("Training run")
        self.choice.setToolTip("The runs of the training folder, the newest first")
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.choice.setMinimumContentsLength(16)
        self.choice.activated.connect(lambda row: runs.show(self.choice.itemData(row)))
        self._dot = QLabel()
        self._dot.setFixedSize(8, 8)
        self.state = theme.label("", "heading")
        self.doing, self.left = ElidedLabel("body"), theme.label("", "quiet")
        self.line = ProgressLine()
        self.figures, self.about = ElidedLabel("caption"), ElidedLabel("caption")
        self.problem, self.shared = theme.label("", "body"), theme.label(_SHARED, "caption")
        for text in (self.problem, self.shared):
            text.setWordWrap(True)
        self.problem.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        theme.set_ink(self.problem, "fail")
        self.curve, self.samples = LossCurve(), SamplesView(context.bridge)
        self.empty = EmptyState(())
        self.empty.say(
            "Nothing was trained yet",
            "Build a data set, look at what its check found, and start. Ten good pairs make a LoRA.",
            offers=False,
        )
        self._repaint = QTimer(self)
        self._repaint.setSingleShot(True)
        self._repaint.setInterval(_REPAINT_MS)
        self._repaint.timeout.connect(self._show)
        self._build_layout()
        self._looking = QTimer(self)
        self._looking.setInterval(_LOOK_MS)
        self._looking.timeout.connect(runs.look)
        runs.changed.connect(self._show_soon)
        runs.stood.connect(self._show)
        self._show()

    def set_runs(self, facts: Sequence[RunFacts]) -> None:
        """List these; the shown one stays, or else the newest is shown."""
        self._facts = tuple(facts)
        shown = self._runs.folder
        folders = [run.folder for run in facts]
        if shown not in folders and self._runs.live is None:
            self._runs.show(folders[0] if folders else None)
        elif shown is not None and not self._runs.is_shown_live:
            self._runs.show(shown)  # its log may have grown
        self._list()
        self._show()

    def words(self) -> Words | None:
        """How the shown run stands."""
        story, live = self._runs.story, self._runs.live
        if story is None:
            return None
        if live is not None and self._runs.is_shown_live:
            return live_words(story, is_pausing=live.is_pausing, is_stopping=live.is_stopping)
        return resting_words(story, self._runs.status)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.samples.set_room(round(self.height() * _SAMPLES_SHARE))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._looking.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._looking.stop()

    # -- inside -------------------------------------------------------------------------------------------------

    def _list(self) -> None:
        self.choice.clear()
        for run in self._facts:
            status = run.status
            state = "At work" if self._is_live(run.folder) else _STATES[status.state]
            far = f" at {status.step:,}" if status.state in (RunState.PAUSED, RunState.STOPPED, RunState.BROKEN) else ""
            self.choice.addItem(f"{run.folder.name} · {state}{far}", run.folder)
            self.choice.setItemData(self.choice.count() - 1, str(run.folder), Qt.ItemDataRole.ToolTipRole)

    def _is_live(self, folder: Path) -> bool:
        return self._runs.live is not None and self._runs.live.folder == folder

    def _show_soon(self) -> None:
        if not self._repaint.isActive():
            self._repaint.start()

    def _show(self) -> None:
        story, words = self._runs.story, self.words()
        has_run = story is not None and words is not None
        self.empty.setVisible(not has_run and not self._facts)
        self._content.setVisible(has_run)
        self.choice.setVisible(bool(self._facts))
        row = next((row for row, run in enumerate(self._facts) if run.folder == self._runs.folder), -1)
        if row >= 0 and row != self.choice.currentIndex():
            self.choice.setCurrentIndex(row)
        if story is not None and words is not None:
            theme.set_dot(self._dot, words.ink)
            self.state.setText(words.state)
            self.doing.show_text(words.doing)
            self.left.setText(words.left)
            self.line.set_shares(((words.share, "pass_" if words.ink == "pass_" else "accent"),))
            self.figures.show_text(figures(story))
            self.figures.setVisible(story.last is not None)
            self.about.show_text(about(story))
            self.problem.setText(words.problem)
            self.problem.setVisible(bool(words.problem))
            self._say_whose(story)
            self.curve.show_story(story)
            self.samples.show_story(story, self._runs.folder or Path())
        live = self._runs.live_story
        self.progressed.emit(f"{live.step / max(1, live.total):.0%}" if live is not None else "")
        self.refresh_actions()

    def _say_whose(self, story: RunStory) -> None:
        """Below the figures: what a run at work shares with the batches, or that it is another program's."""
        holder = self._holder()
        if holder:
            text = _ELSEWHERE.format(capital(holder))
        else:
            is_here = story.prepared is not None and story.prepared.plan.device == "cpu"
            text = _SHARED_CORES if is_here else _SHARED
        self.shared.setText(text)
        self.shared.setVisible(bool(holder) or self._runs.is_shown_live)

    def _holder(self) -> str:
        """The other program that has the shown run at work; empty where none has."""
        status = self._runs.status
        return str(status.holder) if status is not None and status.holder is not None else ""

    def refresh_actions(self) -> None:
        """Switch the run's commands on where they make sense."""
        actions, is_here, story, live = self._context.actions, self.isVisible(), self._runs.story, self._runs.live
        focused = next((button for button in self._buttons.values() if button.hasFocus()), None)
        is_live = self._runs.is_shown_live
        can_pause = live is not None and is_live and not live.is_pausing and not live.is_stopping
        is_finished = story is not None and story.is_finished
        actions["pause_training"].setEnabled(is_here and can_pause)
        actions["stop_training"].setEnabled(is_here and is_live and live is not None and not live.is_stopping)
        actions["go_on_training"].setText("Train longer…" if is_finished and not is_live else "Go on")
        is_elsewhere = bool(self._holder())
        actions["go_on_training"].setEnabled(is_here and story is not None and live is None and not is_elsewhere)
        has_file = story is not None and bool(story.saved)
        actions["register_run"].setEnabled(is_here and has_file)
        # The card has no room for a training and the model that paints.
        actions["run_figures"].setEnabled(is_here and has_file and live is None and not is_elsewhere)
        actions["open_run"].setEnabled(is_here and story is not None)
        for name, is_shown in (
            ("pause_training", is_live), ("stop_training", is_live),
            ("go_on_training", story is not None and not is_live and not is_elsewhere),
            ("register_run", has_file and not is_live), ("run_figures", has_file and not is_live and not is_elsewhere),
        ):  # fmt: skip
            self._buttons[name].setVisible(is_shown)
        if is_here:
            self._keep_focus(focused)

    def _keep_focus(self, focused: QPushButton | None) -> None:
        """Buttons come and go with the run. The focus stays with what pauses it and goes on with it, and waits on the
        curve while neither can be: of itself it would go on to *Stop at once*, which the next press would give.
        """
        is_lost = focused is not None and not _is_usable(focused)
        self._is_focus_owed = self._is_focus_owed and self.curve.hasFocus()
        if is_lost or self._is_focus_owed:
            ways = (self._buttons[name] for name in ("go_on_training", "pause_training"))
            way = next((button for button in ways if _is_usable(button)), None)
            (way or self.curve).setFocus()
            self._is_focus_owed = way is None

    # -- layout -------------------------------------------------------------------------------------------------

    def _build_layout(self) -> None:
        self._buttons = {name: button_for(self._context.actions[name]) for name in _BUTTONS}
        head = QHBoxLayout()
        head.setSpacing(theme.SMALL)
        head.addWidget(self.choice, 1)
        for button in self._buttons.values():
            head.addWidget(button)
        panel = QFrame()
        panel.setProperty("panel", True)
        first = QHBoxLayout()
        first.setSpacing(theme.SMALL)
        first.addWidget(self._dot, 0, Qt.AlignmentFlag.AlignVCenter)
        first.addWidget(self.state)
        first.addSpacing(theme.TIGHT)
        first.addWidget(self.doing, 1)
        first.addWidget(self.left)
        inner = QVBoxLayout(panel)
        inner.setContentsMargins(theme.LARGE, theme.MEDIUM, theme.LARGE, theme.MEDIUM)
        inner.setSpacing(6)
        inner.addLayout(first)
        inner.addWidget(self.line)
        for text in (self.problem, self.figures, self.about, self.shared):
            inner.addWidget(text)
        self._content = QWidget()
        content = QVBoxLayout(self._content)
        content.setContentsMargins(0, 0, 0, 0)
        content.setSpacing(theme.MEDIUM)
        content.addWidget(panel)
        content.addWidget(self.curve, 1)
        content.addWidget(self.samples)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.MEDIUM)
        layout.addLayout(head)
        layout.addWidget(self._content, 1)
        layout.addWidget(self.empty, 1)


def _is_usable(button: QPushButton) -> bool:
    return button.isEnabled() and not button.isHidden()
