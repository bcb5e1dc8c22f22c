"""Masks that were not found and that a person draws: the failed job runs again, with what is known of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.domain.errors import KnownError
from engine.domain.jobs import Job, JobState, Origin, Reason
from engine.domain.requests import ColorMatchRequest, EngineName, MaskRequest, Request
from engine.domain.review import FailedItem
from engine.imaging.drawn import write_demo_set
from engine.services.failures import best_guess, can_be_drawn, failed_item, known_garment
from engine.services.intake import hashed_pairs, scan
from engine.services.versions import correct_mask, history, remask
from tests.contract.factories import edit_request
from tests.unit.studio import Studio, open_studio

SIZE = (240, 300)
MATCH = ColorMatchRequest(EngineName.CLASSICAL, MaskRequest(EngineName.CLASSICAL))


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with open_studio(tmp_path) as studio:
        yield studio


def failed(studio: Studio, request: Request = MATCH) -> FailedItem:
    """A job on a photograph whose flatlay is drawn and on which nobody is to be seen."""
    write_demo_set(studio.folder / "pictures", 1)
    (pair,) = scan([studio.folder / "pictures"]).pairs
    noise = np.random.default_rng(7).integers(0, 6, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    colors = np.array([170, 120, 90], np.uint8) + noise
    Image.fromarray(colors).save(pair.on_model.path)
    ready, problems = hashed_pairs(scan([studio.folder / "pictures"]).pairs)
    assert not problems
    (known,) = studio.catalog.add_pairs(ready)
    (job,) = studio.catalog.add_jobs(studio.catalog.create_batch("drawn").id, [(known.id, request)])
    assert [done.state for done in studio.work()] == [JobState.FAILED]
    return failed_item(studio.catalog, job.id)


def drawn() -> np.ndarray:
    alpha = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    alpha[80:200, 60:180] = 255
    return alpha


def draw(studio: Studio, item: FailedItem, alpha: np.ndarray) -> Job:
    return correct_mask(studio.catalog, studio.artifacts, item, alpha, author="ada")


def test_a_drawn_mask_has_the_failed_job_matched_as_its_next_version(studio: Studio) -> None:
    item = failed(studio)
    failure = item.job.failure
    assert failure is not None
    assert "draw its mask" in failure.remedy
    assert best_guess(studio.catalog, item) is None
    job = draw(studio, item, drawn())
    assert job.origin == Origin(item.job.id, Reason.MASK_EDITED, "ada")
    assert (job.version, job.batch_id, job.state) == (2, item.job.batch_id, JobState.QUEUED)
    assert job.priority > item.job.priority
    assert [done.state for done in studio.work()] == [JobState.SUCCEEDED]
    new = studio.item(job.id)
    assert np.array_equal(studio.alpha(new), drawn())
    assert new.outcome.match is not None
    assert [version.job.id for version in history(studio.catalog, item.job.id)] == [job.id]
    # What failed stays in the history as it was.
    assert studio.catalog.job(item.job.id).failure == failure
    assert [version.id for version in studio.catalog.versions(item.job.id)] == [job.id, item.job.id]


def test_the_same_mask_again_is_no_other_job(studio: Studio) -> None:
    item = failed(studio)
    job = draw(studio, item, drawn())
    studio.work()
    assert draw(studio, item, drawn()).id == job.id
    assert best_guess(studio.catalog, item) == studio.item(job.id).outcome.mask.alpha
    assert draw(studio, item, drawn() // 2).version == 3


def test_a_mask_alone_needs_no_garment_on_the_flatlay(studio: Studio) -> None:
    item = failed(studio, MATCH.mask)
    assert item.pair.flatlay is not None
    Image.new("RGB", SIZE, (200, 200, 200)).save(item.pair.flatlay.path)
    (pair,) = hashed_pairs(scan([studio.folder / "pictures"]).pairs)[0]
    (known,) = studio.catalog.add_pairs([pair])
    (job,) = studio.catalog.add_jobs(item.job.batch_id, [(known.id, MATCH.mask)])
    assert [done.state for done in studio.work()] == [JobState.FAILED]
    new = draw(studio, failed_item(studio.catalog, job.id), drawn())
    assert [done.id for done in studio.work() if done.state is JobState.SUCCEEDED] == [new.id]


def test_what_another_job_of_the_photograph_found_is_the_guess(studio: Studio) -> None:
    item = failed(studio)
    other = replace(MATCH, mask=replace(MATCH.mask, garment="jacket"))
    (job,) = studio.catalog.add_jobs(item.job.batch_id, [(item.pair.id, other)])
    studio.work()
    made = draw(studio, failed_item(studio.catalog, job.id), drawn())
    studio.work()
    assert best_guess(studio.catalog, item) == studio.item(made.id).outcome.mask.alpha
    # ... and its garment is what the match is judged by.
    assert known_garment(studio.catalog, item) == "jacket"
    request = draw(studio, item, drawn()).request
    assert isinstance(request, ColorMatchRequest)
    assert request.mask.found == "jacket"


def test_what_cannot_be_drawn_is_refused_by_name(studio: Studio) -> None:
    item = failed(studio)
    name = item.pair.on_model.path.name
    for wrong, says in ((drawn()[:-1], "the mask is 240 × 299"), (drawn() * 0, "is empty")):
        with pytest.raises(KnownError, match=f"{name}.*{says}"):
            draw(studio, item, wrong)
    done = draw(studio, item, drawn())
    with pytest.raises(KnownError, match=f"{name}.*this job is queued"):
        failed_item(studio.catalog, done.id)
    (edit,) = studio.catalog.add_jobs(item.job.batch_id, [(item.pair.id, edit_request())])
    while (job := studio.catalog.claim("w", datetime.now(UTC))) is not None:
        assert item.job.failure is not None
        studio.catalog.fail(job.id, "w", item.job.failure, datetime.now(UTC))
    assert not can_be_drawn(studio.catalog.job(edit.id))
    assert can_be_drawn(studio.catalog.job(done.id))
    with pytest.raises(KnownError, match="an edit paints inside the masks of its turns"):
        failed_item(studio.catalog, edit.id)


def test_the_mask_made_in_the_same_way_is_the_failed_job_tried_again(studio: Studio) -> None:
    item = failed(studio)
    again = remask(studio.catalog, item, MATCH.mask)
    assert (again.id, again.state, again.origin) == (item.job.id, JobState.QUEUED, None)
