"""How the state of a LoRA is drawn."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from gui.look import theme
from gui.models.lora_model import READINESS_ROLE, Readiness
from gui.widgets.cells import draw_dotted

_Index = QModelIndex | QPersistentModelIndex


class ReadinessDelegate(QStyledItemDelegate):
    """A coloured dot and whether a LoRA can be used."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        state = Readiness(index.data(READINESS_ROLE))  # Qt hands a StrEnum back as plain text
        c = theme.colors()
        color = {Readiness.READY: c.pass_, Readiness.MISSING: c.text_faint, Readiness.DAMAGED: c.fail}[state]
        is_hollow = state is Readiness.MISSING
        draw_dotted(painter, option, state.value, color, theme.colors().text_quiet if is_hollow else color, is_hollow)
