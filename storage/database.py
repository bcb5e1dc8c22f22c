"""Connections to one SQLite file: pragmas, transactions, and SQLite's errors in the operator's words."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.orm import Session

from engine.domain.errors import BugError, KnownError
from engine.domain.files import complete_file

BUSY_SECONDS = 10.0
"""How long a writer waits for another process (a backup, a database browser) before it says that the file is busy."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, creating it if there is none, with the pragmas every connection of Chromask has.

    Transactions are begun by hand (`isolation_level=None`): the driver's own begin is deferred, and a deferred
    transaction that reads before it writes can fail with SQLITE_BUSY without ever waiting.
    """
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        # Readers never wait for the writer, nor the writer for readers.
        connection.execute("PRAGMA journal_mode = WAL")
        # With NORMAL, WAL stays intact after a power cut but forgets the last commits. A commit here stands for a
        # minute of GPU time or for a person's verdict, and there are a few in a second at most: FULL, one fsync each.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_size_limit = 67108864")  # a long import must not leave a huge -wal file
    except BaseException:
        connection.close()
        raise
    return connection


def create_sqlite_engine(path: Path) -> Engine:
    """An engine on the file; ``execution_options(begin="BEGIN IMMEDIATE")`` makes its transactions writers."""
    engine = create_engine(
        "sqlite://",
        creator=lambda: connect(path),
        poolclass=QueuePool,
        max_overflow=-1,  # as many connections as threads ask for: waiting is SQLite's business
    )

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    event.listen(engine, "begin", begin)
    return engine


class Database:
    """Transactions on one catalog file; any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = create_sqlite_engine(path)
        self._writing = self._engine.execution_options(begin="BEGIN IMMEDIATE")
        # SQLite lets waiting writers poll, and an unlucky one can starve; a lock hands over in turn.
        self._writer = threading.Lock()
        self._closed = False

    @contextmanager
    def read(self) -> Generator[Session]:
        """A session that sees one moment of the database, however many queries it makes."""
        self._require_open()
        with known_database_errors(self.path), Session(self._engine) as session:
            yield session

    @contextmanager
    def write(self) -> Generator[Session]:
        """A session that holds the write lock from its begin, and commits when the body ends without an error."""
        with self._writer:
            self._require_open()
            with known_database_errors(self.path), Session(self._writing, expire_on_commit=False) as session:
                yield session
                session.commit()

    def close(self) -> None:
        """Wait for the writer, then close the file; every later call is a `BugError`."""
        with self._writer:
            self._closed = True
            self._engine.dispose()

    def _require_open(self) -> None:
        if self._closed:
            raise BugError(f"{self.path}: the catalog is closed")


def driver_rows(session: Session, query: str, values: Mapping[str, int | None]) -> list[tuple[Any, ...]]:
    """The driver's own tuples, in the session's transaction: for reads of a hundred thousand rows."""
    connection = session.connection().connection.driver_connection
    if not isinstance(connection, sqlite3.Connection):
        raise BugError("the catalog's rows are read through sqlite3")
    return connection.execute(query, values).fetchall()


def copy_database(source: Path, to: Path) -> Path:
    """A consistent copy through SQLite's backup API, checked and complete or absent; writers go on meanwhile.

    Raises
    ------
    KnownError
        ``to`` exists, the disk refuses, or the source is damaged.
    """
    with known_database_errors(source):
        reading = connect(source)
    # Pages are copied unread, so that from here on it is the copy's disk that may refuse.
    with closing(reading), complete_file(to) as temporary, known_database_errors(to):
        writing = sqlite3.connect(temporary, isolation_level=None)
        try:
            reading.backup(writing)
            # The copy says WAL, as its source does; as a plain journal file it needs no -wal beside it.
            writing.execute("PRAGMA journal_mode = DELETE")
            (verdict,) = writing.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise _damaged(source, verdict)
        finally:
            writing.close()
    return to


@contextmanager
def known_database_errors(path: Path) -> Generator[None]:
    """Turn SQLite's errors into `KnownError` where the environment is to blame, into `BugError` where Chromask is."""
    try:
        yield
    except IntegrityError as error:
        raise BugError(f"{path}: the catalog refused a record: {error.orig}") from error
    except DBAPIError as error:
        if not isinstance(error.orig, sqlite3.Error):
            raise
        raise _translated(error.orig, path) from error
    except StatementError as error:
        # What `storage.columns` refused to bind; SQLAlchemy wraps it.
        raise (error.orig if isinstance(error.orig, BugError) else error) from None
    except sqlite3.Error as error:
        raise _translated(error, path) from error


def _translated(error: sqlite3.Error, path: Path) -> KnownError | BugError:
    # Extended codes keep the primary one in their low byte. Errors of the Python driver itself carry none.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & 0xFF
    match code:
        case sqlite3.SQLITE_FULL:
            what, remedy = "the disk is full", "Free some space and retry."
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            what, remedy = "another program keeps the catalog locked", "Close that program and retry."
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            what, remedy = "the catalog cannot be written to", "Make the file and its folder writable and retry."
        case sqlite3.SQLITE_CANTOPEN:
            what, remedy = "the catalog cannot be opened", "Check the folder and its permissions, then retry."
        case sqlite3.SQLITE_IOERR:
            what, remedy = "the disk reports a fault", "Check the disk or the network share, then retry."
        case sqlite3.SQLITE_NOTADB:
            return not_a_catalog(path)
        case sqlite3.SQLITE_CORRUPT:
            return _damaged(path, str(error))
        case _:
            return BugError(f"{path}: {error!r}")
    return KnownError(what, remedy=remedy, path=path, retryable=True)


def not_a_catalog(path: Path) -> KnownError:
    """The file is something else, and was not touched."""
    return KnownError("this file is not a Chromask catalog", remedy="Choose another file name.", path=path)


def _damaged(path: Path, detail: str) -> KnownError:
    return KnownError(
        f"the catalog is damaged ({detail})",
        remedy="Put it aside and restore the newest backup that lies beside it.",
        path=path,
    )
