"""The data sets on the Training page: which there are, what their check found, and building one."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHBoxLayout, QListView, QVBoxLayout, QWidget

from engine.domain.datasets import Finding, Severity
from engine.domain.errors import Cancelled
from gui.context import WindowContext
from gui.look import theme
from gui.phrases import capital, count
from gui.training.builds import SetOrder, build_set
from gui.training.facts import SetFacts
from gui.training.findings_list import FindingsList
from gui.training.set_checks import SetChecks
from gui.training.set_list import CHECK_INKS, ROW, Check, SetDelegate, SetModel
from gui.widgets.drop_zone import button_for
from gui.widgets.progress_line import BusyLine

_ROWS = 4


class SetCard(QFrame):
    """Checks the chosen set once in the background; builds one at a time."""

    changed = Signal()
    """The training folder holds another set than before."""

    chosen = Signal()
    """Another set was chosen, or more is known of it."""

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("panel", True)
        self._context = context
        self._checks = SetChecks(context, self)
        self._building: threading.Event | None = None
        self._wanted: Path | None = None
        self._left_out: tuple[Path, tuple[Finding, ...]] | None = None
        self.sets = SetModel(self)
        self.list = QListView()
        self.list.setModel(self.sets)
        self.list.setItemDelegate(SetDelegate(self.list))
        self.list.setAccessibleName("Data sets")
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.selectionModel().currentChanged.connect(self._on_chosen)
        self.empty = theme.label(
            "A data set holds at least ten photographs with their masks. Approve masks in the review, or mark results"
            " as training pairs (T); then press New data set.", "quiet",
        )  # fmt: skip
        self.empty.setWordWrap(True)
        self.verdict = theme.label("", "caption")
        self.verdict.setWordWrap(True)
        self.findings = FindingsList()
        self.busy = BusyLine()
        self._build_layout()
        context.actions.on("check_set", self.check_again)
        context.actions.on("open_set", self._open_set)
        context.actions.on("stop_build", self._stop_build)
        self._checks.changed.connect(self._on_check)
        self._checks.advanced.connect(lambda done, total: self.verdict.setText(f"Checking… {done} of {total}"))
        self._show()

    # -- what the page calls ------------------------------------------------------------------------------------

    def set_sets(self, sets: Sequence[SetFacts]) -> None:
        """Show these; the chosen one stays chosen."""
        before, is_first = self.facts(), self.new_button.hasFocus() and not self.sets.rowCount()
        wanted = self._wanted or (before.folder if before is not None else None)
        self.sets.set_sets(sets)
        row = self.sets.row_of(wanted) if wanted is not None else None
        if row is not None and self._wanted is not None:
            self._wanted = None
        self.list.setFixedHeight(max(1, min(_ROWS, len(sets))) * ROW)
        if sets:
            self.list.setCurrentIndex(self.sets.index(row or 0))
        self._show()
        self.chosen.emit()
        if is_first:
            self.take_focus()

    def take_focus(self) -> None:
        """Have the keys go to the sets, or to what makes the first one."""
        (self.list if self.sets.rowCount() else self.new_button).setFocus()

    def facts(self) -> SetFacts | None:
        """The chosen set."""
        index = self.list.currentIndex()
        return self.sets.facts(index.row()) if index.isValid() else None

    def check_state(self) -> Check:
        """What is known of the chosen set."""
        return self._checks.state(self.facts())

    def build(self, order: SetOrder) -> None:
        """Build a set in the background, and check it."""
        if self._building is not None:
            return
        stop, bridge, services = threading.Event(), self._context.bridge, self._context.services
        is_new = not order.folder.exists()

        def told(done: int, total: int) -> None:
            bridge.call(self.busy.advance, (done, total))

        def work() -> tuple[Finding, ...]:
            try:
                return build_set(order, services.catalog, services.artifacts, services.torch, told, stop)
            except Exception:
                if is_new:  # pictures without a manifest are no set, and would be in the way of the next try
                    shutil.rmtree(order.folder, ignore_errors=True)
                raise

        def done(findings: tuple[Finding, ...]) -> None:
            left_out = tuple(finding for finding in findings if finding.subject)  # of the whole set the check says it
            self._wanted, self._left_out = order.folder, (order.folder, left_out)
            self._end_build()
            if left_out:
                what = f"{count(len(left_out), 'photograph')} {'was' if len(left_out) == 1 else 'were'} left out"
                self._context.notify(f"{order.folder.name} is built; {what}.", "The list below the sets says why.")
            self.changed.emit()

        def failed(error: Exception) -> None:
            self._end_build()
            if isinstance(error, Cancelled):
                self._context.notify("The build was stopped.", "Nothing was kept of it.")
            else:
                self._context.report(error)

        self._building = stop
        self.busy.begin(f"Building {order.folder.name}")
        self.refresh_actions()
        bridge.run_in_background(work, done, failed)

    def stop(self) -> None:
        """End the build at the next photograph, and the check."""
        self._stop_build()
        self._checks.stop()

    @property
    def is_building(self) -> bool:
        return self._building is not None

    def check_again(self) -> None:
        """Check the chosen set, whatever is known of it."""
        facts = self.facts()
        if facts is not None:
            self._checks.check_again(facts)

    def refresh_actions(self) -> None:
        """Switch this card's commands on where they make sense."""
        actions, is_here, facts = self._context.actions, self.isVisible(), self.facts()
        is_idle = facts is not None and not facts.problem and not self._checks.is_running
        actions["new_set"].setEnabled(is_here and not self.is_building)
        actions["check_set"].setEnabled(is_here and is_idle)
        actions["open_set"].setEnabled(is_here and facts is not None)
        actions["stop_build"].setEnabled(is_here and self.is_building)
        self._stop_button.setVisible(self.is_building)

    # -- inside -------------------------------------------------------------------------------------------------

    def _on_chosen(self) -> None:
        self._checks.look_at(self.facts())
        self._on_check()

    def _on_check(self) -> None:
        self._show()
        self.chosen.emit()

    def _stop_build(self) -> None:
        if self._building is not None:
            self._building.set()

    def _show(self) -> None:
        facts, state = self.facts(), self.check_state()
        has_sets = self.sets.rowCount() > 0
        self.empty.setVisible(not has_sets)
        self.list.setVisible(has_sets)
        self.sets.set_checks(self._checks.states())
        shown = list(self._checks.findings(facts)) if facts is not None else []
        if facts is not None and self._left_out is not None and self._left_out[0] == facts.folder:
            shown += self._left_out[1]
        self._say(state, shown, facts)
        self.findings.show_findings(shown, facts.folder if facts is not None else Path())
        self.refresh_actions()

    def _say(self, state: Check, findings: Sequence[Finding], facts: SetFacts | None) -> None:
        errors = sum(finding.severity is Severity.ERROR for finding in findings)
        warnings = len(findings) - errors
        match state:
            case Check.WRONG if errors:
                text = f"{count(errors, 'error')} {'forbids' if errors == 1 else 'forbid'} training"
                text += f", {count(warnings, 'warning')}." if warnings else "."
            case Check.WRONG:
                text = capital(facts.problem) if facts is not None else ""
            case Check.WARNED:
                text = f"It can be trained on. {count(warnings, 'warning')} should be looked at."
            case Check.GOOD:
                left_out = f" {count(warnings, 'photograph')} left out while it was built:" if warnings else ""
                text = f"Nothing was found wrong with it.{left_out}"
            case Check.RUNNING:
                text = "Checking…"
            case _:
                text = ""
        self.verdict.setText(text)
        self.verdict.setVisible(bool(text) and self.sets.rowCount() > 0)
        theme.set_ink(self.verdict, CHECK_INKS[state] if state in (Check.WRONG, Check.WARNED) else None)

    def _open_set(self) -> None:
        facts = self.facts()
        if facts is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(facts.folder)))

    def _end_build(self) -> None:
        self._building = None
        self.busy.begin("")
        self.refresh_actions()

    # -- layout -------------------------------------------------------------------------------------------------

    def _build_layout(self) -> None:
        actions = self._context.actions
        head = QHBoxLayout()
        head.setSpacing(theme.SMALL)
        head.addWidget(theme.label("Data sets", "heading"))
        head.addStretch()
        self.new_button = button_for(actions["new_set"])
        head.addWidget(self.new_button)
        foot = QHBoxLayout()
        foot.setSpacing(theme.SMALL)
        for name in ("check_set", "open_set"):
            foot.addWidget(button_for(actions[name]))
        foot.addStretch()
        building = QHBoxLayout()
        building.setSpacing(theme.SMALL)
        building.addWidget(self.busy, 1)
        self._stop_button = button_for(actions["stop_build"])
        building.addWidget(self._stop_button, 0, Qt.AlignmentFlag.AlignBottom)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.LARGE, theme.MEDIUM, theme.LARGE, theme.LARGE)
        column.setSpacing(theme.SMALL)
        column.addLayout(head)
        column.addWidget(self.empty)
        column.addWidget(self.list)
        column.addLayout(building)
        column.addWidget(self.verdict)
        column.addWidget(self.findings)
        column.addLayout(foot)
