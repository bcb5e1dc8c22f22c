"""The ΔE table and the HTML page: what an auditor must be able to read off them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.domain.artifacts import ArtifactKind
from engine.domain.requests import Tolerance
from engine.domain.results import PaletteLine, Verdict
from engine.domain.review import ReviewItem
from engine.ports import ArtifactStore
from engine.services.plan import BatchPlan, EngineChoice, requests_for
from engine.services.report import palette_line_text, srgb_hex, tolerance_text, write_delta_e_table, write_html_report
from engine.services.tolerances import load_tolerances
from storage.location import SqliteLocation
from tests.contract.factories import NOON, color_match_request, match_outcome, new_pair


@pytest.fixture
def finished(tmp_path: Path) -> Iterator[tuple[ReviewItem, ArtifactStore]]:
    """One colour match in a real catalog; its previews are real files."""
    with SqliteLocation().open(tmp_path / "catalog.db") as (catalog, artifacts):
        (pair,) = catalog.add_pairs([new_pair(1)])
        catalog.add_jobs(catalog.create_batch("one").id, [(pair.id, color_match_request())])
        job = catalog.claim("w1", NOON)
        assert job is not None
        outcome = match_outcome()
        preview = artifacts.put(ArtifactKind.PREVIEW, b"a jpeg", ".jpg")
        previews = replace(outcome.previews, on_model=preview, flatlay=preview, matched=preview, mask=preview)
        assert catalog.succeed(job.id, "w1", replace(outcome, previews=previews), NOON)
        (item,) = catalog.review_items()
        yield item, artifacts


def test_the_table_states_limits_factors_and_palette(
    finished: tuple[ReviewItem, ArtifactStore], tmp_path: Path
) -> None:
    item, _ = finished
    write_delta_e_table(tmp_path / "t.csv", [(item.job, item.pair)], [item])
    with open(tmp_path / "t.csv", encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert [row[key] for key in ("pass", "warn", "k_L", "k_C", "k_H")] == ["2.5", "5.5", "2", "1", "1"]
    assert (row["dE00_after"], row["p50_after"], row["p95_after"]) == ("1.25", "1.32", "4.55")
    assert (row["dL"], row["dC"], row["dH"]) == ("-0.30", "+0.70", "-1.10")
    assert row["outside_max_change"] == "0"
    first, second = row["palette"].split("; ")
    assert first.endswith("67% of the flatlay, 70% of the photograph: ΔE00 1.10 pass")
    assert second.endswith("4% of the flatlay: not on the photograph")


def test_the_page_states_them_as_well(finished: tuple[ReviewItem, ArtifactStore], tmp_path: Path) -> None:
    item, artifacts = finished
    write_html_report(tmp_path / "r.html", "Shooting", "", [item], artifacts)
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "pass up to 2.5, warn up to 5.5, k_L 2, k_C 1, k_H 1" in page
    assert "4%, only on the flatlay" in page
    assert page.count("class=swatch") == 3
    assert "<dt>Largest change outside the mask</dt><dd>0</dd>" in page


def test_sentences_for_each_kind_of_palette_line() -> None:
    assert srgb_hex((100.0, 0.0, 0.0)) == "#ffffff"
    assert srgb_hex((53.24, 80.09, 67.20)) == "#ff0000"  # sRGB's red in CIELAB under D65
    line = PaletteLine((53.24, 80.09, 67.2), 0.12, None, 0.0, None, None)
    assert palette_line_text(line) == "#ff0000 12% of the photograph: not on the flatlay"
    both = PaletteLine((0.0, 0.0, 0.0), 0.5, (100.0, 0.0, 0.0), 0.25, 100.0, Verdict.FAIL)
    assert palette_line_text(both) == "#ffffff 25% of the flatlay, 50% of the photograph: ΔE00 100.00 fail"
    assert tolerance_text(Tolerance(1.5, 2.0, 2.0)) == "pass up to 1.5, warn up to 2, k_L 2, k_C 1, k_H 1"


def test_a_plan_judges_each_pair_by_its_own_garment_and_brand(
    finished: tuple[ReviewItem, ArtifactStore], tmp_path: Path
) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[garment.shirt]\npass = 1.0\n[brand.b]\nskus = ["S-*"]\nwarn = 9.0\n')
    rules = load_tolerances(path)
    pair, engine = finished[0].pair, EngineChoice(color_match_request().engine, None)

    def tolerance(garment: str, sku: str, brand: str = "", label: str = "") -> Tolerance:
        plan = BatchPlan(tolerances=rules, brand=brand, garment=label)
        (request,) = requests_for(replace(pair, garment=garment, sku=sku), plan, engine)
        return request.tolerance  # pyright: ignore[reportAttributeAccessIssue]

    assert tolerance("shirt", "X-1") == Tolerance(1.0, 5.0)
    assert tolerance("dress", "s-1") == Tolerance(3.0, 9.0)
    assert tolerance("", "X-1", brand="B", label="blouse") == Tolerance(1.0, 9.0)
