"""Bring a catalog file to this version's tables: recognise it, back it up, run the revisions, check."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from engine.domain.errors import BugError, KnownError
from engine.domain.files import known_os_error
from storage.database import connect, copy_database, create_sqlite_engine, known_database_errors, not_a_catalog

HEAD = "0007"
"""The newest revision; known here so that opening an up-to-date catalog need not import Alembic (0.3 s)."""

MIGRATIONS = Path(__file__).parent / "migrations"
APPLICATION_ID = 0x4368726D
"""``PRAGMA application_id`` of every catalog, "Chrm"; the first revision sets it."""

_SQLITE_MAGIC = b"SQLite format 3\x00"


def upgrade(path: Path, *, migrations: Path = MIGRATIONS, head: str = HEAD) -> Path | None:
    """Create the catalog or upgrade it; the path of the backup, None where nothing had to be saved.

    The caller holds the catalog's lock. All revisions run in one transaction: after a crash the file is as it was.

    Parameters
    ----------
    path : Path
        The catalog file; a missing or empty file becomes a new catalog.
    migrations : Path
        Alembic's script folder.
    head : str
        The newest revision in it.

    Raises
    ------
    KnownError
        The file is something else, is damaged, or was written by a newer Chromask; the disk refuses.
    """
    is_new = is_empty_file(path)
    with known_database_errors(path):
        connection = connect(path)
        try:
            revision = _revision(connection, path)
        finally:
            connection.close()
    if revision == head:
        return None
    if revision is not None and revision not in _known_revisions(migrations):
        raise _from_newer_version(path, revision)
    saved = None if is_new else copy_database(path, _backup_name(path, revision))
    _run(path, migrations)
    return saved


def is_empty_file(path: Path) -> bool:
    """Whether there is nothing yet; refuses what is no SQLite file before SQLite can touch it.

    Raises
    ------
    KnownError
        The file is something else, or cannot be read.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(len(_SQLITE_MAGIC))
    except FileNotFoundError:
        return True
    except OSError as error:
        raise known_os_error(error, path) from error
    if start and start != _SQLITE_MAGIC:
        raise not_a_catalog(path)
    return not start


def _revision(connection: sqlite3.Connection, path: Path) -> str | None:
    """The revision in the file; None where it has no tables at all."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if not tables:
        return None
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if application_id != APPLICATION_ID or "alembic_version" not in tables:
        raise not_a_catalog(path)
    versions = [version for (version,) in connection.execute("SELECT version_num FROM alembic_version")]
    if len(versions) != 1:
        raise BugError(f"{path}: the catalog names {len(versions)} revisions: {versions}")
    return versions[0]


def _known_revisions(migrations: Path) -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory(str(migrations)).walk_revisions()}


def _from_newer_version(path: Path, revision: str) -> KnownError:
    return KnownError(
        f"the catalog was written by a newer Chromask (its revision is {revision!r})",
        remedy="Open it with that version, or open a backup from before the upgrade; both lie in the same folder.",
        path=path,
    )


def _backup_name(path: Path, revision: str | None) -> Path:
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return path.with_name(f"{path.name}.backup-{revision or 'empty'}-{now}.db")


def _run(path: Path, migrations: Path) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    engine = create_sqlite_engine(path)
    try:
        with known_database_errors(path), engine.connect() as connection:
            # A batch migration drops and recreates a table: with foreign keys on, that deletes or forbids the rows
            # that refer to it. The pragma does nothing inside a transaction, so it comes before the begin.
            _driver_connection(connection.connection.driver_connection).execute("PRAGMA foreign_keys = OFF")
            writing = connection.execution_options(begin="BEGIN IMMEDIATE")
            with writing.begin():
                config.attributes["connection"] = writing
                command.upgrade(config, "head")
                broken = writing.exec_driver_sql("PRAGMA foreign_key_check").all()
                if broken:
                    raise BugError(
                        f"{path}: the upgrade left {len(broken)} records that refer to nothing: {broken[:3]}"
                    )
    finally:
        engine.dispose()


def _driver_connection(connection: object) -> sqlite3.Connection:
    if not isinstance(connection, sqlite3.Connection):
        raise BugError(f"not a SQLite connection: {connection!r}")
    return connection
