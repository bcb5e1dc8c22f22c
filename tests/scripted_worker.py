"""A real worker process whose backend does what a picture's file name says: die, hang, refuse, or work."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.domain.picture import PaintedCrop, PaintedMask, Picture
from engine.domain.requests import EngineName, MaskRequest
from engine.ports import Backend, ReportStep
from engine.worker.backends import Backends
from engine.worker.loop import main
from storage.location import SqliteLocation

_STEPS = 12_000
"""Ten minutes: a slow job outlasts every test, also on a busy machine, and is cancelled within a step."""


class ScriptedBackend:
    """Masks the middle of the picture, after what its name asks for."""

    def make_mask(
        self, on_model: Picture, flatlay: Picture | None, request: MaskRequest, report: ReportStep
    ) -> PaintedMask:
        name = on_model.path.stem if on_model.path else ""
        if "poison" in name:
            os.kill(os.getpid(), signal.SIGKILL)
        if "refused" in name:
            raise KnownError("no garment was found", remedy="Draw the mask by hand.")
        if "bug" in name:
            raise ZeroDivisionError("three by nothing")
        if "noisy" in name:
            print("a library prints on standard output")  # noqa: T201
        if "slow" in name:
            for step in range(_STEPS):
                report(step, _STEPS, "dreaming")
                time.sleep(0.05)
        if "hang" in name:
            time.sleep(600)
        alpha = np.zeros(on_model.pixels.shape[:2], np.uint8)
        alpha[8:-8, 8:-8] = 255
        return PaintedMask(alpha, 0.9, {"engine": "scripted"})

    def mask_flatlay(self, *_: object) -> None:
        return None

    def color_guide(self, *_: object) -> None:
        return None

    def paint_edit(self, photograph: Picture, mask: np.ndarray, *_: object) -> PaintedCrop:
        """Paints red."""
        from engine.imaging.edit_placement import place_edit

        placement = place_edit(mask, (Extent(64, 48), Extent(48, 64)))
        painted = np.full((placement.canvas.height, placement.canvas.width, 3), (200, 0, 0), np.uint8)
        return PaintedCrop(painted, placement, {"engine": "scripted"})


class ScriptedBackends(Backends):
    def get(self, name: EngineName) -> Backend:
        return ScriptedBackend()


if __name__ == "__main__":
    sys.exit(main(SqliteLocation().open_artifacts(Path(sys.argv[1])), ScriptedBackends()))
