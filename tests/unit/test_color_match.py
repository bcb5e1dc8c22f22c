"""The colour match on drawn garments whose true colour is known."""

from dataclasses import replace
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest

from engine.domain.errors import BugError, KnownError
from engine.domain.picture import ColorGuide, Picture
from engine.domain.requests import Tolerance
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.icc import rommrgb_profile
from engine.imaging.color.match import MatchedPicture, inward_feather, match_garment
from engine.imaging.color.quality import garment_report
from engine.imaging.color.spaces import lab_to_pixels, lab_to_xyz, pixels_to_lab, xyz_to_lab
from engine.imaging.color.transport import palette, unbalanced_plan

HEIGHT, WIDTH = 300, 240
ADOBE = bytes(imagecodecs.cms_profile("adobergb"))


def shading(seed: int, depth: float) -> np.ndarray:
    """Light on cloth, (H, W) float: broad folds and a fine weave."""
    random = np.random.default_rng(seed)
    folds = cv2.GaussianBlur(random.standard_normal((HEIGHT, WIDTH)), (0, 0), 18)
    weave = cv2.GaussianBlur(random.standard_normal((HEIGHT, WIDTH)), (0, 0), 0.8)
    return 1 + depth * folds / folds.std() + 0.04 * weave / weave.std()


def garment_mask() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(mask, (WIDTH // 2, HEIGHT // 2), (80, 120), 0, 0, 360, 255, -1)
    return mask


def scene(colors: list[tuple[float, float, float]], light: np.ndarray) -> np.ndarray:
    """Lab (H, W, 3) of a garment in horizontal bands of these Lab colours on light blue-grey; light scales XYZ."""
    lab = np.empty((HEIGHT, WIDTH, 3), np.float32)
    lab[:] = (88, -1, -3)
    bands = np.minimum(np.arange(HEIGHT) * len(colors) // HEIGHT, len(colors) - 1)
    cloth = np.array(colors, np.float32)[bands][:, None].repeat(WIDTH, axis=1)
    cloth = xyz_to_lab((lab_to_xyz(cloth) * light[..., None]).astype(np.float32))
    inside = garment_mask() > 0
    lab[inside] = cloth[inside]
    return lab


def picture(lab: np.ndarray, icc: bytes | None = None, dtype: type = np.uint8) -> Picture:
    return Picture(lab_to_pixels(lab, icc, dtype), icc=icc, path=Path("look/IMG_1.tif"))


def cast(
    colors: list[tuple[float, float, float]], gain: tuple[float, float, float]
) -> list[tuple[float, float, float]]:
    """The same colours under a known cast: XYZ of each is scaled."""
    lab = np.array([colors], np.float32)
    shifted = xyz_to_lab(lab_to_xyz(lab) * np.array(gain, np.float32))[0]
    return [(float(x[0]), float(x[1]), float(x[2])) for x in shifted]


LIGHT, FLAT_LIGHT = shading(1, 0.12), shading(2, 0.085)
BLUE, RUST, CREAM = (42.0, 4.0, -34.0), (45.0, 38.0, 40.0), (84.0, 2.0, 12.0)
BLACK, WHITE = (12.0, 0.5, -1.0), (92.0, 0.0, 1.0)


def matched(colors: list[tuple[float, float, float]], gain: tuple[float, float, float]) -> tuple[np.ndarray, ...]:
    """(Lab of the input, of the result, of the truth) inside the garment."""
    worn, flat = picture(scene(cast(colors, gain), LIGHT)), picture(scene(colors, FLAT_LIGHT))
    result = match_garment(worn, garment_mask(), flat, garment_mask())
    inside = cv2.erode(garment_mask(), np.ones((9, 9), np.uint8)) > 0
    assert result.outside_max_change == 0
    assert result.strength == 1
    assert result.texture >= 0.98
    truth = scene(colors, LIGHT)
    return pixels_to_lab(worn.pixels, None)[inside], pixels_to_lab(result.pixels, None)[inside], truth[inside]


@pytest.mark.parametrize(
    ("colors", "gain"),
    [
        ([BLUE], (1.2, 1.0, 0.7)),
        ([RUST], (0.75, 0.85, 1.3)),
        ([CREAM], (0.8, 0.85, 0.7)),
        ([BLACK], (2.4, 2.0, 1.2)),
        ([WHITE], (0.8, 0.75, 0.95)),
        ([BLUE], (3.2, 3.0, 2.2)),
        ([BLUE, CREAM], (1.15, 1.0, 0.8)),
        ([RUST, CREAM, BLUE], (0.85, 0.9, 1.15)),
    ],
    ids=["blue", "rust", "cream", "black", "white", "overexposed blue", "two-tone", "three-tone"],
)
def test_a_known_cast_is_taken_off(colors: list[tuple[float, float, float]], gain: tuple[float, float, float]) -> None:
    """Hue and chroma wholly; lightness as far as it is more than the light on flatlay and model makes it differ."""
    before, after, truth = matched(colors, gain)
    wrong, left = delta_E_2000(before, truth).mean(), delta_E_2000(after, truth).mean()
    assert wrong > 5
    assert left < 0.5 * wrong
    mean, goal = after.mean(axis=0), truth.mean(axis=0)
    at_goal = np.append(goal[0], mean[1:] * (goal[0] + 16) / (mean[0] + 16))
    assert delta_E_2000(at_goal, goal) < 1.5
    unlit, kept = abs(before[:, 0].mean() - goal[0]), abs(mean[0] - goal[0])
    assert kept < min(unlit + 0.5, 5.5)


def test_lightness_that_no_light_explains_is_taken_off() -> None:
    before, after, truth = matched([BLUE], (3.2, 3.0, 2.2))
    assert before[:, 0].mean() - truth[:, 0].mean() > 20
    assert abs(after[:, 0].mean() - truth[:, 0].mean()) < 1
    assert delta_E_2000(after, truth).mean() < 1


def test_pixels_outside_the_mask_are_the_sources_bit_for_bit_and_nothing_else_moves_with_the_mask() -> None:
    worn, flat = picture(scene(cast([BLUE], (1.2, 1.0, 0.7)), LIGHT)), picture(scene([BLUE], FLAT_LIGHT))
    soft = cv2.GaussianBlur(garment_mask(), (0, 0), 3)
    result = match_garment(worn, soft, flat, garment_mask())
    assert np.array_equal(result.pixels[soft == 0], worn.pixels[soft == 0])
    assert (result.pixels[soft == 255] != worn.pixels[soft == 255]).any(axis=-1).mean() > 0.99
    assert result.pixels is not worn.pixels


def test_a_soft_edge_is_mixed_in_linear_light() -> None:
    """Half the weight moves a pixel half the way in light: what a half-covered sensor pixel would have recorded."""
    worn, flat = picture(scene(cast([BLUE], (1.2, 1.0, 0.7)), LIGHT)), picture(scene([BLUE], FLAT_LIGHT))
    half = garment_mask() // 255 * 128
    half[:150] = garment_mask()[:150]
    full = match_garment(worn, garment_mask(), flat, garment_mask())
    # The lower half is at alpha 128; the transfer is fitted on the upper half, whose colour is the same.
    part = match_garment(worn, half, flat, garment_mask())
    xyz = [lab_to_xyz(pixels_to_lab(p, None)) for p in (worn.pixels, full.pixels, part.pixels)]
    inside = cv2.erode(garment_mask(), np.ones((9, 9), np.uint8)) > 0
    inside[:160] = False
    middle = (xyz[0] + xyz[1])[inside] / 2
    assert delta_E_2000(xyz_to_lab(middle), xyz_to_lab(xyz[2][inside])).mean() < 1.0


def test_the_feather_never_leaves_the_mask() -> None:
    hard = garment_mask()
    weight = inward_feather(hard)
    assert (weight <= hard).all()
    core = cv2.erode(hard, np.ones((9, 9), np.uint8)) > 0
    assert (weight[core] == 255).all()
    edge = (hard > 0) & (cv2.erode(hard, np.ones((3, 3), np.uint8)) == 0)
    assert weight[edge].mean() < 200
    whole = np.full((20, 20), 255, np.uint8)
    assert np.array_equal(inward_feather(whole), whole)  # the frame cuts the garment: that is no edge


def test_sixteen_bits_stay_sixteen_bits() -> None:
    worn = picture(scene(cast([BLUE], (1.2, 1.0, 0.7)), LIGHT), dtype=np.uint16)
    result = match_garment(worn, garment_mask(), picture(scene([BLUE], FLAT_LIGHT)), garment_mask())
    assert result.pixels.dtype == np.uint16
    assert result.pixels.shape == worn.pixels.shape
    inside = result.pixels[garment_mask() > 0]
    assert len(np.unique(inside[:, 2] % 257)) > 200  # real 16-bit values, not 8-bit ones times 257


@pytest.mark.parametrize("icc", [ADOBE, rommrgb_profile()], ids=["Adobe RGB", "ROMM RGB"])
def test_the_profile_is_respected(icc: bytes) -> None:
    """One scene encoded in sRGB and in a wide profile comes out in the same colours, with a flatlay in yet another."""
    worn, flat = scene(cast([RUST, CREAM], (0.85, 0.9, 1.15)), LIGHT), picture(scene([RUST, CREAM], FLAT_LIGHT))
    results = []
    for profile in (None, icc):
        source = picture(worn, profile, np.uint16)
        match = match_garment(source, garment_mask(), flat, garment_mask())
        results.append(pixels_to_lab(match.pixels, profile))
    inside = garment_mask() > 0
    assert delta_E_2000(results[0], results[1])[inside].max() < 0.5


def test_a_matching_garment_is_not_made_worse() -> None:
    worn, flat = picture(scene([RUST, CREAM], LIGHT)), picture(scene([RUST, CREAM], FLAT_LIGHT))
    result = match_garment(worn, garment_mask(), flat, garment_mask())
    before, after = (
        garment_report(p, garment_mask(), flat, garment_mask(), Tolerance(), "garment")
        for p in (worn, replace(worn, pixels=result.pixels))
    )
    assert before.delta_E < 1
    assert after.delta_E <= before.delta_E + 0.05
    assert delta_E_2000(pixels_to_lab(result.pixels, None), pixels_to_lab(worn.pixels, None)).max() < 4


def skewed_flatlay() -> Picture:
    """A flatlay whose mean L is 50, like a dark cloth with bright pleats: its 85th percentile is 64."""
    lab = np.full((HEIGHT, WIDTH, 3), (44.0, 30.0, 10.0), np.float32)
    lab[:, np.arange(WIDTH) % 10 < 3, 0] = 64
    lab[garment_mask() == 0] = (88, -1, -3)
    return picture(lab)


def even_cloth(lightness: float) -> Picture:
    lab = np.full((HEIGHT, WIDTH, 3), (lightness, 30.0, 10.0), np.float32)
    lab[..., 0] += 3 * np.random.default_rng(4).standard_normal((HEIGHT, WIDTH))
    lab[garment_mask() == 0] = (88, -1, -3)
    return picture(lab)


def test_a_correction_that_would_lead_away_is_not_applied() -> None:
    worn = even_cloth(50)
    result = match_garment(worn, garment_mask(), skewed_flatlay(), garment_mask())
    assert result.strength == 0
    assert result.strategy == "unchanged"
    assert np.array_equal(result.pixels, worn.pixels)
    assert any("left unchanged" in notice for notice in result.notices)


def test_a_correction_that_would_overshoot_is_weakened() -> None:
    worn, flat = even_cloth(46.5), skewed_flatlay()
    result = match_garment(worn, garment_mask(), flat, garment_mask())
    assert 0 < result.strength < 1
    assert any("overshot" in notice for notice in result.notices)
    before, after = (
        garment_report(p, garment_mask(), flat, garment_mask(), Tolerance(), "garment")
        for p in (worn, replace(worn, pixels=result.pixels))
    )
    assert after.delta_E < before.delta_E


def test_a_match_of_a_match_changes_little() -> None:
    worn, flat = picture(scene(cast([BLUE], (1.2, 1.0, 0.7)), LIGHT)), picture(scene([BLUE], FLAT_LIGHT))
    once = match_garment(worn, garment_mask(), flat, garment_mask())
    twice = match_garment(replace(worn, pixels=once.pixels), garment_mask(), flat, garment_mask())
    inside = cv2.erode(garment_mask(), np.ones((9, 9), np.uint8)) > 0
    change = delta_E_2000(pixels_to_lab(twice.pixels, None)[inside], pixels_to_lab(once.pixels, None)[inside])
    assert change.mean() < 2


def test_the_same_input_gives_the_same_pixels() -> None:
    worn, flat = picture(scene(cast([BLUE, CREAM], (1.2, 1.0, 0.7)), LIGHT)), picture(scene([BLUE, CREAM], FLAT_LIGHT))
    first, second = (match_garment(worn, garment_mask(), flat, garment_mask()) for _ in range(2))
    assert np.array_equal(first.pixels, second.pixels)


def guided(color: tuple[float, float, float]) -> MatchedPicture:
    worn, flat = picture(scene(cast([BLUE], (1.2, 1.0, 0.7)), LIGHT)), picture(scene([BLUE], FLAT_LIGHT))
    painted = lab_to_pixels(scene([color], LIGHT), None, np.uint8)
    guide = ColorGuide(np.asarray(cv2.resize(painted, (120, 150)), np.uint8), {"seed": 7})
    return match_garment(worn, garment_mask(), flat, garment_mask(), guide)


def test_a_guide_that_agrees_sways_the_colour_and_is_in_the_provenance() -> None:
    result = guided((42.0, 5.0, -31.0))
    assert result.strategy == "transport + guide"
    assert result.provenance["guide_seed"] == 7
    assert 0 < float(result.provenance["guide_weight"]) <= 0.5
    assert result.outside_max_change == 0
    assert result.texture >= 0.98


def test_a_guide_of_another_colour_is_not_believed() -> None:
    result = guided(RUST)
    assert result.strategy == "transport"
    assert any("guide" in notice for notice in result.notices)


def test_black_and_white_garments_in_colour_photographs_can_be_matched() -> None:
    for color in (BLACK, WHITE):
        worn, flat = picture(scene(cast([color], (1.1, 1.0, 0.9)), LIGHT)), picture(scene([color], FLAT_LIGHT))
        assert match_garment(worn, garment_mask(), flat, garment_mask()).strength > 0


def test_a_flatlay_of_another_article_is_refused_with_the_figure() -> None:
    worn, flat = picture(scene([BLACK], LIGHT)), picture(scene([WHITE], FLAT_LIGHT))
    with pytest.raises(KnownError, match=r"ΔE00 [6-9]\d") as caught:
        match_garment(worn, garment_mask(), flat, garment_mask())
    assert str(caught.value).startswith("look/IMG_1.tif: ")
    assert "same article" in caught.value.remedy


def grey(source: Picture) -> Picture:
    return replace(source, pixels=source.pixels[..., :1].repeat(3, axis=2))


def dot(count: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[HEIGHT // 2, WIDTH // 2 : WIDTH // 2 + count] = 255
    return mask


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (np.zeros((HEIGHT, WIDTH), np.uint8), "is empty"),
        (dot(1), "only 1 pixel"),
        (np.full((HEIGHT, WIDTH + 1), 255, np.uint8), "241 × 300"),
    ],
    ids=["empty", "one pixel", "another size"],
)
def test_a_bad_mask_is_refused(mask: np.ndarray, says: str) -> None:
    worn = picture(scene([BLUE], LIGHT))
    with pytest.raises(KnownError, match=says):
        match_garment(worn, mask, worn, garment_mask())
    with pytest.raises(KnownError, match=f"flatlay mask.*{says}"):
        match_garment(worn, garment_mask(), worn, mask)


def test_a_mask_that_is_not_bytes_is_our_own_bug() -> None:
    worn = picture(scene([BLUE], LIGHT))
    with pytest.raises(BugError):
        match_garment(worn, np.full((HEIGHT, WIDTH), np.nan), worn, garment_mask())  # type: ignore[arg-type]


def test_greyscale_photographs_are_refused() -> None:
    worn = picture(scene([BLUE], LIGHT))
    with pytest.raises(KnownError, match="on-model photograph is greyscale"):
        match_garment(grey(worn), garment_mask(), worn, garment_mask())
    with pytest.raises(KnownError, match="flatlay photograph is greyscale"):
        match_garment(worn, garment_mask(), grey(worn), garment_mask())
    rounded = grey(worn).pixels + np.random.default_rng(0).integers(0, 3, worn.pixels.shape, np.uint8) % 2
    with pytest.raises(KnownError, match="greyscale"):
        match_garment(replace(worn, pixels=rounded.astype(np.uint8)), garment_mask(), worn, garment_mask())


def test_a_thin_strap_and_a_tiny_garment_are_matched() -> None:
    worn, flat = picture(scene(cast([BLUE], (1.2, 1.0, 0.7)), LIGHT)), picture(scene([BLUE], FLAT_LIGHT))
    strap = np.zeros((HEIGHT, WIDTH), np.uint8)
    strap[100:200, 120:123] = 255
    result = match_garment(worn, strap, flat, garment_mask())
    assert result.outside_max_change == 0
    assert (result.pixels[strap > 0] != worn.pixels[strap > 0]).any()


def test_one_flat_colour_has_a_palette_of_one() -> None:
    found = palette(np.full((500, 3), 50.0))
    np.testing.assert_allclose(found.colors, [[50, 50, 50]])
    assert found.chroma_spread == pytest.approx(0)


def test_unbalanced_transport_tends_to_the_balanced_plan_and_leaves_far_mass_out() -> None:
    cost = np.array([[0.0, 100.0], [100.0, 0.0]])
    near = unbalanced_plan(cost, np.array([0.5, 0.5]), np.array([0.5, 0.5]), blur=1.0, reach=1e6)
    np.testing.assert_allclose(near, [[0.5, 0], [0, 0.5]], atol=1e-3)
    # The second source colour has no partner within reach: next to nothing of it is moved.
    lonely = unbalanced_plan(np.array([[0.0], [4000.0]]), np.array([0.5, 0.5]), np.array([1.0]), blur=8.0, reach=60.0)
    assert lonely[1].sum() < 1e-6 < 0.4 < lonely[0].sum()


@pytest.mark.realdata
def test_real_photographs_come_nearer_to_their_truth(shared_data: Path) -> None:
    from engine.imaging.masks.flatlay import flatlay_mask

    folder = shared_data / "colour-pairs" / "train"
    before, after = [], []
    for number in (1, 8, 25, 49):
        files = (folder / n for n in (f"input/on_model{number}.jpg", f"truth/on_model{number}.jpg"))
        worn, truth = (np.ascontiguousarray(cv2.imread(str(f))[::2, ::2, ::-1]) for f in files)
        flat = np.ascontiguousarray(cv2.imread(str(folder / f"input/still-life{number}.jpg"))[..., ::-1])
        alpha = np.ascontiguousarray(cv2.imread(str(folder / f"garments/on_model{number}.png"), 0)[::2, ::2])
        result = match_garment(Picture(worn), alpha, Picture(flat), flatlay_mask(flat).alpha)
        inside = cv2.erode(alpha, np.ones((5, 5), np.uint8)) > 127
        goal = pixels_to_lab(truth, None)[inside]
        before.append(delta_E_2000(pixels_to_lab(worn, None)[inside], goal).mean())
        after.append(delta_E_2000(pixels_to_lab(result.pixels, None)[inside], goal).mean())
        assert after[-1] < before[-1]
        assert result.outside_max_change == 0
    assert np.mean(after) < 8 < 20 < np.mean(before)
