"""The data sets of the training folder as a list: name, what is in it, and what its check said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from engine.domain.datasets import DatasetKind, Finding, has_errors
from gui.look import theme
from gui.look.palette import Ink
from gui.phrases import capital, count
from gui.training.facts import SetFacts
from gui.widgets.cells import draw_elided, fill_ground

FACTS_ROLE = int(Qt.ItemDataRole.UserRole) + 1
CHECK_ROLE = FACTS_ROLE + 1

ROW = 46
_HASH = 8

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class Check(StrEnum):
    """What is known of a set's fitness."""

    UNKNOWN = "Not checked"
    RUNNING = "Checking…"
    GOOD = "Good"
    WARNED = "Look"
    WRONG = "Errors"


CHECK_INKS: dict[Check, Ink] = {
    Check.UNKNOWN: "text_faint", Check.RUNNING: "accent", Check.GOOD: "pass_", Check.WARNED: "warn",
    Check.WRONG: "fail",
}  # fmt: skip


def check_of(findings: Sequence[Finding]) -> Check:
    """What findings mean for training."""
    if not findings:
        return Check.GOOD
    return Check.WRONG if has_errors(findings) else Check.WARNED


def facts_in_words(facts: SetFacts) -> str:
    """A set in one line."""
    if facts.problem:
        return capital(facts.problem)
    kind = "mask" if facts.kind is DatasetKind.MASK else "colour"
    return f"{kind} · {count(facts.pairs, 'pair')}, {facts.held_out} held out · {facts.sha256[:_HASH]}"


class SetModel(QAbstractListModel):
    """One row for each set, the newest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._sets: list[SetFacts] = []
        self._checks: dict[str, Check] = {}

    def set_sets(self, sets: Sequence[SetFacts]) -> None:
        self.beginResetModel()
        self._sets = list(sets)
        self.endResetModel()

    def set_checks(self, checks: Mapping[str, Check]) -> None:
        """What is known of the sets, by their hash."""
        self._checks = dict(checks)
        if self._sets:
            self.dataChanged.emit(self.index(0), self.index(len(self._sets) - 1))

    def facts(self, row: int) -> SetFacts:
        return self._sets[row]

    def row_of(self, folder: Path) -> int | None:
        return next((row for row, facts in enumerate(self._sets) if facts.folder == folder), None)

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._sets)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        facts = self._sets[index.row()]
        check = Check.WRONG if facts.problem else self._checks.get(facts.sha256, Check.UNKNOWN)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return facts.folder.name
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{facts.folder.name}: {facts_in_words(facts)}. {check}"
            case Qt.ItemDataRole.ToolTipRole:
                about = f"Masks {facts.object}\n" if facts.object else ""
                return f"{about}{facts.folder}\n{facts.problem or f'SHA-256 {facts.sha256}'}"
            case _ if role == FACTS_ROLE:
                return facts
            case _ if role == CHECK_ROLE:
                return str(check)
            case _:
                return None


class SetDelegate(QStyledItemDelegate):
    """Two lines: the name with the check's dot at its right, and what is in the set."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(160, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        facts, check = index.data(FACTS_ROLE), Check(index.data(CHECK_ROLE))
        c = theme.colors()
        painter.save()
        is_selected = fill_ground(painter, option)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = option.rect.adjusted(theme.MEDIUM, 6, -theme.MEDIUM, -6)
        ink = theme.color(CHECK_INKS[check])
        painter.setFont(theme.sized(option.font, theme.CAPTION))
        width = painter.fontMetrics().horizontalAdvance(check)
        word = QRect(rect.right() - width, rect.y(), width + 1, 17)
        painter.setPen(QColor(c.text if is_selected else c.text_quiet if check is Check.UNKNOWN else ink))
        painter.drawText(word, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), check)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(ink))
        painter.drawEllipse(QRectF(word.x() - 13, word.center().y() - 2.5, 7, 7))
        painter.setPen(QColor(c.text_strong if is_selected else c.text))
        painter.setFont(theme.sized(option.font, theme.BODY, bold=is_selected))
        name = QRect(rect.x(), rect.y(), word.x() - 20 - rect.x(), 17)
        draw_elided(painter, name, facts.folder.name, Qt.TextElideMode.ElideMiddle)
        painter.setPen(QColor(c.fail if facts.problem else c.text_quiet))
        painter.setFont(theme.sized(option.font, theme.CAPTION))
        draw_elided(painter, QRect(rect.x(), rect.y() + 18, rect.width(), 16), facts_in_words(facts))
        painter.restore()
