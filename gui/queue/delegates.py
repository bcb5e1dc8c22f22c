"""How jobs are drawn in the queue's table."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from engine.domain.jobs import JobState
from gui.look import theme
from gui.queue.job_model import PROGRESS_ROLE, REPEATED_ROLE, STATE_ROLE
from gui.widgets.cells import draw_dotted, draw_elided, fill_ground
from gui.widgets.progress_line import draw_line

_Index = QModelIndex | QPersistentModelIndex


class JobDelegate(QStyledItemDelegate):
    """A dot before the state; a line under the step."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        fraction, label = index.data(PROGRESS_ROLE)
        painter.save()
        is_selected = fill_ground(painter, option, is_row=False)
        state: JobState = index.data(STATE_ROLE)
        rect = option.rect.adjusted(11, 0, -11, 0)
        painter.setFont(theme.sized(option.font, theme.BODY))
        if fraction is None:
            is_failure = state is JobState.FAILED and not index.data(REPEATED_ROLE)
            color = theme.colors().fail if is_failure else theme.colors().text_quiet
            painter.setPen(QColor(theme.colors().text if is_selected else color))
            draw_elided(painter, rect, label)
        else:
            painter.setFont(theme.sized(option.font, theme.CAPTION))
            painter.setPen(QColor(theme.colors().text_quiet))
            draw_elided(painter, QRect(rect.x(), rect.y() + 3, rect.width(), 16), label)
            line = QRectF(rect.x(), rect.bottom() - 8, rect.width(), 4)
            draw_line(painter, line, ((fraction, "accent"),))
        painter.restore()


class StateDelegate(QStyledItemDelegate):
    """A coloured dot and the state's word."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        state: JobState = index.data(STATE_ROLE)
        is_repeated = index.data(REPEATED_ROLE)
        color = theme.colors().text_faint if is_repeated else theme.state_color(state)
        is_hollow = is_repeated or state in (JobState.QUEUED, JobState.CANCELLED)
        word = theme.colors().text_quiet if state is JobState.QUEUED else color
        draw_dotted(painter, option, index.data(Qt.ItemDataRole.DisplayRole), color, word, is_hollow)
