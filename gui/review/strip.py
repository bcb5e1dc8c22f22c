"""The left of the review page: what is shown in which order, and the results one below the other."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.domain.review import Decision
from gui.look import theme
from gui.review.filter import ReviewFilter, SortOrder
from gui.review.filter_panel import ReviewFilters
from gui.review.result_model import ReviewListModel
from gui.review.strip_delegate import ReviewDelegate
from gui.review.strip_view import StripView

_NARROWEST, _WIDEST = 220, 560
_DECISIONS = (
    (None, "All"),
    (Decision.PENDING, "Pending"),
    (Decision.APPROVED, "Approved"),
    (Decision.REJECTED, "Rejected"),
)


class ReviewStrip(QFrame):
    """Filters, order, and the strip; beside the grid the strip makes room for whom a verdict concerns.

    Attributes
    ----------
    arranged : Signal
        Another order or filter was chosen.
    """

    arranged = Signal()

    def __init__(self, results: ReviewListModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._results = results
        self.setProperty("panel", True)
        self.setMinimumWidth(_NARROWEST)
        self.setMaximumWidth(_WIDEST)
        self.list = StripView()
        self.list.setModel(results)
        self.list.setItemDelegate(ReviewDelegate(self.list))
        self.list.setAccessibleName("Results")
        self.list.visible_changed.connect(results.want_thumbnails)
        self.narrow = ReviewFilters()
        self.narrow.set_folded(True)
        self.narrow.changed.connect(self.arranged)
        self.sort = QComboBox()
        for order in SortOrder:
            self.sort.addItem(order.value, order)
        self.sort.setToolTip("How the list is sorted")
        self.sort.setAccessibleName("How the list is sorted")
        self.sort.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.sort.currentIndexChanged.connect(self.arranged)
        self.filters: dict[Decision | None, QToolButton] = {}
        self.rule = theme.label("", "caption")
        self.rule.setWordWrap(True)
        self._filler = QWidget()
        self._filler.hide()
        told = QVBoxLayout(self._filler)
        told.setContentsMargins(theme.SMALL, theme.SMALL, theme.SMALL, theme.MEDIUM)
        told.addStretch()
        told.addWidget(self.rule)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.SMALL, 0, 0)
        column.setSpacing(theme.SMALL)
        column.addLayout(self._build_filters())
        column.addWidget(self.list, 1)
        column.addWidget(self._filler, 1)
        self.list.selectionModel().selectionChanged.connect(self.show_rule)
        self.show_rule()

    # -- what the page calls ------------------------------------------------------------------------------------

    @property
    def selection(self) -> QItemSelectionModel:
        """Which result is active and which are selected, in the strip and in the grid."""
        return self.list.selectionModel()

    def set_beside_grid(self, is_beside: bool) -> None:
        """Make room for every filter, or for the strip."""
        self.list.setVisible(not is_beside)
        self._filler.setVisible(is_beside)
        self.narrow.set_folded(not is_beside)

    def order(self) -> SortOrder:
        return SortOrder(self.sort.currentData())  # Qt hands a StrEnum back as plain text

    def filter(self) -> ReviewFilter:
        decision = next(decision for decision, button in self.filters.items() if button.isChecked())
        return self.narrow.filter(decision)

    def show_counts(self) -> None:
        """Count again, and offer the garments that there are."""
        counts = self._results.counts()
        for decision, text in _DECISIONS:
            self.filters[decision].setText(f"{text} {counts[decision]:,}")
        self.narrow.set_garments(self._results.garments())
        self.narrow.show_count(self._results.rowCount(), counts[None])

    def show_rule(self) -> None:
        """Say whom a verdict concerns."""
        number = sum(part.height() for part in self.selection.selection().toList())
        self.rule.setVisible(self._results.rowCount() > 0)
        keys = "P, X, U and stars go to all of them" if number > 1 else "P, X, U and stars go to it"
        self.rule.setText(
            f"{number:,} selected · {keys}" if number else "Nothing selected · P, X, U and stars go to the framed"
        )

    # -- layout -------------------------------------------------------------------------------------------------

    def _build_filters(self) -> QVBoxLayout:
        box = QVBoxLayout()
        box.setContentsMargins(theme.SMALL, 0, theme.SMALL, 0)
        box.setSpacing(theme.TIGHT)
        group = QButtonGroup(self)
        for pair in (_DECISIONS[:2], _DECISIONS[2:]):
            line = QHBoxLayout()
            line.setSpacing(theme.TIGHT)
            for decision, text in pair:
                button = QToolButton()
                button.setText(text)
                button.setCheckable(True)
                button.setChecked(decision is None)
                button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
                button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
                button.clicked.connect(self.arranged)
                group.addButton(button)
                self.filters[decision] = button
                line.addWidget(button)
            box.addLayout(line)
        box.addWidget(self.sort)
        box.addWidget(self.narrow)
        return box
