"""A catalog with results of one photograph, for the tests of the export."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from engine.domain.artifacts import ArtifactKind, ArtifactRef
from engine.domain.assets import AssetPair
from engine.domain.export import ExportFormat, ExportRecipe
from engine.domain.geometry import Box, Extent
from engine.domain.jobs import Job, JobState, Origin, Reason
from engine.domain.requests import (
    ColorMatchRequest,
    DiffusionSettings,
    EditRequest,
    EditTurn,
    EngineName,
    InputFile,
    MaskRequest,
    Request,
    Tolerance,
)
from engine.domain.results import (
    DeltaEReport,
    EditedTurn,
    EditResult,
    JobOutcome,
    MaskResult,
    MatchResult,
    Previews,
    Verdict,
)
from engine.domain.review import Decision, ReviewItem
from engine.imaging.raster.encode import encode_mask, encode_png
from engine.imaging.raster.icc import srgb_profile
from engine.imaging.retouch import encode_retouch
from engine.ports import ArtifactStore, Catalog
from engine.services.export import ExportPlan, ExportReport, export_items
from engine.services.intake import hashed_pairs, scan
from engine.services.review import decide, items_of
from storage.location import SqliteLocation

EXTENT = Extent(30, 40)


class ExportStudio:
    """One photograph of 16 bits in a catalog, and what was made of it.

    Attributes
    ----------
    original : ndarray
        ``(40, 30, 3)`` uint16.
    """

    def __init__(self, folder: Path, stack: ExitStack, icc: bytes | None = None, xmp: bytes | None = None) -> None:
        self.folder = folder
        self.catalog: Catalog
        self.artifacts: ArtifactStore
        self.catalog, self.artifacts = stack.enter_context(SqliteLocation().open(folder / "catalog.db"))
        rng = np.random.default_rng(3)
        self.original = rng.integers(0, 65535, (40, 30, 3), np.uint16)
        self.photo = folder / "drop" / "A1_model.tif"
        self.photo.parent.mkdir()
        self.icc = icc or srgb_profile()
        tifffile.imwrite(
            self.photo,
            self.original,
            photometric="rgb",
            iccprofile=self.icc,
            resolution=(300, 300),
            resolutionunit="INCH",
            metadata=None,
            extratags=[(700, 1, len(xmp), xmp, True)] if xmp is not None else [],
        )
        Image.fromarray(rng.integers(0, 255, (40, 30, 3), np.uint8)).save(folder / "drop" / "A1_flat.png")
        ready, _ = hashed_pairs(scan([folder / "drop"]).pairs)
        (self.pair,) = self.catalog.add_pairs(ready)
        self.batch = self.catalog.create_batch("test")
        self._seed = 0

    def match(
        self,
        pixels: np.ndarray,
        alpha: np.ndarray,
        *,
        retouch: np.ndarray | None = None,
        follows: int | None = None,
        batch: int | None = None,
    ) -> int:
        """A colour match; the job's id."""
        report = DeltaEReport("garment / flatlay", 1, 1, 1, 2, 0, 0, 0, 10, Tolerance(), Verdict.PASS)
        given = self._put(ArtifactKind.RETOUCH, encode_retouch(retouch)) if retouch is not None else None
        self._seed += 1
        request = ColorMatchRequest(
            EngineName.CLASSICAL, MaskRequest(EngineName.CLASSICAL, garment=f"g{self._seed}"), retouch=given
        )
        picture = self._put(ArtifactKind.MATCHED, encode_png(pixels, self.icc))
        outcome = JobOutcome(
            self._mask("garment", alpha),
            MatchResult(picture, report, report, 0, 1.0),
            self._previews(),
            retouch=given,
        )
        return self._done(request, outcome, follows, batch)

    def mask(self, name: str, alpha: np.ndarray, *, batch: int | None = None) -> int:
        """A mask alone; the job's id."""
        self._seed += 1
        request = MaskRequest(EngineName.CLASSICAL, name, garment=f"g{self._seed}")
        return self._done(request, JobOutcome(self._mask(name, alpha), None, self._previews()), None, batch)

    def edit(self, pixels: np.ndarray, alpha: np.ndarray) -> int:
        """A painted edit; the job's id."""
        self._seed += 1
        settings = DiffusionSettings("kontext", f"paint {self._seed}", None)
        given = InputFile(self.folder / "mask.png", "ab" * 32)
        request = EditRequest(EngineName.KONTEXT, (EditTurn(given, None, settings),))
        mask = self._mask("edit", alpha)
        turn = EditedTurn(mask.alpha, mask.box, True, {})
        picture = self._put(ArtifactKind.EDITED, encode_png(pixels, self.icc))
        outcome = JobOutcome(mask, None, self._previews(), edit=EditResult(picture, 0, (turn,)))
        return self._done(request, outcome, None, None)

    def approve(self, *job_ids: int, decision: Decision = Decision.APPROVED) -> None:
        decide(self.catalog, self.catalog.review_items_by_id(job_ids), decision, reviewer="Ada")

    def items(self, batch: int | None = None) -> list[ReviewItem]:
        return items_of(self.catalog, batch)

    def export(self, *formats: ExportFormat, batch: int | None = None, out: str = "out", **recipe: Any) -> ExportReport:
        plan = ExportPlan(self.folder / out, ExportRecipe(formats, **{"approved_only": False, **recipe}))
        return export_items(self.catalog, self.artifacts, self.items(batch), plan)

    def _mask(self, name: str, alpha: np.ndarray) -> MaskResult:
        ref = self._put(ArtifactKind.MASK, encode_mask(alpha))
        return MaskResult(name, ref, EXTENT, Box(0, 0, 30, 40), 0.3, 0.9)

    def _put(self, kind: ArtifactKind, data: bytes) -> ArtifactRef:
        return self.artifacts.put(kind, data, ".png")

    def _previews(self) -> Previews:
        return Previews(self.artifacts.put(ArtifactKind.PREVIEW, b"p", ".jpg"), None, None, None)

    def _done(self, request: Request, outcome: JobOutcome, follows: int | None, batch: int | None) -> int:
        origins = [Origin(follows, Reason.MASK_EDITED, "Ada")] if follows is not None else []
        wanted = [(self.pair.id, request)]
        (job,) = self.catalog.add_jobs(batch or self.batch.id, wanted, origins=origins)
        assert self.catalog.claim("w", datetime.now(UTC)) is not None
        assert self.catalog.succeed(job.id, "w", outcome, datetime.now(UTC))
        return job.id


def drawn_alpha(top: int, bottom: int, soft: int = 99) -> np.ndarray:
    """A band across the photograph with a soft upper edge."""
    alpha = np.zeros((40, 30), np.uint8)
    alpha[top:bottom, 5:25] = 255
    alpha[top, 5:25] = soft
    return alpha


def changed_inside(original: np.ndarray, alpha: np.ndarray, color: int) -> np.ndarray:
    """The original with a colour laid over it through the mask, rounded once."""
    weight = alpha[..., None] / 255
    return np.rint(original + (color - original.astype(float)) * weight).astype(original.dtype)


def item_of(
    pair: AssetPair, job_id: int = 1, mask: str = "garment", verdict: Verdict | None = Verdict.PASS, found: str = ""
) -> ReviewItem:
    """A result that is in no catalog; without a verdict a mask alone."""
    ref = ArtifactRef(ArtifactKind.MASK, f"{job_id:064}", ".png", 1)
    outcome = MaskResult(mask, ref, Extent(1, 1), Box(0, 0, 1, 1), 1.0, 1.0, {"label": found} if found else {})
    match = None
    if verdict is not None:
        report = DeltaEReport("garment / flatlay", 1, 1, 1, 2, 0, 0, 0, 10, Tolerance(), verdict)
        match = MatchResult(ref, report, report, 0, 1.0)
    request = MaskRequest(EngineName.CLASSICAL, mask)
    now = datetime.now(UTC)
    job = Job(job_id, 1, pair.id, request, JobState.SUCCEEDED, 1, 0, 0, None, None, None, now, now, now)
    return ReviewItem(job, pair, JobOutcome(outcome, match, Previews(ref, None, None, None)), None)
