"""What every implementation of `engine.ports.Catalog` must survive: damage, other processes, and being killed."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from engine.domain.errors import BugError, KnownError
from engine.domain.jobs import BatchCounts, JobState
from engine.domain.review import Decision, Review
from engine.ports import ArtifactStore, Catalog, CatalogLocation
from tests.contract.catalogs import PROJECT, claimed, fill, succeeded
from tests.contract.factories import (
    NOON,
    after,
    kontext_request,
    match_outcome,
)


class TestUpkeep:
    def test_everything_is_there_after_reopening(self, location: CatalogLocation, path: Path) -> None:
        with location.open(path) as (catalog, _):
            done, running, queued = fill(catalog, 3, kontext_request())
            catalog.set_priority([done.id], 1)
            done = succeeded(catalog, match_outcome())
            claimed(catalog, now=after(3600 * 24 * 365 * 100))  # a clock that is a century off must not matter
            catalog.add_reviews([Review(done.id, Decision.APPROVED, "Ada", "", NOON)])
        with location.open(path) as (catalog, _):
            (item,) = catalog.review_items()
            assert (item.job, item.outcome, item.decision) == (done, match_outcome(), Decision.APPROVED)
            # Whoever ran it held the lock, and is gone.
            recovered = catalog.job(running.id)
            assert (recovered.state, recovered.attempt) == (JobState.QUEUED, 0)
            assert catalog.job(queued.id) == queued
            assert catalog.check() == []

    def test_a_catalog_keeps_its_id_and_has_its_own(
        self, location: CatalogLocation, path: Path, tmp_path: Path
    ) -> None:
        copy = tmp_path / "copy.db"
        with location.open(path) as (catalog, _):
            identity = catalog.identity()
            catalog.backup(copy)
        assert len(identity) == 32
        assert int(identity, 16)
        for same in (path, copy):
            with location.open(same) as (catalog, _):
                assert catalog.identity() == identity
        with location.open(tmp_path / "other.db") as (catalog, _):
            assert catalog.identity() != identity

    def test_backup_while_others_write(self, location: CatalogLocation, path: Path, tmp_path: Path) -> None:
        copy = tmp_path / "elsewhere" / "copy.db"
        with location.open(path) as (catalog, _):
            fill(catalog, 100)
            writer = threading.Thread(target=lambda: [succeeded(catalog, match_outcome(str(i))) for i in range(100)])
            writer.start()
            assert catalog.backup(copy) == copy
            writer.join(60)
            with pytest.raises(KnownError, match="exists"):
                catalog.backup(copy)
        assert [file.name for file in copy.parent.iterdir()] == ["copy.db"]
        # Bytes 18 and 19 of the header: 1 is a plain journal, 2 is WAL, which cannot be read on a read-only disk.
        assert copy.read_bytes()[18:20] == b"\x01\x01"
        with location.open(copy) as (saved, _):
            assert saved.check() == []
            assert saved.counts().total == 100
            assert len(saved.review_items()) == saved.counts().succeeded

    def test_a_closed_catalog_says_so(self, location: CatalogLocation, path: Path) -> None:
        with location.open(path) as (catalog, _):
            pass
        with pytest.raises(BugError, match="closed"):
            catalog.counts()
        with pytest.raises(BugError, match="closed"):
            catalog.create_batch("late")

    def test_artifacts_lie_where_the_worker_finds_them(self, location: CatalogLocation, path: Path) -> None:
        from engine.domain.artifacts import ArtifactKind

        worker: ArtifactStore = location.open_artifacts(path)
        ref = worker.put(ArtifactKind.MASK, b"mask", ".png")
        with location.open(path) as (_, artifacts):
            assert artifacts.read(ref) == b"mask"


WORKER = """
import sys
from pathlib import Path
from storage.location import SqliteLocation
from tests.contract.factories import NOON, match_outcome, mask_request, new_pair

with SqliteLocation().open(Path(sys.argv[1])) as (catalog, _):
    first = int(sys.argv[2])
    batch = catalog.create_batch("crash")
    pairs = catalog.add_pairs([new_pair(first + i) for i in range(400)])
    catalog.add_jobs(batch.id, [(pair.id, mask_request()) for pair in pairs])
    print("ready", flush=True)
    while (job := catalog.claim("w1", NOON)) is not None:
        assert catalog.succeed(job.id, "w1", match_outcome(str(job.id)), NOON)
        print(job.id, flush=True)
"""

HOLDER = """
import sys
from pathlib import Path
from storage.location import SqliteLocation

with SqliteLocation().open(Path(sys.argv[1])):
    print("ready", flush=True)
    sys.stdin.read()
"""


def child(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )


class TestProcesses:
    def test_a_second_process_is_told_who_has_the_catalog(self, location: CatalogLocation, path: Path) -> None:
        with child(HOLDER, path) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "ready\n"
            with pytest.raises(KnownError, match=rf"process {holder.pid}\b") as caught, location.open(path):
                pass
            assert caught.value.path == path
            link = path.with_name("link.db")
            link.symlink_to(path)
            with pytest.raises(KnownError, match=str(holder.pid)), location.open(link):
                pass
            holder.kill()
        with location.open(path) as (catalog, _):  # the lock died with its holder
            assert catalog.check() == []
            with pytest.raises(KnownError, match="this Chromask"), location.open(path):
                pass

    def test_kill_in_the_middle_of_commits_leaves_whole_transactions(
        self, location: CatalogLocation, path: Path
    ) -> None:
        chance = random.Random(7)
        done: set[int] = set()
        for attempt in range(3):
            with child(WORKER, path, attempt * 10_000) as worker:
                assert worker.stdout is not None
                assert worker.stdout.readline() == "ready\n"
                seen = [worker.stdout.readline() for _ in range(chance.randrange(20, 80))]
                worker.kill()
                seen += worker.stdout.readlines()
            done |= {int(line) for line in seen if line.endswith("\n")}
            with location.open(path) as (catalog, _):
                assert catalog.check() == []
                assert catalog.counts().running == 0
                items = catalog.review_items()
                # What was reported is kept; at most the one commit whose report was cut off comes on top.
                kept = {item.job.id for item in items}
                assert done <= kept
                assert len(kept - done) <= attempt + 1
                assert all(item.outcome == match_outcome(str(item.job.id)) for item in items)


def context(location: CatalogLocation, path: Path) -> AbstractContextManager[tuple[Catalog, ArtifactStore]]:
    """The port's own type is what `open` returns."""
    return location.open(path)


def test_the_context_releases_the_catalog_when_its_body_fails(location: CatalogLocation, path: Path) -> None:
    with pytest.raises(ZeroDivisionError), context(location, path):
        raise ZeroDivisionError
    with context(location, path) as (catalog, _):
        assert catalog.counts() == BatchCounts()
