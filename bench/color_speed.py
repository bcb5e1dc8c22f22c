"""Speed and memory of CIEDE2000 maps and of a whole colour match, on 24 megapixels.

    python -m bench.color_speed [--only difference|accuracy|match] [--repeats 3] [--keep FOLDER]

difference   ours, colour-science and scikit-image (`pip install .[bench]`) on the same 24 million pairs of float32 Lab,
             one after another in processes of their own, ours before, between and after the others (median). The extra
             memory is the process's peak above what it held before the call, so the result itself counts.
accuracy     our compiled and NumPy paths against colour-science on a million random pairs.
match        `chromask color match ON_MODEL FLATLAY -o OUT.tif --mask MASK` on a drawn 24-megapixel JPEG, a process from
             start to end: seconds, processor seconds and peak memory; then the same to a 16-bit TIFF, with its stages.

Seconds depend on the machine and on what else runs there; the ratios within one run are what counts. Needs Linux or
macOS (`os.wait4`).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
WIDTH, HEIGHT = 4000, 6000
METHODS = ("ours", "colour-science", "scikit-image")
GOALS = {"colour-science": 15, "scikit-image": 8}
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, getrusage(2)


def child(*arguments: str) -> dict:
    """What a step, run in a process of its own, printed as JSON."""
    command = [sys.executable, "-m", "bench.color_speed", "--step", *arguments]
    done = subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout.splitlines()[-1])


def timed(command: list[str]) -> tuple[float, float, float]:
    """Seconds, processor seconds and peak MiB of a program.

    This process stays small, since a child's peak starts with its parent's.
    """
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=CHECKOUT, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)}\n{said.read().decode()}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _RSS_UNIT / 2**20


def lab_pairs(count: int):
    """Two maps ``(count, 3)`` float32: half like a match and its truth, half unlike each other."""
    import numpy as np

    random = np.random.default_rng(0)
    one, two = np.empty((count, 3), np.float32), np.empty((count, 3), np.float32)
    low, span = np.array([0, -110, -110], np.float32), np.array([100, 220, 220], np.float32)
    for start in range(0, count, 1_000_000):
        part = slice(start, min(start + 1_000_000, count))
        shape = one[part].shape
        one[part] = low + span * random.random(shape, np.float32)
        near = np.arange(shape[0]) % 2 == 0
        far = low + span * random.random(shape, np.float32)
        two[part] = np.where(near[:, None], one[part] + 8 * random.standard_normal(shape, np.float32), far)
    return one, two


def difference_of(method: str):
    if method == "ours":
        from engine.imaging.color.difference import delta_E_2000

        return delta_E_2000
    if method == "scikit-image":
        from skimage.color import deltaE_ciede2000

        return deltaE_ciede2000
    import colour

    return lambda one, two: colour.delta_E(one, two, method="CIE 2000")


def step_difference(method: str, repeats: int) -> dict:
    import resource

    import psutil

    start = time.perf_counter()
    function = difference_of(method)
    small = lab_pairs(200_000)
    function(*small)
    warm = time.perf_counter() - start
    one, two = (lab.reshape(HEIGHT, WIDTH, 3) for lab in lab_pairs(WIDTH * HEIGHT))
    held = psutil.Process().memory_info().rss
    seconds: list[float] = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = function(one, two)
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT
    return {
        "warm": warm,
        "seconds": seconds,
        "extra": (peak - held) / 2**20,
        "mean": float(result.mean(dtype="float64")),
    }


def difference(repeats: int) -> None:
    methods = [m for m in METHODS if m != "scikit-image" or importlib.util.find_spec("skimage")]
    ours, rows = [child("difference", "ours", str(repeats))], {}
    for method in methods[1:]:
        rows[method] = child("difference", method, "1")
        ours.append(child("difference", "ours", str(repeats)))
    every = sorted(seconds for run in ours for seconds in run["seconds"])
    middle = statistics.median(every)
    print(f"CIEDE2000 of {WIDTH} × {HEIGHT} pairs of float32 Lab")
    print(f"  ours            {middle:6.2f} s ({every[0]:.2f} to {every[-1]:.2f}),", end=" ")
    print(f"{max(run['extra'] for run in ours):.0f} MiB extra;", end=" ")
    print(f"import, compiling and 200,000 pairs {ours[0]['warm']:.2f} s")
    for method, row in rows.items():
        (seconds,) = row["seconds"]
        print(f"  {method:15} {seconds:6.2f} s, {row['extra']:.0f} MiB extra; ours is {seconds / middle:.0f}", end=" ")
        print(f"times as fast ({seconds / every[-1]:.0f} to {seconds / every[0]:.0f}; goal {GOALS[method]}),", end=" ")
        print(f"means differ by {abs(row['mean'] - ours[0]['mean']):.1e}")
    if "scikit-image" not in methods:
        print("  scikit-image is not installed: pip install '.[bench]'")


def step_accuracy() -> dict:
    import colour
    import numpy as np

    from engine.imaging.color.difference import delta_E_2000

    one, two = lab_pairs(1_000_000)
    expected = colour.delta_E(one.astype(np.float64), two.astype(np.float64), method="CIE 2000")
    compiled = delta_E_2000(one, two)
    doubles = delta_E_2000(one.astype(np.float64), two.astype(np.float64))
    parts = [delta_E_2000(one[i : i + 50_000], two[i : i + 50_000]) for i in range(0, len(one), 50_000)]
    return {
        "compiled, float32 in": float(np.abs(compiled - expected).max()),
        "compiled, float64 in": float(np.abs(doubles - expected).max()),
        "NumPy": float(np.abs(np.concatenate(parts) - expected).max()),
    }


def accuracy() -> None:
    print("largest deviation from colour-science, a million random pairs (goal 1e-3)")
    for path, deviation in child("accuracy").items():
        print(f"  {path:20} {deviation:.1e}")


def step_draw(folder: Path) -> dict:
    """A drawn portrait and its flatlay, enlarged to 24 megapixels each, with the noise of a sensor."""
    import cv2
    import numpy as np
    from PIL import Image

    from engine.domain.geometry import Extent
    from engine.imaging.drawn.demo import srgb_profile
    from engine.imaging.drawn.scene import Framing, draw_scene
    from engine.imaging.drawn.tone import ColorCast

    cast = ColorCast(dL=5, chroma=0.85, dh=15, da=8, db=-6)
    scene = draw_scene(11, Extent(WIDTH // 4, HEIGHT // 4), "sweatshirt", cast, framing=Framing.UPPER)
    random = np.random.default_rng(0)
    for name, small in (("on-model", scene.on_model), ("flatlay", scene.flatlay)):
        pixels = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).astype(np.float32)
        for top in range(0, HEIGHT, 500):
            rows = pixels[top : top + 500]
            rows += 1.5 * random.standard_normal(rows.shape, np.float32)
        picture = Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
        picture.save(folder / f"{name}.jpg", quality=95, subsampling=0, icc_profile=srgb_profile())
    mask = cv2.resize(scene.garment_mask, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    cv2.imwrite(str(folder / "mask.png"), mask)
    return {"share": float((mask > 127).mean())}


def step_match_16(folder: Path) -> dict:
    """The steps of `chromask color match`, with the photograph widened to 16 bits before it is matched."""
    start = time.perf_counter()
    from dataclasses import replace

    from engine.cli.pictures import write_by_suffix
    from engine.domain.requests import Tolerance
    from engine.imaging.masks.given import read_mask
    from engine.imaging.raster.decode import read_picture
    from engine.imaging.raster.depth import with_bit_depth
    from engine.worker.matching import match_pair, with_garment_alpha

    stages = {"imports": time.perf_counter() - start}

    def lap(name: str) -> None:
        stages[name] = time.perf_counter() - start - sum(stages.values())

    photo = with_bit_depth(read_picture(folder / "on-model.jpg"), 16)
    reference = read_picture(folder / "flatlay.jpg")
    lap("two JPEGs")
    reference = with_garment_alpha(reference)
    lap("flatlay mask")
    mask = read_mask(folder / "mask.png", photo.extent)
    lap("mask PNG")
    result = match_pair(photo, reference, mask, None, Tolerance())
    lap("match and reports")
    write_by_suffix(replace(photo, pixels=result.matched.pixels), folder / "result-16.tif", overwrite=True)
    lap("16-bit TIFF")
    return stages


def match(repeats: int, keep: Path | None) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "mask.png").exists():
            child("draw", str(folder))
        photo, flatlay, mask = (str(folder / name) for name in ("on-model.jpg", "flatlay.jpg", "mask.png"))
        command = [sys.executable, "main.py", "color", "match", photo, flatlay, "--mask", mask, "--overwrite", "-o"]
        module = [sys.executable, "-m", "bench.color_speed", "--step", "match16", str(folder)]
        print(f"whole match of a drawn {WIDTH} × {HEIGHT} JPEG and flatlay, mask given, a process from start to end")
        print("  goal: 6 s and 2,048 MiB on two cores")
        for name, program in (("8-bit TIFF", [*command, str(folder / "result.tif")]), ("16-bit TIFF", module)):
            runs = [timed(program) for _ in range(repeats)]
            seconds, processor, peaks = (sorted(column) for column in zip(*runs, strict=True))
            size = (folder / ("result-16.tif" if program is module else "result.tif")).stat().st_size / 2**20
            print(f"  {name:12} {seconds[0]:.2f} to {seconds[-1]:.2f} s", end=" ")
            print(f"({processor[0]:.2f} to {processor[-1]:.2f} s of processor time),", end=" ")
            print(f"{peaks[-1]:.0f} MiB, file {size:.0f} MiB")
        stages = child("match16", str(folder))
        print("  of the latter:", ", ".join(f"{name} {seconds:.2f} s" for name, seconds in stages.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("difference", "accuracy", "match"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="draw the pictures here, or use those that are here"
    )
    parser.add_argument("--step", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        name, *arguments = options.step
        if name == "difference":
            answer = step_difference(arguments[0], int(arguments[1]))
        elif name == "accuracy":
            answer = step_accuracy()
        elif name == "draw":
            answer = step_draw(Path(arguments[0]))
        else:
            answer = step_match_16(Path(arguments[0]))
        print(json.dumps(answer))
        return
    if options.only in (None, "difference"):
        difference(options.repeats)
    if options.only in (None, "accuracy"):
        accuracy()
    if options.only in (None, "match"):
        match(options.repeats, options.keep)


if __name__ == "__main__":
    main()
