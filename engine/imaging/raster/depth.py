"""Bit depths of whole pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.domain.picture import Picture


def with_bit_depth(picture: Picture, bits: int) -> Picture:
    """The picture with 8 or 16 bits in each channel; a picture that has them is returned as it is.

    From 8 to 16 every value is multiplied by 257, which maps white to white exactly; from 16 to 8 it is divided by 257
    and rounded, so that 8 to 16 to 8 changes nothing.
    """
    if bits not in (8, 16):
        raise ValueError(f"pictures have 8 or 16 bits, not {bits}")
    if picture.bit_depth == bits:
        return picture
    if bits == 16:
        return replace(picture, pixels=picture.pixels.astype(np.uint16) * np.uint16(257))
    return replace(picture, pixels=((picture.pixels.astype(np.uint32) + 128) // 257).astype(np.uint8))
