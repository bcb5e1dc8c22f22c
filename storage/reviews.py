"""Verdicts, and files that left the house. Each function is the body of one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from engine.domain.errors import BugError
from engine.domain.export import ExportFormat, ExportRecord
from engine.domain.jobs import Job, JobState
from engine.domain.review import Review, ReviewItem
from storage.assets import chunks, pairs_by_id
from storage.job_rows import job_of, job_rows, jobs_by_id, require_job, require_jobs
from storage.outcomes import outcomes
from storage.tables import ExportRow, JobRow, ReviewRow

_FIELDS = tuple(field.name for field in fields(Review))
"""`ReviewRow` has a column of the same name for each."""

# -- verdicts -----------------------------------------------------------------------------------------------------


def add_reviews(session: Session, given: Sequence[Review]) -> None:
    require_jobs(session, [review.job_id for review in given])
    if given:
        # asdict() would copy every field's value again: a thousand verdicts may be one step.
        session.execute(insert(ReviewRow), [{name: getattr(review, name) for name in _FIELDS} for review in given])


def reviews(session: Session, job_id: int) -> list[Review]:
    """In the order in which they were given, whatever the clocks said."""
    require_job(session, job_id)
    query = select(ReviewRow).where(ReviewRow.job_id == job_id).order_by(ReviewRow.id)
    return [_review(row) for row in session.scalars(query)]


def review_items(session: Session, batch_id: int | None, after_id: int, limit: int) -> list[ReviewItem]:
    """One page, in a number of queries that does not grow with it (but for the chunks of ``IN``)."""
    return _items(session, [job_of(row) for row in job_rows(session, batch_id, (JobState.SUCCEEDED,), after_id, limit)])


def review_items_by_id(session: Session, job_ids: Sequence[int]) -> list[ReviewItem]:
    """In the order of the ids."""
    require_jobs(session, job_ids)
    found = jobs_by_id(session, job_ids)
    return _items(session, [found[job_id] for job_id in job_ids])


def _items(session: Session, jobs: Sequence[Job]) -> list[ReviewItem]:
    ids = [job.id for job in jobs]
    pairs = pairs_by_id(session, [job.pair_id for job in jobs])
    yielded = outcomes(session, ids)
    latest = _latest_reviews(session, ids)
    missing = [job_id for job_id in ids if job_id not in yielded]
    if missing:
        raise BugError(f"the jobs {missing} have no outcome")
    return [ReviewItem(job, pairs[job.pair_id], yielded[job.id], latest.get(job.id)) for job in jobs]


def _latest_reviews(session: Session, job_ids: Iterable[int]) -> dict[int, Review]:
    found: dict[int, Review] = {}
    for ids in chunks(job_ids):
        last = select(func.max(ReviewRow.id)).where(ReviewRow.job_id.in_(ids)).group_by(ReviewRow.job_id)
        rows = session.scalars(select(ReviewRow).where(ReviewRow.id.in_(last)))
        found |= {row.job_id: _review(row) for row in rows}
    return found


def _review(row: ReviewRow) -> Review:
    return Review(**{name: getattr(row, name) for name in _FIELDS})


# -- exports ------------------------------------------------------------------------------------------------------


def record_export(
    session: Session,
    job_ids: Sequence[int],
    format: ExportFormat,
    path: Path,
    sha256: str,
    now: datetime,
    former_sha256: str,
    settings: str,
) -> list[ExportRecord]:
    require_jobs(session, job_ids)
    session.execute(delete(ExportRow).where(ExportRow.path == path))
    rows = [
        ExportRow(
            job_id=job_id, format=format, path=path, sha256=sha256, at=now, former_sha256=former_sha256,
            settings=settings,
        )
        for job_id in sorted(set(job_ids))
    ]  # fmt: skip
    session.add_all(rows)
    session.flush()
    return [_export(row) for row in rows]


def exports(session: Session, job_id: int) -> list[ExportRecord]:
    require_job(session, job_id)
    query = select(ExportRow).where(ExportRow.job_id == job_id).order_by(ExportRow.id)
    return [_export(row) for row in session.scalars(query)]


def exports_of_pair(session: Session, pair_id: int) -> list[ExportRecord]:
    jobs = select(JobRow.id).where(JobRow.pair_id == pair_id)
    return [
        _export(row)
        for row in session.scalars(select(ExportRow).where(ExportRow.job_id.in_(jobs)).order_by(ExportRow.id))
    ]


def exports_at(session: Session, path: Path) -> list[ExportRecord]:
    query = select(ExportRow).where(ExportRow.path == path).order_by(ExportRow.job_id)
    return [_export(row) for row in session.scalars(query)]


_RECORD_FIELDS = tuple(field.name for field in fields(ExportRecord))
"""`ExportRow` has a column of the same name for each."""


def _export(row: ExportRow) -> ExportRecord:
    return ExportRecord(**{name: getattr(row, name) for name in _RECORD_FIELDS})
