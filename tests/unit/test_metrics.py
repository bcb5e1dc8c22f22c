"""The measures of evaluation, against numbers worked out by hand, by brute force, and by colour-science."""

from __future__ import annotations

from math import ceil, hypot
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.domain.errors import KnownError, UsageError
from engine.domain.evaluation import Crop
from engine.domain.geometry import Box
from engine.domain.picture import Picture
from engine.imaging.metrics.colors import color_figures, crop_box
from engine.imaging.metrics.drift import drift, first_picture
from engine.imaging.metrics.masks import boundary_f, iou, mask_figures, mean_absolute_error
from engine.imaging.metrics.pictures import AGREED, MISSING, TOO_MUCH, mask_difference
from engine.imaging.metrics.structure import structural_similarity
from engine.imaging.metrics.texture import texture_kept


def block(left: int, top: int, width: int, height: int, size: int = 60) -> np.ndarray:
    mask = np.zeros((size, size), np.uint8)
    mask[top : top + height, left : left + width] = 255
    return mask


def reference_delta_e(one: np.ndarray, two: np.ndarray) -> float:
    """The published definition in colour-science's own functions."""
    import colour

    white = colour.CCS_ILLUMINANTS["CIE 1931 2 Degree Standard Observer"]["D65"]
    labs = [colour.XYZ_to_Lab(colour.sRGB_to_XYZ(rgb / 255), white) for rgb in (one, two)]
    return float(colour.delta_E(*labs, method="CIE 2000").mean())


def test_iou_of_blocks_worked_out_by_hand():
    one, two = block(10, 10, 20, 10) > 0, block(20, 10, 20, 10) > 0
    assert iou(one, two) == pytest.approx(100 / 300)
    assert iou(one, one) == 1
    assert iou(one, np.zeros_like(one)) == 0
    assert iou(np.zeros_like(one), np.zeros_like(one)) == 1


def test_outlines_agree_within_the_tolerance_and_no_farther():
    # Half planes, whose outlines are the columns 29 and 32; the frame is none.
    one, two = block(0, 0, 30, 60) > 0, block(0, 0, 33, 60) > 0
    assert boundary_f(one, two, 2.9 / hypot(60, 60)) == 1  # rounded up to 3
    assert boundary_f(one, two, 2.0 / hypot(60, 60)) == 0
    assert boundary_f(one, one) == 1
    assert boundary_f(one, np.zeros_like(one)) == 0
    assert boundary_f(np.zeros_like(one), np.zeros_like(one)) == 1


def test_boundary_f_is_that_of_every_pair_of_pixels():
    rng = np.random.default_rng(3)
    for tolerance in (0.008, 0.03):
        shapes = [cv2.GaussianBlur(rng.random((48, 64)), (0, 0), 4) > 0.5 for _ in range(2)]
        outlines = []
        for mask in shapes:
            right, below, both = mask.copy(), mask.copy(), mask.copy()
            right[:, :-1], below[:-1], both[:-1, :-1] = mask[:, 1:], mask[1:], mask[1:, 1:]
            both[-1, :-1], both[:-1, -1] = mask[-1, 1:], mask[1:, -1]
            outlines.append(np.argwhere((mask != right) | (mask != below) | (mask != both)).astype(float))
        apart = np.hypot(*(outlines[0][:, None] - outlines[1][None]).transpose(2, 0, 1))
        reach = ceil(tolerance * hypot(48, 64))
        precision, recall = (apart.min(1) <= reach).mean(), (apart.min(0) <= reach).mean()
        assert boundary_f(*shapes, tolerance) == pytest.approx(2 * precision * recall / (precision + recall), abs=0.01)


def test_absolute_error_counts_soft_edges():
    truth, soft = block(10, 10, 20, 20), block(10, 10, 20, 20)
    soft[10:30, 10] = 102  # 0.6 missing on 20 of 3,600 pixels
    assert mean_absolute_error(soft, truth) == pytest.approx(20 * 0.6 / 3600)
    assert mask_figures(soft, truth).iou == pytest.approx(380 / 400)


def test_the_difference_of_masks_has_a_colour_for_each_fault():
    rgb = np.full((60, 60, 3), 128, np.uint8)
    shown = mask_difference(rgb, block(10, 10, 20, 20), block(20, 10, 20, 20))
    assert tuple(shown[15, 25]) == AGREED
    assert tuple(shown[15, 35]) == MISSING
    assert tuple(shown[15, 12]) == TOO_MUCH
    assert np.ptp(shown[40, 40]) == 0


def test_colours_are_those_of_colour_science_and_only_inside():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 256, (60, 60, 3)).astype(np.uint8)
    control = rng.integers(0, 256, (60, 60, 3)).astype(np.uint8)
    mask = block(10, 12, 30, 25)
    inside = mask > 0
    result = control.copy()
    result[inside] = truth[inside]
    result[50, 50] += np.uint8(1) if result[50, 50, 0] < 255 else np.uint8(255)
    box = Box(12, 15, 30, 30)
    figures = color_figures(Picture(control), Picture(result), Picture(truth), mask, box)
    cut = np.s_[15:30, 12:30]
    assert figures.control_crop == pytest.approx(reference_delta_e(control[cut], truth[cut]), abs=5e-4)
    assert figures.control_garment == pytest.approx(reference_delta_e(control[inside], truth[inside]), abs=5e-4)
    assert figures.result_crop == figures.result_garment == 0
    assert figures.outside == pytest.approx(reference_delta_e(control[~inside], result[~inside]), abs=5e-4)
    assert figures.outside_max == 1
    without = color_figures(Picture(control), Picture(result), Picture(truth), None, box)
    assert without.control_crop == figures.control_crop
    assert without.control_garment is without.texture is without.outside is None


def test_the_crop_fits_inside_the_garment():
    picture = Picture(np.zeros((60, 60, 3), np.uint8), path=Path("a.png"))
    whole = crop_box(Crop(), "a", picture, block(10, 20, 41, 21))
    assert 20 <= whole.top < whole.bottom <= 41
    assert 10 <= whole.left < whole.right <= 51
    assert (
        whole.extent.width == whole.extent.height == 15
    )  # half a diagonal of 10.5 is 7.07 to each side, and the middle
    half = crop_box(Crop(0.5), "a", picture, block(10, 20, 41, 21))
    assert half.extent.width == 7
    assert crop_box(Crop(0.5), "a", picture, None) == Box(15, 15, 45, 45)
    own = Crop(box=Box(0, 0, 9, 9), by_name=(("a", Box(1, 2, 3, 4)),))
    assert crop_box(own, "A", picture, None) == Box(1, 2, 3, 4)
    assert crop_box(own, "b", picture, None) == Box(0, 0, 9, 9)
    with pytest.raises(KnownError, match=r"a\.png: the crop 50,50,20,20 does not lie in its 60 × 60"):
        crop_box(Crop(box=Box(50, 50, 70, 70)), "a", picture, None)
    with pytest.raises(KnownError, match="empty"):
        crop_box(Crop(), "a", picture, np.zeros((60, 60), np.uint8))
    with pytest.raises(UsageError):
        Crop(0)


def test_texture_survives_another_colour_and_not_a_shift():
    rng = np.random.default_rng(1)
    weave = cv2.GaussianBlur(rng.normal(0, 60, (60, 60)), (0, 0), 1) + 120
    grey = np.repeat(weave.clip(40, 200)[..., None], 3, axis=2).astype(np.uint8)
    mask = block(8, 8, 44, 44)
    tinted = (grey * np.array([1.0, 0.6, 0.5])).astype(np.uint8)
    moved = np.roll(grey, 2, axis=1)
    assert texture_kept(Picture(grey), Picture(grey), mask) == pytest.approx(1)
    assert texture_kept(Picture(grey), Picture(tinted), mask) > 0.98
    assert texture_kept(Picture(grey), Picture(moved), mask) < 0.5


def test_structure_of_flat_pictures_is_the_formula():
    one, two = np.full((30, 30), 40.0, np.float32), np.full((30, 30), 60.0, np.float32)
    assert structural_similarity(one, two) == pytest.approx((2 * 40 * 60 + 1) / (40**2 + 60**2 + 1))
    noise = np.random.default_rng(2).normal(50, 20, (30, 30)).astype(np.float32)
    assert structural_similarity(noise, noise) == pytest.approx(1)
    assert abs(structural_similarity(noise, np.random.default_rng(5).normal(50, 20, (30, 30)).astype(np.float32))) < 0.1


def test_drift_is_told_apart_from_what_was_asked_for():
    rng = np.random.default_rng(4)
    first = rng.integers(100, 140, (64, 64, 3)).astype(np.uint8)
    asked = first.copy()
    asked[:, :32] = (200, 30, 30)  # the first round recolours the left half, and nothing else
    later = asked.copy()
    later[:, 40:] = np.minimum(later[:, 40:].astype(int) + 20, 255).astype(np.uint8)
    seen = first_picture(first, asked)
    one, two = drift(seen, asked), drift(seen, later)
    assert one.delta_E > 15
    assert one.untouched == pytest.approx(0, abs=0.01)
    share = 24 / seen.untouched.sum(axis=1).mean()  # columns 40 to 63 of those that were left alone
    assert two.untouched == pytest.approx(share * reference_delta_e(first[:, 40:], later[:, 40:]), rel=0.02)
    assert first_picture(first, 255 - first // 4).untouched is None


@pytest.mark.realdata
@pytest.mark.parametrize("pair", ["2", "3", "6", "8"])
def test_the_published_definition_to_three_decimals(shared_data, tmp_path, pair):
    """Mean per-pixel CIEDE2000 of sRGB to Lab D65, on the crops that the colour LoRA's author measured."""
    import json

    from engine.domain.evaluation import ColorFigures, ColorFolders
    from engine.services.evaluation.evaluate import evaluate

    folder = shared_data / "colour-pairs" / "kontext" / pair
    geometry = json.loads((folder / "geometry.json").read_text())
    side, to_photo = geometry["crop_size"], np.array(geometry["crop_to_on_model"])
    painted, shown = (cv2.imread(str(folder / f"{name}.jpg")) for name in ("kontext", "side_by_side"))
    to_shown = np.linalg.inv(geometry["side_by_side_to_on_model"]) @ to_photo
    to_painted = np.diag([painted.shape[1] / shown.shape[1], painted.shape[0] / shown.shape[0], 1]) @ to_shown
    sources = {"control": (cv2.imread(str(folder / "on_model.jpg")), to_photo), "generated": (painted, to_painted)}
    truth = cv2.imread(str(folder / "truth-crop.jpg"))
    crops = {"truth": truth}
    for name, (picture, matrix) in sources.items():
        crops[name] = cv2.warpAffine(picture, matrix[:2], (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    for name, picture in crops.items():
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / f"{pair}.png"), picture)
    request = ColorFolders(*(tmp_path / name for name in ("control", "generated", "truth")))
    figures = evaluate(request, tmp_path / "out").measured[0].figures
    assert isinstance(figures, ColorFigures)
    for measured, name in ((figures.control_crop, "control"), (figures.result_crop, "generated")):
        assert f"{measured:.3f}" == f"{reference_delta_e(crops[name][..., ::-1], truth[..., ::-1]):.3f}"
