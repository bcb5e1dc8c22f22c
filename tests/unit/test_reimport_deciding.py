"""Conflicts of the way back, decided by a person, and decisions that are taken back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.domain.errors import KnownError
from engine.domain.jobs import JobState
from engine.services.reimport import (
    Conflict,
    Reimported,
    ReturnedFiles,
    Unchanged,
    keep_ours,
    put_back,
    reimport,
    take_theirs,
)
from engine.services.review import items_of
from engine.services.versions import correct_mask
from tests.unit.retoucher import MASK, Retoucher
from tests.unit.studio import Studio, upper_half
from tests.unit.test_reimport import MATCH, export


@pytest.fixture
def studio(matched_studio: Studio) -> Studio:
    return matched_studio


def conflicting(studio: Studio, returned: ReturnedFiles) -> tuple[Path, Conflict, np.ndarray]:
    """A retoucher's mask, and another one that a colleague has drawn meanwhile."""
    (item,) = items_of(studio.catalog)
    path, alpha = export(studio), studio.alpha(item)
    theirs = alpha.copy()
    theirs[:, : int(np.flatnonzero(alpha.any(axis=0)).mean())] = 0
    retoucher = Retoucher(path)
    retoucher.set_plane(MATCH, MASK, theirs)
    retoucher.save(path)
    correct_mask(studio.catalog, studio.artifacts, item, upper_half(alpha), author="ada")
    studio.work()
    found = reimport(studio.catalog, studio.artifacts, path, returned)
    assert isinstance(found, Conflict)
    return path, found, theirs


def newest(studio: Studio) -> np.ndarray:
    done = [job for job in studio.catalog.jobs() if job.state is JobState.SUCCEEDED]
    (job,) = [job for job in done if not studio.catalog.superseded([job.id])]
    return studio.alpha(studio.item(job.id))


def test_ours_is_kept_until_the_file_is_saved_again(studio: Studio, tmp_path: Path) -> None:
    returned = ReturnedFiles(tmp_path / "returned.jsonl")
    path, conflict, theirs = conflicting(studio, returned)
    before = path.read_bytes()
    keep_ours(conflict, returned)
    later = ReturnedFiles(tmp_path / "returned.jsonl")
    assert isinstance(reimport(studio.catalog, studio.artifacts, path, later), Unchanged), "in the next session, too"
    assert path.read_bytes() == before
    retoucher = Retoucher(path)
    retoucher.set_plane(MATCH, MASK, theirs // 2)
    retoucher.save(path)
    assert isinstance(reimport(studio.catalog, studio.artifacts, path, later), Conflict)


def test_theirs_is_taken_though_ours_was_kept_before(studio: Studio) -> None:
    returned = ReturnedFiles(None)
    path, conflict, theirs = conflicting(studio, returned)
    keep_ours(conflict, returned)
    taken = take_theirs(studio.catalog, studio.artifacts, path, returned)
    assert isinstance(taken, Reimported)
    studio.work()
    np.testing.assert_array_equal(newest(studio), theirs)
    assert len(studio.catalog.versions(taken.jobs[0].id)) == 3, "nothing is lost"


def test_a_version_that_is_not_made_yet_is_put_back_by_not_making_it(studio: Studio) -> None:
    returned = ReturnedFiles(None)
    path, _, _ = conflicting(studio, returned)
    ours = newest(studio)
    taken = take_theirs(studio.catalog, studio.artifacts, path, returned)
    assert isinstance(taken, Reimported)
    put_back(studio.catalog, [job.id for job in taken.jobs], author="ada")
    assert studio.catalog.job(taken.jobs[0].id).state is JobState.CANCELLED
    assert studio.work() == []
    np.testing.assert_array_equal(newest(studio), ours)


def test_a_version_that_was_made_gives_its_place_back_and_can_be_taken_once_more(studio: Studio) -> None:
    returned = ReturnedFiles(None)
    path, _, theirs = conflicting(studio, returned)
    ours = newest(studio)
    taken = take_theirs(studio.catalog, studio.artifacts, path, returned)
    assert isinstance(taken, Reimported)
    studio.work()
    (standing,) = put_back(studio.catalog, [job.id for job in taken.jobs], author="ada")
    assert studio.work() == [], "it was made before"
    np.testing.assert_array_equal(newest(studio), ours)
    assert isinstance(reimport(studio.catalog, studio.artifacts, path, returned), Unchanged)
    with pytest.raises(KnownError, match="was made since"):
        put_back(studio.catalog, [job.id for job in taken.jobs], author="ada")
    assert studio.catalog.versions(standing.id)[0].id == standing.id
    take_theirs(studio.catalog, studio.artifacts, path, returned)
    np.testing.assert_array_equal(newest(studio), theirs)
