"""Green paint, wrong colours, likeness and stitched pairs of training sets."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.domain.datasets import LossRegion
from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.imaging.datasets.color_pair import color_pair
from engine.imaging.datasets.degrade import degrade
from engine.imaging.datasets.green import green_share, paint_green
from engine.imaging.datasets.likeness import (
    SAME_PICTURE,
    SAME_POSE,
    hash_distance,
    overlap,
    perceptual_hash,
    silhouette,
)
from engine.imaging.painted import extract
from engine.imaging.placement import KONTEXT_BUCKETS


def cloth(color: tuple[int, int, int], shape: tuple[int, int] = (160, 120)) -> np.ndarray:
    """A cloth with folds and a weave, on white."""
    x = np.arange(shape[1])[None]
    light = 1 + 0.25 * np.sin(x / 9) + 0.05 * np.random.default_rng(0).normal(size=shape)
    rgb = np.clip(np.array(color) * light[..., None], 0, 255)
    inside = disc(shape) > 0
    return np.where(inside[..., None], rgb, 250).astype(np.uint8)


def disc(shape: tuple[int, int] = (160, 120), soft: float = 2.0) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    radius = np.hypot((x - shape[1] / 2) / 0.35 / shape[1], (y - shape[0] / 2) / 0.4 / shape[0])
    return (np.clip((1 - radius) * 50 / soft + 0.5, 0, 1) * 255).astype(np.uint8)


def test_paint_is_pure_green_mixed_at_soft_edges_and_nothing_outside() -> None:
    photo, alpha = cloth((180, 40, 60)), disc()
    painted = paint_green(photo, alpha)
    assert (painted[alpha == 255] == (0, 255, 0)).all()
    np.testing.assert_array_equal(painted[alpha == 0], photo[alpha == 0])
    share = alpha[..., None] / 255
    np.testing.assert_allclose(painted, photo * (1 - share) + np.array((0, 255, 0)) * share, atol=0.51)


def test_what_was_painted_is_read_back_as_it_was_drawn() -> None:
    alpha = cv2.resize(disc(), (480, 640), interpolation=cv2.INTER_CUBIC)
    photo = cv2.resize(cloth((180, 40, 60)), (480, 640))
    read = extract(photo, paint_green(photo, alpha)).mask.alpha
    assert ((read > 127) & (alpha > 127)).sum() / ((read > 127) | (alpha > 127)).sum() > 0.99


def test_green_in_the_photograph_is_found_outside_the_mask_only() -> None:
    photo, alpha = cloth((180, 40, 60)), disc()
    assert green_share(photo) == 0
    photo[:16] = (20, 200, 40)
    assert green_share(photo, alpha) == pytest.approx(0.1, abs=0.02)
    assert green_share(paint_green(photo, np.full_like(alpha, 255)), np.full_like(alpha, 255)) == 0


@pytest.mark.parametrize("color", [(180, 40, 60), (245, 245, 245), (12, 12, 14), (128, 128, 128), (30, 60, 150)])
@pytest.mark.parametrize("between", [(7.0, 8.0), (25.0, 30.0)])
def test_wrong_colours_keep_the_stated_distance_by_an_independent_formula(color, between) -> None:
    import colour

    photo, alpha = cloth(color), disc()
    out = degrade(photo, alpha, np.random.default_rng(5), between)
    np.testing.assert_array_equal(out.pixels[alpha == 0], photo[alpha == 0])
    inside = alpha >= 128
    labs = (colour.XYZ_to_Lab(colour.sRGB_to_XYZ(rgb[inside] / 255)) for rgb in (photo, out.pixels))
    measured = float(np.mean(colour.delta_E(*labs, method="CIE 2000")))
    assert measured == pytest.approx(out.delta_E, abs=0.1)
    assert between[0] - 0.2 <= measured <= between[1] + 0.2


def test_wrong_colours_follow_the_seed_and_keep_the_weave() -> None:
    photo, alpha = cloth((160, 60, 50)), disc()
    one, again, other = (degrade(photo, alpha, np.random.default_rng(seed), (10, 20)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.pixels, again.pixels)
    assert (one.pixels != other.pixels).any()
    body = alpha == 255
    grey = [cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(float)[body] for rgb in (photo, one.pixels)]
    assert np.corrcoef(*grey)[0, 1] > 0.9


def test_an_empty_mask_cannot_be_degraded() -> None:
    with pytest.raises(KnownError, match="empty"):
        degrade(cloth((1, 2, 3)), np.zeros((160, 120), np.uint8), np.random.default_rng(0))


def test_a_pair_is_stitched_into_one_of_kontexts_sizes_and_differs_inside_the_garment_only() -> None:
    flatlay, photo = cloth((160, 60, 50), (300, 200)), cloth((160, 60, 50), (400, 250))
    pair = color_pair(
        flatlay, disc((300, 200)), photo, disc((400, 250)), np.random.default_rng(0), (10, 20), cropped=False
    )
    height, width = pair.mask.shape
    assert Extent(width, height) in KONTEXT_BUCKETS
    assert width > height
    changed = (pair.control != pair.target).any(axis=2)
    assert changed.any()
    assert not changed[pair.mask == 0].any()
    assert not pair.mask[:, : width // 2].any()
    np.testing.assert_array_equal(np.unique(pair.loss_mask[:, : width // 2]), [0])
    assert (pair.loss_mask[:, width // 2 :] == 255).all()
    assert 10 - 0.2 <= pair.delta_E <= 20 + 0.2


def test_the_loss_may_count_inside_the_garment_alone() -> None:
    photo = cloth((160, 60, 50))
    pair = color_pair(photo, disc(), photo, disc(), np.random.default_rng(0), (10, 20), loss=LossRegion.GARMENT)
    np.testing.assert_array_equal(pair.loss_mask, pair.mask)


def figure(x: float, lean: float, seed: int) -> np.ndarray:
    canvas = np.full((500, 400, 3), 240, np.uint8)
    color = tuple(int(v) for v in np.random.default_rng(seed).integers(20, 160, 3))
    cv2.ellipse(canvas, (int(x), 280), (70, 180), lean, 0, 360, color, -1)
    cv2.circle(canvas, (int(x - 2.5 * lean), 80), 40, (190, 140, 120), -1)
    return canvas


def test_hashes_outlive_scaling_and_compression_and_tell_pictures_apart() -> None:
    one = cv2.GaussianBlur(figure(200, 0, 1), (0, 0), 1)
    again = cv2.imdecode(cv2.imencode(".jpg", cv2.resize(one, (150, 188)), [cv2.IMWRITE_JPEG_QUALITY, 70])[1], 1)
    assert hash_distance(perceptual_hash(one), perceptual_hash(again)) <= SAME_PICTURE
    assert hash_distance(perceptual_hash(one), perceptual_hash(figure(120, 40, 1))) > 2 * SAME_PICTURE
    assert hash_distance("ff00000000000000", "f100000000000000") == 3


def test_poses_are_alike_whatever_the_clothes_and_not_where_somebody_moved() -> None:
    here, dressed, moved = (silhouette(figure(*args)) for args in ((200, 0, 1), (200, 0, 2), (230, 20, 1)))
    assert here is not None
    assert dressed is not None
    assert moved is not None
    assert overlap(here, dressed) >= SAME_POSE
    assert overlap(here, moved) < 0.9


def test_a_busy_background_has_no_silhouette() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (25, 20, 3), np.uint8)
    assert silhouette(cv2.resize(noise, (400, 500), interpolation=cv2.INTER_NEAREST)) is None
