"""What is SQLite's own in the catalog: indexes, queries for a page, pragmas, and what `check` notices."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from engine.domain.errors import KnownError
from engine.domain.jobs import JobState
from storage.database import BUSY_SECONDS, connect, known_database_errors
from storage.location import SqliteLocation
from tests.contract.factories import NOON, edit_outcome, edit_request, mask_request, match_outcome, new_pair

PROJECT = Path(__file__).resolve().parents[2]
Statements = list[tuple[str, tuple[object, ...]]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A catalog with 30 jobs, 20 of them done."""
    path = tmp_path / "catalog.db"
    with SqliteLocation().open(path) as (catalog, _):
        batch = catalog.create_batch("one")
        pairs = catalog.add_pairs([new_pair(i) for i in range(30)])
        catalog.add_jobs(batch.id, [(pair.id, mask_request()) for pair in pairs])
        for i in range(20):
            job = catalog.claim("w1", NOON)
            assert job is not None
            assert catalog.succeed(job.id, "w1", match_outcome(str(i)), NOON)
    return path


@contextmanager
def recorded() -> Iterator[Statements]:
    """Every statement with its parameters that SQLAlchemy sends meanwhile."""
    statements: Statements = []

    def note(_c: object, _cursor: object, statement: str, parameters: tuple[object, ...], *_: object) -> None:
        statements.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def plans(path: Path, statements: Statements) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [
            row[3]
            for statement, parameters in statements
            if not statement.startswith(("BEGIN", "PRAGMA"))
            for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]


def test_claim_reads_the_queue_through_its_index(path: Path) -> None:
    with SqliteLocation().open(path) as (catalog, _), recorded() as statements:
        assert catalog.claim("w1", NOON) is not None
    steps = plans(path, statements)
    assert any("ix_job_queue" in step for step in steps)
    assert not [step for step in steps if step.startswith("SCAN")]
    assert not [step for step in steps if "TEMP B-TREE" in step]


def test_no_page_of_jobs_sorts_or_scans_the_table(path: Path) -> None:
    with SqliteLocation().open(path) as (catalog, _), recorded() as statements:
        catalog.jobs(after_id=5, limit=3)
        catalog.jobs(1, after_id=5, limit=3)
        catalog.jobs(states=[JobState.SUCCEEDED], after_id=5, limit=3)
        catalog.review_items(1, after_id=5, limit=3)
        catalog.review_items(after_id=5, limit=3)
        catalog.counts(1)
    steps = plans(path, statements)
    assert steps
    # The latest verdicts of a page are grouped by an index; nothing else needs more than a search.
    assert not [step for step in steps if step.startswith("SCAN") and "job_count" not in step], steps
    assert not [step for step in steps if "ORDER BY" in step], steps


def test_the_corrected_masks_of_a_pair_are_found_by_the_pair(path: Path) -> None:
    with SqliteLocation().open(path) as (catalog, _), recorded() as statements:
        assert catalog.corrected_masks([1, 2]) == {}
    steps = plans(path, statements)
    assert any("(pair_id=?)" in step for step in steps), steps
    assert not [step for step in steps if "ix_job_state" in step], steps


def test_items_by_their_ids_take_the_same_queries_for_one_as_for_twenty(path: Path) -> None:
    numbers: list[int] = []
    with SqliteLocation().open(path) as (catalog, _):
        for ids in ([20], list(range(20, 0, -1))):
            with recorded() as statements:
                assert [item.job.id for item in catalog.review_items_by_id(ids)] == ids
            numbers.append(len(statements))
    assert numbers[0] == numbers[1]


def test_a_page_of_review_items_takes_the_same_queries_for_one_item_as_for_twenty(path: Path) -> None:
    numbers: list[int] = []
    with SqliteLocation().open(path) as (catalog, _):
        for limit in (1, 20):
            with recorded() as statements:
                assert len(catalog.review_items(limit=limit)) == limit
            numbers.append(len(statements))
    assert numbers[0] == numbers[1]
    assert numbers[1] <= 10


def test_every_connection_has_the_pragmas(path: Path) -> None:
    with closing(connect(path)) as connection:
        pragmas = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    full = 2
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": full,
        "foreign_keys": 1,
        "busy_timeout": int(BUSY_SECONDS * 1000),
    }


def test_figures_and_hashes_are_columns(path: Path) -> None:
    """A studio's own report reads the file with SQL."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            """
            SELECT pair.sku, mask.coverage, mask.confidence, r.delta_E, r.verdict, r.tolerance, artifact.sha256
            FROM job JOIN pair ON pair.id = job.pair_id JOIN mask ON mask.job_id = job.id
            JOIN delta_e_report AS r ON r.job_id = job.id AND r.stage = 'after'
            JOIN artifact ON artifact.job_id = job.id AND artifact.slot = 'matched_picture'
            WHERE r.delta_E < 2 ORDER BY job.id
            """
        ).fetchall()
    outcome = match_outcome("0")
    assert outcome.match is not None
    sku, coverage, confidence, delta_E, verdict, tolerance, sha256 = rows[0]
    assert len(rows) == 20
    assert (sku, coverage, confidence) == ("SKU000000", outcome.mask.coverage, outcome.mask.confidence)
    assert (delta_E, verdict, sha256) == (outcome.match.after.delta_E, "pass", outcome.match.picture.sha256)
    assert json.loads(tolerance)["k_L"] == 2.0


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("DELETE FROM mask WHERE job_id = 3", "Succeeded without an outcome: jobs 3."),
        ("DELETE FROM artifact WHERE job_id = 4 AND slot = 'mask_alpha'", "Succeeded without an outcome: jobs 4."),
        ("DELETE FROM delta_e_report WHERE job_id = 5 AND stage = 'after'", "two ΔE reports: jobs 5."),
        ("UPDATE job SET state = 'queued' WHERE id = 6", "did not succeed: jobs 6."),
        ("UPDATE job_count SET jobs = 19 WHERE state = 'succeeded'", "says 19, but there are 20"),
        ("DELETE FROM job_count WHERE state = 'succeeded'", "says 0, but there are 20"),
        ("DELETE FROM pair WHERE id = 7", "'job' refers to a record of 'pair'"),
    ],
)
def test_check_notices(path: Path, damage: str, says: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert connection.execute(damage).rowcount == 1
    with SqliteLocation().open(path) as (catalog, _):
        problems = catalog.check()
    assert len(problems) == 1
    assert says in problems[0]


def test_check_notices_a_damaged_index(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, '(sku)', '(garment)') WHERE name = 'ix_pair_sku'"
        )
    with SqliteLocation().open(path) as (catalog, _):
        assert any("integrity check" in problem for problem in catalog.check())


def test_a_job_deleted_by_hand_is_counted_out(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM job WHERE state = 'queued'")
    with SqliteLocation().open(path) as (catalog, _):
        assert catalog.counts().queued == 0
        assert catalog.check() == []


@pytest.mark.parametrize(
    ("provoke", "says"),
    [
        ("disk", "the disk is full"),
        ("read-only", "cannot be written"),
    ],
)
def test_sqlite_errors_are_told_in_the_operators_words(path: Path, provoke: str, says: str) -> None:
    def fill_the_disk(connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        connection.execute("CREATE TABLE more (x)")
        connection.execute("INSERT INTO more VALUES (zeroblob(10000000))")

    def write_read_only(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("DELETE FROM event")

    provocations: dict[str, Callable[[sqlite3.Connection], None]] = {
        "disk": fill_the_disk,
        "read-only": write_read_only,
    }
    with (
        closing(connect(path)) as connection,
        pytest.raises(KnownError, match=says) as caught,
        known_database_errors(path),
    ):
        provocations[provoke](connection)
    assert caught.value.path == path
    assert caught.value.retryable


def test_another_programs_writes_make_nobody_fail(path: Path) -> None:
    """Reading, then writing what somebody else has written since, fails at once unless it began as a writer."""
    stop = threading.Event()

    def write() -> None:
        with closing(connect(path)) as connection:
            while not stop.wait(0.001):
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("INSERT INTO event (at, kind, message) VALUES ('', 'note', '')")
                connection.execute("COMMIT")

    with SqliteLocation().open(path) as (catalog, _):
        other = threading.Thread(target=write)
        other.start()
        try:
            for i in range(40):
                catalog.add_pairs([new_pair(1000 + i)])
        finally:
            stop.set()
            other.join(60)
        assert catalog.check() == []


def test_a_catalog_that_stays_locked_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.database.BUSY_SECONDS", 0.05)
    with SqliteLocation().open(path) as (catalog, _), closing(connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(KnownError, match="locked") as caught:
            catalog.create_batch("late")
        other.execute("ROLLBACK")
        catalog.create_batch("now")
    assert caught.value.retryable


def test_importing_the_location_imports_nothing_heavy() -> None:
    """The window's start-up imports it: neither SQLAlchemy nor Alembic may come with it."""
    script = """
import sys
import storage.location
print(*{"sqlalchemy", "alembic", "cattrs", "numpy", "platformdirs"} & sys.modules.keys())
"""
    run = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


@pytest.mark.parametrize("damage", ["DELETE FROM edited_turn", "DELETE FROM artifact WHERE slot = 'edited_picture'"])
def test_check_notices_an_edit_that_is_not_whole(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "catalog.db"
    with SqliteLocation().open(file) as (catalog, _):
        (pair,) = catalog.add_pairs([new_pair()])
        (job,) = catalog.add_jobs(catalog.create_batch("edits").id, [(pair.id, edit_request())])
        assert catalog.claim("w1", NOON) is not None
        assert catalog.succeed(job.id, "w1", edit_outcome(), NOON)
        assert catalog.check() == []
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        assert connection.execute(damage).rowcount > 0
    with SqliteLocation().open(file) as (catalog, _):
        assert catalog.check() == ["An edit without its picture or without a turn: jobs 1."]
