"""The main window: four pages in the order of the work and one for the models, one banner, one status line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QIcon,
)
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMessageBox,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.domain.jobs import Batch, Idle, JobEvent, Started, Succeeded
from engine.domain.review import Decision
from engine.services.queue import Submission
from gui import theme
from gui.actions import Actions, PageName
from gui.bridge import Bridge
from gui.context import WindowContext
from gui.icons import pixmap
from gui.landing import where_work_waits
from gui.phrases import at_home, count, sentence
from gui.services import WindowServices
from gui.widgets.banner import Banner
from gui.widgets.cheat_sheet import CheatSheet
from gui.widgets.progress_line import ProgressLine
from gui.windows.export_page import ExportPage
from gui.windows.intake_page import IntakePage
from gui.windows.models_page import WEIGHTS, ModelsPage
from gui.windows.queue_page import QueuePage
from gui.windows.review_page import ReviewPage

_TITLES = {
    PageName.INTAKE: "Intake", PageName.QUEUE: "Queue", PageName.REVIEW: "Review", PageName.EXPORT: "Export",
    PageName.MODELS: "Models",
}  # fmt: skip
_EVERY_BATCH = "All batches"


class MainWindow(QMainWindow):
    """Built without an event loop; `begin` starts the engine. GUI thread only."""

    def __init__(self, services: WindowServices) -> None:
        super().__init__()
        self.setWindowTitle("Chromask")
        self.setWindowIcon(QIcon(pixmap("app", 64)))
        self.setAcceptDrops(True)
        self.setMinimumSize(1120, 700)
        self.services = services
        self.bridge = Bridge(self)
        self.actions_table = Actions(self)
        self.banner = Banner()
        self.context = WindowContext(services, self.bridge, self.actions_table, self.report, self.notify, self.remark)
        self.intake, self.queue = IntakePage(self.context), QueuePage(self.context)
        self.review, self.export = ReviewPage(self.context), ExportPage(self.context)
        self.models = ModelsPage(self.context)
        self._pages: dict[PageName, IntakePage | QueuePage | ReviewPage | ExportPage | ModelsPage] = {
            PageName.INTAKE: self.intake,
            PageName.QUEUE: self.queue,
            PageName.REVIEW: self.review,
            PageName.EXPORT: self.export,
            PageName.MODELS: self.models,
        }
        self._running: set[int] = set()
        self._may_close = False
        self._question: QMessageBox | None = None
        self._sheet: CheatSheet | None = None
        self._build_layout()
        self._build_menus()
        self._connect()
        self._restore()
        self.show_page(PageName.INTAKE)
        self._show_engine()
        services.dispatcher.subscribe(self.bridge.listener(self.on_event))
        self._read_batches()
        self._go_to_work()

    # -- what the application calls -----------------------------------------------------------------------------

    def begin(self, dropped: Sequence[Path] = ()) -> None:
        """Start the engine thread, and drop the paths of the command line."""
        if not self.services.dispatcher.is_running:
            self.services.dispatcher.start()
        self._show_engine()
        if dropped:
            self.intake.add(dropped)

    def show_page(self, page: PageName) -> None:
        """Bring a page to the front; its keys work there only."""
        self._stack.setCurrentWidget(self._pages[page])
        self.steps[page].setChecked(True)
        for each in self._pages.values():
            each.refresh_actions()
        if page is PageName.REVIEW:
            self.review.list.setFocus()
        elif page is PageName.EXPORT:
            self.export.reload()
        elif page is PageName.MODELS:
            self.models.loras.table.setFocus()

    @property
    def page(self) -> PageName:
        """The page at the front."""
        return next(name for name, widget in self._pages.items() if widget is self._stack.currentWidget())

    def report(self, error: Exception) -> None:
        """Show an error's sentence and what to do."""
        self.banner.tell(*sentence(error))

    def notify(self, what: str, remedy: str = "") -> None:
        """Show a notice."""
        self.banner.tell(what, remedy, is_error=False)

    def remark(self, text: str) -> None:
        """Put a lasting remark into the status line, cut to its first sentence."""
        first = at_home(text.split(". ")[0].rstrip("."))
        shown = self.fontMetrics().elidedText(first, Qt.TextElideMode.ElideMiddle, self.width() // 2)
        self.remark_text.setText(shown)
        self.remark_text.setToolTip(text)

    def on_event(self, event: JobEvent) -> None:
        """Follow the engine; GUI thread."""
        match event:
            case Started():
                self._running.add(event.job_id)
            case Idle():
                self._running.clear()
                self.review.reload()
            case _ if type(event).__name__ != "Progress":
                self._running.discard(event.job_id)
        if isinstance(event, Succeeded):
            self.review.reload()
        self.queue.on_event(event)
        self._show_engine()

    # -- Qt -----------------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()
            self._light(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._light(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self._light(False)
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if not paths:
            return
        event.acceptProposedAction()
        weights = [path for path in paths if path.suffix.lower() in WEIGHTS]
        pictures = [path for path in paths if path not in weights]
        if weights:
            self.show_page(PageName.MODELS)
            self.models.add(weights)
        if pictures:
            self.show_page(PageName.INTAKE)
            self.intake.add(pictures)

    def closeEvent(self, event: QCloseEvent) -> None:
        counts = self.queue.counts
        busy = self.services.dispatcher.is_running and (counts.queued or counts.running or self._running)
        if (busy or self.export.is_busy or self.models.is_busy) and not self._may_close:
            event.ignore()
            self._ask_before_closing()
            return
        self._save()
        if self.models.is_busy:
            self.hide()  # the piece that is being downloaded ends first, which takes seconds on a slow line
        self.shut_down()
        event.accept()

    def shut_down(self) -> None:
        """Stop the engine and the background threads; running jobs go back into the queue."""
        self.export.stop()
        self.models.stop()
        self.services.dispatcher.stop()
        self.bridge.close()

    # -- inside -------------------------------------------------------------------------------------------------

    def _light(self, hot: bool) -> None:
        """Light the place of the page at the front where a drop would go."""
        self.intake.drop_zone.set_hot(hot)
        self.models.loras.strip.set_hot(hot)

    def _ask_before_closing(self) -> None:
        if self._question is not None:
            self._question.raise_()
            return
        counts = self.queue.counts
        left = counts.total - counts.finished
        box = QMessageBox(self)
        box.setObjectName("close_question")
        box.setWindowTitle("Jobs are still running")
        box.setText(f"{count(left, 'job')} of the queue {'is' if left == 1 else 'are'} not finished.")
        if self.export.is_busy:
            box.setText("An export is still writing files.")
        box.setInformativeText("If you stop now, nothing is lost: Chromask goes on with them next time.")
        if self.models.is_busy and not left and not self.export.is_busy:
            box.setWindowTitle("A download is running")
            box.setText("FLUX.1 Kontext is still being downloaded.")
            box.setInformativeText("What has arrived is kept; resume the download on the Models page.")
        stop = box.addButton("Stop, continue next time", QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton("Keep running", QMessageBox.ButtonRole.RejectRole)
        stop.setObjectName("stop_and_close")
        keep.setObjectName("keep_running")
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)
        stop.clicked.connect(self._close_for_good)
        box.finished.connect(self._forget_question)
        self._question = box
        box.open()

    def _close_for_good(self) -> None:
        self._may_close = True
        self.close()

    def _forget_question(self) -> None:
        if self._question is not None:
            self._question.deleteLater()
        self._question = None

    def _read_batches(self, chosen: int | None = None) -> None:
        """Fill the list of batches, in the background; without a chosen one the newest is shown."""

        def done(batches: Sequence[Batch]) -> None:
            self.batches.blockSignals(True)
            self.batches.clear()
            self.batches.addItem(_EVERY_BATCH, None)
            for batch in batches:
                self.batches.addItem(batch.name, batch.id)
            wanted = chosen if chosen is not None else (batches[0].id if batches else None)
            self.batches.setCurrentIndex(max(0, self.batches.findData(wanted)))
            self.batches.blockSignals(False)
            self._batch_box.setVisible(bool(batches))
            self._on_batch()

        self.bridge.run_in_background(self.services.catalog.batches, done, self.report)

    def _go_to_work(self) -> None:
        """At start, open the page where the newest batch waits for a person; what was dropped comes first."""

        def done(page: PageName) -> None:
            if self.page is PageName.INTAKE and not self.intake.is_in_use:
                self.show_page(page)

        catalog = self.services.catalog
        self.bridge.run_in_background(lambda: where_work_waits(catalog), done, self.report)

    def _on_batch(self) -> None:
        batch_id = self.batches.currentData()
        for page in (self.queue, self.review, self.export):
            page.set_batch(batch_id)

    def _on_submitted(self, submission: Submission) -> None:
        self._read_batches(submission.batch.id)
        self.services.dispatcher.wake()
        self.show_page(PageName.QUEUE)

    def _show_engine(self) -> None:
        """The status line: what the engine does."""
        counts = self.queue.counts
        is_paused = self.actions_table["pause"].isChecked()
        if not self.services.dispatcher.is_running:
            text, color = "Engine not running", theme.TEXT_FAINT
        elif self._running:
            text, color = f"Working on {count(len(self._running), 'photograph')}", theme.ACCENT
            text += " · pausing" if is_paused else ""
        elif is_paused:
            text, color = "Paused", theme.WARN
        else:
            text, color = "Ready", theme.PASS
        self._engine_dot.setStyleSheet(f"background: {color}; border-radius: 4px;")
        self.engine_text.setText(text)
        is_active = bool(counts.queued or counts.running)
        self._status_line.setVisible(is_active)
        self._status_line.set_fraction(counts.finished / max(1, counts.total))

    def _show_counts(self) -> None:
        counts = self.queue.counts
        unfinished = counts.queued + counts.running
        pending = self.review.results.counts()[Decision.PENDING]
        texts = {
            PageName.QUEUE: f"Queue  {counts.finished}/{counts.total}" if unfinished else "Queue",
            PageName.REVIEW: f"Review  {pending}" if pending else "Review",
        }
        for page, text in texts.items():
            self.steps[page].setText(text)
        self._show_engine()

    def _show_sheet(self) -> None:
        if self._sheet is None:
            self._sheet = CheatSheet(self)
        self._sheet.show()
        self._sheet.move(self.geometry().center() - self._sheet.rect().center())
        self._sheet.raise_()

    def _connect(self) -> None:
        for page in PageName:
            self.actions_table.on(f"show_{page}", lambda page=page: self.show_page(page))
        self.actions_table.on("quit", self.close)
        self.actions_table.on("cheat_sheet", self._show_sheet)
        self.actions_table["demo"].setVisible(self.services.demo is not None)
        self.actions_table["pause"].toggled.connect(self._show_engine)
        for name in ("add_folder", "add_files", "demo"):
            self.actions_table.on(name, lambda: self.show_page(PageName.INTAKE))
        self.actions_table.on("add_lora", lambda: self.show_page(PageName.MODELS))
        self.intake.submitted.connect(self._on_submitted)
        self.models.changed.connect(self.intake.plan.look)
        self.batches.currentIndexChanged.connect(self._on_batch)
        for model in (self.queue.jobs, self.review.results):
            model.modelReset.connect(self._show_counts)
            model.dataChanged.connect(self._show_counts)
        self.review.decided.connect(self._show_counts)

    def _restore(self) -> None:
        geometry = QSettings().value("window/geometry")
        if geometry is None or not self.restoreGeometry(geometry):
            self.resize(1600, 1000)

    def _save(self) -> None:
        QSettings().setValue("window/geometry", self.saveGeometry())

    # -- layout -------------------------------------------------------------------------------------------------

    def _build_layout(self) -> None:
        self._stack = QStackedWidget()
        for page in self._pages.values():
            self._stack.addWidget(page)
        central = QWidget()
        layout = QVBoxLayout(central)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._build_header())
        layout.addWidget(self.banner)
        layout.addWidget(self._stack, 1)
        self.setCentralWidget(central)
        self._engine_dot = QLabel()
        self._engine_dot.setFixedSize(8, 8)
        self.engine_text = theme.label("")
        self._status_line = ProgressLine()
        self._status_line.setFixedWidth(160)
        status = self.statusBar()
        status.setSizeGripEnabled(False)
        left = QWidget()
        left_layout = QHBoxLayout(left)
        left_layout.setContentsMargins(theme.LARGE, 2, 0, 2)
        left_layout.setSpacing(theme.SMALL)
        left_layout.addWidget(self._engine_dot)
        left_layout.addWidget(self.engine_text)
        self.remark_text = theme.label("")
        self.remark_text.setContentsMargins(theme.LARGE, 0, 0, 0)
        status.addWidget(left)
        status.addWidget(self.remark_text)
        status.addPermanentWidget(self._status_line)
        status.setContentsMargins(0, 0, theme.LARGE, 0)

    def _build_header(self) -> QWidget:
        header = QWidget()
        header.setObjectName("header")
        header.setStyleSheet(f"#header {{ border-bottom: 1px solid {theme.LINE}; }}")
        layout = QHBoxLayout(header)
        layout.setContentsMargins(theme.LARGE, 0, theme.LARGE, 0)
        layout.setSpacing(0)
        mark, name = QLabel(), theme.label("Chromask", "heading")
        mark.setPixmap(pixmap("app", 20))
        layout.addWidget(mark)
        layout.addSpacing(theme.SMALL)
        layout.addWidget(name)
        layout.addSpacing(theme.WIDE)
        self.steps: dict[PageName, QToolButton] = {}
        group = QButtonGroup(self)
        for page in PageName:
            button = QToolButton()
            button.setText(_TITLES[page])
            button.setToolTip(self.actions_table[f"show_{page}"].toolTip())
            button.setProperty("step", True)
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(self.actions_table[f"show_{page}"].trigger)
            group.addButton(button)
            self.steps[page] = button
            layout.addWidget(button)
        layout.addStretch()
        self._batch_box = QWidget()
        box = QHBoxLayout(self._batch_box)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(theme.SMALL)
        self.batches = QComboBox()
        self.batches.setMinimumWidth(260)
        self.batches.setToolTip("Which batch the queue, the review and the export show")
        self.batches.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        box.addWidget(theme.label("Batch", "caption"))
        box.addWidget(self.batches)
        self._batch_box.hide()
        layout.addWidget(self._batch_box)
        return header

    def _build_menus(self) -> None:
        for title, rows in self.actions_table.by_menu():
            menu = self.menuBar().addMenu(title)
            for _, action in rows:
                menu.addAction(action)
