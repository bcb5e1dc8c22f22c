"""A working session: the catalog held open, and the engine thread on it, which first clears what a crash left."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.dispatch.dispatcher import Dispatcher, suggested_workers
from engine.domain.errors import KnownError
from engine.ports import ArtifactStore, Catalog, CatalogLocation

WorkerCommand = Callable[[Path], Sequence[str]]
"""Gives the command line that starts a worker process for a catalog file."""


@dataclass(frozen=True, slots=True)
class Session:
    """An open catalog and its artifacts. Any thread."""

    path: Path
    catalog: Catalog
    artifacts: ArtifactStore

    def dispatcher(self, worker_command: WorkerCommand) -> Dispatcher:
        """An engine thread for this catalog, not started yet."""
        workers = suggested_workers(os.cpu_count() or 1)
        return Dispatcher(self.catalog, worker_command(self.path), workers=workers, prepare=self.sweep)

    def sweep(self, is_over: Callable[[], bool] = lambda: False) -> None:
        """Delete what a killed session left half-written; the journal says so, or why not.

        Only while no worker runs: a worker's files look like nobody's until its result is committed. On the engine
        thread that is before its first job. It goes through every file of the store, which takes seconds for a hundred
        thousand results and longer on a file server: too long for whoever waits for the window, or only exports.

        Parameters
        ----------
        is_over : callable
            Asked now and then; True leaves the rest to the next session.
        """
        try:
            removed = self.artifacts.sweep(self.catalog.referenced_artifacts(), is_over)
        except KnownError as error:
            self.catalog.log("not swept", str(error))
            return
        if removed:
            self.catalog.log("swept", f"{removed} files that an interrupted session had left were removed")


@contextmanager
def open_session(location: CatalogLocation, path: Path | None = None) -> Generator[Session]:
    """Open a catalog for work.

    Parameters
    ----------
    path : Path, optional
        None opens the account's own catalog.

    Raises
    ------
    KnownError
        Another Chromask has it open, or it cannot be opened.
    """
    path = (path or location.default_path()).absolute()
    with location.open(path) as (catalog, artifacts):
        yield Session(path, catalog, artifacts)
