"""Flatlay, original and result side by side, or wiped over each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QPointF, QTimer
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHBoxLayout, QWidget

from engine.domain.review import ReviewItem, Viewed
from engine.ports import ArtifactStore
from gui.bridge import Bridge
from gui.pictures.display import Display
from gui.pictures.heat_map import HeatMap
from gui.pictures.parts import Arrangement, Part
from gui.pictures.result_pictures import ResultPictures, is_same
from gui.viewer.eyedropper import Eyedropper
from gui.viewer.eyedropper_tool import EyedropperTool
from gui.viewer.picture_pane import PicturePane
from gui.viewer.picture_view import PictureView
from gui.viewer.showing import Showing, has_doubt, has_picture
from gui.viewer.view_geometry import ViewLink

_FITTED = 1e-3  # how near to 1 a zoom counts as fitted
_REST_MS = 150  # zooming and stepping pass much that nobody looks at; only where they rest is worth decoding

_TITLES = {Part.FLATLAY: "Flatlay", Part.ORIGINAL: "Original", Part.RESULT: "Result"}


class CompareView(QWidget):
    """Linked panes over one result, side by side or wiped over each other.

    Parameters
    ----------
    report : callable
        Takes errors of pictures that cannot be read.
    arrangement : Arrangement
        What stands side by side at first.
    """

    def __init__(
        self,
        bridge: Bridge,
        artifacts: ArtifactStore,
        report: Callable[[Exception], None],
        arrangement: Arrangement = Arrangement.THREE,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._item: Viewed | None = None
        self._showing = Showing(arrangement)
        self.pictures = ResultPictures(bridge, artifacts, report, self)
        self.pictures.changed.connect(self._on_pictures)
        self.eyedropper = Eyedropper(bridge, report, self.pictures.decoded.read, self)
        self.eyedropper.changed.connect(self._mark_pin)
        self.legend_changed: Callable[[], None] = lambda: None
        self.link = ViewLink(self)
        self.panes = {part: PicturePane(title, self.link, self.pictures.tiles) for part, title in _TITLES.items()}
        self._line = QHBoxLayout(self)
        self._line.setContentsMargins(0, 0, 0, 0)
        self._line.setSpacing(2)
        self._detail_timer = self._timer(self._load_detail)
        self._heat_timer = self._timer(self.pictures.want_heat)
        for part, pane in self.panes.items():
            pane.view.asked_for_detail = self._want_detail
            pane.view.hovered = partial(self.eyedropper.point_at, part)
            self._line.addWidget(pane, 1)
        self._arrange()

    # -- what the page calls ------------------------------------------------------------------------------------

    def show_item(self, item: Viewed | None, neighbours: Sequence[ReviewItem] = ()) -> None:
        """Show a result, or a failed job's photographs; the neighbours' previews are read ahead.

        Zoom and position stay as they are.
        """
        is_new = not is_same(item, self._item)
        if is_new:
            self._detail_timer.stop()
            self._heat_timer.stop()
        self._item = item
        self.pictures.show(item, neighbours)
        self.eyedropper.set_files(self.files())
        self._take(replace(self._showing, has_flatlay=item is None or item.pair.flatlay is not None))
        if is_new:
            self.legend_changed()

    def show_mask(self, shown: bool) -> None:
        """Tint what lies inside the mask."""
        self._take(replace(self._showing, mask=shown))

    def show_doubt(self, shown: bool) -> None:
        """Lay over the pictures where a mask that was made several times came out differently."""
        self._take(replace(self._showing, doubt=shown))
        self.legend_changed()

    def show_original(self, shown: bool) -> None:
        """Show the original in the result's place."""
        self._take(replace(self._showing, original=shown))

    def show_heat(self, shown: bool) -> None:
        """Show the ΔE00 map of result against original in the result's place."""
        self._take(replace(self._showing, heat=shown))
        self.legend_changed()

    @property
    def heat(self) -> HeatMap | None:
        """The map that is shown; None where none is, or is still being measured."""
        return self.pictures.heat if self._showing.heat else None

    @property
    def has_doubt(self) -> bool:
        """Whether the shown result's mask was made several times, so that it is known where they differ."""
        return has_doubt(self._item)

    @property
    def doubtful(self) -> float | None:
        """The confidence of the mask whose disagreement is shown; None where none is."""
        outcome = self._item.outcome if self._item is not None else None
        return outcome.mask.confidence if outcome is not None and self._showing.shows_doubt(self._item) else None

    def wipe(self, wiped: bool) -> None:
        """Show original and result in one picture, on either side of a divider."""
        self._take(replace(self._showing, wipes=wiped))

    def move_divider(self, step: float) -> None:
        """Move the divider of the wipe by a share of the picture's view."""
        view = self._view(Part.RESULT)
        view.move_divider(view.divider + step)

    @property
    def arrangement(self) -> Arrangement:
        """What stands side by side."""
        return self._showing.arrangement

    def split(self) -> None:
        """Go on to the next arrangement: three pictures, two, one."""
        order = list(Arrangement)
        following = order[(order.index(self.arrangement) + 1) % len(order)]
        self._take(replace(self._showing, arrangement=following))

    def show_alone(self, part: Part | None, beside: Part | None = None) -> None:
        """Show one picture only, with nothing over it, for a tool that draws there, and one beside it to look at.

        None leads back.
        """
        self._take(replace(self._showing, alone=part, beside=beside))

    def hold_eyedropper(self, held: bool) -> None:
        """Read colours under the pointer; a click pins a point to measure from."""
        for part, pane in self.panes.items():
            pane.view.set_tool(EyedropperTool(partial(self._pick, part)) if held else None)
        self.eyedropper.hold(held)

    def hold_loupe(self, held: bool) -> None:
        """Magnify what is under the pointer, at the same place of every picture."""
        if held:
            for part in self.panes:  # the pointer may have rested there since before there was a picture under it
                self._view(part).find_pointer()
        self.link.loupe.hold(held)

    def set_display(self, display: Display) -> None:
        """Convert the pictures for this screen from now on; those for the last one stay until theirs are ready."""
        self.pictures.set_display(display)
        self._render()

    def set_surround(self, color: QColor) -> None:
        """The grey around the pictures."""
        for pane in self.panes.values():
            pane.view.set_surround(color)

    def zoom(self, factor: float) -> None:
        """Magnify all views about their middle."""
        self._main.zoom_at(factor)

    def toggle_actual_size(self) -> None:
        """100 % of the photograph, or fit; about the pointer where it is over a view."""
        for part in self.panes:
            view = self._view(part)
            if view.underMouse():
                view.toggle_actual_size(view.mapFromGlobal(view.cursor().pos()).toPointF())
                return
        self._main.toggle_actual_size()

    def is_full(self, part: Part) -> bool:
        """Whether the full resolution of a part is on screen or ready."""
        return self.pictures.is_full(part)

    def files(self) -> dict[Part, Path]:
        """The files with every pixel of the shown result."""
        return self.pictures.files()

    # -- inside -------------------------------------------------------------------------------------------------

    def _view(self, part: Part) -> PictureView:
        return self.panes[part].view

    @property
    def _main(self) -> PictureView:
        """The view that a command without a pointer concerns."""
        return self._view(self._showing.main)

    def _on_pictures(self) -> None:
        self._render()
        self.legend_changed()

    def _take(self, showing: Showing) -> None:
        is_elsewhere, self._showing = showing.parts != self._showing.parts, showing
        if is_elsewhere:
            self._arrange()
        self._render()

    def _render(self) -> None:
        item, pictures, showing = self._item, self.pictures, self._showing
        if item is None:
            for pane in self.panes.values():
                pane.view.show_picture(None)
                pane.view.show_mask(None)
                pane.view.show_doubt(None)
            return
        result = showing.result(item)
        self.panes[Part.RESULT].set_title(result.title, emphasised=result.blinks)
        for part, pane in self.panes.items():
            shown = result.source(part)
            picture, missing = pictures.best(shown), "Loading…"
            if pictures.is_missing(shown):
                missing = "This picture cannot be read"
            if part is Part.RESULT and result.heats:
                picture = pictures.heat.picture if pictures.heat is not None else None
                missing = pictures.heat_note or "Measuring ΔE00…"
            pane.view.show_picture(picture, missing)
            pane.set_note("loading full resolution…" if pictures.is_reading(shown) else "")
        # Where there is nothing but a mask, the mask is the result.
        mask = pictures.best(Part.MASK) if showing.mask or not result.has_result else None
        doubt = pictures.best(Part.DOUBT) if showing.shows_doubt(item) else None
        over_original = mask if showing.mask and showing.alone is None else None
        self._view(Part.ORIGINAL).show_mask(over_original)
        self._view(Part.RESULT).show_mask(mask)
        self._view(Part.ORIGINAL).show_doubt(doubt)
        self._view(Part.RESULT).show_doubt(None if result.heats else doubt)  # two ramps on each other say nothing
        before = pictures.best(Part.ORIGINAL) if result.wipes else None
        self._view(Part.RESULT).show_before(before, over_original if before is not None else None)
        if result.heats and not pictures.heat_note and not self._heat_timer.isActive():
            self._heat_timer.start()

    def _arrange(self) -> None:
        """Show the panes. A magnified picture keeps its magnification."""
        is_fitted = abs(self.link.zoom - 1) <= _FITTED
        scale = next((pane.view.scale for pane in self.panes.values() if not is_fitted and not pane.isHidden()), None)
        shown = self._showing.parts
        for part, pane in self.panes.items():
            pane.setVisible(part in shown)
            if part not in shown:
                self.link.forget_size(id(pane.view))
        self._line.activate()
        if scale is not None:
            self.link.set(self.link.zoom * scale / self._main.scale, self.link.center)

    def _pick(self, part: Part, point: QPointF) -> None:
        picture = self._view(part).picture
        if picture is None:
            return
        share = QPointF(point.x() / picture.extent.width, point.y() / picture.extent.height)
        if 0 <= share.x() <= 1 and 0 <= share.y() <= 1:
            self.eyedropper.pin(part, share)

    def _mark_pin(self) -> None:
        place = self.eyedropper.pin_place
        together = (Part.ORIGINAL, Part.RESULT)
        for part, pane in self.panes.items():
            is_there = place is not None and (part is place[0] or (part in together and place[0] in together))
            pane.view.show_pin(place[1] if place is not None and is_there else None)

    # -- full resolution ----------------------------------------------------------------------------------------

    def _timer(self, call: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(_REST_MS)
        timer.timeout.connect(call)
        return timer

    def _want_detail(self) -> None:
        if not self._detail_timer.isActive():
            self._detail_timer.start()

    def _load_detail(self) -> None:
        """Decode at full size what is magnified beyond its preview."""
        item = self._item
        if item is None:
            return
        wanted: list[Part] = []
        for part, pane in reversed(self.panes.items()):  # the result is what is looked at
            if pane.isHidden() or pane.view.picture is None or pane.view.is_sharp:
                continue
            if part is not Part.RESULT or has_picture(item):
                wanted.append(part)
            if part is Part.RESULT:
                # Blinked or wiped against it, a blurred original would look like a change.
                wanted.append(Part.ORIGINAL)
            if part is not Part.FLATLAY and (self._showing.mask or not has_picture(item)):
                wanted.append(Part.MASK)
        self.pictures.want_full(wanted)
