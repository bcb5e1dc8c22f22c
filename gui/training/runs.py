"""The runs of the training folder: which is shown, and which one is at work. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from engine.domain.errors import KnownError
from engine.domain.training import Finished, TrainingEvent, TrainingJob, TrainingSettings
from engine.services.training import go_on
from gui.context import WindowContext
from gui.training.facts import read_story
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
        self._shown: tuple[Path, RunStory] | None = None
        self._wanted: Path | None = None
        self._errors: dict[Path, KnownError] = {}
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
    def error(self) -> KnownError | None:
        """What the shown run ended on in this window."""
        return self._errors.get(self.folder) if self.folder is not None else None

    def show(self, folder: Path | None) -> None:
        """Read a run's log in the background, and show it."""
        self._wanted = folder
        if folder is None:
            self._shown = None
            self.changed.emit()
            return
        if self._live is not None and self._live[0].folder == folder:
            self._shown = folder, self._live[1]
            self.changed.emit()
            return

        def done(story: RunStory) -> None:
            is_live = self._live is not None and self._live[0].folder == folder
            if self._wanted == folder and not is_live:
                self._shown = folder, story
                self.changed.emit()

        self._context.bridge.run_in_background(lambda: read_story(folder), done, self._context.report)

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
        """The window closes: pause what is at work."""
        if self._live is not None:
            self._live[0].leave()

    # -- inside -------------------------------------------------------------------------------------------------

    def _failed(self, error: Exception) -> None:
        self._is_starting = False
        self._context.report(error)

    def _follow(self, folder: Path, story: RunStory) -> None:
        self._is_starting = False
        story.begin()
        self._errors.pop(folder, None)
        live = LiveRun(folder, self._context.services.torch, self._context.bridge, self)
        live.told.connect(self._tell)
        live.ended.connect(self._end)
        self._live, self._wanted, self._shown = (live, story), folder, (folder, story)
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
        if isinstance(error, KnownError) and not live.is_stopping:
            error.remedy = without_options(error.remedy)
            self._errors[live.folder] = error
            self._context.report(error)
        elif isinstance(story.ending, Finished):
            self.finished.emit(story)
        self.stood.emit()
        self.changed.emit()
