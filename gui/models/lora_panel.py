"""The LoRAs of the Models page: which there are, whether they can be used, adding and removing."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QMessageBox,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from engine.domain.errors import Cancelled
from engine.services.lora_files import LoraReport, LoraState, NewLora, register_lora, remove_lora
from engine.services.registries import LoraEntry
from gui.context import WindowContext
from gui.look import theme
from gui.models.lora_form import LoraForm
from gui.models.lora_model import LoraColumn, LorasModel, Readiness, readiness
from gui.models.readiness_delegate import ReadinessDelegate
from gui.phrases import at_home, capital, sentence
from gui.widgets.drop_strip import DropStrip
from gui.widgets.drop_zone import button_for
from gui.widgets.tables import set_up_rows

_ROW = 36


class LoraPanel(QWidget):
    """A table, what is said of the selected row, and the place to drop files."""

    changed = Signal()
    """A LoRA was added or removed."""

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._waiting: deque[Path] = deque()
        self._checked: Path | None = None
        self._form: LoraForm | None = None
        self._question: QMessageBox | None = None
        self._wanted = ""
        self.loras = LorasModel(self)
        self.table = self._build_table()
        self.table.setAccessibleName("LoRAs")
        self.table.setTabKeyNavigation(False)
        self.strip = DropStrip()
        self._summary = theme.label("", "quiet")
        self.what, self.why = theme.label("", "body"), theme.label("", "quiet")
        self.about = theme.label("", "caption")
        self._build_layout()
        context.actions.on("add_lora", self._choose)
        context.actions.on("remove_lora", self.ask_to_remove)
        self._show_selected()

    # -- what the page calls ------------------------------------------------------------------------------------

    def set_states(self, states: Sequence[LoraState]) -> None:
        """Show these; the selected one stays selected."""
        selected = self._selected()
        current = self._wanted or (selected.entry.name if selected is not None else "")
        self._wanted = ""
        self.loras.set_states(states)
        ready = sum(readiness(state) is Readiness.READY for state in states)
        self._summary.setText(f"{ready} of {len(states)} ready")
        row = self.loras.row_of(current)
        if row is not None:
            self.table.selectRow(row)
        self._show_selected()

    def add(self, paths: Sequence[Path]) -> None:
        """Check these files one after the other; each that is good is asked about."""
        self._waiting.extend(paths)
        self._next()

    def ask_to_remove(self) -> None:
        """Ask, then take the selected LoRA out of the operator's registry."""
        state = self._selected()
        if state is None or not state.own or self._question is not None:
            return
        box = QMessageBox(self)
        box.setObjectName("remove_question")
        box.setWindowTitle("Remove LoRA")
        box.setText(f"Take '{state.entry.name}' out of your registry?")
        box.setInformativeText("Its file stays in the models folder, so that jobs that wait for it still run.")
        remove = box.addButton("Remove", QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton("Keep", QMessageBox.ButtonRole.RejectRole)
        remove.setObjectName("remove_now")
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)
        remove.clicked.connect(lambda: self._remove(state.entry.name))
        box.finished.connect(self._forget_question)
        self._question = box
        theme.give_room(box)
        box.open()

    def refresh_actions(self) -> None:
        """Switch the commands on where they make sense."""
        state = self._selected()
        self._context.actions["remove_lora"].setEnabled(self.isVisible() and state is not None and state.own)

    @property
    def form(self) -> LoraForm | None:
        """What is being filled in."""
        return self._form

    # -- inside -------------------------------------------------------------------------------------------------

    def _next(self) -> None:
        if self._checked is not None or self._form is not None or not self._waiting:
            return
        path = self._checked = self._waiting.popleft()
        more = f" · {len(self._waiting)} more" if self._waiting else ""
        self.strip.set_busy(f"Checking {path.name}…{more}")
        torch = self._context.services.torch
        self._context.bridge.run_in_background(lambda: torch.check_lora(path), self._ask, self._refused)

    def _ask(self, report: LoraReport) -> None:
        self._checked = None
        self.strip.set_busy("")
        form = LoraForm(report, self.loras.states(), self)
        form.submitted.connect(lambda new, replace: self._register(report, new, replace))
        form.finished.connect(self._forget_form)
        self._form = form
        form.open()

    def _refused(self, error: Exception) -> None:
        self._checked = None
        self.strip.set_busy("")
        if not isinstance(error, Cancelled):
            self._context.report(error)
        self._next()

    def _register(self, report: LoraReport, new: NewLora, replace: bool) -> None:
        form = self._form

        def done(entry: LoraEntry) -> None:
            self._wanted = entry.name
            if form is not None:
                form.accept()
            self.changed.emit()

        def failed(error: Exception) -> None:
            if form is not None and form is self._form:
                form.refuse(" ".join(sentence(error)))
            else:
                self._context.report(error)

        self._context.bridge.run_in_background(
            lambda: register_lora(report, new, replace=replace), done, failed, in_order=True
        )

    def _forget_form(self) -> None:
        if self._form is not None:
            self._form.deleteLater()
        self._form = None
        self._next()

    def _remove(self, name: str) -> None:
        def done(_: None) -> None:
            self._context.notify(f"'{name}' is no longer registered.", "Its file is still in the models folder.")
            self.changed.emit()

        self._context.bridge.run_in_background(lambda: remove_lora(name), done, self._context.report, in_order=True)

    def _forget_question(self) -> None:
        if self._question is not None:
            self._question.deleteLater()
        self._question = None

    def _selected(self) -> LoraState | None:
        rows = self.table.selectionModel().selectedRows()
        return self.loras.state(rows[0].row()) if rows else None

    def _show_selected(self) -> None:
        state = self._selected()
        self._details.setVisible(state is not None)
        if state is not None:
            entry = state.entry
            self.what.setText(f"{entry.name}: {entry.prompt}")
            why = at_home(f"{capital(state.problem)}. {state.remedy}")
            self.why.setText(why if state.problem else "")
            self.why.setVisible(bool(state.problem))
            trigger = f"Trigger word: {entry.trigger}. " if entry.trigger else ""
            note = f"{entry.note.rstrip('.')}. " if entry.note else ""
            self.about.setText(f"{note}{trigger}Licence: {entry.licence.rstrip('.')}.")
        self.refresh_actions()

    def _choose(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Add LoRAs", "", "LoRAs (*.safetensors);;All files (*)")
        self.add([Path(name) for name in names])

    # -- layout -------------------------------------------------------------------------------------------------

    def _build_table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.loras)
        table.setItemDelegateForColumn(LoraColumn.STATE, ReadinessDelegate(table))
        table.horizontalHeader().setMinimumSectionSize(48)
        widths = {
            LoraColumn.TASK: 104, LoraColumn.STATE: 96, LoraColumn.NAME: 186, LoraColumn.RANK: 52,
            LoraColumn.SCALE: 58,
        }  # fmt: skip
        set_up_rows(table, _ROW, widths, (LoraColumn.PROMPT, LoraColumn.LICENCE))
        table.setTextElideMode(Qt.TextElideMode.ElideRight)  # sentences begin with what matters
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        table.addActions([self._context.actions[name] for name in ("add_lora", "remove_lora")])
        table.selectionModel().selectionChanged.connect(self._show_selected)
        return table

    def _build_layout(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(theme.MEDIUM)
        head.addWidget(theme.label("LoRAs", "heading"))
        head.addWidget(self._summary)
        head.addStretch()
        for name in ("remove_lora", "add_lora"):
            head.addWidget(button_for(self._context.actions[name]))
        self._details = QFrame()
        self._details.setProperty("panel", True)
        details = QVBoxLayout(self._details)
        details.setContentsMargins(theme.LARGE, theme.MEDIUM, theme.LARGE, theme.MEDIUM)
        details.setSpacing(theme.TIGHT)
        for text in (self.what, self.why, self.about):
            text.setWordWrap(True)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            details.addWidget(text)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.MEDIUM)
        layout.addLayout(head)
        layout.addWidget(self.table, 1)
        layout.addWidget(self._details)
        layout.addWidget(self.strip)
