"""How rows of tables and lists are drawn."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPixmap
from PySide6.QtWidgets import QComboBox, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from engine.domain.jobs import JobState
from gui.intake.photograph_model import THUMBNAIL
from gui.look import theme
from gui.look.icons import pixmap
from gui.models.lora_model import READINESS_ROLE, Readiness
from gui.queue.job_model import PROGRESS_ROLE, STATE_ROLE
from gui.widgets.progress_line import draw_line

_Index = QModelIndex | QPersistentModelIndex
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


def _ground(painter: QPainter, option: QStyleOptionViewItem, *, is_row: bool = True) -> bool:
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
    """The photograph where there is one; name, then reason and remedy below it."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(200, THUMBNAIL + theme.SMALL)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        painter.save()
        _ground(painter, option)
        rect = option.rect.adjusted(theme.MEDIUM, 0, -theme.MEDIUM, 0)
        picture: QPixmap | None = index.data(Qt.ItemDataRole.DecorationRole)
        if picture is not None:
            painter.drawPixmap(rect.x(), rect.center().y() - THUMBNAIL // 2, picture)
        middle = rect.center().y()
        sign = QRect(rect.x() + THUMBNAIL + theme.MEDIUM, middle - 17, 16, 16)
        painter.drawPixmap(sign, pixmap("warning", 16, theme.colors().warn))
        left = sign.right() + theme.SMALL
        painter.setFont(theme.sized(option.font, theme.BODY))
        painter.setPen(QColor(theme.colors().text))
        upper = QRect(left, middle - 18, rect.right() - left, 17)
        _elided(painter, upper, index.data(Qt.ItemDataRole.DisplayRole), Qt.TextElideMode.ElideMiddle)
        painter.setFont(theme.sized(option.font, theme.CAPTION))
        painter.setPen(QColor(theme.colors().text_quiet))
        reason = str(index.data(Qt.ItemDataRole.UserRole))
        _elided(painter, upper.translated(0, 18), reason[:1].upper() + reason[1:])
        painter.restore()


class JobDelegate(QStyledItemDelegate):
    """A dot before the state; a line under the step."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        fraction, label = index.data(PROGRESS_ROLE)
        painter.save()
        is_selected = _ground(painter, option, is_row=False)
        state: JobState = index.data(STATE_ROLE)
        rect = option.rect.adjusted(11, 0, -11, 0)
        painter.setFont(theme.sized(option.font, theme.BODY))
        if fraction is None:
            color = theme.colors().fail if state is JobState.FAILED else theme.colors().text_quiet
            painter.setPen(QColor(theme.colors().text if is_selected else color))
            _elided(painter, rect, label)
        else:
            painter.setFont(theme.sized(option.font, theme.CAPTION))
            painter.setPen(QColor(theme.colors().text_quiet))
            _elided(painter, QRect(rect.x(), rect.y() + 3, rect.width(), 16), label)
            line = QRectF(rect.x(), rect.bottom() - 8, rect.width(), 4)
            draw_line(painter, line, ((fraction, "accent"),))
        painter.restore()


class StateDelegate(QStyledItemDelegate):
    """A coloured dot and the state's word."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        state: JobState = index.data(STATE_ROLE)
        color = theme.state_color(state)
        is_hollow = state in (JobState.QUEUED, JobState.CANCELLED)
        word = theme.colors().text_quiet if state is JobState.QUEUED else color
        _dotted(painter, option, index.data(Qt.ItemDataRole.DisplayRole), color, word, is_hollow)


class ReadinessDelegate(QStyledItemDelegate):
    """A coloured dot and whether a LoRA can be used."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        state = Readiness(index.data(READINESS_ROLE))  # Qt hands a StrEnum back as plain text
        c = theme.colors()
        color = {Readiness.READY: c.pass_, Readiness.MISSING: c.text_faint, Readiness.DAMAGED: c.fail}[state]
        is_hollow = state is Readiness.MISSING
        _dotted(painter, option, state.value, color, theme.colors().text_quiet if is_hollow else color, is_hollow)


def _dotted(
    painter: QPainter, option: QStyleOptionViewItem, text: str, color: str, text_color: str, is_hollow: bool
) -> None:
    painter.save()
    is_selected = _ground(painter, option, is_row=False)
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
    _elided(painter, option.rect.adjusted(25, 0, -4, -2), text)
    painter.restore()
