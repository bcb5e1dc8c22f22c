"""What the watch folders bring: listed for a person, or put into the queue at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from engine.domain.errors import KnownError
from engine.services.given_files import State
from engine.services.queue import Submission
from engine.services.tolerances import load_tolerances
from engine.services.watch_folders import Arrival
from engine.services.watch_settings import submit_arrival, taken_in
from gui.context import WindowContext
from gui.intake.plan_panel import PlanPanel
from gui.intake.watch_panel import WatchPanel
from gui.phrases import count


class Arrivals(QObject):
    """Between the watch folders and the intake page. GUI thread only."""

    listed = Signal()
    """There is something for `take_listed`."""

    joined = Signal(object)
    """A `Submission`, after its jobs are in the queue."""

    def __init__(self, context: WindowContext, watch: WatchPanel, plan: PlanPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._context, self._watch, self._plan = context, watch, plan
        self._waiting: dict[Path, None] = {}  # for `take_listed`
        self._roots: dict[Path, None] = {}
        self._undecided: dict[Path, State] = {}  # listed, but neither started nor cleared
        watch.arrived.connect(self._on_arrival)
        plan.presets.loaded.connect(self._offer_presets)
        plan.changed.connect(self._offer_presets)

    def take_listed(self) -> tuple[Sequence[Path], Sequence[Path]]:
        """The files that have arrived since the last call, and the folders by which they are named."""
        files, roots = tuple(self._waiting), tuple(self._roots)
        self._waiting.clear()
        self._roots.clear()
        return files, roots

    def take_in(self) -> None:
        """A person has started or cleared what was listed: later sessions do not list it again."""
        undecided, self._undecided = self._undecided, {}
        self._watch.confirm(undecided)

    # -- inside -------------------------------------------------------------------------------------------------

    def _on_arrival(self, arrival: Arrival) -> None:
        if arrival.folder.starts:
            self._start(arrival)
            return
        self._undecided |= arrival.files
        self._waiting |= dict.fromkeys(arrival.files)
        self._roots[arrival.folder.path] = None
        self.listed.emit()

    def _start(self, arrival: Arrival) -> None:
        services, name = self._context.services, arrival.folder.preset
        choices = self._plan.choices() if not name else self._plan.presets.find(name)
        if choices is None:
            remedy = "Choose another one for the folder; what has arrived then goes into the queue."
            self._context.report(
                KnownError(f"there is no preset “{name}” any more", remedy=remedy, path=arrival.folder.path)
            )
            return
        possible = self._plan.possible(choices)

        def work() -> Submission:
            plan = replace(possible, tolerances=load_tolerances(catalog=services.catalog_path))
            return submit_arrival(services.catalog, arrival, plan, datetime.now(UTC).astimezone())

        def done(submission: Submission) -> None:
            self._watch.confirm(taken_in(arrival, submission))
            services.dispatcher.wake()
            jobs = count(len(submission.jobs), "job")
            self._context.remark(f"{jobs} from {arrival.folder.path.name} went into the queue.")
            self.joined.emit(submission)

        self._context.bridge.run_in_background(work, done, self._context.report, in_order=True)

    def _offer_presets(self) -> None:
        plan = self._plan
        presets = {preset.name: plan.possible(preset).needs_flatlays for preset in plan.presets.presets}
        self._watch.set_presets({"": plan.plan().needs_flatlays, **presets})
