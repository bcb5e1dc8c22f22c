"""How one result is drawn in the grid."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from engine.domain.review import ReviewRow
from gui.look import theme
from gui.review.result_model import ROW_ROLE
from gui.review.strip_delegate import Index, ReviewDelegate

_CAPTION = 44  # height of name and figures below the picture
_FULL_ENOUGH = 0.85  # of the frame: a thumbnail that size is drawn as it is, sharper and quicker than scaled
_STARS = 14  # height of the line of stars below the picture, also where there are none

CELL = QSize(188, 250)
"""Smallest cell in logical pixels, its gap to the next included."""


class GridDelegate(ReviewDelegate):
    """A contact sheet: the picture on neutral grey; name, decision and ΔE with its verdict below it.

    A selected cell has a lighter ground and a light frame, the active one the accent's frame: the two differ as soon as
    several are selected. The grounds are neutral, unlike a list's, since garments are judged by colour on them.
    """

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return CELL

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: ReviewRow = index.data(ROW_ROLE)
        half, type_ = theme.TIGHT, self.type_of(option)
        card = option.rect.adjusted(half, half, -half, -half)
        picture = card.adjusted(theme.SMALL, theme.SMALL, -theme.SMALL, -_CAPTION - _STARS - theme.SMALL)
        self._card(painter, card, option.state)
        self._picture(painter, picture, index.data(Qt.ItemDataRole.DecorationRole))
        self.draw_stars(painter, picture.right(), picture.bottom() + _STARS // 2 + 2, row)
        text = QRect(picture.x(), picture.bottom() + _STARS + theme.TIGHT, picture.width(), 18)
        painter.setFont(type_.body)
        painter.setPen(QColor(theme.colors().text))
        self.draw_name(painter, text.adjusted(0, 0, -20, 0), row)
        self.draw_decision(painter, QRect(text.right() - 14, text.y() + 1, 15, 15), row.decision)
        self.draw_figures(painter, text.translated(0, 22), row)

    def _card(self, painter: QPainter, card: QRect, state: QStyle.StateFlag) -> None:
        is_selected = bool(state & QStyle.StateFlag.State_Selected)
        is_active = bool(state & QStyle.StateFlag.State_HasFocus)
        colors = theme.colors()
        if is_selected:
            ground = colors.hover
        else:
            ground = colors.raised if state & QStyle.StateFlag.State_MouseOver else colors.panel
        painter.fillRect(card, QColor(ground))
        if is_selected or is_active:
            # Drawn inside the card as four bars: a pen's line would straddle pixels at fractional scaling.
            line, bar = QColor(colors.accent if is_active else colors.text_quiet), 2
            painter.fillRect(card.x(), card.y(), card.width(), bar, line)
            painter.fillRect(card.x(), card.bottom() + 1 - bar, card.width(), bar, line)
            painter.fillRect(card.x(), card.y(), bar, card.height(), line)
            painter.fillRect(card.right() + 1 - bar, card.y(), bar, card.height(), line)

    def _picture(self, painter: QPainter, frame: QRect, picture: QPixmap | None) -> None:
        if picture is None:
            painter.fillRect(frame, QColor(theme.colors().window))
            return
        size = picture.size() / painter.device().devicePixelRatio()
        is_filling = max(size.width() / frame.width(), size.height() / frame.height())
        if not _FULL_ENOUGH <= is_filling <= 1:
            size = picture.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        place = QRect(0, 0, size.width(), size.height())
        place.moveCenter(frame.center())
        painter.drawPixmap(place, picture)
