"""Layered documents for independent readers: small, of odd size, every plane different, with a true composite."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from engine.domain.geometry import Extent
from engine.imaging.psd.document import AlphaChannel, LayeredDocument, PixelLayer
from engine.imaging.psd.paths import Subpath, VectorPath

ACCENTS = "Überzug «été» Ångström"
JAPANESE = "赤いワンピース・裾"
LONG = "a name that goes on: " + ", ".join(["ärmelloses Top mit Stehkragen"] * 12)
"""More than the 255 bytes of a Pascal string, and more than 255 characters."""

assert len(LONG) > 255


@dataclass(frozen=True)
class Rgb:
    """Primaries and white point as x, y (their standards' own), and the exponent of the transfer function."""

    primaries: tuple[float, ...]
    white: tuple[float, float]
    gamma: float


D65, D50 = (0.3127, 0.3290), (0.3457, 0.3585)
SPACES = {
    "sRGB": Rgb((0.64, 0.33, 0.30, 0.60, 0.15, 0.06), D65, 2.2),
    "AdobeRGB-compatible": Rgb((0.64, 0.33, 0.21, 0.71, 0.15, 0.06), D65, 563 / 256),
    "ProPhoto": Rgb((0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001), D50, 1.8),
}


@lru_cache
def profile(name: str) -> bytes:
    """A matrix profile with a pure power as its curve."""
    space = SPACES[name]
    return imagecodecs.cms_profile(
        "rgb", whitepoint=[*space.white, 1.0], primaries=[*space.primaries], gamma=space.gamma
    )


def gradient(width: int, height: int, turns: float) -> NDArray[np.uint8]:
    """A soft ramp across the picture in a direction of its own, with hard 0 and 255 at its ends."""
    y, x = np.mgrid[:height, :width]
    angle = 2 * np.pi * turns
    ramp = np.cos(angle) * (x + 0.5) / width + np.sin(angle) * (y + 0.5) / height
    low, high = ramp.min(), ramp.max()
    return (np.clip((ramp - low) / (high - low) * 1.6 - 0.3, 0, 1) * 255).round().astype(np.uint8)


def flattened(document: LayeredDocument) -> NDArray[np.float64]:
    """The layers over each other in normal mode, ``(H, W, 3)`` in the document's levels, unrounded."""
    result = document.background.astype(np.float64)
    for layer in document.layers:
        if layer.is_hidden:
            continue
        share = np.ones(result.shape[:2])
        for alpha in (layer.mask, layer.transparency):
            if alpha is not None:
                share *= alpha / 255
        result += (layer.pixels.astype(np.float64) - result) * share[..., None]
    return result


def layered_document(
    width: int = 101, height: int = 67, bit_depth: int = 8, space: str = "sRGB", seed: int = 5
) -> LayeredDocument:
    """What an export of a match and an edit that a retoucher worked on holds, with names of every kind.

    Smooth areas beside noise; the flattened composite; three masks; a path around the middle.
    """
    random = np.random.default_rng(seed)
    top = 2**bit_depth - 1
    dtype = np.uint16 if bit_depth == 16 else np.uint8

    def pixels() -> NDArray[np.uint8 | np.uint16]:
        drawn = random.integers(0, top, (height, width, 3), dtype, endpoint=True)
        ramp = np.linspace(0, top, width) * random.random()
        drawn[: height // 2, :, :] = ramp[None, :, None].astype(dtype)
        drawn[: height // 3, : width // 2] = random.integers(0, top, 3, dtype, endpoint=True)
        return drawn

    masks = [gradient(width, height, number / 7) for number in range(4)]
    box = np.array([[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]])
    document = LayeredDocument(
        Extent(width, height),
        bit_depth,
        background=pixels(),
        layers=(
            PixelLayer(ACCENTS, pixels(), masks[0]),
            PixelLayer(JAPANESE, pixels(), masks[1]),
            PixelLayer(LONG, pixels(), transparency=masks[2]),
        ),
        alpha_channels=(
            AlphaChannel(JAPANESE, masks[1]),
            AlphaChannel(LONG, masks[3]),
            AlphaChannel("socks", masks[0]),
        ),
        composite=np.zeros((height, width, 3), dtype),
        icc=profile(space),
        dpi=(300.0, 300.0),
        paths=(VectorPath(ACCENTS, (Subpath(np.repeat(box[:, None], 3, axis=1)),)),),
    )
    composite = np.rint(flattened(document)).astype(dtype)
    return LayeredDocument(
        **{name: getattr(document, name) for name in LayeredDocument.__dataclass_fields__} | {"composite": composite}
    )
