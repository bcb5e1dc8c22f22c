"""One mask being edited: strokes at once on the GUI thread, what is heavier on a pool thread, applied in one piece."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Signal

from engine.domain.geometry import Box
from engine.imaging.mask_edit import areas, edges
from engine.imaging.mask_edit.brush import Brush
from engine.imaging.mask_edit.document import MaskDocument
from engine.imaging.mask_edit.history import Edit, edit_between
from gui.bridge import Bridge
from gui.mask_editor.canvas import MaskCanvas, MaskLevels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.domain.picture import Alpha

T = TypeVar("T")

_AT_ONCE = 4_000_000
"""Pixels of an edit that is undone on the GUI thread, within a frame; larger ones go to a pool thread."""


@dataclass(frozen=True, slots=True, eq=False)
class _Outcome:
    """A mask that a pool thread made, with all that the GUI thread needs to show it at once."""

    alpha: Alpha
    edit: Edit
    levels: MaskLevels


class MaskSession(QObject):
    """Owns the document and its canvas. GUI thread only; while a pool thread reads the mask nobody draws.

    Parameters
    ----------
    alpha : ndarray
        ``(H, W)`` uint8, taken over.
    levels : MaskLevels
        Of it.
    photograph : Path
        For the fill and the smart edge; read when one of them is used first.
    report : callable
        Takes errors.
    """

    drawn = Signal(object)
    """Pixels changed within a `Box`."""

    changed = Signal()
    """Undo, busy or saved state changed."""

    def __init__(
        self,
        alpha: Alpha,
        levels: MaskLevels,
        photograph: Path,
        canvas: MaskCanvas,
        bridge: Bridge,
        report: Callable[[Exception], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.document = MaskDocument(alpha)
        self.canvas = canvas
        self.busy_text = ""
        self.said = ""
        self._photograph, self._bridge, self._report = photograph, bridge, report
        self._rgb: NDArray[np.uint8] | None = None
        self._saved = 0
        self._is_open = True
        canvas.show_levels(levels)

    def close(self) -> None:
        """Forget what is still being worked out."""
        self._is_open = False

    # -- state --------------------------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether an operation is under way; until it ends the mask cannot be changed."""
        return bool(self.busy_text)

    @property
    def is_changed(self) -> bool:
        """Whether the mask is another one than was opened or saved last."""
        return self.document.revision != self._saved

    @property
    def undo_name(self) -> str:
        edit = self.document.history.undoable
        return edit.name if edit is not None else ""

    @property
    def redo_name(self) -> str:
        edit = self.document.history.redoable
        return edit.name if edit is not None else ""

    def tell(self, text: str) -> None:
        """Say something in the panel, until the next operation."""
        self.said = text
        self.changed.emit()

    # -- strokes ------------------------------------------------------------------------------------------------

    def begin_stroke(self, brush: Brush, *, erases: bool, marks_only: bool = False) -> bool:
        """Put the pen down; False while the mask cannot be changed."""
        if self.is_busy:
            return False
        self.document.begin_stroke(brush, erases=erases, marks_only=marks_only)
        return True

    def draw_to(self, x: float, y: float, pressure: float) -> None:
        self._renew(self.document.draw_to(x, y, pressure))

    def end_stroke(self, name: str) -> None:
        edit, last = self.document.end_stroke(name)
        self._renew(last)
        if edit is None:
            return
        self.tell("")
        if not edit.is_packed:
            exchange = partial(self.document.history.exchange, edit)
            self._bridge.run_in_background(edit.packed, exchange, self._report)

    def end_marking(self, radius: int) -> None:
        """Draw the edge to the photograph's where the pen has been."""
        marked = self.document.end_marking()
        if marked is not None:
            weight, box = marked
            self._run(
                "Finding the edge…",
                "smart edge",
                lambda alpha: edges.on_edges(alpha, self._read_rgb(), radius, weight, box),
            )

    def drop_stroke(self) -> None:
        """Undo the stroke that is under way."""
        self._renew(self.document.drop_stroke())

    # -- operations ---------------------------------------------------------------------------------------------

    def add_polygon(self, points: Sequence[tuple[float, float]], opacity: float, *, subtract: bool) -> None:
        name = "lasso, taken away" if subtract else "lasso"

        def work(alpha: Alpha) -> Alpha:
            found = areas.with_polygon(alpha, points, subtract=subtract, opacity=opacity)
            return found[0] if found is not None else alpha

        self._run("Filling the lasso…", name, work)

    def fill(self, x: float, y: float, tolerance: float, opacity: float, *, subtract: bool) -> None:
        name = "fill, taken away" if subtract else "fill"

        def work(alpha: Alpha) -> Alpha:
            rgb = self._read_rgb()
            found = areas.with_similar(alpha, rgb, (x, y), tolerance, subtract=subtract, opacity=opacity)
            return found[0] if found is not None else alpha

        self._run("Filling…", name, work)

    def grow(self, pixels: int) -> None:
        """Grow the whole mask, or shrink it by a negative number."""
        what, name = ("Growing…", "grow") if pixels > 0 else ("Shrinking…", "shrink")
        self._run(what, f"{name} {abs(pixels)} px", lambda alpha: edges.grown(alpha, pixels))

    def feather(self, sigma: float) -> None:
        self._run("Feathering…", f"feather {sigma:g} px", lambda alpha: edges.feathered(alpha, sigma))

    def find_edges(self, radius: int) -> None:
        """Draw the whole mask's edge to the photograph's."""
        self._run("Finding the edges…", "smart edge", lambda alpha: edges.on_edges(alpha, self._read_rgb(), radius))

    def invert(self) -> None:
        self._run("Inverting…", "invert", lambda alpha: ~alpha)

    def fill_all(self, value: int) -> None:
        """Take everything in (255), or nothing (0)."""

        def work(alpha: Alpha) -> Alpha:
            result = alpha.copy()
            result[:] = value
            return result

        self._run("Filling…", "clear" if value == 0 else "take in everything", work)

    def replace(self, name: str, read: Callable[[], Alpha]) -> None:
        """Take another mask in place of this one; ``read`` runs on a pool thread and may raise a KnownError."""
        self._run("Reading the mask…", name, lambda _: read())

    def undo(self) -> None:
        self._step(self.document.history.undoable, self.document.undo, "Undone")

    def redo(self) -> None:
        self._step(self.document.history.redoable, self.document.redo, "Redone")

    # -- inside -------------------------------------------------------------------------------------------------

    def _step(self, edit: Edit | None, take: Callable[[Alpha | None], Edit | None], word: str) -> None:
        if edit is None or self.is_busy or self.document.draws:
            return
        if edit.box.extent.pixels <= _AT_ONCE:
            take(None)
            self._renew(edit.box)
            self.tell(f"{word}: {edit.name}")
            return

        def turn(alpha: Alpha) -> _Outcome:
            result = alpha.copy()
            edit.turn(result)
            return _Outcome(result, edit, MaskLevels(result))

        def done(outcome: _Outcome) -> None:
            take(outcome.alpha)
            self._show(outcome)
            self.tell(f"{word}: {edit.name}")

        self._begin(f"{word}…", turn, done)

    def _run(self, busy_text: str, name: str, work: Callable[[Alpha], Alpha]) -> None:
        """Make another mask of this one on a pool thread, then put it in its place."""
        if self.is_busy or self.document.draws:
            return

        def make(alpha: Alpha) -> _Outcome | None:
            result = work(alpha)
            edit = edit_between(name, alpha, result)
            return _Outcome(result, edit, MaskLevels(result)) if edit is not None else None

        def done(outcome: _Outcome | None) -> None:
            if outcome is None:
                self.tell("That changes nothing here.")
                return
            self.document.replace(outcome.alpha, outcome.edit)
            self._show(outcome)
            self.tell("")

        self._begin(busy_text, make, done)

    def _begin(self, busy_text: str, work: Callable[[Alpha], T], done: Callable[[T], None]) -> None:
        alpha = self.document.alpha
        self.busy_text, self.said = busy_text, ""
        self.changed.emit()

        def finish(result: T) -> None:
            self.busy_text = ""
            if self._is_open:
                done(result)

        def failed(error: Exception) -> None:
            self.busy_text = ""
            if self._is_open:
                self._report(error)
                self.changed.emit()

        self._bridge.run_in_background(lambda: work(alpha), finish, failed)

    def _show(self, outcome: _Outcome) -> None:
        self.canvas.show_levels(outcome.levels)
        self.drawn.emit(outcome.edit.box)

    def _renew(self, box: Box | None) -> None:
        if box is not None:
            self.canvas.renew(box)
            self.drawn.emit(box)

    def _read_rgb(self) -> NDArray[np.uint8]:
        """Pool threads: the photograph in sRGB. One operation runs at a time, so that it is read once."""
        if self._rgb is None:
            from engine.imaging.raster.decode import read_picture
            from engine.imaging.raster.display import to_display8

            picture = read_picture(self._photograph)
            self._rgb = to_display8(picture.pixels, picture.icc, None)
        return self._rgb
