"""The file of thumbnails: kept, bounded, and made anew when it is damaged."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from storage.location import SqliteLocation
from storage.thumbnails import SqliteThumbnails


def reopened(path: Path, limit: int = 1_000_000) -> SqliteThumbnails:
    return SqliteThumbnails(path, limit)


def test_what_was_put_is_found_after_opening_again(tmp_path: Path) -> None:
    with SqliteLocation().open_thumbnails(tmp_path / "catalog.db") as store:
        store.put("a", b"first")
        store.put("a", b"second")
        assert store.get("a") == b"second"
        assert store.get("b") is None
    with SqliteLocation().open_thumbnails(tmp_path / "catalog.db") as store:
        assert store.get("a") == b"second"
    assert [p.name for p in tmp_path.iterdir()] == ["catalog.db.thumbs.db"]


def test_the_file_stays_within_its_limit_and_forgets_the_oldest(tmp_path: Path) -> None:
    path = tmp_path / "thumbs.db"
    store = reopened(path, 50_000)
    for number in range(200):
        store.put(str(number), bytes([number]) * 1000)
    store.close()
    with closing(sqlite3.connect(path)) as reader:
        (total,) = reader.execute("SELECT sum(length(jpeg)) FROM thumbnail").fetchone()
        (recorded,) = reader.execute("SELECT sum(bytes) FROM thumbnail").fetchone()
    assert 40_000 <= total <= 50_000
    assert recorded == total
    assert path.stat().st_size < 200_000
    store = reopened(path, 50_000)
    assert store.get("199") == bytes([199]) * 1000
    assert store.get("0") is None
    store.close()


def test_use_is_noted_so_that_what_is_looked_at_stays(tmp_path: Path) -> None:
    path = tmp_path / "thumbs.db"
    store = reopened(path, 10_000)
    for number in range(9):
        store.put(str(number), bytes(1000))
    store.close()
    with closing(sqlite3.connect(path)) as writer, writer:
        writer.execute("UPDATE thumbnail SET used = used - 1000000")
    store = reopened(path, 10_000)
    assert store.get("0") is not None
    store.put("new", bytes(1500))
    assert store.get("0") is not None
    assert store.get("1") is None
    store.close()


@pytest.mark.parametrize("damage", ["garbage", "other version"])
def test_a_file_of_another_kind_is_made_anew(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "thumbs.db"
    if damage == "garbage":
        path.write_bytes(b"this is no database" * 1000)
    else:
        with closing(sqlite3.connect(path)) as writer:
            writer.execute("PRAGMA user_version = 99")
    store = reopened(path)
    store.put("a", b"kept")
    store.close()
    store = reopened(path)
    assert store.get("a") == b"kept"
    store.close()


def test_a_disk_that_refuses_costs_nothing_but_the_cache(tmp_path: Path) -> None:
    store = SqliteThumbnails(tmp_path / "missing folder" / "thumbs.db")
    store.put("a", b"x")
    assert store.get("a") is None
    store.close()


def test_many_threads_at_once(tmp_path: Path) -> None:
    store = reopened(tmp_path / "thumbs.db")

    def work(number: int) -> bool:
        store.put(str(number % 20), bytes([number % 20]) * 100)
        return store.get(str(number % 20)) == bytes([number % 20]) * 100

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(400)))
    store.close()
