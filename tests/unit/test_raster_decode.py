"""Photographs of every format come in at full depth, upright, with profile and metadata."""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image, ImageCms

from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.imaging.raster.decode import read_picture
from engine.imaging.raster.headers import read_header
from engine.imaging.raster.icc import srgb_profile
from tests.unit.drawn_photographs import ADOBE_RGB, noise, smooth

NO_PROFILE = "No ICC profile is embedded, so sRGB is assumed."
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def saved(path: Path, pixels: np.ndarray, **options: object) -> Path:
    Image.fromarray(pixels).save(path, **options)  # pyright: ignore[reportArgumentType]
    return path


def orientation_block(orientation: int) -> bytes:
    block = Image.Exif()
    block[271] = "Studio Make"
    block[274] = orientation
    block[282], block[283], block[296] = 300.0, 150.0, 2
    block.get_ifd(34665)[40962] = 80
    block.get_ifd(34665)[40963] = 48
    return block.tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_orientation_is_applied_to_pixels_alpha_and_metadata(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / f"turned{suffix}"
    pixels = smooth()
    if suffix != ".jpg":
        pixels = np.dstack([pixels, np.tile(np.arange(80, dtype=np.uint8) * 3, (48, 1))])
    if suffix == ".tif":
        tifffile.imwrite(
            path, pixels, photometric="rgb", extrasamples=["unassalpha"], metadata=None,
            resolution=(300, 150), resolutionunit="INCH", extratags=[(274, 3, 1, orientation, True)],
        )  # fmt: skip
    else:
        options = {
            ".jpg": {"quality": 95, "dpi": (300, 150)},
            ".png": {"dpi": (300, 150)},
            ".webp": {"lossless": True, "exact": True},
        }
        saved(path, pixels, exif=orientation_block(orientation), **options[suffix])
    turn = {
        1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a, 2).swapaxes(0, 1), 8: lambda a: np.rot90(a),
    }[orientation]  # fmt: skip
    expected = turn(pixels)
    found = read_picture(path)
    swapped = orientation >= 5
    assert read_header(path).extent == found.extent == (Extent(48, 80) if swapped else Extent(80, 48))
    assert np.abs(found.pixels.astype(int) - expected[..., :3]).max() <= (8 if suffix == ".jpg" else 0)
    if suffix != ".jpg":
        assert found.alpha is not None
        np.testing.assert_array_equal(found.alpha, expected[..., 3])
    assert found.dpi == ((150, 300) if swapped else (300, 150))
    if suffix != ".tif":
        block = Image.Exif()
        assert found.exif is not None
        block.load(found.exif)
        assert (block[271], block[274]) == ("Studio Make", 1)
        assert (block.get_ifd(34665)[40962], block.get_ifd(34665)[40963]) == ((48, 80) if swapped else (80, 48))


def test_orientation_in_xmp_is_made_upright(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", smooth(), xmp=XMP)
    xmp = read_picture(path).xmp
    assert xmp == XMP.replace(b'"6"', b'"1"')


def test_stale_thumbnail_is_unlinked_and_maker_notes_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    block = Image.Exif()
    block.endian = "<"
    block[271], block[274] = "Studio Make", 6
    block.get_ifd(34665)[37500] = b"absolute offsets inside"
    raw = bytearray(block.tobytes().removeprefix(b"Exif\0\0"))
    (count,) = struct.unpack_from("<H", raw, 8)
    raw += b"\0" * (len(raw) % 2)
    struct.pack_into("<I", raw, 10 + 12 * count, len(raw))
    raw += struct.pack("<HHHIII", 1, 259, 3, 1, 6, 0)  # a second directory, as thumbnails have
    saved(path, smooth(), exif=b"Exif\0\0" + bytes(raw))
    found = read_picture(path).exif
    assert found is not None
    assert len(found) == len(raw)
    assert struct.unpack_from("<I", found, 10 + 12 * count) == (0,)
    assert found.index(b"absolute offsets inside") == raw.index(b"absolute offsets inside")


def test_jpeg_equals_two_readers(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", smooth(), quality=90, icc_profile=ADOBE_RGB, dpi=(300, 300))
    found = read_picture(path)
    with Image.open(path) as image:
        np.testing.assert_array_equal(found.pixels, np.asarray(image))
    np.testing.assert_array_equal(found.pixels, cv2.imread(str(path), cv2.IMREAD_COLOR_RGB))
    assert (found.icc, found.dpi, found.notices, found.path) == (ADOBE_RGB, (300, 300), (), path)
    assert found.pixels.flags.writeable
    header = read_header(path)
    assert (header.format, header.mode, header.bit_depth) == ("JPEG", "RGB", 8)
    assert header.icc == "Adobe RGB (compatible)"


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_with_a_thumbnail_picture_behind_it(tmp_path: Path, progressive: bool) -> None:
    """Phones append a second JPEG (MPO, gain map); the first is the photograph."""
    path = saved(tmp_path / "a.jpg", smooth(), quality=90, progressive=progressive)
    alone = read_picture(path).pixels
    path.write_bytes(path.read_bytes() + path.read_bytes() + b"trailer")
    np.testing.assert_array_equal(read_picture(path).pixels, alone)


def test_exif_that_says_srgb_needs_no_notice(tmp_path: Path) -> None:
    block = Image.Exif()
    block.get_ifd(34665)[40961] = 1
    assert read_picture(saved(tmp_path / "a.jpg", smooth(), exif=block.tobytes())).notices == ()
    assert read_picture(saved(tmp_path / "b.jpg", smooth())).notices == (NO_PROFILE,)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_16_bit_is_not_cut_to_8(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "deep.png"
    pixels = noise(np.uint16, channels=channels)
    order = {1: slice(None), 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
    cv2.imwrite(str(path), pixels[..., order] if channels > 1 else pixels)
    header = read_header(path)
    assert (header.bit_depth, header.mode) == (16, {1: "L", 3: "RGB", 4: "RGBA"}[channels])
    found = read_picture(path)
    assert found.pixels.dtype == np.uint16
    expected = np.dstack([pixels] * 3) if channels == 1 else pixels[..., :3]
    np.testing.assert_array_equal(found.pixels, expected)
    if channels == 4:
        assert found.alpha is not None
        assert np.abs(found.alpha * 257.0 - pixels[..., 3]).max() <= 128.5


def test_interlaced_png(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(interlaced(noise()))
    np.testing.assert_array_equal(read_picture(path).pixels, noise())


def interlaced(pixels: np.ndarray) -> bytes:
    """An Adam7 PNG after ISO/IEC 15948, 8.2: no library here writes one."""
    raw = b""
    for x, y, dx, dy in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        raw += b"".join(b"\0" + row.tobytes() for row in pixels[y::dy, x::dx])
    out = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    out.seek(0, 2)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 2, 0, 0, 1)
    for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")):
        out.write(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))
    return out.getvalue()


@pytest.mark.parametrize(
    ("mode", "sentence"),
    [
        ("L", "The picture is greyscale, so there is no colour to match; it was converted to RGB."),
        ("LA", "The picture is greyscale, so there is no colour to match; it was converted to RGB."),
        ("1", "The picture is black and white (1 bit), so there is no colour to match; it was converted to RGB."),
        ("P", "The palette colours were converted to RGB."),
        ("RGBA", "The picture has transparency, which was kept beside its RGB pixels."),
    ],
)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_other_modes_become_rgb_with_a_sentence(tmp_path: Path, suffix: str, mode: str, sentence: str) -> None:
    image = Image.fromarray(noise(channels=4)).convert(mode)
    path = tmp_path / f"a{suffix}"
    image.save(path)
    assert read_header(path).mode == mode
    found = read_picture(path)
    assert sentence in found.notices
    np.testing.assert_array_equal(found.pixels, np.asarray(image.convert("RGBA"))[..., :3])
    if mode.endswith("A"):
        assert found.alpha is not None
        np.testing.assert_array_equal(found.alpha, np.asarray(image.getchannel("A")))
    assert sentence.replace("were", "will be").replace("was", "will be") in read_header(path).notices


def test_broken_and_foreign_profiles_are_left_out(tmp_path: Path) -> None:
    grey = imagecodecs.cms_profile("gray", gamma=2.2)
    for profile, word in ((b"rubbish" * 50, "cannot be read"), (ADOBE_RGB[:400], "cannot be read"), (grey, "GRAY")):
        path = saved(tmp_path / "a.png", noise(), icc_profile=profile)
        found = read_picture(path)
        assert found.icc is None
        assert len(found.notices) == 1
        assert word in found.notices[0]
        assert found.notices == read_header(path).notices


def test_grey_profile_is_honoured(tmp_path: Path) -> None:
    """A grey picture with gamma 1.0 is lighter in sRGB than its numbers; linear 0.2140 is sRGB 127.5."""
    path = saved(
        tmp_path / "a.png", np.full((4, 4), 55, np.uint8), icc_profile=imagecodecs.cms_profile("gray", gamma=1.0)
    )
    found = read_picture(path)
    assert found.icc == srgb_profile()
    assert np.abs(found.pixels.astype(int) - 128).max() <= 1


def cmyk_profile() -> bytes:
    """An ICC v2 output profile with one lut8 table of 2 x 2 x 2 x 2 nodes (ICC.1:2001-04, 6.5.8)."""
    nodes = bytearray()
    for node in range(16):
        c, m, y, k = (node >> shift & 1 for shift in (3, 2, 1, 0))
        rgb = np.array([[[1 - c, 1 - m, 1 - y]]]) * (1 - k) * 255
        lab = np.asarray(
            ImageCms.profileToProfile(
                Image.fromarray(rgb.astype(np.uint8)),
                ImageCms.createProfile("sRGB"),
                ImageCms.createProfile("LAB"),
                outputMode="LAB",
            )
        )[0, 0]
        nodes += bytes([lab[0], lab[1] ^ 0x80, lab[2] ^ 0x80])  # Pillow's a and b are signed, lut8's are offset by 128
    identity = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    ramp = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + identity + ramp * 4 + bytes(nodes) + ramp * 3
    description = b"Test CMYK\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(description)) + description + bytes(78),
        b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061),
        b"A2B0": table,
        b"cprt": b"text\0\0\0\0none\0",
    }
    directory, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        directory += name + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = bytearray(128)
    head[8:12], head[12:24], head[36:40] = b"\2\x10\0\0", b"prtrCMYKLab ", b"acsp"
    struct.pack_into(">3i", head, 68, 63190, 65536, 54061)
    struct.pack_into(">I", head, 0, 128 + len(directory) + len(body))
    return bytes(head) + directory + body


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_goes_through_its_profile(tmp_path: Path, suffix: str) -> None:
    inks = np.zeros((32, 48, 4), np.uint8)
    inks[:, 16:32, 0] = 255  # cyan beside paper white and full black
    inks[:, 32:, 3] = 255
    profile = cmyk_profile()
    path = tmp_path / f"a{suffix}"
    Image.fromarray(inks, "CMYK").save(path, icc_profile=profile, quality=100)
    header = read_header(path)
    assert (header.mode, header.icc) == ("CMYK", "Test CMYK")
    found = read_picture(path)
    assert found.icc == srgb_profile()
    assert found.notices == ("CMYK was converted to sRGB through its profile “Test CMYK”.",)
    patches = found.pixels[16, [8, 24, 40]].astype(int)
    assert np.abs(patches - [[255, 255, 255], [0, 255, 255], [0, 0, 0]]).max() <= 12


def test_cmyk_without_profile_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(noise(channels=4), "CMYK").save(path)
    for read in (read_header, read_picture):
        with pytest.raises(KnownError, match="CMYK and has no ICC profile"):
            read(path)


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 95}])
def test_webp(tmp_path: Path, options: dict[str, object]) -> None:
    path = saved(tmp_path / "a.webp", smooth(), icc_profile=ADOBE_RGB, **options)
    found = read_picture(path)
    with Image.open(path) as image:
        np.testing.assert_array_equal(found.pixels, np.asarray(image))
    assert found.icc == ADOBE_RGB
    assert read_header(path).extent == Extent(80, 48)
    bare = saved(tmp_path / "bare.webp", smooth(), **options)
    assert read_header(bare).extent == Extent(80, 48)
    assert found.pixels.flags.writeable


@pytest.mark.parametrize("depth", [8, 10])
def test_heic(tmp_path: Path, depth: int) -> None:
    path = tmp_path / "a.heic"
    if depth == 8:
        heif = pillow_heif.from_pillow(Image.fromarray(smooth()))
    else:
        heif = pillow_heif.from_bytes("RGB;16", (80, 48), (smooth().astype(np.uint16) * 257).tobytes())
    heif.save(path, quality=95, chroma=444, icc_profile=ADOBE_RGB)
    header = read_header(path)
    assert (header.format, header.mode, header.extent) == ("HEIF", "RGB", Extent(80, 48))
    assert header.bit_depth == (8 if depth == 8 else 16)
    found = read_picture(path)
    top = 255 if depth == 8 else 65535
    assert found.pixels.dtype == (np.uint8 if depth == 8 else np.uint16)
    assert np.abs(found.pixels / top - smooth() / 255).mean() < 0.01
    assert found.pixels.max() > 0.99 * top  # the deep samples fill the whole range


def test_heic_is_turned_once(tmp_path: Path) -> None:
    path = tmp_path / "a.heic"
    heif = pillow_heif.from_pillow(Image.fromarray(smooth()))
    heif.save(path, quality=95, chroma=444, exif=orientation_block(6))
    found = read_picture(path)
    assert found.extent == read_header(path).extent == Extent(48, 80)
    assert np.abs(found.pixels.astype(int) - np.rot90(smooth(), -1)).mean() < 4


@pytest.mark.parametrize("depth", [8, 10, 12])
def test_avif(tmp_path: Path, depth: int) -> None:
    path = tmp_path / "a.avif"
    values = smooth() if depth == 8 else smooth().astype(np.uint16) << (depth - 8) | smooth() >> (16 - depth)
    path.write_bytes(imagecodecs.avif_encode(values, level=100, bitspersample=depth))
    header = read_header(path)
    assert (header.format, header.bit_depth) == ("HEIF", 8 if depth == 8 else 16)
    found = read_picture(path)
    top = 255 if depth == 8 else 65535
    assert np.abs(found.pixels / top - smooth() / 255).mean() < 0.01
    assert found.pixels.max() > 0.99 * top


def test_changed_file_is_told(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", smooth())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    read_picture(path, sha256=digest.upper())
    saved(path, smooth()[::-1])
    with pytest.raises(KnownError, match=r"the file changed since it was dropped\. Drop it again"):
        read_picture(path, sha256=digest)


def test_large_picture_leaks_no_pillow_warning(tmp_path: Path) -> None:
    """Pillow warns above 89 megapixels, which studio cameras pass."""
    path = tmp_path / "a.jpg"
    Image.new("L", (12_000, 8_000)).save(path, quality=10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_header(path).extent == Extent(12_000, 8_000)
        assert read_picture(path).extent == Extent(12_000, 8_000)


@pytest.mark.realdata
def test_real_photographs(shared_data: Path) -> None:
    paths = sorted((shared_data / "colour-pairs" / "train" / "input").glob("*.jpg"))[:6]
    assert paths
    for path in paths:
        found = read_picture(path)
        np.testing.assert_array_equal(found.pixels, cv2.imread(str(path), cv2.IMREAD_COLOR_RGB))
        assert read_header(path).extent == found.extent
