"""The order in which queued jobs run: by priority, then by position, then by id."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from engine.domain.jobs import JobState
from storage.job_rows import require_jobs
from storage.tables import JobRow

Place = tuple[int, int, int]
"""Priority, position and id of a job."""


def reorder(session: Session, job_ids: Sequence[int], before: int | None) -> dict[int, tuple[int, int]]:
    require_jobs(session, job_ids if before is None else [*job_ids, before])
    queue = _queued_in_order(session)
    queued = {place[2]: place for place in queue}
    moved = [queued[job_id] for job_id in dict.fromkeys(job_ids) if job_id in queued]
    if not moved:
        return {}
    leaving = set(moved)
    others = [place for place in queue if place not in leaving]
    priority, at = others[-1][0] if others else moved[-1][0], len(others)
    if before is not None:
        anchor = session.execute(select(JobRow.priority, JobRow.position, JobRow.id).where(JobRow.id == before)).one()
        priority = anchor[0]
        at = bisect_left(others, _run_order(anchor), key=_run_order)
    equals = [place for place in others[:at] if place[0] == priority]
    equals += moved
    equals += [place for place in others[at:] if place[0] == priority]
    # The places that these jobs have between them, each once and strictly rising, so that no other job need change.
    positions = sorted({position for _, position, _ in equals})
    end = end_of_queue(session)
    positions += range(end, end + len(equals) - len(positions))
    old = {job_id: (its_priority, position) for its_priority, position, job_id in equals}
    new = {job_id: (priority, position) for (_, _, job_id), position in zip(equals, positions, strict=True)}
    changed = {job_id: place for job_id, place in new.items() if place != old[job_id]}
    if changed:
        session.execute(
            update(JobRow),
            [{"id": job_id, "priority": rank, "position": place} for job_id, (rank, place) in changed.items()],
        )
    return changed


def _queued_in_order(session: Session) -> list[Place]:
    """Every queued job in the order in which `claim` takes them."""
    query = select(JobRow.priority, JobRow.position, JobRow.id).where(JobRow.state == JobState.QUEUED)
    return sorted(((rank, place, job_id) for rank, place, job_id in session.execute(query)), key=_run_order)


def _run_order(place: Sequence[int]) -> Place:
    priority, position, job_id = place
    return -priority, position, job_id


def end_of_queue(session: Session) -> int:
    return session.scalar(select(func.coalesce(func.max(JobRow.position), -1) + 1)) or 0
