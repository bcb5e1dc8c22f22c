"""What every table of the window has in common."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

_Column = TypeVar("_Column", bound=int)


def set_up_rows(
    table: QTableView, row_height: int, widths: Mapping[_Column, int], stretched: Collection[_Column]
) -> None:
    """Whole rows without a grid, of one height; some columns of a width of their own, others share the rest.

    Parameters
    ----------
    table : QTableView
        With its model.
    row_height : int
        View pixels.
    widths : mapping
        Column -> view pixels.
    """
    table.setTabKeyNavigation(False)  # Tab leaves the table, the arrows go through it
    rows = table.verticalHeader()
    rows.setDefaultSectionSize(row_height)
    rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    rows.hide()
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    header = table.horizontalHeader()
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setHighlightSections(False)
    header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    for column, width in widths.items():
        table.setColumnWidth(column, width)
    for column in stretched:
        header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
