"""The worker keeps a colour guide or sets it aside, and its outcome says which."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.domain.assets import AssetPair
from engine.domain.geometry import Extent
from engine.domain.picture import ColorGuide, PaintedMask, Picture
from engine.domain.requests import ColorMatchRequest, EngineName, MaskRequest
from engine.domain.results import JobOutcome
from engine.imaging.drawn import write_demo_set
from engine.imaging.drawn.demo import DemoPair
from engine.imaging.raster.decode import read_picture
from engine.inference.classical import ClassicalBackend
from engine.ports import ArtifactStore, ReportStep
from engine.services.intake import hashed_pairs, scan
from engine.worker.backends import Backends
from engine.worker.pipeline import run_request
from engine.worker.views import Views
from storage.location import SqliteLocation


class GuidingBackend(ClassicalBackend):
    """Knows the drawn garment's mask, and paints whatever it is given as a guide."""

    def __init__(self, pair: DemoPair) -> None:
        self.truth = np.asarray(read_picture(pair.truth).pixels, np.uint8)
        self.alpha = np.asarray(cv2.imread(str(pair.garment_mask), cv2.IMREAD_GRAYSCALE), np.uint8)
        self.painted: np.ndarray | None = None

    def make_mask(
        self, on_model: Picture, flatlay: Picture | None, request: MaskRequest, report: ReportStep
    ) -> PaintedMask:
        return PaintedMask(self.alpha, 1.0, {"engine": "drawn"})

    def color_guide(
        self, on_model: Picture, flatlay: Picture, mask: PaintedMask, request: ColorMatchRequest, report: ReportStep
    ) -> ColorGuide | None:
        return None if self.painted is None else ColorGuide(self.painted, {"seed": 11})


class GuidingBackends(Backends):
    def __init__(self, backend: GuidingBackend) -> None:
        super().__init__()
        self._built[EngineName.CLASSICAL] = backend


class Worker:
    def __init__(self, pair: AssetPair, backend: GuidingBackend, artifacts: ArtifactStore) -> None:
        self.pair, self.backend, self.artifacts = pair, backend, artifacts

    def match(self, painted: np.ndarray | None) -> JobOutcome:
        self.backend.painted = painted
        backends = GuidingBackends(self.backend)
        request = ColorMatchRequest(EngineName.CLASSICAL, MaskRequest(EngineName.CLASSICAL))
        return run_request(self.pair, request, backends, Views(backends), self.artifacts, lambda *_: None)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    (drawn,) = write_demo_set(tmp_path / "pictures", 1, extent=Extent(240, 300))
    ready, problems = hashed_pairs(scan([tmp_path / "pictures"]).pairs)
    assert not problems
    with SqliteLocation().open(tmp_path / "catalog.db") as (catalog, artifacts):
        (pair,) = catalog.add_pairs(ready)
        yield Worker(pair, GuidingBackend(drawn), artifacts)


def figures(outcome: JobOutcome) -> dict[str, str | float | int]:
    assert outcome.match is not None
    return outcome.match.provenance


def test_a_true_guide_is_kept_and_a_hallucination_changes_no_pixel(worker: Worker) -> None:
    plain = worker.match(None)
    assert not [name for name in figures(plain) if name.startswith("guide_")]

    kept = worker.match(worker.backend.truth)
    assert float(figures(kept)["guide_weight"]) > 0.3
    assert figures(kept)["guide_seed"] == 11
    assert "guide_set_aside" not in figures(kept)
    assert not [notice for notice in kept.notices if "guide" in notice]

    turned = np.ascontiguousarray(worker.backend.truth[::-1])
    aside = worker.match(turned)
    assert figures(aside)["guide_weight"] == 0
    why = figures(aside)["guide_set_aside"]
    assert f"The colour guide was set aside: {why}." in aside.notices
    assert aside.match is not None
    assert plain.match is not None
    assert aside.match.picture == plain.match.picture
    assert kept.match is not None
    assert kept.match.picture != plain.match.picture
