"""What lists show of results, without an object per record: a hundred thousand of them are read while a window works.

The pages are short and the rows plain tuples, made by one loop: SQLite gives up the interpreter lock at every step, and
no slice of Python between two steps is long enough to hold up the window's thread.
"""

from __future__ import annotations

import os
from datetime import datetime
from functools import lru_cache
from sys import intern

from sqlalchemy.orm import Session

from engine.domain.codec import from_json
from engine.domain.jobs import Reason
from engine.domain.requests import Tolerance
from engine.domain.results import Verdict
from engine.domain.review import Decision, ResultKind, ReviewRow
from storage.assets import require_batch
from storage.columns import path_text
from storage.database import driver_rows

_SUPERSEDED_BY = """
    (SELECT s.id FROM job AS s WHERE s.chain_id = j.chain_id AND s.version > j.version AND s.state = 'succeeded'
    ORDER BY s.version DESC LIMIT 1)
"""
"""The finished job of the highest version above that of ``j``, as `storage.versions.superseded` asks for it."""

_LATEST = "review AS r ON r.id = (SELECT max(id) FROM review WHERE review.job_id = c.job_id)"

_ROWS = f"""
    SELECT c.change, j.id, j.batch_id, j.pair_id, e.job_id IS NOT NULL, p.sku, p.view, p.garment, a.path,
        m.name, m.confidence, was.delta_E, now.delta_E, now.verdict, now.tolerance,
        i.sha256, i.suffix, i.size_bytes,
        EXISTS (SELECT 1 FROM artifact WHERE artifact.job_id = j.id AND slot = 'preview_disagreement'),
        j.finished_at, r.decision, r.rating, r.reason, r.note, r.reviewer, r.at,
        EXISTS (SELECT 1 FROM training_mark WHERE training_mark.job_id = j.id), j.version, {_SUPERSEDED_BY}
    FROM review_change AS c
    JOIN job AS j ON j.id = c.job_id
    JOIN pair AS p ON p.id = j.pair_id
    JOIN asset AS a ON a.id = p.on_model_id
    JOIN mask AS m ON m.job_id = j.id
    LEFT JOIN edit AS e ON e.job_id = j.id
    LEFT JOIN delta_e_report AS was ON was.job_id = j.id AND was.stage = 'before'
    LEFT JOIN delta_e_report AS now ON now.job_id = j.id AND now.stage = 'after'
    LEFT JOIN artifact AS i ON i.job_id = j.id AND i.slot = CASE
        WHEN EXISTS (SELECT 1 FROM artifact WHERE artifact.job_id = j.id AND slot = 'preview_matched')
        THEN 'preview_matched' ELSE 'preview_on_model' END
    LEFT JOIN {_LATEST}
    WHERE c.change > :after{{of_batch}}
    ORDER BY c.change LIMIT :limit
"""
_COUNTS = f"""
    SELECT coalesce(r.decision, 'pending'), count(*)
    FROM review_change AS c JOIN job AS j ON j.id = c.job_id LEFT JOIN {_LATEST}
    WHERE {_SUPERSEDED_BY} IS NULL{{of_batch}} GROUP BY 1
"""
_LEAVING = f"""
    SELECT CASE WHEN EXISTS (
        SELECT 1 FROM job AS v JOIN review AS w ON w.id = (SELECT max(id) FROM review WHERE review.job_id = v.id)
        WHERE v.chain_id = j.chain_id AND v.state = 'succeeded' AND w.decision = 'approved'
    ) THEN 'approved' ELSE coalesce(r.decision, 'pending') END, count(*)
    FROM review_change AS c JOIN job AS j ON j.id = c.job_id LEFT JOIN {_LATEST}
    WHERE {_SUPERSEDED_BY} IS NULL{{of_batch}} GROUP BY 1
"""
_OF_BATCH = " AND c.batch_id = :batch_id"

_DECISIONS = {decision.value: decision for decision in Decision} | {None: Decision.PENDING}
_VERDICTS = {verdict.value: verdict for verdict in Verdict} | {None: None}
_REASONS = {reason.value: reason for reason in Reason} | {None: None}


def review_rows(session: Session, batch_id: int | None, after: int, limit: int) -> list[ReviewRow]:
    """One page in the order of the last changes."""
    require_batch(session, batch_id)
    query = _ROWS.format(of_batch=_OF_BATCH if batch_id is not None else "")
    values = {"batch_id": batch_id, "after": after, "limit": limit}
    return [_row(*row) for row in driver_rows(session, query, values)]


def decision_counts(session: Session, batch_id: int | None) -> dict[Decision, int]:
    """Of what is not superseded."""
    return _counted(session, _COUNTS, batch_id)


def export_counts(session: Session, batch_id: int | None) -> dict[Decision, int]:
    """Of what an export takes of each result, as `engine.services.export.plan.items_to_export` chooses it."""
    return _counted(session, _LEAVING, batch_id)


def _counted(session: Session, counts: str, batch_id: int | None) -> dict[Decision, int]:
    require_batch(session, batch_id)
    query = counts.format(of_batch=_OF_BATCH if batch_id is not None else "")
    counted: dict[str, int] = dict(driver_rows(session, query, {"batch_id": batch_id}))
    return {decision: counted.get(decision.value, 0) for decision in Decision}


def _row(
    change: int, job_id: int, batch_id: int, pair_id: int, is_edit: int, sku: str, view: str, garment: str, path: str,
    mask_name: str, confidence: float, was: float | None, now: float | None, verdict: str | None,
    tolerance: str | None, sha256: str, suffix: str, size: int, disagrees: int,
    finished_at: str, decision: str | None, rating: int | None, reason: str | None, note: str | None,
    reviewer: str | None, reviewed_at: str | None, marked: int, version: int, superseded_by: int | None,
) -> ReviewRow:  # fmt: skip
    folder, name = os.path.split(path_text(path))
    kind = ResultKind.EDIT if is_edit else ResultKind.MASK if now is None else ResultKind.COLOR_MATCH
    return ReviewRow(
        # What many rows have in common is one object.
        change, job_id, batch_id, pair_id, kind, intern(sku), intern(view), intern(garment), name, intern(folder),
        intern(mask_name), confidence, was, now, _VERDICTS[verdict], _tolerance(tolerance) if tolerance else None,
        sha256, intern(suffix), size, bool(disagrees),
        datetime.fromisoformat(finished_at), _DECISIONS[decision], rating or 0, _REASONS[reason], note or "",
        intern(reviewer or ""), datetime.fromisoformat(reviewed_at) if reviewed_at else None, bool(marked), version,
        superseded_by,
    )  # fmt: skip


@lru_cache(maxsize=256)
def _tolerance(text: str) -> Tolerance:
    return from_json(text, Tolerance)
