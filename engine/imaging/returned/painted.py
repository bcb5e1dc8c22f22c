"""What was painted on a document, found where the picture that came back is not what its layers give."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from engine.imaging.color.spaces import row_chunks
from engine.imaging.psd.document import LayeredDocument, PixelLayer
from engine.imaging.psd.saved_document import SavedDocument
from engine.imaging.psd.saved_layers import SavedLayer
from engine.imaging.retouch import lay_transparent
from engine.imaging.returned.differences import View, differences, share_of_difference, tolerance
from engine.imaging.returned.masks import own_layers, saved_mask
from engine.imaging.returned.on_top import LayersOnTop, plain_above
from engine.imaging.returned.pictures import (
    has_plain_layers,
    in_depth,
    layers_picture,
    require_upright,
    shown_picture,
)

if TYPE_CHECKING:
    from engine.domain.picture import Alpha, Pixels

NEARLY_ALL = 0.5
"""Share of the picture from which it is told that so much was painted."""

_TINTED = 0.1
"""Share of the picture from which the flattened one is looked at again beside plain layers: GIMP 2.10 saves into it
the red of every channel whose eye is open. Where only soft edges differ (Photoshop blends text by another gamma), the
flattened picture is what was seen."""


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """What lies over the results of a document.

    Attributes
    ----------
    retouches : tuple of (ndarray or None)
        For each retouch layer of the document that was written, from the bottom up, what it holds now: ``(H, W, 4)``
        as in `engine.imaging.retouch`, None where nothing. What was painted anywhere is in the last of them. One, also
        where the document had none.
    changed : tuple of bool
        Which of them are others than they were.
    share : float
        Of the picture that differs from what the layers give, 0 to 1; a retouch of before does not count.
    notices : tuple of str
        For the operator, one sentence each.
    """

    retouches: tuple[Pixels | None, ...]
    changed: tuple[bool, ...]
    share: float
    notices: tuple[str, ...] = ()


def find_painted(written: LayeredDocument, saved: SavedDocument, own_masks: Collection[str]) -> Painted:
    """What was painted on a document, wherever in it: on a layer, on the background, or on new layers.

    It is where the picture that came back differs from what the layers give as they were written, seen through the
    masks that came back, by more than one level of 255. There plain layers that were added on top of all are kept with
    their own soft edges, if they explain it, and the picture itself, opaque, if they do not. A layer that was added and
    changes nothing, such as a copy of everything, gives nothing. Retouch layers are kept as they came back.

    An eye that is closed and a mask that is switched off are ways to look at a document, and decide nothing: where the
    picture is what the layers give either with them or without them, nothing was painted.

    Parameters
    ----------
    written : LayeredDocument
        As it was exported.
    saved : SavedDocument
        As it came back, of the same size.
    own_masks : collection of str
        The layers whose mask, where it was changed, becomes a new mask of their result. With any other layer a changed
        mask counts as paint.

    Raises
    ------
    KnownError
        What `shown_picture` raises, or the picture was turned or mirrored, or saved again meanwhile.
    """
    came = in_depth(shown_picture(saved), written.bit_depth)
    require_upright(written.composite, came)
    own = own_layers([layer.name for layer in written.layers], saved)
    before = [layer for layer in written.layers if layer.transparency is not None]
    changes = [layer for layer in written.layers if layer.transparency is None]
    kept: list[Pixels | None]
    if own:
        below = [own[layer.name] for layer in changes if layer.name in own]
        above = plain_above(saved, below)
        kept = [_came_back(own.get(layer.name), above, written) for layer in before] or [None]
        added = LayersOnTop([layer for layer in above if all(layer is not one for one in own.values())], came)
    else:  # a flat file, or a document whose layers were merged: what there was before is in its pixels
        kept = [_as_retouch(layer) for layer in before] or [None]
        added = LayersOnTop((), came)
    masked = [_under_saved_mask(layer, own, saved, own_masks) for layer in changes]
    views = [View(masked, kept)]
    if not all(layer.is_visible and layer.is_mask_enabled for layer in own.values()):
        views.append(_as_looked_at(masked, kept, before, own))
    touched, unexplained = differences(came, written.background, views, added)
    share = float(np.count_nonzero(touched)) / touched.size
    notices = _notices(own, saved)
    if share > _TINTED and saved.composite is not None and has_plain_layers(saved):
        layered = in_depth(layers_picture(saved), written.bit_depth)
        if share_of_difference(came, layered) > _TINTED:
            came = layered
            touched, unexplained = differences(came, written.background, views, added)
            share = float(np.count_nonzero(touched)) / touched.size
            notices.append(
                "The flattened picture in the file is not what its layers give, as where a channel is shown over it:"
                " its layers were taken."
            )
    former: list[PixelLayer | None] = [*before] or [None]
    if share:
        kept[-1] = _with_paint(came, kept[-1], added, touched, unexplained)
    if share > NEARLY_ALL:
        notices.append(
            f"{share:.0%} of the picture was changed in Photoshop and hides whatever the match does below it."
        )
    changed = tuple(not _is_same(now, then) for now, then in zip(kept, former, strict=True))
    return Painted(tuple(_or_none(retouch) for retouch in kept), changed, share, tuple(notices))


def _notices(own: dict[str, SavedLayer], saved: SavedDocument) -> list[str]:
    found: list[str] = []
    for layer in own.values():
        if not layer.is_visible:
            found.append(
                f"The layer '{layer.name}' is hidden in the file. That changes nothing: reject the result if it shall"
                " not be used, and erase the layer if its retouch shall go."
            )
        planes = layer.planes
        if planes is None:
            continue
        stored = planes.colors[0]
        is_whole = (stored.width, stored.height) == (saved.extent.width, saved.extent.height)
        if is_whole and (planes.left, planes.top) != (0, 0):
            found.append(
                f"The layer '{layer.name}' was moved by {planes.left} × {planes.top} pixels: its mask is taken where it"
                " lies now, and what shows otherwise counts as painted."
            )
    return found


def _as_looked_at(
    layers: Sequence[PixelLayer],
    kept: Sequence[Pixels | None],
    before: Sequence[PixelLayer],
    own: dict[str, SavedLayer],
) -> View:
    """What is given with closed eyes and switched-off masks as they were saved."""
    is_shown = [layer.name not in own or own[layer.name].is_visible for layer in before] or [True]
    return View(
        [
            replace(layer, mask=layer.mask if layer.name not in own or own[layer.name].is_mask_enabled else None)
            for layer in layers
            if layer.name not in own or own[layer.name].is_visible
        ],
        [retouch if shown else None for retouch, shown in zip(kept, is_shown, strict=True)],
    )


def _under_saved_mask(
    layer: PixelLayer, own: dict[str, SavedLayer], saved: SavedDocument, own_masks: Collection[str]
) -> PixelLayer:
    """A layer as it was written, under the mask that it has now."""
    found = own.get(layer.name) if layer.name in own_masks else None
    return layer if found is None else replace(layer, mask=saved_mask(found, saved))


def _came_back(layer: SavedLayer | None, above: Sequence[SavedLayer], written: LayeredDocument) -> Pixels | None:
    """A retouch as its layer holds it now; None where it is gone, or lies below other layers or shows otherwise."""
    if layer is None or not layer.has_pixels:
        return None
    if layer.is_visible and all(layer is not one for one in above):
        return None
    return LayersOnTop([layer], written.background).whole()


def _as_retouch(layer: PixelLayer, rows: slice = slice(None)) -> Pixels:
    assert layer.transparency is not None
    step = np.iinfo(layer.pixels.dtype).max // 255
    return cast("Pixels", np.dstack([layer.pixels[rows], layer.transparency[rows].astype(layer.pixels.dtype) * step]))


# -- what lies over it now ----------------------------------------------------------------------------------------


def _with_paint(came: Pixels, kept: Pixels | None, added: LayersOnTop, touched: Alpha, unexplained: Alpha) -> Pixels:
    """A retouch with what was painted laid over it, in its place."""
    full = np.iinfo(came.dtype).max
    retouch = kept if kept is not None else cast("Pixels", np.zeros((*came.shape[:2], 4), came.dtype))
    with added.opened() if added else nullcontext() as opened:
        for rows in row_chunks(came.shape):
            if not touched[rows].any():
                continue
            part, where = retouch[rows], unexplained[rows] > 0
            if opened is not None:
                over = opened.rows(rows)
                over[(touched[rows] == 0) | where] = 0
                lay_transparent(part, over[..., :3], over[..., 3].astype(np.float32) / np.float32(full))
            part[..., :3][where] = came[rows][where]
            part[..., 3][where] = full
    return retouch


def _or_none(retouch: Pixels | None) -> Pixels | None:
    """The retouch with zeros where nothing lies, so that equal ones have equal bytes; None where that is everywhere."""
    if retouch is None or not retouch[..., 3].any():
        return None
    for rows in row_chunks(retouch.shape):
        part = retouch[rows]
        part[part[..., 3] == 0] = 0
    return retouch


def _is_same(retouch: Pixels | None, former: PixelLayer | None) -> bool:
    """Whether two retouches show the same but for rounding."""
    if retouch is None or former is None:
        was = former is not None and former.transparency is not None and former.transparency.any()
        return (retouch is None or not retouch[..., 3].any()) and not was
    allowed = tolerance(retouch)
    for rows in row_chunks(retouch.shape):
        then = _as_retouch(former, rows)
        change = cv2.absdiff(retouch[rows], then)
        shown = then[..., 3] > 0
        if change[..., 3].max(initial=0) > allowed or change[..., :3][shown].max(initial=0) > allowed:
            return False
    return True
