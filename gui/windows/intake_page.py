"""Intake: what was dropped, how it was paired, and what shall be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QListView,
    QMenu,
    QSplitter,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from engine.domain.assets import Role
from engine.domain.errors import KnownError
from engine.services.intake import IntakeReport, pair_by_hand, scan
from engine.services.pairing import ScannedPicture
from engine.services.queue import Submission, batch_name, submit
from engine.services.tolerances import load_tolerances
from gui import theme
from gui.context import WindowContext
from gui.models.pairs import THUMBNAIL, PairColumn, PairsModel
from gui.models.problems import ProblemsModel
from gui.phrases import count
from gui.widgets.delegates import GarmentDelegate, ProblemDelegate
from gui.widgets.drop_zone import DropZone, button_for
from gui.widgets.progress_line import ProgressLine
from gui.windows.plan_panel import PlanPanel

_EMPTY = IntakeReport((), (), ())


class IntakePage(QWidget):
    """Scans in the background, shows pairs and problems, and puts the pairs into the queue."""

    submitted = Signal(object)
    """A `Submission`, after its jobs are in the queue."""

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._dropped: list[Path] = []
        self._by_hand: list[tuple[Path, Path]] = []
        self._report = _EMPTY
        self._busy = ""
        actions = context.actions
        demo = actions["demo"] if context.services.demo is not None else None
        self.drop_zone = DropZone((actions["add_folder"], actions["add_files"]), demo)
        self.pairs = PairsModel(context.bridge, self)
        self.problems = ProblemsModel(self)
        self.pairs_table = self._build_pairs_table()
        self.problems_list = self._build_problems_list()
        self.plan = PlanPanel(context)
        self._summary = theme.label("", "heading")
        self._notices = theme.label("", "caption")
        self._notices.setWordWrap(True)
        self._problems_title = theme.label("", "heading")
        self._progress, self._progress_text = ProgressLine(), theme.label("", "caption")
        self._build_layout()
        for name, call in (
            ("add_folder", self._choose_folder),
            ("add_files", self._choose_files),
            ("demo", self._add_demo),
            ("pair", self.pair_selected),
            ("leave_out", self._toggle_left_out),
            ("clear_intake", self.clear),
            ("start", self.start),
        ):
            actions.on(name, call)
        self.pairs.dataChanged.connect(self._refresh)
        self.plan.changed.connect(self.refresh_actions)
        self._show(_EMPTY)

    # -- commands -----------------------------------------------------------------------------------------------

    def add(self, paths: Sequence[Path]) -> None:
        """Scan these files and folders together with what was dropped before."""
        if self._busy:
            self._context.notify(f"{self._busy}.", "Drop it again when this is done.")
            return
        dropped = list(dict.fromkeys([*self._dropped, *paths]))
        by_hand, leave_out = tuple(self._by_hand), (self._context.services.default_export_folder,)
        bridge = self._context.bridge

        def work() -> IntakeReport:
            report = scan(
                dropped, leave_out=leave_out, advance=lambda done, total: bridge.call(self._advance, (done, total))
            )
            for on_model, flatlay in by_hand:
                report = pair_by_hand(report, on_model, flatlay)
            return report

        def done(report: IntakeReport) -> None:
            self._dropped = dropped
            self._set_busy("")
            self._show(report)

        self._set_busy("Reading pictures")
        bridge.run_in_background(work, done, self._fail)

    def clear(self) -> None:
        """Forget what was dropped."""
        self._dropped.clear()
        self._by_hand.clear()
        self.pairs.forget()
        self._show(_EMPTY)

    def pair_selected(self) -> None:
        """Make the two selected pictures a pair; asks which is which where their names leave it open."""
        chosen = self._selected_pictures()
        if len(chosen) != 2:
            return
        first, second = chosen
        if Role.FLATLAY in (first.role, second.role) and first.role is not second.role:
            flatlay, on_model = (first, second) if first.role is Role.FLATLAY else (second, first)
            self._pair(on_model.path, flatlay.path)
        elif Role.ON_MODEL in (first.role, second.role) and first.role is not second.role:
            on_model, flatlay = (first, second) if first.role is Role.ON_MODEL else (second, first)
            self._pair(on_model.path, flatlay.path)
        else:
            menu = self._which_is_which(first.path, second.path)
            menu.popup(self.mapToGlobal(QPoint(self.width() // 3, self.height() // 2)))

    def start(self) -> None:
        """Put the chosen pairs into the queue, in the background."""
        self.pairs_table.setFocus()  # a garment that is still being edited is taken over
        pairs, plan = self.pairs.chosen(), self.plan.plan()
        if not pairs or self._busy or not self.plan.has_task():
            return
        services, bridge = self._context.services, self._context.bridge
        name = batch_name(self._dropped[0].name if self._dropped else "", datetime.now(UTC).astimezone())

        def work() -> Submission:
            judged = replace(plan, tolerances=load_tolerances(catalog=services.catalog_path))
            return submit(
                services.catalog, name, pairs, judged, lambda done, total: bridge.call(self._advance, (done, total))
            )

        self._set_busy("Preparing the batch")
        bridge.run_in_background(work, self._submitted, self._fail)

    @property
    def is_in_use(self) -> bool:
        """Whether something was dropped and has not been started yet."""
        return bool(self._busy or self._dropped)

    @property
    def is_busy(self) -> bool:
        return bool(self._busy)

    # -- inside -------------------------------------------------------------------------------------------------

    def _submitted(self, submission: Submission) -> None:
        self._set_busy("")
        self.clear()
        if submission.problems:
            first = submission.problems[0]
            others = f" {count(len(submission.problems) - 1, 'other pair')} as well." if submission.problems[1:] else ""
            self._context.notify(f"{first.path.name}: {first.what}.{others}", first.remedy)
        elif submission.engine.notice:
            self._context.remark(submission.engine.notice)
        self.submitted.emit(submission)

    def _add_demo(self) -> None:
        demo = self._context.services.demo
        if demo is None or self._busy:
            return
        folder = self._context.services.default_export_folder.parent / "Chromask demo"
        self._set_busy("Drawing the demo set")

        def done(written: Path) -> None:
            self._set_busy("")
            self.add([written])

        self._context.bridge.run_in_background(lambda: demo(folder), done, self._fail)

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Add a folder of photographs")
        if folder:
            self.add([Path(folder)])

    def _choose_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(
            self,
            "Add photographs or a pair list",
            "",
            "Pictures and pair lists (*.jpg *.jpeg *.tif *.tiff *.png *.webp *.heic *.psd *.csv);;All files (*)",
        )
        if names:
            self.add([Path(name) for name in names])

    def _pair(self, on_model: Path, flatlay: Path) -> None:
        try:
            report = pair_by_hand(self._report, on_model, flatlay)
        except KnownError as error:
            self._context.report(error)
            return
        self._by_hand = [pair for pair in self._by_hand if pair[0] != on_model] + [(on_model, flatlay)]
        self._show(report)

    def _which_is_which(self, first: Path, second: Path) -> QMenu:
        menu = QMenu(self)
        menu.setObjectName("which_is_which")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for on_model, flatlay in ((first, second), (second, first)):
            action = menu.addAction(f"{on_model.name} is on-model, {flatlay.name} is the flatlay")
            action.triggered.connect(lambda _=False, a=on_model, b=flatlay: self._pair(a, b))
        return menu

    def _selected_pictures(self) -> list[ScannedPicture]:
        """The readable pictures behind the selected problems; a selected pair brings the half that is still missing."""
        known = {picture.path: picture for picture in self._report.pictures}
        rows = sorted(index.row() for index in self.problems_list.selectedIndexes())
        loose = [known[path] for row in rows if (path := self.problems.problem(row).path) in known]
        pair_rows = sorted({index.row() for index in self.pairs_table.selectedIndexes()})
        if len(loose) == 1 and len(pair_rows) == 1:
            pair = self.pairs.pair(pair_rows[0])
            half = pair.flatlay if loose[0].role is Role.ON_MODEL else pair.on_model
            return [*loose, half] if half is not None else loose
        if not loose and len(pair_rows) == 2:
            # Two pairs: the first one's photograph gets the second one's flatlay.
            first, second = self.pairs.pair(pair_rows[0]), self.pairs.pair(pair_rows[1])
            return [first.on_model, second.flatlay] if second.flatlay is not None else []
        return loose if not pair_rows else []

    def _toggle_left_out(self) -> None:
        self.pairs.toggle(sorted({index.row() for index in self.pairs_table.selectedIndexes()}))

    def _show(self, report: IntakeReport) -> None:
        self._report = report
        self.pairs.set_pairs(report.pairs)
        self.problems.set_problems(report.problems)
        is_empty = not report.pictures and not report.problems
        self._stack.setCurrentIndex(0 if is_empty else 1)
        self._lower.setVisible(bool(report.problems))
        self._problems_title.setText(f"{count(len(report.problems), 'problem')} to look at")
        notices = list(report.notices[:3])
        if len(report.notices) > 3:
            notices.append(f"… and {len(report.notices) - 3} more of the kind.")
        self._notices.setText("\n".join(notices))
        self._notices.setVisible(bool(notices))
        self._refresh()

    def _refresh(self) -> None:
        total, chosen = self.pairs.rowCount(), len(self.pairs.chosen())
        flatlays = len({pair.flatlay.path for pair in self._report.pairs if pair.flatlay})
        left_out = f" · {total - chosen} left out" if chosen < total else ""
        self._summary.setText(f"{count(total, 'pair')} with {count(flatlays, 'flatlay')}{left_out}")
        self.plan.set_pairs(chosen)
        self.refresh_actions()

    def refresh_actions(self) -> None:
        """Switch this page's commands on where they make sense."""
        actions = self._context.actions
        is_here = self.isVisible() or self.parent() is None
        actions["start"].setEnabled(is_here and bool(self.pairs.chosen()) and not self._busy and self.plan.has_task())
        actions["pair"].setEnabled(is_here and len(self._selected_pictures()) == 2)
        actions["leave_out"].setEnabled(is_here and bool(self.pairs_table.selectedIndexes()))
        actions["clear_intake"].setEnabled(is_here and bool(self._report.pictures or self._report.problems))

    def _set_busy(self, what: str) -> None:
        self._busy = what
        self._progress_box.setVisible(bool(what))
        self._progress.set_fraction(0)
        self._progress_text.setText(f"{what}…" if what else "")
        for name in ("add_folder", "add_files", "demo"):
            self._context.actions[name].setEnabled(not what)
        self.refresh_actions()

    def _advance(self, step: tuple[int, int]) -> None:
        done, total = step
        self._progress.set_fraction(done / max(1, total))
        self._progress_text.setText(f"{self._busy}… {done:,} of {total:,}" if self._busy else "")

    def _fail(self, error: Exception) -> None:
        self._set_busy("")
        self._context.report(error)

    # -- layout -------------------------------------------------------------------------------------------------

    def _build_pairs_table(self) -> QTableView:
        from engine.imaging.masks.garments import load_garments

        table = QTableView()
        table.setModel(self.pairs)
        table.setIconSize(QSize(THUMBNAIL, THUMBNAIL))
        table.verticalHeader().setDefaultSectionSize(THUMBNAIL + 8)
        table.verticalHeader().hide()
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setEditTriggers(
            QAbstractItemView.EditTrigger.SelectedClicked
            | QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        labels = tuple(kind.label for kind in load_garments())
        table.setItemDelegateForColumn(PairColumn.GARMENT, GarmentDelegate(labels, table))
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(PairColumn.ON_MODEL, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(PairColumn.FLATLAY, QHeaderView.ResizeMode.Stretch)
        for column, width in (
            (PairColumn.SKU, 130),
            (PairColumn.VIEW, 80),
            (PairColumn.GARMENT, 130),
            (PairColumn.BECAUSE, 90),
        ):
            table.setColumnWidth(column, width)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        table.addActions([self._context.actions["pair"], self._context.actions["leave_out"]])
        table.selectionModel().selectionChanged.connect(self.refresh_actions)
        return table

    def _build_problems_list(self) -> QListView:
        view = QListView()
        view.setModel(self.problems)
        view.setItemDelegate(ProblemDelegate(view))
        view.setUniformItemSizes(True)
        view.setMouseTracking(True)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        view.addAction(self._context.actions["pair"])
        view.selectionModel().selectionChanged.connect(self.refresh_actions)
        return view

    def _build_layout(self) -> None:
        actions = self._context.actions
        head = QHBoxLayout()
        head.setSpacing(theme.SMALL)
        head.addWidget(self._summary)
        head.addStretch()
        for name in ("add_folder", "add_files", "clear_intake"):
            head.addWidget(button_for(actions[name]))
        upper = QWidget()
        upper_layout = _column(upper)
        upper_layout.addLayout(head)
        upper_layout.addWidget(self._notices)
        upper_layout.addWidget(self.pairs_table)
        self._lower = QWidget()
        lower_layout = _column(self._lower)
        lower_head = QHBoxLayout()
        lower_head.addWidget(self._problems_title)
        lower_head.addWidget(
            theme.label("Choose an on-model photograph and a flatlay (Ctrl+click) to pair them by hand.", "caption")
        )
        lower_head.addStretch()
        lower_head.addWidget(button_for(actions["pair"]))
        lower_head.setSpacing(theme.MEDIUM)
        lower_layout.addLayout(lower_head)
        lower_layout.addWidget(self.problems_list)
        lists = QSplitter(Qt.Orientation.Vertical)
        lists.setHandleWidth(theme.LARGE)
        lists.setChildrenCollapsible(False)
        lists.addWidget(upper)
        lists.addWidget(self._lower)
        lists.setStretchFactor(0, 3)
        lists.setStretchFactor(1, 1)
        lists.setSizes([600, 220])
        self._progress_box = QWidget()
        progress = _column(self._progress_box)
        progress.addWidget(self._progress_text)
        progress.addWidget(self._progress)
        self._progress_box.hide()
        self._stack = QStackedWidget()
        self._stack.addWidget(self.drop_zone)
        self._stack.addWidget(lists)
        left = QVBoxLayout()
        left.setSpacing(theme.MEDIUM)
        left.addWidget(self._progress_box)
        left.addWidget(self._stack, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.LARGE, theme.LARGE, theme.LARGE)
        layout.setSpacing(theme.LARGE)
        layout.addLayout(left, 1)
        layout.addWidget(self.plan)


def _column(widget: QWidget) -> QVBoxLayout:
    layout = QVBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(theme.SMALL)
    return layout
