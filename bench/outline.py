"""Knots, deviation and seconds of the paths drawn around masks of 48 megapixels.

    python -m bench.outline [--garments 3]

Garments of drawn scenes at 6,000 x 8,000: with their soft edge, with a hard one, and with a noisy one. Each path goes
into a JPEG as its clipping path; ImageMagick cuts the picture out, and what is left is compared with the mask
(intersection over union; -- where ImageMagick is absent). Seconds are of one core's own time.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.domain.geometry import Extent
from engine.domain.picture import Picture
from engine.imaging.drawn.scene import draw_scene
from engine.imaging.outline import outline
from engine.imaging.psd.paths import VectorPath
from engine.imaging.raster.jpeg_write import write_jpeg

if TYPE_CHECKING:
    from engine.domain.picture import Alpha

WIDTH, HEIGHT = 6000, 8000


def masks(seed: int) -> dict[str, Alpha]:
    """Drawn at a quarter of the size, where a scene takes a second, and enlarged."""
    small = draw_scene(seed, Extent(WIDTH // 4, HEIGHT // 4)).garment_mask
    soft = np.asarray(cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)
    grain = np.random.default_rng(seed).normal(0, 160, (HEIGHT, WIDTH)).astype(np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), 1.5)  # leaves a standard deviation of 30 levels
    noisy = np.clip(cv2.GaussianBlur(soft, (0, 0), 3) + grain, 0, 255).astype(np.uint8)
    return {"soft": soft, "hard": np.where(soft > 127, 255, 0).astype(np.uint8), "noisy": noisy}


def cut_out(path: Path) -> Alpha | None:
    """The clipping path as ImageMagick draws it, ``(H, W)`` uint8."""
    program = shutil.which("convert-im6.q16") or shutil.which("magick")
    if program is None:
        return None
    options = "-alpha transparent -clip -alpha opaque +clip -alpha extract -depth 8 gray:-"
    run = subprocess.run([program, str(path), *options.split()], check=True, capture_output=True)
    return np.frombuffer(run.stdout, np.uint8).reshape(HEIGHT, WIDTH)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--garments", type=int, default=3, help="drawn scenes")
    picture = Picture(np.full((HEIGHT, WIDTH, 3), 128, np.uint8))
    print(f"{'seed':>4} {'edge':>6} {'subpaths':>9} {'knots':>6} {'IoU':>8} {'seconds':>8}")
    for seed in range(1, parser.parse_args().garments + 1):
        for edge, alpha in masks(seed).items():
            start = time.process_time()
            subpaths = outline(alpha)
            seconds = time.process_time() - start
            knots = sum(len(subpath.knots) for subpath in subpaths)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "clipped.jpg"
                notices = write_jpeg(path, picture, paths=[VectorPath("Garment", subpaths)], clipping="Garment")
                found = cut_out(path)
            inside, wanted = found is not None and found > 127, alpha > 127
            agreement = f"{(inside & wanted).sum() / (inside | wanted).sum():.5f}" if found is not None else "--"
            print(f"{seed:>4} {edge:>6} {len(subpaths):>9} {knots:>6} {agreement:>8} {seconds:>8.2f}", *notices)


if __name__ == "__main__":
    main()
