"""Whether a flatlay can be the garment's: drawn palettes and cloths, and the published pairs."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.domain.errors import KnownError
from engine.domain.picture import Picture
from engine.imaging.color.plausibility import doubts, require_plausible, shared_colors
from engine.imaging.color.samples import GarmentSamples, garment_samples
from engine.imaging.color.transfer import fit_transfer
from engine.imaging.color.weave import Weave, WeavePair, measure_weaves
from engine.imaging.masks.flatlay import flatlay_mask

PHOTO = Path("CM7_on-model.jpg")
TWEED, SHIRTING = Weave(8.0, 3.0, 1.0), Weave(0.3, 3.0, 1.0)
PRINT = np.array([[45, 5, -30], [70, 40, 20], [85, 0, 5], [30, -25, 15], [60, -5, 50]], float)


def cloth(colors: np.ndarray, shares: list[float], seed: int, *, folds: float = 4) -> np.ndarray:
    """``(6000, 3)`` Lab: dyes in their shares, over folds that keep the chromaticity."""
    rng = np.random.default_rng(seed)
    lab = np.asarray(colors, float)[rng.choice(len(colors), 6000, p=shares)]
    lightness = np.clip(lab[:, :1] + folds * rng.standard_normal((6000, 1)), 1, 99)
    lab = np.concatenate([lightness, lab[:, 1:] * (lightness + 16) / (lab[:, :1] + 16)], axis=1)
    return (lab + rng.normal(0, 0.5, lab.shape)).astype(np.float32)


def printed(seed: int, shares: tuple[float, ...] = (0.2, 0.25, 0.25, 0.2, 0.1)) -> np.ndarray:
    return cloth(PRINT, list(shares), seed)


def plain(seed: int, color: tuple[float, float, float] = (55, 20, 10)) -> np.ndarray:
    return cloth(np.array([color]), [1.0], seed)


def matched(worn: np.ndarray, flat: np.ndarray) -> np.ndarray:
    return fit_transfer(worn, flat)(worn)


def test_another_cloth_is_refused_with_the_colour_difference_it_would_need() -> None:
    with pytest.raises(KnownError, match=r"another cloth.*model as on the flatlay.*ΔE00 23") as error:
        require_plausible(23.4, WeavePair(TWEED, SHIRTING), PHOTO)
    assert error.value.path == PHOTO
    assert "same article" in str(error.value)


def test_a_colour_beyond_any_recolouring_is_refused() -> None:
    with pytest.raises(KnownError, match="ΔE00 71"):
        require_plausible(71.2, None, PHOTO)


@pytest.mark.parametrize("weaves", [None, WeavePair(TWEED, TWEED), WeavePair(SHIRTING, SHIRTING)])
def test_one_cloth_recoloured_altogether_is_accepted(weaves: WeavePair | None) -> None:
    require_plausible(52, weaves, PHOTO)
    assert doubts(weaves, matched(plain(1), plain(2)), plain(2)) == ()


def test_a_somewhat_other_cloth_is_left_to_a_person() -> None:
    weaves = WeavePair(Weave(2.6, 3.0, 1.0), Weave(0.6, 3.0, 1.0))
    require_plausible(10, weaves, PHOTO)
    (sentence,) = doubts(weaves, plain(1), plain(1))
    assert "3.2 times" in sentence


def test_a_print_on_the_flatlay_of_a_plain_garment_is_doubted() -> None:
    worn, flat = plain(1), printed(2)
    (sentence,) = doubts(None, matched(worn, flat), flat)
    assert "not on the model" in sentence


def test_colours_that_the_flatlay_lacks_are_doubted() -> None:
    """Half a garment's worth of another one, as a slip of the mask leaves it."""
    worn = np.concatenate([plain(1), cloth(np.array([[35, -40, 30]]), [1.0], 3)])
    (sentence,) = doubts(None, worn, plain(2))
    assert "lacks 50%" in sentence


@pytest.mark.parametrize("shares", [(0.2, 0.25, 0.25, 0.2, 0.1), (0.25, 0.3, 0.2, 0.2, 0.05)])
def test_a_print_that_lies_otherwise_on_the_body_is_not_doubted(shares: tuple[float, ...]) -> None:
    worn, flat = printed(1, shares), printed(2)
    assert doubts(None, matched(worn, flat), flat) == ()


@pytest.mark.parametrize("lining", [0.05, 0.12, 0.2])
def test_a_lining_that_the_body_hides_is_not_doubted(lining: float) -> None:
    flat = cloth(np.array([[60, 15, 10], [14, 2, -3]]), [1 - lining, lining], 2)
    worn = plain(1, (45, 30, -40))
    assert doubts(None, matched(worn, flat), flat) == ()
    _, theirs = shared_colors(matched(worn, flat), flat)
    assert theirs == pytest.approx(1 - lining, abs=0.06)


def published(folder: Path, number: int) -> tuple[Picture, np.ndarray, Picture, np.ndarray]:
    """On-model photograph and flatlay with their masks, at half the size."""

    def read(path: Path) -> np.ndarray:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        assert image is not None, path
        return cv2.resize(image[..., ::-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)

    photo = read(folder / "input" / f"on_model{number}.jpg")
    mask = cv2.imread(str(folder / "garments" / f"on_model{number}.png"), cv2.IMREAD_GRAYSCALE)
    assert mask is not None
    flat = read(folder / "input" / f"still-life{number}.jpg")
    return (
        Picture(photo),
        cv2.resize(mask, photo.shape[1::-1], interpolation=cv2.INTER_AREA),
        Picture(flat),
        flatlay_mask(flat).alpha,
    )


@pytest.mark.realdata
def test_published_pairs_are_believed_and_their_neighbours_flatlays_are_not(shared_data: Path) -> None:
    """Woven in two colours, plain, striped, plain, knitted, plain: each neighbour is of another cloth."""
    numbers = (21, 18, 41, 7, 53, 13)
    pairs = [published(shared_data / "colour-pairs" / "train", number) for number in numbers]
    worn: list[GarmentSamples] = [garment_samples(photo, mask, "garment") for photo, mask, _, _ in pairs]
    flat: list[GarmentSamples] = [garment_samples(photo, mask, "flatlay") for _, _, photo, mask in pairs]

    def weaves(i: int, j: int) -> WeavePair | None:
        return measure_weaves(*pairs[i][:2], worn[i].box, *pairs[j][2:], flat[j].box)

    for i, number in enumerate(numbers):
        own = weaves(i, i)
        assert own is not None, number
        require_plausible(0, own, None)
        assert doubts(own, matched(worn[i].lab, flat[i].lab), flat[i].lab) == (), number
    swapped = [
        pair for i, j in pairwise(range(len(pairs))) for pair in (weaves(i, j), weaves(j, i)) if pair is not None
    ]
    assert np.mean([pair.disagreement > 2.5 for pair in swapped]) > 0.6
