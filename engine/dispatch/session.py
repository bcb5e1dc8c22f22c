"""A working session: the catalog held open, what a crash left behind cleared away, and the engine thread on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.dispatch.dispatcher import Dispatcher, suggested_workers
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
        return Dispatcher(self.catalog, worker_command(self.path), workers=workers)


@contextmanager
def open_session(location: CatalogLocation, path: Path | None = None) -> Generator[Session]:
    """Open a catalog for work and delete what a killed session left half-written.

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
        removed = artifacts.sweep(catalog.referenced_artifacts())
        if removed:
            catalog.log("swept", f"{removed} files that an interrupted session had left were removed")
        yield Session(path, catalog, artifacts)
