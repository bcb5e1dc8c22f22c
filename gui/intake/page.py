"""Intake: what was dropped, how it was paired, and what shall be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QStackedWidget, QVBoxLayout, QWidget

from engine.domain.errors import KnownError
from engine.inference.kontext.availability import nano_model
from engine.services.demo import DemoSet
from engine.services.demo_dreams import with_dreams
from engine.services.intake_list import History, IntakeList, meant_pairs
from engine.services.pairing import ScannedPicture
from engine.services.queue import Submission, batch_name, submit
from engine.services.tolerances import load_tolerances
from gui import preferences
from gui.context import WindowContext
from gui.intake.arrivals import Arrivals
from gui.intake.pairing_panel import PairingPanel
from gui.intake.plan_panel import PlanPanel
from gui.intake.watch_panel import WatchPanel
from gui.look import theme
from gui.phrases import count
from gui.widgets.drop_zone import DropZone
from gui.widgets.progress_line import BusyLine

_DREAMS = (
    "Start also dreams masks of garments that the drawn figures do not wear, with the small model that ships. "
    "Photographs need FLUX.1 Kontext."
)
_PATTERNS = "Pictures and pair lists (*.jpg *.jpeg *.tif *.tiff *.png *.webp *.heic *.psd *.csv);;All files (*)"


class IntakePage(QWidget):
    """Scans in the background, shows pairs and problems, and puts the pairs into the queue."""

    submitted = Signal(object)
    """A `Submission` that the operator asked for, after its jobs are in the queue."""

    joined = Signal(object)
    """A `Submission` that a watch folder brought: nobody waits for it, so no page need change."""

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        from engine.imaging.masks.garments import load_garments

        self._context = context
        self._history = History()
        self._busy = ""
        self._demo: DemoSet | None = None
        labels = tuple(kind.label for kind in load_garments())
        actions = context.actions
        demo = actions["demo"] if context.services.demo is not None else None
        self.drop_zone = DropZone((actions["add_folder"], actions["add_files"]), demo)
        self.lists = PairingPanel(context, labels)
        self.plan, self.watch = PlanPanel(context, labels), WatchPanel(context)
        self._progress = BusyLine()
        self._build_layout()
        for name, call in (
            ("add_folder", self._choose_folder),
            ("add_files", self._choose_files),
            ("demo", self._add_demo),
            ("pair", self.pair_selected),
            ("leave_out", self.lists.toggle_left_out),
            ("clear_intake", self.clear),
            ("undo_intake", lambda: self._go(self._history.undo)),
            ("redo_intake", lambda: self._go(self._history.redo)),
            ("start", self.start),
        ):
            actions.on(name, call)
        self.lists.edited.connect(self._do)
        self.lists.paired.connect(self._pair_dropped)
        self.lists.selected.connect(self.refresh_actions)
        self.plan.changed.connect(self._follow_plan)
        self.arrivals = Arrivals(context, self.watch, self.plan, self)
        self.arrivals.listed.connect(self._add_arrivals)
        self.arrivals.joined.connect(self.joined)
        self.pairs, self.problems = self.lists.pairs, self.lists.problems
        self.pairs_table, self.problems_list = self.lists.pairs_table, self.lists.problems_list
        self._show()
        self.watch.load()

    # -- commands -----------------------------------------------------------------------------------------------

    def add(self, paths: Sequence[Path], roots: Sequence[Path] = ()) -> None:
        """Scan these files and folders together with what was dropped before.

        Parameters
        ----------
        roots : sequence of Path
            Folders by which single files are named.
        """
        if self._busy:
            self._context.notify(f"{self._busy}.", "Drop it again when this is done.")
            return
        before, leave_out = self._history.now, (self._context.services.default_export_folder,)
        bridge = self._context.bridge

        def work() -> IntakeList:
            def advance(done: int, total: int) -> None:
                bridge.call(self._progress.advance, (done, total))

            return before.with_dropped(paths, roots=roots, leave_out=leave_out, advance=advance)

        def done(after: IntakeList) -> None:
            self._set_busy("")
            self._do("adding", after)
            self._add_arrivals()

        self._set_busy("Reading pictures")
        bridge.run_in_background(work, done, self._fail)

    def clear(self) -> None:
        """Forget what was dropped; can be undone."""
        self.arrivals.take_in()
        if not self._history.now.is_empty:
            self._do("clearing", IntakeList())

    def pair_selected(self) -> None:
        """Make the two selected pictures a pair; asks which is which where their names leave it open."""
        chosen = self.lists.selected_pictures()
        if len(chosen) == 2:
            self._pair(chosen[0], chosen[1:])

    def start(self) -> None:
        """Put the chosen pairs into the queue, in the background."""
        self.pairs_table.setFocus()  # a garment that is still being edited is taken over
        pairs, plan, choices = self._history.now.chosen(), self.plan.plan(), self.plan.choices()
        if not pairs or self._busy or not self.plan.has_task():
            return
        services, bridge, demo = self._context.services, self._context.bridge, self._demo
        name = batch_name(self._history.now.folder_name, datetime.now(UTC).astimezone())

        def work() -> Submission:
            judged = replace(plan, tolerances=load_tolerances(catalog=services.catalog_path))
            submission = submit(
                services.catalog,
                name,
                pairs,
                judged,
                lambda done, total: bridge.call(self._progress.advance, (done, total)),
            )
            return submission if demo is None else with_dreams(services.catalog, submission, demo)

        preferences.set_last_choices(choices)
        self._set_busy("Preparing the batch")
        bridge.run_in_background(work, self._submitted, self._fail)

    def stop(self) -> None:
        """Watch no folder any more; the window is being closed."""
        self.watch.stop()

    @property
    def is_busy(self) -> bool:
        return bool(self._busy)

    def refresh_actions(self) -> None:
        """Switch this page's commands on where they make sense."""
        actions, history = self._context.actions, self._history
        is_here = self.isVisible() or self.parent() is None
        can_start = bool(history.now.chosen()) and not self._busy and self.plan.has_task()
        actions["start"].setEnabled(is_here and can_start)
        actions["pair"].setEnabled(is_here and len(self.lists.selected_pictures()) == 2)
        actions["leave_out"].setEnabled(is_here and bool(self.pairs_table.selectedIndexes()))
        actions["clear_intake"].setEnabled(is_here and not history.now.is_empty)
        for name, word, what in (("undo_intake", "Undo", history.undoes), ("redo_intake", "Redo", history.redoes)):
            actions[name].setEnabled(is_here and bool(what) and not self._busy)
            actions[name].setText(f"{word} {what}".strip())

    # -- the list -----------------------------------------------------------------------------------------------

    def _do(self, what: str, state: IntakeList) -> None:
        self._history.do(what, state)
        self._show()

    def _go(self, step: Callable[[], None]) -> None:
        if not self._busy:
            step()
            self._show()

    def _follow_plan(self) -> None:
        """Photographs without a flatlay move to the pairs where nothing that is to be done needs one, and back."""
        if self._history.now.needs_flatlays != self.plan.plan().needs_flatlays:
            self._show()
        else:
            self.refresh_actions()

    def _show(self) -> None:
        state = self._history.now.for_work(needs_flatlays=self.plan.plan().needs_flatlays)
        self._history.now = state
        self.lists.show_list(state)
        self._stack.setCurrentIndex(0 if state.is_empty else 1)
        self.plan.set_pairs(len(state.chosen()))
        self.refresh_actions()

    def _pair_dropped(self, path: Path, targets: Sequence[ScannedPicture]) -> None:
        dragged = next((picture for picture in self._history.now.report.pictures if picture.path == path), None)
        if dragged is not None and targets:
            self._pair(dragged, targets)

    def _pair(self, one: ScannedPicture, others: Sequence[ScannedPicture]) -> None:
        pairs = meant_pairs(one, others)
        if pairs is not None:
            self._pair_by_hand(pairs)
            return
        menu = self._which_is_which(one.path, others[0].path)
        menu.popup(self.mapToGlobal(QPoint(self.width() // 3, self.height() // 2)))

    def _pair_by_hand(self, pairs: Sequence[tuple[Path, Path]]) -> None:
        try:
            self._do("pairing", self._history.now.with_pairs(pairs))
        except KnownError as error:
            self._context.report(error)

    def _which_is_which(self, first: Path, second: Path) -> QMenu:
        menu = QMenu(self)
        menu.setObjectName("which_is_which")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for on_model, flatlay in ((first, second), (second, first)):
            action = menu.addAction(f"{on_model.name} is on-model, {flatlay.name} is the flatlay")
            action.triggered.connect(lambda _=False, a=on_model, b=flatlay: self._pair_by_hand([(a, b)]))
        return menu

    # -- background work ----------------------------------------------------------------------------------------

    def _submitted(self, submission: Submission) -> None:
        self._set_busy("")
        self.arrivals.take_in()
        self._history.forget()
        self._show()
        if submission.problems:
            first = submission.problems[0]
            others = f". {count(len(submission.problems) - 1, 'other pair')} as well" if submission.problems[1:] else ""
            self._context.report(KnownError(f"{first.what}{others}", remedy=first.remedy, path=first.path))
        elif submission.engine.notice:
            self._context.remark(submission.engine.notice)
        self.submitted.emit(submission)
        self._add_arrivals()

    def _add_arrivals(self) -> None:
        """Read what watch folders have brought, now or when what is being done is done."""
        if not self._busy:
            files, roots = self.arrivals.take_listed()
            if files:
                self.add(files, roots)

    def _add_demo(self) -> None:
        demo = self._context.services.demo
        if demo is None or self._busy:
            return
        folder = self._context.services.default_export_folder.parent / "Chromask demo"
        self._set_busy("Drawing the demo set")

        def done(drawn: DemoSet) -> None:
            self._demo = drawn
            self._set_busy("")
            self.add([drawn.pictures])
            if nano_model() is not None:
                self._context.remark(_DREAMS)

        self._context.bridge.run_in_background(lambda: demo(folder), done, self._fail)

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Add a folder of photographs")
        if folder:
            self.add([Path(folder)])

    def _choose_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Add photographs or a pair list", "", _PATTERNS)
        if names:
            self.add([Path(name) for name in names])

    def _set_busy(self, what: str) -> None:
        self._busy = what
        self._progress.begin(what)
        for name in ("add_folder", "add_files", "demo"):
            self._context.actions[name].setEnabled(not what)
        self.refresh_actions()

    def _fail(self, error: Exception) -> None:
        self._set_busy("")
        self._context.report(error)

    # -- layout -------------------------------------------------------------------------------------------------

    def _build_layout(self) -> None:
        self._stack = QStackedWidget()
        self._stack.addWidget(self.drop_zone)
        self._stack.addWidget(self.lists)
        left = QVBoxLayout()
        left.setSpacing(theme.MEDIUM)
        left.addWidget(self._progress)
        left.addWidget(self._stack, 1)
        left.addWidget(self.watch)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.LARGE, theme.LARGE, theme.LARGE)
        layout.setSpacing(theme.LARGE)
        layout.addLayout(left, 1)
        layout.addWidget(self.plan)
