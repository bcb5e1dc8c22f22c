"""How one result is drawn in the grid."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPixmap
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from engine.domain.review import ReviewItem
from gui import theme
from gui.models.review import ITEM_ROLE
from gui.widgets.delegates import ReviewDelegate

_Index = QModelIndex | QPersistentModelIndex
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_CAPTION = 46  # height of name and figures below the picture
_FULL_ENOUGH = 0.85  # of the frame: a thumbnail that size is drawn as it is, sharper and quicker than scaled

CELL = QSize(188, 236)
"""Smallest cell in logical pixels, its gap to the next included."""


class GridDelegate(ReviewDelegate):
    """A contact sheet: the picture on neutral grey; name, decision and ΔE with its verdict below it.

    A selected cell has a lighter ground and a light frame, the active one the accent's frame: the two differ as soon as
    several are selected. The grounds are neutral, unlike a list's, since garments are judged by colour on them.
    """

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return CELL

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        item: ReviewItem = index.data(ITEM_ROLE)
        painter.save()
        half = theme.TIGHT
        card = option.rect.adjusted(half, half, -half, -half)
        picture = card.adjusted(theme.SMALL, theme.SMALL, -theme.SMALL, -_CAPTION - theme.SMALL)
        self._card(painter, card, option.state)
        self._picture(painter, picture, index.data(Qt.ItemDataRole.DecorationRole))
        text = QRect(picture.x(), picture.bottom() + theme.TIGHT + 2, picture.width(), 18)
        painter.setFont(theme.sized(option.font, theme.BODY))
        painter.setPen(QColor(theme.TEXT))
        name = QFontMetrics(painter.font()).elidedText(
            item.pair.on_model.path.name, Qt.TextElideMode.ElideMiddle, text.width() - 20
        )
        painter.drawText(text, _LEFT, name)
        self._decision(painter, QRect(text.right() - 14, text.y() + 1, 15, 15), item.decision)
        painter.setFont(theme.sized(option.font, theme.CAPTION))
        self._figures(painter, text.translated(0, 22), item)
        painter.restore()

    def _card(self, painter: QPainter, card: QRect, state: QStyle.StateFlag) -> None:
        is_selected = bool(state & QStyle.StateFlag.State_Selected)
        is_active = bool(state & QStyle.StateFlag.State_HasFocus)
        if is_selected:
            ground = theme.HOVER
        else:
            ground = theme.RAISED if state & QStyle.StateFlag.State_MouseOver else theme.PANEL
        painter.fillRect(card, QColor(ground))
        if is_selected or is_active:
            # Drawn inside the card as four bars: a pen's line would straddle pixels at fractional scaling.
            line, bar = QColor(theme.ACCENT if is_active else theme.TEXT_QUIET), 2
            painter.fillRect(card.x(), card.y(), card.width(), bar, line)
            painter.fillRect(card.x(), card.bottom() + 1 - bar, card.width(), bar, line)
            painter.fillRect(card.x(), card.y(), bar, card.height(), line)
            painter.fillRect(card.right() + 1 - bar, card.y(), bar, card.height(), line)

    def _picture(self, painter: QPainter, frame: QRect, picture: QPixmap | None) -> None:
        if picture is None:
            painter.fillRect(frame, QColor(theme.WINDOW))
            return
        size = picture.size() / painter.device().devicePixelRatio()
        is_filling = max(size.width() / frame.width(), size.height() / frame.height())
        if not _FULL_ENOUGH <= is_filling <= 1:
            size = picture.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        place = QRect(0, 0, size.width(), size.height())
        place.moveCenter(frame.center())
        painter.drawPixmap(place, picture)
