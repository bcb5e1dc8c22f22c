"""What came back from Photoshop, file by file, with the decision where there is one to make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from gui import preferences
from gui.context import WindowContext
from gui.export.returned import ReturnedEntry, ReturnedWatch, Standing
from gui.look import theme
from gui.look.palette import Ink
from gui.phrases import count
from gui.widgets.drop_zone import button_for
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.icon_label import IconLabel

_SIGNS: dict[Standing, tuple[str, Ink]] = {
    Standing.CONFLICT: ("warning", "warn"),
    Standing.TAKEN: ("check", "pass_"),
    Standing.KEPT: ("check", "text_faint"),
    Standing.FAILED: ("warning", "fail"),
}
_ICON = 16
_COMMANDS = ("take_returned", "keep_returned", "undo_returned")
_EMPTY = "Nothing came back in this session."


class BackPanel(QWidget):
    """A list of the files, the newest on top. Its commands concern the chosen one; its buttons their own. GUI thread
    only.
    """

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._watch: ReturnedWatch | None = None
        self._chosen: Path | None = None
        self._headline = theme.label("Back from Photoshop", "heading")
        self._hint = theme.label("", "quiet")
        self._hint.setWordWrap(True)
        self.files = QListWidget()
        self.files.setAccessibleName("Files that came back from Photoshop")
        self.files.setSpacing(2)
        self.files.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.files.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.files.currentRowChanged.connect(self._on_row)
        head = QHBoxLayout()
        head.addWidget(self._headline)
        head.addStretch()
        head.addWidget(button_for(context.actions["photoshop_script"]))
        head.addWidget(button_for(context.actions["take_back"]))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        column.addLayout(head)
        column.addWidget(self._hint)
        column.addWidget(self.files, 1)
        for name, decide in (
            ("take_returned", self._take),
            ("keep_returned", self._keep),
            ("undo_returned", self._undo),
        ):
            context.actions.on(name, lambda decide=decide: self._with_current(decide))
        context.actions.on("take_back", self._choose_files)

    def follow(self, watch: ReturnedWatch) -> None:
        """Show what came back, from now on."""
        self._watch = watch
        watch.changed.connect(self._fill)
        self._fill()

    def refresh_actions(self) -> None:
        """Switch the commands on where they make sense."""
        entry, is_here = self.current(), self.isVisible()
        for name, can in zip(_COMMANDS, _possible(entry), strict=True):
            self._context.actions[name].setEnabled(is_here and can)
        for name in ("take_back", "photoshop_script"):
            self._context.actions[name].setEnabled(is_here)

    def current(self) -> ReturnedEntry | None:
        """The chosen file."""
        row = self.files.currentRow()
        return self._watch.entries[row] if self._watch is not None and row >= 0 else None

    # -- inside -------------------------------------------------------------------------------------------------

    def _on_row(self, row: int) -> None:
        entry = self.current()
        if row >= 0 and entry is not None:
            self._chosen = entry.path
        self.refresh_actions()

    def _fill(self) -> None:
        entries = self._watch.entries if self._watch is not None else []
        chosen = self._chosen
        self.files.clear()
        for entry in entries:
            item = QListWidgetItem()
            row = _Row(entry, self._take, self._keep, self._undo)
            self.files.addItem(item)
            self.files.setItemWidget(item, row)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{entry.path.name}: {entry.standing.value}")
        self._fit_rows()
        open_ones = [row for row, entry in enumerate(entries) if entry.standing is Standing.CONFLICT]
        if entries:
            # By its file: what comes in above must not put another one under the keys.
            known = (row for row, entry in enumerate(entries) if entry.path == chosen)
            self.files.setCurrentRow(next(known, open_ones[0] if open_ones else 0))
        self._headline.setText(
            f"Back from Photoshop · {count(len(open_ones), 'conflict')}" if open_ones else "Back from Photoshop"
        )
        self._hint.setText(_EMPTY if preferences.takes_back() else f"{_EMPTY} {_how()}")
        self._hint.setVisible(not entries)
        self.files.setVisible(bool(entries))
        policy = QSizePolicy.Policy
        self.setSizePolicy(policy.Preferred, policy.Expanding if entries else policy.Maximum)
        self.refresh_actions()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_rows()

    def _fit_rows(self) -> None:
        """Texts are wrapped at the list's width, and so have another height at each."""
        width = self.files.viewport().width() - 2 * self.files.spacing()
        for at in range(self.files.count()):
            item = self.files.item(at)
            row = self.files.itemWidget(item)
            item.setSizeHint(QSize(width, row.heightForWidth(width)))

    def _with_current(self, decide: Callable[[ReturnedEntry], None]) -> None:
        entry = self.current()
        if entry is not None:
            decide(entry)

    def _take(self, entry: ReturnedEntry) -> None:
        if self._watch is not None:
            self._watch.take(entry)

    def _keep(self, entry: ReturnedEntry) -> None:
        if self._watch is not None:
            self._watch.keep(entry)

    def _undo(self, entry: ReturnedEntry) -> None:
        if self._watch is not None:
            self._watch.undo(entry)

    def _choose_files(self) -> None:
        folder = preferences.export_folder() or self._context.services.default_export_folder
        names, _ = QFileDialog.getOpenFileNames(
            self, "Take back", str(folder), "Layered documents (*.psd *.psb *.tif *.tiff)"
        )
        if names and self._watch is not None:
            self._watch.take_files([Path(name) for name in names])


class _Row(QFrame):
    """One file: its name and standing, what is different, why it was not taken, and the decision."""

    def __init__(
        self,
        entry: ReturnedEntry,
        take: Callable[[ReturnedEntry], None],
        keep: Callable[[ReturnedEntry], None],
        undo: Callable[[ReturnedEntry], None],
    ) -> None:
        super().__init__()
        sign, ink = _SIGNS[entry.standing]
        name = ElidedLabel()
        name.setFont(theme.bold())
        name.show_text(entry.path.name)
        name.setToolTip(str(entry.path))
        standing = theme.label(entry.standing.value, "caption")
        theme.set_ink(standing, ink)
        head = QHBoxLayout()
        head.setSpacing(theme.SMALL)
        head.addWidget(IconLabel(sign, _ICON, ink), 0, Qt.AlignmentFlag.AlignVCenter)
        head.addWidget(name, 1)
        head.addWidget(standing)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.MEDIUM, theme.SMALL, theme.MEDIUM, theme.SMALL)
        column.setSpacing(theme.TIGHT)
        column.addLayout(head)
        for texts, role in ((entry.changes, "body"), (entry.why, "body"), (entry.notices, "caption")):
            if texts:
                text = theme.label(" ".join(texts), role)
                text.setWordWrap(True)
                text.setContentsMargins(_ICON + theme.SMALL, 0, 0, 0)
                column.addWidget(text)
        line = QHBoxLayout()
        line.setContentsMargins(_ICON + theme.SMALL, theme.TIGHT, 0, 0)
        line.setSpacing(theme.SMALL)
        offers = (("Take the retoucher's", "take", take), ("Keep ours", "keep", keep), ("Undo", "undo", undo))
        for (text, called, call), can in zip(offers, _possible(entry), strict=True):
            if can:
                button = QPushButton(text)
                button.setObjectName(f"{called}_{entry.path.name}")
                button.setAccessibleName(f"{text}: {entry.path.name}")
                button.clicked.connect(lambda _=False, call=call: call(entry))
                line.addWidget(button)
        line.addStretch()
        if line.count() > 1:
            column.addLayout(line)


def _possible(entry: ReturnedEntry | None) -> tuple[bool, bool, bool]:
    return (entry.can_take, entry.can_keep, entry.can_undo) if entry is not None else (False, False, False)


def _how() -> str:
    return "Settings can have what is saved in the export folder taken back by itself; single files are chosen here."
