"""What good and bad colour guides do to a match, on photographs whose true colour is known.

    python -m bench.color_guides PAIRS [--first 2] [--every 5]

PAIRS is the folder ``colour-pairs`` (see `bench.color`). A guide is made of the truth: as it is, or spoilt in one way.
Only the garment is spoilt unless the kind says otherwise, so that nothing around it gives the guide away. The table has
the mean ΔE00 of the garment's pixels to the truth, of the match without a guide and with it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from bench.color import read
from engine.domain.picture import ColorGuide, Picture
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.match import match_garment
from engine.imaging.color.spaces import lab_to_pixels, pixels_to_lab
from engine.imaging.masks.flatlay import flatlay_mask

_SIDE = 500
"""Longest side of the pictures in pixels; a colour needs no more."""


def small(rgb: np.ndarray) -> np.ndarray:
    scale = _SIDE / max(rgb.shape[:2])
    return np.ascontiguousarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def fields(shape: tuple[int, int], sigma: float, random: np.random.Generator) -> np.ndarray:
    """Broad random differences, of deviation 1."""
    found = cv2.GaussianBlur(random.standard_normal((*shape, 3)), (0, 0), sigma)
    return found / found.std(axis=(0, 1))


def spoilt(
    photo: np.ndarray, truth: np.ndarray, alpha: np.ndarray, other: np.ndarray
) -> Iterator[tuple[str, np.ndarray]]:
    """Guides by what they are."""
    random = np.random.default_rng(0)
    height, width = alpha.shape
    side = int(max(np.ptp(axis) for axis in np.nonzero(alpha > 127)))
    share = alpha[..., None] / 255

    def worn(painted: np.ndarray) -> np.ndarray:
        return np.rint(photo * (1 - share) + painted * share).astype(np.uint8)

    def rgb(lab: np.ndarray) -> np.ndarray:
        return np.asarray(lab_to_pixels(lab.astype(np.float32), None, np.uint8))

    def shifted(by: float) -> np.ndarray:
        matrix = np.array([[1, 0, by], [0, 1, by / 2]], np.float64)
        return cv2.warpAffine(truth, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)

    def noisy(deviation: float) -> np.ndarray:
        return np.clip(truth + random.normal(0, deviation, truth.shape), 0, 255).astype(np.uint8)

    truth = worn(truth)
    lab = pixels_to_lab(truth, None)
    cos, sin = np.cos(np.radians(40)), np.sin(np.radians(40))
    yield "the truth", truth
    yield "with a little noise", noisy(4)
    yield "shifted by 1 % of the garment", shifted(0.01 * side)
    yield "3 L too light", worn(rgb(lab + np.array([3, 0, 0])))
    yield "8 L too light", worn(rgb(lab + np.array([8, 0, 0])))
    yield "8 L too dark", worn(rgb(lab - np.array([8, 0, 0])))
    yield "15 L too light", worn(rgb(lab + np.array([15, 0, 0])))
    yield "hue turned by 40°", worn(rgb(np.dstack([lab[..., 0], lab[..., 1:] @ np.array([[cos, sin], [-sin, cos]])])))
    yield "half-way from the photograph", worn(rgb((lab + pixels_to_lab(photo, None)) / 2))
    yield "another garment", worn(cv2.resize(other, (width, height), interpolation=cv2.INTER_AREA))
    yield "one flat colour", worn(np.broadcast_to(np.median(truth[alpha > 250], axis=0), truth.shape))
    yield "shifted by 12 % of the garment", shifted(0.12 * side)
    yield "blurred, all of it", cv2.GaussianBlur(truth, (0, 0), side / 20)
    yield "roughly painted, all of it", rgb(lab + 6 * fields(alpha.shape, side / 4, random))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--first", type=int, default=2, help="number of the first pair in their order, from 0")
    parser.add_argument("--every", type=int, default=5)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    folder = options.pairs / "train"
    numbers = sorted(int(mask.stem[8:]) for mask in (folder / "garments").glob("on_model*.png"))
    rows: dict[str, list[tuple[float, float, bool]]] = {}
    for k in range(options.first, len(numbers), options.every):
        photo, truth = (small(read(folder / kind / f"on_model{numbers[k]}.jpg").pixels) for kind in ("input", "truth"))
        other = small(read(folder / "truth" / f"on_model{numbers[(k + 7) % len(numbers)]}.jpg").pixels)
        alpha = small(
            np.asarray(cv2.imread(str(folder / "garments" / f"on_model{numbers[k]}.png"), cv2.IMREAD_GRAYSCALE))
        )
        flatlay = small(read(folder / "input" / f"still-life{numbers[k]}.jpg").pixels)
        flat_alpha = flatlay_mask(flatlay).alpha
        inside = cv2.erode(alpha, np.ones((3, 3), np.uint8)) > 127
        goal = pixels_to_lab(truth[inside][None], None)

        def matched(
            guide: ColorGuide | None,
            case: tuple[np.ndarray, ...] = (photo, alpha, flatlay, flat_alpha, inside, goal),
        ) -> tuple[float, bool]:
            photo, alpha, flatlay, flat_alpha, inside, goal = case
            match = match_garment(Picture(photo), alpha, Picture(flatlay), flat_alpha, guide)
            lab = pixels_to_lab(match.pixels[inside][None], None)
            return float(delta_E_2000(lab, goal).mean()), float(match.provenance.get("guide_weight", 0)) > 0

        plain, _ = matched(None)
        for kind, guide in spoilt(photo, truth, alpha, other):
            rows.setdefault(kind, []).append((plain, *matched(ColorGuide(guide, {}))))
    print(
        f"| {len(rows['the truth'])} pairs, guides | without | with | worst | kept |\n| --- | --- | --- | --- | --- |"
    )
    for kind, found in rows.items():
        without, guided, kept = np.array(found).T
        worst = float((guided - without).max())
        print(f"| {kind} | {without.mean():.2f} | {guided.mean():.2f} | {worst:+.2f} | {int(kept.sum())} |")


if __name__ == "__main__":
    main()
