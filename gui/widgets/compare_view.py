"""Flatlay, original and result side by side: previews at once, full resolution when it is looked at closely."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QWidget

from engine.domain.geometry import Extent
from engine.domain.results import ArtifactRef
from engine.domain.review import ReviewItem
from engine.ports import ArtifactStore
from gui.bridge import Bridge
from gui.pixels import Pyramid, read_full, read_mask_full, read_mask_preview, read_preview
from gui.widgets.picture_view import PicturePane, PictureView, ViewLink

_KEPT_PREVIEWS = 24  # six results' worth, about 13 MB each
_DETAIL_DELAY_MS = 150  # zooming passes many magnifications; only where it rests is worth decoding


class Part(StrEnum):
    """What can be seen of a result."""

    FLATLAY = "flatlay"
    ORIGINAL = "original"
    RESULT = "result"
    MASK = "mask"


_TITLES = {Part.FLATLAY: "Flatlay", Part.ORIGINAL: "Original", Part.RESULT: "Result"}
_Reader = Callable[[], Pyramid]


class CompareView(QWidget):
    """Three linked panes over one result.

    Parameters
    ----------
    report : callable
        Takes errors of pictures that cannot be read at full resolution.
    """

    def __init__(
        self,
        bridge: Bridge,
        artifacts: ArtifactStore,
        report: Callable[[Exception], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._bridge, self._artifacts, self._report = bridge, artifacts, report
        self._item: ReviewItem | None = None
        self._previews: OrderedDict[Path, Pyramid] = OrderedDict()
        self._asked: set[Path] = set()
        self._full: dict[Part, Pyramid] = {}
        self._wanted: set[Part] = set()
        self._shows_mask = self._shows_original = False
        self.link = ViewLink(self)
        self.panes = {part: PicturePane(title, self.link) for part, title in _TITLES.items()}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for part, pane in self.panes.items():
            pane.view.asked_for_detail = partial(self._want_detail, part)
            layout.addWidget(pane)
        self._detail_timer = QTimer(self)
        self._detail_timer.setSingleShot(True)
        self._detail_timer.setInterval(_DETAIL_DELAY_MS)
        self._detail_timer.timeout.connect(self._load_detail)

    # -- what the page calls ------------------------------------------------------------------------------------

    def show_item(self, item: ReviewItem | None, neighbours: Sequence[ReviewItem] = ()) -> None:
        """Show a result; its neighbours' previews are read ahead. Zoom and position stay as they are."""
        if item is None or self._item is None or item.job.id != self._item.job.id:
            self._full.clear()
            self._wanted.clear()
            self._detail_timer.stop()
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

    def zoom(self, factor: float) -> None:
        """Magnify all views about their middle."""
        self._view(Part.ORIGINAL).zoom_at(factor)

    def toggle_actual_size(self) -> None:
        """100 % of the photograph, or fit; about the pointer where it is over a view."""
        for part in self.panes:
            view = self._view(part)
            if view.underMouse():
                view.toggle_actual_size(view.mapFromGlobal(view.cursor().pos()).toPointF())
                return
        self._view(Part.ORIGINAL).toggle_actual_size()

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
        blinks = self._shows_original and item.outcome.match is not None
        result_pane.set_title(
            "Original, in place of the result" if blinks else "Result" if item.outcome.match else "Result · mask only",
            emphasised=blinks,
        )
        for part, pane in self.panes.items():
            shown = Part.ORIGINAL if part is Part.RESULT and (blinks or item.outcome.match is None) else part
            missing = "No flatlay" if shown is Part.FLATLAY and item.pair.flatlay is None else "Loading…"
            pane.view.show_picture(self._best(item, shown), missing)
        # Where there is nothing but a mask, the mask is the result.
        mask = self._best(item, Part.MASK) if self._shows_mask or item.outcome.match is None else None
        self._view(Part.ORIGINAL).show_mask(mask if self._shows_mask else None)
        self._view(Part.RESULT).show_mask(mask)

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
            read = read_mask_preview if part is Part.MASK else read_preview
            self._bridge.run_in_background(
                lambda: read(path, extent), partial(self._keep, path), partial(self._lost, path)
            )
        return None

    def _keep(self, path: Path, picture: Pyramid) -> None:
        self._asked.discard(path)
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

    def _want_detail(self, part: Part) -> None:
        if part not in self._full and part not in self._wanted and not self._detail_timer.isActive():
            self._detail_timer.start()

    def _load_detail(self) -> None:
        """Decode at full size what is magnified beyond its preview."""
        item = self._item
        if item is None:
            return
        for part, pane in self.panes.items():
            picture = pane.view.picture
            if picture is None or picture.is_sharp_at(pane.view.scale):
                continue
            parts = [part]
            if part is Part.RESULT and item.outcome.match is None:
                parts = [Part.ORIGINAL]
            if part is not Part.FLATLAY and (self._shows_mask or item.outcome.match is None):
                parts.append(Part.MASK)
            for wanted in parts:
                self._load_full(item, wanted)

    def _load_full(self, item: ReviewItem, part: Part) -> None:
        read = self._full_reader(item, part)
        if read is None or part in self._full or part in self._wanted:
            return
        self._wanted.add(part)
        if part in self.panes:
            self.panes[part].set_note("loading full resolution…")

        def done(picture: Pyramid) -> None:
            if self._item is not None and self._item.job.id == item.job.id:
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
        artifacts, outcome = self._artifacts, item.outcome
        match part:
            case Part.ORIGINAL:
                return partial(read_full, item.pair.on_model.path)
            case Part.FLATLAY:
                return partial(read_full, item.pair.flatlay.path) if item.pair.flatlay else None
            case Part.RESULT:
                return partial(read_full, artifacts.path(outcome.match.picture)) if outcome.match else None
            case Part.MASK:
                return lambda: read_mask_full(artifacts.read(outcome.mask.alpha))


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
