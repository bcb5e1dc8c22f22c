"""Versions of a result and training marks. Each function is the body of one transaction, or a part of one.

A chain is the jobs of one ``chain_id``; the first job gave it its own number. ``version`` is the order: what is asked
for last stands last, also when it was there before, so no chain can branch or run in a circle. A job that never had
another version has no ``chain_id`` and is found in no index of chains.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased
from sqlalchemy.sql.elements import ColumnElement

from engine.domain.errors import BugError
from engine.domain.jobs import Job, JobState, Origin
from engine.domain.requests import GARMENT_MASK, ColorMatchRequest, MaskRequest, Request, View
from engine.domain.review import TrainingMark
from storage.assets import chunks
from storage.job_queue import Values
from storage.job_rows import job_of, require_job
from storage.tables import AssetRow, GivenArtifactRow, JobRow, PairRow, ResultRow, TrainingMarkRow

# -- reading ------------------------------------------------------------------------------------------------------


def superseded(job: type[JobRow] = JobRow) -> ColumnElement[bool]:
    """SQL: whether a SUCCEEDED job of a higher version has taken the place of a row of ``job``.

    Parameters
    ----------
    job : type of JobRow
        The table, or an alias of it, that the surrounding query reads.
    """
    newer = aliased(JobRow)
    return (
        select(newer.id)
        .where(newer.chain_id == job.chain_id, newer.version > job.version, newer.state == JobState.SUCCEEDED)
        .exists()
    )


def superseded_ids(session: Session, job_ids: Iterable[int]) -> set[int]:
    found: set[int] = set()
    for ids in chunks(dict.fromkeys(job_ids)):
        found.update(session.scalars(select(JobRow.id).where(JobRow.id.in_(ids), superseded())))
    return found


def versions(session: Session, job_id: int) -> list[Job]:
    row = require_job(session, job_id)
    if row.chain_id is None:
        return [job_of(row)]
    query = select(JobRow).where(JobRow.chain_id == row.chain_id).order_by(JobRow.version.desc())
    return [job_of(version) for version in session.scalars(query)]


def pair_jobs(session: Session, pair_id: int) -> list[Job]:
    if session.get(PairRow, pair_id) is None:
        raise BugError(f"there is no pair {pair_id}")
    return [job_of(row) for row in session.scalars(select(JobRow).where(JobRow.pair_id == pair_id).order_by(JobRow.id))]


def find_pairs(session: Session, views: Sequence[View]) -> list[int | None]:
    on_model, flatlay = aliased(AssetRow), aliased(AssetRow)
    query = (
        select(on_model.path, on_model.sha256, flatlay.path, flatlay.sha256, PairRow.id)
        .join(on_model, on_model.id == PairRow.on_model_id)
        .join(flatlay, flatlay.id == PairRow.flatlay_id)
    )
    found: dict[tuple[Path, str, Path, str], int] = {}
    for paths in chunks(dict.fromkeys(view.on_model for view in views)):
        rows = session.execute(query.where(on_model.path.in_(paths)))
        found |= {(path, sha256, flat, flat_sha256): id for path, sha256, flat, flat_sha256, id in rows}
    return [found.get((view.on_model, view.on_model_sha256, view.flatlay, view.flatlay_sha256)) for view in views]


def corrected_masks(session: Session, pair_ids: Iterable[int]) -> dict[int, MaskRequest]:
    found: dict[int, MaskRequest] = {}
    for ids in chunks(dict.fromkeys(pair_ids)):
        query = (
            select(JobRow)
            .where(
                JobRow.pair_id.in_(ids),
                select(GivenArtifactRow.job_id).where(GivenArtifactRow.job_id == JobRow.id).exists(),
                ~superseded(),
            )
            .order_by(JobRow.finished_at, JobRow.id)
        )
        # Asked for their state as well, SQLite would go through every job that succeeded, and not through the pairs'.
        finished = (row for row in session.scalars(query) if row.state is JobState.SUCCEEDED)
        masks = ((row.pair_id, _garment_mask(job_of(row).request)) for row in finished)
        found |= {pair_id: mask for pair_id, mask in masks if mask is not None and mask.corrected is not None}
    return found


def _garment_mask(request: Request) -> MaskRequest | None:
    mask = request.mask if isinstance(request, ColorMatchRequest) else request
    return mask if isinstance(mask, MaskRequest) and mask.name == GARMENT_MASK else None


# -- adding -------------------------------------------------------------------------------------------------------


def append(session: Session, jobs: Sequence[Job], origins: Sequence[Origin], priority: int) -> list[Job]:
    """Make each job the newest version of its origin's chain; the jobs as they are then.

    Raises
    ------
    BugError
        An origin is of another pair, or the job itself.
    """
    if len(jobs) != len(origins):
        raise BugError(f"{len(origins)} origins for {len(jobs)} jobs")
    for job, origin in zip(jobs, origins, strict=True):
        _append(session, job.id, origin)
        _update(session, (JobRow.id == job.id) & (JobRow.priority < priority), {JobRow.priority: priority})
    return [job_of(_fresh(session, job.id)) for job in jobs]


def _append(session: Session, job_id: int, origin: Origin) -> None:
    job, older = _fresh(session, job_id), _fresh(session, origin.supersedes)
    if job.pair_id != older.pair_id or job.id == older.id:
        raise BugError(f"job {job.id} cannot supersede job {older.id}: it is the same, or of another pair")
    chain = older.chain_id
    if chain is None:
        chain = older.id
        _update(session, JobRow.id == older.id, {JobRow.chain_id: chain})
    newest = _newest(session, chain)
    if job.chain_id == chain and job.version == newest:
        return
    if job.chain_id is not None and job.chain_id != chain:
        joined = {JobRow.chain_id: chain, JobRow.version: JobRow.version + newest}
        _update(session, JobRow.chain_id == job.chain_id, joined)
        newest = _newest(session, chain)
    _update(
        session,
        JobRow.id == job.id,
        {
            JobRow.chain_id: chain,
            JobRow.version: newest + 1,
            JobRow.supersedes: origin.supersedes,
            JobRow.reason: origin.reason,
            JobRow.author: origin.author,
        },
    )
    _update(session, JobRow.chain_id == chain, {JobRow.batch_id: older.batch_id})


def _newest(session: Session, chain: int) -> int:
    return session.scalar(select(func.max(JobRow.version)).where(JobRow.chain_id == chain)) or 0


def _fresh(session: Session, job_id: int) -> JobRow:
    """The row as the statements of this transaction left it."""
    row = session.get(JobRow, job_id, populate_existing=True)
    if row is None:
        raise BugError(f"there is no job {job_id}")
    return row


def _update(session: Session, where: ColumnElement[bool], values: Values) -> None:
    session.execute(update(JobRow).where(where).values(values), execution_options={"synchronize_session": False})


# -- training pairs -----------------------------------------------------------------------------------------------


def mark_for_training(session: Session, job_ids: Iterable[int], author: str, now: datetime) -> None:
    wanted = set(job_ids)
    marked = _held(session, TrainingMarkRow.job_id, wanted)
    without = wanted - _held(session, ResultRow.job_id, wanted)
    if without:
        raise BugError(f"no training pair without an outcome: jobs {sorted(without)}")
    rows = [{"job_id": job_id, "author": author, "at": now} for job_id in sorted(wanted - marked)]
    if rows:
        session.execute(insert(TrainingMarkRow), rows)


def unmark_for_training(session: Session, job_ids: Iterable[int]) -> None:
    for ids in chunks(dict.fromkeys(job_ids)):
        session.execute(delete(TrainingMarkRow).where(TrainingMarkRow.job_id.in_(ids)))


def training_marks(session: Session, after_id: int, limit: int) -> list[TrainingMark]:
    query = select(TrainingMarkRow).where(TrainingMarkRow.job_id > after_id).order_by(TrainingMarkRow.job_id)
    return [TrainingMark(row.job_id, row.author, row.at) for row in session.scalars(query.limit(limit))]


def _held(session: Session, column: InstrumentedAttribute[int], ids: Iterable[int]) -> set[int]:
    found: set[int] = set()
    for some in chunks(sorted(ids)):
        found.update(session.scalars(select(column).where(column.in_(some))))
    return found
