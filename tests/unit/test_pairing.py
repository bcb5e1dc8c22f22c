"""Names a studio uses, and what they must be paired to."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.domain.assets import PictureHeader, Role
from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.services.names import parse_name
from engine.services.pairing import ScannedPicture, is_pair_list, pair_pictures, read_pair_list

ROOT = Path("/studio/drop")
HEADER = PictureHeader(Extent(10, 10), "JPEG", "RGB", 8, None)


def pictures(*names: str) -> list[ScannedPicture]:
    found = []
    for name in names:
        path = ROOT / name
        parts = parse_name(path, ROOT)
        found.append(ScannedPicture(path, 1, HEADER, parts, parts.role))
    return found


def paired(*names: str) -> dict[str, str]:
    pairs, _, _ = pair_pictures(pictures(*names))
    return {p.on_model.path.relative_to(ROOT).as_posix(): p.flatlay.path.relative_to(ROOT).as_posix() for p in pairs}


@pytest.mark.parametrize(
    ("name", "role", "sku", "view"),
    [
        ("CM1007_front_01.jpg", Role.UNKNOWN, "cm1007", "front"),
        ("CM1007_flat_01.jpg", Role.FLATLAY, "cm1007", ""),
        ("CM1007-still-life.tif", Role.FLATLAY, "cm1007", ""),
        ("packshot_CM1007_back.png", Role.FLATLAY, "cm1007", "back"),
        ("CM1007_ghost.jpg", Role.FLATLAY, "cm1007", ""),
        ("CM1007_on-model_02.jpg", Role.ON_MODEL, "cm1007", ""),
        ("CM1007 look 3.jpg", Role.ON_MODEL, "cm1007", ""),
        ("on_model12.jpg", Role.ON_MODEL, "12", ""),
        ("still-life12.jpg", Role.FLATLAY, "12", ""),
        ("flat/CM1007.jpg", Role.FLATLAY, "cm1007", ""),
        ("on model/CM1007.jpg", Role.ON_MODEL, "cm1007", ""),
        ("flat/CM1007_model.jpg", Role.ON_MODEL, "cm1007", ""),  # the file's own word beats the folder's
        ("modelled_flattering.jpg", Role.UNKNOWN, "modelled-flattering", ""),  # no role words inside other words
        ("ÄRMEL-Grün_flatlay.jpg", Role.FLATLAY, "ärmel-grün", ""),
    ],
)
def test_role_sku_and_view_are_read_from_names(name: str, role: Role, sku: str, view: str) -> None:
    parts = parse_name(ROOT / name, ROOT)
    assert (parts.role, parts.sku, parts.view) == (role, sku, view)


def test_numbered_pairs_go_by_their_number() -> None:
    assert paired("on_model1.jpg", "on_model12.jpg", "still-life1.jpg", "still-life12.jpg") == {
        "on_model1.jpg": "still-life1.jpg",
        "on_model12.jpg": "still-life12.jpg",
    }


def test_a_number_without_its_flatlay_is_not_given_another_ones() -> None:
    pairs, _, problems = pair_pictures(pictures("on_model12.jpg", "still-life13.jpg"))
    assert pairs == []
    assert {p.path.name for p in problems} == {"on_model12.jpg", "still-life13.jpg"}


def test_one_flatlay_serves_many_views() -> None:
    assert paired("A1_front_01.jpg", "A1_back_02.jpg", "A1_flat_01.jpg", "B2_front_01.jpg", "B2_flat_01.jpg") == {
        "A1_front_01.jpg": "A1_flat_01.jpg",
        "A1_back_02.jpg": "A1_flat_01.jpg",
        "B2_front_01.jpg": "B2_flat_01.jpg",
    }


def test_of_two_flatlays_the_one_of_the_same_view_is_taken() -> None:
    found = paired("A1_model_front.jpg", "A1_model_back.jpg", "A1_flat_front.jpg", "A1_flat_back.jpg")
    assert found == {"A1_model_front.jpg": "A1_flat_front.jpg", "A1_model_back.jpg": "A1_flat_back.jpg"}


def test_articles_that_end_in_a_number_stay_apart() -> None:
    found = paired("dress_red_12_model.jpg", "dress_red_13_model.jpg", "dress_red_12_flat.jpg", "dress_red_13_flat.jpg")
    assert found == {
        "dress_red_12_model.jpg": "dress_red_12_flat.jpg",
        "dress_red_13_model.jpg": "dress_red_13_flat.jpg",
    }


def test_article_folders_with_camera_names() -> None:
    assert paired("A1/flat/IMG_0001.jpg", "A1/model/IMG_0007.jpg", "B2/flat/IMG_0002.jpg", "B2/model/IMG_0009.jpg") == {
        "A1/model/IMG_0007.jpg": "A1/flat/IMG_0001.jpg",
        "B2/model/IMG_0009.jpg": "B2/flat/IMG_0002.jpg",
    }


def test_article_folder_with_one_flatlay_and_numbered_looks() -> None:
    found = paired(
        "A1/flat.jpg", "A1/model_1.jpg", "A1/model_2.jpg", "B2/flat_1.jpg", "B2/model_1.jpg", "B2/model_2.jpg"
    )
    assert found == {
        "A1/model_1.jpg": "A1/flat.jpg",
        "A1/model_2.jpg": "A1/flat.jpg",
        "B2/model_1.jpg": "B2/flat_1.jpg",
        "B2/model_2.jpg": "B2/flat_1.jpg",
    }


def test_a_picture_without_a_role_word_takes_the_open_role() -> None:
    assert paired("A1.jpg", "A1_flat.jpg", "B2_model.jpg", "B2.jpg") == {
        "A1.jpg": "A1_flat.jpg",
        "B2_model.jpg": "B2.jpg",
    }


def test_what_cannot_be_paired_is_listed_with_its_reason() -> None:
    names = ("A1_model.jpg", "B2_flat.jpg", "mystery.jpg", "C3_model.jpg", "x/C3_flat.jpg", "y/C3_flat.jpg")
    pairs, _, problems = pair_pictures(pictures(*names))
    assert pairs == []
    said = {p.path.name: p.what for p in problems if p.path.parent == ROOT}
    assert said["A1_model.jpg"] == "no flatlay of the article 'a1' was found"
    assert said["B2_flat.jpg"] == "this flatlay has no on-model photograph"
    assert "tells whether it is a flatlay" in said["mystery.jpg"]
    assert said["C3_model.jpg"].startswith("2 flatlays fit it")
    mentioned = {p.path for p in problems}
    assert mentioned == {ROOT / name for name in names}, "nothing is silently skipped"


def test_pair_list_goes_before_names(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "A1_model.jpg", "A1_flat.jpg"):
        (tmp_path / name).touch()
    listing = tmp_path / "pairs.csv"
    listing.write_text("on_model,flatlay,sku,garment\na.jpg,b.jpg,Z9,shirt\nA1_model.jpg,b.jpg,,\n", encoding="utf-8")
    assert is_pair_list(listing)
    scanned = []
    for path in sorted(tmp_path.glob("*.jpg")):
        parts = parse_name(path, tmp_path)
        scanned.append(ScannedPicture(path, 1, HEADER, parts, parts.role))
    pairs, _, problems = pair_pictures(scanned, read_pair_list(listing))
    assert [(p.on_model.path.name, p.flatlay.path.name, p.sku, p.garment) for p in pairs if p.flatlay] == [
        ("A1_model.jpg", "b.jpg", "a1", ""),
        ("a.jpg", "b.jpg", "Z9", "shirt"),
    ]
    assert [p.path.name for p in problems] == ["A1_flat.jpg"]


def test_pair_list_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    listing = tmp_path / "pairs.csv"
    listing.write_text("on_model,flatlay\na.jpg,b.jpg\n", encoding="utf-8")
    _, _, problems = pair_pictures([], read_pair_list(listing))
    assert [(p.path.name, p.what) for p in problems] == [
        ("a.jpg", "the pair list names it, but it is not among the pictures")
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("front,back\n1,2\n", "the columns on_model and flatlay are missing"),
        ("on_model,flatlay\na.jpg,\n", "line 2 lacks a file name"),
        ("on_model,flatlay\na.jpg,b\0.jpg\n", "line 2 has a file name that no disk can hold"),
    ],
)
def test_bad_pair_list_says_what_is_wrong(tmp_path: Path, text: str, what: str) -> None:
    listing = tmp_path / "pairs.csv"
    listing.write_text(text, encoding="utf-8")
    with pytest.raises(KnownError) as error:
        read_pair_list(listing)
    assert error.value.what == what
    assert error.value.path == listing
