"""What a retoucher saved, taken back while the window is open; and what a person decided about it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from engine.domain.errors import KnownError
from engine.domain.files import absolute_path
from engine.services.given_files import GivenFiles
from engine.services.hand_over import hand_over_folder
from engine.services.reimport import (
    Conflict,
    Reimported,
    ReturnedFiles,
    Settled,
    keep_ours,
    put_back,
    returned_list,
    take_files,
    take_settled,
    take_theirs,
)
from engine.services.watch_folders import LOOK_EVERY, SETTLE, FolderWatcher, Look, WatchFolder
from gui import preferences
from gui.context import WindowContext
from gui.phrases import count

_MOST = 200
"""Files that are listed; the oldest leave first."""


class Standing(StrEnum):
    """What became of a file that came back."""

    CONFLICT = "Conflict"
    TAKEN = "Taken"
    KEPT = "Ours kept"
    FAILED = "Not taken"


@dataclass(frozen=True, slots=True)
class ReturnedEntry:
    """One file that came back in this session.

    Attributes
    ----------
    changes, why, notices : tuple of str
        What is different in it, what speaks against taking it, and what else should be known; one sentence each.
    conflict : Conflict or None
        Undecided, or decided one way or the other.
    jobs : tuple of int
        The versions that were taken from it.
    """

    path: Path
    standing: Standing
    changes: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    conflict: Conflict | None = None
    jobs: tuple[int, ...] = ()

    @property
    def can_take(self) -> bool:
        return self.standing in (Standing.CONFLICT, Standing.KEPT)

    @property
    def can_keep(self) -> bool:
        return self.standing is Standing.CONFLICT

    @property
    def can_undo(self) -> bool:
        if self.standing is Standing.TAKEN:
            return bool(self.jobs)
        return self.standing is Standing.KEPT and self.conflict is not None


class ReturnedWatch(QObject):
    """Watches the export folder, if that was chosen in the settings, and lists what came back. GUI thread only.

    Attributes
    ----------
    entries : list of ReturnedEntry
        The newest first, one for each file.
    """

    taken = Signal()
    """New versions are in the queue, or were taken out of it."""

    changed = Signal()
    """The list is another one."""

    def __init__(self, context: WindowContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._watcher: FolderWatcher | None = None
        self._returned: ReturnedFiles | None = None
        self._lock = threading.Lock()
        self._reported: dict[Path, KnownError] = {}
        self.entries: list[ReturnedEntry] = []

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
        services = self._context.services
        folder = absolute_path(preferences.export_folder() or services.default_export_folder)
        handed_over = hand_over_folder(services.catalog_path)
        folders = [folder] if handed_over.is_relative_to(folder) else [folder, handed_over]
        self._watcher.watch([WatchFolder(each, SETTLE) for each in folders])

    def stop(self) -> None:
        """Watch nothing any more."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None

    # -- what a person asks for ---------------------------------------------------------------------------------

    def take_files(self, paths: Sequence[Path]) -> None:
        """Take these files back, wherever they lie."""
        services = self._context.services
        self._run(
            lambda: take_files(services.catalog, services.artifacts, paths, self._list()),
            lambda settled: self._on_settled(settled, is_asked=True),
        )

    def take(self, entry: ReturnedEntry) -> None:
        """The retoucher's work becomes the newest version, whatever was made meanwhile."""
        services = self._context.services

        def done(found: object) -> None:
            if isinstance(found, Reimported):
                self._show_taken(found, entry.conflict)
            else:  # what it brings is there already, or nothing of it is left
                self._put(replace(entry, standing=Standing.KEPT))

        self._run(lambda: take_theirs(services.catalog, services.artifacts, entry.path, self._list()), done)

    def keep(self, entry: ReturnedEntry) -> None:
        """The results stay as they are; the file is left alone until it is saved again."""
        conflict = entry.conflict
        if conflict is not None:
            self._run(
                lambda: keep_ours(conflict, self._list()), lambda _: self._put(replace(entry, standing=Standing.KEPT))
            )

    def undo(self, entry: ReturnedEntry) -> None:
        """Take the last decision about a file back."""
        if entry.standing is Standing.KEPT:
            again = replace(entry, standing=Standing.CONFLICT)
            self._run(lambda: self._list().look_anew(entry.path), lambda _: self._put(again))
            return
        catalog, author = self._context.services.catalog, preferences.reviewer()

        def done(_: object) -> None:
            self._put(replace(entry, standing=Standing.KEPT, jobs=()))
            self._context.services.dispatcher.wake()
            self.taken.emit()

        self._run(lambda: put_back(catalog, entry.jobs, author=author), done)

    # -- inside -------------------------------------------------------------------------------------------------

    def _run(self, work: Callable[[], object], done: Callable[..., None]) -> None:
        self._context.bridge.run_in_background(work, done, self._context.report)

    def _list(self) -> ReturnedFiles:
        """What was taken back ever; pool threads."""
        with self._lock:
            if self._returned is None:
                self._returned = ReturnedFiles(returned_list(self._context.services.catalog_path))
            return self._returned

    def _on_look(self, look: Look) -> None:
        arrival, services = look.arrival, self._context.services
        if arrival is None or self._watcher is None:
            return

        def work() -> Settled:
            # A window that closes waits for the file at hand, not for a whole folder.
            return take_settled(
                services.catalog, services.artifacts, arrival.files, self._list(), lambda: self._watcher is None
            )

        self._run(work, self._on_settled)

    def _on_settled(self, settled: Settled, *, is_asked: bool = False) -> None:
        for failure in settled.failures:
            path = failure.path or Path()
            self._put(ReturnedEntry(path, Standing.FAILED, why=(f"{_sentence(failure.what)} {failure.remedy}",)))
            self._context.report(failure)
        for found in settled.conflicts:
            self._put(
                ReturnedEntry(found.path, Standing.CONFLICT, found.changes, found.why, found.notices, conflict=found)
            )
            self._reported[found.path] = KnownError(
                f"it was not taken back: {' '.join(found.why)}".rstrip("."),
                remedy="Decide under 'Back from Photoshop' on the Export page.",
                path=Path(found.path.name),
            )
            self._context.report(self._reported[found.path])
        if settled.taken:
            for taken in settled.taken:
                self._show_taken(taken, None)
            self._context.notify(*_told(settled.taken))
        if is_asked and settled == Settled():
            self._context.notify("There is nothing to take back: the files are as Chromask knows them.")

    def _show_taken(self, taken: Reimported, conflict: Conflict | None) -> None:
        why = conflict.why if conflict is not None else ()
        jobs = tuple(job.id for job in taken.jobs)
        self._put(ReturnedEntry(taken.path, Standing.TAKEN, taken.changes, why, taken.notices, conflict, jobs))
        self._context.services.dispatcher.wake()
        self.taken.emit()

    def _put(self, entry: ReturnedEntry) -> None:
        """In the place of what was said of the file before, or on top."""
        if entry.standing is not Standing.CONFLICT and entry.path in self._reported:
            self._context.withdraw(self._reported.pop(entry.path))
        at = next((row for row, known in enumerate(self.entries) if known.path == entry.path), None)
        if at is None:
            self.entries.insert(0, entry)
            del self.entries[_MOST:]
        else:
            self.entries[at] = entry
        self.changed.emit()


def _told(taken: tuple[Reimported, ...]) -> tuple[str, str]:
    jobs = sum(len(each.jobs) for each in taken)
    name = taken[0].path.name
    what = f"{name} came back" if len(taken) == 1 else f"{count(len(taken), 'file')} came back"
    changes = " ".join(dict.fromkeys(change for each in taken for change in each.changes))
    return f"{what}: {count(jobs, 'new version')} in the queue.", changes


def _sentence(clause: str) -> str:
    return f"{clause[:1].upper()}{clause[1:]}."
