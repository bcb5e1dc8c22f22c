"""What intake could not use, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from engine.services.pairing import IntakeProblem

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class ProblemsModel(QAbstractListModel):
    """One row per problem; the delegate draws name, reason and remedy."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._problems: list[IntakeProblem] = []

    def set_problems(self, problems: Sequence[IntakeProblem]) -> None:
        self.beginResetModel()
        self._problems = list(problems)
        self.endResetModel()

    def problem(self, row: int) -> IntakeProblem:
        return self._problems[row]

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._problems)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        problem = self._problems[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return problem.path.name or str(problem.path)
        if role == Qt.ItemDataRole.ToolTipRole:
            return str(problem)
        if role in (Qt.ItemDataRole.UserRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{problem.what}. {problem.remedy}"
        return None
