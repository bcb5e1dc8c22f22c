"""What a retoucher changed: new masks and painted pixels, found between what was written and what came back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from engine.domain.errors import KnownError
from engine.imaging.color.spaces import row_chunks
from engine.imaging.psd.document import LayeredDocument, PixelLayer
from engine.imaging.psd.read import SavedDocument, SavedLayer
from engine.imaging.retouch import lay_rows, lay_transparent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Alpha, Pixels

    Floats = NDArray[np.float32]

_TOLERANCE = 1
"""Levels of 255 by which a picture may differ from its layers: every program rounds once for each layer."""

_GAP = 5
"""Pixels. Where paint by chance has the colour of what it covers, single pixels do not differ; what lies between
painted pixels, so close, was painted as well. Left open, such holes would show the colour of the next match."""

NEARLY_ALL = 0.5
"""Share of the picture from which it is told that so much was painted."""

_LOOK_SIDE = 64
"""Pixels on a side of the pictures by which a turned document is known."""


@dataclass(frozen=True, slots=True, eq=False)
class ReturnedMask:
    """A mask as it came back.

    Attributes
    ----------
    alpha : ndarray or None
        ``(H, W)`` uint8 as it shall be now; None where it is as it was written, or contradicts itself.
    is_contradictory : bool
        Layer mask and alpha channel were both changed, and differently.
    """

    alpha: Alpha | None
    is_contradictory: bool = False


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


def returned_mask(written: Alpha, layer_mask: Alpha | None, channel: Alpha | None) -> ReturnedMask:
    """The mask of a result: whichever of its two copies in the file was changed, to the last level.

    Parameters
    ----------
    written : ndarray
        ``(H, W)`` uint8, as both were written.
    layer_mask, channel : ndarray or None
        The same, as they came back; None where the file has it no more, which says nothing about the mask.
    """
    changed = [plane for plane in (layer_mask, channel) if plane is not None and not np.array_equal(plane, written)]
    if not changed:
        return ReturnedMask(None)
    if len(changed) == 2 and not np.array_equal(changed[0], changed[1]):
        return ReturnedMask(None, is_contradictory=True)
    return ReturnedMask(changed[0])


def shown_picture(saved: SavedDocument) -> Pixels:
    """The picture that a document shows: its own flattened one, or else what its layers give.

    Raises
    ------
    KnownError
        It was saved without a flattened picture, and its layers are not plain.
    """
    if saved.composite is not None:
        return saved.composite
    visible = [layer for layer in saved.layers if layer.is_visible]
    if not visible or not all(layer.is_plain and layer.pixels is not None for layer in visible):
        raise KnownError(
            "it was saved without a flattened picture, and its layers cannot be read without Photoshop",
            remedy="Switch on Maximize Compatibility in Photoshop (Preferences, File Handling) and save it again.",
        )
    dtype = np.uint16 if saved.bit_depth == 16 else np.uint8
    picture = cast("Pixels", np.full((saved.extent.height, saved.extent.width, 3), np.iinfo(dtype).max, dtype))
    for layer in visible:
        _lay_saved(picture, layer)
    return picture


def find_painted(written: LayeredDocument, saved: SavedDocument, own_masks: Collection[str]) -> Painted:
    """What was painted on a document, wherever in it: on a layer, on the background, or on new layers.

    It is where the picture that came back differs from what the layers give as they were written, seen through the
    masks that came back, by more than one level of 255. There plain layers that were added on top of all are kept with
    their own soft edges, if they explain it, and the picture itself, opaque, if they do not. A layer that was added and
    changes nothing, such as a copy of everything, gives nothing. Retouch layers are kept as they came back.

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
        What `shown_picture` raises, or the picture was turned or mirrored.
    """
    came = _in_depth(shown_picture(saved), written.bit_depth)
    _require_upright(written.composite, came)
    before = [layer for layer in written.layers if layer.transparency is not None]
    ours = [_with_saved_mask(layer, saved, own_masks) for layer in written.layers if layer.transparency is None]
    former = [_as_retouch(layer) for layer in before] or [None]
    names = {layer.name for layer in written.layers}
    if any(layer.name in names for layer in saved.layers):
        above = _plain_above(saved, {layer.name for layer in ours})
        kept = [_joined([saved for saved in above if saved.name == layer.name], written) for layer in before] or [None]
        added = _joined([layer for layer in above if layer.name not in names], written)
    else:  # a flat file, or a document whose layers were merged: what there was before is in its pixels
        kept, added = [None if retouch is None else retouch.copy() for retouch in former], None
    touched, unexplained = _differences(came, written.background, ours, kept, added)
    share = float(np.count_nonzero(touched)) / touched.size
    if share:
        kept[-1] = _with_paint(came, kept[-1], added, touched, unexplained)
    notices = [
        f"The layer '{layer.name}' is hidden in the file: what shows in its place counts as painted."
        for layer in saved.layers
        if not layer.is_visible and layer.name in own_masks
    ]
    if share > NEARLY_ALL:
        notices.append(
            f"{share:.0%} of the picture was changed in Photoshop and hides whatever the match does below it."
        )
    changed = tuple(not _is_same(now, then) for now, then in zip(kept, former, strict=True))
    return Painted(tuple(_or_none(retouch) for retouch in kept), changed, share, tuple(notices))


def _with_saved_mask(layer: PixelLayer, saved: SavedDocument, own_masks: Collection[str]) -> PixelLayer:
    """A layer as it was written, under the mask that it has now."""
    found = saved_layer(saved, layer.name) if layer.name in own_masks else None
    if found is None:
        return layer
    return replace(layer, mask=saved_mask(found, saved) if found.is_mask_enabled else None)


def saved_mask(layer: SavedLayer, saved: SavedDocument) -> Alpha | None:
    """The mask of a layer, ``(H, W)`` uint8: its layer mask, or its transparency, into which Photoshop turns a mask
    that is applied; None for a layer that shows everywhere.
    """
    if layer.mask is not None or layer.transparency is None:
        return layer.mask
    if layer.box.extent == saved.extent and layer.transparency.min() == 255:
        return None
    alpha = np.zeros((saved.extent.height, saved.extent.width), np.uint8)
    alpha[layer.box.top : layer.box.bottom, layer.box.left : layer.box.right] = layer.transparency
    return alpha


def saved_layer(saved: SavedDocument, name: str) -> SavedLayer | None:
    """The layer of that name; None where the file has none."""
    return next((layer for layer in saved.layers if layer.name == name and not layer.is_background), None)


# -- layers that lie on top ---------------------------------------------------------------------------------------


def _plain_above(saved: SavedDocument, names: Collection[str]) -> list[SavedLayer]:
    """The plain layers above all of ours, from the bottom up, as far as no other kind of layer lies between them."""
    places = [at for at, layer in enumerate(saved.layers) if layer.name in names or layer.is_background]
    found: list[SavedLayer] = []
    for layer in saved.layers[places[-1] + 1 if places else 0 :]:
        if not layer.is_visible:
            continue
        if not layer.is_plain or layer.pixels is None:
            break
        found.append(layer)
    return found


def _joined(layers: Sequence[SavedLayer], written: LayeredDocument) -> Pixels | None:
    """Layers as one retouch; None without any."""
    if not layers:
        return None
    result = cast("Pixels", np.zeros((*written.background.shape[:2], 4), written.background.dtype))
    for layer in layers:
        _lay_on_top(result, layer)
    return result


def _lay_on_top(result: Pixels, layer: SavedLayer) -> None:
    assert layer.pixels is not None
    box = layer.box
    pixels = _in_depth(layer.pixels, result.dtype.itemsize * 8)
    part = result[box.top : box.bottom, box.left : box.right]
    for rows in row_chunks(part.shape):
        lay_transparent(part[rows], pixels[rows], _share_of(layer, rows))


def _share_of(layer: SavedLayer, rows: slice) -> Floats:
    """How much of the layer shows in these rows of its box, 0 to 1."""
    box = layer.box
    share: Floats = np.ones((rows.stop - rows.start, box.right - box.left), np.float32)
    if layer.transparency is not None:
        share *= layer.transparency[rows].astype(np.float32) / np.float32(255)
    if layer.mask is not None:
        mask = layer.mask[box.top + rows.start : box.top + rows.stop, box.left : box.right]
        share *= mask.astype(np.float32) / np.float32(255)
    return share


def _lay_saved(picture: Pixels, layer: SavedLayer) -> None:
    assert layer.pixels is not None
    box = layer.box
    part = picture[box.top : box.bottom, box.left : box.right]
    mask = None if layer.mask is None else layer.mask[box.top : box.bottom, box.left : box.right]
    for rows in row_chunks(part.shape):
        lay_rows(
            part[rows],
            layer.pixels[rows],
            None if mask is None else mask[rows],
            None if layer.transparency is None else layer.transparency[rows],
        )


def _as_retouch(layer: PixelLayer) -> Pixels:
    assert layer.transparency is not None
    step = np.iinfo(layer.pixels.dtype).max // 255
    return cast("Pixels", np.dstack([layer.pixels, layer.transparency.astype(layer.pixels.dtype) * step]))


# -- what differs -------------------------------------------------------------------------------------------------


def _with_paint(came: Pixels, kept: Pixels | None, added: Pixels | None, touched: Alpha, unexplained: Alpha) -> Pixels:
    """A retouch with what was painted laid over it, in its place."""
    full = np.iinfo(came.dtype).max
    retouch = kept if kept is not None else cast("Pixels", np.zeros((*came.shape[:2], 4), came.dtype))
    for rows in row_chunks(came.shape):
        part, where = retouch[rows], unexplained[rows] > 0
        if added is not None:
            over = added[rows].copy()
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


def _differences(
    came: Pixels,
    background: Pixels,
    ours: Sequence[PixelLayer],
    kept: Sequence[Pixels | None],
    added: Pixels | None,
) -> tuple[Alpha, Alpha]:
    """``(H, W)`` uint8, 1 where the picture is not what our layers give; and where those that were added do not explain
    it either.
    """
    touched, unexplained = np.zeros(came.shape[:2], np.uint8), np.zeros(came.shape[:2], np.uint8)
    for rows in row_chunks(came.shape):
        given = background[rows].copy()
        for layer in ours:
            mask, transparency = layer.mask, layer.transparency
            lay_rows(
                given,
                layer.pixels[rows],
                None if mask is None else mask[rows],
                None if transparency is None else transparency[rows],
            )
        for retouch in kept:
            if retouch is not None:
                lay_rows(given, retouch[rows][..., :3], _to_8(retouch[rows][..., 3]), None)
        touched[rows] = _differs(came[rows], given)
        if added is not None:
            lay_rows(given, added[rows][..., :3], _to_8(added[rows][..., 3]), None)
            unexplained[rows] = _differs(came[rows], given)
    touched = _without_gaps(touched)
    return touched, touched if added is None else _without_gaps(unexplained)


def _differs(came: Pixels, given: Pixels) -> np.ndarray:
    change = cv2.absdiff(came, given)
    return np.maximum(np.maximum(change[..., 0], change[..., 1]), change[..., 2]) > _tolerance(came)


def _without_gaps(plane: Alpha) -> Alpha:
    if not plane.any():
        return plane
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_GAP, _GAP))
    return cast("Alpha", cv2.morphologyEx(plane, cv2.MORPH_CLOSE, disc))


def _is_same(retouch: Pixels | None, former: Pixels | None) -> bool:
    """Whether two retouches show the same but for rounding."""
    if retouch is None or former is None:
        return (retouch is None or not retouch[..., 3].any()) and (former is None or not former[..., 3].any())
    tolerance = _tolerance(retouch)
    for rows in row_chunks(retouch.shape):
        change = cv2.absdiff(retouch[rows], former[rows])
        shown = former[rows][..., 3] > 0
        if change[..., 3].max(initial=0) > tolerance or change[..., :3][shown].max(initial=0) > tolerance:
            return False
    return True


def _tolerance(pixels: Pixels) -> int:
    return _TOLERANCE * (np.iinfo(pixels.dtype).max // 255)


def _to_8(plane: np.ndarray) -> Alpha:
    if plane.dtype == np.uint16:
        plane = ((plane.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return cast("Alpha", plane)


def _in_depth(pixels: Pixels, bits: int) -> Pixels:
    if pixels.dtype.itemsize * 8 == bits:
        return pixels
    if bits == 16:
        return pixels.astype(np.uint16) * np.uint16(257)
    return cast("Pixels", _to_8(pixels))


def _require_upright(written: Pixels, came: Pixels) -> None:
    """Refuse a picture that was turned or mirrored: its masks and its paint belong to other pixels now.

    Raises
    ------
    KnownError
        It fits the one that was written far better when it is turned back.
    """
    ours, theirs = _small(written), _small(came)
    difference = float(np.abs(theirs - ours).mean())
    turned = [theirs[::-1], theirs[:, ::-1], theirs[::-1, ::-1]]
    if written.shape[0] == written.shape[1]:
        turned += [np.rot90(theirs), np.rot90(theirs, 3)]
    best = min(float(np.abs(other - ours).mean()) for other in turned)
    if difference > 4 and best < difference / 4:
        raise KnownError(
            "it was turned or mirrored in Photoshop",
            remedy="Turn it back as the photograph is, save it, and take it back again.",
        )


def _small(pixels: Pixels) -> np.ndarray:
    """``(64, 64, 3)`` float32 in levels of 255."""
    small = cv2.resize(pixels, (_LOOK_SIDE, _LOOK_SIDE), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / (np.iinfo(pixels.dtype).max // 255)
