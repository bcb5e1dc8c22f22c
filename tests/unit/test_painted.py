"""Masks read from painted pictures, against drawn pictures whose alpha is known exactly."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.domain.errors import BugError, KnownError
from engine.domain.geometry import Box, Extent
from engine.imaging.painted import Reading, agreement, extract, extract_painted_mask
from engine.imaging.placement import place, to_canvas
from engine.imaging.registration import Method

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


def agreement_with(mask: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """IoU at the half level, and mean absolute error of alpha."""
    found = mask / 255
    return iou(found >= 0.5, truth >= 0.5), float(np.abs(found - truth).mean())


WARM = ([[0.97, 0.02, 0.0], [0.01, 0.94, 0.01], [0.0, 0.03, 0.9]], (6.0, 4.0, 2.0))


CASES = [
    (garment, green, softness, drift)
    for index, (garment, softness) in enumerate((g, s) for g in GARMENTS for s in (0.8, 2.0, 4.0))
    for green, drift in [((PURE, PALE, DULL)[index % 3], None), ((PALE, DULL, PURE)[index % 3], WARM)]
]


@pytest.mark.parametrize(("garment", "green", "softness", "drift"), CASES)
def test_alpha_is_the_share_of_paint(garment, green, softness, drift):
    photo, truth = figure(GARMENTS[garment]), shape(softness)
    mask = extract_painted_mask(eight_bit(photo), paint(photo, truth, green, drift), Reading(published_edge=False))
    overlap, error = agreement_with(mask.alpha, truth)
    assert overlap >= 0.97
    assert error <= 0.02
    assert np.abs(np.subtract(mask.green, green)).max() <= 6
    assert mask.coverage == pytest.approx(truth.mean(), abs=0.01)
    assert mask.confidence > 0.5
    assert (mask.registration, mask.shift) == (Method.IDENTITY, 0)


@pytest.mark.parametrize("green", [PURE, PALE, DULL])
def test_a_sharp_edge_stays_where_it_is_by_default_too(green):
    photo, truth = figure(), shape(0.8)
    overlap, error = agreement_with(extract_painted_mask(eight_bit(photo), paint(photo, truth, green)).alpha, truth)
    assert overlap >= 0.97
    assert error <= 0.02


def test_a_feathered_pale_paint_ends_where_the_published_workflow_ends_it():
    photo, truth = figure((226, 222, 210)), shape(6.0)
    painted = paint(photo, truth, PALE)
    published = np.abs(painted.astype(int) - (0, 255, 0)).max(axis=2) <= 105
    by_default = extract_painted_mask(eight_bit(photo), painted).alpha >= 128
    plain = extract_painted_mask(eight_bit(photo), painted, Reading(published_edge=False)).alpha >= 128
    assert iou(by_default, published) > 0.97 > iou(plain, published) + 0.03


def test_the_drift_is_measured_and_removed():
    photo, truth = figure(), shape(2.0)
    offset = ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], (-10.0, -10.0, -10.0))
    true_colors = extract_painted_mask(eight_bit(photo), paint(photo, truth))
    drifted = extract_painted_mask(eight_bit(photo), paint(photo, truth, drift=offset))
    assert true_colors.color_drift < 2
    assert drifted.color_drift == pytest.approx(10, abs=2)
    assert drifted.residual_before == pytest.approx(10, abs=1)
    assert drifted.residual_after < 2.5


def bent(picture: np.ndarray, amplitude: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """A picture stretched by 3 % and bent smoothly, and how far each pixel was read from its own place."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    dx = 0.03 * (x - WIDTH / 2) + 5 + amplitude * np.sin(y / 60)
    dy = 0.01 * (y - HEIGHT / 2) - 3 + amplitude * np.cos(x / 55)
    dx, dy = dx.astype(np.float32), dy.astype(np.float32)
    return cv2.remap(picture, x + dx, y + dy, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.hypot(dx, dy)


@pytest.mark.parametrize(("garment", "green"), [("navy", PALE), ("bottle green", PURE), ("apple green", DULL)])
def test_a_displaced_mask_is_brought_back(garment, green):
    photo, truth = figure(GARMENTS[garment]), shape(1.5)
    painted, distance = bent(paint(photo, truth, green, WARM))
    found = extract(eight_bit(photo), painted)
    mask = found.mask
    overlap, error = agreement_with(mask.alpha, truth)
    assert overlap >= 0.97
    assert error <= 0.02
    assert mask.registration is Method.FLOW
    assert mask.shift == pytest.approx(np.quantile(distance[(truth > 0.4) & (truth < 0.6)], 0.95), rel=0.3)
    assert mask.residual_after <= 0.4 * mask.residual_before
    assert "moved the picture" in mask.notices[0]
    registered = found.registered()
    outside = truth < 0.001
    assert registered.shape == photo.shape
    assert np.abs(registered - photo)[outside].mean() < 0.4 * np.abs(painted - photo)[outside].mean()
    assert np.abs(np.median(registered[truth > 0.99], axis=0) - green).max() <= 6, "paint keeps its own colour"


def test_what_cannot_be_registered_costs_confidence():
    photo, truth = figure(), shape(2.0)
    other = paint(figure(GARMENTS["bottle green"], seed=9)[:, ::-1][::-1], truth)
    found = extract_painted_mask(eight_bit(photo), other)
    assert found.confidence < 0.5
    assert "does not lie on the photograph" in found.notices[-1]


def test_a_model_that_is_known_to_paint_in_place_is_not_registered():
    photo, truth = figure(), shape(1.5)
    painted, _ = bent(paint(photo, truth))
    followed = extract_painted_mask(eight_bit(photo), painted)
    assert followed.registration is not Method.IDENTITY
    trusted = extract_painted_mask(eight_bit(photo), painted, Reading(in_place=True))
    assert (trusted.registration, trusted.shift) == (Method.IDENTITY, 0.0)
    assert not any("moved" in notice for notice in trusted.notices)
    assert not np.array_equal(trusted.alpha, followed.alpha)


def test_a_still_picture_is_returned_as_it_is_in_the_photographs_colours():
    photo, truth = figure(), shape(2.0)
    found = extract(eight_bit(photo), paint(photo, truth, drift=WARM))
    assert not found.displacement.any()
    outside = truth < 0.001
    assert np.abs(found.registered() - photo)[outside].mean() < 3


def test_specks_are_dropped_and_pinholes_filled():
    photo, truth = figure(), shape(1.0)
    dirty = truth.copy()
    cv2.circle(dirty, (340, 60), 3, 1, -1)
    cv2.circle(dirty, (192, 264), 3, 0, -1)
    mask = extract_painted_mask(eight_bit(photo), paint(photo, dirty))
    overlap, _ = agreement_with(mask.alpha, truth)
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
    overlap, error = agreement_with(extract_painted_mask(eight_bit(photo), paint(photo, truth)).alpha, truth)
    assert overlap >= 0.95  # thin rings: a quarter of a pixel of edge is one per cent of them
    assert error <= 0.02


@pytest.fixture(scope="module")
def spotted() -> tuple[np.ndarray, np.ndarray]:
    """A photograph with a large patch of paint, which has a hole of 28 pixels across, and one of 14 pixels beside."""
    photo = figure()
    truth = np.zeros((HEIGHT, WIDTH))
    cv2.circle(truth, (192, 200), 60, 1, -1)
    cv2.circle(truth, (192, 200), 14, 0, -1)
    cv2.circle(truth, (320, 400), 7, 1, -1)
    return eight_bit(photo), paint(photo, cv2.GaussianBlur(truth, (0, 0), 1))


SPOT, HOLE = (400, 320), (200, 192)  # about 150 and 600 pixels


@pytest.mark.parametrize(
    ("reading", "spot", "hole"),
    [
        (Reading(min_piece=0, max_hole=0), True, False),
        (Reading(min_piece=100, max_hole=400), True, False),
        (Reading(min_piece=300, max_hole=1000), False, True),
    ],
)
def test_pieces_and_holes_are_counted_in_pixels(spotted, reading, spot, hole):
    alpha = extract_painted_mask(*spotted, reading).alpha
    assert alpha[SPOT] > 240 if spot else alpha[SPOT] == 0
    assert alpha[HOLE] > 240 if hole else alpha[HOLE] == 0


def test_pixels_are_those_of_the_photograph_whatever_was_painted(spotted):
    photo, painted = spotted
    large = cv2.resize(photo, (2 * WIDTH, 2 * HEIGHT), interpolation=cv2.INTER_CUBIC)
    at = (2 * SPOT[0], 2 * SPOT[1])
    assert extract_painted_mask(large, painted, Reading(min_piece=400)).alpha[at] > 240
    assert extract_painted_mask(large, painted, Reading(min_piece=1000)).alpha[at] == 0


def test_a_hard_mask_is_the_soft_one_cut_in_half(spotted):
    soft, hard = extract_painted_mask(*spotted).alpha, extract_painted_mask(*spotted, Reading(hard=True)).alpha
    assert set(np.unique(hard)) == {0, 255}
    assert np.array_equal(hard == 255, soft > 127)


@pytest.mark.parametrize("screen", [(0, 177, 64), (60, 200, 70)], ids=["chroma green", "bright screen"])
@pytest.mark.parametrize("green", [PURE, PALE])
def test_a_chroma_screen_is_no_paint(screen, green):
    photo, truth = figure(), shape(2.0)
    wall = (photo[..., 0] > 200) & (photo[..., 2] > 200)
    photo[wall] = np.asarray(screen) + (photo[wall].mean(axis=1, keepdims=True) - 224)
    photo = np.clip(photo, 0, 255)
    mask = extract_painted_mask(eight_bit(photo), paint(photo, truth, green, WARM))
    overlap, error = agreement_with(mask.alpha, truth)
    assert overlap >= 0.97
    assert error <= 0.02


def test_a_large_photograph_gets_the_edge_it_has_itself():
    # A hard edge of photograph and mask that the model's resolution cannot hold: four pixels of it to one.
    truth = np.zeros((960, 768))
    cv2.ellipse(truth, (384, 500), (200, 260), 15, 0, 360, 1, -1)
    photo = np.where(truth[..., None] > 0, (70.0, 60.0, 90.0), (215.0, 210.0, 200.0))
    photo += np.random.default_rng(3).normal(0, 2, photo.shape)
    size = (192, 240)
    small, alpha = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (photo, truth))
    painted = np.clip((1 - alpha[..., None]) * small + alpha[..., None] * np.array(PURE), 0, 255).astype(np.uint8)
    guided = extract_painted_mask(eight_bit(np.clip(photo, 0, 255)), painted).alpha
    plain = cv2.resize(extract_painted_mask(eight_bit(small), painted).alpha, (768, 960), interpolation=cv2.INTER_CUBIC)
    rim = cv2.dilate(truth, np.ones((9, 9))) > cv2.erode(truth, np.ones((9, 9)))
    of_guided, of_plain = (np.abs(each / 255 - truth)[rim].mean() for each in (guided, plain))
    assert of_guided < 0.5 * of_plain
    assert agreement_with(guided, truth)[0] > 0.99


def test_a_mask_that_ignores_the_photographs_edges_stays_as_it_was_painted():
    photo, truth = figure(), shape(3.0)
    large = cv2.resize(eight_bit(photo), (4 * WIDTH, 4 * HEIGHT), interpolation=cv2.INTER_CUBIC)
    large = np.clip(large + np.random.default_rng(1).normal(0, 8, large.shape), 0, 255).astype(np.uint8)
    mask = extract_painted_mask(large, paint(photo, truth))
    wanted = cv2.resize(truth, (4 * WIDTH, 4 * HEIGHT), interpolation=cv2.INTER_CUBIC)
    overlap, error = agreement_with(mask.alpha, wanted)
    assert overlap >= 0.97
    assert error <= 0.01


@pytest.mark.parametrize("crop", [None, Box(101, 90, 300, 470)])
def test_a_mask_comes_back_from_a_canvas(crop):
    photo, truth = eight_bit(figure()), shape(2.0)
    source = Extent(WIDTH, HEIGHT)
    placement = place(source, crop, (Extent(448, 512), Extent(512, 512)))
    canvas = to_canvas(photo, placement, (200, 200, 200)).astype(float)
    alpha = to_canvas(eight_bit(255 * np.repeat(truth[..., None], 3, 2)), placement, (0, 0, 0))[..., :1] / 255
    output = np.clip((1 - alpha) * canvas + alpha * np.array(PALE), 0, 255).astype(np.uint8)
    found = extract(photo, output, placement=placement)
    box = placement.crop
    inside = np.zeros_like(truth)
    inside[box.top : box.bottom, box.left : box.right] = truth[box.top : box.bottom, box.left : box.right]
    overlap, error = agreement_with(found.mask.alpha, inside)
    assert overlap >= 0.985
    assert error <= 0.005
    assert found.registered().shape == photo.shape


@pytest.mark.parametrize("size", [(WIDTH // 2, HEIGHT // 2), (WIDTH * 2, HEIGHT * 2), (400, 480)])
def test_a_painted_picture_of_another_size_is_scaled_to_fit(size):
    photo, truth = figure(), shape(3.0)
    painted = cv2.resize(paint(photo, truth), size, interpolation=cv2.INTER_AREA)
    mask = extract_painted_mask(eight_bit(photo), painted)
    assert mask.alpha.shape == (HEIGHT, WIDTH)
    overlap, error = agreement_with(mask.alpha, truth)
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


def test_seeds_that_agree_and_seeds_that_do_not():
    one, other = np.zeros((40, 40), np.uint8), np.zeros((40, 40), np.uint8)
    one[:, :20], other[:, 10:30] = 255, 255
    single = agreement([one])
    assert np.array_equal(single.alpha, one)
    assert (single.confidence, single.disagreement.max()) == (1.0, 0)
    assert agreement([one, one, one]).confidence == 1.0
    both = agreement([one, other])
    assert both.confidence == pytest.approx(1 / 3)
    assert np.array_equal(both.disagreement, np.where(one == other, 0, 255))
    assert set(np.unique(both.alpha)) == {0, 128, 255}
    three = agreement([one, one, other])
    assert three.confidence == pytest.approx((1 + 2 / 3) / 3)
    assert three.disagreement[0, 5] == round(2 * 255 * (2 / 9) ** 0.5)
    assert agreement([np.zeros((4, 4), np.uint8)] * 2).confidence == 1.0
    with pytest.raises(BugError):
        agreement([one, other[:20]])
    with pytest.raises(BugError):
        agreement([])


STILL = ["hats-11", "hats-13", "socks-10", "socks-12", "sweatshirt-11", "sweatshirt-13"]


@pytest.mark.realdata
@pytest.mark.parametrize("name", STILL)
def test_real_outputs_agree_with_the_projects_own_extraction(shared_data, name):
    folder = shared_data / "dreaming-masks" / name
    mask = extract_painted_mask(read(folder / "original.png"), read(folder / "painted.png"))
    assert iou(mask.alpha >= 128, read(folder / "extracted.png")[..., 1] >= 128) >= 0.95
    assert mask.confidence > 0.5
    assert mask.shift < 0.5


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["glasses-10", "glasses-12"])
def test_real_outputs_that_moved_are_brought_back(shared_data, name):
    folder = shared_data / "dreaming-masks" / name
    photo, painted = read(folder / "original.png"), read(folder / "painted.png")
    found = extract(photo, painted)
    assert found.mask.shift > 10
    assert found.mask.residual_after <= min(7, 0.4 * found.mask.residual_before)
    # Measured again, without the program's own idea of what is paint.
    registered = found.registered()
    free = np.ones(photo.shape[:2], bool)
    for picture in (painted.astype(int), registered.astype(int)):
        greenish = picture[..., 1] - picture[..., [0, 2]].max(axis=2) > 20
        free &= cv2.dilate(greenish.astype(np.uint8), np.ones((25, 25))) == 0
    before, after = (np.abs(each.astype(int) - photo)[free].mean() for each in (painted, registered))
    assert after <= min(7, 0.4 * before)
