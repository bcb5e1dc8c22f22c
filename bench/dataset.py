"""Rebuilds the published colour set from flatlays and true on-model photographs, and scores its garment masks.

    python bench/dataset.py ../shared/data/colour-pairs/train [--out FOLDER] [--no-labels] [--only 1,2,3]

Masks are compared at the canvas's size with the given garment masks, which are good to about two pixels of the
photograph, and at the photograph's own size by `bench/masks.py`. The same garment masks say how far the published
pairs were degraded.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.domain.geometry import Extent
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.spaces import pixels_to_lab
from engine.imaging.placement import draw_on
from engine.imaging.side_by_side import place_side_by_side
from engine.services.datasets.check import check_dataset
from engine.services.datasets.color_sets import ColorRecipe, color_set_from_folders


def read_rgb(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def canvas_mask(truth: np.ndarray, flatlay: np.ndarray) -> np.ndarray:
    """The given mask where the photograph lies on the canvas of whole pictures."""
    extents = [Extent(picture.shape[1], picture.shape[0]) for picture in (flatlay, truth)]
    placed = place_side_by_side(*extents)
    canvas = np.zeros((placed.canvas.height, placed.canvas.width, 3), np.uint8)
    draw_on(canvas, np.repeat(truth[..., None], 3, axis=2), placed.on_model)
    return canvas[..., 0] > 127


def published_distance(folder: Path, number: str, garment: np.ndarray) -> float:
    """Mean ΔE00 inside the garment between the published degraded photograph and its truth."""
    one, two = (read_rgb(folder / kind / f"on_model{number}.jpg") for kind in ("input", "truth"))
    inside = garment > 127
    return float(delta_E_2000(pixels_to_lab(one[inside][None], None), pixels_to_lab(two[inside][None], None)).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="colour-pairs/train")
    parser.add_argument("--out", type=Path, help="keep the set here")
    parser.add_argument("--only", default="", help="comma-separated numbers of pairs")
    parser.add_argument("--no-labels", action="store_true", help="find every garment out")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    only = set(filter(None, options.only.split(",")))
    numbers = [str(n) for n in range(1, 61) if not only or str(n) in only]
    labels = {} if options.no_labels else json.loads((options.folder / "garments.json").read_text())
    with tempfile.TemporaryDirectory() as scratch:
        pairs = Path(scratch) / "pairs.csv"
        rows = [
            f"{options.folder.absolute()}/truth/on_model{n}.jpg,{options.folder.absolute()}/input/still-life{n}.jpg,P{n}"
            for n in numbers
        ]
        pairs.write_text("\n".join(["on_model,flatlay,sku", *rows]) + "\n")
        out = options.out or Path(scratch) / "set"
        files = [Path(name) for row in rows for name in row.split(",")[:2]]
        # Whole photographs as published, and every mask, however unsure: they are what is measured.
        recipe = ColorRecipe(cropped=False, least_confidence=0.0)
        began = time.perf_counter()
        built = color_set_from_folders(files, out, recipe, labels=labels, pair_lists=[pairs])
        seconds = time.perf_counter() - began
        found = {example.name: example for example in built.manifest.examples}
        scores: list[tuple[float, float]] = []
        published: list[float] = []
        for n in numbers:
            given = options.folder / "garments" / f"on_model{n}.png"
            if not given.exists():
                continue
            truth = cv2.imread(str(given), cv2.IMREAD_GRAYSCALE)
            published.append(published_distance(options.folder, n, truth))
            example = found.get(f"on_model{n}")
            if example is None:
                print(f"{n:>3}  left out")
                continue
            wanted = canvas_mask(truth, read_rgb(options.folder / "input" / f"still-life{n}.jpg"))
            mask = cv2.imread(str(out / example.mask), cv2.IMREAD_GRAYSCALE) > 127
            iou = float((mask & wanted).sum() / (mask | wanted).sum())
            scores.append((iou, example.confidence))
            print(f"{n:>3}  IoU {iou:.3f}  confidence {example.confidence:.2f}  ΔE00 {example.delta_E:5.1f}"
                  f" (published {published[-1]:5.1f})  {example.caption}", flush=True)  # fmt: skip
        for finding in built.findings:
            print(finding)
        iou, sure = np.array(scores).T
        distances = [example.delta_E for example in built.manifest.examples]
        print(
            f"{len(found)} of {len(numbers)} pairs in {seconds:.0f} s; {len(iou)} with a given mask: mean IoU"
            f" {iou.mean():.3f}, median {np.median(iou):.3f}, {(iou >= 0.9).sum()} at 0.9 and more, {(iou < 0.7).sum()}"
            f" below 0.7; of the {(sure >= 0.5).sum()} with confidence 0.5 and more: {iou[sure >= 0.5].mean():.3f}"
        )
        print(
            f"ΔE00 of the wrong colours {min(distances):.1f} to {max(distances):.1f}; published ones"
            f" {min(published):.1f} to {max(published):.1f}, mean {np.mean(published):.1f}"
        )
        began = time.perf_counter()
        _, findings = check_dataset(out)
        print(f"checked in {time.perf_counter() - began:.0f} s: {len(findings)} findings")
        for finding in findings:
            print(f"  {finding.severity.value}: {finding}")


if __name__ == "__main__":
    main()
