"""How close `chromask run` comes to the truth on the 60 published pairs, with the program's own masks.

    chromask run ../shared/data/colour-pairs/train/input --out OUT --catalog OUT/catalog.db --engine classical
    python bench/first_light.py ../shared/data/colour-pairs/train OUT

Prints, for every pair that comes with a garment mask, the mean CIEDE2000 over that mask between the truth and the
degraded photograph (before) and the result (after), the IoU of the program's mask, and the largest change outside the
program's own mask; then the means. Pairs without a garment mask are measured over the whole picture only.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.spaces import pixels_to_lab


@dataclass(frozen=True)
class Row:
    """One pair; ``nan`` where it has no garment mask."""

    name: str
    before: float
    after: float
    iou: float
    outside: int
    whole_before: float
    whole_after: float


def read(path: Path) -> NDArray[np.uint8]:
    """``(H, W, 3)`` uint8 sRGB."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise SystemExit(f"cannot read {path}")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8)


def measure(data: Path, out: Path, name: str) -> Row:
    """Measure one pair."""
    photo, truth = read(data / "input" / f"{name}.jpg"), read(data / "truth" / f"{name}.jpg")
    result = read(out / f"{name}_matched.tif")
    mask = cv2.imread(str(out / f"{name}_garment-mask.png"), cv2.IMREAD_UNCHANGED)
    lab = [pixels_to_lab(picture, None) for picture in (photo, result, truth)]
    before, after = delta_E_2000(lab[0], lab[2]), delta_E_2000(lab[1], lab[2])
    changed = np.abs(photo.astype(int) - result).max(axis=2)
    garment_file = data / "garments" / f"{name}.png"
    inside_before = inside_after = iou = float("nan")
    if garment_file.exists():
        garment = cv2.imread(str(garment_file), cv2.IMREAD_GRAYSCALE) > 127
        found = mask > 127
        iou = float((garment & found).sum() / (garment | found).sum())
        inside_before, inside_after = float(before[garment].mean()), float(after[garment].mean())
    return Row(
        name, inside_before, inside_after, iou, int(changed[mask == 0].max()), float(before.mean()), float(after.mean())
    )


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    names = sorted((p.stem for p in (options.data / "input").glob("on_model*.jpg")), key=lambda n: int(n[8:]))
    done = [name for name in names if (options.out / f"{name}_matched.tif").exists()]
    rows = [measure(options.data, options.out, name) for name in done]
    print(f"{'pair':<12}{'before':>8}{'after':>8}{'IoU':>7}{'outside':>9}{'whole before':>14}{'whole after':>13}")
    for row in rows:
        print(
            f"{row.name:<12}{row.before:8.2f}{row.after:8.2f}{row.iou:7.3f}{row.outside:9d}"
            f"{row.whole_before:14.2f}{row.whole_after:13.2f}"
        )
    masked = [row for row in rows if not np.isnan(row.before)]
    print(
        f"{len(done)} of {len(names)} pairs have a result; {len(masked)} of them come with a garment mask:\n"
        f"  mean ΔE00 over the garment {np.mean([r.before for r in masked]):.2f} ->"
        f" {np.mean([r.after for r in masked]):.2f}"
        f" (median {np.median([r.before for r in masked]):.2f} -> {np.median([r.after for r in masked]):.2f}),"
        f" {sum(r.after > r.before for r in masked)} got worse\n"
        f"  mean IoU of the mask {np.mean([r.iou for r in masked]):.3f},"
        f" {sum(r.iou < 0.8 for r in masked)} below 0.8\n"
        f"  whole picture, all {len(rows)}: mean ΔE00 {np.mean([r.whole_before for r in rows]):.2f} ->"
        f" {np.mean([r.whole_after for r in rows]):.2f}\n"
        f"  largest change outside the program's own mask: {max(r.outside for r in rows)}"
    )
    missing = sorted(set(names) - set(done))
    if missing:
        print(f"  without a result (refused, see delta_e.csv): {', '.join(missing)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
