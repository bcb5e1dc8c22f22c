"""What is written comes back whole, to Chromask and to independent readers."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from engine.domain.errors import KnownError
from engine.domain.picture import Picture
from engine.imaging.raster.decode import read_picture
from engine.imaging.raster.encode import (
    decode_mask,
    encode_mask,
    encode_png,
    encode_preview,
    write_png,
)
from engine.imaging.raster.jpeg_write import write_jpeg
from engine.imaging.raster.tiff_write import write_tiff

ADOBE_RGB = imagecodecs.cms_profile("adobergb")
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'


def drawn(dtype: type, height: int = 61, width: int = 83) -> np.ndarray:
    """Noise, so that no filter, predictor or strip border can hide a mistake."""
    top = np.iinfo(dtype).max
    return np.random.default_rng(7).integers(0, top, (height, width, 3), dtype=dtype, endpoint=True)


def exif_block(order: str = "<") -> bytes:
    block = Image.Exif()
    block.endian = order
    block[271], block[272], block[306] = "Studio Make", "Model X", "2024:05:06 07:08:09"
    block[282], block[283], block[296] = 72.0, 72.0, 2
    inner = block.get_ifd(34665)
    inner[33437], inner[36867], inner[37500] = 2.8, "2024:05:06 07:08:09", b"maker note of eleven words" * 4
    return block.tobytes().removeprefix(b"Exif\0\0")


def picture(dtype: type, *, alpha: bool = False, order: str = "<") -> Picture:
    pixels = drawn(dtype)
    mask = np.tile(np.linspace(0, 255, pixels.shape[1]).astype(np.uint8), (pixels.shape[0], 1)) if alpha else None
    return Picture(pixels, icc=ADOBE_RGB, alpha=mask, exif=exif_block(order), xmp=XMP, dpi=(300.0, 300.0))


def image_magick(path: Path) -> tuple[np.ndarray, bytes]:
    """The pixels at 16 bit and the profile, as ImageMagick reads them."""
    program = shutil.which("convert-im6.q16") or shutil.which("magick")
    if program is None:
        pytest.skip("ImageMagick is not installed")
    with Image.open(path) as image:
        size = image.size
    rgb = subprocess.run(
        [program, str(path), "-depth", "16", "-endian", "LSB", "rgb:-"], check=True, capture_output=True
    ).stdout
    profile = subprocess.run([program, str(path), "icc:-"], check=True, capture_output=True).stdout
    return np.frombuffer(rgb, "<u2").reshape(size[1], size[0], 3), profile


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1, 1), (7, 1), (1, 9), (33, 41), (33, 41, 3)])
def test_png_is_lossless_for_two_readers(dtype: type, shape: tuple[int, ...]) -> None:
    pixels = drawn(dtype, *shape[:2])
    pixels = pixels if len(shape) == 3 else pixels[..., 0]
    data = encode_png(np.asfortranarray(pixels), ADOBE_RGB if len(shape) == 3 else None)
    by_opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(by_opencv[..., ::-1] if len(shape) == 3 else by_opencv, pixels)
    np.testing.assert_array_equal(imagecodecs.png_decode(data), pixels)
    with Image.open(io.BytesIO(data)) as image:
        image.load()  # Pillow checks every checksum
        assert image.info.get("icc_profile") == (ADOBE_RGB if len(shape) == 3 else None)


@pytest.mark.parametrize("bad", [np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_png_refuses_what_it_cannot_hold(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        encode_png(bad)


def test_mask_comes_back_bit_for_bit() -> None:
    alpha = drawn(np.uint8)[..., 0]
    data = encode_mask(alpha)
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "L"
        np.testing.assert_array_equal(np.asarray(image), alpha)
    np.testing.assert_array_equal(decode_mask(data), alpha)


def test_mask_edited_elsewhere_is_read() -> None:
    alpha = drawn(np.uint8)[..., 0]
    buffer = io.BytesIO()
    Image.fromarray(np.dstack([alpha, alpha, alpha])).save(buffer, "PNG")
    np.testing.assert_array_equal(decode_mask(buffer.getvalue()), alpha)
    deep = encode_png(alpha.astype(np.uint16) * 257)
    np.testing.assert_array_equal(decode_mask(deep), alpha)


def test_broken_mask_is_a_sentence() -> None:
    data = encode_mask(drawn(np.uint8)[..., 0])
    for broken in (b"", b"no mask", data[: len(data) // 2], data[:60] + b"\xff\xff" + data[62:]):
        with pytest.raises(KnownError, match=r"^the mask .* Run the job again\.$"):
            decode_mask(broken)


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_lossless_export_keeps_everything(tmp_path: Path, suffix: str, dtype: type, alpha: bool) -> None:
    source = picture(dtype, alpha=alpha)
    path = tmp_path / f"out{suffix}"
    assert {".png": write_png, ".tif": write_tiff}[suffix](path, source) == ()
    back = read_picture(path)
    np.testing.assert_array_equal(back.pixels, source.pixels)
    assert back.pixels.dtype == dtype
    if alpha:
        assert source.alpha is not None
        assert back.alpha is not None
        np.testing.assert_array_equal(back.alpha, source.alpha)
    else:
        assert back.alpha is None
    assert back.icc == ADOBE_RGB
    assert back.xmp == XMP
    assert back.dpi == (300.0, 300.0)
    assert back.exif is not None
    tags = Image.Exif()
    tags.load(back.exif)
    assert (tags[271], tags[272], tags[306]) == ("Studio Make", "Model X", "2024:05:06 07:08:09")
    assert (tags[282], tags[283], tags[296]) == (300, 300, 2)
    assert tags.get_ifd(34665)[37500] == b"maker note of eleven words" * 4
    assert float(tags.get_ifd(34665)[33437]) == pytest.approx(2.8)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_for_independent_readers(tmp_path: Path, dtype: type, order: str) -> None:
    source = picture(dtype, order=order)
    path = tmp_path / "out.tif"
    write_tiff(path, source)
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        np.testing.assert_array_equal(page.asarray(), source.pixels)
        assert page.tags[34675].value == ADOBE_RGB
        assert page.tags["Make"].value == "Studio Make"
        assert page.tags["ExifTag"].value["DateTimeOriginal"] == "2024:05:06 07:08:09"
        assert len(tiff.pages) == 1
    with Image.open(path) as image:  # libtiff; 8 bit only
        assert image.info["dpi"] == (300, 300)
        assert image.getexif().get_ifd(34665)[36867] == "2024:05:06 07:08:09"
        if dtype is np.uint8:
            np.testing.assert_array_equal(np.asarray(image), source.pixels)
    assert np.array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1], source.pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_image_magick_reads_the_same(tmp_path: Path, suffix: str, dtype: type) -> None:
    source = picture(dtype)
    path = tmp_path / f"out{suffix}"
    {".png": write_png, ".tif": write_tiff}[suffix](path, source)
    pixels, profile = image_magick(path)
    wide = source.pixels.astype(np.uint16) * (257 if dtype is np.uint8 else 1)
    np.testing.assert_array_equal(pixels, wide)
    assert profile == ADOBE_RGB


@pytest.mark.parametrize("write", [write_png, write_tiff, write_jpeg])
def test_unwritable_target_is_a_sentence(tmp_path: Path, write: object) -> None:
    assert callable(write)
    with pytest.raises(KnownError, match="the file is not there"):
        write(tmp_path / "missing" / "out", picture(np.uint8))


def test_preview_is_small_and_srgb() -> None:
    grey = np.full((3000, 1500, 3), 128, np.uint8)
    data = encode_preview(grey, ADOBE_RGB)
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (1024, 2048)
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        assert "sRGB" in ImageCms.getProfileDescription(profile)
        # Adobe RGB 128 is (128 / 255) ** 2.19921875 linear, which sRGB encodes as 127.5.
        assert np.abs(np.asarray(image).astype(int) - 128).max() <= 1


def test_preview_keeps_small_pictures_and_takes_masks() -> None:
    with Image.open(io.BytesIO(encode_preview(drawn(np.uint16), None))) as image:
        assert image.size == (83, 61)
    with Image.open(io.BytesIO(encode_preview(np.full((50, 5000), 255, np.uint8), None))) as image:
        assert (image.mode, image.size) == ("L", (2048, 20))
        assert np.asarray(image).min() == 255


def test_png_exif_chunk_is_bare_and_resolution_agrees(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    write_png(path, picture(np.uint16))
    data = path.read_bytes()
    at = data.index(b"eXIf") + 4
    assert data[at : at + 4] == b"II*\0"  # the PNG specification forbids the JPEG prefix
    at = data.index(b"pHYs") + 4
    assert struct.unpack(">IIB", data[at : at + 9]) == (11811, 11811, 1)
