"""The contract of `Catalog.reorder`: what is claimed next after a person has dragged jobs about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.domain.errors import BugError
from engine.domain.jobs import Job, JobState
from engine.ports import Catalog
from storage.location import SqliteLocation
from tests.contract.factories import NOON, mask_request, new_pair


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with SqliteLocation().open(tmp_path / "catalog.db") as (catalog, _):
        yield catalog


def fill(catalog: Catalog, number: int, priority: int = 0) -> list[int]:
    batch = catalog.create_batch("filled")
    pairs = catalog.add_pairs([new_pair(batch.id * 100_000 + i) for i in range(number)])
    return [job.id for job in catalog.add_jobs(batch.id, [(pair.id, mask_request()) for pair in pairs], priority)]


def claimed(catalog: Catalog) -> list[int]:
    """Every queued job in the order in which the engine takes them."""
    order: list[int] = []
    while (job := catalog.claim("w", NOON)) is not None:
        order.append(job.id)
    return order


def places(jobs: list[Job]) -> dict[int, tuple[int, int]]:
    return {job.id: (job.priority, job.position) for job in jobs}


def test_jobs_run_in_the_order_given_before_the_one_named(catalog: Catalog) -> None:
    a, b, c, d, e = fill(catalog, 5)
    before = places(catalog.jobs())
    changed = catalog.reorder([e, d], b)
    after = places(catalog.jobs())
    assert changed == {job_id: place for job_id, place in after.items() if place != before[job_id]}
    assert a not in changed
    assert len({position for _, position in after.values()}) == 5
    assert claimed(catalog) == [a, e, d, b, c]


def test_forward_and_to_the_end(catalog: Catalog) -> None:
    a, b, c, d = fill(catalog, 4)
    catalog.reorder([a], d)
    catalog.reorder([b], None)
    assert claimed(catalog) == [c, a, d, b]


def test_another_priority_is_taken_over(catalog: Catalog) -> None:
    low, high, normal = fill(catalog, 2, -1), fill(catalog, 2, 5), fill(catalog, 2)
    catalog.reorder([low[1]], high[1])
    catalog.reorder([normal[0]], None)
    assert catalog.job(low[1]).priority == 5
    assert catalog.job(normal[0]).priority == -1
    assert claimed(catalog) == [high[0], low[1], high[1], normal[1], low[0], normal[0]]


def test_what_runs_is_not_moved_and_still_marks_the_place(catalog: Catalog) -> None:
    a, b, c, d = fill(catalog, 4)
    running = catalog.claim("w", NOON)
    assert running is not None
    assert running.id == a
    assert catalog.reorder([a], d) == {}
    catalog.reorder([c, a], a)
    assert catalog.job(a).state is JobState.RUNNING
    assert claimed(catalog) == [c, b, d]


def test_a_job_before_itself_and_a_repeated_job_change_nothing(catalog: Catalog) -> None:
    a, b = fill(catalog, 2)
    assert catalog.reorder([a, a], a) == {}
    assert catalog.reorder([a], b) == {}
    assert catalog.reorder([], b) == {}
    assert claimed(catalog) == [a, b]


@pytest.mark.parametrize(("ids", "before"), [([99], None), ([1], 99)])
def test_unknown_jobs_are_a_bug(catalog: Catalog, ids: list[int], before: int | None) -> None:
    fill(catalog, 1)
    with pytest.raises(BugError):
        catalog.reorder(ids, before)


def test_thousands_are_moved_at_once(catalog: Catalog) -> None:
    ids = fill(catalog, 3000)
    catalog.reorder(ids[1500:], ids[0])
    first = [job.id for job in (catalog.claim("w", NOON) for _ in range(3)) if job is not None]
    assert first == ids[1500:1503]
    assert catalog.job(ids[0]).priority == 0
