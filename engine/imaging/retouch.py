"""Layers laid over one another as Photoshop does it, and the overlay that keeps what a retoucher painted.

A retouch is ``(H, W, 4)``, R G B straight (not premultiplied) and a transparency, uint8 or uint16 like the picture it
belongs to and in its colour space; nothing was painted where the transparency is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from engine.domain.errors import KnownError
from engine.imaging.color.spaces import row_chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.geometry import Extent
    from engine.domain.picture import Alpha, Pixels
    from engine.imaging.psd.document import PixelLayer

    Floats = NDArray[np.float32]

RETOUCH_LAYER = "Retouch"
"""Name of the layer in which an exported document holds a retouch."""

_REMEDY = "Save the file in Photoshop once more and take it back again, or restore the artifact folder from a backup."


def laid_over(pixels: Pixels, retouch: Pixels) -> Pixels:
    """The picture with what was painted over it; a new array.

    Parameters
    ----------
    pixels : ndarray
        ``(H, W, 3)`` uint8 or uint16.
    retouch : ndarray
        ``(H, W, 4)`` of the same type.
    """
    result = pixels.copy()
    for rows in row_chunks(pixels.shape):
        painted = retouch[rows]
        shown = painted[..., 3] > 0
        if shown.any():
            weight = painted[..., 3][shown].astype(np.float32) / np.float32(np.iinfo(retouch.dtype).max)
            part = result[rows]
            part[shown] = _blended(part[shown], painted[..., :3][shown], weight)
    return result


def flattened(background: Pixels, layers: Sequence[PixelLayer]) -> Pixels:
    """The picture that layers give, from the bottom up; a new array.

    Every layer is of mode Normal and full opacity, and seen through its mask times its own transparency; hidden ones
    count for nothing. Rounded once for each layer, as Photoshop rounds.

    Parameters
    ----------
    background : ndarray
        ``(H, W, 3)`` uint8 or uint16, opaque.
    layers : sequence of PixelLayer
        Of the same size and type.
    """
    result = background.copy()
    for layer in layers:
        if layer.is_hidden:
            continue
        for rows in row_chunks(background.shape):
            lay_rows(result[rows], layer.pixels[rows], _rows_of(layer.mask, rows), _rows_of(layer.transparency, rows))
    return result


def lay_rows(below: Pixels, above: Pixels, mask: Alpha | None, transparency: Alpha | None) -> None:
    """Lay rows of a layer over ``below``, in place.

    Parameters
    ----------
    below, above : ndarray
        ``(h, W, 3)`` uint8 or uint16, both the same.
    mask, transparency : ndarray or None
        ``(h, W)`` uint8, 255 = shown; None is 255 everywhere.
    """
    weight = _weight(mask, transparency)
    if weight is None:
        below[...] = above
        return
    shown = weight > 0
    if shown.any():
        below[shown] = _blended(below[shown], above[shown], weight[shown])


def lay_transparent(result: Pixels, colors: Pixels, share: Floats) -> None:
    """Lay rows of a layer over a retouch, in place (over, Porter and Duff 1984).

    Parameters
    ----------
    result : ndarray
        ``(h, W, 4)``, a retouch. Its transparency keeps to 255 steps, as a document's layers have them.
    colors : ndarray
        ``(h, W, 3)`` of the same type.
    share : ndarray
        ``(h, W)`` float32, how much of the layer shows, 0 to 1.
    """
    top = np.iinfo(result.dtype).max
    shown = share > 0
    upper, part = share[shown], result[shown]
    lower = part[:, 3].astype(np.float32) / np.float32(top) * (1 - upper)
    whole = upper + lower
    part[:, :3] = _blended(part[:, :3], colors[shown], np.divide(upper, whole, dtype=np.float32))
    part[:, 3] = np.rint(whole * 255) * (top // 255)
    result[shown] = part


def _blended(below: Pixels, above: Pixels, weight: Floats) -> Pixels:
    """``(n, 3)`` pixels by ``(n,)`` shares of the upper one."""
    base = below.astype(np.float32)
    return cast("Pixels", np.rint(base + (above.astype(np.float32) - base) * weight[:, None]).astype(below.dtype))


def _weight(mask: Alpha | None, transparency: Alpha | None) -> Floats | None:
    if mask is None and transparency is None:
        return None
    if mask is None or transparency is None:
        plane = mask if mask is not None else transparency
        assert plane is not None
        return plane.astype(np.float32) / np.float32(255)
    return mask.astype(np.float32) * transparency.astype(np.float32) / np.float32(255 * 255)


def _rows_of(plane: Alpha | None, rows: slice) -> Alpha | None:
    return None if plane is None else plane[rows]


def retouch_layer(retouch: Pixels) -> PixelLayer:
    """The layer that shows a retouch in a document."""
    from engine.imaging.psd.document import PixelLayer

    transparency = retouch[..., 3]
    if transparency.dtype == np.uint16:
        transparency = ((transparency.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return PixelLayer(RETOUCH_LAYER, retouch[..., :3], transparency=cast("Alpha", transparency))


def encode_retouch(retouch: Pixels, source: str = "") -> bytes:
    """A retouch as an RGBA PNG, without a profile: it is the photograph's.

    Parameters
    ----------
    source : str
        What was declared of it, see `engine.imaging.raster.source_type.declared_source`; kept in the file.
    """
    from engine.imaging.raster import png
    from engine.imaging.raster.source_type import source_packet

    if retouch.ndim != 3 or retouch.shape[2] != 4:
        raise ValueError(f"a retouch is (H, W, 4), not {retouch.shape}")
    return png.encode(retouch, [png.xmp_chunk(source_packet(source))] if source else [])


def retouch_source(data: bytes) -> str:
    """Which digital source type was declared where a generative model painted in this retouch; empty for a person's."""
    import io

    from engine.imaging.raster import png
    from engine.imaging.raster.source_type import declared_source

    return declared_source(png.inspect(io.BytesIO(data), None).xmp)


def decode_retouch(data: bytes, extent: Extent, bit_depth: int) -> Pixels:
    """The retouch of a photograph of this size and depth.

    Raises
    ------
    KnownError
        It is damaged, or of another photograph.
    """
    import io

    from engine.imaging.raster import png

    try:
        if not data.startswith(png.SIGNATURE):
            raise KnownError("it is no PNG", remedy=_REMEDY)
        header = png.inspect(io.BytesIO(data), None)
        samples = png.decode(data, header, None)
    except KnownError as error:
        raise KnownError(f"what was painted in Photoshop cannot be read: {error.what}", remedy=_REMEDY) from error
    if samples.alpha is None or header.extent != extent or header.bit_depth != bit_depth:
        raise KnownError(
            f"what was painted in Photoshop has {header.extent} pixels of {header.bit_depth} bits, the photograph"
            f" {extent} of {bit_depth}",
            remedy=_REMEDY,
        )
    return cast("Pixels", np.dstack([samples.color, samples.alpha]))
