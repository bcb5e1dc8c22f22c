"""Whatever lies in a dropped folder ends in one clear sentence, never in a traceback or a wrong picture."""

from __future__ import annotations

import io
import os
import struct
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image
from psd_tools import PSDImage

from engine.domain.errors import KnownError
from engine.imaging.raster.decode import decode_picture, read_picture
from engine.imaging.raster.headers import SUPPORTED_SUFFIXES, read_header
from engine.imaging.raster.stored import MAX_PIXELS

READERS = pytest.mark.parametrize("read", [read_header, read_picture])
ADOBE_RGB = imagecodecs.cms_profile("adobergb")


def sample(height: int = 40, width: int = 56) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    rng = np.random.default_rng(11)
    return (np.dstack([x * 4, y * 6, x + y]) + rng.integers(0, 20, (height, width, 3))).clip(0, 255).astype(np.uint8)


def by_pillow(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    block = Image.Exif()
    block[271], block[274] = "Studio Make", 6
    block.get_ifd(34665)[37500] = bytes(range(100))
    Image.fromarray(sample()).save(buffer, kind, icc_profile=ADOBE_RGB, exif=block.tobytes(), **options)  # pyright: ignore[reportArgumentType]
    return buffer.getvalue()


def by_tifffile(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, photometric="rgb", iccprofile=ADOBE_RGB, metadata=None, **options)
    return buffer.getvalue()


def heic() -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(sample())).save(buffer, quality=80)
    return buffer.getvalue()


def psd() -> bytes:
    buffer = io.BytesIO()
    PSDImage.frompil(Image.fromarray(sample())).save(buffer)
    return buffer.getvalue()


FILES: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: by_pillow("JPEG", quality=90),
    "progressive jpeg": lambda: by_pillow("JPEG", progressive=True),
    "png": lambda: by_pillow("PNG"),
    "16-bit png": lambda: cv2.imencode(".png", sample().astype(np.uint16) * 257)[1].tobytes(),
    "tiff": lambda: by_tifffile(sample(), rowsperstrip=8),
    "lzw tiff": lambda: by_tifffile(
        sample().astype(np.uint16) * 257, compression="lzw", predictor=True, rowsperstrip=8
    ),
    "tiled bigtiff": lambda: by_tifffile(sample(), bigtiff=True, tile=(16, 16), compression="zlib"),
    "webp": lambda: by_pillow("WEBP", quality=80),
    "heic": heic,
    "avif": lambda: imagecodecs.avif_encode(sample(), level=80),
    "psd": psd,
}


@pytest.fixture(scope="module", params=FILES)
def sound(request: pytest.FixtureRequest) -> tuple[str, bytes]:
    """One sound file of each format; reading it must work."""
    data = FILES[request.param]()
    decode_picture(data)
    return request.param, data


def test_cut_off_files_are_refused(sound: tuple[str, bytes], tmp_path: Path) -> None:
    name, data = sound
    path = tmp_path / "cut.bin"
    ends = [1, 3, 8, 20, *np.linspace(30, len(data) - 2, 40).astype(int).tolist()]
    for end in ends:
        path.write_bytes(data[:end])
        with pytest.raises(KnownError) as caught:
            read_picture(path)
        assert "\n" not in str(caught.value), name


@pytest.mark.parametrize("name", ["jpeg", "progressive jpeg", "png", "16-bit png", "tiff", "lzw tiff", "webp", "psd"])
def test_half_a_file_is_called_cut_off(name: str, tmp_path: Path) -> None:
    data = FILES[name]()
    path = tmp_path / "half.bin"
    path.write_bytes(data[: len(data) * 3 // 4])
    with pytest.raises(KnownError) as caught:
        read_picture(path)
    assert str(caught.value) == (
        f"{path.as_posix()}: the file is cut off before the end of the picture. "
        "Copy it again from the camera or the server."
    )


def test_flipped_bytes_raise_nothing_but_a_sentence(sound: tuple[str, bytes], tmp_path: Path) -> None:
    """A flip may go unseen inside pixel data without checksums; it may not raise anything else."""
    name, data = sound
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    path = tmp_path / "flipped.bin"
    for _ in range(250):
        broken = bytearray(data)
        # Half of the flips hit the first 600 bytes, where the structure is.
        top = len(data) if rng.random() < 0.5 else min(600, len(data))
        for at in rng.integers(0, top, rng.integers(1, 5)):
            broken[at] = rng.integers(0, 256)
        if rng.random() < 0.2:
            del broken[int(rng.integers(1, len(broken))) :]
        path.write_bytes(broken)
        for read in (read_header, read_picture):
            try:
                read(path)
            except KnownError as error:
                assert len(str(error)) < 600  # noqa: PT017


@READERS
def test_tiff_with_two_widths(tmp_path: Path, read: Callable[[Path], object]) -> None:
    """tifffile hands on a tuple where the width tag's count is damaged; it was compared with a number."""
    data = bytearray(FILES["tiff"]())
    (first,) = struct.unpack_from("<I", data, 4)
    at = data.index(struct.pack("<HHI", 256, data[data.index(struct.pack("<H", 256), first) + 2], 1), first)
    struct.pack_into("<HI", data, at + 2, 3, 2)
    path = tmp_path / "a.tif"
    path.write_bytes(data)
    with pytest.raises(KnownError, match="this TIFF is damaged"):
        read(path)


def test_png_damage_never_goes_unseen(tmp_path: Path) -> None:
    """PNG carries checksums: a changed byte in the pixel data is refused, not decoded to other colours."""
    data = FILES["16-bit png"]()
    start = data.index(b"IDAT") + 8
    path = tmp_path / "a.png"
    for at in range(start, len(data) - 20, 97):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        with pytest.raises(KnownError):
            read_picture(path)


@READERS
def test_what_is_no_picture(tmp_path: Path, read: Callable[[Path], object]) -> None:
    cases = {
        b"": "the file is empty",
        b"Dear studio, please find attached": "this is not a picture that Chromask knows",
        b"GIF89a" + bytes(50): "this is a GIF, which Chromask does not read",
        b"%PDF-1.7" + bytes(50): "this is a PDF",
        b"FUJIFILMCCD-RAW " + bytes(50): "this is a camera raw file",
        b"\0\0\0\x18ftypcrx " + bytes(50): "this is a camera raw file",
        b"\0\0\0\x18ftypisom" + bytes(50): "this is not a picture",
        b"\xff\xd8": "the file is cut off",
    }
    path = tmp_path / "photo.jpg"
    for data, sentence in cases.items():
        path.write_bytes(data)
        with pytest.raises(KnownError) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path.as_posix()}: {sentence}")
        assert caught.value.remedy.endswith(".")


@READERS
def test_what_cannot_be_opened(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(KnownError, match="the file is not there"):
        read(tmp_path / "missing.jpg")
    with pytest.raises(KnownError, match="this is a folder"):
        read(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.jpg")
        with pytest.raises(KnownError, match="a device and not a file"):
            read(tmp_path / "pipe.jpg")


@READERS
@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps permissions elsewhere")
def test_unreadable_file(tmp_path: Path, read: Callable[[Path], object]) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(FILES["jpeg"]())
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(KnownError, match="permission was denied"):
        read(path)


def bomb_png() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(1000))), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def bomb_jpeg() -> bytes:
    data = bytearray(FILES["jpeg"]())
    at = data.index(b"\xff\xc0")
    struct.pack_into(">HH", data, at + 5, 60_000, 60_000)
    return bytes(data)


def bomb_psd() -> bytes:
    data = bytearray(psd())
    struct.pack_into(">II", data, 14, 60_000, 60_000)
    struct.pack_into(">H", data, 4, 1)
    return bytes(data)


@READERS
@pytest.mark.parametrize("bomb", [bomb_png, bomb_jpeg, bomb_psd])
def test_decompression_bomb(tmp_path: Path, bomb: Callable[[], bytes], read: Callable[[Path], object]) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(bomb())
    tracemalloc.start()
    try:
        with pytest.raises(KnownError) as caught:
            read(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**24  # its pixels would take ten gigabytes
    assert "60000 × 60000 pixels (3,600 megapixels)" in str(caught.value)
    assert f"the limit of {MAX_PIXELS // 10**6} megapixels" in str(caught.value)


@READERS
def test_one_line_of_millions_of_pixels(tmp_path: Path, read: Callable[[Path], object]) -> None:
    path = tmp_path / "line.png"
    header = struct.pack(">IIBBBBB", 2_000_000, 1, 8, 2, 0, 0, 0)
    body = bomb_png()
    path.write_bytes(body[:16] + header + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + body[33:])
    with pytest.raises(KnownError, match="300,000 pixels a side"):
        read(path)


def test_profile_bomb_is_left_out(tmp_path: Path) -> None:
    """A few kilobytes of iCCP that inflate to gigabytes are no profile."""
    data = FILES["16-bit png"]()
    body = b"x\0\0" + zlib.compress(bytes(200 * 2**20), 9)
    chunk = struct.pack(">I", len(body)) + b"iCCP" + body + struct.pack(">I", zlib.crc32(b"iCCP" + body))
    path = tmp_path / "a.png"
    path.write_bytes(data[:33] + chunk + data[33:])
    assert "cannot be read" in read_header(path).notices[0]


def test_content_counts_and_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "really.jpg"
    path.write_bytes(FILES["png"]())
    assert read_header(path).format == "PNG"
    assert {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".heic", ".heif", ".psd", ".psb"} <= SUPPORTED_SUFFIXES
    assert all(suffix == suffix.lower() for suffix in SUPPORTED_SUFFIXES)


def test_a_header_takes_no_decoding(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(np.tile(sample(), (60, 60, 1))).save(path, quality=90, icc_profile=ADOBE_RGB)  # 8 megapixels
    began = time.process_time()
    read_picture(path)
    decoded = time.process_time()
    for _ in range(10):
        read_header(path)
    assert time.process_time() - decoded < decoded - began  # ten headers in less than one decode


def test_names_with_odd_characters(tmp_path: Path) -> None:
    path = tmp_path / "line\nbreak ΔE 写真.jpg"
    path.write_bytes(b"no picture")
    with pytest.raises(KnownError) as caught:
        read_header(path)
    assert "\n" not in str(caught.value)
