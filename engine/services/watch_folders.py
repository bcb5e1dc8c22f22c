"""Watch folders: pictures that a camera or a colleague puts into a folder are taken in by themselves.

The folders are looked through again and again. A network drive tells nobody that a file has arrived (inotify and its
kin see only what this computer itself writes), so there is one way that works everywhere: compare names, sizes and
times. Nothing is ever moved, renamed or written in a watched folder.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from stat import S_ISREG

from engine.domain.files import TEMPORARY_PREFIX, known_os_error
from engine.services.given_files import GivenFiles, State
from engine.services.intake import scan, with_photographs_alone
from engine.services.names import NameParts, parse_name
from engine.services.pairing import IntakeProblem, ProposedPair

SETTLE = 10.0
"""Seconds that a file must stay as it is by default. Copies over a slow line pause for a few seconds now and then."""

LOOK_EVERY = 2.0
"""Seconds between looks: a fifth of the usual settle time, and nothing that a file server would notice."""

_PAIR_LIST = ".csv"


@dataclass(frozen=True, slots=True)
class WatchFolder:
    """One folder and what becomes of its pictures.

    Attributes
    ----------
    settle : float
        Seconds that a file's size and time must stay the same before it is read.
    preset : str
        Name of the preset that its batches are run with; empty: what is chosen on the Intake page.
    starts : bool
        True puts pairs into the queue at once; False lists the pictures on the Intake page.
    needs_flatlays : bool
        Whether a photograph waits for its flatlay before it starts, see `engine.services.plan.BatchPlan`. Not kept:
        what the folder's pairs are run with may change.
    """

    path: Path
    settle: float = SETTLE
    preset: str = ""
    starts: bool = False
    needs_flatlays: bool = True


@dataclass(frozen=True, slots=True)
class Arrival:
    """Pictures that have settled and were not given before.

    Attributes
    ----------
    files : dict
        With the state in which they were given.
    pairs : tuple of ProposedPair
        Where the folder starts by itself; otherwise the Intake page pairs.
    """

    folder: WatchFolder
    files: dict[Path, State]
    pairs: tuple[ProposedPair, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a folder saw.

    Attributes
    ----------
    problem : str
        Why the folder cannot be read at the moment; empty where it can.
    pictures : int
        All pictures in it.
    settling : int
        Of these, those that were still growing or have only just arrived.
    waiting : tuple of IntakeProblem
        Settled ones that cannot be given yet, and why: as a rule their other half has not arrived.
    arrival : Arrival or None
    """

    folder: WatchFolder
    problem: str = ""
    pictures: int = 0
    settling: int = 0
    waiting: tuple[IntakeProblem, ...] = ()
    arrival: Arrival | None = None


@dataclass
class FolderWatch:
    """Looks at one folder, as often as it is told to. One thread at a time.

    Parameters
    ----------
    leave_out : sequence of Path
        Folders below that are not looked into, such as the export folder.
    """

    folder: WatchFolder
    given: GivenFiles
    leave_out: Sequence[Path] = ()
    _since: dict[Path, tuple[State, float]] = field(default_factory=dict[Path, tuple[State, float]], init=False)
    _handed: dict[Path, State] = field(default_factory=dict[Path, State], init=False)
    _settled: dict[Path, State] = field(default_factory=dict[Path, State], init=False)
    _waiting: tuple[IntakeProblem, ...] = field(default=(), init=False)
    _names: dict[Path, NameParts] = field(default_factory=dict[Path, NameParts], init=False)

    def look(self, now: float) -> Look:
        """See what has settled since the last look.

        Parameters
        ----------
        now : float
            Monotonic time in seconds.
        """
        try:
            files = _files(self.folder.path, frozenset(path.resolve() for path in self.leave_out))
        except OSError as error:
            # Nothing is forgotten: when the drive is back, what has settled on it is still known.
            is_gone = isinstance(error, FileNotFoundError)
            return Look(self.folder, "it is not there" if is_gone else known_os_error(error, self.folder.path).what)
        self._since = {path: self._first_seen(path, state, now) for path, state in files.items()}
        settled = {path: state for path, (state, since) in self._since.items() if now - since >= self.folder.settle}
        pictures = [path for path in files if path.suffix.lower() != _PAIR_LIST]
        settling = sum(path not in settled for path in pictures)
        arrival = None
        if settled != self._settled:
            self._settled = settled
            arrival = self._arrival(settled)
        return Look(self.folder, "", len(pictures), settling, self._waiting, arrival)

    # -- inside -------------------------------------------------------------------------------------------------

    def _first_seen(self, path: Path, state: State, now: float) -> tuple[State, float]:
        known = self._since.get(path)
        # An empty file is one whose copy has just begun.
        return known if known is not None and known[0] == state and state[0] else (state, now)

    def _arrival(self, settled: dict[Path, State]) -> Arrival | None:
        fresh = {
            path: state
            for path, state in settled.items()
            if self._handed.get(path) != state and not self.given.has(path, state)
        }
        self._waiting = ()
        if not fresh:
            return None
        arrival = self._paired(fresh, settled) if self.folder.starts else Arrival(self.folder, fresh)
        self._handed |= arrival.files
        return arrival if arrival.files else None

    def _paired(self, fresh: dict[Path, State], settled: dict[Path, State]) -> Arrival:
        """Pairs with a fresh half; a picture without its other half stays fresh until that has arrived.

        Where no flatlay is needed a fresh photograph is enough, and a flatlay that follows it begins nothing anew.
        """
        root, waits = self.folder.path, self.folder.needs_flatlays
        report = scan(self._company(fresh, settled), roots=(root,))
        if not waits:
            report = with_photographs_alone(report)
        pairs = tuple(
            pair
            for pair in report.pairs
            if pair.on_model.path in fresh or (waits and pair.flatlay and pair.flatlay.path in fresh)
        )
        used = {p.path for pair in pairs for p in (pair.on_model, pair.flatlay) if p is not None}
        self._waiting = tuple(problem for problem in report.problems if problem.path in fresh)
        return Arrival(self.folder, {path: state for path, state in settled.items() if path in used}, pairs)

    def _company(self, fresh: dict[Path, State], settled: dict[Path, State]) -> list[Path]:
        """What the fresh pictures could be paired with: the same article, the same folder, and every pair list."""
        names = {path: self._names.get(path) or parse_name(path, self.folder.path) for path in settled}
        self._names = names
        if any(path.suffix.lower() == _PAIR_LIST for path in fresh):
            return list(settled)
        articles, folders = {names[path].sku for path in fresh}, {names[path].folder for path in fresh}
        return [
            path
            for path, name in names.items()
            if name.sku in articles or name.folder in folders or path.suffix.lower() == _PAIR_LIST
        ]


def _files(folder: Path, leave_out: frozenset[Path]) -> dict[Path, State]:
    """Every picture and pair list below the folder, in path order.

    Raises
    ------
    OSError
        The folder itself cannot be read; one below it is left out until it can.
    """
    from engine.imaging.raster.headers import SUPPORTED_SUFFIXES

    found: dict[Path, State] = {}
    folders = [folder]
    while folders:
        here = folders.pop()
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    path = here / entry.name
                    suffix = path.suffix.lower()
                    if entry.name.startswith((".", TEMPORARY_PREFIX)):
                        continue
                    if entry.is_dir(follow_symlinks=False):  # a link could lead round in a circle
                        folders += [path] if path.resolve() not in leave_out else []
                    elif suffix in SUPPORTED_SUFFIXES or suffix == _PAIR_LIST:
                        with contextlib.suppress(OSError):  # it went away meanwhile, or is a link to nowhere
                            status = entry.stat()
                            if S_ISREG(status.st_mode):
                                found[path] = status.st_size, status.st_mtime_ns
        except OSError:
            if here == folder:
                raise
    return dict(sorted(found.items()))


class FolderWatcher:
    """Watches several folders, each on a thread of its own, so that a network drive that hangs holds up no other.

    Create, set and stop it on one thread.

    Parameters
    ----------
    seen : callable
        ``seen(look)`` after every look that saw something new; called on the folder's thread, must return quickly.
    """

    def __init__(
        self,
        given: GivenFiles,
        seen: Callable[[Look], None],
        *,
        leave_out: Sequence[Path] = (),
        every: float = LOOK_EVERY,
    ) -> None:
        self._given, self._seen, self._leave_out, self._every = given, seen, tuple(leave_out), every
        self._watches: dict[WatchFolder, _WatchThread] = {}

    def watch(self, folders: Iterable[WatchFolder]) -> None:
        """Watch exactly these folders from now on; one whose settings changed is looked at afresh."""
        wanted = dict.fromkeys(folders)
        for folder in [folder for folder in self._watches if folder not in wanted]:
            self._watches.pop(folder).leave()
        for folder in wanted:
            if folder not in self._watches:
                watch = FolderWatch(folder, self._given, self._leave_out)
                self._watches[folder] = _WatchThread(watch, self._seen, self._every)

    def stop(self) -> None:
        """Watch nothing any more; returns soon even where a drive hangs."""
        for thread in self._watches.values():
            thread.leave()
        for thread in self._watches.values():
            thread.join(timeout=1)
        self._watches.clear()


class _WatchThread(threading.Thread):
    def __init__(self, watch: FolderWatch, seen: Callable[[Look], None], every: float) -> None:
        # A daemon: a look at a drive that hangs must not keep the application from closing.
        super().__init__(name=f"chromask-watch-{watch.folder.path.name}", daemon=True)
        self._watch, self._seen, self._every = watch, seen, every
        self._left = threading.Event()
        self.start()

    def leave(self) -> None:
        self._left.set()

    def run(self) -> None:
        before: Look | None = None
        while not self._left.is_set():
            look = self._watch.look(time.monotonic())
            if self._left.is_set():
                return
            if look != before:
                self._seen(look)
            before = replace(look, arrival=None)
            self._left.wait(self._every)
