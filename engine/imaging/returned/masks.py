"""The masks that came back, and which layers of a saved document are Chromask's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from engine.imaging.psd.document import FIRST_LAYER_ID
from engine.imaging.psd.saved_document import SavedDocument
from engine.imaging.psd.saved_layers import SavedLayer
from engine.imaging.returned.mask_curve import without_curve

if TYPE_CHECKING:
    from engine.domain.picture import Alpha


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


def returned_mask(written: Alpha, layer_mask: Alpha | None, channel: Alpha | None) -> ReturnedMask:
    """The mask of a result: whichever of its two copies in the file was changed, to the last level.

    A curve that a program laid over one of them is no change, see `engine.imaging.returned.mask_curve`.

    Parameters
    ----------
    written : ndarray
        ``(H, W)`` uint8, as both were written.
    layer_mask, channel : ndarray or None
        The same, as they came back; None where the file has it no more, which says nothing about the mask.
    """
    meant = [without_curve(written, plane) for plane in (layer_mask, channel) if plane is not None]
    changed = [plane for plane in meant if not np.array_equal(plane, written)]
    if not changed:
        return ReturnedMask(None)
    if len(changed) == 2 and not np.array_equal(changed[0], changed[1]):
        return ReturnedMask(None, is_contradictory=True)
    return ReturnedMask(changed[0])


def saved_mask(layer: SavedLayer, saved: SavedDocument) -> Alpha | None:
    """The mask of a layer, ``(H, W)`` uint8: its layer mask, or its transparency, into which Photoshop turns a mask
    that is applied; None for a layer that shows everywhere.
    """
    mask = layer.mask
    if mask is not None:
        return mask
    transparency = layer.transparency
    if transparency is None or (layer.box.extent == saved.extent and transparency.min() == 255):
        return None
    alpha = np.zeros((saved.extent.height, saved.extent.width), np.uint8)
    alpha[layer.box.top : layer.box.bottom, layer.box.left : layer.box.right] = transparency
    return cast("Alpha", alpha)


def own_layers(names: Sequence[str], saved: SavedDocument) -> dict[str, SavedLayer]:
    """The layers that Chromask wrote, by the names that it gave them; those that are gone left out.

    Photoshop keeps a layer's id whatever becomes of its name and place. Other programs drop the ids or number the
    layers anew, so an id alone says nothing where the layer bears the name of another one of ours, or has lost the mask
    that a layer of the name still has.

    Parameters
    ----------
    names : sequence of str
        Of all layers over the background, from the bottom up, as they were written.
    """
    layers = [layer for layer in saved.layers if not layer.is_background]
    found: dict[str, SavedLayer] = {}
    for layer_id, name in enumerate(names, start=FIRST_LAYER_ID):
        by_name = [layer for layer in layers if layer.name == name]
        by_id = [
            layer for layer in layers if layer.layer_id == layer_id and (layer.name == name or layer.name not in names)
        ]
        sure = [layer for layer in by_id if layer.name == name]
        likely = [layer for layer in by_id if layer.has_mask or not by_name]
        if candidates := sure or likely or by_name:
            found[name] = candidates[0]
    return found
