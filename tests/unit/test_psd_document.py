"""What a layered document accepts, and when it has to become a PSB."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.domain.errors import BugError, KnownError
from engine.domain.geometry import Extent
from engine.imaging.psd.document import AlphaChannel, LayeredDocument, PixelLayer, needs_psb

UINT16_ALPHA: Any = np.zeros((3, 5), np.uint16)
BOOLEAN_ALPHA: Any = np.zeros((3, 5), np.bool_)


def document(width: int = 5, height: int = 3, bit_depth: int = 8, **changes: Any) -> LayeredDocument:
    # Broadcast zeros: documents of any size in a few bytes of memory.
    zero = np.uint16(0) if bit_depth == 16 else np.uint8(0)
    pixels: Any = np.broadcast_to(zero, (height, width, 3))
    alpha = np.broadcast_to(np.uint8(0), (height, width))
    whole = LayeredDocument(
        Extent(width, height),
        bit_depth,
        pixels,
        (PixelLayer("matched", pixels, alpha),),
        (AlphaChannel("garment", alpha),),
        pixels,
    )
    return replace(whole, **changes)


def test_it_refuses_8_bit_planes_in_a_16_bit_document() -> None:
    with pytest.raises(BugError, match=r"background is .* uint8, the document needs .* uint16"):
        replace(document(), bit_depth=16)


def test_it_takes_a_consistent_document() -> None:
    assert document().layers[0].name == "matched"


@pytest.mark.parametrize(
    "changes",
    [
        {"bit_depth": 32},
        {"extent": Extent(3, 5)},
        {"extent": Extent(0, 3)},
        {"background": np.zeros((3, 5, 4), np.uint8)},
        {"composite": np.zeros((3, 5, 3), np.uint16)},
        {"composite": np.zeros((3, 6, 3), np.uint8)},
        {"layers": (PixelLayer("", np.zeros((3, 5, 3), np.uint8)),)},
        {"layers": (PixelLayer("a", np.zeros((5, 3, 3), np.uint8)),)},
        {"layers": (PixelLayer("a", np.zeros((3, 5, 3), np.uint8), np.zeros((3, 4), np.uint8)),)},
        {"layers": (PixelLayer("a", np.zeros((3, 5, 3), np.uint8), UINT16_ALPHA),)},
        {"alpha_channels": (AlphaChannel("", np.zeros((3, 5), np.uint8)),)},
        {"alpha_channels": (AlphaChannel("a\0b", np.zeros((3, 5), np.uint8)),)},
        {"alpha_channels": (AlphaChannel("\udc80", np.zeros((3, 5), np.uint8)),)},
        {"alpha_channels": (AlphaChannel("a", BOOLEAN_ALPHA),)},
    ],
)
def test_it_refuses_what_does_not_fit_together(changes: dict[str, Any]) -> None:
    with pytest.raises(BugError):
        document(**changes)


def test_fifty_three_masks_fit_and_one_more_does_not() -> None:
    alpha = np.zeros((3, 5), np.uint8)
    masks = tuple(AlphaChannel(f"mask {number}", alpha) for number in range(54))
    assert len(document(alpha_channels=masks[:53]).alpha_channels) == 53
    with pytest.raises(KnownError, match="54 masks are too many"):
        document(alpha_channels=masks)


def test_a_side_of_more_than_300_000_pixels_is_refused() -> None:
    with pytest.raises(KnownError, match="too many for a Photoshop file"):
        document(300_001, 1)


@pytest.mark.parametrize(
    ("width", "height", "bit_depth", "psb"),
    [
        (6000, 4000, 16, False),
        (30_000, 10, 8, False),
        (30_001, 10, 8, True),
        (10, 30_001, 8, True),
        (9504, 6336, 16, False),  # 61 megapixels: 12 planes of 120 MB
        (11_648, 8736, 16, True),  # 102 megapixels: 12 planes of 204 MB
        (11_648, 8736, 8, False),
    ],
)
def test_psb_begins_where_psd_ends(width: int, height: int, bit_depth: int, psb: bool) -> None:
    assert needs_psb(document(width, height, bit_depth)) is psb


@pytest.mark.parametrize("dpi", [None, (0.0, 0.0), (300.0, 0.0), (float("nan"), 72.0), (1e9, 1e9), (-72.0, 72.0)])
def test_a_resolution_photoshop_cannot_hold_is_left_out(dpi: tuple[float, float] | None) -> None:
    assert document(dpi=dpi).resolution is None


def test_a_plain_resolution_is_kept() -> None:
    assert document(dpi=(300.0, 299.5)).resolution == (300.0, 299.5)
