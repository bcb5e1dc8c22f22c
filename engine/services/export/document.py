"""One photograph's layered document: the original, what was made of it in layers, and every mask as a channel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.export import ExportFormat, PathUse
from engine.domain.review import ReviewItem
from engine.services.export.photograph import Photograph

if TYPE_CHECKING:
    from engine.domain.picture import Alpha, Pixels
    from engine.imaging.psd.document import AlphaChannel, LayeredDocument, PixelLayer
    from engine.imaging.psd.paths import VectorPath

MATCH_LAYER, EDIT_LAYER = "Matched colour", "Edit"

_ROOM = 16_000_000
"""Bytes for profile, metadata and paths when the size of a file is judged before it is made."""


def layer_under_mask(below: Pixels, composite: Pixels, alpha: Alpha) -> Pixels:
    """The layer that, seen through ``alpha`` over ``below``, gives ``composite``.

    The composite was blended at the mask's soft edge already; put under the same mask again it would be blended twice.
    Solves ``composite = below + (layer - below) * alpha / 255`` and clips to the range. Where alpha is 0 the layer is
    what lies below.

    Parameters
    ----------
    below, composite : ndarray
        ``(H, W, 3)`` uint8 or uint16.
    alpha : ndarray
        ``(H, W)`` uint8.
    """
    import numpy as np

    layer = composite.copy()
    soft = (alpha > 0) & (alpha < 255)
    base = below[soft].astype(np.float32)
    weight = alpha[soft].astype(np.float32)[:, None] / 255
    solved = base + (composite[soft] - base) / weight
    layer[soft] = np.clip(np.rint(solved), 0, np.iinfo(composite.dtype).max).astype(composite.dtype)
    return layer


def layered_document(photograph: Photograph, items: Sequence[ReviewItem], use: PathUse, xmp: bytes) -> LayeredDocument:
    """The document of a photograph's results.

    Parameters
    ----------
    items : sequence of ReviewItem
        From the bottom up.
    use : PathUse
        Whether the masks' outlines are saved as paths.
    xmp : bytes
        The document's packet.
    """
    from engine.imaging.psd.document import LayeredDocument
    from engine.imaging.retouch import flattened

    source = photograph.original()
    layers = tuple(_layers(photograph, items))
    return LayeredDocument(
        extent=source.extent,
        bit_depth=source.bit_depth,
        background=source.pixels,
        layers=layers,
        alpha_channels=channels_of(photograph, items),
        composite=flattened(source.pixels, layers),
        icc=source.icc,
        dpi=source.dpi,
        exif=source.exif,
        xmp=xmp,
        paths=() if use is PathUse.NONE else paths_of(photograph, items),
    )


def _layers(photograph: Photograph, items: Sequence[ReviewItem]) -> list[PixelLayer]:
    """A layer for each changed picture, seen through its mask, and on top what was painted over them by hand."""
    from dataclasses import replace

    from engine.imaging.psd.document import PixelLayer
    from engine.imaging.retouch import retouch_layer

    source = photograph.original().pixels
    changed = [item for item in items if item.outcome.picture is not None]
    names = _numbered([MATCH_LAYER if item.outcome.match is not None else EDIT_LAYER for item in changed])
    layers = [
        PixelLayer(
            name,
            layer_under_mask(source, photograph.changed(item), photograph.mask(item)),
            photograph.mask(item),
        )
        for item, name in zip(changed, names, strict=True)
    ]
    retouches = [retouch_layer(r) for item in changed if (r := photograph.retouch(item)) is not None]
    names = _numbered([layer.name for layer in retouches])
    return layers + [replace(layer, name=name) for layer, name in zip(retouches, names, strict=True)]


def channel_names(items: Sequence[ReviewItem]) -> dict[int, str]:
    """By job id, the name that a result's mask has in a file that holds them all.

    Results with the very same mask share its name; other masks of that name are numbered.
    """
    masks = list(dict.fromkeys((item.outcome.mask.name, item.outcome.mask.alpha.sha256) for item in items))
    names = dict(zip(masks, _numbered([name for name, _ in masks]), strict=True))
    return {item.job.id: names[item.outcome.mask.name, item.outcome.mask.alpha.sha256] for item in items}


def channels_of(photograph: Photograph, items: Sequence[ReviewItem]) -> tuple[AlphaChannel, ...]:
    """Every mask of the results, once, under a name of its own."""
    from engine.imaging.psd.document import AlphaChannel

    return tuple(AlphaChannel(name, photograph.mask(item)) for name, item in _by_channel(items).items())


def paths_of(photograph: Photograph, items: Sequence[ReviewItem]) -> tuple[VectorPath, ...]:
    """The outline of every mask, under the name of its channel."""
    paths = (photograph.path(item, name) for name, item in _by_channel(items).items())
    return tuple(path for path in paths if path is not None)


def _by_channel(items: Sequence[ReviewItem]) -> dict[str, ReviewItem]:
    names = channel_names(items)
    found: dict[str, ReviewItem] = {}
    for item in items:
        found.setdefault(names[item.job.id], item)
    return found


def _numbered(names: Sequence[str]) -> list[str]:
    """The names, each second and further one of the same with its number."""
    given: list[str] = []
    for name in names:
        number, free = 1, name
        while free in given:
            number += 1
            free = f"{name} {number}"
        given.append(free)
    return given


def needs_large_document(photograph: Photograph, items: Sequence[ReviewItem]) -> bool:
    """Whether the document will need Photoshop's large format, judged with some room: its name comes first.

    Background and composite have three planes each, a changed picture four and its mask, a retouch four, each mask one
    more as a channel; PackBits and ZIP may exceed the raw size a little.
    """
    from engine.imaging.psd.document import MAX_PSD_BYTES, MAX_PSD_SIDE

    asset = photograph.pair.on_model
    changed = sum(item.outcome.picture is not None for item in items)
    retouched = sum(item.outcome.retouch is not None for item in items)
    planes = 6 + 5 * changed + 4 * retouched + len(_by_channel(items))
    size = asset.extent.pixels * planes * (2 if asset.bit_depth == 16 else 1)
    return max(asset.extent.width, asset.extent.height) > MAX_PSD_SIDE or size * 1.03 + _ROOM > MAX_PSD_BYTES


def write_document(path: Path, document: LayeredDocument, format: ExportFormat, shown_as: Path) -> None:
    """Write the document and read it back.

    Parameters
    ----------
    path : Path
        A temporary name.
    shown_as : Path
        The name that it will have.

    Raises
    ------
    KnownError
        The disk is full or cannot be written to, or gives back something else than what was written.
    """
    if format is ExportFormat.PSD:
        from engine.imaging.psd.verify import verify_psd
        from engine.imaging.psd.writer import write_psd

        write_psd(path, document, force_psb=shown_as.suffix == ".psb")
        verify_psd(path, document, shown_as=shown_as)
    else:
        from engine.imaging.raster.tiff_verify import verify_tiff
        from engine.imaging.raster.tiff_write import write_layered_tiff

        write_layered_tiff(path, document)
        verify_tiff(path, document, shown_as=shown_as)
