"""Photographs on disk, a real catalog, and finished jobs without an engine."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from engine.dispatch.dispatcher import Dispatcher
from engine.domain.artifacts import ArtifactKind, ArtifactRef
from engine.domain.geometry import Box, Extent
from engine.domain.jobs import Job
from engine.domain.requests import EngineName, Tolerance
from engine.domain.results import DeltaEReport, JobOutcome, MaskResult, MatchResult, Previews, Verdict
from engine.ports import ArtifactStore, Catalog
from engine.services.doctor import GraphicsCard
from engine.services.intake import scan
from engine.services.lora_files import LoraReport, check_lora_file
from engine.services.plan import BatchPlan
from engine.services.queue import submit
from engine.services.training import TrainingProcess
from gui.services import WindowServices
from gui.torch_process import TorchProcess
from main import main, program

_TRAINER = Path(__file__).resolve().parents[1] / "scripted_trainer.py"
EXTENT = Extent(600, 900)
PREVIEW = Extent(300, 450)


def picture(seed: int, extent: Extent = EXTENT) -> np.ndarray:
    """A flat colour with a frame and a little noise, (H, W, 3) uint8 BGR; every seed another colour."""
    rng = np.random.default_rng(seed)
    pixels = np.full((extent.height, extent.width, 3), rng.integers(60, 200, 3), np.uint8)
    pixels[extent.height // 4 : -extent.height // 4, extent.width // 4 : -extent.width // 4] = rng.integers(30, 230, 3)
    return pixels + rng.integers(0, 9, pixels.shape, np.uint8)


def jpeg(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def png(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def report(delta_E: float, tolerance: Tolerance) -> DeltaEReport:
    verdict = (
        Verdict.PASS if delta_E <= tolerance.passes else Verdict.WARN if delta_E <= tolerance.warns else Verdict.FAIL
    )
    return DeltaEReport(
        "garment / flatlay", delta_E, delta_E, delta_E, delta_E * 2, 1.25, -2.5, 0.5, 1000, tolerance, verdict
    )


class TorchHere(TorchProcess):
    """Asks the command line in the test's own process, where torch is loaded once, and finds the card a test wants;
    evaluations are measured in a process of their own.

    Attributes
    ----------
    trains : bool
        Runs are trained; otherwise a script plays them (``tests/scripted_trainer.py``).
    asks_outside : bool
        Everything is asked in processes of its own, as the product does.
    """

    def __init__(self) -> None:
        super().__init__(program())
        self.card: GraphicsCard | None = None
        self.trains = self.asks_outside = False

    def train(self, folder: Path) -> TrainingProcess:
        if self.trains:
            return super().train(folder)
        return TrainingProcess([sys.executable, str(_TRAINER), str(folder)], folder)

    def check_lora(self, path: Path) -> LoraReport:
        return check_lora_file(path)

    def graphics_card(self) -> GraphicsCard | None:
        return self.card

    def _ask(
        self,
        command: Sequence[str],
        stop: threading.Event | None = None,
        heard: Callable[[str], None] = lambda _: None,
    ) -> subprocess.CompletedProcess[str]:
        if "eval" in command or self.asks_outside:  # an evaluation takes signals, which the main thread alone may
            return super()._ask(command, stop, heard)
        told, errors = io.StringIO(), io.StringIO()
        with redirect_stdout(told), redirect_stderr(errors):
            code = main(command[len(program()) :])
        for line in errors.getvalue().splitlines(keepends=True):
            heard(line)
        return subprocess.CompletedProcess(command, code, told.getvalue(), errors.getvalue())


@dataclass
class Studio:
    """Photographs on disk and a catalog."""

    folder: Path
    catalog: Catalog
    artifacts: ArtifactStore
    dispatcher: Dispatcher
    services: WindowServices

    def shoot(self, *names: str) -> Path:
        """Photograph pairs ``NAME_model.jpg`` and ``NAME_flat.jpg``; the folder they lie in."""
        drop = self.folder / "drop"
        drop.mkdir(exist_ok=True)
        for name in names:
            seed = sum(name.encode()) * 2
            (drop / f"{name}_model.jpg").write_bytes(jpeg(picture(seed)))
            (drop / f"{name}_flat.jpg").write_bytes(jpeg(picture(seed + 1)))
        return drop

    def queue(self, *names: str, color_match: bool = True) -> list[Job]:
        """Put pairs into the queue."""
        pairs = scan([self.shoot(*names)]).pairs
        plan = BatchPlan(color_match=color_match, engine=EngineName.CLASSICAL)
        return list(submit(self.catalog, "shooting", pairs, plan).jobs)

    def finish(self, after: dict[str, float], confidence: float = 0.9) -> list[Job]:
        """Have the pairs processed, with these ΔE00 after the match; a negative one makes a mask only."""
        jobs = self.queue(*after)
        now = datetime.now(UTC)
        for _ in jobs:
            job = self.catalog.claim("test", now)
            assert job is not None
            delta_E = after[self.catalog.pair(job.pair_id).on_model.path.stem.removesuffix("_model")]
            assert self.catalog.succeed(job.id, "test", self.outcome(job, delta_E, confidence), now)
        return jobs

    def outcome(self, job: Job, delta_E: float, confidence: float) -> JobOutcome:
        alpha = np.zeros((EXTENT.height, EXTENT.width), np.uint8)
        alpha[225:675, 150:450] = 255
        small = cv2.resize(alpha, (PREVIEW.width, PREVIEW.height))
        result = picture(job.id + 900)

        def preview(pixels: np.ndarray) -> ArtifactRef:
            return self.artifacts.put(
                ArtifactKind.PREVIEW, jpeg(cv2.resize(pixels, (PREVIEW.width, PREVIEW.height))), ".jpg"
            )

        mask = MaskResult(
            "garment",
            self.artifacts.put(ArtifactKind.MASK, png(alpha), ".png"),
            EXTENT,
            Box(150, 225, 450, 675),
            0.25,
            confidence,
        )
        match = None
        if delta_E >= 0:
            matched = self.artifacts.put(ArtifactKind.MATCHED, png(result), ".png")
            match = MatchResult(matched, report(delta_E + 6, Tolerance()), report(delta_E, Tolerance()), 0, 0.987)
        previews = Previews(
            preview(picture(1)), preview(picture(2)), preview(result) if match else None, preview(small)
        )
        return JobOutcome(mask, match, previews)


def editor_that_notes(noted: Path) -> str:
    """The command of a program that writes the names of the files it is given, one a line."""
    script = noted.with_suffix(".py")
    lines = ("import os, pathlib, sys", f"part = pathlib.Path({str(noted)!r} + '.part')",
             "part.write_text('\\n'.join(sys.argv[2:]))", f"os.replace(part, {str(noted)!r})")  # fmt: skip
    script.write_text("\n".join(lines))
    return f'"{sys.executable}" "{script}" --open'
