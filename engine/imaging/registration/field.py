"""Displacement fields on a coarse grid of nodes, and the pictures they move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from engine.domain.geometry import Extent

Field = NDArray[np.float32]
Region = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class DisplacementField:
    """Where each pixel of the photograph is found in the painted picture.

    Positions are continuous (pixel ``i`` spans ``i`` to ``i + 1``), so that a field means the same at every size.

    Attributes
    ----------
    nodes : ndarray
        ``(rows, columns, 2)`` float32: x and y displacement, in pixels of ``extent``, at nodes that divide the picture
        evenly from edge to edge. Bilinear in between, hence exact for an affine map.
    extent : Extent
        The grid of pixels in which ``nodes`` are measured.
    """

    nodes: Field
    extent: Extent

    @property
    def is_still(self) -> bool:
        """Nothing moves at all."""
        return not self.nodes.any()

    def scaled(self, extent: Extent) -> DisplacementField:
        """The same field in pixels of another size of the same picture."""
        factor = np.array([extent.width / self.extent.width, extent.height / self.extent.height], np.float32)
        return DisplacementField(self.nodes * factor, extent)

    def at_pixels(self, rows: slice | None = None) -> Field:
        """``(height, width, 2)`` float32, the displacement at the centre of every pixel of ``extent``.

        Parameters
        ----------
        rows : slice, optional
            Only these rows of pixels, for pictures too large to hold a field of.
        """
        count_y, count_x = self.nodes.shape[:2]
        along_y = hat_weights(self.extent.height, count_y)
        along_x = hat_weights(self.extent.width, count_x)
        if rows is not None:
            along_y = along_y[rows]
        return np.stack([weighted(along_y, self.nodes[..., axis], along_x) for axis in (0, 1)], axis=2)


def still(extent: Extent, nodes: tuple[int, int]) -> DisplacementField:
    """The field that moves nothing, on ``nodes`` (rows, columns)."""
    return DisplacementField(np.zeros((*nodes, 2), np.float32), extent)


def from_affine(matrix: NDArray[np.float64], extent: Extent, nodes: tuple[int, int]) -> DisplacementField:
    """The field of ``painted = matrix @ (x, y, 1)``, a ``(2, 3)`` map between continuous positions in ``extent``."""
    x, y = np.meshgrid(np.linspace(0, extent.width, nodes[1]), np.linspace(0, extent.height, nodes[0]))
    mapped = np.stack([x, y, np.ones_like(x)], 2) @ matrix.T
    return DisplacementField((mapped - np.stack([x, y], 2)).astype(np.float32), extent)


def hat_weights(samples: int, nodes: int, *, ends: bool = False) -> csr_matrix:
    """``(samples, nodes)`` float32 weights of linear interpolation; every row adds up to 1.

    Sparse, with two entries a row: a dense product would cost as many times more as there are nodes.

    Parameters
    ----------
    samples, nodes : int
        Their numbers along one axis.
    ends : bool
        The samples reach from the first node to the last, instead of lying at pixel centres between them.
    """
    share = np.linspace(0, 1, samples) if ends else (np.arange(samples) + 0.5) / samples
    at = share * (nodes - 1)
    below = np.minimum(at.astype(np.intp), nodes - 2)
    rows = np.arange(samples)
    weights = np.concatenate([1 - (at - below), at - below]).astype(np.float32)
    return csr_matrix((weights, (np.tile(rows, 2), np.concatenate([below, below + 1]))), shape=(samples, nodes))


def weighted(along_y: csr_matrix, values: NDArray[np.floating[Any]], along_x: csr_matrix) -> Field:
    """``along_y @ values @ along_x.T``, contiguous float32."""
    return np.ascontiguousarray((along_x @ (along_y @ values).T).T, np.float32)


def moved(picture: NDArray[Any], displacement: Field, interpolation: int = cv2.INTER_CUBIC) -> NDArray[Any]:
    """The painted picture as the photograph's pixels see it; beyond its border the border's pixels go on.

    Parameters
    ----------
    picture : ndarray
        ``(h, w)`` or ``(h, w, 3)``, uint8 or float32: the painted picture.
    displacement : ndarray
        ``(h, w, 2)`` float32 from `DisplacementField.at_pixels`, in pixels of ``picture``.
    interpolation : int
        One of cv2's.
    """
    x, y = positions(displacement)
    return np.asarray(cv2.remap(picture, x, y, interpolation, borderMode=cv2.BORDER_REPLICATE))


def covered(displacement: Field) -> Region:
    """``(h, w)`` bool: where a pixel of the photograph lies inside the painted picture."""
    height, width = displacement.shape[:2]
    x, y = positions(displacement)
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)


def positions(displacement: Field) -> tuple[Field, Field]:
    """Columns and rows, each ``(h, w)`` float32, at which cv2 (pixel centres at whole numbers) reads the picture."""
    height, width = displacement.shape[:2]
    x = displacement[..., 0] + np.arange(width, dtype=np.float32)
    y = displacement[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return x, y
