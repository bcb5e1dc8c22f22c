"""Every kind of Kontext job from files to artifacts, through the worker's own steps and diffusers' own classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from engine.domain.assets import AssetPair
from engine.domain.errors import Cancelled
from engine.domain.geometry import Extent
from engine.domain.requests import ColorMatchRequest, Draft, EngineName, MaskRequest, Request
from engine.domain.results import ArtifactRef, JobOutcome
from engine.imaging.drawn import write_demo_set
from engine.ports import ArtifactStore, Backend, ReportStep
from engine.services.intake import hashed_pairs, scan
from engine.worker.backends import Backends
from engine.worker.pipeline import run_request
from engine.worker.views import Views
from storage.location import SqliteLocation
from tests.kontext_jobs import lora_of, settings_of


class WithKontext(Backends):
    def __init__(self, kontext: Backend) -> None:
        super().__init__()
        self._built[EngineName.KONTEXT] = kontext


@dataclass(frozen=True)
class Studio:
    """A drawn pair in a real catalog."""

    pair: AssetPair
    artifacts: ArtifactStore
    backends: Backends

    def run(self, request: Request, report: ReportStep = lambda *_: None) -> JobOutcome:
        return run_request(self.pair, request, self.backends, Views(self.backends), self.artifacts, report)

    def pixels(self, ref: ArtifactRef) -> np.ndarray:
        import cv2

        return cv2.imdecode(np.frombuffer(self.artifacts.read(ref), np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.fixture
def studio(tmp_path: Path, new_backend) -> Iterator[Studio]:
    write_demo_set(tmp_path / "pictures", 1, extent=Extent(360, 450))
    ready, _ = hashed_pairs(scan([tmp_path / "pictures"]).pairs)
    with SqliteLocation().open(tmp_path / "catalog.db") as (catalog, artifacts):
        yield Studio(catalog.add_pairs(ready)[0], artifacts, WithKontext(new_backend()))


def test_a_dreamed_mask(studio, tiny, lora_file, painted_green):
    settings = replace(settings_of(tiny, lora_of(lora_file)), seeds=2, draft=Draft(2, 64, 0.99999))
    request = MaskRequest(EngineName.KONTEXT, "hat", diffusion=settings)
    first, again = studio.run(request), studio.run(request)
    assert first.mask.name == "hat"
    assert first.mask.extent == Extent(360, 450)
    assert studio.pixels(first.mask.alpha).shape == (450, 360)
    assert 0.05 < first.mask.coverage < 0.5
    # The same request gives the same pixels, down to the artifact's hash.
    assert again.mask.alpha == first.mask.alpha
    made = first.mask.provenance
    assert made["lora_sha256"] == settings.lora.sha256
    assert (made["seed"], made["seeds"], made["steps"], made["draft"]) == (3, 2, 2, "painted again")
    assert made["lora_effect"] > 0


def test_a_colour_match_with_a_painted_guide(studio, tiny, lora_file):
    request = ColorMatchRequest(
        EngineName.KONTEXT,
        MaskRequest(EngineName.CLASSICAL, garment=studio.pair.garment),
        diffusion=settings_of(tiny, lora_of(lora_file)),
    )
    outcome = studio.run(request)
    assert outcome.match is not None
    assert outcome.match.outside_max_change == 0
    # The tiny model paints noise: whatever its guide was worth, no pixel of it is in the result.
    assert outcome.match.texture > 0.9
    assert outcome.match.provenance["guide_lora_sha256"] == request.diffusion.lora.sha256
    assert outcome.match.provenance["guide_canvas"] == "128x80"
    assert outcome.match.after.delta_E <= outcome.match.before.delta_E
    again = studio.run(request)
    assert again.match is not None
    assert again.match.picture == outcome.match.picture


@pytest.mark.parametrize("kind", ["mask", "guide"])
def test_cancelling_takes_effect_within_one_step(studio, tiny, lora_file, painted_green, kind):
    settings = settings_of(tiny, lora_of(lora_file), num_inference_steps=9)
    mask = MaskRequest(EngineName.CLASSICAL, garment=studio.pair.garment)
    request: Request = (
        MaskRequest(EngineName.KONTEXT, "hat", diffusion=settings)
        if kind == "mask"
        else ColorMatchRequest(EngineName.KONTEXT, mask, diffusion=settings)
    )
    steps = []

    def report(step: int, total: int, label: str) -> None:
        if label.startswith("denoising"):
            steps.append(label)
            if len(steps) == 4:
                raise Cancelled

    with pytest.raises(Cancelled):
        studio.run(request, report)
    assert len(steps) == 4
