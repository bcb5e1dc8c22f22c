"""The runs of the training folder: which is shown, and which one is at work. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from engine.domain.errors import KnownError
from engine.domain.training import Broken, Finished, TrainingEvent, TrainingJob, TrainingSettings
from engine.services.training import RunState, RunStatus, go_on, run_status
from gui.context import WindowContext
from gui.training.facts import read_run, read_story
from gui.training.live_run import LiveRun
from gui.training.run_words import without_options
from gui.training.story import RunStory


class Runs(QObject):
    """One run is shown, and at most one is at work; mostly they are the same."""

    changed = Signal()
    """Another run is shown, or the shown one has told something."""

    stood = Signal()
    """A run has begun or ended."""

    finished = Signal(object)
    """The `RunStory` of a run that has just finished."""

    def __init__(self, context: WindowContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._live: tuple[LiveRun, RunStory] | None = None
        self._shown: tuple[Path, RunStory, RunStatus | None] | None = None
        self._wanted: Path | None = None
        self._is_looking = False
        self._is_starting = False

    # -- what is shown ------------------------------------------------------------------------------------------

    @property
    def folder(self) -> Path | None:
        """Of the run that is shown."""
        return self._shown[0] if self._shown is not None else None

    @property
    def story(self) -> RunStory | None:
        return self._shown[1] if self._shown is not None else None

    @property
    def status(self) -> RunStatus | None:
        """How the shown run stands by its folder; None while this window has it at work."""
        return self._shown[2] if self._shown is not None else None

    def show(self, folder: Path | None) -> None:
        """Read a run's log in the background, and show it."""
        self._wanted = folder
        if folder is None:
            self._shown = None
            self.changed.emit()
            return
        if self._live is not None and self._live[0].folder == folder:
            self._shown = folder, self._live[1], None
            self.changed.emit()
            return

        def done(read: tuple[RunStory, RunStatus]) -> None:
            is_live = self._live is not None and self._live[0].folder == folder
            if self._wanted == folder and not is_live:
                self._shown = folder, *read
                self.changed.emit()

        self._context.bridge.run_in_background(lambda: read_run(folder), done, self._context.report)

    def look(self) -> None:
        """Look whether another program has begun, gone on with or ended the shown run; if so, it is read again."""
        folder, before = self.folder, self.status
        if folder is None or before is None or self._is_looking:
            return
        self._is_looking = True

        def done(status: RunStatus) -> None:
            self._is_looking = False
            if status != before and self._shown is not None and self._shown[2] is before:
                self.show(folder)
                if status.state is not before.state:
                    self.stood.emit()

        def failed(error: Exception) -> None:
            self._is_looking = False
            self._shown = None  # it is gone; said once
            self._context.report(error)
            self.changed.emit()

        self._context.bridge.run_in_background(lambda: run_status(folder), done, failed)

    # -- what is at work ----------------------------------------------------------------------------------------

    @property
    def live(self) -> LiveRun | None:
        """The run that is at work."""
        return self._live[0] if self._live is not None else None

    @property
    def live_story(self) -> RunStory | None:
        return self._live[1] if self._live is not None else None

    @property
    def is_shown_live(self) -> bool:
        """Whether the run that is shown is the one at work."""
        return self._live is not None and self._live[0].folder == self.folder

    def start(self, prepare: Callable[[], tuple[TrainingJob, Path]]) -> None:
        """Have a run prepared in the background, and begin it; what goes wrong is reported."""
        if self._live is not None or self._is_starting:
            return
        self._is_starting = True

        def done(prepared: tuple[TrainingJob, Path]) -> None:
            job, folder = prepared
            self._follow(folder, RunStory(job))

        self._context.bridge.run_in_background(prepare, done, self._failed)

    def go_on(self, settings: TrainingSettings | None = None) -> None:
        """Go on with the run that is shown, with more steps where settings are given."""
        folder = self.folder
        if folder is None or self._live is not None or self._is_starting:
            return
        self._is_starting = True

        def work() -> RunStory:
            go_on(folder, settings)
            return read_story(folder)

        self._context.bridge.run_in_background(work, lambda story: self._follow(folder, story), self._failed)

    def leave(self) -> None:
        """The window closes: have what is at work end (`LiveRun.leave`), without waiting for it."""
        if self._live is not None:
            self._live[0].leave()

    # -- inside -------------------------------------------------------------------------------------------------

    def _failed(self, error: Exception) -> None:
        self._is_starting = False
        self._context.report(error)

    def _follow(self, folder: Path, story: RunStory) -> None:
        self._is_starting = False
        story.begin()
        live = LiveRun(folder, self._context.services.torch, self._context.bridge, self)
        live.told.connect(self._tell)
        live.ended.connect(self._end)
        self._live, self._wanted, self._shown = (live, story), folder, (folder, story, None)
        self.stood.emit()
        self.changed.emit()

    def _tell(self, event: TrainingEvent) -> None:
        if self._live is None:
            return
        self._live[1].tell(event)
        if self.is_shown_live:
            self.changed.emit()

    def _end(self, error: Exception | None) -> None:
        assert self._live is not None
        live, story = self._live
        self._live = None
        live.deleteLater()
        if error is not None and not live.is_stopping:
            if isinstance(error, KnownError):
                error.remedy = without_options(error.remedy)
                self._break(live.folder, story, error)
            self._context.report(error)
        elif isinstance(story.ending, Finished):
            self.finished.emit(story)
        self.stood.emit()
        self.changed.emit()

    def _break(self, folder: Path, story: RunStory, error: KnownError) -> None:
        """Show what a run broke off on, until its folder is read again, which keeps it."""
        if self.folder == folder:
            broken = Broken(error.what, error.remedy, "", error.retryable, story.step)
            self._shown = folder, story, RunStatus(story.job, RunState.BROKEN, story.step, None, broken)
