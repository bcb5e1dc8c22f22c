"""Profiles: names, usability, and colours against LittleCMS' own front end and published figures."""

from __future__ import annotations

import io
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from engine.imaging.raster.icc import (
    convert_to_srgb,
    is_srgb,
    is_usable_profile,
    is_usable_rgb_profile,
    matrix_shaper,
    profile_color_space,
    profile_description,
    srgb_profile,
    to_8bit,
    to_srgb8,
)

ADOBE_RGB = imagecodecs.cms_profile("adobergb")
PROPHOTO = imagecodecs.cms_profile(  # ROMM RGB primaries (ISO 22028-2) under D50
    "rgb", whitepoint=[0.3457, 0.3585, 1.0], primaries=[0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001], gamma=1.8
)
GREY = imagecodecs.cms_profile("gray", gamma=2.2)


def test_srgb_profile_is_the_same_bytes_every_time() -> None:
    first = srgb_profile()
    srgb_profile.cache_clear()
    assert srgb_profile() == first
    assert first[24:36] == bytes([0x07, 0xD0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0])
    assert profile_description(first) == "sRGB built-in"


def test_profiles_are_told_apart() -> None:
    assert profile_description(ADOBE_RGB) == "Adobe RGB (compatible)"
    assert profile_description(b"no profile") is None
    assert profile_color_space(GREY) == "GRAY"
    assert is_usable_rgb_profile(ADOBE_RGB)
    assert not is_usable_rgb_profile(GREY)
    assert is_usable_profile(GREY, "GRAY")
    assert not is_usable_rgb_profile(ADOBE_RGB[:300])
    assert not is_usable_rgb_profile(b"")
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert profile_color_space(lab) == "Lab"
    assert not is_usable_rgb_profile(lab)


def test_profile_without_curves_is_not_usable() -> None:
    """A header and tag table that open are not enough: the transform has to be built."""
    broken = bytearray(ADOBE_RGB)
    for name, other in ((b"rTRC", b"zzz1"), (b"rXYZ", b"zzz2")):
        at = broken.index(name, 128)
        broken[at : at + 4] = other
    assert profile_color_space(bytes(broken)) == "RGB"
    assert not is_usable_rgb_profile(bytes(broken))


def test_srgb_is_known_by_its_values() -> None:
    value = np.linspace(0, 1, 1024)
    curve = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    own = imagecodecs.cms_profile(
        "rgb",
        whitepoint=[0.3127, 0.329, 1.0],
        primaries=[0.64, 0.33, 0.3, 0.6, 0.15, 0.06],
        transferfunction=np.round(curve * 65535).astype(np.uint16),
    )
    assert is_srgb(srgb_profile())
    assert own != srgb_profile()
    assert is_srgb(own)
    assert not is_srgb(ADOBE_RGB)
    assert not is_srgb(PROPHOTO)
    assert not is_srgb(GREY)


def test_srgb_pixels_are_not_touched() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    assert to_srgb8(pixels, None) is pixels
    assert to_srgb8(pixels, srgb_profile()) is pixels


def test_16_bit_is_rounded_to_the_nearest() -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    expected = np.floor(values / 257 + 0.5).astype(np.uint8)
    np.testing.assert_array_equal(to_8bit(values), expected)


@pytest.mark.parametrize("profile", [ADOBE_RGB, PROPHOTO], ids=["Adobe RGB", "ProPhoto"])
def test_8_bit_equals_pillow(profile: bytes) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        "RGB",
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    image = ImageCms.applyTransform(Image.fromarray(pixels), transform)
    assert image is not None
    assert np.abs(to_srgb8(pixels, profile).astype(int) - np.asarray(image)).max() <= 1


def test_adobe_rgb_against_its_definition() -> None:
    """Colours inside sRGB, from the Adobe RGB (1998) specification's gamma and the two matrices over D65."""
    to_xyz = np.array([[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]])
    from_xyz = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    colors = np.random.default_rng(2).uniform(0.3, 0.7, (50, 50, 3))
    linear = colors**2.19921875 @ to_xyz.T @ from_xyz.T
    inside = (linear > 0.01).all(axis=2) & (linear < 1).all(axis=2)
    expected = 255 * (1.055 * np.clip(linear, 0.0031308, 1) ** (1 / 2.4) - 0.055)
    assert inside.mean() > 0.5
    found = to_srgb8(np.round(colors * 65535).astype(np.uint16), ADOBE_RGB)
    assert np.abs(found - expected)[inside].max() < 0.8
    # 8-bit numbers are coarser themselves: half a step of them is several steps where sRGB's red nears zero.
    found = to_srgb8(np.round(colors * 255).astype(np.uint8), ADOBE_RGB)
    assert np.abs(found - expected)[inside].max() < 3.5
    assert np.abs(found - expected)[inside].mean() < 0.5


@pytest.mark.parametrize("profile", [ADOBE_RGB, PROPHOTO], ids=["Adobe RGB", "ProPhoto"])
def test_16_bit_equals_the_exact_pipeline(profile: bytes) -> None:
    """Over all colours, those outside sRGB included, against LittleCMS without its shortcuts."""
    pixels = np.random.default_rng(4).integers(0, 65536, (100, 100, 3), dtype=np.uint16)
    exact = imagecodecs.cms_transform(
        pixels,
        profile,
        srgb_profile(),
        colorspace="rgb",
        outcolorspace="rgb",
        outdtype="uint8",
        intent=1,
        flags=imagecodecs.CMS.FLAGS.BLACKPOINTCOMPENSATION | imagecodecs.CMS.FLAGS.NOOPTIMIZE,
    )
    assert np.abs(to_srgb8(pixels, profile).astype(int) - exact).max() <= 1


def test_table_profiles_have_no_matrix() -> None:
    assert matrix_shaper(ADOBE_RGB) is not None
    assert matrix_shaper(table_profile()) is None
    pixels = np.full((2, 2, 3), 30_000, np.uint16)
    assert to_srgb8(pixels, table_profile()).shape == (2, 2, 3)


def table_profile() -> bytes:
    """An ICC v2 RGB profile with a lut8 table of 2 x 2 x 2 nodes (ICC.1:2001-04, 6.5.8), lightness in all of Lab's."""
    nodes = bytes(value for n in range(8) for value in (min(255, 85 * bin(n).count("1")), 128 + n, 128 - n))
    identity = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    ramp = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes([3, 3, 2, 0]) + identity + ramp * 3 + nodes + ramp * 3
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 6) + b"Table\0" + bytes(78),
        b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061),
        b"A2B0": table,
    }
    directory, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        directory += name + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = bytearray(128)
    head[8:12], head[12:24], head[36:40] = b"\2\x10\0\0", b"scnrRGB Lab ", b"acsp"
    struct.pack_into(">3i", head, 68, 63190, 65536, 54061)
    struct.pack_into(">I", head, 0, 128 + len(directory) + len(body))
    return bytes(head) + directory + body


def test_large_pictures_go_through_in_strips() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (5, 2_500_000, 3), dtype=np.uint8)[:, ::2]
    whole = to_srgb8(pixels, ADOBE_RGB)
    np.testing.assert_array_equal(whole[4:], to_srgb8(pixels[4:], ADOBE_RGB))


def test_grey_goes_through_its_curve() -> None:
    values = np.array([[0, 64, 128, 255]], np.uint8)
    found = convert_to_srgb(values, GREY, "GRAY", np.dtype(np.uint8))
    linear = (values / 255) ** 2.2
    expected = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    assert found.shape == (1, 4, 3)
    assert np.abs(found - expected[..., None]).max() <= 1
