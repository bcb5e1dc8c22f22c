"""The two lists of the intake page: the pairs above, and below them what is in no pair and why."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from engine.domain.assets import Role
from engine.services.intake_list import IntakeList
from engine.services.pairing import ScannedPicture
from gui.context import WindowContext
from gui.intake.delegates import GarmentDelegate, PhotographDelegate
from gui.intake.pair_model import PairColumn, PairsModel
from gui.intake.photograph_drag import PairsTable, ProblemsList
from gui.intake.photograph_model import Photographs
from gui.intake.problem_model import ProblemsModel
from gui.look import theme
from gui.phrases import count
from gui.widgets.drop_zone import button_for

_PAIRING = "Drag a photograph onto the one that it belongs to, or choose both and press Pair."
_NEED_NONE = "For dreamed masks alone no flatlay is needed."
_NOTICES = 3
_WANT_MS = 60  # after scrolling has come to rest


class PairingPanel(QWidget):
    """Shows an `IntakeList`; what a person does to it is told by signals."""

    edited = Signal(str, object)
    """``(what was done, the list after it)``."""

    paired = Signal(object, list)
    """``(the path that was dragged, the pictures that it was dropped on)``."""

    selected = Signal()

    def __init__(self, context: WindowContext, labels: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._list = IntakeList()
        self._actions = context.actions
        self._photographs = Photographs(context.bridge, context.services.thumbnails, self)
        self.pairs, self.problems = PairsModel(self._photographs, self), ProblemsModel(self._photographs, self)
        self.pairs_table, self.problems_list = PairsTable(self.pairs), ProblemsList(self.problems)
        for column in (PairColumn.ON_MODEL, PairColumn.FLATLAY):
            self.pairs_table.setItemDelegateForColumn(column, PhotographDelegate(self.pairs_table))
        self.pairs_table.setItemDelegateForColumn(PairColumn.GARMENT, GarmentDelegate(tuple(labels), self.pairs_table))
        self._summary, self._problems_title = theme.label("", "heading"), theme.label("", "heading")
        self._problems_hint, self._notices = theme.label("", "caption"), theme.label("", "caption")
        self._notices.setWordWrap(True)
        self._build_layout()
        self._want = QTimer(self)
        self._want.setSingleShot(True)
        self._want.setInterval(_WANT_MS)
        self._want.timeout.connect(self._want_thumbnails)
        for bar in (self.pairs_table.verticalScrollBar(), self.problems_list.verticalScrollBar()):
            bar.valueChanged.connect(self._want.start)
            bar.rangeChanged.connect(self._want.start)
        self.pairs.edited.connect(self.edited)
        for view in (self.pairs_table, self.problems_list):
            view.paired.connect(self.paired)
            view.selectionModel().selectionChanged.connect(self.selected)

    def show_list(self, state: IntakeList) -> None:
        """Show these pairs and problems."""
        self._list = state
        report = state.report
        self.pairs.show(state)
        self.problems.show(state)
        self._lower.setVisible(bool(report.problems))
        self._problems_title.setText(f"{count(len(report.problems), 'problem')} to look at")
        photographs = {picture.path for picture in report.pictures if picture.role is not Role.FLATLAY}
        lacks_flatlay = any(problem.path in photographs for problem in report.problems)
        self._problems_hint.setText(_PAIRING + (f" {_NEED_NONE}" if lacks_flatlay else ""))
        notices = list(report.notices[:_NOTICES])
        if len(report.notices) > _NOTICES:
            notices.append(f"… and {len(report.notices) - _NOTICES} more of the kind.")
        self._notices.setText("\n".join(notices))
        self._notices.setVisible(bool(notices))
        total, chosen = len(report.pairs), len(state.chosen())
        paired = [pair.flatlay.path for pair in report.pairs if pair.flatlay is not None]
        alone = total - len(paired)
        parts = (
            [f"{count(len(paired), 'pair')} with {count(len(set(paired)), 'flatlay')}"] if paired or not alone else []
        )
        parts += [f"{count(alone, 'photograph')} without a flatlay"] if alone else []
        parts += [f"{total - chosen:,} left out"] if chosen < total else []
        self._summary.setText(" · ".join(parts))
        self._want.start()

    def selected_pictures(self) -> list[ScannedPicture]:
        """The readable pictures behind the selected problems; a selected pair brings the half that is still missing."""
        known = {picture.path: picture for picture in self._list.report.pictures}
        rows = sorted(index.row() for index in self.problems_list.selectedIndexes())
        loose = [known[path] for row in rows if (path := self.problems.problem(row).path) in known]
        pair_rows = self._pair_rows()
        if len(loose) == 1 and len(pair_rows) == 1:
            pair = self.pairs.pair(pair_rows[0])
            half = pair.flatlay if loose[0].role is Role.ON_MODEL else pair.on_model
            return [*loose, half] if half is not None else loose
        if not loose and len(pair_rows) == 2:
            # Two pairs: the first one's photograph gets the second one's flatlay.
            first, second = self.pairs.pair(pair_rows[0]), self.pairs.pair(pair_rows[1])
            return [first.on_model, second.flatlay] if second.flatlay is not None else []
        return loose if not pair_rows else []

    def toggle_left_out(self) -> None:
        """Leave the selected pairs out, or take them in again."""
        self.pairs.toggle(self._pair_rows())

    # -- inside -------------------------------------------------------------------------------------------------

    def _pair_rows(self) -> list[int]:
        return sorted({index.row() for index in self.pairs_table.selectionModel().selectedRows()})

    def _want_thumbnails(self) -> None:
        """What is in view first, then what scrolling shows next."""
        paths = self.pairs.pictures(self.pairs_table.rows_outward())
        if self._lower.isVisible():
            paths = [*self.problems.pictures(self.problems_list.rows_in_view()), *paths]
        self._photographs.want(paths)

    def _build_layout(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(theme.SMALL)
        head.addWidget(self._summary)
        head.addStretch()
        for name in ("add_folder", "add_files", "undo_intake", "clear_intake"):
            head.addWidget(button_for(self._actions[name]))
        upper = QWidget()
        upper_layout = _column(upper)
        upper_layout.addLayout(head)
        upper_layout.addWidget(self._notices)
        upper_layout.addWidget(self.pairs_table)
        lower_head = QHBoxLayout()
        lower_head.setSpacing(theme.MEDIUM)
        lower_head.addWidget(self._problems_title)
        lower_head.addWidget(self._problems_hint)
        lower_head.addStretch()
        lower_head.addWidget(button_for(self._actions["pair"]))
        self._lower = QWidget()
        lower_layout = _column(self._lower)
        lower_layout.addLayout(lower_head)
        lower_layout.addWidget(self.problems_list)
        lists = QSplitter(Qt.Orientation.Vertical)
        lists.setObjectName("intake_lists")
        lists.setHandleWidth(theme.LARGE)
        lists.setChildrenCollapsible(False)
        lists.addWidget(upper)
        lists.addWidget(self._lower)
        lists.setStretchFactor(0, 3)
        lists.setStretchFactor(1, 1)
        lists.setSizes([560, 260])
        _column(self).addWidget(lists)
        for view, names in ((self.pairs_table, ("pair", "leave_out", "undo_intake")), (self.problems_list, ("pair",))):
            view.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
            view.addActions([self._actions[name] for name in names])


def _column(widget: QWidget) -> QVBoxLayout:
    layout = QVBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(theme.SMALL)
    return layout
