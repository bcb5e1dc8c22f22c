"""Measure the colour match on the photographs beside the checkout.

    python -m bench.color PAIRS [--out FOLDER] [--guides] [--mismatched]

PAIRS is the folder ``colour-pairs``: ``train/`` holds flatlays, on-model photographs with a degraded garment, their
truth and garment masks; ``kontext/N/`` holds pairs for an outside scorer, for which ``FOLDER/N.png`` is written.
The table compares the mean CIEDE2000 of the garment's pixels to the truth with that of other methods
(`bench/color_methods.py`) on the same masks. ``--mismatched`` lays wrong flatlays beside the photographs and counts how
many of them, and of the right ones, are refused or doubted.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from bench.color_methods import methods
from engine.domain.errors import KnownError
from engine.domain.picture import ColorGuide, Picture
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.match import match_garment
from engine.imaging.color.plausibility import IMPOSSIBLE_CLOTH, doubts
from engine.imaging.color.samples import garment_samples
from engine.imaging.color.spaces import pixels_to_lab
from engine.imaging.color.transfer import fit_transfer
from engine.imaging.color.weave import DIFFERENT_CLOTH, measure_weaves
from engine.imaging.guide_placement import place_guide
from engine.imaging.masks.flatlay import flatlay_mask

DRAWN = 8
"""Wrong flatlays per photograph; over 51 photographs a share is then known to 2 %."""


def read(path: Path) -> Picture:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SystemExit(f"cannot read {path}")
    return Picture(np.ascontiguousarray(image[..., ::-1]), path=path)


def srgb(picture: Picture, where: np.ndarray) -> np.ndarray:
    return picture.pixels[where].astype(np.float64) / 255


def train(folder: Path) -> None:
    others = methods()
    figures: dict[str, list[float]] = {name: [] for name in ("as photographed", *others, "Chromask")}
    seconds: dict[str, float] = dict.fromkeys(figures, 0.0)
    textures: list[float] = []
    for mask_path in sorted((folder / "garments").glob("on_model*.png"), key=lambda p: int(p.stem[8:])):
        number = int(mask_path.stem[8:])
        on_model, truth = (read(folder / kind / f"on_model{number}.jpg") for kind in ("input", "truth"))
        flatlay = read(folder / "input" / f"still-life{number}.jpg")
        alpha = cv2.imread(str(mask_path), cv2.IMREAD_GRAYSCALE)
        flat_alpha = flatlay_mask(np.asarray(flatlay.pixels, np.uint8)).alpha
        inside = cv2.erode(alpha, np.ones((5, 5), np.uint8)) > 127
        goal = pixels_to_lab(truth.pixels, None)[inside]

        def record(name: str, lab: np.ndarray, began: float, goal: np.ndarray = goal) -> None:
            seconds[name] += time.perf_counter() - began
            figures[name].append(float(delta_E_2000(lab, goal).mean()))

        record("as photographed", pixels_to_lab(on_model.pixels, None)[inside], time.perf_counter())
        pixels, samples, target = srgb(on_model, inside), srgb(on_model, alpha > 250), srgb(flatlay, flat_alpha > 250)
        for name, method in others.items():
            began = time.perf_counter()
            moved = np.rint(method(pixels, samples[::7], target[::7]) * 255).astype(np.uint8)
            record(name, pixels_to_lab(moved[None], None)[0], began)
        began = time.perf_counter()
        try:
            match = match_garment(on_model, alpha, flatlay, flat_alpha)
        except KnownError as error:
            raise SystemExit(f"pair {number} was refused: {error}") from error
        record("Chromask", pixels_to_lab(match.pixels, None)[inside], began)
        textures.append(match.texture)
        print(f"{number:4}", *(f"{name} {values[-1]:.2f}" for name, values in figures.items()), sep="  ")
    before = np.array(figures["as photographed"])
    print(f"\n{len(before)} pairs, the truth's masks: mean and median ΔE00 to the truth, pairs made worse, seconds")
    for name, values in figures.items():
        row = np.array(values)
        print(
            f"{name:26} {row.mean():6.2f} {np.median(row):6.2f} {int((row > before).sum()):4}",
            f"{seconds[name] / len(row):8.2f}",
        )
    print(f"texture of Chromask: mean {np.mean(textures):.4f}, least {min(textures):.4f}")


def mismatched(folder: Path) -> None:
    """Refusals and doubts for each photograph with its own flatlay and with `DRAWN` others."""
    photos, flats = [], []
    for mask_path in sorted((folder / "garments").glob("on_model*.png"), key=lambda p: int(p.stem[8:])):
        photo, flat = (
            read(folder / "input" / f"{kind}{mask_path.stem[8:]}.jpg") for kind in ("on_model", "still-life")
        )
        masks = cv2.imread(str(mask_path), cv2.IMREAD_GRAYSCALE), flatlay_mask(np.asarray(flat.pixels, np.uint8)).alpha
        photos.append((photo, masks[0], garment_samples(photo, masks[0], "garment")))
        flats.append((flat, masks[1], garment_samples(flat, masks[1], "flatlay")))
    random = np.random.default_rng(0)
    found: dict[str, list[tuple[float, bool]]] = {"right": [], "wrong": []}
    for i, (photo, alpha, worn) in enumerate(photos):
        others = random.choice([j for j in range(len(flats)) if j != i], DRAWN, replace=False)
        for j in (i, *others):
            flatlay, flat_alpha, flat = flats[j]
            pair = measure_weaves(photo, alpha, worn.box, flatlay, flat_alpha, flat.box)
            result = fit_transfer(worn.lab, flat.lab, weaves=pair)(worn.lab)
            factor = 1.0 if pair is None else pair.disagreement
            found["right" if j == i else "wrong"].append((factor, bool(doubts(pair, result, flat.lab))))
    for name, rows in found.items():
        factors, doubted = np.array(rows).T
        print(
            f"{name} flatlays {len(rows):4}: refused {np.mean(factors > IMPOSSIBLE_CLOTH):6.1%},",
            f"doubted or refused {np.mean(doubted):6.1%}, of another cloth {np.mean(factors > DIFFERENT_CLOTH):6.1%},",
            f"largest factor {factors.max():.2f}",
        )


def scored(folder: Path, out: Path, guides: bool) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for pair in sorted(p for p in folder.iterdir() if (p / "garment.png").exists()):
        on_model, flatlay = read(pair / "on_model.jpg"), read(pair / "flatlay.jpg")
        alpha = cv2.imread(str(pair / "garment.png"), cv2.IMREAD_GRAYSCALE)
        flat_alpha = flatlay_mask(np.asarray(flatlay.pixels, np.uint8)).alpha
        guide = None
        if guides:
            painted, covered = place_guide(read(pair / "kontext.jpg").pixels, on_model.pixels)
            guide = ColorGuide(painted, {"source": "kontext.jpg"}, covered)
        match = match_garment(on_model, alpha, flatlay, flat_alpha, guide)
        print(pair.name, match.strategy, f"strength {match.strength}", match.provenance, match.notices)
        cv2.imwrite(str(out / f"{pair.name}.png"), match.pixels[..., ::-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, nargs="?")
    parser.add_argument("--out", type=Path, help="write kontext/N.png here for an outside scorer")
    parser.add_argument("--guides", action="store_true", help="use the real painted guides of kontext/N")
    parser.add_argument("--mismatched", action="store_true", help="count the wrong flatlays that are found out")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.pairs and options.out:
        scored(options.pairs / "kontext", options.out, options.guides)
    elif options.pairs and options.mismatched:
        mismatched(options.pairs / "train")
    elif options.pairs:
        train(options.pairs / "train")


if __name__ == "__main__":
    main()
