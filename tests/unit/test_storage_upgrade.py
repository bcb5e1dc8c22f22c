"""Opening catalogs of every age: new, older, newer, foreign and damaged files."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from engine.domain.errors import BugError, KnownError
from engine.domain.review import Decision, Review
from storage.location import SqliteLocation
from storage.upgrade import APPLICATION_ID, HEAD, MIGRATIONS, upgrade
from tests.contract.factories import NOON, color_match_request, match_outcome, new_pair

PROJECT = Path(__file__).resolve().parents[2]

# Recreates the parent of every outcome: with foreign keys on, that would delete or forbid all that hangs on it.
NEXT_REVISION = """
import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "HEAD"

def upgrade() -> None:
    with op.batch_alter_table("result", recreate="always") as batch:
        batch.add_column(sa.Column("seconds", sa.Integer()))
    op.execute("DELETE FROM pair WHERE sku = 'drop me'")
"""


def filled(path: Path) -> Path:
    with SqliteLocation().open(path) as (catalog, _):
        batch = catalog.create_batch("one")
        pairs = catalog.add_pairs([new_pair(1), new_pair(2)])
        catalog.add_jobs(batch.id, [(pair.id, color_match_request()) for pair in pairs])
        job = catalog.claim("w1", NOON)
        assert job is not None
        assert catalog.succeed(job.id, "w1", match_outcome(), NOON)
    return path


def next_migrations(folder: Path, text: str = NEXT_REVISION) -> Path:
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "next.py").write_text(text.replace("HEAD", HEAD), encoding="utf-8")
    return folder


def filled_at(tmp_path: Path, revision: str) -> Path:
    """What `filled` wrote, as far as that revision has columns for it."""
    newer, older, path = filled(tmp_path / "newer.db"), tmp_path / "older", tmp_path / "catalog.db"
    shutil.copytree(MIGRATIONS, older, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (older / "versions").glob("0*.py"):
        if file.name[:4] > revision:
            file.unlink()
    upgrade(path, migrations=older, head=revision)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ATTACH ? AS newer", (str(newer),))
        tables = connection.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'").fetchall()
        for (table,) in tables:
            if table not in ("alembic_version", "job_count"):
                columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({table})"))
                connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}")
        connection.commit()
    return path


def revision(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return version


def backups(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.backup-*.db"))


def test_head_is_the_newest_revision() -> None:
    from alembic.script import ScriptDirectory

    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD


def test_alembic_check_finds_no_difference_between_tables_and_revisions() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "alembic", "check"], cwd=PROJECT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "No new upgrade operations detected" in done.stdout


@pytest.mark.parametrize("exists", [False, True])
def test_a_new_catalog_needs_no_backup(tmp_path: Path, exists: bool) -> None:
    path = tmp_path / "50 % März?.db"
    if exists:
        path.touch()
    assert upgrade(path) is None
    assert revision(path) == HEAD
    assert backups(path) == []
    assert upgrade(path) is None


def test_an_empty_database_is_backed_up_and_filled(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 7")
        connection.execute("CREATE TABLE t (x)")
        connection.execute("DROP TABLE t")
    assert path.stat().st_size > 0
    with SqliteLocation().open(path) as (catalog, _):
        assert catalog.check() == []
    (saved,) = backups(path)
    assert saved.name.startswith("catalog.db.backup-empty-")


def test_an_older_catalog_is_backed_up_and_loses_nothing(tmp_path: Path) -> None:
    path = filled(tmp_path / "catalog.db")
    saved = upgrade(path, migrations=next_migrations(tmp_path / "next"), head="next")
    assert revision(path) == "next"
    assert saved is not None
    assert backups(path) == [saved]
    assert saved.name.startswith(f"catalog.db.backup-{HEAD}-")
    assert revision(saved) == HEAD
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*), count(seconds) FROM result").fetchone() == (1, 0)
        assert connection.execute("SELECT count(*) FROM mask").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM delta_e_report").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM artifact").fetchone() == (len(match_outcome().artifacts()),)
        assert connection.execute("SELECT name FROM pragma_table_info('result')").fetchall()[-1] == ("seconds",)
    with SqliteLocation().open(saved) as (catalog, _):  # the backup is a catalog of its own
        assert catalog.check() == []
        (item,) = catalog.review_items()
        assert item.outcome == match_outcome()
    assert upgrade(path, migrations=tmp_path / "next", head="next") is None


def test_a_catalog_of_the_first_revision_gets_palettes_and_keeps_its_reports(tmp_path: Path) -> None:
    path = filled_at(tmp_path, "0001")
    with SqliteLocation().open(path) as (catalog, _):
        assert catalog.check() == []
        (item,) = catalog.review_items()
        outcome = match_outcome()
        assert outcome.match is not None
        assert item.outcome.match is not None
        assert item.outcome.match.after == replace(outcome.match.after, palette=())
    (saved,) = backups(path)
    assert saved.name.startswith("catalog.db.backup-0001-")


def test_a_catalog_of_the_third_revision_gets_rows_for_its_results_and_keeps_its_verdicts(tmp_path: Path) -> None:
    path = filled_at(tmp_path, "0003")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO review VALUES (1, 1, 'approved', 'Ada', 'fine', '2026-03-29T12:00:00.123456Z')")
        connection.commit()
    with SqliteLocation().open(path) as (catalog, _):
        assert catalog.check() == []
        (row,) = catalog.review_rows()
        assert row.review == Review(1, Decision.APPROVED, "Ada", "fine", NOON)
        assert (row.rating, row.reason, row.version, row.superseded_by) == (0, None, 1, None)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ('op.execute("DELETE FROM pair")', "refer to nothing"),
        ("raise ZeroDivisionError", "zero"),
    ],
)
def test_an_upgrade_that_fails_leaves_the_catalog_as_it_was(tmp_path: Path, broken: str, says: str) -> None:
    path = filled(tmp_path / "catalog.db")
    text = NEXT_REVISION.replace("op.execute(\"DELETE FROM pair WHERE sku = 'drop me'\")", broken)
    assert broken in text
    with pytest.raises((BugError, ZeroDivisionError)) as caught:
        upgrade(path, migrations=next_migrations(tmp_path / "next", text), head="next")
    assert says in str(caught.value) or isinstance(caught.value, ZeroDivisionError)
    assert revision(path) == HEAD
    with SqliteLocation().open(path) as (catalog, _):
        assert catalog.check() == []
        assert len(catalog.review_items()) == 1


def test_a_newer_catalog_is_refused_and_untouched(tmp_path: Path) -> None:
    path = filled(tmp_path / "catalog.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(KnownError, match=r"newer Chromask.*9999") as caught, SqliteLocation().open(path):
        pass
    assert caught.value.path == path
    assert path.read_bytes() == before
    assert backups(path) == []


@pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0 a photograph", b"SQLite format 2", b"x" * 5000])
def test_a_file_that_is_not_sqlite_is_refused_and_untouched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(KnownError, match="not a Chromask catalog"), SqliteLocation().open(path):
        pass
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == [path.name], "nothing is left beside a photograph that was named by mistake"


@pytest.mark.parametrize(
    ("application_id", "table"), [(0, "bookmark"), (APPLICATION_ID, "bookmark"), (0, "alembic_version")]
)
def test_the_database_of_another_program_is_refused(tmp_path: Path, application_id: int, table: str) -> None:
    path = tmp_path / "browser.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {application_id}")
        connection.execute(f"CREATE TABLE {table} (version_num)")
        connection.execute(f"INSERT INTO {table} VALUES ('0001')")
        connection.commit()
    with pytest.raises(KnownError, match="not a Chromask catalog"), SqliteLocation().open(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(f"SELECT version_num FROM {table}").fetchall() == [("0001",)]
        assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (1,)


def test_a_damaged_catalog_is_named(tmp_path: Path) -> None:
    path = filled(tmp_path / "catalog.db")
    data = bytearray(path.read_bytes())
    data[100:4096] = b"\xa5" * 3996
    path.write_bytes(data)
    with pytest.raises(KnownError, match="damaged") as caught, SqliteLocation().open(path):
        pass
    assert caught.value.path == path


def test_a_folder_is_no_catalog(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="folder"), SqliteLocation().open(tmp_path):
        pass


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_catalog_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = filled(tmp_path / "catalog.db")
    path.chmod(0o400)
    with pytest.raises(KnownError, match="written"), SqliteLocation().open(path):
        pass
