"""The finished results of the review page, sorted and filtered."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication, QPixmap

from engine.domain.review import Decision, Review, ReviewItem
from engine.ports import ArtifactStore, ThumbnailStore
from gui.bridge import Bridge
from gui.models.review_filter import ReviewFilter, SortKey, SortOrder, sort_key
from gui.thumbnail_files import ThumbnailSource
from gui.thumbnails import Thumbnails

THUMBNAIL = 164
"""Long side of a thumbnail in logical pixels: it fills a cell of the grid, and is not scaled at every painting."""

ITEM_ROLE = int(Qt.ItemDataRole.UserRole) + 1

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_FEW = 200  # rows that are inserted or removed one by one; more are a new list

_KNOWN = 2000  # sources of thumbnails; making a path anew at every paint costs as much as drawing the text


class ReviewListModel(QAbstractListModel):
    """Every result of the batch; shows those the filter admits, in the chosen order."""

    def __init__(
        self,
        bridge: Bridge,
        artifacts: ArtifactStore,
        parent: QObject | None = None,
        thumbnails: ThumbnailStore | None = None,
    ) -> None:
        super().__init__(parent)
        self._artifacts = artifacts
        self._items: dict[int, ReviewItem] = {}
        self._shown: list[int] = []
        self._filter = ReviewFilter()
        self._order = SortOrder.WORST_FIRST
        self._thumbnails = Thumbnails(bridge, round(THUMBNAIL * _finest_scaling()), self._repaint, thumbnails)
        self._painted: dict[Path, int] = {}  # whose picture it is, for those that were asked for
        self._sources: dict[int, ThumbnailSource] = {}  # of those that were painted last

    def set_items(self, items: Sequence[ReviewItem]) -> None:
        """Show these results. Where a few came in or changed, rows are inserted and the selection stays."""
        new = {item.job.id: item for item in items}
        fresh = [item for job_id, item in new.items() if job_id not in self._items]
        changed = [item for job_id, item in new.items() if job_id in self._items and self._differs(item)]
        is_less = len(new) < len(self._items) + len(fresh)
        if is_less or len(fresh) + len(changed) > _FEW:
            self._items = new
            self._arrange()
        else:
            self.add_items([*fresh, *changed])

    def add_items(self, items: Sequence[ReviewItem]) -> None:
        """Take over a few results that are new or were made again; the others and the selection stay."""
        for item in items:
            self._put(item)

    def arrange(self, order: SortOrder, filter: ReviewFilter) -> None:
        """Sort by ``order`` and show only what the filter admits."""
        if (order, filter) != (self._order, self._filter):
            self._order, self._filter = order, filter
            self._arrange()

    @property
    def filter(self) -> ReviewFilter:
        return self._filter

    def items(self) -> list[ReviewItem]:
        """All results, whatever the filter says."""
        return list(self._items.values())

    def item(self, job_id: int) -> ReviewItem:
        return self._items[job_id]

    def shown_ids(self) -> list[int]:
        """Job ids in the order of the list."""
        return list(self._shown)

    def row_of(self, job_id: int) -> int | None:
        item = self._items.get(job_id)
        if item is None:
            return None
        row = self._place(item)
        return row if row < len(self._shown) and self._shown[row] == job_id else None

    def counts(self) -> dict[Decision | None, int]:
        """How many results have each decision; None counts all."""
        counted = Counter(item.decision for item in self._items.values())
        return {None: len(self._items), **{decision: counted[decision] for decision in Decision}}

    def garments(self) -> list[str]:
        """Every garment among the results, sorted."""
        return sorted({item.pair.garment for item in self._items.values() if item.pair.garment})

    def set_reviews(self, reviews: Sequence[Review]) -> None:
        """Give items their verdicts; they leave the list where the filter no longer admits them, and join otherwise."""
        items = [replace(self._items[review.job_id], review=review) for review in reviews]
        if len(items) <= _FEW:
            for item in items:
                self._put(item)
            return
        before = [self._filter.admits(self._items[item.job.id]) for item in items]
        self._items.update((item.job.id, item) for item in items)
        if before == [self._filter.admits(item) for item in items]:
            self.dataChanged.emit(self.index(0), self.index(len(self._shown) - 1))
        else:
            self._arrange()

    def want_thumbnails(self, first: int, last: int) -> None:
        """Make the thumbnails of these rows from the middle outward, then half as many before and behind them."""
        middle, span = (first + last) / 2, (last - first + 1) // 2
        rows = range(max(0, first - span), min(len(self._shown), last + span + 1))
        in_order = sorted(rows, key=lambda row: abs(row - middle))
        items = (self._items[self._shown[row]] for row in in_order)
        self._thumbnails.want([self._sources.get(item.job.id) or self._source(item) for item in items])

    # -- Qt -----------------------------------------------------------------------------------------------------

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        item = self._items[self._shown[index.row()]]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return item.pair.on_model.path.name
            case Qt.ItemDataRole.DecorationRole:
                return self._thumbnail(item)
            case Qt.ItemDataRole.ToolTipRole:
                return str(item.pair.on_model.path)
            case _ if role == ITEM_ROLE:
                return item
            case _:
                return None

    # -- inside -------------------------------------------------------------------------------------------------

    def _source(self, item: ReviewItem) -> ThumbnailSource:
        previews = item.outcome.previews
        shown = previews.matched or previews.on_model
        source = ThumbnailSource(self._artifacts.path(shown), shown.sha256)
        self._painted[source.path] = item.job.id
        self._sources[item.job.id] = source
        if len(self._sources) > _KNOWN:
            del self._sources[next(iter(self._sources))]
        return source

    def _thumbnail(self, item: ReviewItem) -> QPixmap | None:
        source = self._sources.get(item.job.id) or self._source(item)
        return self._thumbnails.pixmap(source.path, source.content)

    def _differs(self, item: ReviewItem) -> bool:
        old = self._items[item.job.id]
        # A job that ran again has another outcome and another end; comparing the ends is enough, and quick.
        return (old.job.finished_at, old.review, old.pair) != (item.job.finished_at, item.review, item.pair)

    def _key(self, item: ReviewItem) -> SortKey:
        return sort_key(item, self._order)

    def _place(self, item: ReviewItem) -> int:
        """Where the item is in the order, or would be: the order is total, so a few comparisons find it."""
        return bisect_left(self._shown, self._key(item), key=lambda job_id: self._key(self._items[job_id]))

    def _arrange(self) -> None:
        self.beginResetModel()
        self._painted.clear()
        self._sources.clear()
        admitted = filter(self._filter.admits, self._items.values())
        self._shown = [item.job.id for item in sorted(admitted, key=self._key)]
        self.endResetModel()

    def _put(self, item: ReviewItem) -> None:
        """Take over one item that is new or has changed, at its place in the order."""
        old, admitted = self._items.get(item.job.id), self._filter.admits(item)
        row = self.row_of(item.job.id) if old is not None else None
        stays = row is not None and admitted and old is not None and self._key(old) == self._key(item)
        if row is not None and not stays:
            self.beginRemoveRows(_ROOT, row, row)
            del self._shown[row]
            self.endRemoveRows()
        self._items[item.job.id] = item
        self._sources.pop(item.job.id, None)
        if stays and row is not None:
            self.dataChanged.emit(self.index(row), self.index(row))
        elif admitted:
            place = self._place(item)
            self.beginInsertRows(_ROOT, place, place)
            self._shown.insert(place, item.job.id)
            self.endInsertRows()

    def _repaint(self, path: Path) -> None:
        job_id = self._painted.get(path)
        row = self.row_of(job_id) if job_id is not None else None
        if row is not None:
            self.dataChanged.emit(self.index(row), self.index(row), [Qt.ItemDataRole.DecorationRole])


def _finest_scaling() -> float:
    """Device pixels per logical pixel of the finest screen."""
    return max((screen.devicePixelRatio() for screen in QGuiApplication.screens()), default=1.0)
