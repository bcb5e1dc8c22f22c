"""Names of exported files: tokens, what no file system takes, and what tells files apart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.assets import Asset, AssetPair, Role
from engine.domain.errors import UsageError
from engine.domain.export import ExportFormat, ExportRecipe
from engine.domain.geometry import Extent
from engine.domain.results import Verdict
from engine.domain.review import ReviewItem
from engine.services.export.names import Names, Subject, cleaned, example_name, numbers_of, rendered
from engine.services.names import parse_name
from tests.unit.export_studio import item_of

DAY = date(2026, 11, 22)
TIFF, PSD, MASK, JPEG = ExportFormat.TIFF, ExportFormat.PSD, ExportFormat.MASK, ExportFormat.JPEG


def pair_of(number: int, path: str, sku: str = "", view: str = "", garment: str = "") -> AssetPair:
    asset = Asset(number, Path(path), "", 1, Role.ON_MODEL, Extent(1, 1), 8, "RGB", None)
    return AssetPair(number, sku, view, garment, asset, None)


def name_of(pattern: str, item: ReviewItem, format: ExportFormat = TIFF, pairs: Sequence[AssetPair] = ()) -> str:
    return str(Names(pattern, pairs or [item.pair], DAY).name(Subject(format, (item,))))


def test_what_each_token_says() -> None:
    item = item_of(pair_of(1, "/in/A1_front_model.tif", "A1", "front", "shirt"), verdict=Verdict.WARN)
    pattern = "{sku}/{view}/{garment}-{date}-{verdict}-{mask}-{stem}"
    assert name_of(pattern, item) == "A1/front/shirt-2026-11-22-warn-garment-A1_front_model_matched.tif"
    assert name_of("{sku}", item, PSD) == "A1.psd"
    assert name_of("{sku}", item, ExportFormat.TIFF_LAYERS) == "A1_layers.tif"
    assert name_of("{sku}", item, JPEG) == "A1_matched.jpg"
    assert name_of("{sku}", item, MASK) == "A1_garment-mask.png"
    assert name_of("{sku}", item_of(item.pair, mask="hat", verdict=None), MASK) == "A1_hat-mask.png"
    assert name_of("{mask}/{sku}", item, MASK) == "garment/A1-mask.png"
    assert name_of("{garment}", item_of(pair_of(1, "/a.tif"), found="dress"), PSD) == "dress.psd"


def test_what_says_nothing_takes_its_separator_along() -> None:
    item = item_of(pair_of(1, "/in/a.tif"), verdict=None)
    assert name_of("{sku}_{view}_{stem}-{verdict}", item, PSD) == "a.psd"
    assert name_of("{sku}/{verdict} {view}/x_{stem}", item, PSD) == "x_a.psd", "no folder without a name"
    assert name_of("{sku}", item, PSD) == "a.psd", "the photograph's own name where nothing else is left"
    assert name_of("-{stem}-", item, PSD) == "-a-.psd", "what was typed stays"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CON", "CON_"), ("con.v1", "con_.v1"), ("COM1", "COM1_"), ("lpt².x", "lpt²_.x"), ("CONSUL", "CONSUL"),
        ("a/b\\c", "a_b_c"), ('<>:"|?*', "_______"), ("two\nlines", "two_lines"), (" .x. ", "x"), ("..", ""),
        ("été 日本 👗", "été 日本 👗"), ("bytes\udcff", "bytes_"), ("ä" * 200, "ä" * 85),
    ],
)  # fmt: skip
def test_one_part_of_a_path(text: str, name: str) -> None:
    assert cleaned(text) == name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/shoot/Cm1007_model_front_02.jpg", "Cm1007"),
        ("/shoot/MODEL-AB_123_Front.jpg", "AB-123"),
        ("/shoot/CM1007/model/IMG_0007.jpg", "CM1007"),
        ("/shoot/シャツ_model.jpg", "シャツ"),
        ("/shoot/ＡＢ9_model.jpg", "AB9"),
        ("/shoot/Straße_model.jpg", "Straße"),
    ],
)
def test_an_article_number_is_written_as_the_studio_writes_it(path: str, name: str) -> None:
    """It was exported in lower case, since it is compared so, and with every folder above it."""
    folder = PurePosixPath("/shoot")
    parts = parse_name(PurePosixPath(path), folder)
    sku = parts.folder if parts.is_silent else parts.sku
    assert sku != name or not name.isascii()
    assert name_of("{sku}", item_of(pair_of(1, path, sku)), PSD) == f"{name}.psd"
    assert name_of("{sku}", item_of(pair_of(1, path, "As Typed")), PSD) == "As Typed.psd"


@given(st.text(max_size=300), st.text(max_size=300), st.sampled_from(["{sku}/{stem}", "{sku}_{stem}", "x{stem}"]))
def test_every_text_becomes_a_name_for_every_disk(sku: str, stem: str, pattern: str) -> None:
    path = rendered(pattern, {"sku": sku, "stem": stem})
    assert not path.is_absolute()
    for part in path.parts:
        assert part not in ("", ".", "..")
        assert len(part.encode()) <= 172
        assert not part.endswith((" ", "."))
        assert not set('<>:"/\\|?*') & set(part)
        assert all(ord(c) >= 32 for c in part)


def test_the_longest_names_fit_a_directory_entry() -> None:
    item = item_of(pair_of(999_999_999, "/" + "f" * 200 + "/" + "é" * 100 + ".tif"), 999_999_999, mask="ü" * 80)
    twin = pair_of(999_999_998, "/" + "f" * 200 + "/" + "é" * 100 + ".jpg")
    names = Names("{stem}", [item.pair, twin], DAY)
    for format in ExportFormat:
        name = names.name(Subject(format, (item,), number=999_999_999)).name
        assert len(name.encode()) + len("-999") <= 255, name


def test_names_are_unique_and_stay_when_case_and_composition_do_not_count() -> None:
    pairs = [
        pair_of(1, "/a/front.jpg"), pair_of(2, "/b/FRONT.jpg"), pair_of(3, "/x/b/front.tif"),
        pair_of(4, "/a/side.jpg"), pair_of(5, "/p/e\u0301t\u00e9.jpg"), pair_of(6, "/q/\u00c9t\u00e9.jpg"),
        pair_of(7, "/r/b_front.tif"),
    ]  # fmt: skip
    names = [name_of("{stem}", item_of(pair), PSD, pairs) for pair in pairs]
    assert names[0] == "a_front.psd"
    assert names[3] == "side.psd"
    assert {names[1], names[2], names[6]} == {"b_FRONT_2.psd", "b_front_3.psd", "r_b_front_7.psd"}
    assert names[4].startswith("p_")
    assert names[5].startswith("q_")
    same_sku = [pair_of(1, "/a.jpg", "A1", "front"), pair_of(2, "/b.jpg", "A1", "front"), pair_of(3, "/c.jpg", "A2")]
    assert [name_of("{sku}_{view}", item_of(pair), PSD, same_sku) for pair in same_sku] == [
        "A1_front_1.psd", "A1_front_2.psd", "A2.psd"
    ]  # fmt: skip


def test_results_with_the_same_mask_name_are_told_apart_and_versions_are_not() -> None:
    pair = pair_of(1, "/a.tif")
    items = [item_of(pair, 3), item_of(pair, 8), item_of(pair, 9, mask="hat", verdict=None)]
    assert numbers_of(items) == {3: 3, 8: 8, 9: 0}
    names = Names("{stem}", [pair], DAY)
    assert str(names.name(Subject(TIFF, (items[1],), 8))) == "a_8_matched.tif"
    assert str(names.name(Subject(MASK, (items[1],), 8))) == "a_8_garment-mask.png"


def test_an_earlier_name_is_known_whatever_batch_and_day_gave_it() -> None:
    pair = pair_of(12, "/in/a.tif", "A1")
    subject = Subject(TIFF, (item_of(pair, 3),))
    names = Names("{date}/{stem}", [pair], DAY)
    for name in ("2026-11-20/a_matched.tif", "2026-11-22/in_a_matched.tif", "2026-11-20/A_3_matched.tif",
                 "2026-11-22/a_matched-2.tif", "2026-11-20/in_a_12_matched.tif"):  # fmt: skip
        day = date.fromisoformat(name[:10])
        assert names.is_name_of(PurePosixPath(name), subject, day), name
    for name in ("2026-11-20/a_matched.tif", "2026-11-22/b_matched.tif", "a_matched.tif", "2026-11-22/a_edit.tif"):
        assert not names.is_name_of(PurePosixPath(name), subject, DAY), name


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("{sku}_{foto}", "no '{foto}'"), ("{sku", "brace"), ("sku}", "brace"), ("", "no name"), ("{sku}/", "no name"),
        ("/{sku}", "out of the folder"), ("../{sku}", "out of the folder"), ("a//b", "out of the folder"),
        ("{{sku}}", "brace"), ("{}", "no '{}'"),
    ],
)  # fmt: skip
def test_a_pattern_that_cannot_be_is_refused_with_what_can(pattern: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        ExportRecipe(name_pattern=pattern)
    with pytest.raises(UsageError):
        example_name(pattern, DAY)


def test_the_example() -> None:
    assert example_name("{date}/{sku}_{view}", DAY) == "2026-11-22/A1042_front.psd"
