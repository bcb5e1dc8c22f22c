"""Decoded photographs in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.geometry import Extent, Placement
from engine.domain.results import found_garment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8] | NDArray[np.uint16]
    Alpha = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    r"""A photograph, upright, in its own RGB colour space.

    Attributes
    ----------
    pixels : ndarray
        ``(H, W, 3)`` uint8 or uint16, full range, R G B order, encoded as the profile says, EXIF orientation applied.
    icc : bytes or None
        The embedded ICC profile, byte for byte; None means sRGB is assumed.
    alpha : ndarray or None
        ``(H, W)`` uint8, 255 = opaque, where the file has transparency.
    exif : bytes or None
        The EXIF block with its orientation set to upright, without the ``Exif\0\0`` prefix.
    xmp : bytes or None
        The XMP packet.
    dpi : tuple of float or None
        Horizontal and vertical resolution in pixels per inch.
    path : Path or None
        Where it was read from, for error sentences.
    notices : tuple of str
        What was converted or ignored while decoding, one sentence each.
    """

    pixels: Pixels
    icc: bytes | None = None
    alpha: Alpha | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    path: Path | None = None
    notices: tuple[str, ...] = field(default=())

    @property
    def extent(self) -> Extent:
        height, width = self.pixels.shape[:2]
        return Extent(width, height)

    @property
    def bit_depth(self) -> int:
        """8 or 16."""
        return self.pixels.dtype.itemsize * 8


@dataclass(frozen=True, slots=True, eq=False)
class PaintedMask:
    """A mask a backend made, before it is stored.

    Attributes
    ----------
    alpha : ndarray
        ``(H, W)`` uint8 at the photograph's size, 255 = inside, soft edges.
    confidence : float
        0 to 1; below `engine.domain.results.UNSURE` a person should look first.
    provenance : dict
        Method, seeds, hashes, seconds.
    notices : tuple of str
        One sentence each, for the operator.
    disagreement : ndarray or None
        ``(H, W)`` uint8, where a mask made several times came out differently: 0 = the same every time, 255 = as many
        for as against. None for a mask made once.
    painted : ndarray or None
        ``(h, w, 3)`` uint8 sRGB, the model's own picture that the mask was read from, the first one of several. None
        where no model painted.
    """

    alpha: Alpha
    confidence: float
    provenance: dict[str, str | float | int]
    notices: tuple[str, ...] = ()
    disagreement: Alpha | None = None
    painted: NDArray[np.uint8] | None = None

    @property
    def garment(self) -> str:
        """See `engine.domain.results.found_garment`."""
        return found_garment(self.provenance)


@dataclass(frozen=True, slots=True, eq=False)
class ColorGuide:
    """A model's picture of the garment in the wanted colour, laid over the photograph.

    Attributes
    ----------
    pixels : ndarray
        ``(h, w, 3)`` uint8 sRGB; any size, lies over the whole photograph. Only its colours are used, never its pixels.
    provenance : dict
        Model and LoRA hashes, prompt, seed, seconds.
    covered : ndarray or None
        ``(h, w)`` bool, where the model's picture shows the photograph; None is everywhere.
    """

    pixels: NDArray[np.uint8]
    provenance: dict[str, str | float | int]
    covered: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PaintedCrop:
    """What a model painted on a part of a photograph, before it is pasted.

    Attributes
    ----------
    pixels : ndarray
        ``(h, w, 3)`` uint8 sRGB, the model's canvas.
    placement : Placement
        Where the canvas lies on the photograph.
    provenance : dict
        Model and LoRA hashes, prompt, seed, canvas, seconds.
    notices : tuple of str
        One sentence each, for the operator.
    """

    pixels: NDArray[np.uint8]
    placement: Placement
    provenance: dict[str, str | float | int]
    notices: tuple[str, ...] = ()
