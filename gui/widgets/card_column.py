"""A column of cards at the left of a page, which scrolls where the window is too low for it."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLayout, QScrollArea, QVBoxLayout, QWidget

from gui.look import theme

WIDTH = 400
"""Of a column beside something larger, in view pixels."""


def card_column(cards: Iterable[QWidget | QLayout], width: int = WIDTH) -> QScrollArea:
    """Cards in a column so many view pixels wide; Tab goes through the cards and passes the column itself over."""
    inside = QWidget()
    layout = QVBoxLayout(inside)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(theme.MEDIUM)
    for card in cards:
        if isinstance(card, QWidget):
            layout.addWidget(card)
        else:
            layout.addLayout(card)
    layout.addStretch(1)  # a list would have a card take its share, however high the list itself may be
    column = QScrollArea()
    column.setWidget(inside)
    column.setWidgetResizable(True)
    column.setFrameShape(QFrame.Shape.NoFrame)
    column.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    column.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    column.setFixedWidth(width)
    return column
