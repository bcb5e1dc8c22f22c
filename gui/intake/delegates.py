"""How pairs are edited and problems are drawn in the lists of Intake."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QComboBox, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from gui.intake.photograph_model import THUMBNAIL
from gui.look import theme
from gui.look.icons import pixmap
from gui.widgets.cells import draw_elided, fill_ground

_Index = QModelIndex | QPersistentModelIndex


class PhotographDelegate(QStyledItemDelegate):
    """Shows a photograph in its own colours also where its row is selected: Qt would tint it like an icon."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: _Index) -> None:
        super().initStyleOption(option, index)
        picture = index.data(Qt.ItemDataRole.DecorationRole)
        if isinstance(picture, QPixmap):
            icon = QIcon(picture)
            icon.addPixmap(picture, QIcon.Mode.Selected)
            option.icon = icon


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
        fill_ground(painter, option)
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
        draw_elided(painter, upper, index.data(Qt.ItemDataRole.DisplayRole), Qt.TextElideMode.ElideMiddle)
        painter.setFont(theme.sized(option.font, theme.CAPTION))
        painter.setPen(QColor(theme.colors().text_quiet))
        reason = str(index.data(Qt.ItemDataRole.UserRole))
        draw_elided(painter, upper.translated(0, 18), reason[:1].upper() + reason[1:])
        painter.restore()
