"""A real worker process with the real backends on tiny random models, which it builds first.

    python tests/tiny_worker.py CATALOG MODELS

Only what random weights cannot do is done for them: the picture that shall hold a green mask gets a green patch, which
lies elsewhere for each seed. What a backend yields says in its provenance how often models were loaded, and in which
process, so that a test can tell whether the second job found them in memory.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from engine.domain.geometry import Extent
from engine.domain.picture import ColorGuide, PaintedCrop, PaintedMask, Picture
from engine.domain.requests import ColorMatchRequest, EditTurn, EngineName, MaskRequest
from engine.inference.grounded import backend as grounded
from engine.inference.kontext import backend as kontext
from engine.inference.kontext import residence
from engine.ports import Backend, ReportStep
from engine.worker.backends import Backends
from engine.worker.loop import main
from storage.location import SqliteLocation
from tests.kontext_jobs import SLOWLY, with_green_patch
from tests.tiny_grounded import build_tiny_detector, build_tiny_segmenter
from tests.tiny_kontext import GUIDE_CANVASES, build_tiny_kontext, build_tiny_lora

_STEP_SECONDS = 2.0
Made = TypeVar("Made", PaintedMask, ColorGuide, PaintedCrop)
loads = {"kontext": 0, "grounded": 0}


class Tiny:
    """A backend that also says what it loaded."""

    def __init__(self, name: str, backend: Any) -> None:
        self._name, self._backend = name, backend

    def make_mask(
        self, on_model: Picture, flatlay: Picture | None, request: MaskRequest, report: ReportStep
    ) -> PaintedMask:
        return self._told(self._backend.make_mask(on_model, flatlay, request, report))

    def mask_flatlay(self, flatlay: Picture, request: MaskRequest) -> PaintedMask | None:
        return self._backend.mask_flatlay(flatlay, request)

    def color_guide(
        self, on_model: Picture, flatlay: Picture, mask: PaintedMask, request: ColorMatchRequest, report: ReportStep
    ) -> ColorGuide | None:
        guide = self._backend.color_guide(on_model, flatlay, mask, request, report)
        return self._told(guide) if guide is not None else None

    def paint_edit(
        self, photograph: Picture, mask: np.ndarray, reference: Picture | None, turn: EditTurn, report: ReportStep
    ) -> PaintedCrop:
        def slowly(step: int, total: int, label: str) -> None:
            report(step, total, label)
            time.sleep(_STEP_SECONDS)

        slow = turn.diffusion.prompt == SLOWLY
        return self._told(self._backend.paint_edit(photograph, mask, reference, turn, slowly if slow else report))

    def _told(self, made: Made) -> Made:
        return replace(made, provenance=made.provenance | {"loads": loads[self._name], "pid": os.getpid()})


class TinyBackends(Backends):
    def __init__(self, prompts: Path) -> None:
        super().__init__()
        self._prompts = prompts

    def get(self, name: EngineName) -> Backend:
        if name not in self._built and name is EngineName.KONTEXT:
            built = kontext.KontextBackend(self._prompts)
            self._built[name] = Tiny("kontext", built)
        if name not in self._built and name is EngineName.GROUNDED:
            self._built[name] = Tiny("grounded", super().get(name))
        return super().get(name)


def build(folder: Path) -> None:
    """The models folder as a studio has it, with a LoRA for masks and one for colour."""
    model = build_tiny_kontext(folder / "FLUX.1-Kontext-dev")
    build_tiny_lora(folder / "loras", model, name="kontext-mask-hat.safetensors")
    build_tiny_lora(folder / "loras", model, name="kontext-color-chromiq.safetensors", seed=2)
    build_tiny_detector(folder / "grounding-dino-base")
    build_tiny_segmenter(folder / "sam2.1-hiera-large")


def watch() -> None:
    """Count what is loaded, and paint green where a mask is asked for."""
    sample, load, detector = kontext.sample, residence.LoadedModel, grounded.Detector

    def sample_with_green(pipeline: Any, canvas: np.ndarray, prompt: Any, sampling: Any, *rest: Any, **more: Any):
        output = sample(pipeline, canvas, prompt, sampling, *rest, **more)
        is_guide = Extent(canvas.shape[1], canvas.shape[0]) in GUIDE_CANVASES
        return output if is_guide else with_green_patch(canvas, 4 * (sampling.seed % 3))

    def loaded(*arguments: Any) -> Any:
        loads["kontext"] += 1
        return load(*arguments)

    def detecting(*arguments: Any) -> Any:
        loads["grounded"] += 1
        return detector(*arguments)

    kontext.sample, residence.LoadedModel, grounded.Detector = sample_with_green, loaded, detecting  # type: ignore


if __name__ == "__main__":
    torch.set_num_threads(1)  # layers of 32 numbers: threads would only wait for each other
    models = Path(sys.argv[2])
    if not models.exists():
        build(models)
    watch()
    sys.exit(main(SqliteLocation().open_artifacts(Path(sys.argv[1])), TinyBackends(models / "prompts")))
