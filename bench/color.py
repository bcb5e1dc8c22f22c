"""Measure the colour match on the photographs beside the checkout, and its speed on a drawn 24-megapixel picture.

    python -m bench.color PAIRS [--out FOLDER] [--guides] [--speed]

PAIRS is the folder ``colour-pairs``: ``train/`` holds flatlays, on-model photographs with a degraded garment, their
truth and garment masks; ``kontext/N/`` holds pairs for an outside scorer, for which ``FOLDER/N.png`` is written.
Columns: mean CIEDE2000 per garment pixel against the truth, of the input, of Reinhard's method in Lab (mean and
standard deviation of each channel, limited to a third and three times) and of `match_garment`, then its texture, its
strength, and ΔE00 of the garment against the flatlay before and after.
"""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from engine.domain.errors import KnownError
from engine.domain.picture import ColorGuide, Picture
from engine.domain.requests import Tolerance
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.match import match_garment
from engine.imaging.color.quality import garment_report
from engine.imaging.color.samples import garment_samples
from engine.imaging.color.spaces import pixels_to_lab
from engine.imaging.masks.flatlay import flatlay_mask


def read(path: Path) -> Picture:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SystemExit(f"cannot read {path}")
    return Picture(np.ascontiguousarray(image[..., ::-1]), path=path)


def reinhard(source: np.ndarray, samples: np.ndarray, target: np.ndarray) -> np.ndarray:
    gain = np.clip(target.std(axis=0) / samples.std(axis=0), 1 / 3, 3)
    return (source - samples.mean(axis=0)) * gain + target.mean(axis=0)


def train(folder: Path) -> None:
    rows: list[tuple[float, ...]] = []
    print("pair   before reinhard   match texture strength | flatlay before  after")
    for mask_path in sorted((folder / "garments").glob("on_model*.png"), key=lambda p: int(p.stem[8:])):
        number = int(mask_path.stem[8:])
        on_model, truth = (read(folder / kind / f"on_model{number}.jpg") for kind in ("input", "truth"))
        flatlay = read(folder / "input" / f"still-life{number}.jpg")
        alpha = cv2.imread(str(mask_path), cv2.IMREAD_GRAYSCALE)
        if truth.extent != on_model.extent or alpha.shape != on_model.pixels.shape[:2]:
            print(f"{number:4}   skipped: photograph, truth and mask differ in size")
            continue
        flat_alpha = flatlay_mask(np.asarray(flatlay.pixels, np.uint8)).alpha
        try:
            match = match_garment(on_model, alpha, flatlay, flat_alpha)
        except KnownError as error:
            print(f"{number:4}   refused: {error}")
            continue
        inside = cv2.erode(alpha, np.ones((5, 5), np.uint8)) > 127
        before, goal, after = (pixels_to_lab(p, None)[inside] for p in (on_model.pixels, truth.pixels, match.pixels))
        plain = reinhard(
            before,
            garment_samples(on_model, alpha, "garment").lab,
            garment_samples(flatlay, flat_alpha, "flatlay").lab,
        )
        result = replace(on_model, pixels=match.pixels)
        reports = [garment_report(p, alpha, flatlay, flat_alpha, Tolerance(), "garment") for p in (on_model, result)]
        figures = [float(delta_E_2000(x, goal).mean()) for x in (before, plain, after)]
        rows.append((*figures, match.texture, match.strength, *(r.delta_E for r in reports), match.outside_max_change))
        row = rows[-1]
        print(
            f"{number:4} {row[0]:8.2f} {row[1]:8.2f} {row[2]:7.2f} {row[3]:7.4f} {row[4]:8.2f}",
            f"| {row[5]:14.2f} {row[6]:6.2f}",
        )
    table = np.array(rows)
    worse = int((table[:, 2] > table[:, 0]).sum())
    print(f"mean of {len(table)}: before {table[:, 0].mean():.2f}, Reinhard {table[:, 1].mean():.2f},", end=" ")
    print(f"match {table[:, 2].mean():.2f} (median {np.median(table[:, 2]):.2f});", end=" ")
    print(f"{worse} got worse; match better than Reinhard in {int((table[:, 2] < table[:, 1]).sum())};", end=" ")
    print(f"texture mean {table[:, 3].mean():.4f}, least {table[:, 3].min():.4f}; outside {int(table[:, 7].max())}")


def real_guide(folder: Path, extent: tuple[int, int]) -> ColorGuide:
    """The painted right half of a real side-by-side output, laid over the photograph."""
    geometry = json.loads((folder / "geometry.json").read_text())
    to_photo = np.asarray(geometry["side_by_side_to_on_model"], float)[:2]
    painted, control = read(folder / "kontext.jpg").pixels, read(folder / "side_by_side.jpg").pixels
    painted = cv2.resize(painted, control.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    pixels = cv2.warpAffine(painted, to_photo, extent, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return ColorGuide(np.asarray(pixels, np.uint8), {"source": "kontext.jpg"})


def scored(folder: Path, out: Path, guides: bool) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for pair in sorted(p for p in folder.iterdir() if (p / "garment.png").exists()):
        on_model, flatlay = read(pair / "on_model.jpg"), read(pair / "flatlay.jpg")
        alpha = cv2.imread(str(pair / "garment.png"), cv2.IMREAD_GRAYSCALE)
        flat_alpha = flatlay_mask(np.asarray(flatlay.pixels, np.uint8)).alpha
        guide = real_guide(pair, (on_model.extent.width, on_model.extent.height)) if guides else None
        match = match_garment(on_model, alpha, flatlay, flat_alpha, guide)
        print(pair.name, match.strategy, f"strength {match.strength}", match.provenance, match.notices)
        cv2.imwrite(str(out / f"{pair.name}.png"), match.pixels[..., ::-1])


def speed() -> None:
    """A whole match, mask given, of a drawn 6000 × 4000 picture whose garment fills a third of the frame."""
    random = np.random.default_rng(0)
    for dtype, full in ((np.uint8, 255), (np.uint16, 65535)):
        shade = np.linspace(0.25, 0.6, 4000, dtype=np.float32)[:, None, None] * np.ones((1, 6000, 3), np.float32)
        shade *= np.array([1.0, 0.7, 0.5], np.float32)
        shade[:, :, 1] += 0.02 * random.standard_normal((4000, 6000), np.float32)
        pixels = np.clip(shade * full, 0, full).astype(dtype)
        del shade
        alpha = np.zeros((4000, 6000), np.uint8)
        alpha[500:3500, 1700:4400] = 255
        flatlay = Picture(np.ascontiguousarray(pixels[::3, ::3, ::-1]))
        flat_alpha = np.ascontiguousarray(alpha[::3, ::3])
        start = time.perf_counter()
        match = match_garment(Picture(pixels), alpha, flatlay, flat_alpha)
        seconds = time.perf_counter() - start
        tracemalloc.start()  # NumPy reports its arrays to it; it costs time, so the clock ran without it
        match_garment(Picture(pixels), alpha, flatlay, flat_alpha)
        grown = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        print(
            f"24 megapixels {np.dtype(dtype).name}: {seconds:.2f} s,",
            f"strength {match.strength}, texture {match.texture:.4f},",
            end=" ",
        )
        print(f"peak extra memory {grown:.0f} MiB, of which the result is {match.pixels.nbytes / 2**20:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, nargs="?")
    parser.add_argument("--out", type=Path, help="write kontext/N.png here for an outside scorer")
    parser.add_argument("--guides", action="store_true", help="use the real painted guides of kontext/N")
    parser.add_argument("--speed", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.speed:
        speed()
    if options.pairs and options.out:
        scored(options.pairs / "kontext", options.out, options.guides)
    elif options.pairs:
        train(options.pairs / "train")


if __name__ == "__main__":
    main()
