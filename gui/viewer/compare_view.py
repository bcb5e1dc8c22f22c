"""Flatlay, original and result side by side, or wiped over each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QPointF, QTimer
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHBoxLayout, QWidget

from engine.domain.review import ReviewItem
from engine.ports import ArtifactStore
from gui.bridge import Bridge
from gui.pictures.display import Display
from gui.pictures.heat_map import HeatMap
from gui.pictures.parts import Arrangement, Part
from gui.pictures.result_pictures import ResultPictures
from gui.viewer.eyedropper import Eyedropper
from gui.viewer.eyedropper_tool import EyedropperTool
from gui.viewer.picture_pane import PicturePane
from gui.viewer.picture_view import PictureView
from gui.viewer.view_geometry import ViewLink

_FITTED = 1e-3  # how near to 1 a zoom counts as fitted
_REST_MS = 150  # zooming and stepping pass much that nobody looks at; only where they rest is worth decoding

_SHOWN = {
    Arrangement.THREE: (Part.FLATLAY, Part.ORIGINAL, Part.RESULT),
    Arrangement.TWO: (Part.ORIGINAL, Part.RESULT),
    Arrangement.ONE: (Part.RESULT,),
}
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
        self._item: ReviewItem | None = None
        self._shows_mask = self._shows_doubt = self._shows_original = self._shows_heat = self._wipes = False
        self.arrangement = arrangement
        self._alone: Part | None = None
        self.pictures = ResultPictures(bridge, artifacts, report, self)
        self.pictures.changed.connect(self._on_pictures)
        self.eyedropper = Eyedropper(bridge, report, self.pictures.decoded.read, self)
        self.eyedropper.changed.connect(self._mark_pin)
        self.legend_changed: Callable[[], None] = lambda: None
        self.link = ViewLink(self)
        self.panes = {part: PicturePane(title, self.link, self.pictures.tiles) for part, title in _TITLES.items()}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        self._detail_timer = self._timer(self._load_detail)
        self._heat_timer = self._timer(self.pictures.want_heat)
        for part, pane in self.panes.items():
            pane.view.asked_for_detail = self._want_detail
            pane.view.hovered = partial(self.eyedropper.point_at, part)
            layout.addWidget(pane, 1)
        self._arrange()

    # -- what the page calls ------------------------------------------------------------------------------------

    def show_item(self, item: ReviewItem | None, neighbours: Sequence[ReviewItem] = ()) -> None:
        """Show a result; its neighbours' previews are read ahead. Zoom and position stay as they are."""
        is_new = item is None or self._item is None or item.job.id != self._item.job.id
        if is_new:
            self._detail_timer.stop()
            self._heat_timer.stop()
        self._item = item
        self.pictures.show(item, neighbours)
        self.eyedropper.set_files(self.files())
        self._render()
        if is_new:
            self.legend_changed()

    def show_mask(self, shown: bool) -> None:
        """Tint what lies inside the mask."""
        self._shows_mask = shown
        self._render()

    def show_doubt(self, shown: bool) -> None:
        """Lay over the pictures where a mask that was made several times came out differently."""
        self._shows_doubt = shown
        self._render()
        self.legend_changed()

    def show_original(self, shown: bool) -> None:
        """Show the original in the result's place."""
        self._shows_original = shown
        self._render()

    def show_heat(self, shown: bool) -> None:
        """Show the ΔE00 map of result against original in the result's place."""
        self._shows_heat = shown
        self._render()
        self.legend_changed()

    @property
    def heat(self) -> HeatMap | None:
        """The map that is shown; None where none is, or is still being measured."""
        return self.pictures.heat if self._shows_heat else None

    @property
    def has_doubt(self) -> bool:
        """Whether the shown result's mask was made several times, so that it is known where they differ."""
        return self._item is not None and self._item.outcome.previews.disagreement is not None

    @property
    def doubtful(self) -> float | None:
        """The confidence of the mask whose disagreement is shown; None where none is."""
        return self._item.outcome.mask.confidence if self._item is not None and self._is_doubt_shown else None

    def wipe(self, wiped: bool) -> None:
        """Show original and result in one picture, on either side of a divider."""
        self._wipes = wiped
        self._arrange()
        self._render()

    def move_divider(self, step: float) -> None:
        """Move the divider of the wipe by a share of the picture's view."""
        view = self._view(Part.RESULT)
        view.move_divider(view.divider + step)

    def split(self) -> None:
        """Go on to the next arrangement: three pictures, two, one."""
        order = list(Arrangement)
        self.arrangement = order[(order.index(self.arrangement) + 1) % len(order)]
        self._arrange()

    def show_alone(self, part: Part | None) -> None:
        """Show one picture only, with nothing over it, for a tool that draws there; None leads back."""
        self._alone = part
        self._arrange()
        self._render()

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
        return self._view(self._alone or Part.RESULT)

    @property
    def _is_doubt_shown(self) -> bool:
        return self._shows_doubt and self.has_doubt and self._alone is None

    def _on_pictures(self) -> None:
        self._render()
        self.legend_changed()

    def _render(self) -> None:
        item, pictures = self._item, self.pictures
        if item is None:
            for pane in self.panes.values():
                pane.view.show_picture(None)
                pane.view.show_mask(None)
                pane.view.show_doubt(None)
            return
        has_result = item.outcome.picture is not None
        blinks = self._shows_original and has_result
        wipes = self._wipes and not blinks
        heats = self._shows_heat and has_result and not blinks
        self.panes[Part.RESULT].set_title(_result_title(blinks, wipes, heats, has_result), emphasised=blinks)
        for part, pane in self.panes.items():
            shown = Part.ORIGINAL if part is Part.RESULT and (blinks or not has_result) else part
            picture, missing = pictures.best(shown), "Loading…"
            if shown is Part.FLATLAY and item.pair.flatlay is None:
                missing = "No flatlay"
            elif pictures.is_missing(shown):
                missing = "This picture cannot be read"
            if part is Part.RESULT and heats:
                picture = pictures.heat.picture if pictures.heat is not None else None
                missing = pictures.heat_note or "Measuring ΔE00…"
            pane.view.show_picture(picture, missing)
            pane.set_note("loading full resolution…" if pictures.is_reading(shown) else "")
        # Where there is nothing but a mask, the mask is the result.
        mask = pictures.best(Part.MASK) if self._shows_mask or not has_result else None
        doubt = pictures.best(Part.DOUBT) if self._is_doubt_shown else None
        over_original = mask if self._shows_mask and self._alone is None else None
        self._view(Part.ORIGINAL).show_mask(over_original)
        self._view(Part.RESULT).show_mask(mask)
        self._view(Part.ORIGINAL).show_doubt(doubt)
        self._view(Part.RESULT).show_doubt(None if heats else doubt)  # two ramps on each other would say nothing
        before = pictures.best(Part.ORIGINAL) if wipes else None
        self._view(Part.RESULT).show_before(before, over_original if before is not None else None)
        if heats and not pictures.heat_note and not self._heat_timer.isActive():
            self._heat_timer.start()

    def _arrange(self) -> None:
        """Show the arrangement's panes. A magnified picture keeps its magnification."""
        is_fitted = abs(self.link.zoom - 1) <= _FITTED
        scale = next((pane.view.scale for pane in self.panes.values() if not is_fitted and not pane.isHidden()), None)
        view = self._main
        shown = (Part.RESULT,) if self._wipes else _SHOWN[self.arrangement]
        if self._alone is not None:
            shown = (self._alone,)
        for part, pane in self.panes.items():
            pane.setVisible(part in shown)
            if part not in shown:
                self.link.forget_size(id(pane.view))
        layout = self.layout()
        assert layout is not None
        layout.activate()
        if scale is not None:
            self.link.set(self.link.zoom * scale / view.scale, self.link.center)

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
            if part is not Part.RESULT or item.outcome.picture is not None:
                wanted.append(part)
            if part is Part.RESULT:
                # Blinked or wiped against it, a blurred original would look like a change.
                wanted.append(Part.ORIGINAL)
            if part is not Part.FLATLAY and (self._shows_mask or item.outcome.picture is None):
                wanted.append(Part.MASK)
        self.pictures.want_full(wanted)


def _result_title(blinks: bool, wipes: bool, heats: bool, has_result: bool) -> str:
    if blinks:
        return "Original, in place of the result"
    result = "ΔE map" if heats else "Result" if has_result else "Result · mask only"
    return f"Original  |  {result}" if wipes else result
