"""Carries an evaluation out: makes or reads the pictures, measures them, and keeps what was measured."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.domain.errors import Cancelled, KnownError
from engine.domain.evaluation import (
    ColorFolders,
    Contender,
    Evaluation,
    EvaluationRequest,
    Figures,
    MaskFolders,
    Measured,
)
from engine.domain.files import complete_file, require_writable
from engine.imaging.contact_sheet import Cell, ContactSheet, Row, thumbnail
from engine.imaging.raster.encode import encode_mask, encode_png
from engine.ports import ReportStep
from engine.services.evaluation.folders import ColorFolderTask, MaskFolderTask
from engine.services.evaluation.outcomes import Outcome, Task
from engine.services.evaluation.pages import write_page, write_picture
from engine.services.evaluation.records import SHEET, badness, best_of, summaries, write_records
from engine.services.evaluation.sets import SetTask
from engine.services.evaluation.sheets import columns_of, headline, legend_of, title_of
from engine.services.evaluation.tables import captions, summary_table, with_best
from engine.worker.backends import Backends

RESULTS = "results"
"""Folder of what was made, by contender."""

_WRITE_EVERY = 5.0
"""Seconds between two writings of what was measured so far, which survive a process that is killed."""


def evaluate(
    request: EvaluationRequest,
    folder: Path,
    *,
    advance: ReportStep | None = None,
    measured: Callable[[Measured], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
    backends: Backends | None = None,
) -> Evaluation:
    """Measure, and leave ``evaluation.json``, ``evaluation.csv``, results and contact sheets in a folder.

    On one thread; where a model paints, in a process that may hold torch.

    Parameters
    ----------
    folder : Path
        Receives everything; what an earlier evaluation left there is replaced.
    advance, measured : callable, optional
        Told of the progress, counted in examples of all contenders, and of each example as it is measured; on the
        calling thread.
    stop : callable
        Asked between denoising steps and between examples; what was measured until then is kept, and marked incomplete.
    backends : Backends, optional
        Hold the model; new ones otherwise.

    Raises
    ------
    KnownError
        Nothing can be measured at all: a folder, set or model is not as it must be; names it. A single example that
        cannot be measured is a row with its problem.
    """
    task = _task(request, backends)
    require_writable(folder)
    return _Course(task, folder, advance, measured, stop).run()


def _task(request: EvaluationRequest, backends: Backends | None) -> Task:
    match request:
        case MaskFolders():
            return MaskFolderTask(request)
        case ColorFolders():
            return ColorFolderTask(request)
        case _:
            return SetTask(request, backends if backends is not None else Backends())


@dataclass(slots=True, eq=False)
class _Course:
    task: Task
    folder: Path
    advance: ReportStep | None
    measured: Callable[[Measured], None] | None
    stop: Callable[[], bool]
    rows: list[Measured] = field(default_factory=list[Measured])
    cells: dict[str, dict[str, tuple[Cell, ...]]] = field(default_factory=dict[str, dict[str, tuple[Cell, ...]]])
    shared: dict[str, tuple[bytes, bytes]] = field(default_factory=dict[str, tuple[bytes, bytes]])
    written: float = field(default_factory=time.monotonic)
    first_error: KnownError | None = None
    stems: dict[str, str] = field(init=False)
    example_stems: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.stems = file_stems(contender.name for contender in self.task.contenders)
        self.example_stems = file_stems(self.task.names)

    def run(self) -> Evaluation:
        is_complete = True
        try:
            for contender in self.task.contenders:
                self._contender(contender)
        except Cancelled:
            is_complete = False
        evaluation = self._evaluation(is_complete=is_complete)
        if self.first_error is not None and all(row.figures is None for row in self.rows):
            raise self.first_error
        write_records(evaluation, self.folder)
        self._write_sheets(evaluation)
        return evaluation

    def _contender(self, contender: Contender) -> None:
        broken = ""
        for name in self.task.names:
            if self.stop():
                raise Cancelled
            if broken:
                self._add(Measured(contender.name, name, None, broken))
                continue
            began = time.monotonic()
            try:
                outcome = self.task.measure(contender, name, self._reporting(contender, name))
            except KnownError as error:
                self.first_error = self.first_error or error
                self._add(Measured(contender.name, name, None, str(error)))
                if error.path is None or error.path not in self.task.files(name):
                    broken = str(error)  # the LoRA's or the model's fault: the next example would fail in the same way
                continue
            row = Measured(contender.name, name, outcome.figures, outcome.problem, seconds=time.monotonic() - began)
            if outcome.result is not None:
                row = replace(row, result=self._keep(contender, name, outcome))
            self._see(contender, name, outcome)
            self._add(row)

    def _reporting(self, contender: Contender, name: str) -> ReportStep:
        total = len(self.task.contenders) * len(self.task.names)

        def report(step: int, steps: int, label: str) -> None:
            if self.stop():
                raise Cancelled
            if self.advance is not None:
                self.advance(len(self.rows), total, f"{contender.name}, {name}: {label} ({step} of {steps})")

        return report

    def _add(self, row: Measured) -> None:
        self.rows.append(row)
        if self.measured is not None:
            self.measured(row)
        if self.advance is not None:
            self.advance(len(self.rows), len(self.task.contenders) * len(self.task.names), row.example)
        if time.monotonic() - self.written > _WRITE_EVERY:
            write_records(self._evaluation(is_complete=False), self.folder)
            self.written = time.monotonic()

    def _evaluation(self, *, is_complete: bool) -> Evaluation:
        task = self.task
        return Evaluation(
            kind=task.kind,
            subject=task.subject,
            contenders=task.contenders,
            measured=tuple(self.rows),
            facts=task.facts,
            is_complete=is_complete,
        )

    def _keep(self, contender: Contender, name: str, outcome: Outcome) -> str:
        assert outcome.result is not None
        path = self.folder / RESULTS / self.stems[contender.name] / f"{self.example_stems[name]}.png"
        data = encode_mask(outcome.result) if outcome.result.ndim == 2 else encode_png(outcome.result)
        with complete_file(path, overwrite=True) as temporary:
            temporary.write_bytes(data)
        return path.relative_to(self.folder).as_posix()

    def _see(self, contender: Contender, name: str, outcome: Outcome) -> None:
        """Keep small pictures for the contact sheet; what contenders have in common once."""
        control, target, result, difference = outcome.pictures
        if name not in self.shared:
            self.shared[name] = thumbnail(control), thumbnail(target)
        small = (*self.shared[name], thumbnail(result), thumbnail(difference))
        lines = captions(outcome.figures)
        self.cells.setdefault(contender.name, {})[name] = tuple(
            Cell(picture, caption) for picture, caption in zip(small, lines, strict=True)
        )

    def _write_sheets(self, evaluation: Evaluation) -> None:
        for former in self.folder.glob(f"{SHEET}*"):
            if former.suffix in (".html", ".png"):
                former.unlink(missing_ok=True)  # of contenders that are not measured any more
        found = summaries(evaluation)
        best = best_of(found)
        if best is None:
            return
        table = summary_table(evaluation.kind, found)
        if len(found) > 1:
            table = with_best(table, best)
        for index, contender in enumerate(evaluation.contenders):
            if contender.name not in self.cells:
                continue
            stem = SHEET if index == best else f"{SHEET}-{self.stems[contender.name]}"
            sheet = self._sheet(evaluation, contender, is_best=index == best and len(found) > 1)
            write_page(self.folder / f"{stem}.html", sheet, table, best if len(found) > 1 else None)
            write_picture(self.folder / f"{stem}.png", sheet)

    def _sheet(self, evaluation: Evaluation, contender: Contender, *, is_best: bool) -> ContactSheet:
        cells = self.cells[contender.name]
        figures: dict[str, Figures] = {
            row.example: row.figures for row in evaluation.of(contender) if row.figures is not None
        }
        worst_first = sorted(cells, key=lambda name: badness(figures[name]), reverse=True)
        problems = {row.example: row.problem for row in evaluation.of(contender)}
        return ContactSheet(
            title=title_of(evaluation, contender),
            lines=headline(evaluation, contender, is_best=is_best),
            columns=columns_of(evaluation.kind),
            rows=tuple(Row(name, cells[name], problems.get(name, "")) for name in worst_first),
            legend=legend_of(evaluation.kind),
        )


def file_stems(names: Iterable[str]) -> dict[str, str]:
    """Names of contenders or examples as those of files: ``step 250`` becomes ``step-250``; no two are alike."""
    stems: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = stem = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "example"
        number = 1
        while stem.casefold() in taken:  # some disks do not tell files apart by the case
            number += 1
            stem = f"{plain}-{number}"
        taken.add(stem.casefold())
        stems[name] = stem
    return stems
