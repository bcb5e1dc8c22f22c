"""Jobs as they lie in the catalog: read, looked up, and as the domain knows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from engine.domain.codec import from_json
from engine.domain.errors import BugError
from engine.domain.jobs import BatchCounts, Job, JobFailure, JobState, Origin
from engine.domain.requests import Request
from storage.assets import chunks, require_batch
from storage.tables import JobCountRow, JobRow


def jobs(
    session: Session, batch_id: int | None, states: Iterable[JobState] | None, after_id: int, limit: int
) -> list[Job]:
    return [job_of(row) for row in job_rows(session, batch_id, states, after_id, limit)]


def job_rows(
    session: Session, batch_id: int | None, states: Iterable[JobState] | None, after_id: int, limit: int
) -> list[JobRow]:
    require_batch(session, batch_id)
    query = select(JobRow).where(JobRow.id > after_id).order_by(JobRow.id).limit(limit)
    if batch_id is not None:
        query = query.where(JobRow.batch_id == batch_id)
    if states is not None:
        query = query.where(JobRow.state.in_(list(states)))
    return list(session.scalars(query))


def job(session: Session, job_id: int) -> Job:
    return job_of(require_job(session, job_id))


def require_job(session: Session, job_id: int) -> JobRow:
    row = session.get(JobRow, job_id)
    if row is None:
        raise BugError(f"there is no job {job_id}")
    return row


def require_jobs(session: Session, job_ids: Iterable[int]) -> None:
    require_rows(session, JobRow.id, job_ids, "jobs")


def counts(session: Session, batch_id: int | None) -> BatchCounts:
    require_batch(session, batch_id)
    query = select(JobCountRow.state, func.sum(JobCountRow.jobs)).group_by(JobCountRow.state)
    if batch_id is not None:
        query = query.where(JobCountRow.batch_id == batch_id)
    counted = BatchCounts(**{state.value: number for state, number in session.execute(query)})
    again = _repeated(session, batch_id) if counted.failed else 0
    return replace(counted, failed=counted.failed - again, repeated=again)


def _repeated(session: Session, batch_id: int | None) -> int:
    """How many failed jobs there are of which `engine.domain.jobs.repeated` holds."""
    newer = aliased(JobRow)
    standing = select(newer.id).where(
        newer.chain_id == JobRow.chain_id, newer.version > JobRow.version, newer.state != JobState.CANCELLED
    )
    query = select(func.count()).where(JobRow.state == JobState.FAILED, JobRow.chain_id.is_not(None), standing.exists())
    if batch_id is not None:
        query = query.where(JobRow.batch_id == batch_id)
    return session.scalar(query) or 0


def require_rows(session: Session, column: Any, ids: Iterable[int], what: str) -> None:
    missing = set(ids)
    for some in chunks(sorted(missing)):
        missing.difference_update(session.scalars(select(column).where(column.in_(some))))
    if missing:
        raise BugError(f"there are no {what} {sorted(missing)}")


def jobs_by_id(session: Session, ids: Iterable[int]) -> dict[int, Job]:
    found: dict[int, Job] = {}
    for some in chunks(ids):
        found |= {row.id: job_of(row) for row in session.scalars(select(JobRow).where(JobRow.id.in_(some)))}
    return found


@lru_cache(maxsize=256)
def request_of(request_json: str) -> Request:
    """The request that was stored as this text; thousands of jobs share a handful."""
    return from_json(request_json, Request)


def job_of(row: JobRow) -> Job:
    """The row as the domain knows it."""
    failure = None
    if row.failure_message is not None:
        failure = JobFailure(
            message=row.failure_message,
            remedy=row.failure_remedy or "",
            retryable=bool(row.failure_retryable),
            detail=row.failure_detail or "",
        )
    return Job(
        id=row.id,
        batch_id=row.batch_id,
        pair_id=row.pair_id,
        request=request_of(row.request_json),
        state=row.state,
        attempt=row.attempt,
        priority=row.priority,
        position=row.position,
        worker_id=row.worker_id,
        heartbeat_at=row.heartbeat_at,
        failure=failure,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        origin=_origin(row),
        chain=row.chain_id,
        version=row.version,
    )


def _origin(row: JobRow) -> Origin | None:
    if row.supersedes is None or row.reason is None or row.author is None:
        return None
    return Origin(row.supersedes, row.reason, row.author)
