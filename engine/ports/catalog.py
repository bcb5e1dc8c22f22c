"""The catalog: the record of everything."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from engine.ports.job_queue import JobQueue
from engine.ports.pairs import Pairs
from engine.ports.results import Results
from engine.ports.stores import ArtifactStore
from engine.ports.upkeep import Upkeep
from engine.ports.versions import Versions


class Catalog(Pairs, JobQueue, Versions, Results, Upkeep, Protocol):
    """The record of everything. Every method is one transaction and may be called from any thread.

    All `datetime` values are timezone-aware UTC. Methods that take an id raise `engine.domain.errors.BugError` for an
    id that does not exist.
    """


class CatalogLocation(Protocol):
    """Opens catalogs; built by the composition root, so that the engine knows no database."""

    def default_path(self) -> Path: ...

    def open(self, path: Path) -> AbstractContextManager[tuple[Catalog, ArtifactStore]]:
        """Open (or create, or upgrade after a backup) the catalog and hold its lock until the context ends.

        Raises
        ------
        KnownError
            Another Chromask holds it (says which process), the file is not a catalog, the disk refuses, or it was
            written by a newer Chromask.
        """
        ...

    def open_artifacts(self, catalog: Path) -> ArtifactStore:
        """The artifact store beside a catalog, without opening the catalog; for the worker process."""
        ...
