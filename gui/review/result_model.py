"""The finished results of the review page, sorted and filtered."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication, QPixmap

from engine.domain.review import Decision, Review, ReviewRow
from engine.ports import ArtifactStore, ThumbnailStore
from gui.bridge import Bridge
from gui.pictures.thumbnail_files import ThumbnailSource
from gui.pictures.thumbnails import Thumbnails
from gui.review.filter import ReviewFilter, SortKey, SortOrder, safe, sort_key
from gui.review.result_columns import ResultColumns

THUMBNAIL = 164
"""Long side of a thumbnail in logical pixels: it fills a cell of the grid, and is not scaled at every painting."""

ROW_ROLE = int(Qt.ItemDataRole.UserRole) + 1

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
        self._rows = ResultColumns()
        self._shown: list[int] = []
        self._is_partial = False  # there are rows that were not arranged yet
        self._filter = ReviewFilter()
        self._order = SortOrder.WORST_FIRST
        self._decisions: Counter[Decision] = Counter()  # of what nothing has superseded, like the garments
        self._garments: Counter[str] = Counter()
        self._thumbnails = Thumbnails(bridge, round(THUMBNAIL * _finest_scaling()), self._repaint, thumbnails)
        self._painted: dict[Path, set[int]] = {}  # whose picture it is, for those that were asked for
        self._sources: dict[int, ThumbnailSource] = {}  # of those that were painted last

    # -- taking over --------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Forget every result."""
        self._is_partial = False
        self._rows = ResultColumns()
        self._decisions.clear()
        self._garments.clear()
        self._arrange()

    def take(self, rows: Sequence[ReviewRow], *, more: bool = False) -> None:
        """Take over results that are new or have changed.

        A few are put in their places one by one, and the others and the selection stay; many are a new list.

        Parameters
        ----------
        more : bool
            More follow at once: where a long list is read in pages, only its first page and the whole are arranged.
        """
        was_empty, was_partial = not self._rows, self._is_partial
        self._is_partial = more
        if len(rows) <= _FEW and not (was_empty or was_partial or more):
            for row in rows:
                self._put(row)
            return
        self._keep(rows)
        if was_empty or not more:
            self._arrange()

    def set_reviews(self, reviews: Sequence[Review]) -> None:
        """Give rows their verdicts; they leave the list where the filter no longer admits them, and join otherwise."""
        old = self._rows.rows(review.job_id for review in reviews)
        rows = [row.reviewed(review) for row, review in zip(old, reviews, strict=True)]
        if len(rows) <= _FEW:
            for row in rows:
                self._put(row)
            return
        admits = self._filter.admits
        before = [admits(row) for row in old]
        self._keep(rows)
        if self._order is not SortOrder.BEST_RATED and before == [admits(row) for row in rows]:
            self.dataChanged.emit(self.index(0), self.index(len(self._shown) - 1))
        else:
            self._arrange()

    def arrange(self, order: SortOrder, filter: ReviewFilter) -> None:
        """Sort by ``order`` and show only what the filter admits."""
        if (order, filter) != (self._order, self._filter):
            self._order, self._filter = order, filter
            self._arrange()

    # -- reading ------------------------------------------------------------------------------------------------

    @property
    def filter(self) -> ReviewFilter:
        return self._filter

    @property
    def is_any(self) -> bool:
        """Whether there is any result, shown or not."""
        return bool(self._rows)

    def rows(self) -> Iterable[ReviewRow]:
        """All results, whatever the filter says, superseded ones too."""
        return iter(self._rows)

    def get(self, job_id: int) -> ReviewRow | None:
        """The result of that job, whatever the filter says."""
        return self._rows.get(job_id)

    def result(self, job_id: int) -> ReviewRow:
        return self._rows[job_id]

    def at(self, row: int) -> ReviewRow | None:
        """What is shown in that row of the list."""
        return self._rows[self._shown[row]] if 0 <= row < len(self._shown) else None

    def undecided(self) -> int:
        """How many are shown that nobody has decided on."""
        return sum(1 for _ in self._rows.undecided(self._shown))

    def safe(self, tolerance: float) -> list[int]:
        """Job ids of what is shown and may be accepted unseen, in the order of the list; see `filter.safe`."""
        admitted = set(self._rows.arranged(self._order, safe(tolerance)))
        return [job_id for job_id in self._shown if job_id in admitted]

    def shown_ids(self) -> list[int]:
        """Job ids in the order of the list."""
        return list(self._shown)

    def row_of(self, job_id: int) -> int | None:
        result = self._rows.get(job_id)
        if result is None:
            return None
        row = self._place(result)
        return row if row < len(self._shown) and self._shown[row] == job_id else None

    def next_undecided(self, row: int) -> int | None:
        """The first row, other than this one, on which nobody has decided."""
        return next((other for other, _ in self._rows.undecided(self._shown) if other != row), None)

    def counts(self) -> dict[Decision | None, int]:
        """How many results that nothing has superseded have each decision; None counts all."""
        return {None: sum(self._decisions.values()), **{decision: self._decisions[decision] for decision in Decision}}

    def garments(self) -> list[str]:
        """Every garment among the results, sorted."""
        return sorted(garment for garment, number in self._garments.items() if garment and number)

    def want_thumbnails(self, first: int, last: int) -> None:
        """Make the thumbnails of these rows from the middle outward, then half as many before and behind them."""
        middle, span = (first + last) / 2, (last - first + 1) // 2
        rows = range(max(0, first - span), min(len(self._shown), last + span + 1))
        in_reach = (self._shown[row] for row in sorted(rows, key=lambda row: abs(row - middle)))
        self._thumbnails.want([self._sources.get(i) or self._source(self._rows[i]) for i in in_reach])

    # -- Qt -----------------------------------------------------------------------------------------------------

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self._rows[self._shown[index.row()]]
        match role:
            case _ if role == ROW_ROLE:
                return row
            case Qt.ItemDataRole.DecorationRole:
                return self.thumbnail(row)
            case Qt.ItemDataRole.DisplayRole:
                return row.name
            case Qt.ItemDataRole.ToolTipRole:
                return str(row.path)
            case _:
                return None

    def thumbnail(self, row: ReviewRow) -> QPixmap | None:
        """The result's small picture; None while it is on its way."""
        source = self._sources.get(row.job_id) or self._source(row)
        return self._thumbnails.pixmap(source.path, source.content)

    # -- inside -------------------------------------------------------------------------------------------------

    def _source(self, row: ReviewRow) -> ThumbnailSource:
        source = ThumbnailSource(self._artifacts.path(row.picture), row.picture_sha256)
        self._painted.setdefault(source.path, set()).add(row.job_id)
        self._sources[row.job_id] = source
        if len(self._sources) > _KNOWN:
            del self._sources[next(iter(self._sources))]
        return source

    def _keep(self, rows: Sequence[ReviewRow]) -> None:
        """Remember rows in place of those before, and count them."""
        for row in rows:
            old = self._rows.get(row.job_id)
            if old is not None and old.superseded_by is None:
                self._decisions[old.decision] -= 1
                self._garments[old.garment] -= 1
            if row.superseded_by is None:
                self._decisions[row.decision] += 1
                self._garments[row.garment] += 1
        self._rows.keep(rows)

    def _key(self, row: ReviewRow) -> SortKey:
        return sort_key(row, self._order)

    def _place(self, row: ReviewRow) -> int:
        """Where the row is in the order, or would be: the order is total, so a few comparisons find it."""
        return bisect_left(self._shown, self._key(row), key=lambda job_id: self._key(self._rows[job_id]))

    def _arrange(self) -> None:
        self.beginResetModel()
        self._painted.clear()
        self._sources.clear()
        self._shown = self._rows.arranged(self._order, self._filter)
        self.endResetModel()

    def _put(self, row: ReviewRow) -> None:
        """Take over one row that is new or has changed, at its place in the order."""
        old, admitted = self._rows.get(row.job_id), self._filter.admits(row)
        if old == row:
            return
        at = self.row_of(row.job_id) if old is not None else None
        stays = at is not None and admitted and old is not None and self._key(old) == self._key(row)
        if at is not None and not stays:
            self.beginRemoveRows(_ROOT, at, at)
            del self._shown[at]
            self.endRemoveRows()
        self._keep([row])
        self._sources.pop(row.job_id, None)
        if stays and at is not None:
            self.dataChanged.emit(self.index(at), self.index(at))
        elif admitted:
            place = self._place(row)
            self.beginInsertRows(_ROOT, place, place)
            self._shown.insert(place, row.job_id)
            self.endInsertRows()

    def _repaint(self, path: Path) -> None:
        # Several masks of one photograph show the same picture.
        for job_id in self._painted.get(path, ()):
            row = self.row_of(job_id)
            if row is not None:
                self.dataChanged.emit(self.index(row), self.index(row), [Qt.ItemDataRole.DecorationRole])


def _finest_scaling() -> float:
    """Device pixels per logical pixel of the finest screen."""
    return max((screen.devicePixelRatio() for screen in QGuiApplication.screens()), default=1.0)
