"""Masks that somebody painted, in any file format."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.imaging.masks.given import read_mask, without_haze

EXTENT = Extent(200, 150)


def painted() -> np.ndarray:
    mask = np.zeros((EXTENT.height, EXTENT.width), np.uint8)
    cv2.circle(mask, (90, 70), 40, 255, -1, cv2.LINE_AA)
    return mask


@pytest.mark.parametrize("name", ["mask.png", "mask.tif", "mask.jpg"])
def test_a_mask_is_read_as_it_was_painted(tmp_path: Path, name: str) -> None:
    truth = painted()
    cv2.imwrite(str(tmp_path / name), truth)
    mask = read_mask(tmp_path / name, EXTENT)
    if name.endswith(".jpg"):
        assert (mask[truth == 0] > 0).any()  # what JPEG makes of black beside an edge
        inside = without_haze(mask) > 0
        far = cv2.dilate(truth, np.ones((17, 17), np.uint8)) == 0
        assert not inside[far].any()
        assert inside[truth == 255].all()
    else:
        assert np.array_equal(mask, truth)


def test_sixteen_bits_and_transparency_are_read(tmp_path: Path) -> None:
    truth = painted()
    cv2.imwrite(str(tmp_path / "deep.png"), truth.astype(np.uint16) * 257)
    assert np.array_equal(read_mask(tmp_path / "deep.png", EXTENT), truth)
    cut_out = np.dstack([np.full((*truth.shape, 3), 90, np.uint8), truth])
    cv2.imwrite(str(tmp_path / "cut-out.png"), cut_out)
    assert np.array_equal(read_mask(tmp_path / "cut-out.png", EXTENT), truth)


def test_haze_is_below_a_sixteenth() -> None:
    values = np.arange(256, dtype=np.uint8)[None]
    clean = without_haze(values)
    assert clean.dtype == np.uint8
    assert not clean[0, :16].any()
    assert np.array_equal(clean[0, 16:], values[0, 16:])


def test_what_is_no_mask_of_this_photograph_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "mask.png"), painted())
    with pytest.raises(KnownError, match="the mask is 200 × 150, the photograph 10 × 10"):
        read_mask(tmp_path / "mask.png", Extent(10, 10))
    with pytest.raises(KnownError, match="changed since"):
        read_mask(tmp_path / "mask.png", EXTENT, sha256="0" * 64)
    cv2.imwrite(str(tmp_path / "black.png"), painted() * 0)
    with pytest.raises(KnownError, match="the mask is empty"):
        read_mask(tmp_path / "black.png", EXTENT)
    rng = np.random.default_rng(0)
    cv2.imwrite(str(tmp_path / "photo.png"), rng.integers(0, 255, (150, 200, 3), np.uint8))
    with pytest.raises(KnownError, match="a photograph and not a mask"):
        read_mask(tmp_path / "photo.png", EXTENT)
