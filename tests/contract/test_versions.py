"""Versions of a result in the catalog: chains, what is superseded, what is kept, and training marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from engine.domain.artifacts import ArtifactKind
from engine.domain.assets import AssetPair
from engine.domain.errors import BugError
from engine.domain.jobs import BatchCounts, Job, JobState, Origin, Reason
from engine.domain.requests import ColorMatchRequest, MaskRequest, Request, View
from engine.domain.results import JobOutcome
from engine.ports import Catalog
from engine.services.failures import standing_failures
from storage.location import SqliteLocation
from tests.contract.factories import (
    NOON,
    after,
    artifact,
    color_match_request,
    edit_request,
    failure,
    kontext_request,
    mask_outcome,
    mask_request,
    match_outcome,
    new_pair,
)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with SqliteLocation().open(tmp_path / "catalog.db") as (catalog, _):
        yield catalog
        assert catalog.check() == []


def done(catalog: Catalog, job: Job, outcome: JobOutcome | None = None) -> Job:
    """The job, which must be the next in the queue, succeeded."""
    claimed = catalog.claim("w1", NOON)
    assert claimed is not None
    assert claimed.id == job.id
    assert catalog.succeed(job.id, "w1", outcome or mask_outcome(str(job.id)), NOON)
    return catalog.job(job.id)


def first(catalog: Catalog, request: Request | None = None, number: int = 1) -> Job:
    """The finished job that a batch brought."""
    (pair,) = catalog.add_pairs([new_pair(number)])
    (job,) = catalog.add_jobs(catalog.create_batch("b").id, [(pair.id, request or mask_request())])
    return done(catalog, job)


def corrected(text: str) -> MaskRequest:
    return replace(mask_request(), corrected=artifact(ArtifactKind.MASK, text))


def another(catalog: Catalog, of: Job, request: Request, reason: Reason = Reason.MASK_EDITED, priority: int = 0) -> Job:
    origin = Origin(of.id, reason, "ada")
    (job,) = catalog.add_jobs(of.batch_id, [(of.pair_id, request)], priority, origins=[origin])
    return job


def ids(jobs: Sequence[Job]) -> list[int]:
    return [job.id for job in jobs]


def test_a_job_that_a_batch_brought_is_alone(catalog: Catalog) -> None:
    job = first(catalog)
    assert (job.origin, job.chain, job.version) == (None, None, 1)
    assert catalog.versions(job.id) == [job]
    assert catalog.superseded([job.id]) == set()
    with pytest.raises(BugError):
        catalog.versions(99)


def test_a_version_supersedes_when_it_has_succeeded_and_not_before(catalog: Catalog) -> None:
    one = first(catalog)
    two = another(catalog, one, corrected("a"), Reason.MASK_EDITED)
    assert two.origin == Origin(one.id, Reason.MASK_EDITED, "ada")
    assert (two.chain, two.version, two.state) == (one.id, 2, JobState.QUEUED)
    assert catalog.superseded([one.id, two.id]) == set()
    done(catalog, two)
    assert catalog.superseded([one.id, two.id]) == {one.id}
    assert ids(catalog.versions(one.id)) == ids(catalog.versions(two.id)) == [two.id, one.id]


def test_a_version_that_fails_leaves_what_there_was(catalog: Catalog) -> None:
    one = first(catalog)
    two = another(catalog, one, corrected("a"))
    assert catalog.claim("w1", NOON) is not None
    assert catalog.fail(two.id, "w1", failure(), NOON)
    assert catalog.superseded([one.id]) == set()
    # The next one stands for the first, although the one between them never was.
    three = done(catalog, another(catalog, catalog.job(two.id), corrected("b")))
    assert catalog.superseded([one.id, two.id, three.id]) == {one.id, two.id}
    assert [job.version for job in catalog.versions(one.id)] == [3, 2, 1]


def test_a_failure_is_none_while_a_newer_version_stands_in_its_place(catalog: Catalog) -> None:
    (pair,) = catalog.add_pairs([new_pair(1)])
    batch = catalog.create_batch("b").id
    (one,) = catalog.add_jobs(batch, [(pair.id, mask_request())])
    assert catalog.claim("w1", NOON) is not None
    assert catalog.fail(one.id, "w1", failure(), NOON)
    assert (catalog.counts(batch), standing(catalog, one)) == (BatchCounts(failed=1), [one.id])
    two = another(catalog, one, corrected("a"))
    for counts in (catalog.counts(batch), catalog.counts()):
        assert counts == BatchCounts(queued=1, repeated=1)
    assert standing(catalog, one) == []
    assert catalog.claim("w1", NOON) is not None
    assert catalog.fail(two.id, "w1", failure(), NOON)
    assert catalog.counts(batch) == BatchCounts(failed=1, repeated=1), "the photograph has failed once, not twice"
    assert standing(catalog, one) == [two.id]
    catalog.retry([two.id])
    catalog.cancel([two.id])
    assert catalog.counts(batch) == BatchCounts(failed=1, cancelled=1)
    assert standing(catalog, one) == [one.id]
    assert catalog.counts(batch).finished == catalog.counts(batch).total == 2


def standing(catalog: Catalog, job: Job) -> list[int]:
    return ids(standing_failures(catalog.versions(job.id)))


def test_two_versions_of_one_result_are_one_chain(catalog: Catalog) -> None:
    one = first(catalog)
    two, three = another(catalog, one, corrected("a")), another(catalog, one, corrected("b"))
    assert [(job.version, job.origin and job.origin.supersedes) for job in (two, three)] == [(2, one.id), (3, one.id)]
    done(catalog, two)
    done(catalog, three)
    assert catalog.superseded(ids([one, two, three])) == {one.id, two.id}


def test_what_there_was_before_is_brought_back_and_not_done_again(catalog: Catalog) -> None:
    one = first(catalog)
    two = done(catalog, another(catalog, one, corrected("a")))
    three = done(catalog, another(catalog, two, corrected("b")))
    back = another(catalog, three, corrected("a"), Reason.OTHER)
    assert back.id == two.id
    assert (back.state, back.version) == (JobState.SUCCEEDED, 4)
    assert back.origin == Origin(three.id, Reason.OTHER, "ada")
    assert catalog.superseded(ids([one, two, three])) == {one.id, three.id}
    assert ids(catalog.versions(one.id)) == [two.id, three.id, one.id]
    # The first of all can come back as well: the chain keeps its number.
    again = another(catalog, back, mask_request())
    assert (again.id, again.version, again.chain) == (one.id, 5, one.id)
    assert catalog.superseded(ids([one, two, three])) == {two.id, three.id}
    assert catalog.counts().total == 3
    # The newest asked for once more is just there.
    assert another(catalog, three, mask_request()) == again


def test_a_version_runs_before_the_rest_of_the_batch(catalog: Catalog) -> None:
    one = first(catalog)
    pairs = catalog.add_pairs([new_pair(7), new_pair(8)])
    rest = catalog.add_jobs(one.batch_id, [(pair.id, mask_request()) for pair in pairs])
    two = another(catalog, one, corrected("a"), priority=10)
    claimed = [job.id for job in iter(lambda: catalog.claim("w1", NOON), None)]
    assert claimed == [two.id, *ids(rest)]


def test_a_known_job_gets_at_least_the_priority_that_is_asked_for(catalog: Catalog) -> None:
    one = first(catalog)
    two = another(catalog, one, corrected("a"), priority=3)
    assert another(catalog, one, corrected("a"), priority=10).priority == 10
    assert another(catalog, one, corrected("a"), priority=1).priority == 10
    assert catalog.job(two.id).version == 2


def test_a_job_of_another_chain_of_the_pair_joins_with_all_its_versions(catalog: Catalog) -> None:
    one = first(catalog)
    two = done(catalog, another(catalog, one, corrected("a")))
    (other,) = catalog.add_jobs(one.batch_id, [(one.pair_id, mask_request("hat"))])
    done(catalog, other)
    more = done(catalog, another(catalog, other, replace(corrected("c"), name="hat")))
    joined = another(catalog, two, mask_request("hat"))
    assert joined.id == other.id
    assert ids(catalog.versions(one.id)) == [other.id, more.id, two.id, one.id]
    assert catalog.superseded(ids([one, two, other, more])) == {one.id, two.id, more.id}


def test_an_origin_must_be_another_job_of_the_pair(catalog: Catalog) -> None:
    one, stranger = first(catalog, number=1), first(catalog, number=2)
    (pair_one,) = [catalog.pair(one.pair_id)]
    for wrong in (stranger.id, one.id, 4711):
        with pytest.raises(BugError):
            catalog.add_jobs(one.batch_id, [(pair_one.id, mask_request())], origins=[Origin(wrong, Reason.MASK, "ada")])
    with pytest.raises(BugError):
        catalog.add_jobs(one.batch_id, [(pair_one.id, corrected("a"))] * 2, origins=[Origin(one.id, Reason.MASK, "a")])
    assert catalog.jobs() == [one, stranger]


def test_all_versions_move_with_the_one_that_another_batch_asks_for(catalog: Catalog) -> None:
    one = first(catalog)
    two = done(catalog, another(catalog, one, corrected("a")))
    later = catalog.create_batch("the same folder once more")
    (again,) = catalog.add_jobs(later.id, [(one.pair_id, mask_request())])
    assert again.id == one.id
    assert ids(catalog.jobs(later.id)) == [one.id, two.id]
    assert catalog.jobs(one.batch_id) == []
    assert catalog.counts(later.id).succeeded == 2
    assert catalog.superseded([one.id]) == {one.id}


def test_a_version_is_in_the_batch_of_its_chain_whatever_is_asked_for(catalog: Catalog) -> None:
    one = first(catalog)
    later = catalog.create_batch("later")
    catalog.add_jobs(later.id, [(one.pair_id, mask_request())])
    two = another(catalog, one, corrected("a"))  # by somebody who knows the job as it was
    assert ids(catalog.jobs(later.id)) == [one.id, two.id]
    assert (catalog.counts(one.batch_id).total, catalog.counts(later.id).total) == (0, 2)


def test_jobs_of_a_pair(catalog: Catalog) -> None:
    one, other = first(catalog, number=1), first(catalog, number=2)
    two = another(catalog, one, corrected("a"))
    assert ids(catalog.pair_jobs(one.pair_id)) == [one.id, two.id]
    assert ids(catalog.pair_jobs(other.pair_id)) == [other.id]
    with pytest.raises(BugError):
        catalog.pair_jobs(99)


def test_what_requests_take_as_given_is_kept_whatever_becomes_of_the_job(catalog: Catalog) -> None:
    one = first(catalog)
    waiting, fails, stops = (another(catalog, one, corrected(text)) for text in ("waits", "fails", "stops"))
    catalog.set_priority([fails.id], 5)
    assert catalog.claim("w1", NOON) is not None
    assert catalog.fail(fails.id, "w1", failure(), NOON)
    catalog.cancel([stops.id])
    assert catalog.job(waiting.id).state is JobState.QUEUED
    wanted = {artifact(ArtifactKind.MASK, text).sha256 for text in ("waits", "fails", "stops")}
    assert wanted <= catalog.referenced_artifacts()
    view = View(Path("/a"), "0" * 64, Path("/b"), "1" * 64, artifact(ArtifactKind.MASK, "of another view"))
    another(catalog, one, replace(color_match_request(), views=(view,)))
    assert artifact(ArtifactKind.MASK, "of another view").sha256 in catalog.referenced_artifacts()
    edit = edit_request()
    another(catalog, one, edit)
    assert {turn.mask.sha256 for turn in edit.turns} <= catalog.referenced_artifacts(), "drawn, and not yet painted in"


def view_of(pair: AssetPair) -> View:
    assert pair.flatlay is not None
    return View(pair.on_model.path, pair.on_model.sha256, pair.flatlay.path, pair.flatlay.sha256)


def matched(mask: MaskRequest) -> ColorMatchRequest:
    return replace(color_match_request(), mask=mask)


def test_the_corrected_mask_of_a_pair_is_the_newest_ones(catalog: Catalog) -> None:
    one = first(catalog, color_match_request())
    pair = one.pair_id
    other = first(catalog, number=2).pair_id
    assert catalog.corrected_masks([pair, other]) == {}
    two = another(catalog, one, matched(corrected("a")))
    assert catalog.corrected_masks([pair]) == {}  # it is not known yet whether it will do
    done(catalog, two, match_outcome("2"))
    assert catalog.corrected_masks([other, pair]) == {pair: corrected("a")}
    three = done(catalog, another(catalog, two, matched(corrected("b"))), match_outcome("3"))
    assert catalog.corrected_masks([pair]) == {pair: corrected("b")}
    another(catalog, three, color_match_request())  # taken back altogether
    assert catalog.corrected_masks([pair]) == {}


def test_another_masks_correction_is_not_the_garments(catalog: Catalog) -> None:
    one = first(catalog, mask_request("hat"))
    done(catalog, another(catalog, one, replace(corrected("a"), name="hat")))
    assert catalog.corrected_masks([one.pair_id]) == {}


def test_pairs_are_found_by_path_and_content_of_both_photographs(catalog: Catalog) -> None:
    one, two, alone = catalog.add_pairs([new_pair(1), new_pair(2), new_pair(3, flatlay=False)])
    view = view_of(one)
    strangers = [replace(view, on_model_sha256="0" * 64), replace(view, flatlay=Path("/elsewhere.jpg"))]
    assert catalog.find_pairs([*strangers, view_of(two), view, view]) == [None, None, two.id, one.id, one.id]
    assert catalog.find_pairs([replace(view, on_model=alone.on_model.path)]) == [None]
    assert catalog.find_pairs([]) == []


def test_training_marks_are_kept_with_who_and_when(catalog: Catalog) -> None:
    one, two = first(catalog, number=1), first(catalog, kontext_request(), number=2)
    catalog.mark_for_training([two.id, one.id], "ada", NOON)
    catalog.mark_for_training([one.id], "grace", after(60))
    marks = catalog.training_marks()
    assert [(mark.job_id, mark.author, mark.at) for mark in marks] == [(one.id, "ada", NOON), (two.id, "ada", NOON)]
    assert catalog.training_marks(limit=1) == marks[:1]
    assert catalog.training_marks(after_id=one.id) == marks[1:]
    catalog.unmark_for_training([one.id])
    catalog.unmark_for_training([one.id])
    assert catalog.training_marks() == marks[1:]
    queued = another(catalog, one, corrected("a"))
    with pytest.raises(BugError):
        catalog.mark_for_training([two.id, queued.id], "ada", NOON)


def test_versions_survive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "again.db"
    with SqliteLocation().open(path) as (catalog, _):
        one = first(catalog)
        two = done(catalog, another(catalog, one, corrected("a")))
        catalog.mark_for_training([two.id], "ada", NOON)
        marks = catalog.training_marks()
    with SqliteLocation().open(path) as (catalog, _):
        assert catalog.versions(one.id) == [two, replace(one, chain=one.id)]
        assert catalog.superseded([one.id, two.id]) == {one.id}
        assert catalog.training_marks() == marks
