"""How one result is drawn in the strip: picture, name, figures, and what a person said."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPixmap, QPixmapCache
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from engine.domain.requests import GARMENT_MASK
from engine.domain.results import Verdict
from engine.domain.review import Decision, ResultKind, ReviewRow
from gui.look import theme
from gui.look.icons import pixmap
from gui.review.filter import Finding, finding
from gui.review.result_model import ROW_ROLE
from gui.review.stars import draw_stars
from gui.review.strip_view import HEIGHT
from gui.review.verdict_badge import badge_size, draw_badge

Index = QModelIndex | QPersistentModelIndex
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_STAR = 10  # side of a small star
_BADGES = {Finding.PASS: Verdict.PASS, Finding.CHECK: Verdict.WARN, Finding.FAIL: Verdict.FAIL}


@dataclass(frozen=True, slots=True)
class _Type:
    """The fonts of a row with their metrics: making them anew for every row costs as much as the writing."""

    base: QFont
    body: QFont
    caption: QFont
    strong: QFont
    body_metrics: QFontMetrics
    badge_metrics: QFontMetrics
    widest: int  # pixels of the widest letter of a name

    @classmethod
    def of(cls, font: QFont) -> _Type:
        body, caption = theme.sized(font, theme.BODY), theme.sized(font, theme.CAPTION)
        metrics = QFontMetrics(body)
        badge = QFontMetrics(theme.sized(font, theme.CAPTION, bold=True))
        strong = theme.sized(font, theme.BODY, bold=True)
        return cls(QFont(font), body, caption, strong, metrics, badge, metrics.horizontalAdvance("W"))


class ReviewDelegate(QStyledItemDelegate):
    """A film strip: thumbnail, name, ΔE with its verdict, stars and the decision's mark."""

    _type: _Type | None = None

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(220, HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: ReviewRow = index.data(ROW_ROLE)
        rect, type_, colors = option.rect, self.type_of(option), theme.colors()
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if is_selected:
            painter.fillRect(rect, QColor(colors.selection))
            painter.fillRect(QRect(rect.x(), rect.y(), 3, rect.height()), QColor(colors.accent))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, QColor(colors.window))
        painter.fillRect(QRect(rect.x(), rect.bottom(), rect.width(), 1), QColor(colors.row_line))
        self._thumbnail(painter, rect, index.data(Qt.ItemDataRole.DecorationRole))
        left, right, top = rect.x() + 76, rect.right() - theme.SMALL, rect.y() + 9
        painter.setFont(type_.body)
        painter.setPen(QColor(colors.text))
        self.draw_name(painter, QRect(left, top, right - left - 20, 17), row)
        painter.setFont(type_.caption)
        painter.setPen(QColor(colors.text_quiet))
        below = QRect(left, top + 18, right - left, 15)
        stars = row.rating * _STAR + (theme.TIGHT if row.rating else 0)
        text = QRect(below).adjusted(0, 0, -stars, 0)
        shown = painter.fontMetrics().elidedText(_subtitle(row), Qt.TextElideMode.ElideRight, text.width())
        painter.drawText(text, _LEFT, shown)
        draw_stars(painter, right, below.center().y(), row.rating, _STAR)
        self.draw_figures(painter, QRect(left, top + 38, right - left, 18), row)
        self.draw_decision(painter, QRect(right - 15, top + 1, 15, 15), row.decision)

    def type_of(self, option: QStyleOptionViewItem) -> _Type:
        """The fonts for this view."""
        if self._type is None or self._type.base != option.font:
            self._type = _Type.of(option.font)
        return self._type

    def draw_name(self, painter: QPainter, rect: QRect, row: ReviewRow) -> None:
        """The file's name in the painter's font, shortened in its middle where it has no room."""
        name = row.name
        assert self._type is not None
        if len(name) * self._type.widest > rect.width():
            name = self._type.body_metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, rect.width())
        painter.drawText(rect, _LEFT, name)

    def draw_figures(self, painter: QPainter, rect: QRect, row: ReviewRow) -> None:
        """ΔE before and after with its verdict, or what the mask is of and how sure it is."""
        assert self._type is not None
        colors = theme.colors()
        painter.setPen(QColor(colors.text_quiet))
        if row.delta_E_before is None or row.delta_E_after is None:
            painter.setFont(self._type.caption)
            # Several masks of one photograph may be in the list: each says of what it is.
            name = "Mask" if row.mask_name == GARMENT_MASK else f"{row.mask_name.capitalize()} mask"
            text = "Edit" if row.kind is ResultKind.EDIT else f"{name} · {row.confidence * 100:.0f} % sure"
            shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, rect.width())
            painter.drawText(rect, _LEFT, shown)
            return
        painter.setFont(self._type.body)
        text = f"ΔE {row.delta_E_before:.1f} → "
        painter.drawText(rect, _LEFT, text)
        offset = self._type.body_metrics.horizontalAdvance(text)
        painter.setFont(self._type.strong)
        painter.setPen(QColor(colors.text))
        painter.drawText(rect.adjusted(offset, 0, 0, 0), _LEFT, f"{row.delta_E_after:.1f}")
        # Colours measured inside a mask that is probably wrong prove nothing, so the doubt goes before the verdict.
        which = finding(row)
        verdict = _BADGES.get(which, Verdict.WARN)
        badge = self._badge(painter, verdict, "Unsure" if which is Finding.UNSURE else theme.VERDICT_TEXTS[verdict])
        painter.drawPixmap(rect.right() - round(badge.deviceIndependentSize().width()), rect.y(), badge)

    def draw_decision(self, painter: QPainter, rect: QRect, decision: Decision) -> None:
        """A tick or a cross; nothing while nobody has decided."""
        name = {Decision.APPROVED: "check", Decision.REJECTED: "cancel"}.get(decision)
        if name is not None:
            painter.drawPixmap(rect, pixmap(name, 20, theme.decision_color(decision)))

    def draw_stars(self, painter: QPainter, right: int, middle: int, row: ReviewRow) -> None:
        """Small stars that end at ``right``."""
        draw_stars(painter, right, middle, row.rating, _STAR)

    def _badge(self, painter: QPainter, verdict: Verdict, text: str) -> QPixmap:
        """Antialiased paths cost as much as the rest of a row: each badge is drawn once."""
        assert self._type is not None
        ratio = painter.device().devicePixelRatioF()
        key = f"badge/{verdict}/{text}/{theme.verdict_color(verdict)}/{ratio}/{self._type.base.family()}"
        picture = QPixmap()
        if not QPixmapCache.find(key, picture):
            size = badge_size(text, self._type.badge_metrics)
            picture = QPixmap(size * ratio)
            picture.setDevicePixelRatio(ratio)
            picture.fill(Qt.GlobalColor.transparent)
            drawing = QPainter(picture)
            drawing.setFont(self._type.caption)
            draw_badge(drawing, QRect(0, 0, size.width(), size.height()), verdict, text)
            drawing.end()
            QPixmapCache.insert(key, picture)
        return picture

    def _thumbnail(self, painter: QPainter, rect: QRect, picture: QPixmap | None) -> None:
        frame = QRect(rect.x() + 10, rect.y() + 6, 58, rect.height() - 12)
        if picture is None:
            painter.fillRect(frame, QColor(theme.colors().panel))
            return
        size = picture.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRect(0, 0, size.width(), size.height())
        place.moveCenter(frame.center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(place, picture)


def _subtitle(row: ReviewRow) -> str:
    parts = [row.sku, row.view]
    if row.version > 1:
        parts.append(f"v{row.version}")
    return " · ".join(part for part in parts if part)
