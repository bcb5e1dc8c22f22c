"""The job queue. Each function is the body of one transaction; `storage.catalog` says which.

A job's lease (`worker_id`, `heartbeat_at`) exists exactly while it is RUNNING; the table's CHECK constraints hold that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from engine.domain.codec import request_hash, to_json
from engine.domain.jobs import Job, JobFailure, JobState
from engine.domain.requests import NETWORK_ENGINES, Request, given_files
from storage.assets import chunks, require_batch
from storage.job_rows import job_of, jobs_by_id, require_job, require_jobs, require_rows
from storage.run_order import end_of_queue
from storage.tables import GivenArtifactRow, JobRow, PairRow

JobKey = tuple[int, str]
Values = dict[Any, Any]
"""Column to new value or SQL expression."""

_NO_LEASE: Values = {JobRow.worker_id: None, JobRow.heartbeat_at: None}
_NO_FAILURE: Values = {
    JobRow.failure_message: None,
    JobRow.failure_remedy: None,
    JobRow.failure_retryable: None,
    JobRow.failure_detail: None,
}
_NETWORK_ENGINES = tuple(f'"engine":"{name}"' for name in sorted(NETWORK_ENGINES))
"""As canonical JSON writes a request's engine, and its mask's; within a text the quotation marks are escaped."""

_ATTEMPT_TAKEN_BACK = func.max(JobRow.attempt - 1, 0)


# -- queueing -----------------------------------------------------------------------------------------------------


def add_jobs(
    session: Session, batch_id: int, wanted: Sequence[tuple[int, Request]], priority: int, now: datetime
) -> list[Job]:
    require_batch(session, batch_id)
    require_rows(session, PairRow.id, [pair_id for pair_id, _ in wanted], "pairs")
    # Thousands of pairs share a handful of requests: each is written and hashed once.
    digests = {request: request_hash(request) for request in {request for _, request in wanted}}
    texts = {digest: to_json(request, Request) for request, digest in digests.items()}
    keys: list[JobKey] = [(pair_id, digests[request]) for pair_id, request in wanted]
    known = _job_ids(session, keys)
    position = end_of_queue(session)
    new = [
        {
            "batch_id": batch_id,
            "pair_id": pair_id,
            "request_json": texts[digest],
            "request_hash": digest,
            "state": JobState.QUEUED,
            "attempt": 0,
            "priority": priority,
            "position": position + offset,
            "created_at": now,
        }
        for offset, (pair_id, digest) in enumerate(key for key in dict.fromkeys(keys) if key not in known)
    ]
    if new:
        session.execute(insert(JobRow), new)
    ids = _job_ids(session, keys)
    given = {digest: given_files(request) for request, digest in digests.items()}
    taken = [
        {"job_id": job_id, "sha256": sha256}
        for key, job_id in ids.items()
        if key not in known
        for sha256 in given[key[1]]
    ]
    if taken:
        session.execute(insert(GivenArtifactRow), taken)
    _move(session, list(known.values()), batch_id)
    stored = jobs_by_id(session, ids.values())
    return [stored[ids[key]] for key in keys]


def _move(session: Session, job_ids: Iterable[int], batch_id: int) -> None:
    """Take jobs to a batch, with every version of theirs: what stands for a photograph is not to stay behind."""
    for ids in chunks(dict.fromkeys(job_ids)):
        chains = select(JobRow.chain_id).where(JobRow.id.in_(ids), JobRow.chain_id.is_not(None))
        session.execute(
            update(JobRow)
            .where(JobRow.id.in_(ids) | JobRow.chain_id.in_(chains), JobRow.batch_id != batch_id)
            .values({JobRow.batch_id: batch_id}),
            execution_options={"synchronize_session": False},
        )


def set_priority(session: Session, job_ids: Sequence[int], priority: int) -> None:
    require_jobs(session, job_ids)
    _update(session, job_ids, JobRow.state == JobState.QUEUED, {JobRow.priority: priority})


def cancel(session: Session, job_ids: Sequence[int], now: datetime) -> list[int]:
    require_jobs(session, job_ids)
    return _update(
        session,
        job_ids,
        JobRow.state.in_([JobState.QUEUED, JobState.RUNNING]),
        {JobRow.state: JobState.CANCELLED, **_NO_LEASE, JobRow.finished_at: now},
    )


def retry(session: Session, job_ids: Sequence[int]) -> list[int]:
    require_jobs(session, job_ids)
    return _update(
        session,
        job_ids,
        JobRow.state.in_([JobState.FAILED, JobState.CANCELLED]),
        {**_queued_again(session), **_NO_FAILURE, JobRow.attempt: 0, JobRow.finished_at: None},
    )


# -- running ------------------------------------------------------------------------------------------------------


def claim(session: Session, worker_id: str, now: datetime, *, without_networks: bool) -> Job | None:
    in_order = (JobRow.priority.desc(), JobRow.position, JobRow.id)
    queued = select(JobRow.id).where(JobRow.state == JobState.QUEUED)
    if without_networks:
        queued = queued.where(*(JobRow.request_json.not_like(f"%{runs_on}%") for runs_on in _NETWORK_ENGINES))
    first = queued.order_by(*in_order).limit(1).scalar_subquery()
    row = session.scalar(
        update(JobRow)
        .where(JobRow.id == first)
        .values(
            {
                JobRow.state: JobState.RUNNING,
                JobRow.attempt: JobRow.attempt + 1,
                JobRow.worker_id: worker_id,
                JobRow.heartbeat_at: now,
                JobRow.started_at: now,
            }
        )
        .returning(JobRow),
        execution_options={"synchronize_session": False},
    )
    return None if row is None else job_of(row)


def heartbeat(session: Session, job_id: int, worker_id: str, now: datetime) -> bool:
    return _update_mine(session, job_id, worker_id, {JobRow.heartbeat_at: now})


def succeed(session: Session, job_id: int, worker_id: str, now: datetime) -> bool:
    """RUNNING -> SUCCEEDED; the caller writes the outcome in the same transaction."""
    values = {JobRow.state: JobState.SUCCEEDED, **_NO_LEASE, JobRow.finished_at: now}
    return _update_mine(session, job_id, worker_id, values)


def fail(session: Session, job_id: int, worker_id: str, failure: JobFailure, now: datetime) -> bool:
    values: Values = {
        JobRow.state: JobState.FAILED,
        **_NO_LEASE,
        JobRow.failure_message: failure.message,
        JobRow.failure_remedy: failure.remedy,
        JobRow.failure_retryable: failure.retryable,
        JobRow.failure_detail: failure.detail,
        JobRow.finished_at: now,
    }
    return _update_mine(session, job_id, worker_id, values)


def release(session: Session, job_id: int, worker_id: str, *, count_attempt: bool) -> bool:
    values = _queued_again(session)
    if not count_attempt:
        values[JobRow.attempt] = _ATTEMPT_TAKEN_BACK
    return _update_mine(session, job_id, worker_id, values)


def recover(session: Session, lost_before: datetime) -> list[int]:
    changed = session.scalars(
        update(JobRow)
        .where(JobRow.state == JobState.RUNNING, JobRow.heartbeat_at < lost_before)
        .values({**_queued_again(session), JobRow.attempt: _ATTEMPT_TAKEN_BACK})
        .returning(JobRow.id),
        execution_options={"synchronize_session": False},
    )
    return sorted(changed)


# -- shared -------------------------------------------------------------------------------------------------------


def _queued_again(session: Session) -> Values:
    """Back to QUEUED, behind everything of its priority: a picture that kills its worker must not block the others."""
    return {
        JobRow.state: JobState.QUEUED,
        **_NO_LEASE,
        JobRow.started_at: None,
        JobRow.position: end_of_queue(session),
    }


def _update_mine(session: Session, job_id: int, worker_id: str, values: Values) -> bool:
    """Change the job if this worker holds its lease."""
    is_mine = (JobRow.state == JobState.RUNNING) & (JobRow.worker_id == worker_id)
    if _update(session, [job_id], is_mine, values):
        return True
    require_job(session, job_id)
    return False


def _update(session: Session, ids: Iterable[int], where: ColumnElement[bool], values: Values) -> list[int]:
    """Change those of the jobs that the condition holds for; their ids in order."""
    changed: list[int] = []
    for some in chunks(dict.fromkeys(ids)):
        statement = update(JobRow).where(JobRow.id.in_(some), where).values(values).returning(JobRow.id)
        changed += session.scalars(statement, execution_options={"synchronize_session": False})
    return sorted(changed)


def _job_ids(session: Session, keys: Iterable[JobKey]) -> dict[JobKey, int]:
    wanted = set(keys)
    digests = sorted({digest for _, digest in wanted})
    found: dict[JobKey, int] = {}
    for pair_ids in chunks(sorted({pair_id for pair_id, _ in wanted})):
        for some in chunks(digests):
            query = select(JobRow.pair_id, JobRow.request_hash, JobRow.id).where(
                JobRow.pair_id.in_(pair_ids), JobRow.request_hash.in_(some)
            )
            found |= {
                (pair_id, digest): job_id
                for pair_id, digest, job_id in session.execute(query)
                if (pair_id, digest) in wanted
            }
    return found
