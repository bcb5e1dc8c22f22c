"""Files in the artifact store. Pixels are named by the hash of their file, in requests as in results."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ArtifactKind(StrEnum):
    """What a file in the artifact store holds."""

    MASK = "mask"
    MATCHED = "matched"
    EDITED = "edited"
    PREVIEW = "preview"
    RETOUCH = "retouch"


@dataclass(frozen=True, slots=True)
class ArtifactRef:
    """A file in the content-addressed artifact store.

    Attributes
    ----------
    sha256 : str
        Of the file's bytes; also its name.
    suffix : str
        ``.png``, ``.tif`` or ``.jpg``.
    """

    kind: ArtifactKind
    sha256: str
    suffix: str
    size_bytes: int
