"""What intake could not use, and why."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from engine.services.intake_list import IntakeList
from engine.services.pairing import IntakeProblem, ScannedPicture
from gui.intake.photograph_model import Photographs, facts_of

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class ProblemsModel(QAbstractListModel):
    """One row per problem; the delegate draws the photograph, its name, the reason and the remedy."""

    def __init__(self, photographs: Photographs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._problems: tuple[IntakeProblem, ...] = ()
        self._pictures: dict[Path, ScannedPicture] = {}
        self._rows: dict[Path, int] = {}
        self._photographs = photographs
        photographs.arrived.connect(self._repaint)

    def show(self, state: IntakeList) -> None:
        """Show the problems of this list; the selection stays where they are those from before."""
        same = state.report.problems == self._problems
        if not same:
            self.beginResetModel()
        self._problems = state.report.problems
        self._pictures = {picture.path: picture for picture in state.report.pictures}
        self._rows = {problem.path: row for row, problem in enumerate(self._problems)}
        if not same:
            self.endResetModel()

    def problem(self, row: int) -> IntakeProblem:
        return self._problems[row]

    def picture_at(self, index: _Index) -> ScannedPicture | None:
        """The readable picture behind a row; None where the file is none."""
        return self._pictures.get(self._problems[index.row()].path)

    def pictures(self, rows: Iterable[int]) -> list[Path]:
        """The readable photographs of these rows, in their order."""
        return [path for row in rows if (path := self._problems[row].path) in self._pictures]

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._problems)

    def flags(self, index: _Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsDragEnabled if index.isValid() and self.picture_at(index) else flags

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        problem, picture = self._problems[index.row()], self.picture_at(index)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return problem.path.name or str(problem.path)
            case Qt.ItemDataRole.DecorationRole if picture is not None:
                return self._photographs.pixmap(picture.path)
            case Qt.ItemDataRole.ToolTipRole:
                return f"{problem}\n{facts_of(picture)}" if picture is not None else str(problem)
            case Qt.ItemDataRole.UserRole | Qt.ItemDataRole.AccessibleTextRole:
                return f"{problem.what}. {problem.remedy}"
            case _:
                return None

    def _repaint(self, path: Path) -> None:
        row = self._rows.get(path)
        if row is not None:
            self.dataChanged.emit(self.index(row), self.index(row), [Qt.ItemDataRole.DecorationRole])
