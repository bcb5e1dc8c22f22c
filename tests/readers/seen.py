"""What a reader saw of a document, and whether that is what was written."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.imaging.psd.document import BACKGROUND_NAME, LayeredDocument

Samples = NDArray[np.generic]


@dataclass
class SeenLayer:
    """``rgb`` is ``(H, W, 3)``, the others ``(H, W)``; None is what a layer does not have."""

    name: str
    rgb: Samples
    mask: Samples | None = None
    transparency: Samples | None = None


@dataclass
class Seen:
    """None is what the reader does not show; what it shows must be exact.

    Attributes
    ----------
    bits : int
        Of the reader's samples: some show 16-bit documents at 8, by their upper byte.
    layers : list of SeenLayer
        From the bottom up.
    alphas : list
        Name and ``(H, W)`` samples of each alpha channel, either of them None where the reader does not show it.
    flattened : ndarray
        ``(H, W, 3)``, the layers as the reader itself lays them over each other.
    """

    bits: int
    layers: list[SeenLayer] = field(default_factory=list[SeenLayer])
    alphas: list[tuple[str | None, Samples | None]] | None = None
    composite: Samples | None = None
    flattened: Samples | None = None
    icc: bytes | None = None
    dpi: float | None = None
    paths: list[str] | None = None


def require_same(seen: Seen, document: LayeredDocument) -> None:
    """Every pixel, mask and name that the reader shows; the flattened layers within one level of the composite."""
    assert [layer.name for layer in seen.layers] == [BACKGROUND_NAME, *(layer.name for layer in document.layers)]
    for found, wanted in zip(seen.layers[1:], document.layers, strict=True):
        exactly(found.rgb, shown(wanted.pixels, seen.bits), found.name)
        if wanted.mask is not None:
            exactly(found.mask, alpha_at(wanted.mask, seen.bits), f"mask of {found.name}")
        else:
            assert found.mask is None, f"{found.name} has no mask"
        if found.transparency is not None:
            whole = np.full(document.background.shape[:2], 255, np.uint8)
            transparency = whole if wanted.transparency is None else wanted.transparency
            exactly(found.transparency, alpha_at(transparency, seen.bits), f"transparency of {found.name}")
    exactly(seen.layers[0].rgb, shown(document.background, seen.bits), "the background")
    assert seen.layers[0].mask is None
    require_same_picture(seen, document)


def require_same_picture(seen: Seen, document: LayeredDocument) -> None:
    """As `require_same`, without the layers themselves."""
    if seen.alphas is not None:
        assert len(seen.alphas) == len(document.alpha_channels)
        for (name, samples), channel in zip(seen.alphas, document.alpha_channels, strict=True):
            assert name in (None, channel.name)
            if samples is not None:
                exactly(samples, alpha_at(channel.alpha, seen.bits), f"alpha channel {channel.name}")
    if seen.composite is not None:
        exactly(seen.composite, shown(document.composite, seen.bits), "the composite")
    if seen.flattened is not None:
        levels = document.composite / (257 if seen.bits < document.bit_depth else 1)
        # A reader that works at 8 bits cuts 16-bit samples off and rounds after every layer.
        room = 1 + len(document.layers) / 2 if seen.bits < document.bit_depth else 1
        assert np.abs(seen.flattened.astype(np.float64) - levels).max() <= room
    assert seen.icc in (None, document.icc), "the profile is not the same byte for byte"
    if seen.dpi is not None:
        assert document.dpi is not None
        assert seen.dpi == document.dpi[0]
    assert seen.paths in (None, [path.name for path in document.paths])


def shown(pixels: Samples, bits: int) -> Samples:
    return pixels >> 8 if pixels.dtype == np.uint16 and bits == 8 else pixels


def alpha_at(alpha: NDArray[np.uint8], bits: int) -> NDArray[np.uint16]:
    """0 to 255 as 0 to 65,535, exactly."""
    return alpha.astype(np.uint16) * (257 if bits == 16 else 1)


def exactly(found: Samples | None, wanted: Samples, what: str) -> None:
    assert found is not None, f"{what} is not there"
    assert found.shape == wanted.shape, what
    assert np.array_equal(found, wanted), f"{what} differs"
