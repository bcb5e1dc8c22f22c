"""A part of the catalog: what jobs yielded, what people think of it, and where it was exported to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from engine.domain.export import ExportFormat, ExportRecord
from engine.domain.results import JobOutcome
from engine.domain.review import Decision, Review, ReviewItem, ReviewRow


class Results(Protocol):
    """What jobs yielded, what people think of it, and where it was exported to.

    A part of `engine.ports.Catalog`, whose rules hold.
    """

    def outcome(self, job_id: int) -> JobOutcome | None:
        """What a SUCCEEDED job yielded; None for any other state."""
        ...

    def review_items(self, batch_id: int | None = None, after_id: int = 0, limit: int = 1000) -> list[ReviewItem]:
        """SUCCEEDED jobs with pair, outcome and latest verdict, in job id order, paged by key."""
        ...

    def review_items_by_id(self, job_ids: Sequence[int]) -> list[ReviewItem]:
        """The items of these SUCCEEDED jobs, in the order of the ids."""
        ...

    def review_item(self, job_id: int) -> ReviewItem:
        """The item of one SUCCEEDED job."""
        ...

    def review_rows(self, batch_id: int | None = None, after: int = 0, limit: int = 1000) -> list[ReviewRow]:
        """What lists show of SUCCEEDED jobs, in the order of their last change, paged by it (``change > after``).

        From 0 on these are all results. From the greatest `ReviewRow.change` that was read on, they are those that
        finished, were reviewed or marked, whose pair was named anew, or that were superseded since (with
        `ReviewRow.superseded_by` set: what is not superseded has none). A result that moves to another batch is
        reported there.
        """
        ...

    def decision_counts(self, batch_id: int | None = None) -> dict[Decision, int]:
        """How many results that are not superseded have each decision."""
        ...

    def export_counts(self, batch_id: int | None = None) -> dict[Decision, int]:
        """The same of what an export takes of each result: its newest approved version, or else its newest one."""
        ...

    def add_reviews(self, given: Sequence[Review]) -> None:
        """Record verdicts, in order: all of them or, where a job does not exist, none."""
        ...

    def reviews(self, job_id: int) -> list[Review]:
        """Every verdict on a job, oldest first."""
        ...

    def record_export(
        self,
        job_ids: Sequence[int],
        format: ExportFormat,
        path: Path,
        sha256: str,
        now: datetime,
        former_sha256: str = "",
        settings: str = "",
    ) -> list[ExportRecord]:
        """Note that a finished file with this hash, made of these results, is about to take its name.

        The records that the path had go: another version's, or of a result that is no longer in the document.
        """
        ...

    def exports(self, job_id: int) -> list[ExportRecord]:
        """Every file that was made of a job's result, oldest record first."""
        ...

    def exports_of_pair(self, pair_id: int) -> list[ExportRecord]:
        """Every file that was made of any result of a pair, of whatever batch, oldest record first."""
        ...

    def exports_at(self, path: Path) -> list[ExportRecord]:
        """Of a file the record of every result that is in it, by job id; empty for a file Chromask did not write."""
        ...
