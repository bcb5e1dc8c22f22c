"""Intersection over union of the classical garment masks against the truth masks of colour-pairs.

    python bench/masks.py ../shared/data/colour-pairs [--sheet FOLDER] [--only 1,3,k2]

Odd pairs are the development half, even pairs the test half; ``kontext/N`` are printed as kN. Truth holds to about two
pixels, so that 0.98 is as good as it gets.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.domain.errors import KnownError
from engine.imaging.masks.flatlay import flatlay_mask
from engine.imaging.masks.garment import garment_mask
from engine.imaging.masks.garments import category_of


def cases(folder: Path) -> list[tuple[str, Path, Path, Path, str]]:
    """(name, on-model, flatlay, truth mask, label) of every pair that has a truth mask."""
    found = []
    labels = json.loads((folder / "train" / "garments.json").read_text())
    for truth in sorted((folder / "train" / "garments").glob("on_model*.png"), key=lambda p: int(p.stem[8:])):
        number = truth.stem[8:]
        inputs = folder / "train" / "input"
        label = labels[f"still-life{number}.jpg"]
        found.append((number, inputs / f"on_model{number}.jpg", inputs / f"still-life{number}.jpg", truth, label))
    for pair in sorted((folder / "kontext").iterdir()):
        label = json.loads((pair / "geometry.json").read_text())["label"]
        found.append((f"k{pair.name}", pair / "on_model.jpg", pair / "flatlay.jpg", pair / "garment.png", label))
    return found


def read_rgb(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def overlay(rgb: np.ndarray, mask: np.ndarray, truth: np.ndarray, caption: str) -> np.ndarray:
    """Green: both; red: too much; blue: missed. As BGR, 264 × 330."""
    view = rgb[..., ::-1].astype(np.float32)
    for where, colour in ((mask & truth, (0, 255, 0)), (mask & ~truth, (0, 0, 255)), (truth & ~mask, (255, 0, 0))):
        view[where] = 0.5 * view[where] + 0.5 * np.array(colour, np.float32)
    scale = min(264 / view.shape[1], 330 / view.shape[0])
    view = cv2.resize(view, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = np.full((330, 264, 3), 90, np.uint8)
    canvas[: view.shape[0], : view.shape[1]] = view
    cv2.putText(canvas, caption, (3, 16), 0, 0.5, (0, 0, 0), 2)
    return canvas


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sheet", type=Path, help="write contact sheets of overlays into this folder")
    parser.add_argument("--only", default="", help="comma-separated names")
    parser.add_argument("--no-labels", action="store_true", help="find every category out")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    only = set(filter(None, options.only.split(",")))
    rows, tiles = [], []
    print("pair  IoU    confidence  category  seconds  notices")
    for name, on_model, flatlay, truth_path, label in cases(options.folder):
        if only and name not in only:
            continue
        rgb, still = read_rgb(on_model), read_rgb(flatlay)
        truth = cv2.imread(str(truth_path), cv2.IMREAD_GRAYSCALE) > 127
        started = time.perf_counter()
        try:
            garment = flatlay_mask(still)
            result = garment_mask(rgb, still, garment.alpha, None if options.no_labels else category_of(label))
            mask, confidence, category, notices = result.alpha > 127, result.confidence, result.category, result.notices
        except KnownError as error:
            mask, confidence, category, notices = np.zeros(truth.shape, bool), 0.0, "-", (str(error),)
        seconds = time.perf_counter() - started
        iou = float((mask & truth).sum() / max(1, (mask | truth).sum()))
        rows.append((name, iou, confidence))
        tiles.append(overlay(rgb, mask, truth, f"{name} {iou:.2f} c{confidence:.2f}"))
        print(
            f"{name:>4}  {iou:.3f}  {confidence:.3f}       {category:8}  {seconds:5.2f}   {' '.join(notices)}",
            flush=True,
        )

    def report(title: str, chosen: list[tuple[str, float, float]]) -> None:
        if chosen:
            ious = np.array([row[1] for row in chosen])
            print(
                f"{title}: {len(ious)} pairs, mean IoU {ious.mean():.3f}, median {np.median(ious):.3f}, "
                f"below 0.8: {(ious < 0.8).sum()}"
            )

    train = [row for row in rows if not row[0].startswith("k")]
    report("train, odd (development)", [row for row in train if int(row[0]) % 2])
    report("train, even (test)", [row for row in train if not int(row[0]) % 2])
    report("train, all", train)
    report("kontext", [row for row in rows if row[0].startswith("k")])
    if len(rows) > 2:
        values = np.array([row[1:] for row in rows])
        rank = np.argsort(np.argsort(values, axis=0), axis=0)
        print(
            f"confidence against IoU: Pearson {np.corrcoef(values.T)[0, 1]:.2f}, "
            f"Spearman {np.corrcoef(rank.T)[0, 1]:.2f}"
        )
        sure = values[:, 1] >= 0.5
        if sure.any() and not sure.all():
            print(
                f"confidence >= 0.5: {sure.sum()} pairs, mean IoU {values[sure, 0].mean():.3f}; "
                f"below: {(~sure).sum()} pairs, mean IoU {values[~sure, 0].mean():.3f}"
            )
    if options.sheet:
        options.sheet.mkdir(parents=True, exist_ok=True)
        for page in range(0, len(tiles), 27):
            part = tiles[page : page + 27]
            part += [np.zeros_like(tiles[0])] * (-len(part) % 9)
            sheet = np.vstack([np.hstack(part[start : start + 9]) for start in range(0, len(part), 9)])
            cv2.imwrite(str(options.sheet / f"masks{page // 27}.jpg"), sheet)


if __name__ == "__main__":
    main()
