"""What a person says about a result, and what there is to look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from engine.domain.artifacts import ArtifactKind, ArtifactRef
from engine.domain.assets import AssetPair
from engine.domain.errors import BugError
from engine.domain.jobs import Job, Reason
from engine.domain.requests import Tolerance
from engine.domain.results import JobOutcome, Verdict

HIGHEST_RATING = 5


class Decision(StrEnum):
    """A person's verdict."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Review:
    """One verdict. Every change is a new record; the latest one counts.

    Attributes
    ----------
    rating : int
        Stars from 0 (none) to `HIGHEST_RATING`; a rating may be given without a verdict.
    reason : Reason or None
        Why it was rejected, where a person said so.
    """

    job_id: int
    decision: Decision
    reviewer: str
    note: str
    at: datetime
    rating: int = 0
    reason: Reason | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.rating <= HIGHEST_RATING:
            raise BugError(f"a rating of {self.rating} stars")


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


@dataclass(frozen=True, slots=True)
class FailedItem:
    """A job that failed and its photographs: what a person needs to draw the mask that was not found."""

    job: Job
    pair: AssetPair

    @property
    def outcome(self) -> None:
        """Nothing came of it."""
        return None


Viewed = ReviewItem | FailedItem
"""What can be looked at, and its mask drawn: a result, or what failed to become one."""


@dataclass(frozen=True, slots=True)
class TrainingMark:
    """Somebody's wish that a result and its photographs become a training pair."""

    job_id: int
    author: str
    at: datetime


class ResultKind(StrEnum):
    """What a finished job yielded."""

    MASK = "mask"
    COLOR_MATCH = "color_match"
    EDIT = "edit"


class ReviewRow(NamedTuple):
    """What a list of results shows of one of them; `ReviewItem` is the whole of it.

    A tuple, not a dataclass: a hundred thousand are read at a time, and a tuple is made about five times as fast.

    Attributes
    ----------
    change : int
        Grows with every change of what a row tells, in the order in which the changes were committed; unique.
    name, folder : str
        Of the on-model photograph's path.
    mask_name : str
        `MaskResult.name`.
    confidence : float
        The mask's, 0 to 1.
    delta_E_before, delta_E_after : float or None
        ΔE00 to the flatlay; None without a colour match.
    verdict : Verdict or None
        What the figures say after the match.
    tolerance : Tolerance or None
        By which they say it.
    picture_sha256, picture_suffix : str
        Of the preview that a list shows.
    has_disagreement : bool
        Whether there is a picture of where the mask's seeds disagree.
    decision, rating, reason, note : Decision, int, Reason or None, str
        Of the latest verdict; ``PENDING``, 0, None and "" while nobody has looked.
    reviewer : str
        Who gave it; "" while nobody has looked.
    reviewed_at : datetime or None
    version : int
        1 for the first result of a pair's request, one more for each that supersedes another.
    superseded_by : int or None
        The finished job that took this one's place.
    """

    change: int
    job_id: int
    batch_id: int
    pair_id: int
    kind: ResultKind
    sku: str
    view: str
    garment: str
    name: str
    folder: str
    mask_name: str
    confidence: float
    delta_E_before: float | None
    delta_E_after: float | None
    verdict: Verdict | None
    tolerance: Tolerance | None
    picture_sha256: str
    picture_suffix: str
    picture_bytes: int
    has_disagreement: bool
    finished_at: datetime
    decision: Decision
    rating: int
    reason: Reason | None
    note: str
    reviewer: str
    reviewed_at: datetime | None
    marked_for_training: bool
    version: int
    superseded_by: int | None

    @property
    def path(self) -> Path:
        """The on-model photograph."""
        return Path(self.folder, self.name)

    @property
    def picture(self) -> ArtifactRef:
        """The preview that a list shows: of the result, or of the photograph where only a mask was made."""
        return ArtifactRef(ArtifactKind.PREVIEW, self.picture_sha256, self.picture_suffix, self.picture_bytes)

    @property
    def review(self) -> Review | None:
        """The latest verdict."""
        if self.reviewed_at is None:
            return None
        return Review(self.job_id, self.decision, self.reviewer, self.note, self.reviewed_at, self.rating, self.reason)

    def reviewed(self, review: Review) -> ReviewRow:
        """The row with a newer verdict; `change` stays until it is read again."""
        return self._replace(
            decision=review.decision, rating=review.rating, reason=review.reason, note=review.note,
            reviewer=review.reviewer, reviewed_at=review.at,
        )  # fmt: skip
