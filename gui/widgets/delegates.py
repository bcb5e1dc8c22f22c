"""How rows of tables and lists are drawn."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPixmap
from PySide6.QtWidgets import QComboBox, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from engine.domain.jobs import JobState
from engine.domain.results import Verdict
from engine.domain.review import Decision, ReviewItem
from gui import theme
from gui.icons import pixmap
from gui.models.jobs import PROGRESS_ROLE, STATE_ROLE
from gui.models.loras import READINESS_ROLE, Readiness
from gui.models.review import ITEM_ROLE
from gui.models.review_filter import UNSURE
from gui.widgets.progress_line import draw_line
from gui.widgets.verdict_badge import badge_size, draw_badge

_Index = QModelIndex | QPersistentModelIndex
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


def _ground(painter: QPainter, option: QStyleOptionViewItem) -> bool:
    """Fill a row's ground and draw the line below it; whether the row is selected."""
    is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
    if is_selected:
        painter.fillRect(option.rect, QColor(theme.SELECTION))
    elif option.state & QStyle.StateFlag.State_MouseOver:
        painter.fillRect(option.rect, QColor(theme.WINDOW))
    below = QRect(option.rect.x(), option.rect.bottom(), option.rect.width(), 1)
    painter.fillRect(below, QColor(theme.ROW_LINE))
    return is_selected


def _elided(painter: QPainter, rect: QRect, text: str, mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight) -> None:
    painter.drawText(rect, _LEFT, QFontMetrics(painter.font()).elidedText(text, mode, rect.width()))


class GarmentDelegate(QStyledItemDelegate):
    """Edits a garment in a combo box that also takes free text."""

    def __init__(self, labels: tuple[str, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._labels = labels

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: _Index) -> QWidget:
        editor = QComboBox(parent)
        editor.setEditable(True)
        editor.addItems(["", *self._labels])
        return editor

    def setEditorData(self, editor: QWidget, index: _Index) -> None:
        assert isinstance(editor, QComboBox)
        editor.setCurrentText(str(index.data(Qt.ItemDataRole.EditRole) or ""))

    def setModelData(self, editor: QWidget, model: object, index: _Index) -> None:
        assert isinstance(editor, QComboBox)
        index.model().setData(index, editor.currentText(), Qt.ItemDataRole.EditRole)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: _Index) -> None:
        height = min(option.rect.height(), 30)
        top = option.rect.center().y() - height // 2
        editor.setGeometry(QRect(option.rect.x(), top, option.rect.width(), height))


class ProblemDelegate(QStyledItemDelegate):
    """Name, then reason and remedy below it."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(200, 44)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        painter.save()
        _ground(painter, option)
        rect = option.rect.adjusted(theme.MEDIUM, 5, -theme.MEDIUM, -5)
        painter.drawPixmap(rect.x(), rect.y() + 1, pixmap("warning", 16, theme.WARN))
        text = rect.adjusted(24, 0, 0, 0)
        painter.setFont(theme.sized(option.font, theme.BODY))
        painter.setPen(QColor(theme.TEXT))
        upper = QRect(text.x(), text.y(), text.width(), 17)
        _elided(painter, upper, index.data(Qt.ItemDataRole.DisplayRole), Qt.TextElideMode.ElideMiddle)
        painter.setFont(theme.sized(option.font, theme.CAPTION))
        painter.setPen(QColor(theme.TEXT_QUIET))
        reason = str(index.data(Qt.ItemDataRole.UserRole))
        _elided(painter, QRect(text.x(), text.y() + 17, text.width(), 17), reason[:1].upper() + reason[1:])
        painter.restore()


class JobDelegate(QStyledItemDelegate):
    """A dot before the state; a line under the step."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        fraction, label = index.data(PROGRESS_ROLE)
        painter.save()
        is_selected = _ground(painter, option)
        state: JobState = index.data(STATE_ROLE)
        rect = option.rect.adjusted(11, 0, -11, 0)
        painter.setFont(theme.sized(option.font, theme.BODY))
        if fraction is None:
            color = theme.FAIL if state is JobState.FAILED else theme.TEXT_QUIET
            painter.setPen(QColor(theme.TEXT if is_selected else color))
            _elided(painter, rect, label)
        else:
            painter.setFont(theme.sized(option.font, theme.CAPTION))
            painter.setPen(QColor(theme.TEXT_QUIET))
            _elided(painter, QRect(rect.x(), rect.y() + 3, rect.width(), 16), label)
            line = QRectF(rect.x(), rect.bottom() - 8, rect.width(), 4)
            draw_line(painter, line, ((fraction, theme.ACCENT),))
        painter.restore()


class StateDelegate(QStyledItemDelegate):
    """A coloured dot and the state's word."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        state: JobState = index.data(STATE_ROLE)
        color = theme.STATE_COLORS[state]
        is_hollow = state in (JobState.QUEUED, JobState.CANCELLED)
        word = theme.TEXT_QUIET if state is JobState.QUEUED else color
        _dotted(painter, option, index.data(Qt.ItemDataRole.DisplayRole), color, word, is_hollow)


class ReadinessDelegate(QStyledItemDelegate):
    """A coloured dot and whether a LoRA can be used."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        state = Readiness(index.data(READINESS_ROLE))  # Qt hands a StrEnum back as plain text
        color = {Readiness.READY: theme.PASS, Readiness.MISSING: theme.TEXT_FAINT, Readiness.DAMAGED: theme.FAIL}[state]
        is_hollow = state is Readiness.MISSING
        _dotted(painter, option, state.value, color, theme.TEXT_QUIET if is_hollow else color, is_hollow)


def _dotted(
    painter: QPainter, option: QStyleOptionViewItem, text: str, color: str, text_color: str, is_hollow: bool
) -> None:
    painter.save()
    is_selected = _ground(painter, option)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    dot = QRectF(option.rect.x() + 11, option.rect.center().y() - 3, 7, 7)
    if is_hollow:
        painter.setPen(QColor(color))
        painter.drawEllipse(dot.adjusted(0.5, 0.5, -0.5, -0.5))
    else:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(color))
        painter.drawEllipse(dot)
    painter.setPen(QColor(theme.TEXT if is_selected else text_color))
    painter.setFont(theme.sized(option.font, theme.BODY))
    # Without the line below the row, as the view centres its own cells.
    _elided(painter, option.rect.adjusted(25, 0, -4, -2), text)
    painter.restore()


class ReviewDelegate(QStyledItemDelegate):
    """A film strip: thumbnail, name, ΔE with its verdict, and the decision's mark."""

    HEIGHT = 76

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(220, self.HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        item: ReviewItem = index.data(ITEM_ROLE)
        painter.save()
        if _ground(painter, option):
            painter.fillRect(QRect(option.rect.x(), option.rect.y(), 3, option.rect.height()), QColor(theme.ACCENT))
        self._thumbnail(painter, option.rect, index.data(Qt.ItemDataRole.DecorationRole))
        left, right = option.rect.x() + 76, option.rect.right() - theme.SMALL
        top = option.rect.y() + 9
        painter.setFont(theme.sized(option.font, theme.BODY))
        painter.setPen(QColor(theme.TEXT))
        name = QRect(left, top, right - left - 20, 17)
        _elided(painter, name, item.pair.on_model.path.name, Qt.TextElideMode.ElideMiddle)
        painter.setFont(theme.sized(option.font, theme.CAPTION))
        painter.setPen(QColor(theme.TEXT_QUIET))
        _elided(painter, QRect(left, top + 18, right - left, 15), _subtitle(item))
        self._figures(painter, QRect(left, top + 38, right - left, 18), item)
        self._decision(painter, QRect(right - 15, top + 1, 15, 15), item.decision)
        painter.restore()

    def _thumbnail(self, painter: QPainter, rect: QRect, picture: QPixmap | None) -> None:
        frame = QRect(rect.x() + 10, rect.y() + 6, 58, rect.height() - 12)
        if picture is None:
            painter.fillRect(frame, QColor(theme.PANEL))
            return
        size = picture.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRect(0, 0, size.width(), size.height())
        place.moveCenter(frame.center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(place, picture)

    def _figures(self, painter: QPainter, rect: QRect, item: ReviewItem) -> None:
        match = item.outcome.match
        if match is None:
            painter.setPen(QColor(theme.TEXT_QUIET))
            is_edit = item.outcome.edit is not None
            painter.drawText(
                rect, _LEFT, "Edit" if is_edit else f"Mask · {item.outcome.mask.confidence * 100:.0f} % sure"
            )
            return
        painter.setFont(theme.sized(painter.font(), theme.BODY))
        painter.setPen(QColor(theme.TEXT_QUIET))
        text = f"ΔE {match.before.delta_E:.1f} → "
        painter.drawText(rect, _LEFT, text)
        offset = QFontMetrics(painter.font()).horizontalAdvance(text)
        painter.setFont(theme.sized(painter.font(), theme.BODY, bold=True))
        painter.setPen(QColor(theme.TEXT))
        painter.drawText(rect.adjusted(offset, 0, 0, 0), _LEFT, f"{match.after.delta_E:.1f}")
        # Colours measured inside a mask that is probably wrong prove nothing, so the doubt goes before the verdict.
        is_unsure = item.outcome.mask.confidence < UNSURE
        verdict = Verdict.WARN if is_unsure else match.after.verdict
        text = "Unsure" if is_unsure else theme.VERDICT_TEXTS[verdict]
        metrics = QFontMetrics(theme.sized(painter.font(), theme.CAPTION, bold=True))
        badge = badge_size(text, metrics)
        place = QRect(rect.right() - badge.width(), rect.y(), badge.width(), badge.height())
        draw_badge(painter, place, verdict, text)

    def _decision(self, painter: QPainter, rect: QRect, decision: Decision) -> None:
        name = {Decision.APPROVED: "check", Decision.REJECTED: "cancel"}.get(decision)
        if name is not None:
            painter.drawPixmap(rect, pixmap(name, 20, theme.DECISION_COLORS[decision]))


def _subtitle(item: ReviewItem) -> str:
    parts = [item.pair.sku, item.pair.view]
    if item.outcome.mask.name != "garment":
        parts.append(f"{item.outcome.mask.name} mask")
    return " · ".join(part for part in parts if part)
