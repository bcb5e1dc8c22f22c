"""Photographs as the catalog knows them, and how they belong together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from engine.domain.geometry import Extent


class Role(StrEnum):
    """What a photograph shows."""

    ON_MODEL = "on_model"
    FLATLAY = "flatlay"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What the first bytes of a picture file say; no pixel was decoded.

    Attributes
    ----------
    extent : Extent
        Size after EXIF orientation.
    format : str
        ``JPEG``, ``PNG``, ``TIFF``, ``WEBP``, ``HEIF`` or ``PSD``.
    mode : str
        ``RGB``, ``RGBA``, ``L``, ``LA``, ``1``, ``P``, ``CMYK`` or ``LAB``.
    bit_depth : int
        Bits per channel: 8 or 16 (1-bit pictures say 1).
    icc : str or None
        The embedded profile's own description; None where the file has no profile.
    notices : tuple of str
        What an operator should know although the picture can be used, one sentence each.
    """

    extent: Extent
    format: str
    mode: str
    bit_depth: int
    icc: str | None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewAsset:
    """A photograph that was read at intake and is not in the catalog yet."""

    path: Path
    sha256: str
    size_bytes: int
    role: Role
    header: PictureHeader


@dataclass(frozen=True, slots=True)
class Asset:
    """A photograph in the catalog. The file itself stays where it lies and is never written to."""

    id: int
    path: Path
    sha256: str
    size_bytes: int
    role: Role
    extent: Extent
    bit_depth: int
    mode: str
    icc: str | None


@dataclass(frozen=True, slots=True)
class NewPair:
    """An on-model photograph and the flatlay of the same garment, before the catalog numbers it.

    Attributes
    ----------
    on_model, flatlay : NewAsset
        ``flatlay`` is None for tasks that need none (dreamed masks).
    sku : str
        The article number, or the shared part of the names where there is no number.
    view : str
        ``front``, ``back``, ``01`` ...; empty where the names carry none.
    garment : str
        A label of ``resources/garments.toml``; empty means: find out.
    """

    on_model: NewAsset
    flatlay: NewAsset | None
    sku: str
    view: str = ""
    garment: str = ""


@dataclass(frozen=True, slots=True)
class AssetPair:
    """An on-model photograph and its flatlay in the catalog."""

    id: int
    sku: str
    view: str
    garment: str
    on_model: Asset
    flatlay: Asset | None
