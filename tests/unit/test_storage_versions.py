"""What is SQLite's own in versions: what `check` notices, and which index answers what is superseded."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import sqlite

from engine.domain.artifacts import ArtifactKind
from engine.domain.jobs import Origin, Reason
from storage.location import SqliteLocation
from storage.tables import JobRow
from storage.versions import superseded
from tests.contract.factories import NOON, artifact, mask_outcome, mask_request, new_pair


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Two pairs: a result of each (jobs 1 and 2), and a corrected version of the first (job 3)."""
    path = tmp_path / "catalog.db"
    with SqliteLocation().open(path) as (catalog, _):
        pairs = catalog.add_pairs([new_pair(1), new_pair(2)])
        batch = catalog.create_batch("b")
        catalog.add_jobs(batch.id, [(pair.id, mask_request()) for pair in pairs])
        corrected = replace(mask_request(), corrected=artifact(ArtifactKind.MASK, "by hand"))
        catalog.add_jobs(batch.id, [(pairs[0].id, corrected)], origins=[Origin(1, Reason.MASK_EDITED, "ada")])
        while (job := catalog.claim("w", NOON)) is not None:
            assert catalog.succeed(job.id, "w", mask_outcome(str(job.id)), NOON)
        assert catalog.check() == []
    return path


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("UPDATE job SET version = 2 WHERE id = 1", "A chain of versions that is not whole"),
        ("UPDATE job SET pair_id = 2, request_hash = 'x' WHERE id = 3", "of one pair and in order: jobs 3."),
        ("UPDATE job SET chain_id = NULL WHERE id = 3", "in order: jobs 3."),
        ("DELETE FROM given_artifact", "list of files to keep: jobs 3."),
        (
            "INSERT INTO training_mark (job_id, author, at) VALUES (99, 'ada', '2026-03-29T12:00:00.123456Z')",
            "'result'",
        ),
    ],
)
def test_check_notices(path: Path, damage: str, says: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert connection.execute(damage).rowcount == 1
    with SqliteLocation().open(path) as (catalog, _):
        problems = catalog.check()
    assert len(problems) == 1
    assert says in problems[0]


def test_an_origin_is_whole_or_absent(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="ck_job_origin"):
        connection.execute("UPDATE job SET author = NULL WHERE id = 3")


def test_what_is_superseded_is_found_by_an_index(path: Path) -> None:
    query = (
        select(JobRow.id).where(superseded()).compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    )
    with closing(sqlite3.connect(path)) as connection:
        assert [id for (id,) in connection.execute(str(query))] == [1]
        plan = [line for *_, line in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
    assert any("ix_job_chain_id_version" in line for line in plan), plan
