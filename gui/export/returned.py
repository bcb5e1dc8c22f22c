"""What a retoucher saves in the export folder, taken back while the window is open."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from engine.domain.errors import KnownError
from engine.services.given_files import GivenFiles
from engine.services.reimport import Reimported, ReturnedFiles, Settled, returned_list, take_settled
from engine.services.watch_folders import LOOK_EVERY, SETTLE, FolderWatcher, Look, WatchFolder
from engine.services.watch_settings import user_watch_folders
from gui import preferences
from gui.context import WindowContext
from gui.phrases import count


class ReturnedWatch(QObject):
    """Watches the export folder, if that was chosen in the settings. GUI thread only."""

    taken = Signal()
    """New versions are in the queue."""

    def __init__(self, context: WindowContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._watcher: FolderWatcher | None = None
        self._returned: ReturnedFiles | None = None

    def follow(self) -> None:
        """Watch as the settings say now."""
        if not preferences.takes_back():
            self.stop()
            return
        if self._watcher is None:
            bridge = self._context.bridge
            # Given anew in each session: what was taken back is known by the file itself.
            self._watcher = FolderWatcher(
                GivenFiles(None), lambda look: bridge.call(self._on_look, look), every=LOOK_EVERY
            )
        folder = preferences.export_folder() or self._context.services.default_export_folder
        self._watcher.watch([WatchFolder(folder.absolute(), SETTLE)])

    def stop(self) -> None:
        """Watch nothing any more."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None

    # -- inside -------------------------------------------------------------------------------------------------

    def _on_look(self, look: Look) -> None:
        arrival, services = look.arrival, self._context.services
        if arrival is None or self._watcher is None:
            return

        def work() -> Settled:
            if self._returned is None:
                self._returned = ReturnedFiles(returned_list(user_watch_folders(services.catalog_path)))
            # A window that closes waits for the file at hand, not for a whole folder.
            return take_settled(
                services.catalog, services.artifacts, arrival.files, self._returned, lambda: self._watcher is None
            )

        self._context.bridge.run_in_background(work, self._on_settled, self._context.report)

    def _on_settled(self, settled: Settled) -> None:
        if settled.taken:
            self._context.services.dispatcher.wake()
            self._context.notify(*_told(settled.taken))
            self.taken.emit()
        for conflict in settled.conflicts:
            self._context.report(
                KnownError(
                    f"it was not taken back: {' '.join(conflict.why)}".rstrip("."),
                    remedy="'chromask reimport --take' takes it all the same; other versions stay in the history.",
                    path=_short(conflict.path),
                )
            )
        for failure in settled.failures:
            self._context.report(failure)


def _told(taken: tuple[Reimported, ...]) -> tuple[str, str]:
    jobs = sum(len(each.jobs) for each in taken)
    name = taken[0].path.name
    what = f"{name} came back" if len(taken) == 1 else f"{count(len(taken), 'file')} came back"
    changes = " ".join(dict.fromkeys(change for each in taken for change in each.changes))
    return f"{what}: {count(jobs, 'new version')} in the queue.", changes


def _short(path: Path) -> Path:
    return Path(path.name)
