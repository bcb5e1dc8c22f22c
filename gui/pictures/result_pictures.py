"""What the viewer shows of a result: previews at once, every pixel when it is looked at closely."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from engine.domain.errors import Cancelled
from engine.domain.review import ReviewItem, Viewed
from engine.ports import ArtifactStore
from gui.bridge import Bridge
from gui.lane import Errand, Lane
from gui.pictures.decoded import DecodedPictures
from gui.pictures.display import Display
from gui.pictures.heat_map import HeatMap, measure_heat_map
from gui.pictures.parts import Part
from gui.pictures.pixels import Pyramid
from gui.pictures.result_files import OVERLAYS, SmallPicture, retouches, small_pictures, whole_files
from gui.pictures.tile_store import TileStore
from gui.pictures.tiled_picture import Layer, TiledPicture, read_mask_full, tile_picture, with_display

_KEPT_PREVIEWS = 28  # the shown result and three on either side, each with its mask
_AT_ONCE = 2  # decodes of one kind; one of the bridge's threads stays free for the catalog


def is_same(one: Viewed | None, other: Viewed | None) -> bool:
    """Whether both are the same pictures: a job that failed and was tried again has others."""
    if one is None or other is None:
        return False
    return one.job.id == other.job.id and (one.outcome is None) is (other.outcome is None)


class ResultPictures(QObject):
    """Reads the pictures of one result, and its neighbours' previews ahead. GUI thread only.

    Whatever another result makes needless and has not begun is forgotten; what has begun is dropped when it is done.

    Parameters
    ----------
    report : callable
        Takes the errors of pictures of the shown result that cannot be read.
    """

    changed = Signal()
    """`best`, `heat`, `heat_note` or `is_reading` say something else."""

    def __init__(
        self,
        bridge: Bridge,
        artifacts: ArtifactStore,
        report: Callable[[Exception], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._artifacts, self._report = artifacts, report
        self.tiles = TileStore(bridge, report, parent=self)
        self.decoded = DecodedPictures()
        self._small = Lane(bridge, _AT_ONCE, quick=True)
        self._large = Lane(bridge, _AT_ONCE)
        self._item: Viewed | None = None
        self._neighbours: Sequence[ReviewItem] = ()
        self._display = Display()
        self._previews: OrderedDict[Path, Pyramid] = OrderedDict()
        self._stale: dict[Path, Pyramid] = {}
        self._unreadable: set[Path] = set()
        self._full: dict[Part, TiledPicture] = {}
        self._shown_for: dict[Part, Display] = {}
        self._wanted: dict[Part, None] = {}
        self._broken: set[Part] = set()
        self._visit = 0
        self._heat: HeatMap | None = None
        self._wants_heat = False
        self.heat_note = ""

    # -- what is shown ------------------------------------------------------------------------------------------

    def show(self, item: Viewed | None, neighbours: Sequence[ReviewItem]) -> None:
        """Go on to a result; the same one again changes only what is read ahead."""
        if not is_same(item, self._item):
            self._visit += 1
            self.tiles.forget([*self._full.values(), *([self._heat.picture] if self._heat else [])])
            for held in (self._full, self._shown_for, self._wanted, self._broken, self._unreadable):
                held.clear()
            self._heat, self._wants_heat, self.heat_note = None, False, ""
        self._item, self._neighbours = item, neighbours
        self.decoded.keep(self.files().values(), retouches(self._item, self._artifacts))
        self._read_previews()
        self._read_large()

    def set_display(self, display: Display) -> None:
        """Convert for this screen from now on; pictures for the last one stay until theirs are ready."""
        if display == self._display:
            return
        self._display = display
        shown = {wanted.key for wanted in self._small_ones()}
        self._stale = {path: preview for path, preview in self._previews.items() if path in shown}
        self._previews.clear()
        self._read_previews()
        self._read_large()

    def files(self) -> dict[Part, Path]:
        """The files with every pixel of the shown result."""
        return whole_files(self._item, self._artifacts)

    def best(self, part: Part) -> Layer | None:
        """The finest that is there of a part; None while nothing is."""
        if part in self._full:
            return self._full[part]
        found = next((wanted for wanted in self._small_ones() if wanted.part is part), None)
        if found is None:
            return None
        if found.key in self._previews:
            self._previews.move_to_end(found.key)
            return self._previews[found.key]
        return self._stale.get(found.key)

    def is_missing(self, part: Part) -> bool:
        """Whether a part of the shown result cannot be read at all."""
        return part in self._broken or any(
            wanted.part is part and wanted.key in self._unreadable for wanted in self._small_ones()
        )

    def has_preview(self, path: Path) -> bool:
        """Whether the preview stored there is ready."""
        return path in self._previews

    # -- every pixel --------------------------------------------------------------------------------------------

    def want_full(self, parts: Iterable[Part]) -> None:
        """Have parts of the shown result read whole, the first ones first."""
        new = [part for part in parts if part not in self._full and part not in self._wanted]
        if new:
            self._wanted.update(dict.fromkeys(new))
            self._read_large()
            self.changed.emit()

    def is_full(self, part: Part) -> bool:
        """Whether a part is there whole."""
        return part in self._full

    def is_reading(self, part: Part) -> bool:
        """Whether a part is being read whole."""
        return part in self._wanted and part not in self._full and part not in self._broken

    # -- the ΔE map ---------------------------------------------------------------------------------------------

    @property
    def heat(self) -> HeatMap | None:
        """The map of the shown result; None until it is measured."""
        return self._heat

    def want_heat(self) -> None:
        """Measure the shown result against its original."""
        if not self.heat_note and Part.RESULT in self.files():
            self._wants_heat, self.heat_note = True, "Measuring ΔE00…"
            self._read_large()

    # -- inside -------------------------------------------------------------------------------------------------

    def _read_previews(self) -> None:
        wanted = self._small_ones()
        for neighbour in self._neighbours:
            wanted += [each for each in small_pictures(neighbour, self._artifacts) if each.part not in OVERLAYS]
        missing = {w.key: w for w in wanted if w.key not in self._previews and w.key not in self._unreadable}
        display = self._display
        self._small.want(
            Errand(
                (key, display),
                partial(each.read, display),
                partial(self._keep, key, display),
                partial(self._lose, key),
            )
            for key, each in missing.items()
        )

    def _small_ones(self) -> list[SmallPicture]:
        return small_pictures(self._item, self._artifacts)

    def _keep(self, path: Path, display: Display, picture: Pyramid) -> None:
        if display != self._display:
            return
        self._stale.pop(path, None)
        self._previews[path] = picture
        while len(self._previews) > _KEPT_PREVIEWS:
            self._previews.popitem(last=False)
        if any(wanted.key == path for wanted in self._small_ones()):
            self.changed.emit()

    def _lose(self, path: Path, error: Exception) -> None:
        if any(wanted.key == path for wanted in self._small_ones()):
            self._unreadable.add(path)
            self._report(error)
            self.changed.emit()

    def _read_large(self) -> None:
        self._large.want(self._large_errands())

    def _large_errands(self) -> Iterator[Errand]:
        visit, display = self._visit, self._display
        for part in self._wanted:
            is_here = part in self._full and (part in OVERLAYS or self._shown_for[part] == display)
            work = self._full_reader(part, display) if not is_here and part not in self._broken else None
            if work is not None:
                yield Errand(
                    (visit, part, display),
                    partial(self._unless_stale, visit, work),
                    partial(self._keep_full, visit, part, display),
                    partial(self._lose_full, visit, part),
                )
        if self._wants_heat and self._heat is None and self._item is not None:
            files = self.files()
            yield Errand(
                (visit, "heat"),
                partial(self._measure, visit, files[Part.ORIGINAL], files[Part.RESULT]),
                partial(self._keep_heat, visit),
                partial(self._lose_heat, visit),
            )

    def _full_reader(self, part: Part, display: Display) -> Callable[[], TiledPicture] | None:
        item, files = self._item, self.files()
        if item is None:
            return None
        if part is Part.MASK and item.outcome is not None:
            alpha = item.outcome.mask.alpha
            return lambda: read_mask_full(self._artifacts.read(alpha))
        if part in self._full:
            return partial(self._convert_anew, self._full[part], files[part], display)
        return partial(self._decode, files[part], display) if part in files else None

    def _decode(self, path: Path, display: Display) -> TiledPicture:
        """Pool threads."""
        return tile_picture(self.decoded.read(path), display)

    def _convert_anew(self, picture: TiledPicture, path: Path, display: Display) -> TiledPicture:
        """Pool threads."""
        return with_display(picture.extent, picture.levels, self.decoded.read(path).icc, display)

    def _measure(self, visit: int, before: Path, after: Path) -> HeatMap:
        """Pool threads."""
        first, second = self.decoded.read(before), self.decoded.read(after)
        return measure_heat_map(first, second, lambda: visit == self._visit)

    def _unless_stale(self, visit: int, work: Callable[[], TiledPicture]) -> TiledPicture:
        """Pool threads: the operator may have gone on before a thread was free."""
        if visit != self._visit:
            raise Cancelled
        return work()

    def _keep_full(self, visit: int, part: Part, display: Display, picture: TiledPicture) -> None:
        if visit != self._visit or display != self._display:
            return
        before = self._full.get(part)
        self._full[part], self._shown_for[part] = picture, display
        self.changed.emit()
        if before is not None:
            self.tiles.forget([before])

    def _lose_full(self, visit: int, part: Part, error: Exception) -> None:
        if visit == self._visit and not isinstance(error, Cancelled):
            self._broken.add(part)
            self._report(error)
            self.changed.emit()

    def _keep_heat(self, visit: int, heat: HeatMap) -> None:
        if visit == self._visit:
            self._heat = heat
            self.changed.emit()

    def _lose_heat(self, visit: int, error: Exception) -> None:
        if visit == self._visit and not isinstance(error, Cancelled):
            self._wants_heat, self.heat_note = False, "The difference could not be measured."
            self._report(error)
            self.changed.emit()
