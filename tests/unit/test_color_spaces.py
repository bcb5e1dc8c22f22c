"""CIELAB of encoded pixels: colour-science, LittleCMS and round trips are the oracles."""

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from engine.domain.errors import KnownError
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.icc import rgb_space, rommrgb_profile
from engine.imaging.color.spaces import lab_to_pixels, pixels_to_lab

SRGB = bytes(imagecodecs.cms_profile("srgb"))
ADOBE = bytes(imagecodecs.cms_profile("adobergb"))


def profile_of(tags: dict[bytes, bytes], kind: bytes = b"RGB ") -> bytes:
    """A version 4 display profile with these tags, written after ICC.1:2022, 7.2 and 7.3."""
    offset, table, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += struct.pack(">4sII", name, offset + len(body), len(data))
        body += data
    size = offset + len(body)
    header = struct.pack(">I4sI4s4s4s12x4s4x", size, b"none", 0x04400000, b"mntr", kind, b"XYZ ", b"acsp")
    header = header.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def matrix_profile(curve: bytes) -> bytes:
    """The D50-adapted sRGB colorants that the sRGB profiles of the ICC carry, with another tone curve."""
    colorants = {b"rXYZ": (0.43607, 0.22249, 0.01392), b"gXYZ": (0.38515, 0.71687, 0.09708)}
    colorants[b"bXYZ"] = (0.14307, 0.06061, 0.71410)
    tags = {n: b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in x)) for n, x in colorants.items()}
    return profile_of(tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def parametric(kind: int, *values: float) -> bytes:
    return b"para\0\0\0\0" + struct.pack(f">HH{len(values)}i", kind, 0, *(round(v * 65536) for v in values))


def test_srgb_agrees_with_colour_science() -> None:
    import colour

    pixels = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    pixels[0] = np.arange(100)[:, None]
    d65 = colour.CCS_ILLUMINANTS["CIE 1931 2 Degree Standard Observer"]["D65"]
    expected = colour.XYZ_to_Lab(colour.sRGB_to_XYZ(pixels / 255.0), d65)
    assert np.abs(pixels_to_lab(pixels, None) - expected).max() < 0.001


def test_an_adobe_rgb_profile_agrees_with_colour_science() -> None:
    import colour

    pixels = np.random.default_rng(0).integers(0, 65536, (60, 60, 3), dtype=np.uint16)
    space = colour.RGB_COLOURSPACES["Adobe RGB (1998)"]
    xyz = colour.RGB_to_XYZ(pixels / 65535.0, space, apply_cctf_decoding=True)
    expected = colour.XYZ_to_Lab(xyz, space.whitepoint)
    # 0.1: the profile's colorants are rounded to 1/65536 and its gamma to 563/256.
    assert np.abs(pixels_to_lab(pixels, ADOBE) - expected).max() < 0.1


@pytest.mark.parametrize("icc", [SRGB, ADOBE, rommrgb_profile()], ids=["sRGB", "Adobe RGB", "ROMM RGB"])
def test_littlecms_gives_the_same_colours(icc: bytes) -> None:
    pixels = np.random.default_rng(1).integers(2000, 65536, (50, 50, 3), dtype=np.uint16)
    wide = imagecodecs.cms_transform(
        pixels, icc, rommrgb_profile(), colorspace="rgb", outcolorspace="rgb", outdtype=np.uint16, intent=1
    )
    difference = delta_E_2000(pixels_to_lab(pixels, icc), pixels_to_lab(wide, rommrgb_profile()))
    assert difference.mean() < 0.02
    assert difference.max() < 0.2  # of a dark saturated blue, which 16-bit ROMM RGB resolves no better


@pytest.mark.parametrize("icc", [None, SRGB, ADOBE, rommrgb_profile()], ids=["none", "sRGB", "Adobe RGB", "ROMM RGB"])
def test_eight_bits_come_back_exactly(icc: bytes | None) -> None:
    greys = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    random = np.random.default_rng(2).integers(0, 256, (300, 256, 3), dtype=np.uint8)
    corners = np.array([[[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 255)]], np.uint8)
    for pixels in (greys, random, corners):
        assert np.array_equal(lab_to_pixels(pixels_to_lab(pixels, icc), icc, np.uint8), pixels)


def test_sixteen_bits_come_back_within_one_step() -> None:
    pixels = np.random.default_rng(3).integers(0, 65536, (300, 300, 3), dtype=np.uint16)
    back = lab_to_pixels(pixels_to_lab(pixels, None), None, np.uint16)
    assert back.dtype == np.uint16
    assert np.abs(back.astype(int) - pixels).max() <= 1


def test_a_sixteen_bit_ramp_shows_no_banding() -> None:
    ramp = np.repeat(np.arange(65536, dtype=np.uint16)[None, :, None], 3, axis=2)
    lab = pixels_to_lab(ramp, ADOBE)
    assert np.diff(lab[0, :, 0]).min() >= 0
    back = lab_to_pixels(lab, ADOBE, np.uint16)[0, :, 0].astype(int)
    # Float32 Lab resolves the darkest codes of a pure gamma to some 5 of 65,535 steps: 1/50 of an 8-bit step.
    assert np.abs(back - np.arange(65536)).max() <= 8
    assert np.abs(back - np.arange(65536))[256:].max() <= 1


@pytest.mark.parametrize("icc", [SRGB, ADOBE, rommrgb_profile()], ids=["sRGB", "Adobe RGB", "ROMM RGB"])
def test_neutrals_of_a_profile_are_neutral_under_d65(icc: bytes) -> None:
    greys = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    lab = pixels_to_lab(greys, icc)
    assert np.abs(lab[..., 1:]).max() < 0.01
    assert lab[0, 255, 0] == pytest.approx(100, abs=1e-3)


def test_every_kind_of_tone_curve() -> None:
    pixels = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
    x = np.arange(256) / 255
    srgb = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    a, b, c, d = 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045
    samples = np.rint(np.linspace(0, 1, 1024) ** 1.8 * 65535).astype(">u2").tobytes()
    curves = {
        b"curv\0\0\0\0" + struct.pack(">I", 0): x,
        b"curv\0\0\0\0" + struct.pack(">IH", 1, 563): x ** (563 / 256),
        b"curv\0\0\0\0" + struct.pack(">I", 1024) + samples: x**1.8,
        parametric(0, 2.2): x**2.2,
        parametric(1, 2.0, 1.25, -0.25): np.where(x >= 0.2, np.maximum(1.25 * x - 0.25, 0) ** 2, 0),
        parametric(2, 2.0, 1.25, -0.25, 0.0): np.where(x >= 0.2, np.maximum(1.25 * x - 0.25, 0) ** 2, 0),
        parametric(3, 2.4, a, b, c, d): srgb,
        parametric(4, 2.4, a, b, c, d, 0.0, 0.0): srgb,
    }
    for curve, expected in curves.items():
        linear = rgb_space(matrix_profile(curve)).decode(pixels)
        np.testing.assert_allclose(linear[0, :, 1], expected, atol=2e-4)


def test_colours_out_of_gamut_keep_lightness_and_hue() -> None:
    lab = np.array([[[60.0, 0.0, -110.0], [50.0, 100.0, 20.0], [90.0, -90.0, 90.0]]])
    back = pixels_to_lab(lab_to_pixels(lab, None, np.uint16), None)
    assert np.abs(back[..., 0] - lab[..., 0]).max() < 0.2
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1]) - np.arctan2(back[..., 2], back[..., 1]))
    assert np.abs((hue + 180) % 360 - 180).max() < 1
    assert (np.hypot(*back[0, :, 1:].T) < np.hypot(*lab[0, :, 1:].T)).all()


def lut_profile() -> bytes:
    """A profile of sRGB colours that holds nothing but look-up tables (``mft2``, ICC.1:2022, 10.10), PCS XYZ."""
    colorants = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
    x = np.linspace(0, 1, 4096)
    decode = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    encode = np.interp(x, decode, x)
    corners = np.array([[r, g, b] for r in (0, 1) for g in (0, 1) for b in (0, 1)])

    def words(values: np.ndarray) -> bytes:
        return np.rint(values * 65535).astype(">u2").tobytes()

    def mft2(matrix: np.ndarray, before: np.ndarray, grid: np.ndarray, after: np.ndarray) -> bytes:
        head = b"mft2" + struct.pack(">4xBBBx9i", 3, 3, 2, *np.rint(matrix.ravel() * 65536).astype(int))
        sizes = struct.pack(">HH", len(before), len(after))
        return head + sizes + words(before) * 3 + words(grid) + words(after) * 3

    pcs = 32768 / 65535  # XYZ of 1.0 is 32768
    straight = np.array([0.0, 1.0])
    return profile_of(
        {
            b"A2B0": mft2(np.eye(3), decode, corners @ colorants.T * pcs, straight),
            b"B2A0": mft2(np.linalg.inv(colorants) / pcs, straight, corners.astype(float), encode),
        }
    )


def test_a_profile_of_look_up_tables_gives_the_same_colours_and_comes_back() -> None:
    # Above 32, and within one step: the 16-bit connection space and the 4,096 entries of a LUT are that coarse.
    pixels = np.random.default_rng(5).integers(32, 256, (40, 40, 3), dtype=np.uint8)
    icc = lut_profile()
    lab = pixels_to_lab(pixels, icc)
    assert delta_E_2000(lab, pixels_to_lab(pixels, SRGB)).max() < 0.2
    assert np.abs(lab_to_pixels(lab, icc, np.uint8).astype(int) - pixels).max() <= 1
    wide = pixels.astype(np.uint16) * 257
    assert np.abs(lab_to_pixels(pixels_to_lab(wide, icc), icc, np.uint16).astype(int) - wide).max() < 257


@pytest.mark.parametrize(
    ("icc", "says"),
    [
        (b"not a profile", "damaged"),
        (SRGB[:300], "damaged"),
        (SRGB[:36] + b"xxxx" + SRGB[40:], "damaged"),
        (matrix_profile(parametric(0, 0.0)), "damaged"),
        (bytes(imagecodecs.cms_profile("gray")), "GRAY"),
        (profile_of({b"desc": b"desc" + b"\0" * 12}), "cannot be converted"),
    ],
    ids=["text", "cut off", "no signature", "flat curve", "greyscale", "no colorants"],
)
def test_a_bad_profile_is_named_with_its_photograph(icc: bytes, says: str) -> None:
    with pytest.raises(KnownError, match=says) as caught:
        pixels_to_lab(np.zeros((2, 2, 3), np.uint8), icc, Path("look/IMG_1.tif"))
    assert str(caught.value).startswith("look/IMG_1.tif: ")
    assert caught.value.remedy


def test_every_truncation_of_a_profile_is_survived() -> None:
    pixels = np.zeros((1, 1, 3), np.uint8)
    for length in range(0, len(ADOBE), 7):
        with pytest.raises(KnownError):
            pixels_to_lab(pixels, ADOBE[:length])
