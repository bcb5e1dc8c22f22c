from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.domain.errors import KnownError
from engine.imaging.masks.flatlay import flatlay_mask

HEIGHT, WIDTH = 600, 480


def shirt_truth(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A T-shirt's outline as a hard mask."""
    outline = np.array(
        [(190, 120), (240, 140), (290, 120), (400, 190), (370, 260), (325, 235), (325, 480), (155, 480), (155, 235),
         (110, 260), (80, 190)],
        np.float64,
    ) * [width / WIDTH, height / HEIGHT]  # fmt: skip
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 1)
    return mask > 0


def graded(colour: tuple[int, int, int], drop: float, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A background that darkens by ``drop`` code values towards its corners."""
    y, x = np.mgrid[0:height, 0:width]
    fall = ((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2) * 2
    return np.array(colour, np.float32) - drop * fall[..., None].astype(np.float32)


def photograph(
    background: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int], noise: float = 1.5, fold: float = 0.06
) -> np.ndarray:
    """Lay a shaded, noisy garment on the background; the edge is one pixel soft, as a lens makes it."""
    width = mask.shape[1]
    x = np.arange(width)
    folds = 1.0 + fold * np.sin(x / width * 40)[None, :, None]
    cloth = np.array(colour, np.float32) * folds
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.6)[..., None]
    picture = background * (1 - soft) + cloth * soft
    picture += np.random.default_rng(0).normal(0, noise, picture.shape)
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def iou(alpha: np.ndarray, truth: np.ndarray) -> float:
    found = alpha > 127
    return float((found & truth).sum() / (found | truth).sum())


@pytest.mark.parametrize(
    ("background", "drop", "colour"),
    [
        ((250, 250, 250), 0.0, (40, 60, 120)),
        ((250, 250, 250), 0.0, (20, 20, 22)),
        ((236, 236, 238), 35.0, (150, 40, 40)),
        ((205, 205, 205), 40.0, (90, 130, 90)),
        ((120, 120, 122), 20.0, (235, 232, 225)),
        ((236, 236, 238), 10.0, (190, 170, 150)),
    ],
)
def test_a_garment_on_white_grey_and_graded_paper(
    background: tuple[int, int, int], drop: float, colour: tuple[int, int, int]
) -> None:
    truth = shirt_truth()
    result = flatlay_mask(photograph(graded(background, drop), truth, colour))
    assert iou(result.alpha, truth) > 0.985
    assert result.confidence > 0.6


def test_white_cloth_on_white_paper() -> None:
    truth = shirt_truth()
    result = flatlay_mask(photograph(graded((252, 252, 252), 0.0), truth, (243, 243, 243), 0.5, fold=0.015))
    assert iou(result.alpha, truth) > 0.95


def test_white_cloth_one_code_value_off_a_burnt_out_background() -> None:
    truth = shirt_truth()
    picture = np.where(truth[..., None], 251, 252).astype(np.uint8).repeat(3, axis=2)
    result = flatlay_mask(picture)
    assert iou(result.alpha, truth) > 0.95
    assert result.confidence < 0.5


def test_a_soft_shadow_is_not_cloth() -> None:
    truth = shirt_truth()
    shade = cv2.GaussianBlur(np.roll(truth.astype(np.float32), (14, 10), (0, 1)), (0, 0), 12)
    background = graded((242, 242, 242), 10.0) * (1 - 0.13 * shade[..., None])
    result = flatlay_mask(photograph(background, truth, (60, 80, 140)))
    assert iou(result.alpha, truth) > 0.97


def test_the_gap_between_sleeve_and_body_stays_open() -> None:
    truth = shirt_truth()
    ring = truth.copy()
    cv2.circle(hole := np.zeros(truth.shape, np.uint8), (240, 330), 40, 1, -1)
    ring &= hole == 0
    result = flatlay_mask(photograph(graded((250, 250, 250), 0.0), ring, (40, 60, 120)))
    assert iou(result.alpha, ring) > 0.98
    assert result.alpha[330, 240] == 0


def test_a_tight_crop_still_shows_enough_background() -> None:
    truth = shirt_truth()[110:490, 70:410]
    picture = photograph(graded((250, 250, 250), 5.0), shirt_truth(), (150, 60, 40))[110:490, 70:410]
    assert iou(flatlay_mask(np.ascontiguousarray(picture)).alpha, truth) > 0.98


def test_alpha_of_a_cut_out_is_taken_as_it_is() -> None:
    alpha = shirt_truth().astype(np.uint8) * 255
    alpha[200, 240] = 77
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    result = flatlay_mask(noise, alpha)
    assert np.array_equal(result.alpha, alpha)
    assert result.confidence == 1.0


def test_an_opaque_alpha_says_nothing() -> None:
    truth = shirt_truth()
    picture = photograph(graded((250, 250, 250), 0.0), truth, (40, 60, 120))
    assert iou(flatlay_mask(picture, np.full(truth.shape, 255, np.uint8)).alpha, truth) > 0.98


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_empty_picture_is_refused(level: int) -> None:
    picture = np.full((HEIGHT, WIDTH, 3), level, np.uint8)
    with pytest.raises(KnownError, match="no garment"):
        flatlay_mask(picture)
    noisy = np.clip(picture + np.random.default_rng(0).normal(0, 3, picture.shape), 0, 255).astype(np.uint8)
    with pytest.raises(KnownError, match="no garment"):
        flatlay_mask(noisy)


def test_a_low_contrast_garment_is_less_certain_than_a_clear_one() -> None:
    truth = shirt_truth()
    clear = flatlay_mask(photograph(graded((250, 250, 250), 0.0), truth, (40, 60, 120)))
    faint = flatlay_mask(photograph(graded((250, 250, 250), 0.0), truth, (240, 240, 238), 0.5, fold=0.015))
    assert faint.confidence < 0.5 * clear.confidence


def test_full_size_edges_follow_the_photograph_not_the_working_size() -> None:
    """Worked at 800 pixels, a 2,400-pixel flatlay must not show three-pixel stairs."""
    height, width = 2400, 1920
    truth = shirt_truth(height, width)
    result = flatlay_mask(photograph(graded((250, 250, 250), 0.0, height, width), truth, (40, 60, 120)))
    wrong = (result.alpha > 127) != truth
    outline = cv2.morphologyEx(truth.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).sum() / 2
    assert wrong.sum() / outline < 0.5  # half a pixel off on average, at full size
    soft = ((result.alpha > 12) & (result.alpha < 243)).sum() / outline
    assert soft < 3.0


def test_the_same_picture_gives_the_same_mask() -> None:
    picture = photograph(graded((236, 236, 238), 35.0), shirt_truth(), (150, 40, 40))
    assert np.array_equal(flatlay_mask(picture).alpha, flatlay_mask(picture).alpha)
