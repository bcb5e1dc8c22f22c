"""Where catalogs lie and how they are opened. Cheap to import: SQLAlchemy is only imported by `open`."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.files import known_os_error
from storage.artifacts import DiskArtifactStore
from storage.lock import single_instance
from storage.thumbnails import SqliteThumbnails

if TYPE_CHECKING:
    from engine.ports import ArtifactStore, Catalog, ThumbnailStore

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


class SqliteLocation:
    """Opens SQLite catalogs; implements `engine.ports.CatalogLocation`. Any thread.

    Beside a catalog ``studio.db`` lie ``studio.db.artifacts/`` (its files), ``studio.db.lock`` (who has it open),
    ``studio.db.thumbs.db`` (thumbnails, which may be deleted), SQLite's own ``-wal`` and ``-shm`` while it is open,
    ``studio.db.backup-*.db`` from before every upgrade, and the window's log (`engine.services.log_file`).
    """

    def default_path(self) -> Path:
        """The catalog of this operating-system user."""
        from platformdirs import user_data_dir

        return Path(user_data_dir("Chromask", appauthor=False)) / "catalog.db"

    @contextmanager
    def open(self, path: Path) -> Generator[tuple[Catalog, ArtifactStore]]:
        """Open (or create, or upgrade after a backup) the catalog and hold its lock until the context ends.

        Jobs that were running when Chromask last stopped are queued again: whoever ran them held the lock.

        Raises
        ------
        KnownError
            Another Chromask holds it (says which process), the file is not a catalog, the disk refuses, or it was
            written by a newer Chromask.
        """
        path = _one_name(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise known_os_error(error, path.parent) from error
        from storage.upgrade import is_empty_file, upgrade

        is_empty_file(path)  # beside a photograph that was named by mistake not even a lock file is left
        with single_instance(_beside(path, ".lock"), subject=path):
            from storage.catalog import SqlCatalog

            backup = upgrade(path)
            catalog = SqlCatalog(path)
            try:
                if backup is not None:
                    catalog.log("upgraded", f"the catalog was upgraded; the one from before is {backup.name!r}")
                for job_id in catalog.recover(_END_OF_TIME):
                    catalog.log("recovered", "it was running when Chromask stopped, and is queued again", job_id)
                yield catalog, DiskArtifactStore(_beside(path, ".artifacts"), holds_catalog=True)
            finally:
                catalog.close()

    @contextmanager
    def open_thumbnails(self, catalog: Path) -> Generator[ThumbnailStore]:
        """The thumbnails beside a catalog, for the window, until the context ends."""
        store = SqliteThumbnails(_beside(_one_name(catalog), ".thumbs.db"))
        try:
            yield store
        finally:
            store.close()

    def open_artifacts(self, catalog: Path) -> ArtifactStore:
        """The artifact store beside a catalog, without opening the catalog; for the worker process."""
        return DiskArtifactStore(_beside(_one_name(catalog), ".artifacts"))


def _one_name(path: Path) -> Path:
    """Two ways to the same file (a link, a relative path) must meet the same lock."""
    return Path(os.path.realpath(path.expanduser()))


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
