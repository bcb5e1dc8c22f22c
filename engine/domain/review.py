"""What a person says about a result, and what left the house."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from engine.domain.assets import AssetPair
from engine.domain.jobs import Job
from engine.domain.results import JobOutcome


class Decision(StrEnum):
    """A person's verdict."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Review:
    """One verdict. Every change is a new record; the latest one counts."""

    job_id: int
    decision: Decision
    reviewer: str
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A finished job as the review window and the export see it.

    Attributes
    ----------
    outcome : JobOutcome
        The job's masks, match and previews.
    review : Review or None
        The latest verdict; None while nobody has looked.
    """

    job: Job
    pair: AssetPair
    outcome: JobOutcome
    review: Review | None

    @property
    def decision(self) -> Decision:
        return self.review.decision if self.review else Decision.PENDING


class ExportFormat(StrEnum):
    """What can be written for one result."""

    PSD = "psd"
    TIFF = "tiff"
    PNG = "png"
    JPEG = "jpeg"
    MASK = "mask"

    @property
    def suffix(self) -> str:
        return {"psd": ".psd", "tiff": ".tif", "png": ".png", "jpeg": ".jpg", "mask": ".mask.png"}[self.value]


@dataclass(frozen=True, slots=True)
class ExportRecord:
    """A file that was written, or is being written.

    Attributes
    ----------
    sha256 : str
        Of the finished file; empty while it is being written.
    """

    id: int
    job_id: int
    format: ExportFormat
    path: Path
    sha256: str
    at: datetime
