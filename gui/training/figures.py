"""How good each checkpoint of a run is, measured on the held-out pairs in a process of its own."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from engine.domain.datasets import Split
from engine.domain.errors import Cancelled
from engine.domain.training import TrainingJob
from gui.context import WindowContext
from gui.torch_process import TorchProcess
from gui.training.facts import read_saved

_LOOK_MS = 3_000


@dataclass(frozen=True, slots=True)
class RunFigures:
    """What was measured of a run; mean figures of each checkpoint, the model without a LoRA first.

    Attributes
    ----------
    best : int or None
        The row with the greatest IoU, or the least ΔE00.
    measured, wanted : int
        Pictures that were measured, and that an evaluation of the whole run measures now.
    sheet : Path or None
        The contact sheet.
    """

    headings: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    best: int | None = None
    measured: int = 0
    wanted: int = 0
    sheet: Path | None = None


def read_figures(run: Path, job: TrainingJob) -> RunFigures:
    """Read what was measured of a run; nothing where nothing was. Pool threads only.

    Raises
    ------
    KnownError
        The evaluation is damaged, or a newer Chromask wrote it.
    """
    from engine.services.evaluation.records import (
        RECORD,
        SHEET,
        best_of,
        read_evaluation,
        run_folder,
        summaries,
    )
    from engine.services.evaluation.tables import summary_table

    wanted = (1 + len(read_saved(run))) * len(job.of(Split.HELD_OUT))
    folder = run_folder(run)
    if not (folder / RECORD).is_file():
        return RunFigures(wanted=wanted)
    evaluation = read_evaluation(folder)
    found = [summary for summary in summaries(evaluation) if summary.count or summary.failed]
    headings, rows = summary_table(evaluation.kind, found)
    sheet = folder / f"{SHEET}.html"
    return RunFigures(
        headings, rows, best_of(found), len(evaluation.measured), wanted, sheet if sheet.is_file() else None
    )


class Measuring(QObject):
    """One evaluation at a time; what it has measured is read while it goes on. GUI thread only."""

    changed = Signal()
    """It began, measured something, or ended."""

    def __init__(self, context: WindowContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._stop: threading.Event | None = None
        self._run: Path | None = None
        self._looking = QTimer(self)
        self._looking.setInterval(_LOOK_MS)
        self._looking.timeout.connect(self.changed)

    @property
    def run(self) -> Path | None:
        """The run that is being measured."""
        return self._run

    def begin(self, run: Path, job: TrainingJob, vram_tier: int) -> None:
        """Measure every checkpoint of a run."""
        from engine.services.evaluation.records import run_folder

        if self._run is not None:
            return
        torch: TorchProcess = self._context.services.torch
        stop = self._stop = threading.Event()
        self._run = run
        self._looking.start()
        self.changed.emit()

        def done(_: None) -> None:
            self._end()
            self._context.notify(f"The checkpoints of '{job.name}' are measured.", "The Training page has the figures.")

        def failed(error: Exception) -> None:
            self._end()
            if not isinstance(error, Cancelled):
                self._context.report(error)

        self._context.bridge.run_in_background(
            lambda: torch.evaluate_run(run, job, run_folder(run), vram_tier, stop), done, failed
        )

    def stop(self) -> None:
        """End it; what was measured until then stays."""
        if self._stop is not None:
            self._stop.set()

    def _end(self) -> None:
        self._stop = self._run = None
        self._looking.stop()
        self.changed.emit()
