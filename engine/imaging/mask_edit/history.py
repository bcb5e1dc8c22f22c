"""Undo and redo of a mask: what an edit changed, as compressed tiles that turn the mask both ways."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.domain.geometry import Box
from engine.imaging.mask_edit.tiles import extent_of, slices, tile_box, tiles_over, united

if TYPE_CHECKING:
    from engine.domain.picture import Alpha

BUDGET_BYTES = 256 << 20
"""Memory for undo: some thousand strokes, or a dozen feathers of a 48-megapixel mask."""

_FASTEST = 1  # zlib's level: a mask is flat nearly everywhere, and higher levels gain next to nothing on it


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a mask.

    Attributes
    ----------
    name : str
        For the undo menu, such as ``brush stroke``.
    box : Box
        Every changed pixel lies in it.
    tiles : tuple of (row, column, bytes)
        Before XOR after. XOR is its own inverse, so that one delta serves undo and redo, bit for bit.
    is_packed : bool
        Whether the tiles are deflated.
    """

    name: str
    box: Box
    tiles: tuple[tuple[int, int, bytes], ...]
    is_packed: bool = True

    @property
    def size_bytes(self) -> int:
        """Memory that it keeps."""
        return sum(len(data) for _, _, data in self.tiles)

    def turn(self, alpha: Alpha) -> None:
        """Change the mask before into the one after, or back, in place."""
        extent = extent_of(alpha)
        for row, column, data in self.tiles:
            pixels = alpha[slices(tile_box(row, column, extent))]
            delta = zlib.decompress(data) if self.is_packed else data
            pixels ^= np.frombuffer(delta, np.uint8).reshape(pixels.shape)

    def packed(self) -> Edit:
        """The same edit with its tiles deflated; any thread."""
        if self.is_packed:
            return self
        tiles = tuple((row, column, zlib.compress(data, _FASTEST)) for row, column, data in self.tiles)
        return Edit(self.name, self.box, tiles)


def edit_between(
    name: str, before: Alpha, after: Alpha, tiles: Iterable[tuple[int, int]] | None = None, *, pack: bool = True
) -> Edit | None:
    """What leads from one mask to another.

    Parameters
    ----------
    before, after : ndarray
        ``(H, W)`` uint8 of one size.
    tiles : iterable of (row, column), optional
        Where to look; elsewhere the masks are taken to be the same. All of them where it is None.
    pack : bool
        Whether to deflate the tiles, which takes five times as long as to compare them.

    Returns
    -------
    Edit or None
        None where both are the same.
    """
    extent = extent_of(before)
    changed: Box | None = None
    deltas: list[tuple[int, int, bytes]] = []
    for row, column in tiles if tiles is not None else tiles_over(Box.whole(extent)):
        tile = tile_box(row, column, extent)
        delta = before[slices(tile)] ^ after[slices(tile)]
        rows = np.flatnonzero(delta.any(axis=1))
        if not rows.size:
            continue
        columns = np.flatnonzero(delta.any(axis=0))
        changed = united(
            changed,
            Box(
                tile.left + int(columns[0]),
                tile.top + int(rows[0]),
                tile.left + int(columns[-1]) + 1,
                tile.top + int(rows[-1]) + 1,
            ),
        )
        deltas.append((row, column, zlib.compress(delta.data, _FASTEST) if pack else delta.tobytes()))
    return Edit(name, changed, tuple(deltas), pack) if changed is not None else None


class History:
    """Edits that can be taken back and given again, within a budget of memory. One thread at a time.

    Parameters
    ----------
    budget_bytes : int
        The oldest edits are forgotten beyond it; the newest one never is.
    """

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self._budget = budget_bytes
        self._done: list[Edit] = []
        self._undone: list[Edit] = []

    @property
    def undoable(self) -> Edit | None:
        """What `step_back` takes back."""
        return self._done[-1] if self._done else None

    @property
    def redoable(self) -> Edit | None:
        """What `step_forward` gives again."""
        return self._undone[-1] if self._undone else None

    @property
    def size_bytes(self) -> int:
        """Memory that the edits keep."""
        return sum(edit.size_bytes for edit in (*self._done, *self._undone))

    def push(self, edit: Edit) -> None:
        """Remember an edit that was made; what was undone cannot be given again."""
        self._undone.clear()
        self._done.append(edit)
        self._forget_oldest()

    def exchange(self, edit: Edit, packed: Edit) -> None:
        """Keep an edit packed from now on, if it is still kept."""
        for edits in (self._done, self._undone):
            for index, kept in enumerate(edits):
                if kept is edit:
                    edits[index] = packed
        self._forget_oldest()

    def step_back(self) -> Edit | None:
        """The edit to take back, which can be given again from now on."""
        if not self._done:
            return None
        self._undone.append(self._done.pop())
        return self._undone[-1]

    def step_forward(self) -> Edit | None:
        """The edit to give again."""
        if not self._undone:
            return None
        self._done.append(self._undone.pop())
        return self._done[-1]

    def _forget_oldest(self) -> None:
        # What is not packed yet will be within the second, and must not cost older edits their place.
        kept = sum(edit.size_bytes for edit in (*self._done, *self._undone) if edit.is_packed)
        while kept > self._budget and len(self._done) > 1:
            oldest = self._done.pop(0)
            kept -= oldest.size_bytes if oldest.is_packed else 0
