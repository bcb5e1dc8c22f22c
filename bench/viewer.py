"""The viewer on pictures of 48 megapixels: how soon something is seen, how it pans, and whether the window ever waits.

``QT_QPA_PLATFORM=offscreen python bench/viewer.py``; each kind of file is measured in a process of its own, so that
neither's memory hides the other's. A heartbeat on the window's thread, due every 8 ms, tells how long it was held up.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from PySide6.QtCore import QPointF, QSettings  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from bench.gui import resident  # noqa: E402
from bench.heartbeat import Heartbeat, bare_heartbeat, load  # noqa: E402
from engine.domain.artifacts import ArtifactKind, ArtifactRef  # noqa: E402
from engine.domain.assets import Asset, AssetPair, Role  # noqa: E402
from engine.domain.geometry import Box, Extent  # noqa: E402
from engine.domain.jobs import Job, JobState  # noqa: E402
from engine.domain.results import JobOutcome, MaskResult, Previews  # noqa: E402
from engine.domain.review import ReviewItem  # noqa: E402
from gui.app import SWITCH_S, prepare  # noqa: E402
from gui.bridge import Bridge  # noqa: E402
from gui.frame.garbage import QuietGarbage  # noqa: E402
from gui.pictures.display import Display  # noqa: E402
from gui.pictures.parts import Part  # noqa: E402
from gui.viewer.compare_view import CompareView  # noqa: E402
from storage.artifacts import DiskArtifactStore  # noqa: E402
from tests.contract.factories import color_match_request, match_outcome  # noqa: E402

EXTENT = Extent(6000, 8000)
WINDOW = (1600, 1000)
FRAMES = 240
STEP = QPointF(37, 23)  # pixels of a quick drag from one frame to the next
PREVIEW_SIDE = 2048


class Beat(Heartbeat):
    """How long the window's thread was away, at worst, since it was last asked."""

    def worst(self) -> float:
        """Milliseconds; and count from here on."""
        self.beat()
        worst = max(self.late)
        self.start()
        return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=("jpeg", "tiff"), help="measure one kind, in this process")
    parser.add_argument("--stacks", type=Path, help="write every thread's stack there while a beat is late")
    options = parser.parse_args()
    if options.kind:
        print(json.dumps(measure(options.kind, options.stacks)))
        return
    figures = {}
    for kind in ("jpeg", "tiff"):
        command = [sys.executable, __file__, "--kind", kind]
        figures[kind] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    print(
        f"| {EXTENT}, {WINDOW[0]} × {WINDOW[1]} window, three views | JPEG, 8 bit | TIFF, 16 bit |\n| --- | --- | --- |"
    )
    for name, value in figures["jpeg"].items():
        print(f"| {name} | {value:,.0f} | {figures['tiff'][name]:,.0f} |")


def measure(kind: str, stacks: Path | None) -> dict[str, float]:
    """Every figure of one kind of file, in milliseconds and MB, beside a process that does nothing."""
    bare: dict[str, float] = {}
    with bare_heartbeat(bare):
        figures = measured(kind, stacks)
    alone = {f"a process that does nothing came late by, {name}, ms": bare[name] for name in ("p95", "worst")}
    return figures | alone | {"load": load()}


def measured(kind: str, stacks: Path | None) -> dict[str, float]:
    application = QApplication(["bench"])
    with tempfile.TemporaryDirectory() as folder:
        QSettings.setDefaultFormat(QSettings.Format.IniFormat)
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)
        prepare(application)
        artifacts = DiskArtifactStore(Path(folder) / "artifacts")
        items = draw(kind, Path(folder), artifacts)
        bare = replace(items[0], outcome=replace(items[0].outcome, previews=gone(items[0].outcome.previews)))
        gc.collect()
        sys.setswitchinterval(SWITCH_S)  # as `gui.app.run_window` does, like the next line
        garbage = QuietGarbage(application)
        start, bridge, beat = resident(), Bridge(), Beat(stacks)
        view = CompareView(bridge, artifacts, fail)
        profile = display()
        view.set_display(profile)
        view.resize(*WINDOW)
        view.show()
        result = view.panes[Part.RESULT].view
        figures: dict[str, float] = {}

        def rest() -> None:
            wait(lambda: not bridge.is_busy)
            beat.worst()

        def seen(item: ReviewItem, ahead: tuple[ReviewItem, ...] = ()) -> float:
            return timed(
                lambda: view.show_item(item, ahead),
                lambda: all(pane.view.picture is not None for pane in view.panes.values()),
            )

        rest()
        figures["first pixel of all three, no preview stored, ms"] = seen(bare)
        figures["… the window was held up, at worst, ms"] = beat.worst()
        rest()
        view.show_item(None)
        figures["first pixel of all three, previews stored, ms"] = seen(items[1])
        rest()
        seen(items[2], (items[3],))
        rest()
        beat.worst()
        figures["next result, prefetched, ms"] = seen(items[3])
        rest()
        figures["100 %: all three decoded and sharp, ms"] = timed(
            result.toggle_actual_size, lambda: all(view.is_full(part) for part in view.panes) and not bridge.is_busy
        )
        figures["… the window was held up, at worst, ms "] = beat.worst()
        figures["memory, previews and three whole pictures, MB"] = resident() - start
        frames = pan(view)
        figures["pan at 100 %, a frame, p50, ms"] = statistics.median(frames)
        figures["… p95, ms"] = statistics.quantiles(frames, n=20)[-1]
        figures["… the window was held up, at worst, ms  "] = beat.worst()
        rest()
        figures["memory after panning, MB"] = resident() - start
        figures["ΔE map of the whole picture, the first of a process, ms"] = timed(
            lambda: view.show_heat(True), lambda: view.heat is not None
        )
        figures["… the window was held up, at worst, ms   "] = beat.worst()
        view.show_heat(False)
        view.show_item(None)
        hurry = timed(lambda: [step(view, items) for _ in range(50)], lambda: not bridge.is_busy)
        figures["50 results in a hurry, until all is quiet, ms"] = hurry
        figures["… the window was held up, at worst, ms    "] = beat.worst()
        view.close()
        bridge.close()
        garbage.stop()
    return figures


def step(view: CompareView, items: list[ReviewItem]) -> None:
    items.append(items.pop(0))
    view.show_item(items[0], items[1:3])
    rest = time.perf_counter() + 0.03  # a key that repeats
    while time.perf_counter() < rest:
        QApplication.processEvents()


def pan(view: CompareView) -> list[float]:
    """Milliseconds of each frame of a drag: every view is moved, and painted."""
    link, result = view.link, view.panes[Part.RESULT].view
    assert result.picture is not None
    times: list[float] = []
    ahead = STEP
    for _ in range(FRAMES):
        center = link.center + QPointF(ahead.x() / EXTENT.width, ahead.y() / EXTENT.height)
        if not (0.1 < center.x() < 0.9 and 0.1 < center.y() < 0.9):
            ahead = -ahead
        begin = time.perf_counter()
        link.set(link.zoom, center)
        for pane in view.panes.values():
            pane.view.repaint()
        times.append((time.perf_counter() - begin) * 1e3)
        rest = time.perf_counter() + max(0.001, 0.016 - (time.perf_counter() - begin))
        while time.perf_counter() < rest:  # the rest of a frame, in which tiles arrive
            QApplication.processEvents()
    return times


def timed(call: Callable[[], object], until: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    wait(until)
    QApplication.processEvents()
    return (time.perf_counter() - begin) * 1e3


def wait(until: Callable[[], object]) -> None:
    limit = time.monotonic() + 300
    while not until():
        QApplication.processEvents()
        time.sleep(0.001)
        if time.monotonic() > limit:
            raise TimeoutError


def fail(error: Exception) -> None:
    raise error


def display() -> Display:
    """A wide screen, so that every tile goes through LittleCMS."""
    import imagecodecs

    primaries = [0.680, 0.320, 0.265, 0.690, 0.150, 0.060]
    profile = imagecodecs.cms_profile("rgb", whitepoint=[0.3127, 0.329, 1.0], primaries=primaries, gamma=2.2)
    return Display(profile, "wide")


def gone(previews: Previews) -> Previews:
    """The same with previews that are not there any more."""
    lost = replace(previews.on_model, sha256="0" * 64)
    return replace(previews, on_model=lost, flatlay=lost, matched=lost)


def draw(kind: str, folder: Path, artifacts: DiskArtifactStore) -> list[ReviewItem]:
    """Four results of two photographs: cloth-like noise, in Adobe RGB's primaries."""
    import imagecodecs
    import tifffile
    from PIL import Image

    profile = imagecodecs.cms_profile("adobergb")
    rng = np.random.default_rng(3)
    size = (EXTENT.width, EXTENT.height)
    paths: list[Path] = []
    for number in range(2):
        base = cv2.resize(rng.integers(40, 215, (9, 7, 3)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
        weave = cv2.resize(rng.normal(0, 12, (EXTENT.height // 3, EXTENT.width // 3)).astype(np.float32), size)
        pixels = np.clip(base + weave[..., None], 0, 255)
        path = folder / f"{number}.{'jpg' if kind == 'jpeg' else 'tif'}"
        if kind == "jpeg":
            Image.fromarray(pixels.astype(np.uint8)).save(path, quality=92, icc_profile=profile)
        else:
            deep = (pixels * 257).astype(np.uint16)
            tifffile.imwrite(
                path, deep, photometric="rgb", compression="zlib", predictor=True, rowsperstrip=64, iccprofile=profile
            )
        paths.append(path)
    plane = np.zeros((EXTENT.height, EXTENT.width), np.uint8)
    plane[2000:6000, 1500:4500] = 255
    stored = artifacts.put(ArtifactKind.MASK, cv2.imencode(".png", plane)[1].tobytes(), ".png")
    mask = MaskResult("garment", stored, EXTENT, Box.whole(EXTENT), 1.0, 0.9)
    results = [artifacts.put(ArtifactKind.MATCHED, path.read_bytes(), path.suffix) for path in paths]
    now, outcome = datetime.now(UTC), match_outcome()
    assert outcome.match is not None
    items: list[ReviewItem] = []
    for number in range(4):
        shots = [paths[number % 2], paths[(number + 1) % 2]]
        model, flatlay = (Asset(1, path, "0" * 64, 1, Role.ON_MODEL, EXTENT, 8, "RGB", None) for path in shots)
        small = [preview(rng, artifacts) for _ in range(3)]
        previews = Previews(small[0], small[1], small[2], None)
        match = replace(outcome.match, picture=results[(number + 1) % 2])
        pair = AssetPair(number, f"{number}", "front", "coat", model, flatlay)
        job = Job(
            number, 1, number, color_match_request(), JobState.SUCCEEDED, 1, 0, number, None, None, None, now, now, now
        )
        items.append(ReviewItem(job, pair, JobOutcome(mask, match, previews), None))
    return items


def preview(rng: np.random.Generator, artifacts: DiskArtifactStore) -> ArtifactRef:
    side = PREVIEW_SIDE / EXTENT.height
    size = (round(EXTENT.width * side), round(EXTENT.height * side))
    pixels = cv2.resize(rng.integers(0, 255, (size[1] // 4, size[0] // 4, 3)).astype(np.uint8), size)
    return artifacts.put(ArtifactKind.PREVIEW, cv2.imencode(".jpg", pixels)[1].tobytes(), ".jpg")


if __name__ == "__main__":
    main()
