"""What a retoucher changed: new masks and painted pixels, found between what was written and what came back."""

from engine.imaging.returned.masks import ReturnedMask, own_layers, returned_mask, saved_mask
from engine.imaging.returned.painted import NEARLY_ALL, Painted, find_painted
from engine.imaging.returned.pictures import require_upright, shown_picture

__all__ = [
    "NEARLY_ALL",
    "Painted",
    "ReturnedMask",
    "find_painted",
    "own_layers",
    "require_upright",
    "returned_mask",
    "saved_mask",
    "shown_picture",
]
