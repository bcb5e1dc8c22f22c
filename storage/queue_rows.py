"""What the queue's table shows of jobs: plain tuples of the driver, as `storage.review_rows` reads results.

Through SQLAlchemy's objects a job with its pair and both photographs took six times as long, under the interpreter's
lock that the window's thread waits for.
"""

from __future__ import annotations

import os
from datetime import datetime
from sys import intern

from sqlalchemy.orm import Session

from engine.domain.jobs import Job, JobFailure, JobState, Origin, QueueRow, Reason
from storage.assets import require_batch
from storage.columns import path_text
from storage.database import driver_rows
from storage.job_rows import request_of

_ROWS = """
    SELECT j.id, j.batch_id, j.pair_id, j.request_json, j.state, j.attempt, j.priority, j.position,
        j.worker_id, j.heartbeat_at, j.failure_message, j.failure_remedy, j.failure_retryable, j.failure_detail,
        j.created_at, j.started_at, j.finished_at, j.supersedes, j.reason, j.author, j.chain_id, j.version,
        p.sku, a.path
    FROM job AS j JOIN pair AS p ON p.id = j.pair_id JOIN asset AS a ON a.id = p.on_model_id
    WHERE j.id > :after{of_batch}
    ORDER BY j.id LIMIT :limit
"""
_OF_BATCH = " AND j.batch_id = :batch_id"
_STATES = {state.value: state for state in JobState}


def queue_rows(session: Session, batch_id: int | None, after: int, limit: int) -> list[QueueRow]:
    """One page in the order of ids."""
    require_batch(session, batch_id)
    query = _ROWS.format(of_batch=_OF_BATCH if batch_id is not None else "")
    values = {"batch_id": batch_id, "after": after, "limit": limit}
    return [_row(*row) for row in driver_rows(session, query, values)]


def _row(
    job_id: int, batch_id: int, pair_id: int, request: str, state: str, attempt: int, priority: int, position: int,
    worker_id: str | None, heartbeat_at: str | None,
    message: str | None, remedy: str | None, retryable: int | None, detail: str | None,
    created_at: str, started_at: str | None, finished_at: str | None,
    supersedes: int | None, reason: str | None, author: str | None, chain: int | None, version: int,
    sku: str, path: str,
) -> QueueRow:  # fmt: skip
    failure = JobFailure(message, remedy or "", bool(retryable), detail or "") if message is not None else None
    origin = None
    if supersedes is not None and reason is not None and author is not None:
        origin = Origin(supersedes, Reason(reason), author)
    folder, name = os.path.split(path_text(path))
    job = Job(
        job_id, batch_id, pair_id, request_of(request), _STATES[state], attempt, priority, position,
        worker_id, _moment(heartbeat_at), failure,
        datetime.fromisoformat(created_at), _moment(started_at), _moment(finished_at),
        origin, chain, version,
    )  # fmt: skip
    return QueueRow(job, sku, name, intern(folder))


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
