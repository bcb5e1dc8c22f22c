"""The main window: its pages, one banner, one status line, and what goes on between them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QIcon
from PySide6.QtWidgets import QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from engine.domain.jobs import Batch, Idle, JobEvent, Started, Succeeded
from engine.domain.review import Decision
from engine.services.queue import Submission
from gui import preferences
from gui.actions import Actions, PageName
from gui.bridge import Bridge
from gui.context import WindowContext
from gui.export.page import ExportPage
from gui.frame import menus, window_state
from gui.frame.banner import Banner
from gui.frame.cheat_sheet import CheatSheet
from gui.frame.close_question import CloseQuestion
from gui.frame.drops import Drops
from gui.frame.header import Header
from gui.frame.landing import where_work_waits
from gui.frame.status_line import StatusLine
from gui.intake.page import IntakePage
from gui.look.icons import pixmap
from gui.models.page import ModelsPage
from gui.phrases import sentence
from gui.queue.page import QueuePage
from gui.review.page import ReviewPage
from gui.services import WindowServices
from gui.settings.page import SettingsPage

_Page = IntakePage | QueuePage | ReviewPage | ExportPage | ModelsPage | SettingsPage


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
        self.banner, self.header, self.status = Banner(), Header(self.actions_table), StatusLine()
        self.context = WindowContext(services, self.bridge, self.actions_table, self.report, self.notify, self.remark)
        self.intake, self.queue = IntakePage(self.context), QueuePage(self.context)
        self.review, self.export = ReviewPage(self.context), ExportPage(self.context)
        self.models, self.settings = ModelsPage(self.context), SettingsPage(self.context)
        pages = (self.intake, self.queue, self.review, self.export, self.models, self.settings)
        self._pages: dict[PageName, _Page] = dict(zip(PageName, pages, strict=True))
        self._running: set[int] = set()
        self._may_close = False
        self._question: CloseQuestion | None = None
        self._sheet: CheatSheet | None = None
        self._build_layout()
        menus.fill(self.menuBar(), self.actions_table)
        self._drops = Drops(self)
        self._connect()
        window_state.restore(self)
        self.show_page(PageName.INTAKE)
        self._show_engine()
        services.dispatcher.subscribe(self.bridge.listener(self.on_event))
        self._read_batches()
        self._go_to_work()

    # -- what the application calls -----------------------------------------------------------------------------

    def begin(self, dropped: Sequence[Path] = ()) -> None:
        """Start the engine thread, and drop the paths of the command line."""
        if not self.services.dispatcher.is_running:
            if preferences.workers():
                self.services.dispatcher.use_workers(preferences.workers())
            self.services.dispatcher.start()
        self._show_engine()
        if dropped:
            self.intake.add(dropped)

    def show_page(self, page: PageName) -> None:
        """Bring a page to the front; its keys work there only."""
        self._stack.setCurrentWidget(self._pages[page])
        self.header.show_page(page)
        for each in self._pages.values():
            each.refresh_actions()
        if page is PageName.EXPORT:
            self.export.reload()
        if page is PageName.REVIEW:
            self.review.list.setFocus()
        elif page is PageName.QUEUE:
            self.queue.table.setFocus()
        elif page is PageName.MODELS:
            self.models.loras.table.setFocus()
        else:
            self._pages[page].setFocus()  # so that Tab goes on in the page

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
        """Put a lasting remark into the status line."""
        self.status.show_remark(text)

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
        self._drops.enter(event)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._drops.leave()

    def dropEvent(self, event: QDropEvent) -> None:
        dropped = self._drops.take(event)
        if dropped.weights:
            self.show_page(PageName.MODELS)
            self.models.add(dropped.weights)
        if dropped.pictures:
            self.show_page(PageName.INTAKE)
            self.intake.add(dropped.pictures)

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self._may_close and self.review.mask_editing.holds_back(self.close):
            event.ignore()
            self.show_page(PageName.REVIEW)  # what is asked about is to be seen
            return
        counts = self.queue.counts
        busy = self.services.dispatcher.is_running and (counts.queued or counts.running or self._running)
        if (busy or self.export.is_busy or self.models.is_busy) and not self._may_close:
            event.ignore()
            self._ask_before_closing()
            return
        window_state.save(self, self.page)
        if self.models.is_busy:
            self.hide()  # the piece that is being downloaded ends first, which takes seconds on a slow line
        self.shut_down()
        event.accept()

    def shut_down(self) -> None:
        """Stop the engine and the background threads; running jobs go back into the queue."""
        self.intake.stop()
        self.export.stop()
        self.models.stop()
        self.services.dispatcher.stop()
        self.bridge.close()

    # -- inside -------------------------------------------------------------------------------------------------

    def _ask_before_closing(self) -> None:
        if self._question is not None:
            self._question.raise_()
            return
        counts = self.queue.counts
        left, exports, downloads = counts.total - counts.finished, self.export.is_busy, self.models.is_busy
        self._question = CloseQuestion(left, self, exports=exports, downloads=downloads)
        self._question.agreed.connect(self._close_for_good)
        self._question.finished.connect(self._forget_question)
        self._question.open()

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
            self.header.show_batches(batches, chosen)
            self._on_batch()

        self.bridge.run_in_background(self.services.catalog.batches, done, self.report)

    def _go_to_work(self) -> None:
        """At start, open the page where work waits, or else the one that was left; what was dropped comes first."""

        def done(page: PageName) -> None:
            if self.page is PageName.INTAKE and not self.intake.is_in_use:
                self.show_page(page if page is not PageName.INTAKE else window_state.last_page())

        catalog = self.services.catalog
        self.bridge.run_in_background(lambda: where_work_waits(catalog), done, self.report)

    def _on_batch(self) -> None:
        batch_id = self.header.batch
        for page in (self.queue, self.review, self.export):
            page.set_batch(batch_id)

    def _on_submitted(self, submission: Submission) -> None:
        self.export.use_recipe(self.intake.plan.recipe())
        self._read_batches(submission.batch.id)
        self.services.dispatcher.wake()
        self.show_page(PageName.QUEUE)

    def _show_engine(self) -> None:
        is_alive, is_paused = self.services.dispatcher.is_running, self.actions_table["pause"].isChecked()
        self.status.show_engine(self.queue.counts, len(self._running), is_alive=is_alive, is_paused=is_paused)

    def _show_counts(self) -> None:
        counts = self.queue.counts
        pending = self.review.results.counts()[Decision.PENDING]
        is_left = counts.queued + counts.running
        self.header.show_numbers(
            f"{counts.finished}/{counts.total}" if is_left else "", f"{pending}" if pending else ""
        )
        self._show_engine()

    def _show_sheet(self) -> None:
        if self._sheet is None:
            self._sheet = CheatSheet(self.actions_table, self)
        self._sheet.show_over(self)

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
        self.intake.joined.connect(lambda _: self._read_batches(self.header.batch))
        self.models.changed.connect(self.intake.plan.look)
        self.header.batch_chosen.connect(self._on_batch)
        self.settings.appearance.viewer_changed.connect(self.review.viewer.follow_settings)
        self.settings.work.export_folder_changed.connect(self.export.propose_folder)
        self.queue.counts_changed.connect(self._show_counts)
        self.review.results.modelReset.connect(self._show_counts)
        self.review.results.dataChanged.connect(self._show_counts)
        self.review.decided.connect(self._show_counts)
        self.review.requeued.connect(self.queue.reload)

    # -- layout -------------------------------------------------------------------------------------------------

    def _build_layout(self) -> None:
        self._stack = QStackedWidget()
        for page in self._pages.values():
            self._stack.addWidget(page)
        central = QWidget()
        layout = QVBoxLayout(central)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self.banner)
        layout.addWidget(self._stack, 1)
        self.setCentralWidget(central)
        self.setStatusBar(self.status)
