"""How cells and rows of tables and lists are drawn, whatever is in them."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from gui.look import theme

_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


def fill_ground(painter: QPainter, option: QStyleOptionViewItem, *, is_row: bool = True) -> bool:
    """Fill a row's ground and draw the line below it; whether the row is selected.

    A single cell of a table, which is no row of its own, is not lit below the pointer.
    """
    is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
    if is_selected:
        painter.fillRect(option.rect, QColor(theme.colors().selection))
    elif is_row and option.state & QStyle.StateFlag.State_MouseOver:
        painter.fillRect(option.rect, QColor(theme.colors().window))
    below = QRect(option.rect.x(), option.rect.bottom(), option.rect.width(), 1)
    painter.fillRect(below, QColor(theme.colors().row_line))
    return is_selected


def draw_elided(
    painter: QPainter, rect: QRect, text: str, mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight
) -> None:
    """One line, cut where it does not fit."""
    painter.drawText(rect, _LEFT, QFontMetrics(painter.font()).elidedText(text, mode, rect.width()))


def draw_dotted(
    painter: QPainter, option: QStyleOptionViewItem, text: str, color: str, text_color: str, is_hollow: bool
) -> None:
    """A coloured dot, filled or hollow, and a word."""
    painter.save()
    is_selected = fill_ground(painter, option, is_row=False)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    dot = QRectF(option.rect.x() + 11, option.rect.center().y() - 3, 7, 7)
    if is_hollow:
        painter.setPen(QColor(color))
        painter.drawEllipse(dot.adjusted(0.5, 0.5, -0.5, -0.5))
    else:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(color))
        painter.drawEllipse(dot)
    painter.setPen(QColor(theme.colors().text if is_selected else text_color))
    painter.setFont(theme.sized(option.font, theme.BODY))
    # Without the line below the row, as the view centres its own cells.
    draw_elided(painter, option.rect.adjusted(25, 0, -4, -2), text)
    painter.restore()
