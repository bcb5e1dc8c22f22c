"""Sizes and boxes. Every name says in which pixel space it lives: source, model, latent or view."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Extent:
    """Width and height of a picture in whole pixels, after EXIF orientation."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        return self.width * self.height

    @property
    def aspect(self) -> float:
        """Width divided by height."""
        return self.width / self.height

    def __str__(self) -> str:
        return f"{self.width} × {self.height}"


@dataclass(frozen=True, slots=True)
class Box:
    """A half-open pixel box: columns ``left <= x < right``, rows ``top <= y < bottom``."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def extent(self) -> Extent:
        return Extent(self.right - self.left, self.bottom - self.top)

    @classmethod
    def whole(cls, extent: Extent) -> Box:
        return cls(0, 0, extent.width, extent.height)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a crop of the source lies on the model's canvas; maps pixels both ways exactly.

    Both axes share one scale: a picture is padded, never stretched. Coordinates are continuous with pixel centres at
    half integers, so that a map there and back is the identity.

    Attributes
    ----------
    source : Extent
        The photograph.
    crop : Box
        The part of the source that was placed, in source pixels.
    canvas : Extent
        The model's input and output size, in model pixels.
    scale : float
        Model pixels per source pixel.
    left, top : float
        The crop's upper left corner on the canvas, in model pixels.
    """

    source: Extent
    crop: Box
    canvas: Extent
    scale: float
    left: float
    top: float

    def to_canvas(self, x: float, y: float) -> tuple[float, float]:
        """Map a point from source to model pixels."""
        return (x - self.crop.left) * self.scale + self.left, (y - self.crop.top) * self.scale + self.top

    def to_source(self, x: float, y: float) -> tuple[float, float]:
        """Map a point from model to source pixels."""
        return (x - self.left) / self.scale + self.crop.left, (y - self.top) / self.scale + self.crop.top
