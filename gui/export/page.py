"""Export: which files, where to, and what was written."""

from __future__ import annotations

import threading
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from engine.domain.errors import Cancelled
from engine.domain.export import ExportRecipe
from engine.domain.review import Decision
from engine.services.export import ExportPlan, ExportReport, export_items
from engine.services.review import items_of
from gui import preferences
from gui.context import WindowContext
from gui.export.back_panel import BackPanel
from gui.export.preset_row import PresetRow
from gui.export.recipe_form import RecipeForm
from gui.export.written_files import WrittenFiles
from gui.look import theme
from gui.phrases import at_home, count
from gui.widgets.drop_zone import button_for


class ExportPage(QWidget):
    """Writes the results of one batch in the background."""

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._batch: int | None = None
        self._decisions = dict.fromkeys(Decision, 0)
        self._stop: threading.Event | None = None
        self.form = RecipeForm()
        self.folder = QLineEdit()
        self.propose_folder(preferences.export_folder() or context.services.default_export_folder)
        self.approved_only = QCheckBox("Approved results only")
        self.approved_only.setChecked(True)
        self.approved_only.setToolTip("Off: results without a verdict are exported too; rejected ones never are")
        self._summary = theme.label("", "quiet")
        self._summary.setWordWrap(True)
        self.written = WrittenFiles(context, self._open_folder)
        self.presets = PresetRow(context, lambda: self.plan().recipe)
        self.back = BackPanel(context)
        self._build_layout()
        context.actions.on("photoshop_script", _show_script)
        context.actions.on("export", self.export)
        context.actions.on("stop_export", self.stop)
        self.form.apply(preferences.export_recipe())
        self.approved_only.toggled.connect(self._summarise)
        self.form.changed.connect(self._summarise)
        self.folder.textChanged.connect(self._summarise)
        self.presets.chosen.connect(self._apply)

    # -- what the window calls ----------------------------------------------------------------------------------

    def set_batch(self, batch_id: int | None) -> None:
        """Export this batch; None exports everything."""
        self._batch = batch_id
        self.reload()

    def propose_folder(self, folder: Path) -> None:
        """Take this folder in place of the one that was proposed before."""
        self.folder.setText(at_home(str(folder)))

    def use_recipe(self, recipe: ExportRecipe) -> None:
        """Propose the files that a batch was started for; what its preset leaves as usual stays as it is here."""
        is_usual = replace(recipe, formats=ExportRecipe().formats, approved_only=True) == ExportRecipe()
        if is_usual and not self.form.problem():
            here = self.form.recipe(approved_only=recipe.approved_only)
            recipe = replace(here, formats=recipe.formats)
        self._apply(recipe)

    def reload(self) -> None:
        """Count verdicts again, and read the presets, in the background."""
        batch, catalog = self._batch, self._context.services.catalog

        def done(decisions: dict[Decision, int]) -> None:
            if batch == self._batch:
                self._decisions = decisions
                self._summarise()

        self._context.bridge.run_in_background(
            lambda: catalog.export_counts(batch), done, self._context.report, in_order=True
        )
        self.presets.load()

    def export(self) -> None:
        """Write the files."""
        if self._stop is not None or not self._can_start():
            return
        plan = self.plan()
        preferences.set_export_recipe(plan.recipe)
        stop, batch, bridge = threading.Event(), self._batch, self._context.bridge
        services = self._context.services

        def advance(done: int, total: int, name: str) -> None:
            if stop.is_set():
                raise Cancelled
            bridge.call(self.written.advance, (done, total, name))

        def work() -> ExportReport:
            return export_items(services.catalog, services.artifacts, items_of(services.catalog, batch), plan, advance)

        self._stop = stop
        had_focus = self._start.hasFocus()
        self.written.begin()
        self.refresh_actions()
        if had_focus:  # a button that is switched off would hand it on to whatever comes next
            self.written.stop_button.setFocus()
        bridge.run_in_background(work, lambda report: self._done(report, plan.folder), self._failed)

    def stop(self) -> None:
        """Stop after the picture that is being written."""
        if self._stop is not None:
            self._stop.set()

    def plan(self) -> ExportPlan:
        """The operator's choice.

        Raises
        ------
        UsageError
            The name pattern cannot be read.
        """
        return ExportPlan(self._out(), self.form.recipe(approved_only=self.approved_only.isChecked()))

    @property
    def is_busy(self) -> bool:
        return self._stop is not None

    def refresh_actions(self) -> None:
        """Switch this page's commands on where they make sense."""
        actions, is_here = self._context.actions, self.isVisible()
        actions["export"].setEnabled(is_here and self._stop is None and self._can_start())
        actions["stop_export"].setEnabled(is_here and self._stop is not None)
        self.back.refresh_actions()

    # -- inside -------------------------------------------------------------------------------------------------

    def _apply(self, recipe: ExportRecipe) -> None:
        self.form.apply(recipe)
        self.approved_only.setChecked(recipe.approved_only)

    def _can_start(self) -> bool:
        is_complete = self.form.chosen_formats() and not self.form.problem() and self.folder.text().strip()
        return bool(self._admitted() and is_complete)

    def _out(self) -> Path:
        return Path(self.folder.text().strip()).expanduser()

    def _admitted(self) -> int:
        approved = self._decisions[Decision.APPROVED]
        return approved if self.approved_only.isChecked() else approved + self._decisions[Decision.PENDING]

    def _summarise(self) -> None:
        approved, pending, rejected = (
            self._decisions[decision] for decision in (Decision.APPROVED, Decision.PENDING, Decision.REJECTED)
        )
        text = f"{approved} approved · {pending} pending · {rejected} rejected\n"
        formats = len(self.form.chosen_formats())
        if not any(self._decisions.values()):
            text = "Nothing is finished yet. Results can be exported as soon as they are made."
        elif not formats:
            text += "Choose at least one format."
        elif self.form.problem():
            text += "The name cannot be read."
        elif not self._admitted():
            text += "Approve results on the Review page, or allow pending ones."
        else:
            text += f"{count(self._admitted(), 'result')} in {count(formats, 'format')} will be written."
        self._summary.setText(text)
        self.presets.refresh()
        self.refresh_actions()

    def _done(self, report: ExportReport, folder: Path) -> None:
        self._finish()
        self.written.show_report(report, folder)

    def _failed(self, error: Exception) -> None:
        self._finish()
        if isinstance(error, Cancelled):
            self.written.end("The export was stopped. Export again to go on; finished files are kept.")
            return
        self.written.end("The export did not finish")
        self._context.report(error)

    def _finish(self) -> None:
        had_focus = self.written.stop_button.hasFocus()
        self._stop = None
        self.reload()
        self.refresh_actions()
        if had_focus:  # back to where it came from
            (self._start if self._start.isEnabled() else self.folder).setFocus()

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Export into", self.folder.text())
        if folder:
            self.folder.setText(folder)

    def _open_folder(self) -> None:
        if self._out().is_dir():
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._out())))
        else:
            self._context.notify("The folder is not there yet.", "The first export makes it.")

    # -- layout -------------------------------------------------------------------------------------------------

    def _build_layout(self) -> None:
        panel = QFrame()
        panel.setProperty("panel", True)
        panel.setFixedWidth(400)
        side = QVBoxLayout(panel)
        side.setContentsMargins(theme.LARGE, theme.LARGE, theme.LARGE, theme.LARGE)
        side.setSpacing(theme.SMALL)
        side.addWidget(theme.label("Preset", "heading"))
        side.addWidget(self.presets)
        side.addSpacing(theme.MEDIUM)
        side.addWidget(theme.label("Which", "heading"))
        side.addWidget(self.approved_only)
        side.addSpacing(theme.MEDIUM)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its fields take the focus, and scroll into sight
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.form)
        side.addWidget(scroll, 1)
        side.addSpacing(theme.SMALL)
        side.addWidget(theme.label("Folder", "heading"))
        side.addSpacing(theme.TIGHT)
        folder = QHBoxLayout()
        folder.setSpacing(theme.SMALL)
        self.folder.setAccessibleName("Folder to export into")
        folder.addWidget(self.folder, 1)
        choose = QPushButton("Choose…")
        choose.setAccessibleName("Choose the folder to export into")
        choose.clicked.connect(self._choose_folder)
        folder.addWidget(choose)
        side.addLayout(folder)
        side.addSpacing(theme.SMALL)
        side.addWidget(self._summary)
        self._start = button_for(self._context.actions["export"], primary=True)
        self._start.setMinimumHeight(34)
        side.addWidget(self._start)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.LARGE, theme.LARGE, theme.LARGE)
        layout.setSpacing(theme.LARGE)
        layout.addWidget(panel)
        halves = QVBoxLayout()
        halves.setSpacing(theme.LARGE)
        halves.addWidget(self.written, 3)
        halves.addWidget(self.back, 2)
        layout.addLayout(halves, 1)


def _show_script() -> None:
    folder = Path(str(files("resources"))) / "photoshop"
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
