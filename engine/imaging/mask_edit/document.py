"""A mask that is being edited: strokes in place, everything else as a new mask that takes its place at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.domain.errors import BugError
from engine.domain.geometry import Box
from engine.imaging.mask_edit.brush import Brush, Layers, Stroke
from engine.imaging.mask_edit.history import BUDGET_BYTES, Edit, History, edit_between
from engine.imaging.mask_edit.tiles import extent_of, slices, tile_box

if TYPE_CHECKING:
    from engine.domain.picture import Alpha


_PACKED_AT_ONCE = 24  # tiles of a stroke, deflated within some four milliseconds


class MaskDocument:
    """The full-resolution alpha with its history. One thread at a time; other threads may read `alpha` meanwhile.

    Parameters
    ----------
    alpha : ndarray
        ``(H, W)`` uint8, 255 = inside; taken over, and changed in place by strokes.
    budget_bytes : int
        Memory for undo.

    Attributes
    ----------
    revision : int
        Another number after every change, so that a caller can tell whether what it saved is still what there is.
    """

    def __init__(self, alpha: Alpha, budget_bytes: int = BUDGET_BYTES) -> None:
        self.alpha = alpha
        self.extent = extent_of(alpha)
        self.history = History(budget_bytes)
        self.revision = 0
        self._layers = Layers(self.extent)
        self._stroke: Stroke | None = None

    # -- strokes ------------------------------------------------------------------------------------------------

    @property
    def draws(self) -> bool:
        """Whether a stroke is under way."""
        return self._stroke is not None

    def begin_stroke(self, brush: Brush, *, erases: bool = False, marks_only: bool = False) -> None:
        """Put the pen down; `draw_to` gives the first point. ``marks_only`` only notes where the brush has been."""
        if self._stroke is not None:
            raise BugError("a stroke was begun within a stroke")
        self._stroke = Stroke(self.alpha, brush, self._layers, erases=erases, marks_only=marks_only)

    def draw_to(self, x: float, y: float, pressure: float = 1.0) -> Box | None:
        """Draw on to a point in source pixels; the pixels that may have changed."""
        if self._stroke is None:
            raise BugError("drawn without a stroke")
        return self._stroke.move_to(x, y, pressure)

    def coverage(self, box: Box) -> Alpha:
        """What the stroke that is under way covers of a box, ``(h, w)`` uint8."""
        return self._layers.coverage[slices(box)]

    def end_stroke(self, name: str) -> tuple[Edit | None, Box | None]:
        """Lift the pen: the edit for the undo menu (None where nothing changed), and the last pixels that changed.

        A stroke over much of the photograph is not packed yet; `History.exchange` takes it once another thread has.
        """
        stroke = self._taken()
        last = stroke.finish()
        tiles = self._layers.tiles()
        edit = edit_between(name, self._layers.before, self.alpha, tiles, pack=len(tiles) <= _PACKED_AT_ONCE)
        self._layers.clear()
        if edit is not None:
            self._push(edit)
        return edit, last

    def end_marking(self) -> tuple[Alpha, Box] | None:
        """Lift the pen of a stroke that only marks: its coverage ``(H, W)`` uint8 in a copy, and its box."""
        stroke = self._taken()
        stroke.finish()
        marked = (self._layers.coverage.copy(), stroke.box) if stroke.box is not None else None
        self._layers.clear()
        return marked

    def drop_stroke(self) -> Box | None:
        """Undo the stroke that is under way; the pixels that changed back."""
        stroke = self._taken()
        for row, column in self._layers.tiles():
            tile = slices(tile_box(row, column, self.extent))
            self.alpha[tile] = self._layers.before[tile]
        self._layers.clear()
        return stroke.box

    # -- everything else ----------------------------------------------------------------------------------------

    def replace(self, alpha: Alpha, edit: Edit) -> None:
        """Take over a mask that was made from this one, and the edit between the two (`edit_between`)."""
        self._require_at_rest(alpha)
        self.alpha = alpha
        self._push(edit)

    def apply(self, name: str, alpha: Alpha) -> Edit | None:
        """Take over a mask that was made from this one: `edit_between` and `replace` in one."""
        edit = edit_between(name, self.alpha, alpha)
        if edit is not None:
            self.replace(alpha, edit)
        return edit

    def undo(self, before: Alpha | None = None) -> Edit | None:
        """Take the last edit back; None where there is none.

        Parameters
        ----------
        before : ndarray, optional
            The mask before the edit, where it was restored elsewhere already; otherwise it is restored in place.
        """
        self._require_at_rest(before)
        return self._turn(self.history.step_back(), before)

    def redo(self, after: Alpha | None = None) -> Edit | None:
        """Give an undone edit again; as `undo`."""
        self._require_at_rest(after)
        return self._turn(self.history.step_forward(), after)

    # -- inside -------------------------------------------------------------------------------------------------

    def _turn(self, edit: Edit | None, result: Alpha | None) -> Edit | None:
        if edit is None:
            return None
        if result is None:
            edit.turn(self.alpha)
        else:
            self.alpha = result
        self.revision += 1
        return edit

    def _push(self, edit: Edit) -> None:
        self.history.push(edit)
        self.revision += 1

    def _taken(self) -> Stroke:
        stroke, self._stroke = self._stroke, None
        if stroke is None:
            raise BugError("a stroke was ended that had not begun")
        return stroke

    def _require_at_rest(self, alpha: Alpha | None) -> None:
        if self._stroke is not None:
            raise BugError("the mask was replaced within a stroke")
        if alpha is not None and alpha.shape != self.alpha.shape:
            raise BugError(f"a mask of {alpha.shape} cannot take the place of one of {self.alpha.shape}")
