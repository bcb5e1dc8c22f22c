"""Single colours of a photograph."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from engine.domain.errors import KnownError
from engine.imaging.color.probe import ColorProbe, probe_of
from engine.imaging.raster.decode import read_picture


def open_probe(path: Path) -> ColorProbe:
    return probe_of(read_picture(path))


def test_pure_srgb_red_has_its_published_lab(tmp_path: Path) -> None:
    """CIELAB of sRGB's red under D65: 53.24, 80.09, 67.20 (Lindbloom's calculator)."""
    path = tmp_path / "red.png"
    Image.new("RGB", (20, 10), (255, 0, 0)).save(path)
    assert open_probe(path).lab_at(0.5, 0.5) == pytest.approx((53.24, 80.09, 67.20), abs=0.05)


def test_the_files_own_profile_and_depth_count(tmp_path: Path) -> None:
    """Adobe RGB's green is far outside sRGB: 83.28, -128.6 and more, and must not be clipped on its way."""
    path = tmp_path / "green.tif"
    pixels = np.zeros((10, 20, 3), np.uint16)
    pixels[..., 1] = 65535
    profile = imagecodecs.cms_profile("adobergb")
    tifffile.imwrite(path, pixels, photometric="rgb", iccprofile=profile)
    probe = open_probe(path)
    assert probe.picture.bit_depth == 16
    L, a, b = probe.lab_at(0.5, 0.5)
    # XYZ of Adobe RGB (1998) green, D65: 0.18556, 0.62736, 0.07069 (Adobe's specification, 4.3.5.3).
    f = [np.cbrt(value / white) for value, white in zip((0.18556, 0.62736, 0.07069), (0.9505, 1, 1.0891), strict=True)]
    assert (L, a, b) == pytest.approx((116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])), abs=0.3)


def test_five_pixels_are_averaged_as_light_and_edges_are_read_too(tmp_path: Path) -> None:
    """A fine black and white chequer reflects half the light, L* 76, and not the middle code value's 53."""
    path = tmp_path / "chequer.png"
    rows, columns = np.mgrid[:11, :11]
    pixels = np.where(((rows + columns) % 2 == 0)[..., None], 255, 0).astype(np.uint8).repeat(3, axis=2)
    Image.fromarray(pixels).save(path)
    probe = open_probe(path)
    light = 13 / 25  # of 5 x 5 squares with a white one in the middle
    column = row = 4.5 / 11
    assert probe.lab_at(column, row)[0] == pytest.approx(116 * np.cbrt(light) - 16, abs=0.01)
    assert probe.lab_at(-1, -1)[0] == pytest.approx(116 * np.cbrt(5 / 9) - 16, abs=0.01)
    assert probe.lab_at(2, 2)[0] == pytest.approx(116 * np.cbrt(5 / 9) - 16, abs=0.01)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match=r"gone\.png"):
        open_probe(tmp_path / "gone.png")
