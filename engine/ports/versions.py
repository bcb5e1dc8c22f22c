"""A part of the catalog: versions of results, and the marks of training pairs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from engine.domain.jobs import Job
from engine.domain.requests import MaskRequest
from engine.domain.review import TrainingMark


class Versions(Protocol):
    """Versions of results, and the marks of training pairs.

    A part of `engine.ports.Catalog`, whose rules hold.
    """

    def pair_jobs(self, pair_id: int) -> list[Job]:
        """Every job of the pair, in id order."""
        ...

    def versions(self, job_id: int) -> list[Job]:
        """The job's chain, newest first, in whatever states; the job alone where it has no other version."""
        ...

    def superseded(self, job_ids: Sequence[int]) -> set[int]:
        """Those of the jobs that a SUCCEEDED job of a higher version has taken the place of."""
        ...

    def corrected_masks(self, pair_ids: Sequence[int]) -> dict[int, MaskRequest]:
        """Of those pairs whose garment mask a person corrected, the request with the mask as it is now: of the result
        that finished last, among the newest versions that succeeded.
        """
        ...

    def mark_for_training(self, job_ids: Sequence[int], author: str, now: datetime) -> None:
        """Mark SUCCEEDED jobs; one that is marked already keeps its mark. BugError for a job without an outcome."""
        ...

    def unmark_for_training(self, job_ids: Sequence[int]) -> None: ...

    def training_marks(self, after_id: int = 0, limit: int = 1000) -> list[TrainingMark]:
        """In job id order, paged by key (``job_id > after_id``)."""
        ...
