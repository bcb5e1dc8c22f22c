"""Runs KontextBench: edits every picture, again and again where asked for, and measures how it drifts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.benchmark import BenchCategory, BenchOutput, BenchRequest, BenchRun, BenchTask, Drift
from engine.domain.codec import from_json, to_json
from engine.domain.errors import BugError, Cancelled, KnownError, UsageError
from engine.domain.files import complete_file, known_os_error, require_writable
from engine.domain.requests import DiffusionSettings
from engine.services.datasets.manifest import file_sha256
from engine.services.evaluation.outcomes import Facts, srgb_picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.domain.picture import Picture
    from engine.imaging.contact_sheet import Cell, Row
    from engine.worker.backends import Backends

METADATA, RECORD = "metadata.jsonl", "bench.json"
_WRITE_EVERY = 5.0
"""Seconds between two writings of what was made so far."""
_MOST_SHOWN = 5
"""Rounds on a contact sheet: the first ones and the last."""

_SIDE = 320
"""Pixels of the sheets' pictures: a category has up to 416 tasks."""

Advance = Callable[[int, int, str], None]


def run_bench(
    request: BenchRequest,
    folder: Path,
    *,
    again: bool = False,
    advance: Advance | None = None,
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
    from engine.worker.backends import Backends

    require_writable(folder)
    facts = _facts(request)
    former = read_bench_run(folder)
    changed = [name for name in facts if former is not None and former.facts.get(name) != facts[name]]
    if changed and not again:
        raise UsageError(
            f"the outputs in this folder were made with another {', '.join(changed)}",
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


class _Course:
    def __init__(
        self,
        request: BenchRequest,
        folder: Path,
        facts: Facts,
        kept: dict[str, BenchOutput],
        again: bool,
        advance: Advance | None,
        made: Callable[[BenchOutput], None] | None,
        stop: Callable[[], bool],
        backends: Backends,
    ) -> None:
        self._request, self._folder, self._facts, self._kept, self._again = request, folder, facts, kept, again
        self._advance, self._made, self._stop, self._backends = advance, made, stop, backends
        self._outputs: list[BenchOutput] = []
        self._rows: dict[BenchCategory, list[Row]] = {}
        self._written = time.monotonic()

    def run(self) -> BenchRun:
        is_complete = True
        self._write(is_complete=False)
        try:
            for task in self._request.tasks:
                self._task(task)
        except Cancelled:
            is_complete = False
        except KnownError:
            self._write(is_complete=False)
            raise
        run = self._write(is_complete=is_complete)
        self._write_sheets()
        return run

    def _task(self, task: BenchTask) -> None:
        from engine.imaging.contact_sheet import Cell, reduced, thumbnail
        from engine.services.evaluation.bench_tables import drift_caption

        cells: list[Cell] = []
        watch: _Watch | None = None
        picture, path = None, task.image
        for round_ in range(1, self._request.rounds + 1):
            if self._stop():
                raise Cancelled
            began = time.monotonic()
            output = BenchOutput(task.key, task.category, round_, task.instruction(round_), "", "", None)
            try:
                output = replace(output, source_sha256=file_sha256(path))
                picture = srgb_picture(path) if picture is None else picture
                pixels, output = self._painted(output, picture)
                if watch is None:
                    watch = _Watch(picture, pixels)
                    cells.append(Cell(thumbnail(reduced(watch.canvas, _SIDE))))
                output = replace(output, drift=watch.drift(pixels))
            except KnownError as error:
                if error.path not in (task.image, path):
                    raise  # the model, the LoRA or the disk: the next task would fail in the same way
                self._add(replace(output, file_name="", problem=str(error)))
                return
            self._add(replace(output, seconds=output.seconds or round(time.monotonic() - began, 3)))
            cells.append(Cell(thumbnail(reduced(pixels, _SIDE)), drift_caption(output.drift)))
            path = self._folder / output.file_name
            picture = replace(picture, pixels=pixels, path=path)
        self._see(task, cells)

    def _painted(self, output: BenchOutput, picture: Picture) -> tuple[NDArray[np.uint8], BenchOutput]:
        """A round's picture: the one that is there, or a new one."""
        import numpy as np

        from engine.imaging.raster.encode import encode_png

        suffix = f"-round-{output.round}" if output.round > 1 else ""
        name = f"{output.category.value}/{output.key}{suffix}.png"
        path, former = self._folder / name, self._kept.get(name)
        asked = output.instruction, output.source_sha256
        is_kept = former is not None and (former.instruction, former.source_sha256) == asked and path.is_file()
        if former is not None and is_kept and not self._again:
            return np.asarray(srgb_picture(path).pixels, np.uint8), replace(
                output, file_name=name, seconds=former.seconds
            )
        settings = DiffusionSettings(
            model=str(self._request.model),
            prompt=output.instruction,
            lora=self._request.lora,
            sampling=self._request.sampling,
            vram_tier=self._request.vram_tier,
        )
        painted = self._backends.painter().repaint(picture, settings, self._reporting(output))
        with complete_file(path, overwrite=True) as temporary:
            temporary.write_bytes(encode_png(painted.pixels))
        return painted.pixels, replace(output, file_name=name)

    def _reporting(self, output: BenchOutput) -> Callable[[int, int, str], None]:
        def report(step: int, steps: int, label: str) -> None:
            if self._stop():
                raise Cancelled
            if self._advance is not None:
                what = f"{output.category.value} {output.key}, round {output.round}: {label} ({step} of {steps})"
                self._advance(len(self._outputs), self._total, what)

        return report

    @property
    def _total(self) -> int:
        return len(self._request.tasks) * self._request.rounds

    def _add(self, output: BenchOutput) -> None:
        self._outputs.append(output)
        if self._made is not None:
            self._made(output)
        if self._advance is not None:
            self._advance(len(self._outputs), self._total, output.key)
        if time.monotonic() - self._written > _WRITE_EVERY:
            self._write(is_complete=False)

    def _write(self, *, is_complete: bool) -> BenchRun:
        run = BenchRun(tuple(self._outputs), self._facts, is_complete)
        # What an earlier run made, and this one has not come to yet or was not asked for, stays known.
        told = {output.file_name for output in self._outputs}
        others = tuple(output for name, output in self._kept.items() if name and name not in told)
        with complete_file(self._folder / RECORD, overwrite=True) as temporary:
            known = replace(run, outputs=(*run.outputs, *others))
            temporary.write_text(to_json(known) + "\n", encoding="utf-8")
        with complete_file(self._folder / METADATA, overwrite=True) as temporary:
            lines = (to_json(output) for output in known.outputs)
            temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        self._written = time.monotonic()
        return run

    def _see(self, task: BenchTask, cells: list[Cell]) -> None:
        from engine.imaging.contact_sheet import Row

        said = " → ".join(dict.fromkeys(task.instruction(round_) for round_ in range(1, self._request.rounds + 1)))
        self._rows.setdefault(task.category, []).append(Row(task.key, tuple(cells), said))

    def _write_sheets(self) -> None:
        from engine.imaging.contact_sheet import ContactSheet
        from engine.services.evaluation.bench_tables import DRIFT_MEANS
        from engine.services.evaluation.pages import write_page, write_picture

        rounds = self._request.rounds
        shown = [0, *range(1, rounds + 1)]
        if rounds > _MOST_SHOWN:
            shown = [0, *range(1, _MOST_SHOWN), rounds]
        columns = tuple("First" if number == 0 else f"Round {number}" for number in shown)
        for category, rows in self._rows.items():
            cut = tuple(replace(row, cells=tuple(row.cells[number] for number in shown)) for row in rows)
            sheet = ContactSheet(f"KontextBench: {category.value}", (DRIFT_MEANS,), columns, cut)
            write_page(self._folder / f"contact-sheet-{category.value}.html", sheet)
            write_picture(self._folder / f"contact-sheet-{category.value}.png", sheet)


def _facts(request: BenchRequest) -> Facts:
    return {
        "model": request.model.name,
        "lora_sha256": request.lora.sha256 if request.lora is not None else "",
        "lora_scale": request.lora.scale if request.lora is not None else 0.0,
        "steps": request.sampling.num_inference_steps,
        "guidance_scale": request.sampling.guidance_scale,
        "seed": request.sampling.seed,
    }


class _Watch:
    """Measures a task's rounds against the picture as the model was shown it first, without the padding.

    Parameters
    ----------
    picture : Picture
        The task's own.
    first_round : ndarray
        ``(h, w, 3)`` uint8 sRGB, what the first round made, at the model's size.
    """

    def __init__(self, picture: Picture, first_round: NDArray[np.uint8]) -> None:
        import numpy as np

        from engine.domain.geometry import Box, Extent
        from engine.imaging.metrics.drift import first_picture
        from engine.imaging.metrics.structure import LEAST_SIDE
        from engine.imaging.placement import border_color, covered, place_in, to_canvas

        rgb = np.asarray(picture.pixels, np.uint8)
        canvas = Extent(first_round.shape[1], first_round.shape[0])
        placement = place_in(picture.extent, Box.whole(picture.extent), canvas, Box.whole(canvas))
        box = covered(placement)
        if min(box.extent.width, box.extent.height) < LEAST_SIDE:
            raise KnownError(
                f"its {picture.extent} pixels are too long and thin to be measured",
                remedy="Leave it out.",
                path=picture.path,
            )
        self._shown = np.s_[box.top : box.bottom, box.left : box.right]
        self.canvas = to_canvas(rgb, placement, border_color(rgb))
        self._first = first_picture(self.canvas[self._shown], first_round[self._shown])

    def drift(self, pixels: NDArray[np.uint8]) -> Drift:
        from engine.imaging.metrics.drift import drift

        return drift(self._first, pixels[self._shown])
