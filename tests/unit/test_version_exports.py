"""Which version of a result is exported, and training marks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.domain.export import ExportFormat, ExportRecipe
from engine.domain.requests import (
    EngineName,
    MaskRequest,
)
from engine.domain.review import Decision
from engine.imaging.raster.encode import decode_mask
from engine.services.export import ExportPlan, export_items
from engine.services.review import decide, items_of
from engine.services.versions import correct_mask, mark_for_training
from tests.unit.studio import Studio, open_studio, upper_half

if TYPE_CHECKING:
    from engine.domain.picture import Alpha


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with open_studio(tmp_path) as studio:
        yield studio


def with_pending(plan: ExportPlan) -> ExportPlan:
    return replace(plan, recipe=replace(plan.recipe, approved_only=False))


def test_the_newest_approved_version_is_exported_and_no_other(studio: Studio) -> None:
    item, other = studio.submit(color=False)
    catalog, artifacts = studio.catalog, studio.artifacts
    full = studio.alpha(item)
    half = upper_half(full)
    plan = ExportPlan(studio.folder / "out", ExportRecipe((ExportFormat.MASK,)))

    def exported(plan: ExportPlan = plan) -> dict[str, Alpha]:
        report = export_items(catalog, artifacts, items_of(catalog), plan)
        assert report.failures == ()
        return {path.name: decode_mask(path.read_bytes()) for path in (*report.written, *report.kept)}

    decide(catalog, [item, other], Decision.APPROVED)
    job = correct_mask(catalog, artifacts, item, half)
    studio.work()
    mine = f"{item.pair.on_model.path.stem}_garment-mask.png"
    assert len(exported()) == 2
    assert np.array_equal(exported()[mine], full), "nobody has approved the correction yet"
    assert np.array_equal(exported(with_pending(plan))[mine], full)
    decide(catalog, [studio.item(job.id)], Decision.APPROVED)
    assert len(exported()) == 2
    assert np.array_equal(exported()[mine], half)
    decide(catalog, [studio.item(job.id)], Decision.REJECTED)
    assert np.array_equal(exported()[mine], full), "nothing approved is lost"
    decide(catalog, [item], Decision.PENDING)
    for every in (plan, with_pending(plan)):
        assert mine not in exported(every), "the newest is rejected, and nothing else approved"


def test_another_result_of_the_photograph_that_is_not_exported_leaves_the_name_alone(studio: Studio) -> None:
    (item,) = studio.submit(pairs=1, color=False)
    catalog = studio.catalog
    decide(catalog, [item], Decision.APPROVED)
    other = MaskRequest(EngineName.CLASSICAL, garment="upper")
    catalog.add_jobs(item.job.batch_id, [(item.pair.id, other)])
    studio.work()
    plan = ExportPlan(studio.folder / "out", ExportRecipe((ExportFormat.MASK,)))
    stem = item.pair.on_model.path.stem
    (plain,) = export_items(catalog, studio.artifacts, items_of(catalog), plan).written
    assert plain.name == f"{stem}_garment-mask.png"
    # Once both are exported, the one that has its name keeps it.
    both = export_items(catalog, studio.artifacts, items_of(catalog), with_pending(plan))
    assert both.kept == (plain,)
    assert [path.name for path in both.written] == [f"{stem}_{item.job.id + 1}_garment-mask.png"]


def test_a_training_mark_is_put_and_taken_away(studio: Studio) -> None:
    (item,) = studio.submit(pairs=1, color=False)
    mark_for_training(studio.catalog, item.job.id, True, author="ada")
    (mark,) = studio.catalog.training_marks()
    assert (mark.job_id, mark.author) == (item.job.id, "ada")
    mark_for_training(studio.catalog, item.job.id, False)
    assert studio.catalog.training_marks() == []
