"""TIFFs of every layout come in as they were written; what cannot be matched is refused with a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from engine.domain.errors import KnownError
from engine.imaging.raster.decode import read_picture
from engine.imaging.raster.headers import read_header
from tests.unit.drawn_photographs import ADOBE_RGB, noise, smooth


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "lzw", "predictor": True},
        {"compression": "zlib", "tile": (16, 32)},
        {"planarconfig": "separate", "rowsperstrip": 5},
        {"bigtiff": True, "compression": "packbits"},
    ],
    ids=lambda options: "-".join(options) or "plain",
)
def test_tiff_layouts(tmp_path: Path, options: dict[str, object], dtype: type, byteorder: str) -> None:
    path = tmp_path / "a.tif"
    pixels = noise(dtype)
    big = bool(options.get("bigtiff"))
    stored = np.moveaxis(pixels, -1, 0) if options.get("planarconfig") == "separate" else pixels
    with tifffile.TiffWriter(path, byteorder=byteorder, bigtiff=big) as tiff:
        rest = {key: value for key, value in options.items() if key != "bigtiff"}
        tiff.write(stored, photometric="rgb", iccprofile=ADOBE_RGB, metadata=None, **rest)
    header = read_header(path)
    assert (header.format, header.mode, header.bit_depth) == ("TIFF", "RGB", 8 * np.dtype(dtype).itemsize)
    found = read_picture(path)
    assert found.pixels.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(found.pixels, pixels)
    assert found.icc == ADOBE_RGB


def test_tiff_compressed_as_jpeg(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, smooth(), photometric="rgb", compression="jpeg", metadata=None)
    assert np.abs(read_picture(path).pixels.astype(int) - smooth()).max() <= 16


def test_tiff_grey_that_counts_from_white(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    grey = noise(np.uint16, channels=1)
    tifffile.imwrite(path, np.invert(grey), photometric="miniswhite", metadata=None)
    np.testing.assert_array_equal(read_picture(path).pixels[..., 1], grey)


def test_tiff_premultiplied_alpha_is_made_straight(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    color, alpha = noise(np.uint16), noise(np.uint16, channels=1) | 0x4000
    premultiplied = np.rint(color * (alpha[..., None] / 65535)).astype(np.uint16)
    tifffile.imwrite(
        path, np.dstack([premultiplied, alpha]), photometric="rgb", extrasamples=["assocalpha"], metadata=None
    )
    assert np.abs(read_picture(path).pixels.astype(int) - color).max() <= 3


def test_tiff_saved_selection_is_no_transparency(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    pixels = noise(channels=4)
    tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=["unspecified"], metadata=None)
    assert read_header(path).mode == "RGB"
    found = read_picture(path)
    assert found.alpha is None
    np.testing.assert_array_equal(found.pixels, pixels[..., :3])


def test_tiff_further_pages_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.stack([noise()] * 3), photometric="rgb", metadata=None)
    assert "The TIFF has 3 pages, of which only the first is used." in read_picture(path).notices


@pytest.mark.parametrize(
    ("pixels", "options", "sentence"),
    [
        (np.zeros((4, 4, 3), np.float32), {"photometric": "rgb"}, "floating-point"),
        (np.zeros((4, 4, 3), np.uint32), {"photometric": "rgb"}, "32-bit"),
        (np.zeros((4, 4, 3), np.uint8), {"photometric": "cielab"}, "Lab colour"),
        (np.zeros((4, 4, 4), np.uint8), {"photometric": "separated"}, "no ICC profile"),
        (np.zeros((4, 4), np.uint16), {"photometric": "cfa"}, "camera raw"),
        (np.zeros((4, 4, 3), np.uint8), {"photometric": "rgb", "extratags": [(50706, 1, 4, b"\1\4\0\0", True)]}, "raw"),
    ],
)
def test_tiff_that_cannot_be_matched(
    tmp_path: Path, pixels: np.ndarray, options: dict[str, object], sentence: str
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, metadata=None, **options)
    for read in (read_header, read_picture):
        with pytest.raises(KnownError, match=sentence) as caught:
            read(path)
        assert str(caught.value).startswith(path.as_posix())
