"""Two drawn views of one article in a real catalog, for the tests of versions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.domain.jobs import Job
from engine.domain.picture import PaintedMask, Picture
from engine.domain.requests import (
    ColorMatchRequest,
    EngineName,
    MaskRequest,
    Request,
    Tolerance,
    View,
)
from engine.domain.review import ReviewItem
from engine.imaging.drawn import write_demo_set
from engine.imaging.raster.decode import read_picture
from engine.imaging.raster.encode import decode_mask
from engine.inference.classical import ClassicalBackend
from engine.ports import ArtifactStore, Catalog, ReportStep
from engine.services.articles import other_views
from engine.services.intake import hashed_pairs, scan
from engine.services.review import items_of
from engine.worker.backends import Backends
from engine.worker.loop import failure_of
from engine.worker.pipeline import run_request
from engine.worker.views import Views
from storage.location import SqliteLocation

if TYPE_CHECKING:
    from engine.domain.picture import Alpha


_MASKS: dict[tuple[str, str, MaskRequest], PaintedMask] = {}
"""Masks of pictures that were drawn before: every studio draws the same ones, and finding a mask takes a second."""


class NotingBackend(ClassicalBackend):
    """The classical backend; it notes what it was asked to mask."""

    def __init__(self) -> None:
        self.masked: list[str] = []

    def make_mask(
        self, on_model: Picture, flatlay: Picture | None, request: MaskRequest, report: ReportStep
    ) -> PaintedMask:
        assert on_model.path is not None
        self.masked.append(on_model.path.name)
        key = _hash(on_model), _hash(flatlay), request
        if key not in _MASKS:
            _MASKS[key] = super().make_mask(on_model, flatlay, request, report)
            _MASKS[key].alpha.flags.writeable = False
        return _MASKS[key]


def _hash(picture: Picture | None) -> str:
    return "" if picture is None else sha256(repr(picture.pixels.dtype).encode() + picture.pixels.tobytes()).hexdigest()


class NotingBackends(Backends):
    def __init__(self) -> None:
        super().__init__()
        self.classical = NotingBackend()
        self._built[EngineName.CLASSICAL] = self.classical


@dataclass
class Studio:
    """Two drawn views of one article, in a real catalog, and a worker for them."""

    folder: Path
    catalog: Catalog
    artifacts: ArtifactStore
    backends: NotingBackends = field(default_factory=NotingBackends)

    def submit(self, *, pairs: int = 2, views: bool = False, color: bool = True) -> list[ReviewItem]:
        """Queue one job for each pair and do all of them."""
        write_demo_set(self.folder / "pictures", 2, extent=Extent(240, 300))
        ready, problems = hashed_pairs(scan([self.folder / "pictures"]).pairs)
        assert not problems
        known = self.catalog.add_pairs(ready)[:pairs]
        others = other_views(known)
        wanted: list[tuple[int, Request]] = []
        for pair in known:
            mask = MaskRequest(EngineName.CLASSICAL)
            match = ColorMatchRequest(
                EngineName.CLASSICAL, mask, tolerance_by_garment=(("upper", Tolerance(50.0, 55.0)),)
            )
            if views:
                match = replace(match, views=others[pair.id])
            wanted.append((pair.id, match if color else mask))
        self.catalog.add_jobs(self.catalog.create_batch("drawn").id, wanted)
        self.work()
        return items_of(self.catalog)

    def work(self) -> list[Job]:
        """Do what is queued, in the order of the queue, as a worker process does; the jobs as they ended."""
        ended: list[Job] = []
        views = Views(self.backends)
        while (job := self.catalog.claim("w", datetime.now(UTC))) is not None:
            pair = self.catalog.pair(job.pair_id)
            try:
                outcome = run_request(pair, job.request, self.backends, views, self.artifacts, lambda *_: None)
            except KnownError as error:
                self.catalog.fail(job.id, "w", failure_of(error), datetime.now(UTC))
            else:
                self.catalog.succeed(job.id, "w", outcome, datetime.now(UTC))
            ended.append(self.catalog.job(job.id))
        return ended

    def item(self, job_id: int) -> ReviewItem:
        return self.catalog.review_item(job_id)

    def alpha(self, item: ReviewItem) -> Alpha:
        return decode_mask(self.artifacts.read(item.outcome.mask.alpha))

    def pixels(self, item: ReviewItem) -> np.ndarray:
        assert item.outcome.match is not None
        return read_picture(self.artifacts.path(item.outcome.match.picture)).pixels


@contextmanager
def open_studio(folder: Path) -> Iterator[Studio]:
    """The studio in a new catalog, which is sound when it closes."""
    with SqliteLocation().open(folder / "catalog.db") as (catalog, artifacts):
        yield Studio(folder, catalog, artifacts)
        assert catalog.check() == []


def upper_half(alpha: Alpha, *, soft: int = 0) -> Alpha:
    """The mask without its lower half; ``soft`` is put on its last row."""
    rows = np.flatnonzero(alpha.any(axis=1))
    cut = alpha.copy()
    middle = int(rows.mean())
    cut[middle:] = 0
    if soft:
        cut[middle - 1][cut[middle - 1] > 0] = soft
    return cut


def view_of(item: ReviewItem) -> View:
    assert item.pair.flatlay is not None
    on_model, flatlay = item.pair.on_model, item.pair.flatlay
    return View(on_model.path, on_model.sha256, flatlay.path, flatlay.sha256)
