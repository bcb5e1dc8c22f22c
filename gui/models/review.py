"""The finished results of the review page, sorted and filtered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QPixmap

from engine.domain.review import Decision, Review, ReviewItem
from engine.ports import ArtifactStore
from gui.bridge import Bridge
from gui.thumbnails import Thumbnails

THUMBNAIL = 64
"""Long side of a thumbnail in the list, in pixels."""

UNSURE = 0.5
"""Masks below this confidence are to be looked at first (`MaskResult.confidence`)."""

ITEM_ROLE = int(Qt.ItemDataRole.UserRole) + 1

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class SortOrder(StrEnum):
    """How the list is sorted."""

    WORST_FIRST = "ΔE, worst first"
    UNSURE_FIRST = "Uncertain masks first"
    NAME = "Name"
    FINISHED = "Order of work"


class ReviewListModel(QAbstractListModel):
    """Every result of the batch; shows those the filter admits, in the chosen order."""

    def __init__(self, bridge: Bridge, artifacts: ArtifactStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._artifacts = artifacts
        self._items: dict[int, ReviewItem] = {}
        self._shown: list[int] = []
        self._decision: Decision | None = None
        self._order = SortOrder.WORST_FIRST
        self._thumbnails = Thumbnails(bridge, THUMBNAIL, self._repaint)

    def set_items(self, items: Sequence[ReviewItem]) -> None:
        self._items = {item.job.id: item for item in items}
        self._arrange()

    def arrange(self, order: SortOrder, decision: Decision | None) -> None:
        """Sort by ``order`` and show only results with ``decision``; None shows all."""
        self._order, self._decision = order, decision
        self._arrange()

    @property
    def filter(self) -> Decision | None:
        return self._decision

    def items(self) -> list[ReviewItem]:
        """All results, whatever the filter says."""
        return list(self._items.values())

    def item(self, job_id: int) -> ReviewItem:
        return self._items[job_id]

    def shown_ids(self) -> list[int]:
        """Job ids in the order of the list."""
        return list(self._shown)

    def row_of(self, job_id: int) -> int | None:
        return self._shown.index(job_id) if job_id in self._shown else None

    def counts(self) -> dict[Decision | None, int]:
        """How many results have each decision; None counts all."""
        decisions = [item.decision for item in self._items.values()]
        return {None: len(decisions), **{decision: decisions.count(decision) for decision in Decision}}

    def set_review(self, job_id: int, review: Review | None) -> None:
        """Give an item its verdict; it leaves the list where the filter no longer admits it, and joins otherwise."""
        item = replace(self._items[job_id], review=review)
        self._items[job_id] = item
        row = self.row_of(job_id)
        admitted = self._decision in (None, item.decision)
        if row is None:
            if admitted:
                self._arrange()
        elif admitted:
            self.dataChanged.emit(self.index(row), self.index(row))
        else:
            self.beginRemoveRows(_ROOT, row, row)
            del self._shown[row]
            self.endRemoveRows()

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

    def _thumbnail(self, item: ReviewItem) -> QPixmap | None:
        previews = item.outcome.previews
        return self._thumbnails.pixmap(self._artifacts.path(previews.matched or previews.on_model))

    def _arrange(self) -> None:
        self.beginResetModel()
        admitted = [item for item in self._items.values() if self._decision in (None, item.decision)]
        self._shown = [item.job.id for item in sorted(admitted, key=self._key)]
        self.endResetModel()

    def _key(self, item: ReviewItem) -> tuple[float | str, int]:
        match self._order:
            case SortOrder.WORST_FIRST:
                match = item.outcome.match
                # Masks have no ΔE; the unsure ones come first among them, after every colour match.
                return (-match.after.delta_E if match else 1000 + item.outcome.mask.confidence, item.job.id)
            case SortOrder.UNSURE_FIRST:
                return item.outcome.mask.confidence, item.job.id
            case SortOrder.NAME:
                return item.pair.on_model.path.name.casefold(), item.job.id
            case SortOrder.FINISHED:
                return 0.0, item.job.id

    def _repaint(self, path: Path) -> None:
        for row, job_id in enumerate(self._shown):
            previews = self._items[job_id].outcome.previews
            if self._artifacts.path(previews.matched or previews.on_model) == path:
                self.dataChanged.emit(self.index(row), self.index(row), [Qt.ItemDataRole.DecorationRole])
