"""``thumbs.db``: small JPEGs that would take long to make again, in a SQLite file of bounded size."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from pathlib import Path

_log = logging.getLogger(__name__)

LIMIT = 512 * 1024 * 1024
"""Bytes of JPEG data: about 40,000 thumbnails of 256 px."""

_VERSION = 1
_KEPT = 0.9  # of the limit, after what was used longest ago has been removed; so that it is not removed one by one
_DAY = 86_400  # seconds: when a thumbnail was last used is noted once a day, since every note is a write
_SCHEMA = """
CREATE TABLE thumbnail (key TEXT PRIMARY KEY, used INTEGER NOT NULL, bytes INTEGER NOT NULL, jpeg BLOB NOT NULL);
CREATE INDEX thumbnail_used ON thumbnail (used, bytes);
"""


class SqliteThumbnails:
    """Implements `engine.ports.ThumbnailStore`. Any thread; one process at a time, which the catalog's lock ensures.

    Nothing here is precious: a file that is damaged or of another version is made anew, and while the disk refuses,
    thumbnails are simply made each time. No method raises for that.

    Parameters
    ----------
    limit : int
        Bytes of JPEG data; beyond it the thumbnails that were used longest ago go.
    """

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        self._path, self._limit = path, limit
        self._lock = threading.Lock()
        self._bytes = 0
        self._connection = self._open()

    def get(self, key: str) -> bytes | None:
        """The JPEG stored under ``key``, or None."""
        now = int(time.time())
        with self._lock:
            if self._connection is None:
                return None
            try:
                found = self._connection.execute("SELECT jpeg, used FROM thumbnail WHERE key = ?", (key,)).fetchone()
                if found is None:
                    return None
                if now - found[1] > _DAY:
                    self._connection.execute("UPDATE thumbnail SET used = ? WHERE key = ?", (now, key))
                return found[0]
            except sqlite3.Error as error:
                self._give_up(error)
                return None

    def put(self, key: str, jpeg: bytes) -> None:
        """Keep the JPEG under ``key``, in place of an earlier one."""
        with self._lock:
            if self._connection is None:
                return
            try:
                old = self._connection.execute("SELECT bytes FROM thumbnail WHERE key = ?", (key,)).fetchone()
                row = (key, int(time.time()), len(jpeg), jpeg)
                self._connection.execute("INSERT OR REPLACE INTO thumbnail VALUES (?, ?, ?, ?)", row)
                self._bytes += len(jpeg) - (old[0] if old else 0)
                if self._bytes > self._limit:
                    self._shrink(self._connection)
            except sqlite3.Error as error:
                self._give_up(error)

    def size(self) -> int:
        """Bytes of JPEG data that are kept."""
        with self._lock:
            return self._bytes if self._connection is not None else 0

    def clear(self) -> None:
        """Forget every thumbnail, and give the disk its room back."""
        with self._lock:
            if self._connection is None:
                return
            try:
                self._connection.execute("DELETE FROM thumbnail")
                self._connection.execute("VACUUM")
                # Until then the emptied pages wait in the write-ahead log.
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._bytes = 0
            except sqlite3.Error as error:
                self._give_up(error)

    def close(self) -> None:
        """Close the file; afterwards nothing is found and nothing is kept."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    # -- inside -------------------------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection | None:
        for is_second in (False, True):
            connection = None
            try:
                connection = sqlite3.connect(self._path, timeout=1, isolation_level=None, check_same_thread=False)
                connection.execute("PRAGMA journal_mode = WAL")
                # A thumbnail lost in a power cut is made again; waiting for the disk at each one is not worth it.
                connection.execute("PRAGMA synchronous = OFF")
                self._prepare(connection)
                (self._bytes,) = connection.execute("SELECT coalesce(sum(bytes), 0) FROM thumbnail").fetchone()
                return connection
            except sqlite3.Error as error:
                if connection is not None:
                    connection.close()
                if is_second:
                    _log.warning("%s: thumbnails are not kept: %s", self._path, error)
                    return None
                self._remove()
        return None

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError(f"version {version}")
        if version == 0:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            try:
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            except OSError as error:
                _log.warning("%s: cannot be removed: %s", self._path, error)

    def _shrink(self, connection: sqlite3.Connection) -> None:
        keep = int(self._limit * _KEPT)
        connection.execute(
            "DELETE FROM thumbnail WHERE key IN (SELECT key FROM (SELECT key, sum(bytes) OVER "
            "(ORDER BY used DESC, rowid DESC) AS upto FROM thumbnail) WHERE upto > ?)",
            (keep,),
        )
        (self._bytes,) = connection.execute("SELECT coalesce(sum(bytes), 0) FROM thumbnail").fetchone()

    def _give_up(self, error: sqlite3.Error) -> None:
        """A disk that refuses once would refuse, and wait, at every thumbnail."""
        _log.warning("%s: thumbnails are no longer kept: %s", self._path, error)
        if self._connection is not None:
            self._connection.close()
            self._connection = None
