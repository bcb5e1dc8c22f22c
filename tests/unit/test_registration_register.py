"""Registration against displacements that were drawn, and its gate where there is nothing to register."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.domain.geometry import Extent
from engine.imaging.registration import Method, Registration, register
from engine.imaging.registration.contest import advantage, checkerboard, texture_correlation, texture_errors
from engine.imaging.registration.field import DisplacementField, still
from engine.imaging.registration.flow import pyramid, refined

WIDTH, HEIGHT = 384, 448
Y, X = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
PAINT = ((X - 190) / 60) ** 2 + ((Y - 150) / 40) ** 2 < 1
FREE = cv2.dilate(PAINT.astype(np.uint8), np.ones((15, 15))) == 0


def textured(seed: int = 0) -> np.ndarray:
    """A figure full of shapes before a plain wall, ``(H, W, 3)`` float32, 0 to 1."""
    rng = np.random.default_rng(seed)
    figure = np.full((HEIGHT, WIDTH, 3), 0.85, np.float32)
    for _ in range(500):
        center = (int(rng.integers(80, 300)), int(rng.integers(20, HEIGHT)))
        axes = (int(rng.integers(2, 20)), int(rng.integers(2, 20)))
        color = tuple(rng.uniform(0.1, 0.9, 3))
        cv2.ellipse(figure, center, axes, float(rng.uniform(0, 180)), 0, 360, color, -1)
    return cv2.GaussianBlur(figure, (0, 0), 0.8)


def plain(seed: int = 0) -> np.ndarray:
    """A wall that gets darker, and one leg with hardly anything on it."""
    wall = np.repeat((0.9 - 0.1 * X / WIDTH)[..., None], 3, axis=2)
    cv2.rectangle(wall, (180, 100), (215, HEIGHT), (0.75, 0.6, 0.5), -1)
    return cv2.GaussianBlur(wall, (0, 0), 2.0)


def redrawn(photo: np.ndarray, seed: int = 1) -> np.ndarray:
    """As a model returns it: a little softer, with noise in strokes of a few pixels, in 8 bits, with paint."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 1, photo.shape).astype(np.float32)
    strokes = cv2.GaussianBlur(noise, (0, 0), 2.0)
    out = cv2.GaussianBlur(photo, (0, 0), 0.7) + 0.012 * strokes / strokes.std() + 0.006 * noise
    return np.round(np.clip(out, 0, 1) * 255).astype(np.float32) / 255


def displaced(picture: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """The picture whose registration moves it by (dx, dy): its details lie where the field points to."""
    x, y = X.copy(), Y.copy()
    for _ in range(20):  # the inverse of x -> x + d(x), by fixed point
        x, y = (
            X - cv2.remap(dx, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
            Y - cv2.remap(dy, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        )
    return cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def anamorphic() -> tuple[np.ndarray, np.ndarray]:
    return 0.04 * (X - WIDTH / 2) + 6, -0.02 * (Y - HEIGHT / 2) - 4


def wavy() -> tuple[np.ndarray, np.ndarray]:
    return 5 * np.sin(Y / 70), 4 * np.cos(X / 60) + 2


def found_at(registration: Registration, dx: np.ndarray, dy: np.ndarray, where: np.ndarray) -> float:
    """95th percentile of the field's error in pixels."""
    error = registration.field.at_pixels() - np.dstack([dx, dy])
    return float(np.quantile(np.linalg.norm(error, axis=2)[where], 0.95))


@pytest.mark.parametrize("field", [anamorphic, wavy])
def test_a_displacement_is_found_where_there_is_texture_and_under_the_paint(field):
    dx, dy = field()
    photo = textured()
    painted = displaced(redrawn(photo), dx, dy)
    moved_free = displaced(FREE.astype(np.float32), dx, dy) > 0.5
    found = register(photo, painted, moved_free)
    figure = (X > 90) & (X < 290) & (Y > 30) & (Y < HEIGHT - 20)
    assert found.method is not Method.IDENTITY
    assert found_at(found, dx, dy, figure & FREE) < 0.7
    assert found_at(found, dx, dy, PAINT) < 1.2
    edge = PAINT & (cv2.erode(PAINT.astype(np.uint8), np.ones((3, 3))) == 0)
    assert found.shift == pytest.approx(np.quantile(np.hypot(dx, dy)[edge], 0.95), rel=0.25)
    assert found.correlation is not None
    assert found.correlation > 0.8


def test_the_field_does_not_wander_on_the_plain_wall():
    dx, dy = wavy()
    painted = displaced(redrawn(textured()), dx, dy)
    found = register(textured(), painted, displaced(FREE.astype(np.float32), dx, dy) > 0.5)
    lengths = np.linalg.norm(found.field.at_pixels(), axis=2)
    assert lengths[:, :70].max() < 1.5 * np.hypot(dx, dy).max()


@pytest.mark.parametrize("picture", [textured, plain])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_kept_still_is_not_moved_at_all(picture, seed):
    found = register(picture(), redrawn(picture(), seed), FREE)
    assert found.method is Method.IDENTITY
    assert found.field.is_still
    assert found.shift == 0


@pytest.mark.parametrize("shift", [0.1, 0.15])
def test_what_moved_by_less_than_its_soft_edge_shows_is_left_alone(shift):
    still_field = np.full_like(X, shift), np.zeros_like(X)
    found = register(textured(), displaced(redrawn(textured()), *still_field), FREE)
    assert found.field.is_still


def test_another_picture_is_not_bent_into_this_one():
    found = register(textured(0), redrawn(textured(7)), FREE)
    assert found.method is Method.IDENTITY
    assert found.correlation is not None
    assert found.correlation < 0.5


def test_nothing_to_see_is_no_correlation():
    wall = np.full((HEIGHT, WIDTH, 3), 0.8, np.float32)
    found = register(wall, wall, FREE)
    assert found.method is Method.IDENTITY
    assert found.correlation is None


@pytest.mark.parametrize("size", [(16, 16), (80, 128), (33, 500)])
def test_pictures_of_any_size_are_registered(size):
    picture = cv2.resize(textured(), size, interpolation=cv2.INTER_AREA)
    free = np.ones(picture.shape[:2], bool)
    free[4:8, 4:8] = False
    assert register(picture, picture, free).field.is_still


def gray(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


def test_the_contest_tells_the_true_field_from_a_wandering_one():
    dx, dy = wavy()
    everywhere = np.ones((HEIGHT, WIDTH), bool)
    level = pyramid(gray(textured()), gray(displaced(redrawn(textured()), dx, dy)), everywhere)[-1]
    extent = Extent(WIDTH, HEIGHT)
    identity = texture_errors(level, still(extent, (29, 25)))
    nodes = np.dstack([cv2.resize(each, (25, 29), interpolation=cv2.INTER_AREA) for each in (dx, dy)])
    true = DisplacementField(nodes, extent)
    assert advantage(extent, identity, texture_errors(level, true)) > 5
    correlations = texture_correlation(level, true), texture_correlation(level, still(extent, (29, 25)))
    assert correlations[0] > 0.8 > 0.5 > correlations[1]

    stayed = pyramid(gray(textured()), gray(redrawn(textured())), everywhere)[-1]
    at_home = texture_errors(stayed, still(extent, (29, 25)))
    wandering = DisplacementField(np.random.default_rng(0).normal(0, 1, (29, 25, 2)).astype(np.float32), extent)
    assert advantage(extent, at_home, texture_errors(stayed, wandering)) < -5
    nothing = np.zeros_like(at_home[1])
    assert advantage(extent, at_home, (at_home[0], nothing)) == 0


def test_a_field_fitted_to_half_a_checkerboard_predicts_the_other_half():
    dx, dy = wavy()
    levels = pyramid(gray(textured()), gray(displaced(redrawn(textured()), dx, dy)), np.ones((HEIGHT, WIDTH), bool))
    extent = Extent(WIDTH, HEIGHT)
    black = checkerboard(extent)
    assert black.mean() == pytest.approx(0.5, abs=0.1)
    error = refined(levels, still(extent, (29, 25)), 0.8, black).at_pixels() - np.dstack([dx, dy])
    unseen = ~black & (X > 100) & (X < 280) & (Y > 40) & (Y < HEIGHT - 40)
    assert np.quantile(np.linalg.norm(error, axis=2)[unseen], 0.9) < 1.0
