"""Where files lie: artifacts that have to stay, and thumbnails that may go."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from engine.domain.artifacts import ArtifactKind, ArtifactRef


class ArtifactStore(Protocol):
    """Content-addressed files on disk. Any process; every method may be called from any thread.

    A file appears under its final name only after its bytes were written to a temporary name and fsynced.
    """

    def put(self, kind: ArtifactKind, data: bytes, suffix: str) -> ArtifactRef:
        """Store ``data`` and return its reference; storing the same bytes twice is one file.

        Raises
        ------
        KnownError
            Disk full or folder not writable (retryable).
        """
        ...

    def path(self, ref: ArtifactRef) -> Path:
        """Where the artifact's file lies; it may be missing if somebody deleted it."""
        ...

    def read(self, ref: ArtifactRef) -> bytes:
        """The artifact's bytes, checked against its hash.

        Raises
        ------
        KnownError
            The file is missing or damaged.
        """
        ...

    def sweep(self, keep: Iterable[str], is_over: Callable[[], bool] = lambda: False) -> int:
        """Delete temporary files and artifacts whose hash is not in ``keep``; the number of files removed.

        Only while no worker runs; what this process itself has stored since it opened the catalog stays. It ends early
        when ``is_over`` says so.
        """
        ...

    def stray(self, keep: Iterable[str]) -> list[Path]:
        """What `sweep` would delete."""
        ...


class ThumbnailStore(Protocol):
    """Small JPEGs by key, of bounded size: a cache that may forget and never raises. Any thread."""

    def get(self, key: str) -> bytes | None:
        """The JPEG stored under ``key``, or None."""
        ...

    def put(self, key: str, jpeg: bytes) -> None:
        """Keep the JPEG under ``key``, in place of an earlier one."""
        ...

    def size(self) -> int:
        """Bytes of JPEG data that are kept."""
        ...

    def clear(self) -> None:
        """Forget every thumbnail, and give the disk its room back."""
        ...
