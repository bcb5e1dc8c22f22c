"""The journal, and whether the catalog is sound."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from storage.job_rows import require_job
from storage.tables import ArtifactRow, EditedTurnRow, EventRow, GivenArtifactRow, IdentityRow


def identity(session: Session) -> str:
    return session.scalars(select(IdentityRow.catalog_id)).one()


def log(session: Session, kind: str, message: str, job_id: int | None, now: datetime) -> None:
    if job_id is not None:
        require_job(session, job_id)
    session.add(EventRow(at=now, kind=kind, message=message, job_id=job_id))
    session.flush()


def referenced_artifacts(session: Session) -> set[str]:
    return {
        *session.scalars(select(ArtifactRow.sha256).distinct()),
        *session.scalars(select(EditedTurnRow.mask_sha256).distinct()),
        *session.scalars(select(GivenArtifactRow.sha256).distinct()),
    }


def check(session: Session) -> list[str]:
    """Problems, one sentence each. Reads the whole file: seconds for a large catalog."""
    problems = [
        f"SQLite's integrity check says: {line}."
        for line in session.scalars(text("PRAGMA integrity_check"))
        if line != "ok"
    ]
    problems += [
        f"Record {row_id} of table {table!r} refers to a record of {parent!r} that does not exist."
        for table, row_id, parent, _ in session.execute(text("PRAGMA foreign_key_check"))
    ]
    for sentence, query in _RULES:
        broken = [str(job_id) for job_id in session.scalars(text(query))]
        if broken:
            problems.append(sentence.format(", ".join(broken[:10]) + (" …" if len(broken) > 10 else "")))
    problems += [
        f"The counter of {state} jobs in batch {batch_id} says {counted}, but there are {jobs}."
        for batch_id, state, counted, jobs in session.execute(text(_WRONG_COUNTERS))
    ]
    return problems


_RULES = (
    (
        "Succeeded without an outcome: jobs {}.",
        """
        SELECT id FROM job WHERE state = 'succeeded' AND (
            NOT EXISTS (SELECT 1 FROM result WHERE result.job_id = job.id)
            OR NOT EXISTS (SELECT 1 FROM mask WHERE mask.job_id = job.id)
            OR (SELECT count(*) FROM artifact WHERE artifact.job_id = job.id
                AND slot IN ('mask_alpha', 'preview_on_model')) != 2
        ) ORDER BY id
        """,
    ),
    (
        "A colour match without its picture or its two ΔE reports: jobs {}.",
        """
        SELECT job_id FROM color_match WHERE
            (SELECT count(*) FROM delta_e_report WHERE delta_e_report.job_id = color_match.job_id) != 2
            OR NOT EXISTS (SELECT 1 FROM artifact WHERE artifact.job_id = color_match.job_id
                AND slot = 'matched_picture')
        ORDER BY job_id
        """,
    ),
    (
        "An edit without its picture or without a turn: jobs {}.",
        """
        SELECT job_id FROM edit WHERE
            NOT EXISTS (SELECT 1 FROM edited_turn WHERE edited_turn.job_id = edit.job_id)
            OR NOT EXISTS (SELECT 1 FROM artifact WHERE artifact.job_id = edit.job_id AND slot = 'edited_picture')
        ORDER BY job_id
        """,
    ),
    (
        "A chain of versions that is not whole, of one pair and in order: jobs {}.",
        """
        SELECT job.id FROM job LEFT JOIN job AS root ON root.id = job.chain_id WHERE
            (job.chain_id IS NULL AND (job.version != 1 OR job.supersedes IS NOT NULL))
            OR (job.chain_id IS NOT NULL AND (
                root.id IS NULL OR root.pair_id != job.pair_id OR root.batch_id != job.batch_id
                OR EXISTS (SELECT 1 FROM job AS twin
                    WHERE twin.chain_id = job.chain_id AND twin.version = job.version AND twin.id != job.id)
            ))
        ORDER BY job.id
        """,
    ),
    (
        "A corrected mask in their request that is not on the list of files to keep: jobs {}.",
        """
        SELECT id FROM job WHERE request_json LIKE '%"corrected":{%'
            AND NOT EXISTS (SELECT 1 FROM given_artifact WHERE given_artifact.job_id = job.id)
        ORDER BY id
        """,
    ),
    (
        "A retouch in their request that is not on the list of files to keep: jobs {}.",
        """
        SELECT id FROM job WHERE request_json LIKE '%"retouch":{%'
            AND NOT EXISTS (SELECT 1 FROM given_artifact WHERE given_artifact.job_id = job.id)
        ORDER BY id
        """,
    ),
    (
        "An outcome although they did not succeed: jobs {}.",
        """
        SELECT job.id FROM job JOIN result ON result.job_id = job.id WHERE job.state != 'succeeded' ORDER BY job.id
        """,
    ),
)

_WRONG_COUNTERS = """
    WITH counted AS (SELECT batch_id, state, count(*) AS jobs FROM job GROUP BY batch_id, state)
    SELECT batch_id, state, job_count.jobs, coalesce(counted.jobs, 0)
        FROM job_count LEFT JOIN counted USING (batch_id, state)
        WHERE job_count.jobs != coalesce(counted.jobs, 0)
    UNION ALL
    SELECT batch_id, state, 0, counted.jobs
        FROM counted LEFT JOIN job_count USING (batch_id, state)
        WHERE job_count.jobs IS NULL
"""
