"""The main window: its pages, one banner, one status line, and what goes on between them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QIcon
from PySide6.QtWidgets import QMainWindow, QVBoxLayout, QWidget

from engine.domain.errors import KnownError
from engine.domain.jobs import EngineStopped, Idle, JobEvent, Progress, Queued, Started, Succeeded
from engine.domain.review import Decision, FailedItem
from gui import preferences
from gui.actions import Actions, PageName
from gui.bridge import Bridge
from gui.context import WindowContext
from gui.export.returned import ReturnedWatch
from gui.frame import menus, window_state
from gui.frame.banner import Banner
from gui.frame.cheat_sheet import CheatSheet
from gui.frame.closing import Closing
from gui.frame.drops import Drops
from gui.frame.header import Header
from gui.frame.pages import Pages
from gui.frame.shown_batch import ShownBatch, look_ahead
from gui.frame.status_line import StatusLine
from gui.look.icons import pixmap
from gui.phrases import sentence
from gui.services import WindowServices

if TYPE_CHECKING:
    from gui.export.page import ExportPage
    from gui.frame.pages import Page
    from gui.intake.page import IntakePage
    from gui.models.page import ModelsPage
    from gui.queue.page import QueuePage
    from gui.review.page import ReviewPage
    from gui.settings.page import SettingsPage
    from gui.training.page import TrainingPage

_WATCH_MS = 400
"""From the engine's start until the folders are watched: what is looked at first is on the screen by then."""


class MainWindow(QMainWindow):
    """Built without an event loop; `begin` starts the engine. GUI thread only."""

    def __init__(self, services: WindowServices) -> None:
        super().__init__()
        self.setWindowTitle("Chromask")
        self.setWindowIcon(QIcon(pixmap("app", 64)))
        self.setAcceptDrops(True)
        self.setMinimumSize(1120, 700)
        self.services = services
        found = look_ahead(services.catalog)
        self.bridge = Bridge(self)
        self.actions_table = Actions(self)
        self.banner, self.header, self.status = Banner(), Header(self.actions_table), StatusLine()
        self.context = WindowContext(
            services, self.bridge, self.actions_table, self.report, self.withdraw, self.notify, self.remark
        )
        self._running: set[int] = set()
        self._sheet: CheatSheet | None = None
        self._pages = Pages(self.context, self._on_page_built)
        self.closing = Closing(self, self._pages)
        self._batch = ShownBatch(self, self.context, self.header, self._pages)
        self._drops = Drops(self)
        self._watching = QTimer(self)
        self._watching.setSingleShot(True)
        self._watching.setInterval(_WATCH_MS)
        self._watching.timeout.connect(self._pages.build_intake_soon)
        self.returned = ReturnedWatch(self.context, self)
        self._watching.timeout.connect(self.returned.follow)
        self._build_layout()
        menus.fill(self.menuBar(), self.actions_table)
        self._connect()
        window_state.restore(self)
        self._batch.open(found)
        self._show_engine()
        services.dispatcher.subscribe(self.bridge.listener(self.on_event))

    # -- the pages ----------------------------------------------------------------------------------------------

    @property
    def intake(self) -> IntakePage:
        return self._pages.intake

    @property
    def queue(self) -> QueuePage:
        return self._pages.queue

    @property
    def review(self) -> ReviewPage:
        return self._pages.review

    @property
    def export(self) -> ExportPage:
        return self._pages.export

    @property
    def models(self) -> ModelsPage:
        return self._pages.models

    @property
    def training(self) -> TrainingPage:
        return self._pages.training

    @property
    def settings(self) -> SettingsPage:
        return self._pages.settings

    # -- what the application calls -----------------------------------------------------------------------------

    def begin(self, dropped: Sequence[Path] = ()) -> None:
        """Start the engine thread, and drop the paths of the command line."""
        if not self.services.dispatcher.is_running:
            if preferences.workers():
                self.services.dispatcher.use_workers(preferences.workers())
            self.services.dispatcher.start()
        self._show_engine()
        if dropped:  # which comes before work of yesterday
            self.show_page(PageName.INTAKE)
            self.intake.add(dropped)
        self._watching.start()

    def show_page(self, page: PageName) -> None:
        """Bring a page to the front; its keys work there only."""
        shown = self._pages.page(page)
        self._pages.setCurrentWidget(shown)
        self.header.show_page(page)
        for each in self._pages.built():
            each.refresh_actions()
        if page is PageName.EXPORT:
            self.export.reload()
        if page is PageName.REVIEW:
            self.review.list.setFocus()
        elif page is PageName.QUEUE:
            self.queue.table.setFocus()
        elif page is PageName.MODELS:
            self.models.loras.table.setFocus()
        elif page is PageName.TRAINING:
            self.training.sets.take_focus()
        else:
            shown.setFocus()  # so that Tab goes on in the page

    @property
    def page(self) -> PageName:
        """The page at the front."""
        return self._pages.name_of_current()

    def report(self, error: Exception) -> None:
        """Show an error's sentence and what to do."""
        self.banner.tell(*sentence(error))

    def withdraw(self, error: Exception) -> None:
        """An error was settled, and need not be shown any longer."""
        self.banner.withdraw(sentence(error)[0])

    def notify(self, what: str, remedy: str = "", *, until: int | None = None) -> None:
        """Show a notice; with ``until`` it leaves as soon as that job has ended."""
        self.banner.tell(what, remedy, is_error=False, until=until)

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
            case EngineStopped():
                self._running.clear()
                self.report(KnownError(event.what, remedy=event.remedy))
            case Progress():
                pass
            case _:
                self._running.discard(event.job_id)
                if not isinstance(event, Queued):
                    self.banner.end(event.job_id)
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
        event.setAccepted(self.closing.may_close())
        if event.isAccepted():
            self.closing.stop()

    @property
    def is_working(self) -> bool:
        """Whether the engine runs and has something to do."""
        counts = self.queue.counts
        return self.services.dispatcher.is_running and bool(counts.queued or counts.running or self._running)

    def shut_down(self) -> None:
        """Stop the engine and the background threads; running jobs go back into the queue."""
        self._watching.stop()
        self.returned.stop()
        for name, stop in (
            (PageName.INTAKE, lambda: self.intake.stop()),
            (PageName.EXPORT, lambda: self.export.stop()),
            (PageName.MODELS, lambda: self.models.stop()),
            (PageName.TRAINING, lambda: self.training.stop()),
        ):
            if self._pages.is_built(name):
                stop()
        self.services.dispatcher.stop()
        self.bridge.close()

    # -- inside -------------------------------------------------------------------------------------------------

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

    def _draw_mask(self, item: FailedItem) -> None:
        self.show_page(PageName.REVIEW)
        self.review.mask_editing.draw(item, self.actions_table["show_queue"].trigger)

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
        self.returned.taken.connect(lambda: self.queue.reload())

    def _on_page_built(self, name: PageName, page: Page) -> None:
        window_state.restore_parts(page)
        self._drops.pass_through(page)
        self._connect_page(name)

    def _connect_page(self, name: PageName) -> None:
        """What a page has to do with the window and with other pages."""
        match name:
            case PageName.INTAKE:
                self.intake.submitted.connect(self._batch.on_submitted)
                self.intake.joined.connect(lambda _: self._batch.read_again())
            case PageName.QUEUE:
                self.queue.counts_changed.connect(self._show_counts)
                self.queue.mask_wanted.connect(self._draw_mask)
            case PageName.REVIEW:
                for changed in (self.review.results.modelReset, self.review.results.dataChanged, self.review.decided):
                    changed.connect(self._show_counts)
                self.review.requeued.connect(lambda: self.queue.reload())
            case PageName.EXPORT:
                self.export.set_batch(self.header.batch)
                self.export.back.follow(self.returned)
                self.export.presets.kept.connect(lambda preset: self.intake.plan.follow(preset))
            case PageName.MODELS:
                self.models.changed.connect(lambda: self.intake.plan.look())
            case PageName.TRAINING:
                self.training.registered.connect(lambda: self.intake.plan.look())
                self.training.panel.progressed.connect(self.header.show_training)
            case PageName.SETTINGS:
                self.settings.appearance.viewer_changed.connect(self.review.viewer.follow_settings)
                self.settings.work.export_folder_changed.connect(lambda folder: self.export.propose_folder(folder))
                for changed in (self.settings.work.export_folder_changed, self.settings.work.takes_back_changed):
                    changed.connect(lambda _: self.returned.follow())

    # -- layout -------------------------------------------------------------------------------------------------

    def _build_layout(self) -> None:
        central = QWidget()
        layout = QVBoxLayout(central)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self.banner)
        layout.addWidget(self._pages, 1)
        self.setCentralWidget(central)
        self.setStatusBar(self.status)
