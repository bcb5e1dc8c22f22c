"""Photographs that come in as PSD or PSB: the flattened picture, its transparency and its profile."""

from __future__ import annotations

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from psd_tools import PSDImage

from engine.domain.errors import KnownError
from engine.imaging.raster.decode import read_picture
from engine.imaging.raster.headers import read_header
from tests.unit.drawn_photographs import ADOBE_RGB, noise


def psd_file(
    pixels: np.ndarray, *, icc: bytes | None, layers: bytes = b"", version: int = 1, rle: bool = False
) -> bytes:
    """A PSD or PSB after the specification; ``pixels`` is (H, W, C)."""
    height, width, channels = pixels.shape
    out = b"8BPS" + struct.pack(">H6xHIIHH", version, channels, height, width, pixels.dtype.itemsize * 8, 3)
    out += struct.pack(">I", 0)
    resources = b"8BIM" + struct.pack(">HHIIHHIHH", 1005, 0, 16, 300 << 16, 1, 1, 240 << 16, 1, 1)
    if icc is not None:
        resources += b"8BIM" + struct.pack(">HHI", 1039, 0, len(icc)) + icc + bytes(len(icc) % 2)
    out += struct.pack(">I", len(resources)) + resources
    out += struct.pack(">I" if version == 1 else ">Q", len(layers)) + layers
    planes = np.moveaxis(pixels, -1, 0).astype(pixels.dtype.newbyteorder(">"))
    if not rle:
        return out + b"\0\0" + planes.tobytes()
    rows = [imagecodecs.packbits_encode(row.tobytes()) for plane in planes for row in plane]
    lengths = struct.pack(f">{len(rows)}{'H' if version == 1 else 'I'}", *(len(row) for row in rows))
    return out + b"\0\1" + lengths + b"".join(rows)


@pytest.mark.parametrize("rle", [False, True])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_psd_composite(tmp_path: Path, dtype: type, version: int, rle: bool) -> None:
    path = tmp_path / "a.psd"
    pixels = noise(dtype)
    path.write_bytes(psd_file(pixels, icc=ADOBE_RGB, version=version, rle=rle))
    np.testing.assert_allclose(PSDImage.open(path).numpy(), pixels / np.iinfo(dtype).max, atol=1e-4)
    header = read_header(path)
    assert (header.format, header.mode, header.bit_depth) == ("PSD", "RGB", 8 * np.dtype(dtype).itemsize)
    found = read_picture(path)
    np.testing.assert_array_equal(found.pixels, pixels)
    assert (found.icc, found.alpha, found.dpi) == (ADOBE_RGB, None, (300, 240))


def test_psd_saved_selection_is_no_transparency(tmp_path: Path) -> None:
    path = tmp_path / "a.psd"
    pixels = noise(channels=4)
    path.write_bytes(psd_file(pixels, icc=None))
    found = read_picture(path)
    assert found.alpha is None
    np.testing.assert_array_equal(found.pixels, pixels[..., :3])


def test_psd_transparency_loses_its_white(tmp_path: Path) -> None:
    path = tmp_path / "a.psd"
    color, alpha = noise(), noise(channels=1) | 0x40
    share = alpha[..., None] / 255
    shown = np.rint(color * share + 255 * (1 - share)).astype(np.uint8)
    layers = struct.pack(">Ih", 2, -1)  # a negative layer count says that the first extra channel is transparency
    path.write_bytes(psd_file(np.dstack([shown, alpha]), icc=None, layers=layers))
    found = read_picture(path)
    assert found.alpha is not None
    np.testing.assert_array_equal(found.alpha, alpha)
    assert np.abs(found.pixels.astype(int) - color).max() <= 3


def test_psd_saved_by_psd_tools(tmp_path: Path) -> None:
    path = tmp_path / "a.psd"
    PSDImage.frompil(Image.fromarray(noise())).save(path)
    np.testing.assert_array_equal(read_picture(path).pixels, noise())


def test_psd_without_composite_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.psd"
    data = psd_file(noise(), icc=None)
    info = b"8BIM" + struct.pack(">HHIIB", 1057, 0, 5, 1, 0) + b"\0"
    (length,) = struct.unpack_from(">I", data, 30)
    path.write_bytes(data[:30] + struct.pack(">I", length + len(info)) + info + data[34:])
    with pytest.raises(KnownError, match="Maximize Compatibility"):
        read_picture(path)
