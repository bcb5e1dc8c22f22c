"""Tolerances per brand and garment: what wins, what is refused, and that plan and report carry it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.domain.assets import Asset, AssetPair, Role
from engine.domain.errors import KnownError, UsageError
from engine.domain.geometry import Extent
from engine.domain.requests import ColorMatchRequest, EngineName, Tolerance
from engine.imaging.masks.garments import GarmentCategory, load_garments
from engine.services.plan import BatchPlan, EngineChoice, requests_for
from engine.services.tolerances import load_tolerances, user_tolerances, with_limits

PHOTO = Asset(1, Path("look.jpg"), "ab" * 32, 9, Role.ON_MODEL, Extent(40, 60), 8, "RGB", None)
CLASSICAL = EngineChoice(EngineName.CLASSICAL, None)

STUDIO = """
[default]
warn = 6.0

[category.lower]
pass = 4.0

[garment.jeans]
pass = 5.0
k_L = 1.5

[garment."t-shirt"]
warn = 4.5

[brand.Acme]
skus = ["AC-*", "acme-????"]
pass = 2.0

[brand.Acme.category.feet]
warn = 9

[brand.Acme.garment.denims]
k_L = 2.0
"""


@pytest.fixture(autouse=True)
def _own_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the tolerances of whoever runs it."""
    for name in ("HOME", "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "account"))


def studio(tmp_path: Path, text: str = STUDIO) -> Path:
    path = tmp_path / "studio.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_defaults_are_the_types_own() -> None:
    rules = load_tolerances()
    assert rules.own is None
    assert (
        rules.tolerance() == rules.tolerance("jeans", sku="AC-1") == Tolerance(3.0, 5.0, 1.0, 1.0, 1.0) == Tolerance()
    )


@pytest.mark.parametrize(
    ("garment", "brand", "sku", "expected"),
    [
        ("", "", "", Tolerance(3.0, 6.0)),
        ("something unheard of", "", "", Tolerance(3.0, 6.0)),
        ("skirt", "", "", Tolerance(4.0, 6.0)),
        ("jeans", "", "", Tolerance(5.0, 6.0, 1.5)),
        ("Denim", "", "", Tolerance(5.0, 6.0, 1.5)),
        ("blue denim jeans", "", "", Tolerance(5.0, 6.0, 1.5)),
        ("tee", "", "", Tolerance(3.0, 4.5)),
        ("", "Acme", "", Tolerance(2.0, 6.0)),
        ("", "ACME ", "", Tolerance(2.0, 6.0)),
        ("skirt", "acme", "", Tolerance(2.0, 6.0)),
        ("jeans", "acme", "", Tolerance(2.0, 6.0, 2.0)),
        ("socks", "acme", "", Tolerance(2.0, 9.0)),
        ("jeans", "", "ac-0815", Tolerance(2.0, 6.0, 2.0)),
        ("", "", "ACME-0001", Tolerance(2.0, 6.0)),
        ("", "", "ACME-00012", Tolerance(3.0, 6.0)),
        ("", "", "BAC-1", Tolerance(3.0, 6.0)),
        ("lower", "", "", Tolerance(4.0, 6.0)),
        ("lower", "acme", "", Tolerance(2.0, 6.0)),
        ("feet", "acme", "", Tolerance(2.0, 9.0)),
        ("head", "", "", Tolerance(3.0, 6.0)),
    ],
)
def test_the_narrowest_table_that_states_a_key_counts(
    tmp_path: Path, garment: str, brand: str, sku: str, expected: Tolerance
) -> None:
    assert load_tolerances(studio(tmp_path)).tolerance(garment, brand=brand, sku=sku) == expected


def test_the_accounts_own_file_is_found_and_a_given_one_takes_its_place(tmp_path: Path) -> None:
    own = user_tolerances()
    assert tmp_path in own.parents
    own.parent.mkdir(parents=True)
    own.write_text("[default]\npass = 1.0\n")
    assert load_tolerances().tolerance() == Tolerance(1.0, 5.0)
    assert load_tolerances().own == own
    assert load_tolerances(studio(tmp_path)).tolerance() == Tolerance(3.0, 6.0)


def test_the_accounts_folder_is_the_catalogs() -> None:
    from storage.location import SqliteLocation

    assert user_tolerances().parent == SqliteLocation().default_path().parent
    assert user_tolerances(SqliteLocation().default_path()) == user_tolerances()


def test_a_catalog_elsewhere_has_its_own_file_and_is_not_swayed_by_the_accounts(tmp_path: Path) -> None:
    account = user_tolerances()
    account.parent.mkdir(parents=True)
    account.write_text("[default]\npass = 1.0\n")
    catalog = tmp_path / "second" / "studio.db"
    catalog.parent.mkdir()
    rules = load_tolerances(catalog=catalog)
    assert (rules.own, rules.tolerance()) == (None, Tolerance())
    beside = catalog.with_name("tolerances.toml")
    beside.write_text("[default]\nwarn = 8.0\n")
    assert load_tolerances(catalog=catalog).tolerance() == Tolerance(3.0, 8.0)
    assert load_tolerances(studio(tmp_path), catalog=catalog).tolerance() == Tolerance(3.0, 6.0)


@pytest.mark.parametrize(("brand", "sku"), [("", ""), ("Acme", ""), ("", "AC-1")])
def test_a_request_for_an_unknown_garment_carries_what_every_found_one_is_judged_by(
    tmp_path: Path, brand: str, sku: str
) -> None:
    rules = load_tolerances(studio(tmp_path))
    pair = AssetPair(1, sku, "front", "", PHOTO, None)
    plan = BatchPlan(tolerances=rules, brand=brand)
    (request,) = requests_for(pair, plan, CLASSICAL)
    assert isinstance(request, ColorMatchRequest)
    for found in ("", *GarmentCategory, *(kind.label for kind in load_garments())):
        assert request.tolerance_for(str(found)) == rules.tolerance(str(found), brand=brand, sku=sku), found
    # "Hose" is no name of the registry: what it is will be found out as well.
    (foreign,) = requests_for(replace(pair, garment="Hose"), plan, CLASSICAL)
    assert isinstance(foreign, ColorMatchRequest)
    assert foreign.tolerance_by_garment == request.tolerance_by_garment
    (known,) = requests_for(replace(pair, garment="denim"), plan, CLASSICAL)
    assert isinstance(known, ColorMatchRequest)
    assert known.tolerance == rules.tolerance("jeans", brand=brand, sku=sku)
    assert known.tolerance_by_garment == (), "the operator said what it is"


def test_without_rules_by_garment_a_request_carries_none() -> None:
    (request,) = requests_for(AssetPair(1, "", "front", "", PHOTO, None), BatchPlan(), CLASSICAL)
    assert isinstance(request, ColorMatchRequest)
    assert (request.tolerance, request.tolerance_by_garment) == (Tolerance(), ())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[default\n", "no valid TOML"),
        ("[defaults]\npass = 1\n", "the file has an unknown key 'defaults'. Use: default, category, garment, brand."),
        ("[default]\npasses = 1\n", "[default] has an unknown key 'passes'. Use: pass, warn, k_L, k_C, k_H."),
        ("[default]\npass = '3'\n", "[default]: 'pass' is '3'. Give a number above 0."),
        ("[default]\npass = true\n", "[default]: 'pass' is True. Give a number above 0."),
        ("[default]\nwarn = nan\n", "[default]: 'warn' is nan. Give a number above 0."),
        ("[default]\nwarn = inf\n", "[default]: 'warn' is inf. Give a number above 0."),
        ("[default]\nk_L = 0\n", "[default]: 'k_L' is 0. Give a number above 0."),
        ("[default]\nk_H = -1.0\n", "[default]: 'k_H' is -1.0. Give a number above 0."),
        ("default = 3\n", "'default' is 3. Write it as a table, [default]."),
        ("[garment]\njeans = 3\n", "'garment.jeans' is 3. Write it as a table, [garment.jeans]."),
        ("[garment.shrit]\npass = 1\n", "[garment.shrit]: the garment 'shrit' is unknown. Use: shirt, "),
        ("[garment.tee]\n[garment.t-shirt]\n", "[garment.t-shirt]: 't-shirt' is listed twice."),
        ("[category.legs]\n", "[category.legs]: there is no category 'legs'. Use: upper, lower, "),
        ("[brand.a.garment.jeans]\nwarm = 1\n", "[brand.a.garment.jeans] has an unknown key 'warm'."),
        ("[brand.a]\nskus = 'A*'\n", "[brand.a]: 'skus' is 'A*'. Give a list of texts."),
        ("[brand.a]\nskus = [1]\n", "[brand.a]: 'skus' is [1]. Give a list of texts."),
        ("[brand.a]\n[brand.A]\n", "the brand 'A' is listed twice."),
        ("[default]\nwarn = 2\n", "the limits: 'warn' (2) lies below 'pass' (3). Raise warn, or lower pass."),
        ("[category.lower]\npass = 9\n", "the limits for skirt: 'warn' (5) lies below 'pass' (9)."),
        ("[brand.a]\npass = 9\n[garment.jeans]\nwarn = 12\n", "the limits of the brand 'a': 'warn' (5) lies below"),
    ],
)
def test_a_wrong_file_is_one_sentence_that_names_file_and_key(tmp_path: Path, text: str, says: str) -> None:
    path = studio(tmp_path, text)
    with pytest.raises(KnownError) as caught:
        load_tolerances(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path.as_posix()}: ")
    assert says in sentence
    assert "\n" not in sentence


def test_a_missing_file_and_an_unknown_brand_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match=r"nowhere\.toml: the file is not there"):
        load_tolerances(tmp_path / "nowhere.toml")
    rules = load_tolerances(studio(tmp_path))
    with pytest.raises(UsageError, match=r"the brand 'acne'\. Choose from: Acme\."):
        rules.require_brand("acne")
    rules.require_brand("acme")
    rules.require_brand("")
    with pytest.raises(UsageError, match=r"Add \[brand\.acme\]"):
        load_tolerances().tolerance(brand="acme")


def test_limits_of_the_command_line_go_over_the_files() -> None:
    base = Tolerance(3.0, 5.0, 2.0)
    assert with_limits(base, None, None) == base
    assert with_limits(base, 1.0, None) == Tolerance(1.0, 5.0, 2.0)
    assert with_limits(base, 7.0, None) == Tolerance(7.0, 7.0, 2.0)
    assert with_limits(base, 1.0, 2.0) == Tolerance(1.0, 2.0, 2.0)
    for passes, warns in (
        (float("nan"), None),
        (0.0, None),
        (None, -1.0),
        (None, float("inf")),
        (4.0, 3.0),
        (None, 2.0),
    ):
        with pytest.raises(UsageError):
            with_limits(base, passes, warns)
