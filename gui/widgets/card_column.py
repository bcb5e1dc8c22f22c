"""A column of cards at the left of a page, which scrolls where the window is too low for it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget


def scrolling(cards: QWidget, width: int) -> QScrollArea:
    """The cards in a column so many view pixels wide; Tab goes through the cards and passes the column itself over."""
    column = QScrollArea()
    column.setWidget(cards)
    column.setWidgetResizable(True)
    column.setFrameShape(QFrame.Shape.NoFrame)
    column.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    column.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    column.setFixedWidth(width)
    return column
