"""A part of the catalog: the journal, and what keeps a catalog sound."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Upkeep(Protocol):
    """The journal, and what keeps a catalog sound.

    A part of `engine.ports.Catalog`, whose rules hold.
    """

    def identity(self) -> str:
        """Who this catalog is, 32 hexadecimal digits: the same wherever its file is moved or copied to."""
        ...

    def log(self, kind: str, message: str, job_id: int | None = None) -> None:
        """Append to the event journal."""
        ...

    def referenced_artifacts(self) -> set[str]:
        """Hashes of every artifact that any outcome refers to, or any request, whatever became of its job."""
        ...

    def check(self) -> list[str]:
        """Integrity problems, one sentence each; empty when the catalog is sound."""
        ...

    def backup(self, to: Path) -> Path:
        """A consistent copy while others read and write."""
        ...

    def close(self) -> None: ...
