"""Masks read from painted pictures, against drawn pictures whose alpha is known exactly."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.domain.errors import BugError, KnownError
from engine.imaging.painted import Reading, extract_painted_mask

WIDTH, HEIGHT = 384, 480
PURE, PALE, DULL = (0, 255, 0), (94, 240, 96), (43, 211, 60)

# Colours of the drawn top. The last is nearly the palest paint.
GARMENTS = {"navy": (60, 70, 120), "bottle green": (40, 120, 50), "apple green": (90, 190, 80)}


def figure(garment: tuple[int, int, int] = GARMENTS["navy"], seed: int = 0) -> np.ndarray:
    """A drawn photograph: a lit wall, a head, a striped top, grass, texture and noise; ``(H, W, 3)`` float."""
    rng = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH, 3), (224, 225, 221), np.float64)
    picture += np.linspace(-7, 7, WIDTH)[None, :, None]
    cv2.ellipse(picture, (WIDTH // 2, int(HEIGHT * 0.22)), (48, 62), 0, 0, 360, (205, 165, 140), -1)
    cv2.rectangle(picture, (96, int(HEIGHT * 0.36)), (288, int(HEIGHT * 0.8)), garment, -1)
    for x in range(96, 288, 14):
        cv2.line(picture, (x, int(HEIGHT * 0.36)), (x, int(HEIGHT * 0.8)), tuple(0.8 * c for c in garment), 3)
    cv2.rectangle(picture, (0, int(HEIGHT * 0.92)), (WIDTH, HEIGHT), (70, 110, 60), -1)
    texture = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH)), (0, 0), 2)
    picture += (6 * texture / texture.std())[..., None]
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.8) + rng.normal(0, 1.5, picture.shape), 0, 255)


def shape(softness: float) -> np.ndarray:
    """Two overlapping shapes with a Gaussian edge; ``(H, W)`` float, 0 to 1."""
    alpha = np.zeros((HEIGHT, WIDTH), np.float64)
    cv2.ellipse(alpha, (192, 264), (90, 100), 10, 0, 360, 1, -1)
    cv2.rectangle(alpha, (76, 200), (124, 360), 1, -1)
    return cv2.GaussianBlur(alpha, (0, 0), softness)


def paint(photo: np.ndarray, alpha: np.ndarray, green=PURE, drift=None, seed: int = 1) -> np.ndarray:
    """The photograph through a colour drift, with paint over it, noise, and JPEG as models' pictures are kept."""
    rng = np.random.default_rng(seed)
    drifted = photo if drift is None else photo @ np.asarray(drift[0]).T + np.asarray(drift[1])
    mixed = (1 - alpha[..., None]) * drifted + alpha[..., None] * np.asarray(green, float)
    pixels = np.clip(mixed + rng.normal(0, 2, mixed.shape), 0, 255).round().astype(np.uint8)
    return cv2.imdecode(cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])[1], 1)[..., ::-1]


def eight_bit(picture: np.ndarray) -> np.ndarray:
    return picture.round().astype(np.uint8)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def agreement(mask: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """IoU at the half level, and mean absolute error of alpha."""
    found = mask / 255
    return iou(found >= 0.5, truth >= 0.5), float(np.abs(found - truth).mean())


WARM = ([[0.97, 0.02, 0.0], [0.01, 0.94, 0.01], [0.0, 0.03, 0.9]], (6.0, 4.0, 2.0))


@pytest.mark.parametrize("drift", [None, WARM], ids=["true colours", "drifted colours"])
@pytest.mark.parametrize("softness", [0.8, 2.0, 4.0])
@pytest.mark.parametrize("green", [PURE, PALE, DULL], ids=["#00FF00", "#5EF060", "#2BD33C"])
@pytest.mark.parametrize("garment", GARMENTS)
def test_alpha_is_the_share_of_paint(garment, green, softness, drift):
    photo, truth = figure(GARMENTS[garment]), shape(softness)
    mask = extract_painted_mask(eight_bit(photo), paint(photo, truth, green, drift), Reading(published_edge=False))
    overlap, error = agreement(mask.alpha, truth)
    assert overlap >= 0.97
    assert error <= 0.02
    assert np.abs(np.subtract(mask.green, green)).max() <= 6
    assert mask.coverage == pytest.approx(truth.mean(), abs=0.01)
    assert mask.confidence > 0.5


@pytest.mark.parametrize("green", [PURE, PALE, DULL])
def test_a_sharp_edge_stays_where_it_is_by_default_too(green):
    photo, truth = figure(), shape(0.8)
    overlap, error = agreement(extract_painted_mask(eight_bit(photo), paint(photo, truth, green)).alpha, truth)
    assert overlap >= 0.97
    assert error <= 0.02


def test_a_feathered_pale_paint_ends_where_the_published_workflow_ends_it():
    photo, truth = figure((226, 222, 210)), shape(6.0)
    painted = paint(photo, truth, PALE)
    published = np.abs(painted.astype(int) - (0, 255, 0)).max(axis=2) <= 105
    by_default = extract_painted_mask(eight_bit(photo), painted).alpha >= 128
    plain = extract_painted_mask(eight_bit(photo), painted, Reading(published_edge=False)).alpha >= 128
    assert iou(by_default, published) > 0.97 > iou(plain, published) + 0.03


def test_the_drift_is_measured():
    photo, truth = figure(), shape(2.0)
    offset = ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], (-10.0, -10.0, -10.0))
    still = extract_painted_mask(eight_bit(photo), paint(photo, truth))
    drifted = extract_painted_mask(eight_bit(photo), paint(photo, truth, drift=offset))
    assert still.color_drift < 0.01
    assert drifted.color_drift == pytest.approx(10 / 255, abs=0.01)
    assert still.displacement < 1


def test_a_displaced_picture_costs_confidence():
    photo, truth = figure(), shape(2.0)
    painted = paint(photo, truth)
    moved = cv2.warpAffine(painted, np.array([[1.04, 0, -4], [0, 1, 3]]), (WIDTH, HEIGHT), borderMode=1)
    still, off = extract_painted_mask(eight_bit(photo), painted), extract_painted_mask(eight_bit(photo), moved)
    assert still.confidence > 0.9
    assert off.displacement > 2
    assert not still.notices
    assert "moved details" in off.notices[0]
    assert off.confidence < still.confidence - 0.2


def test_specks_are_dropped_and_pinholes_filled():
    photo, truth = figure(), shape(1.0)
    dirty = truth.copy()
    cv2.circle(dirty, (340, 60), 3, 1, -1)
    cv2.circle(dirty, (192, 264), 3, 0, -1)
    mask = extract_painted_mask(eight_bit(photo), paint(photo, dirty))
    overlap, _ = agreement(mask.alpha, truth)
    assert overlap >= 0.97
    assert mask.alpha[52:68, 332:348].max() == 0
    assert mask.alpha[256:272, 184:200].min() >= 250


def test_large_holes_and_both_of_two_pieces_stay():
    photo = figure()
    truth = np.zeros((HEIGHT, WIDTH))
    for x in (130, 254):
        cv2.circle(truth, (x, 200), 40, 1, -1)
        cv2.circle(truth, (x, 200), 20, 0, -1)
    truth = cv2.GaussianBlur(truth, (0, 0), 1)
    overlap, error = agreement(extract_painted_mask(eight_bit(photo), paint(photo, truth)).alpha, truth)
    assert overlap >= 0.95  # thin rings: a quarter of a pixel of edge is one per cent of them
    assert error <= 0.02


def test_what_the_reading_says_is_what_is_kept():
    photo = figure()
    truth = np.zeros((HEIGHT, WIDTH))
    cv2.circle(truth, (192, 200), 60, 1, -1)
    cv2.circle(truth, (320, 400), 14, 1, -1)  # a twentieth of the large one
    painted = paint(photo, cv2.GaussianBlur(truth, (0, 0), 1))
    assert extract_painted_mask(eight_bit(photo), painted).alpha[400, 320] == 255
    assert extract_painted_mask(eight_bit(photo), painted, Reading(min_piece=0.1)).alpha[400, 320] == 0


@pytest.mark.parametrize("size", [(WIDTH // 2, HEIGHT // 2), (WIDTH * 2, HEIGHT * 2), (400, 480)])
def test_a_painted_picture_of_another_size_is_scaled_to_fit(size):
    photo, truth = figure(), shape(3.0)
    painted = cv2.resize(paint(photo, truth), size, interpolation=cv2.INTER_AREA)
    mask = extract_painted_mask(eight_bit(photo), painted)
    assert mask.alpha.shape == (HEIGHT, WIDTH)
    overlap, error = agreement(mask.alpha, truth)
    assert overlap >= 0.97
    assert error <= 0.02
    assert str(size[0]) in mask.notices[0]


def test_other_proportions_are_refused():
    photo = eight_bit(figure())
    with pytest.raises(KnownError, match="other proportions"):
        extract_painted_mask(photo, photo[: HEIGHT // 2])


def test_a_picture_without_paint_is_refused_even_on_grass():
    photo = figure(GARMENTS["apple green"])
    with pytest.raises(KnownError, match="no green") as error:
        extract_painted_mask(eight_bit(photo), paint(photo, np.zeros((HEIGHT, WIDTH)), drift=WARM))
    assert "LoRA" in error.value.remedy


def test_a_picture_all_green_is_refused():
    photo = eight_bit(figure())
    with pytest.raises(KnownError, match="whole picture"):
        extract_painted_mask(photo, np.full_like(photo, PURE))


@pytest.mark.parametrize("wrong", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.uint16)])
def test_what_is_no_rgb_picture_is_a_bug(wrong):
    with pytest.raises(BugError):
        extract_painted_mask(wrong, wrong)


def test_the_same_pictures_give_the_same_mask():
    photo, painted = eight_bit(figure()), paint(figure(), shape(2.0))
    assert np.array_equal(extract_painted_mask(photo, painted).alpha, extract_painted_mask(photo, painted).alpha)


def read(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture[..., ::-1]


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["hats-11", "hats-13", "socks-10", "socks-12", "sweatshirt-11", "sweatshirt-13"])
def test_real_outputs_agree_with_the_projects_own_extraction(shared_data, name):
    folder = shared_data / "dreaming-masks" / name
    mask = extract_painted_mask(read(folder / "original.png"), read(folder / "painted.png"))
    assert iou(mask.alpha >= 128, read(folder / "extracted.png")[..., 1] >= 128) >= 0.95
    assert mask.confidence > 0.5


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["glasses-10", "glasses-12"])
def test_real_outputs_that_moved_are_marked_as_uncertain(shared_data, name):
    folder = shared_data / "dreaming-masks" / name
    mask = extract_painted_mask(read(folder / "original.png"), read(folder / "painted.png"))
    assert mask.displacement > 10
    assert mask.confidence < 0.5
