"""Building, splitting and checking of training sets, on drawn photographs and in a real catalog."""

from __future__ import annotations

import hashlib
import json
import shutil
import unicodedata
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.domain.datasets import DatasetKind, Example, FileHash, LossRegion, Manifest, Severity, Split, SplitBy
from engine.domain.errors import KnownError, UsageError
from engine.domain.files import file_sha256
from engine.domain.geometry import Extent
from engine.domain.review import Decision
from engine.imaging.drawn import write_demo_set
from engine.imaging.drawn.demo import truth_folder
from engine.imaging.raster.decode import read_picture
from engine.services.datasets.approved import Chosen
from engine.services.datasets.check import check_dataset
from engine.services.datasets.color_sets import ColorRecipe, color_set_from_catalog, color_set_from_folders
from engine.services.datasets.manifest import MANIFEST, dataset_hash, read_manifest, write_manifest
from engine.services.datasets.mask_sets import MaskRecipe, mask_set_from_catalog, mask_set_from_folders
from engine.services.datasets.split import groups_of, leaks, nothing_held_out, split
from engine.services.plan import MaskSource
from engine.services.review import decide, items_of
from engine.services.versions import correct_mask, mark_for_training
from main import main
from tests.unit.studio import open_studio, upper_half

SOCKS = MaskRecipe("socks")


def rgb(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def photograph(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture of its own and a soft mask on it."""
    random = np.random.default_rng(seed)
    photo = np.full((200, 150, 3), 235, np.uint8)
    for _ in range(6):
        color = tuple(int(v) for v in random.integers(20, 200, 3) * (1, 0.4, 1))
        at = tuple(int(v) for v in random.integers(20, 130, 2))
        cv2.ellipse(photo, at, tuple(int(v) for v in random.integers(10, 50, 2)), 0, 0, 360, color, -1)
    alpha = np.zeros((200, 150), np.uint8)
    cv2.circle(alpha, tuple(int(v) for v in random.integers(50, 100, 2)), 25, 255, -1)
    return photo, cv2.GaussianBlur(alpha, (0, 0), 2)


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    """Twelve photographs of as many articles, and a mask for each."""
    photos, masks = tmp_path / "photos", tmp_path / "masks"
    photos.mkdir()
    masks.mkdir()
    for n in range(12):
        photo, alpha = photograph(n)
        cv2.imwrite(str(photos / f"CM10{n:02}_front.png"), photo[..., ::-1])
        cv2.imwrite(str(masks / f"CM10{n:02}_front-mask.png"), alpha)
    return photos, masks


def test_a_mask_set_from_folders_is_photograph_and_paint_with_the_published_caption(folders, tmp_path) -> None:
    before = {path: file_sha256(path) for folder in folders for path in folder.iterdir()}
    built = mask_set_from_folders(*folders, tmp_path / "set", SOCKS)
    assert not built.findings
    assert built.manifest == read_manifest(tmp_path / "set")
    assert len(built.manifest.examples) == 12
    assert len(built.manifest.of(Split.HELD_OUT)) == 2
    for example in built.manifest.examples:
        number = int(example.name[4:6])
        photo, alpha = photograph(number)
        assert (tmp_path / "set" / example.target).with_suffix(".txt").read_text() == example.caption
        assert example.caption == "put a green mask for socks on the person"
        np.testing.assert_array_equal(rgb(tmp_path / "set" / example.control), photo)
        share = np.where(alpha < 16, 0, alpha)[..., None] / 255
        wanted = photo * (1 - share) + np.array((0, 255, 0)) * share
        np.testing.assert_allclose(rgb(tmp_path / "set" / example.target), wanted, atol=0.51)
        assert {file.path for file in example.files} == {
            f"{part}/{example.name}.{suffix}"
            for part, suffix in (("control", "png"), ("target", "png"), ("target", "txt"), ("mask", "png"))
        }
        for file in example.files:
            assert hashlib.sha256((tmp_path / "set" / file.path).read_bytes()).hexdigest() == file.sha256
    assert {path: file_sha256(path) for path in before} == before
    _, findings = check_dataset(tmp_path / "set")
    assert [finding for finding in findings if finding.severity is Severity.ERROR] == []


def test_the_same_originals_give_the_same_set_anywhere(folders, tmp_path) -> None:
    one = mask_set_from_folders(*folders, tmp_path / "one", SOCKS)
    moved = [shutil.copytree(folder, tmp_path / "elsewhere" / folder.name) for folder in folders]
    two = mask_set_from_folders(*moved, tmp_path / "two", SOCKS)
    assert dataset_hash(one.manifest) == dataset_hash(two.manifest)
    other = mask_set_from_folders(*folders, tmp_path / "three", replace(SOCKS, seed=1))
    assert dataset_hash(other.manifest) != dataset_hash(one.manifest)


def test_painted_targets_are_read_and_painted_anew(folders, tmp_path) -> None:
    first = mask_set_from_folders(*folders, tmp_path / "first", SOCKS)
    painted = tmp_path / "painted"
    painted.mkdir()
    for example in first.manifest.examples[:3]:
        # As a person saves it: a JPEG, in another green.
        picture = rgb(tmp_path / "first" / example.target)
        cv2.imwrite(str(painted / f"{example.name}-target.jpg"), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    built = mask_set_from_folders(folders[0], painted, tmp_path / "second", SOCKS, painted=True)
    assert len(built.manifest.examples) == 3
    for example in built.manifest.examples:
        alpha = photograph(int(example.name[4:6]))[1] > 127
        mask = cv2.imread(str(tmp_path / "second" / example.mask), cv2.IMREAD_GRAYSCALE) > 127
        assert (mask & alpha).sum() / (mask | alpha).sum() > 0.95


def test_what_has_no_counterpart_or_the_wrong_size_is_left_out_with_its_name(folders, tmp_path) -> None:
    photos, masks = folders
    (photos / "CM1000_front.png").unlink()
    (masks / "CM1001_front-mask.png").unlink()
    cv2.imwrite(str(masks / "CM1002_front-mask.png"), np.full((20, 20), 255, np.uint8))
    built = mask_set_from_folders(photos, masks, tmp_path / "set", SOCKS)
    assert len(built.manifest.examples) == 9
    for name in ("CM1000_front-mask.png", "CM1001_front.png", "CM1002_front-mask.png"):
        (finding,) = [finding for finding in built.findings if finding.subject.endswith(name)]
        assert finding.remedy.endswith(".")


@pytest.mark.parametrize("apart", [False, True])
def test_masks_are_found_beside_photographs_whose_accents_a_mac_has_written(tmp_path, apart) -> None:
    photos = tmp_path / "photos"
    masks = tmp_path / "masks" if apart else photos
    for folder in (photos, masks):
        folder.mkdir(exist_ok=True)
    for n in range(2):
        photo, alpha = photograph(n)
        name = f"Été{n}_dos"
        cv2.imwrite(str(photos / f"{unicodedata.normalize('NFD', name)}.png"), photo[..., ::-1])
        cv2.imwrite(str(masks / f"{unicodedata.normalize('NFC', name)}-mask.png"), alpha)
    built = mask_set_from_folders(photos, masks, tmp_path / "set", MaskRecipe("socks", held_out=0))
    assert not built.findings
    assert len(built.manifest.examples) == 2


def test_a_set_is_not_written_over_another_nor_over_its_originals(folders, tmp_path) -> None:
    mask_set_from_folders(*folders, tmp_path / "set", SOCKS)
    with pytest.raises(KnownError, match="holds a data set already"):
        mask_set_from_folders(*folders, tmp_path / "set", SOCKS)
    mask_set_from_folders(*folders, tmp_path / "set", SOCKS, overwrite=True)
    shutil.copytree(folders[0], tmp_path / "place" / "control")
    with pytest.raises(KnownError, match="written over this original"):
        mask_set_from_folders(tmp_path / "place" / "control", folders[1], tmp_path / "place", SOCKS)


def test_wrong_recipes_are_refused() -> None:
    with pytest.raises(UsageError, match="no object"):
        MaskRecipe(" ")
    with pytest.raises(UsageError, match="held out"):
        MaskRecipe("hat", held_out=1.0)
    with pytest.raises(UsageError, match="no range"):
        ColorRecipe(least_delta_E=20, most_delta_E=10)
    with pytest.raises(UsageError, match="lacks the trigger"):
        ColorRecipe(caption="make the {garment} right")


# -- the catalog ---------------------------------------------------------------------------------------------------


def test_approved_and_corrected_masks_of_the_catalog_become_a_set(matched_studio, tmp_path) -> None:
    studio = matched_studio
    (item,) = items_of(studio.catalog)
    recipe = MaskRecipe("the shirt", held_out=0)
    with pytest.raises(KnownError, match="no approved or marked mask"):
        mask_set_from_catalog(studio.catalog, studio.artifacts, tmp_path / "set", recipe)
    decide(studio.catalog, [item], Decision.APPROVED, reviewer="eve")
    cut = upper_half(studio.alpha(item))
    corrected = correct_mask(studio.catalog, studio.artifacts, item, cut, author="eve")
    studio.work()
    mark_for_training(studio.catalog, corrected.id, True, author="eve")
    built = mask_set_from_catalog(studio.catalog, studio.artifacts, tmp_path / "set", recipe)
    (example,) = built.manifest.examples
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "set" / example.mask), cv2.IMREAD_GRAYSCALE), cut)
    assert (rgb(tmp_path / "set" / example.target)[cut == 255] == (0, 255, 0)).all()
    assert example.sku == item.pair.sku
    approved = mask_set_from_catalog(
        studio.catalog, studio.artifacts, tmp_path / "approved", recipe, chosen=Chosen.APPROVED
    )
    mask = cv2.imread(str(tmp_path / "approved" / approved.manifest.examples[0].mask), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(mask, studio.alpha(item))


def test_an_approved_colour_match_becomes_the_truth_of_a_colour_pair(matched_studio, tmp_path) -> None:
    studio = matched_studio
    (item,) = items_of(studio.catalog)
    decide(studio.catalog, [item], Decision.APPROVED, reviewer="eve")
    built = color_set_from_catalog(studio.catalog, studio.artifacts, tmp_path / "set", ColorRecipe(held_out=0))
    (example,) = built.manifest.examples
    assert example.caption.startswith("chromiq Change the ")
    assert example.confidence == 1
    assert 7 * 0.8 <= example.delta_E <= 30


def test_the_commands_take_what_was_approved_from_the_catalog(request, tmp_path, capsys) -> None:
    match = request.getfixturevalue("_one_match")
    shutil.copytree(match, tmp_path / "studio", ignore=shutil.ignore_patterns("*.lock", "pictures"))
    with open_studio(tmp_path / "studio") as studio:
        decide(studio.catalog, items_of(studio.catalog), Decision.APPROVED, reviewer="eve")
    catalog = ("--catalog", str(tmp_path / "studio" / "catalog.db"), "--json")
    for number, command in enumerate((["mask", "--object", "top"], ["color"])):
        arguments = ["dataset", "build", *command, "-o", str(tmp_path / str(number)), *catalog]
        assert main(arguments) == 0
        assert json.loads(capsys.readouterr().out)["parameters"]["from"] == "catalog"
        assert len(read_manifest(tmp_path / str(number)).examples) == 1
        assert main([*arguments, "--overwrite", "--which", "marked"]) == 1
        assert "no approved or marked" in capsys.readouterr().err
        assert main([*arguments, "--overwrite", "--batch", "nowhere"]) == 2
    # What could not be built anew is still there.
    assert read_manifest(tmp_path / "0").kind is DatasetKind.MASK


# -- colour sets ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn_truth(tmp_path_factory) -> Path:
    """Drawn flatlays beside the photographs in their true colours, under the originals' names."""
    folder = tmp_path_factory.mktemp("drawn") / "pictures"
    pairs = write_demo_set(folder, 2, extent=Extent(240, 300))
    assert pairs
    truth = truth_folder(folder)
    listing = json.loads((truth / "truth.json").read_text())["pairs"]
    for row in listing:
        cv2.imwrite(str(truth.parent / row["on_model"]), cv2.imread(str(truth.parent / row["truth"])))
    return folder


def test_a_colour_set_is_built_without_a_hand(drawn_truth, tmp_path) -> None:
    recipe = ColorRecipe(least_delta_E=10, most_delta_E=20, loss=LossRegion.GARMENT)
    built = color_set_from_folders([drawn_truth], tmp_path / "set", recipe, mask_source=MaskSource.CLASSICAL)
    assert len(built.manifest.examples) == 2, [str(finding) for finding in built.findings]
    for example in built.manifest.examples:
        assert example.caption.startswith("chromiq Change the ")
        assert example.loss_mask == example.mask
        assert example.garment in example.caption
        control, target = (rgb(tmp_path / "set" / name) for name in (example.control, example.target))
        mask = cv2.imread(str(tmp_path / "set" / example.mask), cv2.IMREAD_GRAYSCALE)
        assert control.shape == target.shape == (*mask.shape, 3)
        np.testing.assert_array_equal(control[mask == 0], target[mask == 0])
        assert 8 <= example.delta_E <= 21
    again = color_set_from_folders([drawn_truth], tmp_path / "again", recipe, mask_source=MaskSource.CLASSICAL)
    assert dataset_hash(again.manifest) == dataset_hash(built.manifest)


def test_a_pair_of_two_garments_teaches_nothing_and_is_left_out(drawn_truth, tmp_path) -> None:
    recipe = ColorRecipe(most_true_delta_E=0.01)
    with pytest.raises(KnownError, match="counts as true"):
        color_set_from_folders([drawn_truth], tmp_path / "set", recipe, mask_source=MaskSource.CLASSICAL)


@pytest.mark.realdata
def test_garments_of_published_pairs_are_masked_as_given(shared_data, tmp_path) -> None:
    train = shared_data / "colour-pairs" / "train"
    numbers = (1, 3)
    lines = [f"{train}/truth/on_model{n}.jpg,{train}/input/still-life{n}.jpg" for n in numbers]
    (tmp_path / "pairs.csv").write_text("\n".join(["on_model,flatlay", *lines]) + "\n")
    files = [Path(name) for line in lines for name in line.split(",")]
    built = color_set_from_folders(
        files, tmp_path / "set", ColorRecipe(cropped=False), pair_lists=[tmp_path / "pairs.csv"],
        mask_source=MaskSource.CLASSICAL,
    )  # fmt: skip
    assert len(built.manifest.examples) == len(numbers)
    for example in built.manifest.examples:
        given = cv2.imread(str(train / "garments" / f"{example.name}.png"), cv2.IMREAD_GRAYSCALE)
        mask = cv2.imread(str(tmp_path / "set" / example.mask), cv2.IMREAD_GRAYSCALE)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        wanted_rows, wanted_columns = np.flatnonzero(given.any(axis=1)), np.flatnonzero(given.any(axis=0))
        # The given mask, brought to the place and size of the found one, lies on it.
        cut = given[wanted_rows[0] : wanted_rows[-1] + 1, wanted_columns[0] : wanted_columns[-1] + 1]
        found = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        fitted = cv2.resize(cut, found.shape[::-1], interpolation=cv2.INTER_AREA) > 127
        assert (fitted & (found > 127)).sum() / (fitted | (found > 127)).sum() > 0.9
        published = read_picture(train / "side_by_side" / f"pair{example.name[8:]}.jpg").pixels
        assert published.shape == rgb(tmp_path / "set" / example.control).shape


# -- splits --------------------------------------------------------------------------------------------------------


def example(name: str, sku: str = "", bits: int = 0, source: str = "") -> Example:
    sources = (FileHash(source, source),) if source else ()
    return Example(name, sku, "c", "t", "caption", perceptual_hash=f"{bits:016x}", sources=sources)


def test_articles_and_like_pictures_stay_on_one_side_even_through_others() -> None:
    far = [0x00FF << (12 * n) for n in range(5)]
    examples = [
        example("a", "X", far[0]),
        example("b", "x", far[1]),  # the same article
        example("c", "Y", far[1] ^ 0b111),  # nearly b's picture
        example("d", "Y", far[2], "flatlay.jpg"),
        example("e", "Z", far[3], "flatlay.jpg"),  # d's flatlay
        example("f", "W", far[4]),
    ]
    assert groups_of(examples) == [[0, 1, 2, 3, 4], [5]]
    sides = {e.name: e.split for e in split(examples, 0.2, seed=3)}
    assert sides["f"] is Split.HELD_OUT
    assert {sides[name] for name in "abcde"} == {Split.TRAIN}


def test_splits_hold_out_the_share_follow_the_seed_and_never_leak() -> None:
    random = np.random.default_rng(0)
    examples = [example(f"e{n}", f"sku{n // 2}", int(random.integers(0, 2**63))) for n in range(40)]
    first = split(examples, 0.2, seed=0)
    assert sum(e.split is Split.HELD_OUT for e in first) == 8
    assert first == split(examples, 0.2, seed=0)
    assert first != split(examples, 0.2, seed=1)
    assert leaks(first) == []
    held = next(e for e in first if e.split is Split.HELD_OUT)
    wrong = tuple(replace(e, split=Split.TRAIN) if e.name == held.name else e for e in first)
    ((trained, measured),) = leaks(wrong)
    assert trained.sku == measured.sku == held.sku


def test_one_article_is_never_split() -> None:
    examples = [example(f"e{n}", "one", n << 30) for n in range(12)]
    assert {e.split for e in split(examples, 0.5)} == {Split.TRAIN}


def test_names_without_article_numbers_hold_nothing_out_and_that_is_said(tmp_path, capsys) -> None:
    photos, masks = tmp_path / "photos", tmp_path / "masks"
    photos.mkdir()
    masks.mkdir()
    for n in range(12):
        photo, alpha = photograph(0 if n == 11 else n)  # the last one is the first once more, in other light
        photo = (photo * (0.9 if n == 11 else 1)).astype(np.uint8)
        cv2.imwrite(str(photos / f"figure {n:02}.png"), photo[..., ::-1])
        cv2.imwrite(str(masks / f"figure {n:02}.png"), alpha)
    command = ["dataset", "build", "mask", "--object", "socks", "--photographs", str(photos), "--masks", str(masks)]
    assert main([*command, "-o", str(tmp_path / "set")]) == 1
    said = capsys.readouterr()
    told = (
        "nothing is held out, so that nobody can measure what is learnt: by their names all 12 pairs are of one article"
    )
    assert f"{told} ('figure')" in said.err
    assert "--split-by picture" in said.err
    assert "0 of them held out" in said.out
    assert found(tmp_path / "set", told) == [(Severity.WARNING, "")]

    assert main([*command, "-o", str(tmp_path / "pictures"), "--split-by", "picture"]) == 0
    manifest = read_manifest(tmp_path / "pictures")
    assert manifest.split_by is SplitBy.PICTURE
    assert len(manifest.of(Split.HELD_OUT)) == 2
    sides = {example.name: example.split for example in manifest.examples}
    assert sides["figure-00"] is sides["figure-11"], "nearly the same picture"
    assert found(tmp_path / "pictures", "nothing is held out") == []
    assert found(tmp_path / "pictures", "some articles are on both sides") == [(Severity.WARNING, "")]
    assert found(tmp_path / "pictures", "it is held out, and") == []


def test_near_duplicates_stay_on_one_side_however_it_is_split() -> None:
    examples = [example(f"e{n}", "one", 0x00FF << (12 * (n // 2))) for n in range(8)]
    assert groups_of(examples, SplitBy.PICTURE) == [[0, 1], [2, 3], [4, 5], [6, 7]]
    for seed in range(8):
        sides = [e.split for e in split(examples, 0.25, seed, SplitBy.PICTURE)]
        assert sides.count(Split.HELD_OUT) == 2
        assert sides[::2] == sides[1::2]


def test_a_share_that_no_group_fits_into_is_told_as_such() -> None:
    random = np.random.default_rng(1)
    examples = [example(f"e{n}", f"sku{n // 6}", int(random.integers(0, 2**63))) for n in range(12)]
    assert {e.split for e in split(examples, 0.2)} == {Split.TRAIN}
    finding = nothing_held_out(examples, SplitBy.ARTICLE)
    assert "the 12 pairs are 2 groups" in finding.what
    assert "--held-out" in finding.remedy
    one = [replace(e, sources=(FileHash("flat.png", "1"),)) for e in examples]
    assert "all 12 pairs belong together" in nothing_held_out(one, SplitBy.PICTURE).what


# -- manifests and checks ------------------------------------------------------------------------------------------


def test_a_manifest_that_was_touched_is_newer_or_points_elsewhere_is_refused(tmp_path) -> None:
    with pytest.raises(KnownError, match="holds no data set"):
        read_manifest(tmp_path)
    manifest = Manifest(DatasetKind.MASK, (example("a"),), {"object": "hat"})
    write_manifest(manifest, tmp_path)
    assert read_manifest(tmp_path) == manifest
    content = json.loads((tmp_path / MANIFEST).read_text())
    for change, message in (
        ({"version": 99}, "newer Chromask"),
        ({"parameters": {"object": "sock"}}, "was changed"),
        ({"colour": 1}, "unknown"),
    ):
        (tmp_path / MANIFEST).write_text(json.dumps(content | change))
        with pytest.raises(KnownError, match=message):
            read_manifest(tmp_path)
    write_manifest(Manifest(DatasetKind.MASK, (replace(example("a"), control="../../etc/x"),)), tmp_path)
    with pytest.raises(KnownError, match="outside the set"):
        read_manifest(tmp_path)


def found(folder: Path, text: str) -> list[tuple[Severity, str]]:
    return [(f.severity, f.subject) for f in check_dataset(folder)[1] if text in f.what]


def test_checks_name_the_file_and_what_is_wrong_with_it(folders, tmp_path) -> None:
    photos, masks = folders
    twin, alpha = photograph(3)
    cv2.imwrite(str(photos / "CM2000_back.png"), twin[..., ::-1])  # CM1003 once more, as another article
    cv2.imwrite(str(masks / "CM2000_back-mask.png"), alpha)
    lawn, alpha = photograph(77)
    lawn[:20] = (30, 220, 40)
    cv2.imwrite(str(photos / "CM2001_front.png"), lawn[..., ::-1])
    cv2.imwrite(str(masks / "CM2001_front-mask.png"), alpha)
    whole, _ = photograph(78)
    cv2.imwrite(str(photos / "CM2002_front.png"), whole[..., ::-1])
    cv2.imwrite(str(masks / "CM2002_front-mask.png"), np.full((200, 150), 255, np.uint8))
    folder = tmp_path / "set"
    mask_set_from_folders(photos, masks, folder, SOCKS)
    assert found(folder, "same as target/CM1003_front") == [(Severity.ERROR, "target/CM2000_back.png")]
    assert found(folder, "as green as the paint") == [(Severity.WARNING, "control/CM2001_front.png")]
    assert found(folder, "covers 100% of the picture") == [(Severity.WARNING, "mask/CM2002_front.png")]
    assert found(folder, "and most of the set about") == [(Severity.WARNING, "mask/CM2002_front.png")]
    assert found(folder, "are the least") == []
    (folder / "target" / "CM1005_front.txt").write_text("something else")
    (folder / "mask" / "CM1006_front.png").unlink()
    assert found(folder, "was changed") == [(Severity.ERROR, "target/CM1005_front.txt")]
    assert found(folder, "not there") == [(Severity.ERROR, "mask/CM1006_front.png")]


def test_the_same_pose_in_other_clothes_is_named(tmp_path) -> None:
    folders = tmp_path / "photos", tmp_path / "masks"
    for folder in folders:
        folder.mkdir()
    for name, turn, lean in (("CM1", 0, 0), ("CM2", 1, 0), ("CM3", 0, 25)):
        photo = np.full((300, 240, 3), 240, np.uint8)
        body = cv2.ellipse(np.zeros((300, 240), np.uint8), (120, 170), (45, 110), lean, 0, 360, 255, -1) > 0
        stripes = (np.indices((300, 240))[turn] // 50 % 2)[..., None]
        photo[body] = np.where(stripes, (10, 10, 20), (60, 130, 200))[body]
        cv2.imwrite(str(folders[0] / f"{name}.png"), photo)
        hat = cv2.circle(np.zeros((300, 240), np.uint8), (120, 50), 20, 255, -1)
        cv2.imwrite(str(folders[1] / f"{name}.png"), hat)
    mask_set_from_folders(*folders, tmp_path / "set", SOCKS)
    assert found(tmp_path / "set", "its pose is nearly that of CM1") == [(Severity.WARNING, "control/CM2.png")]
    assert found(tmp_path / "set", "nearly the same picture") == []
    assert not [subject for _, subject in found(tmp_path / "set", "pose") if "CM3" in subject]


def test_sizes_captions_leaks_and_too_few_pairs_are_errors(folders, tmp_path) -> None:
    folder = tmp_path / "set"
    manifest = mask_set_from_folders(*folders, folder, SOCKS).manifest
    small, other, bare = manifest.examples[:3]
    cv2.imwrite(str(folder / small.target), np.zeros((50, 50, 3), np.uint8))
    files = tuple(replace(f, sha256=file_sha256(folder / f.path)) for f in small.files)
    changed = (
        replace(small, files=files),
        replace(other, sku="same", split=Split.TRAIN),
        replace(bare, caption="", sku="same", split=Split.HELD_OUT),
    )
    write_manifest(replace(manifest, examples=changed), folder)
    assert found(folder, "50 × 50 pixels, its control 150 × 200") == [(Severity.ERROR, small.target)]
    assert found(folder, "has no caption") == [(Severity.ERROR, bare.target)]
    assert found(folder, "of the same article") == [(Severity.ERROR, bare.target)]
    assert found(folder, "3 pairs, and 10 are the least") == [(Severity.ERROR, "")]
    write_manifest(replace(manifest, examples=(replace(other, trigger="chromiq"),)), folder)
    assert found(folder, "lacks the trigger 'chromiq'") == [(Severity.ERROR, other.target)]
