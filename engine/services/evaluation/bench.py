"""Runs KontextBench: edits every picture, again and again where asked for, and measures how it drifts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.domain.benchmark import BenchCategory, BenchOutput, BenchRequest, BenchRun, BenchTask
from engine.domain.codec import from_json, to_json
from engine.domain.errors import BugError, Cancelled, KnownError, UsageError
from engine.domain.files import complete_file, file_sha256, known_os_error, require_writable
from engine.domain.picture import Picture
from engine.domain.requests import DiffusionSettings
from engine.imaging.contact_sheet import Cell, Row, reduced, thumbnail
from engine.imaging.metrics.drift import DriftWatch
from engine.imaging.raster.encode import encode_png
from engine.inference.kontext.source import find_source
from engine.ports import ReportStep
from engine.services.evaluation.bench_sheets import drift_caption, write_sheets
from engine.services.evaluation.outcomes import Facts, srgb_picture
from engine.worker.backends import Backends

METADATA, RECORD = "metadata.jsonl", "bench.json"
_WORDS = {
    "model_fingerprint": "model",
    "lora_sha256": "LoRA",
    "lora_scale": "strength of the LoRA",
    "guidance_scale": "guidance",
}
"""What the settings are called in messages, where the record has other names."""

_NAMES = ("model", "lora")
"""For whoever reads the record: the same weights under another name make the same outputs."""

_WRITE_EVERY = 5.0
"""Seconds between two writings of what was made so far."""
_SIDE = 320
"""Pixels of the sheets' pictures: a category has up to 416 tasks."""


def run_bench(
    request: BenchRequest,
    folder: Path,
    *,
    again: bool = False,
    advance: ReportStep | None = None,
    made: Callable[[BenchOutput], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
    backends: Backends | None = None,
) -> BenchRun:
    """Make every output that is not there yet, and measure all of them.

    Outputs lie in a folder for each category, ``KEY.png`` and ``KEY-round-2.png`` and so on, at the model's own size,
    as it painted them: a round is shown exactly what the one before has painted, and nothing is resampled in between.
    ``metadata.jsonl`` has a line for each, in the form of KontextBench's own, ``bench.json`` the settings. On one
    thread, in a process that may hold torch.

    Parameters
    ----------
    folder : Path
        Receives everything.
    again : bool
        Make all outputs anew.
    stop : callable
        Asked between denoising steps and between outputs; what was made is kept.

    Raises
    ------
    UsageError
        The folder's outputs were made with other settings.
    KnownError
        The model does not load, the disk is full. A picture that cannot be read is a line with its problem.
    """
    require_writable(folder)
    facts = _facts(request)
    former = read_bench_run(folder)
    asked = [name for name in facts if name not in _NAMES]
    changed = [name for name in asked if former is not None and former.facts.get(name) != facts[name]]
    if changed and not again:
        raise UsageError(
            f"the outputs in this folder were made with another {', '.join(_WORDS.get(n, n) for n in changed)}",
            remedy="Give another folder, or make them anew with --again.",
            path=folder,
        )
    kept = {output.file_name: output for output in former.outputs} if former is not None and not changed else {}
    backends = backends if backends is not None else Backends()
    return _Course(request, folder, facts, kept, again, advance, made, stop, backends).run()


def read_bench_run(folder: Path) -> BenchRun | None:
    """What a run has left in a folder; None where there was none.

    Raises
    ------
    KnownError
        It cannot be read, or another version wrote it.
    """
    path = folder / RECORD
    try:
        return from_json(path.read_text(encoding="utf-8"), BenchRun)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise known_os_error(error, path) from error
    except (BugError, UnicodeDecodeError) as error:
        raise KnownError(
            "another version of Chromask wrote this, or it is damaged", remedy="Give another folder.", path=path
        ) from error


@dataclass(slots=True, eq=False)
class _Course:
    request: BenchRequest
    folder: Path
    facts: Facts
    kept: dict[str, BenchOutput]
    again: bool
    advance: ReportStep | None
    made: Callable[[BenchOutput], None] | None
    stop: Callable[[], bool]
    backends: Backends
    outputs: list[BenchOutput] = field(default_factory=list[BenchOutput])
    rows: dict[BenchCategory, list[Row]] = field(default_factory=dict[BenchCategory, "list[Row]"])
    written: float = field(default_factory=time.monotonic)

    def run(self) -> BenchRun:
        is_complete = True
        self._write(is_complete=False)
        try:
            for task in self.request.tasks:
                self._task(task)
        except Cancelled:
            is_complete = False
        except KnownError:
            self._write(is_complete=False)
            raise
        run = self._write(is_complete=is_complete)
        write_sheets(self.folder, self.rows, self.request.rounds)
        return run

    def _task(self, task: BenchTask) -> None:
        cells: list[Cell] = []
        watch: DriftWatch | None = None
        picture, path = None, task.image
        for round_ in range(1, self.request.rounds + 1):
            if self.stop():
                raise Cancelled
            began = time.monotonic()
            output = BenchOutput(task.key, task.category, round_, task.instruction(round_), "", "", None)
            try:
                output = replace(output, source_sha256=file_sha256(path))
                picture = srgb_picture(path) if picture is None else picture
                pixels, output = self._painted(output, picture)
                if watch is None:
                    watch = DriftWatch(picture, pixels)
                    cells.append(Cell(thumbnail(reduced(watch.canvas, _SIDE))))
                output = replace(output, drift=watch.drift(pixels))
            except KnownError as error:
                if error.path not in (task.image, path):
                    raise  # the model, the LoRA or the disk: the next task would fail in the same way
                self._add(replace(output, file_name="", problem=str(error)))
                return
            self._add(replace(output, seconds=output.seconds or round(time.monotonic() - began, 3)))
            cells.append(Cell(thumbnail(reduced(pixels, _SIDE)), drift_caption(output.drift)))
            path = self.folder / output.file_name
            picture = replace(picture, pixels=pixels, path=path)
        self._see(task, cells)

    def _painted(self, output: BenchOutput, picture: Picture) -> tuple[NDArray[np.uint8], BenchOutput]:
        """A round's picture: the one that is there, or a new one."""
        suffix = f"-round-{output.round}" if output.round > 1 else ""
        name = f"{output.category.value}/{output.key}{suffix}.png"
        path, former = self.folder / name, self.kept.get(name)
        asked = output.instruction, output.source_sha256
        is_kept = former is not None and (former.instruction, former.source_sha256) == asked and path.is_file()
        if former is not None and is_kept and not self.again:
            return np.asarray(srgb_picture(path).pixels, np.uint8), replace(
                output, file_name=name, seconds=former.seconds
            )
        settings = DiffusionSettings(
            model=str(self.request.model),
            prompt=output.instruction,
            lora=self.request.lora,
            sampling=self.request.sampling,
            vram_tier=self.request.vram_tier,
        )
        painted = self.backends.painter().repaint(picture, settings, self._reporting(output))
        with complete_file(path, overwrite=True) as temporary:
            temporary.write_bytes(encode_png(painted.pixels))
        return painted.pixels, replace(output, file_name=name)

    def _reporting(self, output: BenchOutput) -> ReportStep:
        def report(step: int, steps: int, label: str) -> None:
            if self.stop():
                raise Cancelled
            if self.advance is not None:
                what = f"{output.category.value} {output.key}, round {output.round}: {label} ({step} of {steps})"
                self.advance(len(self.outputs), self._total, what)

        return report

    @property
    def _total(self) -> int:
        return len(self.request.tasks) * self.request.rounds

    def _add(self, output: BenchOutput) -> None:
        self.outputs.append(output)
        if self.made is not None:
            self.made(output)
        if self.advance is not None:
            self.advance(len(self.outputs), self._total, output.key)
        if time.monotonic() - self.written > _WRITE_EVERY:
            self._write(is_complete=False)

    def _write(self, *, is_complete: bool) -> BenchRun:
        run = BenchRun(tuple(self.outputs), self.facts, is_complete)
        # What an earlier run made, and this one has not come to yet or was not asked for, stays known.
        told = {output.file_name for output in self.outputs}
        others = tuple(output for name, output in self.kept.items() if name and name not in told)
        with complete_file(self.folder / RECORD, overwrite=True) as temporary:
            known = replace(run, outputs=(*run.outputs, *others))
            temporary.write_text(to_json(known) + "\n", encoding="utf-8")
        with complete_file(self.folder / METADATA, overwrite=True) as temporary:
            lines = (to_json(output) for output in known.outputs)
            temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        self.written = time.monotonic()
        return run

    def _see(self, task: BenchTask, cells: list[Cell]) -> None:
        said = " → ".join(dict.fromkeys(task.instruction(round_) for round_ in range(1, self.request.rounds + 1)))
        self.rows.setdefault(task.category, []).append(Row(task.key, tuple(cells), said))


def _facts(request: BenchRequest) -> Facts:
    return {
        "model": request.model.name,
        "model_fingerprint": find_source(request.model).fingerprint(),
        "lora": request.lora.name if request.lora is not None else "",
        "lora_sha256": request.lora.sha256 if request.lora is not None else "",
        "lora_scale": request.lora.scale if request.lora is not None else 0.0,
        "steps": request.sampling.num_inference_steps,
        "guidance_scale": request.sampling.guidance_scale,
        "seed": request.sampling.seed,
    }
