"""Single colours of a photograph, for an eyedropper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.imaging.color.icc import RgbSpace, rgb_space
from engine.imaging.color.spaces import xyz_to_lab

if TYPE_CHECKING:
    from engine.domain.picture import Picture

SAMPLE = 5
"""Side of the square that is averaged, in source pixels: one pixel alone mostly measures the sensor's noise."""


@dataclass(frozen=True, slots=True, eq=False)
class ColorProbe:
    """A decoded photograph whose colours can be read one by one, in microseconds and from any thread.

    Attributes
    ----------
    picture : Picture
        Full size and depth, in the file's own profile.
    space : RgbSpace
        What that profile means.
    """

    picture: Picture
    space: RgbSpace

    def lab_at(self, x: float, y: float) -> tuple[float, float, float]:
        """CIELAB (D65, 2° observer) of the `SAMPLE` x `SAMPLE` pixels around a point.

        The mean is taken of XYZ, that is of light, as an instrument with so large an aperture would.

        Parameters
        ----------
        x, y : float
            0 to 1 along the picture's sides; outside, the nearest edge is read.
        """
        height, width = self.picture.pixels.shape[:2]
        column, row = min(width - 1, max(0, int(x * width))), min(height - 1, max(0, int(y * height)))
        reach = SAMPLE // 2
        patch = self.picture.pixels[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
        xyz = self.space.linear_to_xyz(self.space.decode(patch)).mean(axis=(0, 1))
        L, a, b = (float(value) for value in xyz_to_lab(xyz))
        return L, a, b


def probe_of(picture: Picture) -> ColorProbe:
    """Make a decoded photograph or result ready for reading colours.

    Raises
    ------
    KnownError
        The profile is damaged or not an RGB profile.
    """
    return ColorProbe(picture, rgb_space(picture.icc, picture.path))
