"""Flatlay, original and result side by side: previews at once, full resolution when it is looked at closely."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHBoxLayout, QWidget

from engine.domain.errors import Cancelled
from engine.domain.geometry import Extent
from engine.domain.results import ArtifactRef
from engine.domain.review import ReviewItem
from engine.ports import ArtifactStore
from gui.bridge import Bridge
from gui.display import Display
from gui.eyedropper import Eyedropper
from gui.parts import Arrangement, Part
from gui.pixels import HeatMap, Pyramid, read_full, read_heat_map, read_mask_full, read_mask_preview, read_preview
from gui.widgets.picture_view import PicturePane, PictureView, ViewLink

_KEPT_PREVIEWS = 28  # the shown result and three on either side, each with its mask
_FITTED = 1.001  # zoom up to which the whole picture counts as shown
_DETAIL_DELAY_MS = 150  # zooming passes many magnifications; only where it rests is worth decoding


_SHOWN = {
    Arrangement.THREE: (Part.FLATLAY, Part.ORIGINAL, Part.RESULT),
    Arrangement.TWO: (Part.ORIGINAL, Part.RESULT),
    Arrangement.ONE: (Part.RESULT,),
}
_TITLES = {Part.FLATLAY: "Flatlay", Part.ORIGINAL: "Original", Part.RESULT: "Result"}
_Reader = Callable[[], Pyramid]


class CompareView(QWidget):
    """Linked panes over one result, side by side or wiped over each other.

    Parameters
    ----------
    report : callable
        Takes errors of pictures that cannot be read at full resolution.
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
        self._bridge, self._artifacts, self._report = bridge, artifacts, report
        self._item: ReviewItem | None = None
        self._previews: OrderedDict[Path, Pyramid] = OrderedDict()
        self._asked: set[Path] = set()
        self._full: dict[Part, Pyramid] = {}
        self._wanted: set[Part] = set()
        self._shows_mask = self._shows_original = self._shows_heat = self._wipes = False
        self._heat: HeatMap | None = None
        self._heat_note = ""
        self._visit = 0
        self._display = Display()
        self._stale: dict[Path, Pyramid] = {}
        self.arrangement = arrangement
        self.eyedropper = Eyedropper(bridge, report, self)
        self.eyedropper.changed.connect(self._mark_pin)
        self.heat_changed: Callable[[], None] = lambda: None
        self.link = ViewLink(self)
        self.panes = {part: PicturePane(title, self.link) for part, title in _TITLES.items()}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for part, pane in self.panes.items():
            pane.view.asked_for_detail = self._want_detail
            pane.view.hovered = partial(self.eyedropper.point_at, part)
            pane.view.picked = partial(self.eyedropper.pin, part)
            layout.addWidget(pane, 1)
        self._detail_timer = QTimer(self)
        self._detail_timer.setSingleShot(True)
        self._detail_timer.setInterval(_DETAIL_DELAY_MS)
        self._detail_timer.timeout.connect(self._load_detail)
        self._heat_timer = QTimer(self)
        self._heat_timer.setSingleShot(True)
        self._heat_timer.setInterval(_DETAIL_DELAY_MS)
        self._heat_timer.timeout.connect(self._load_heat)
        self._arrange()

    # -- what the page calls ------------------------------------------------------------------------------------

    def show_item(self, item: ReviewItem | None, neighbours: Sequence[ReviewItem] = ()) -> None:
        """Show a result; its neighbours' previews are read ahead. Zoom and position stay as they are."""
        if item is None or self._item is None or item.job.id != self._item.job.id:
            self._full.clear()
            self._wanted.clear()
            self._detail_timer.stop()
            self._heat_timer.stop()
            self._heat, self._heat_note = None, ""
            self._visit += 1
            self.eyedropper.set_files(self._files(item))
            self.heat_changed()
        self._item = item
        self._render()
        for other in neighbours:
            for part in (Part.FLATLAY, Part.ORIGINAL, Part.RESULT):
                self._preview(other, part)

    def show_mask(self, shown: bool) -> None:
        """Tint what lies inside the mask."""
        self._shows_mask = shown
        self._render()

    def show_original(self, shown: bool) -> None:
        """Show the original in the result's place."""
        self._shows_original = shown
        self._render()

    def show_heat(self, shown: bool) -> None:
        """Show the ΔE00 map of result against original in the result's place."""
        self._shows_heat = shown
        self._render()
        self.heat_changed()

    @property
    def heat(self) -> HeatMap | None:
        """The map that is shown; None where none is, or is still being measured."""
        return self._heat if self._shows_heat else None

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

    def hold_eyedropper(self, held: bool) -> None:
        """Read colours under the pointer; a click pins a point to measure from."""
        for pane in self.panes.values():
            pane.view.hold_eyedropper(held)
        self.eyedropper.hold(held)

    def set_display(self, display: Display) -> None:
        """Convert the pictures for this screen from now on; those for the last one stay until theirs are read."""
        if display == self._display:
            return
        self._display = display
        on_screen = self._paths(self._item) if self._item is not None else set()
        self._stale = {path: preview for path, preview in self._previews.items() if path in on_screen}
        for waiting in (self._previews, self._asked, self._full, self._wanted):
            waiting.clear()
        self._render()

    def set_surround(self, color: QColor) -> None:
        """The grey around the pictures."""
        for pane in self.panes.values():
            pane.view.set_surround(color)

    def zoom(self, factor: float) -> None:
        """Magnify all views about their middle."""
        self._view(Part.RESULT).zoom_at(factor)

    def toggle_actual_size(self) -> None:
        """100 % of the photograph, or fit; about the pointer where it is over a view."""
        for part in self.panes:
            view = self._view(part)
            if view.underMouse():
                view.toggle_actual_size(view.mapFromGlobal(view.cursor().pos()).toPointF())
                return
        self._view(Part.RESULT).toggle_actual_size()

    def is_full(self, part: Part) -> bool:
        """Whether the full resolution of a part is on screen or ready."""
        return part in self._full

    # -- inside -------------------------------------------------------------------------------------------------

    def _view(self, part: Part) -> PictureView:
        return self.panes[part].view

    def _render(self) -> None:
        item = self._item
        result_pane = self.panes[Part.RESULT]
        if item is None:
            for pane in self.panes.values():
                pane.view.show_picture(None)
                pane.view.show_mask(None)
            return
        has_result = item.outcome.picture is not None
        blinks = self._shows_original and has_result
        wipes = self._wipes and not blinks
        heats = self._shows_heat and has_result and not blinks
        result_pane.set_title(_result_title(blinks, wipes, heats, has_result), emphasised=blinks)
        for part, pane in self.panes.items():
            shown = Part.ORIGINAL if part is Part.RESULT and (blinks or not has_result) else part
            missing = "No flatlay" if shown is Part.FLATLAY and item.pair.flatlay is None else "Loading…"
            picture = self._best(item, shown)
            if part is Part.RESULT and heats:
                picture = self._heat.pyramid if self._heat is not None else None
                missing = self._heat_note or "Measuring ΔE00…"
            pane.view.show_picture(picture, missing)
        # Where there is nothing but a mask, the mask is the result.
        mask = self._best(item, Part.MASK) if self._shows_mask or not has_result else None
        over_original = mask if self._shows_mask else None
        self._view(Part.ORIGINAL).show_mask(over_original)
        self._view(Part.RESULT).show_mask(mask)
        before = self._best(item, Part.ORIGINAL) if wipes else None
        self._view(Part.RESULT).show_before(before, over_original if before is not None else None)
        if heats and not self._heat_note and not self._heat_timer.isActive():
            self._heat_timer.start()

    def _arrange(self) -> None:
        """Show the arrangement's panes. A magnified picture keeps its magnification."""
        view = self._view(Part.RESULT)
        scale = view.scale if self.link.zoom > _FITTED else None
        shown = (Part.RESULT,) if self._wipes else _SHOWN[self.arrangement]
        for part, pane in self.panes.items():
            pane.setVisible(part in shown)
            if part not in shown:
                self.link.forget_size(id(pane.view))
        layout = self.layout()
        assert layout is not None
        layout.activate()
        if scale is not None:
            self.link.set(self.link.zoom * scale / view.scale, self.link.center)

    def _files(self, item: ReviewItem | None) -> dict[Part, Path]:
        """The files with every pixel of a result."""
        if item is None:
            return {}
        files = {Part.ORIGINAL: item.pair.on_model.path}
        if item.pair.flatlay is not None:
            files[Part.FLATLAY] = item.pair.flatlay.path
        if item.outcome.picture is not None:
            files[Part.RESULT] = self._artifacts.path(item.outcome.picture)
        return files

    def _mark_pin(self) -> None:
        place = self.eyedropper.pin_place
        together = (Part.ORIGINAL, Part.RESULT)
        for part, pane in self.panes.items():
            is_there = place is not None and (part is place[0] or (part in together and place[0] in together))
            pane.view.show_pin(place[1] if place is not None and is_there else None)

    def _load_heat(self) -> None:
        """Measure the shown result against its original, in the background."""
        files, visit = self._files(self._item), self._visit
        if Part.RESULT not in files or self._heat_note:
            return
        self._heat_note = "Measuring ΔE00…"
        before, after = files[Part.ORIGINAL], files[Part.RESULT]

        def measure() -> HeatMap:
            if visit != self._visit:  # the operator has gone on before a thread was free
                raise Cancelled
            return read_heat_map(before, after)

        def done(heat: HeatMap) -> None:
            if visit == self._visit:
                self._heat = heat
                self._render()
                self.heat_changed()

        def failed(error: Exception) -> None:
            if visit == self._visit and not isinstance(error, Cancelled):
                self._heat_note = "The difference could not be measured."
                self._render()
                self._report(error)

        self._bridge.run_in_background(measure, done, failed)

    def _best(self, item: ReviewItem, part: Part) -> Pyramid | None:
        return self._full.get(part) or self._preview(item, part)

    def _preview(self, item: ReviewItem, part: Part) -> Pyramid | None:
        """The stored preview, or None while it is being read."""
        ref, extent = _stored(item, part)
        if ref is None or extent is None:
            return None
        path = self._artifacts.path(ref)
        if path in self._previews:
            self._previews.move_to_end(path)
            return self._previews[path]
        if path not in self._asked:
            self._asked.add(path)
            display = self._display
            read = (
                partial(read_mask_preview, path, extent)
                if part is Part.MASK
                else partial(read_preview, path, extent, display)
            )
            self._bridge.run_in_background(read, partial(self._keep, path, display), partial(self._lost, path))
        return self._stale.get(path)

    def _keep(self, path: Path, display: Display, picture: Pyramid) -> None:
        if display != self._display:
            return
        self._asked.discard(path)
        self._stale.pop(path, None)
        self._previews[path] = picture
        while len(self._previews) > _KEPT_PREVIEWS:
            self._previews.popitem(last=False)
        if self._item is not None and path in self._paths(self._item):
            self._render()

    def _lost(self, path: Path, error: Exception) -> None:
        if self._item is not None and path in self._paths(self._item):
            self._report(error)

    def _paths(self, item: ReviewItem) -> set[Path]:
        refs = [_stored(item, part)[0] for part in Part]
        return {self._artifacts.path(ref) for ref in refs if ref is not None}

    # -- full resolution ----------------------------------------------------------------------------------------

    def _want_detail(self) -> None:
        if not self._detail_timer.isActive():
            self._detail_timer.start()

    def _load_detail(self) -> None:
        """Decode at full size what is magnified beyond its preview."""
        item = self._item
        if item is None:
            return
        for part, pane in self.panes.items():
            picture = pane.view.picture
            if pane.isHidden() or picture is None or pane.view.is_sharp:
                continue
            parts = [part]
            if part is Part.RESULT and item.outcome.picture is None:
                parts = [Part.ORIGINAL]
            elif part is Part.RESULT:
                # Blinked or wiped against it, a blurred original would look like a change.
                parts.append(Part.ORIGINAL)
            if part is not Part.FLATLAY and (self._shows_mask or item.outcome.picture is None):
                parts.append(Part.MASK)
            for wanted in parts:
                self._load_full(item, wanted)

    def _load_full(self, item: ReviewItem, part: Part) -> None:
        read = self._full_reader(item, part)
        if read is None or part in self._full or part in self._wanted:
            return
        self._wanted.add(part)
        display = self._display
        if part in self.panes:
            self.panes[part].set_note("loading full resolution…")

        def done(picture: Pyramid) -> None:
            if self._item is not None and self._item.job.id == item.job.id and display == self._display:
                self._full[part] = picture
                self._end_note(part)
                self._render()

        def failed(error: Exception) -> None:
            self._end_note(part)
            self._report(error)

        self._bridge.run_in_background(read, done, failed)

    def _end_note(self, part: Part) -> None:
        if part in self.panes:
            self.panes[part].set_note("")

    def _full_reader(self, item: ReviewItem, part: Part) -> _Reader | None:
        artifacts, outcome, display = self._artifacts, item.outcome, self._display
        match part:
            case Part.ORIGINAL:
                return partial(read_full, item.pair.on_model.path, display)
            case Part.FLATLAY:
                return partial(read_full, item.pair.flatlay.path, display) if item.pair.flatlay else None
            case Part.RESULT:
                return partial(read_full, artifacts.path(outcome.picture), display) if outcome.picture else None
            case Part.MASK:
                return lambda: read_mask_full(artifacts.read(outcome.mask.alpha))


def _result_title(blinks: bool, wipes: bool, heats: bool, has_result: bool) -> str:
    if blinks:
        return "Original, in place of the result"
    result = "ΔE map" if heats else "Result" if has_result else "Result · mask only"
    return f"Original  |  {result}" if wipes else result


def _stored(item: ReviewItem, part: Part) -> tuple[ArtifactRef | None, Extent | None]:
    """A part's preview and the full size it stands for, in source pixels."""
    previews = item.outcome.previews
    flatlay = item.pair.flatlay
    return {
        Part.FLATLAY: (previews.flatlay, flatlay.extent if flatlay else None),
        Part.ORIGINAL: (previews.on_model, item.pair.on_model.extent),
        Part.RESULT: (previews.matched, item.pair.on_model.extent),
        Part.MASK: (previews.mask, item.outcome.mask.extent),
    }[part]
