"""Classical garment masks against truth masks: their intersection over union, and whether their confidence is right.

    python bench/masks.py ../shared/data/colour-pairs [--sheet FOLDER] [--only 1,3,k2] [--no-labels]
    python bench/masks.py --drawn FOLDER [--count 320] [--seed 0] [--sheet FOLDER] [--only NAME,NAME]

Real pairs: odd ones are the development half, even ones the test half; ``kontext/N`` are printed as kN. Truth holds to
about two pixels, so that 0.98 is as good as it gets. Drawn pictures: a demo batch of 480 × 600 pixels, drawn into
FOLDER when it is not there yet, no labels given; names are SKU and view.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.imaging.drawn import truth_folder, write_demo_set
from engine.imaging.masks.flatlay import flatlay_mask
from engine.imaging.masks.garment import garment_mask
from engine.imaging.masks.garments import GarmentCategory, category_of

RIGHT, WRONG, CONFIDENT = 0.9, 0.7, 0.5
"""IoU from which on a mask needs no more than a touch of the brush; below which it is of another garment or of half of
one; the confidence from which on nobody looks at it."""


@dataclass(frozen=True)
class Case:
    """A pair with a truth mask; ``group`` is reported on its own."""

    name: str
    on_model: Path
    flatlay: Path
    truth: Path
    hint: GarmentCategory | None
    group: str


@dataclass(frozen=True, eq=False)
class Score:
    """What came of a case; ``mask`` is None where nothing was found."""

    case: Case
    iou: float
    confidence: float
    category: str
    seconds: float
    notices: tuple[str, ...]
    mask: np.ndarray | None


def real_cases(folder: Path, *, with_labels: bool) -> list[Case]:
    """Every pair of colour-pairs that has a truth mask."""
    found = []
    labels = json.loads((folder / "train" / "garments.json").read_text())

    def hint(label: str) -> GarmentCategory | None:
        return category_of(label) if with_labels else None

    for truth in sorted((folder / "train" / "garments").glob("on_model*.png"), key=lambda p: int(p.stem[8:])):
        number = truth.stem[8:]
        inputs = folder / "train" / "input"
        on_model, still = inputs / f"on_model{number}.jpg", inputs / f"still-life{number}.jpg"
        group = "train, odd (development)" if int(number) % 2 else "train, even (test)"
        found.append(Case(number, on_model, still, truth, hint(labels[still.name]), group))
    for pair in sorted((folder / "kontext").iterdir()):
        label = json.loads((pair / "geometry.json").read_text())["label"]
        files = (pair / "on_model.jpg", pair / "flatlay.jpg", pair / "garment.png")
        found.append(Case(f"k{pair.name}", *files, hint(label), "kontext"))
    return found


def drawn_cases(folder: Path, count: int, seed: int) -> list[Case]:
    """Every picture of a drawn batch, which is written first where the folder has none; a group for every garment."""
    listing = truth_folder(folder.absolute()) / "truth.json"
    if not listing.exists():
        write_demo_set(folder, count, seed, Extent(480, 600))
    root = listing.parent.parent
    found = []
    for pair in json.loads(listing.read_text())["pairs"][:count]:
        files = (root / pair[key] for key in ("on_model", "flatlay", "garment_mask"))
        found.append(Case(f"{pair['sku']}-{pair['view']}", *files, None, pair["garment"]))
    return found


def read_rgb(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def read_truth(case: Case) -> np.ndarray:
    return cv2.imread(str(case.truth), cv2.IMREAD_GRAYSCALE) > 127


def measure(case: Case) -> Score:
    cv2.setNumThreads(1)
    rgb, still, truth = read_rgb(case.on_model), read_rgb(case.flatlay), read_truth(case)
    started = time.perf_counter()
    try:
        result = garment_mask(rgb, still, flatlay_mask(still).alpha, case.hint)
    except KnownError as error:
        return Score(case, 0.0, 0.0, "-", time.perf_counter() - started, (str(error),), None)
    seconds = time.perf_counter() - started
    mask = result.alpha > 127
    iou = float((mask & truth).sum() / max(1, (mask | truth).sum()))
    return Score(case, iou, result.confidence, result.category.value, seconds, result.notices, mask)


def overlay(score: Score) -> np.ndarray:
    """Green: both; red: too much; blue: missed; the flatlay in the corner. As BGR, 264 × 330."""
    truth = read_truth(score.case)
    mask = np.zeros_like(truth) if score.mask is None else score.mask
    view = read_rgb(score.case.on_model)[..., ::-1].astype(np.float32)
    for where, colour in ((mask & truth, (0, 255, 0)), (mask & ~truth, (0, 0, 255)), (truth & ~mask, (255, 0, 0))):
        view[where] = 0.5 * view[where] + 0.5 * np.array(colour, np.float32)
    canvas = np.full((330, 264, 3), 90, np.uint8)
    for picture, height, width in ((view, 330, 264), (read_rgb(score.case.flatlay)[..., ::-1], 90, 72)):
        scale = min(width / picture.shape[1], height / picture.shape[0])
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        bottom = 330 if height < 330 else small.shape[0]
        canvas[bottom - small.shape[0] : bottom, : small.shape[1]] = small
    caption = f"{score.case.name} {score.iou:.2f} c{score.confidence:.2f}"
    cv2.putText(canvas, caption, (3, 16), 0, 0.5, (0, 0, 0), 2)
    return canvas


def write_sheets(folder: Path, scores: list[Score]) -> None:
    """Contact sheets of 27 overlays each."""
    folder.mkdir(parents=True, exist_ok=True)
    for page in range(0, len(scores), 27):
        tiles = [overlay(score) for score in scores[page : page + 27]]
        tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 9)
        sheet = np.vstack([np.hstack(tiles[start : start + 9]) for start in range(0, len(tiles), 9)])
        cv2.imwrite(str(folder / f"masks{page // 27}.jpg"), sheet)


def report(title: str, scores: list[Score]) -> None:
    """One line on how good masks are, one on how far their confidence can be trusted."""
    ious, sure = (np.array([getattr(score, name) for score in scores]) for name in ("iou", "confidence"))
    lost = np.array([score.mask is None for score in scores])
    print(
        f"{title}: {len(ious)} pairs, mean IoU {ious.mean():.3f}, median {np.median(ious):.3f}, below 0.8: "
        f"{(ious < 0.8).sum()}\n    not found {lost.mean():.1%}, IoU >= {RIGHT}: {(ious >= RIGHT).mean():.1%}, "
        f"confident but IoU < {WRONG}: {((sure >= CONFIDENT) & (ious < WRONG)).mean():.1%}, "
        f"unsure but IoU >= {RIGHT}: {((sure < CONFIDENT) & (ious >= RIGHT)).mean():.1%}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="the colour-pairs")
    parser.add_argument("--drawn", type=Path, help="a drawn batch instead")
    parser.add_argument("--count", type=int, default=320, help="drawn pictures")
    parser.add_argument("--seed", type=int, default=0, help="of the drawn pictures")
    parser.add_argument("--sheet", type=Path, help="write contact sheets of overlays into this folder, worst first")
    parser.add_argument("--only", default="", help="comma-separated names")
    parser.add_argument("--no-labels", action="store_true", help="find every category out")
    parser.add_argument("--jobs", type=int, default=1, help="processes; 1 for times that mean something")
    options = parser.parse_args()
    if (options.folder is None) == (options.drawn is None):
        parser.error("name the folder of the pairs, or --drawn FOLDER")
    if options.drawn is None:
        cases = real_cases(options.folder, with_labels=not options.no_labels)
    else:
        cases = drawn_cases(options.drawn, options.count, options.seed)
    only = set(filter(None, options.only.split(",")))
    cases = [case for case in cases if not only or case.name in only]
    scores = []
    print("pair  IoU    confidence  category  seconds  notices")
    with ProcessPoolExecutor(options.jobs) as pool:
        for score in pool.map(measure, cases):
            scores.append(score)
            print(
                f"{score.case.name:>4}  {score.iou:.3f}  {score.confidence:.3f}       {score.category:8}  "
                f"{score.seconds:5.2f}   {' '.join(score.notices)}",
                flush=True,
            )
    for group in dict.fromkeys(case.group for case in cases):
        report(group, [score for score in scores if score.case.group == group])
    report("all", scores)
    if len(scores) > 2:
        values = np.array([(score.iou, score.confidence) for score in scores])
        rank = np.argsort(np.argsort(values, axis=0), axis=0)
        print(
            f"confidence against IoU: Pearson {np.corrcoef(values.T)[0, 1]:.2f}, "
            f"Spearman {np.corrcoef(rank.T)[0, 1]:.2f}"
        )
    if options.sheet:
        write_sheets(options.sheet, sorted(scores, key=lambda score: score.iou))


if __name__ == "__main__":
    main()
