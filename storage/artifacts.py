"""Masks, matched pictures and previews as files that are named by the hash of their bytes."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from engine.domain.artifacts import ArtifactKind, ArtifactRef
from engine.domain.errors import BugError, KnownError
from engine.domain.files import TEMPORARY_PREFIX, complete_file, known_os_error

_HASH = re.compile(r"[0-9a-f]{64}")
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")
_ARTIFACT_NAME = re.compile(r"(?P<hash>[0-9a-f]{64})\.[a-z0-9]{1,8}")
_FAN_OUT = re.compile(r"[0-9a-f]{2}")


class DiskArtifactStore:
    """Content-addressed files below one folder; implements `engine.ports.ArtifactStore`. Any thread, any process.

    A file lies at ``ab/cd/abcd….png``: 65,536 folders, so that a million files are some fifteen to a folder, which
    file servers and file browsers both survive.

    Parameters
    ----------
    folder : Path
        Created with the first file.
    holds_catalog : bool
        Whether this process has the catalog open: what it stores until its first sweep is over is kept by that sweep,
        whose list of what is needed may be older.
    """

    def __init__(self, folder: Path, *, holds_catalog: bool = False) -> None:
        self.folder = folder
        self._fresh: set[str] | None = set() if holds_catalog else None
        self._changing = threading.Lock()

    def put(self, kind: ArtifactKind, data: bytes, suffix: str) -> ArtifactRef:
        """Store ``data`` and return its reference; storing the same bytes twice is one file.

        A file of that name whose bytes are damaged is replaced.

        Raises
        ------
        KnownError
            Disk full or folder not writable (retryable).
        """
        ref = ArtifactRef(kind=kind, sha256=hashlib.sha256(data).hexdigest(), suffix=suffix, size_bytes=len(data))
        path = self.path(ref)
        with self._changing:
            if self._fresh is not None:
                self._fresh.add(ref.sha256)
            try:
                if path.read_bytes() == data:
                    return ref
            except FileNotFoundError:
                pass
            except OSError as error:
                raise known_os_error(error, path) from error
            self._make_folder(path.parent)
            with complete_file(path, overwrite=True) as temporary:
                temporary.write_bytes(data)
        return ref

    def path(self, ref: ArtifactRef) -> Path:
        """Where the artifact's file lies; it may be missing if somebody deleted it."""
        if not _HASH.fullmatch(ref.sha256) or not _SUFFIX.fullmatch(ref.suffix):
            raise BugError(f"not the name of an artifact: {ref.sha256!r} + {ref.suffix!r}")
        return self.folder / ref.sha256[:2] / ref.sha256[2:4] / f"{ref.sha256}{ref.suffix}"

    def read(self, ref: ArtifactRef) -> bytes:
        """The artifact's bytes, checked against its hash.

        Raises
        ------
        KnownError
            The file is missing or damaged.
        """
        path = self.path(ref)
        remedy = "Restore the artifact folder from a backup."
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise KnownError("this result's file is missing", remedy=remedy, path=path) from error
        except OSError as error:
            raise known_os_error(error, path) from error
        if hashlib.sha256(data).hexdigest() != ref.sha256:
            raise KnownError("this result's file is damaged", remedy=remedy, path=path)
        return data

    def sweep(self, keep: Iterable[str], is_over: Callable[[], bool] = lambda: False) -> int:
        """Delete temporary files and artifacts whose hash is not in ``keep``; the number of files removed.

        Only while no worker runs: a result that is not committed yet looks just like one that nobody needs. This
        process may store files meanwhile. ``is_over`` ends it early.
        """
        kept, removed = frozenset(keep), 0
        for path in self._files():
            if is_over():
                return removed
            if not _is_kept(path.name, kept):
                removed += self._remove(path)
        self._fresh = None
        return removed

    def _remove(self, path: Path) -> bool:
        """Delete a stray, unless its like was stored meanwhile; a temporary name of such a write is gone by then."""
        with self._changing:
            if self._fresh is not None and _is_kept(path.name, self._fresh):
                return False
            try:
                path.unlink()
            except FileNotFoundError:
                return False
            except OSError as error:
                raise known_os_error(error, path) from error
            return True

    def stray(self, keep: Iterable[str]) -> list[Path]:
        """What `sweep` would delete; never a file that this store did not write."""
        kept = frozenset(keep)
        return sorted(path for path in self._files() if not _is_kept(path.name, kept))

    def _files(self) -> Iterator[Path]:
        """Every file of the store's own: temporary names, and hashes in the folder that their digits say."""
        for first in _folders(self.folder):
            for second in _folders(first):
                for name in _file_names(second):
                    artifact = _ARTIFACT_NAME.fullmatch(name)
                    in_place = artifact is not None and name.startswith(first.name + second.name)
                    if in_place or name.startswith(TEMPORARY_PREFIX):
                        yield second / name

    def _make_folder(self, folder: Path) -> None:
        """Create the fan-out folders durably: a synced file in a folder the disk forgot is lost all the same."""
        missing = [each for each in (self.folder, folder.parent, folder) if not each.is_dir()]
        for each in missing:
            try:
                each.mkdir(parents=True, exist_ok=True)
                _sync_entry(each)
            except OSError as error:
                raise known_os_error(error, each) from error


def _is_kept(name: str, kept: Collection[str]) -> bool:
    artifact = _ARTIFACT_NAME.fullmatch(name)
    return artifact is not None and artifact["hash"] in kept


def _folders(folder: Path) -> list[Path]:
    return [Path(e.path) for e in _entries(folder) if _FAN_OUT.fullmatch(e.name) and e.is_dir(follow_symlinks=False)]


def _file_names(folder: Path) -> list[str]:
    return [e.name for e in _entries(folder) if e.is_file(follow_symlinks=False)]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise known_os_error(error, folder) from error


def _sync_entry(folder: Path) -> None:
    if os.name == "nt":  # a folder cannot be opened for fsync on Windows; NTFS journals its entries
        return
    descriptor = os.open(folder.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
