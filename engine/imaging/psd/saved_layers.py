"""The layers of a saved document; their planes are decoded when they are looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

import numpy as np

from engine.domain.geometry import Box, Extent
from engine.imaging.psd.channels import row_chunks
from engine.imaging.psd.saved_planes import PlaneRows, SavedFile, SavedPlane, to_alpha

if TYPE_CHECKING:
    from engine.domain.picture import Alpha, Pixels


class LayerPlanes(NamedTuple):
    """Where the planes of a layer lie.

    Attributes
    ----------
    left, top : int
        Of the stored planes in the document; negative where the layer hangs over its edge.
    mask : SavedPlane or None
        Of the rectangle ``mask_box``, which may hang over as well; outside of it the mask is ``mask_outside``. None
        with a rectangle is a mask of one value.
    """

    file: SavedFile
    extent: Extent
    left: int
    top: int
    colors: tuple[SavedPlane, ...]
    transparency: SavedPlane | None
    mask: SavedPlane | None
    mask_box: Box | None
    mask_outside: int


class LayerRows:
    """Rows of a layer from an open file, from the top down."""

    def __init__(self, file: BinaryIO, planes: LayerPlanes, box: Box) -> None:
        self._left, self._width = box.left - planes.left, box.right - box.left
        self._top = box.top - planes.top
        self._colors = [PlaneRows(file, plane) for plane in planes.colors]
        self._transparency = PlaneRows(file, planes.transparency) if planes.transparency is not None else None
        mask = _mask_on_canvas(file, planes)
        self._mask = None if mask is None else mask[box.top : box.bottom, box.left : box.right]

    def read(self, first: int, last: int) -> tuple[Pixels, Alpha | None, Alpha | None]:
        """Rows of the layer's box: colours ``(h, w, 3)``, transparency and mask ``(h, w)`` uint8 or None."""
        parts = [self._cut(rows, first, last) for rows in self._colors]
        transparency = None if self._transparency is None else to_alpha(self._cut(self._transparency, first, last))
        return cast("Pixels", np.dstack(parts)), transparency, None if self._mask is None else self._mask[first:last]

    def _cut(self, rows: PlaneRows, first: int, last: int) -> Pixels:
        return rows.read(self._top + first, self._top + last)[:, self._left : self._left + self._width]


@dataclass(frozen=True, slots=True, eq=False)
class SavedLayer:
    """A layer as it was found on disk. Its planes are decoded whenever they are asked for.

    Attributes
    ----------
    name : str
    box : Box
        Where its pixels lie in the document, cut to the canvas; never empty, but for an adjustment.
    planes : LayerPlanes or None
        None in an adjustment.
    is_visible : bool
        Its eye and those of all groups around it are open.
    is_plain : bool
        The layer shows as its pixels through its transparency and mask over what lies below, and nothing else: no other
        blend mode, opacity, clipping, effect, vector mask, group with any of these, and no mask that is switched off.
        The pixels of texts and smart objects are plain.
    is_background : bool
        It is the locked bottom layer.
    is_mask_enabled : bool
        False where the retoucher switched the mask off.
    layer_id : int
        Which the layer keeps whatever it is called and wherever it is moved; 0 where the file has none.
    """

    name: str
    box: Box
    planes: LayerPlanes | None
    is_visible: bool = True
    is_plain: bool = True
    is_background: bool = False
    is_mask_enabled: bool = True
    layer_id: int = 0

    @property
    def has_pixels(self) -> bool:
        return self.planes is not None

    @property
    def has_mask(self) -> bool:
        return self.planes is not None and self.planes.mask_box is not None

    @property
    def pixels(self) -> Pixels | None:
        """``(h, w, 3)`` of the box, at the document's bit depth, straight; None in an adjustment."""
        if self.planes is None:
            return None
        with self.opened() as rows:
            depth = self.planes.colors[0].coding.bit_depth
            pixels = np.empty(
                (self.box.bottom - self.box.top, self.box.right - self.box.left, 3),
                np.uint16 if depth == 16 else np.uint8,
            )
            for part in row_chunks(len(pixels), pixels[0].nbytes):
                pixels[part] = rows.read(part.start, part.stop)[0]
        return cast("Pixels", pixels)

    @property
    def mask(self) -> Alpha | None:
        """The layer mask ``(H, W)`` uint8 over the whole canvas, 255 = shown, also where it is switched off."""
        if self.planes is None or self.planes.mask_box is None:
            return None
        with self.planes.file.opened() as file:
            return _mask_on_canvas(file, self.planes)

    @property
    def transparency(self) -> Alpha | None:
        """``(h, w)`` uint8 of the box, 255 = opaque; None is opaque."""
        if self.planes is None or self.planes.transparency is None:
            return None
        with self.planes.file.opened() as file:
            whole = self.planes.transparency.alpha(file)
        left, top = self.box.left - self.planes.left, self.box.top - self.planes.top
        part = whole[top : top + self.box.bottom - self.box.top, left : left + self.box.right - self.box.left]
        return cast("Alpha", np.ascontiguousarray(part))

    @contextmanager
    def opened(self) -> Iterator[LayerRows]:
        """Its rows, for whoever does not want all of it in memory.

        Raises
        ------
        KnownError
            As `engine.imaging.psd.saved_planes.SavedFile.opened`.
        """
        assert self.planes is not None
        with self.planes.file.opened() as file:
            yield LayerRows(file, self.planes, self.box)


def _mask_on_canvas(file: BinaryIO, planes: LayerPlanes) -> Alpha | None:
    """The mask over the whole canvas; it is stored only where it differs from one value."""
    box, extent = planes.mask_box, planes.extent
    if box is None:
        return None
    alpha = np.full((extent.height, extent.width), 255 if planes.mask_outside else 0, np.uint8)
    left, top = max(0, box.left), max(0, box.top)
    right, bottom = min(extent.width, box.right), min(extent.height, box.bottom)
    if planes.mask is not None and left < right and top < bottom:
        rows = PlaneRows(file, planes.mask)
        for part in planes.mask.chunks():
            first, last = max(top, box.top + part.start), min(bottom, box.top + part.stop)
            if first < last:
                plane = rows.read(first - box.top, last - box.top)
                alpha[first:last, left:right] = to_alpha(plane[:, left - box.left : right - box.left])
    return cast("Alpha", alpha)
