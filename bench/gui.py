"""The results grid with 100,000 rows beside a QListView in icon mode: same model, same delegate, same run.

``xvfb-run -a -s "-screen 0 1600x1000x24" python bench/gui.py``; each view is measured in a process of its own, so that
neither's memory hides the other's.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from PySide6.QtCore import QSize  # noqa: E402
from PySide6.QtWidgets import QAbstractItemView, QApplication, QListView  # noqa: E402

from engine.domain.assets import Asset, AssetPair, Role  # noqa: E402
from engine.domain.geometry import Extent  # noqa: E402
from engine.domain.jobs import Job, JobState  # noqa: E402
from engine.domain.requests import Tolerance  # noqa: E402
from engine.domain.results import ArtifactKind, Previews  # noqa: E402
from engine.domain.review import ReviewItem  # noqa: E402
from gui import theme  # noqa: E402
from gui.app import prepare  # noqa: E402
from gui.bridge import Bridge  # noqa: E402
from gui.models.review import ReviewListModel  # noqa: E402
from gui.models.review_filter import ReviewFilter, SortOrder  # noqa: E402
from gui.widgets.grid_delegate import CELL, GridDelegate  # noqa: E402
from gui.widgets.grid_view import GridView  # noqa: E402
from storage.artifacts import DiskArtifactStore  # noqa: E402
from tests.contract.factories import color_match_request, match_outcome  # noqa: E402
from tests.gui.studio import jpeg, picture, report  # noqa: E402

ROWS, APPENDED, STEPS, PICTURES = 100_000, 100, 300, 200
SIZE = QSize(1500, 940)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--view", choices=("grid", "list"), help="measure one of the two, in this process")
    parser.add_argument("--rows", type=int, default=ROWS)
    options = parser.parse_args()
    if options.view:
        print(json.dumps(measure(options.view, options.rows)))
        return
    figures = {}
    for view in ("grid", "list"):
        command = [sys.executable, __file__, "--view", view, "--rows", str(options.rows)]
        figures[view] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(f"| {options.rows:,} rows | grid | QListView | ratio |\n| --- | --- | --- | --- |")
    for name, ours in figures["grid"].items():
        theirs = figures["list"][name]
        ratio = f"{theirs / ours:.0f}x" if ours >= 0.05 else "-"
        print(f"| {name} | {ours:.1f} | {theirs:.1f} | {ratio} |")


def measure(which: str, rows: int) -> dict[str, float]:
    """Every figure of one view, in milliseconds and MB."""
    application = QApplication(["bench"])
    prepare(application)
    with tempfile.TemporaryDirectory() as folder:
        artifacts = DiskArtifactStore(Path(folder))
        bridge = Bridge()
        model = ReviewListModel(bridge, artifacts)
        model.arrange(SortOrder.FINISHED, ReviewFilter())
        items = list(results(artifacts, rows + APPENDED))
        start = resident()
        model.set_items(items[:rows])
        rows_mb = resident() - start
        view = build(which)
        before = resident()
        begin = time.perf_counter()
        view.setModel(model)
        view.resize(SIZE)
        view.show()
        painted(view)
        shown = time.perf_counter() - begin
        if isinstance(view, GridView):
            view.visible_changed.connect(model.want_thumbnails)
        settle(bridge)
        steps = list(scroll(view))
        wheel, page = p95(steps[:STEPS]), p95(steps[STEPS:])
        settle(bridge)
        memory = resident() - before
        begin = time.perf_counter()
        model.add_items(items[rows:])
        painted(view)
        appended = time.perf_counter() - begin
        begin = time.perf_counter()
        model.arrange(SortOrder.WORST_FIRST, ReviewFilter())
        painted(view)
        sorted_again = time.perf_counter() - begin
        view.close()
        bridge.close()
    return {
        "shown, ms": shown * 1e3,
        "scroll a wheel's step, p95, ms": wheel[0],
        "… the window thread's own work, ms": wheel[1],
        "scroll a page, p95, ms": page[0],
        "…  the window thread's own work, ms": page[1],
        "append 100, ms": appended * 1e3,
        "sort worst first, ms": sorted_again * 1e3,
        "memory of the view and its thumbnails, MB": memory,
        "memory of the model's own lists, MB": rows_mb,
    }


def build(which: str) -> QAbstractItemView:
    """The view, without its model."""
    if which == "grid":
        view: QAbstractItemView = GridView(CELL, theme.SMALL)
    else:
        view = QListView()
        view.setViewMode(QListView.ViewMode.IconMode)
        view.setMovement(QListView.Movement.Static)
        view.setResizeMode(QListView.ResizeMode.Adjust)
        view.setUniformItemSizes(True)
        view.setGridSize(CELL)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setItemDelegate(GridDelegate(view))
    return view


def results(artifacts: DiskArtifactStore, count: int) -> Iterator[ReviewItem]:
    """Drawn results: a few hundred pictures, each row with its own name, job, pair and measurement."""
    previews = [
        artifacts.put(ArtifactKind.PREVIEW, jpeg(cv2.resize(picture(n), (480, 720))), ".jpg") for n in range(PICTURES)
    ]
    outcome, request, now = match_outcome(), color_match_request(), datetime.now(UTC)
    asset = Asset(1, Path("drop"), "0" * 64, 1, Role.ON_MODEL, Extent(4000, 6000), 8, "RGB", None)
    delta_E = np.random.default_rng(5).gamma(2, 1.2, count)
    for n in range(count):
        pair = AssetPair(
            n, f"{n // 4:05d}", "front", "coat", replace(asset, path=Path(f"drop/{n:06d}_model.jpg")), None
        )
        job = Job(n, 1, n, request, JobState.SUCCEEDED, 1, 0, n, None, None, None, now, now, now)
        assert outcome.match is not None
        match = replace(outcome.match, after=report(float(delta_E[n]), Tolerance()))
        preview = previews[n % PICTURES]
        yield ReviewItem(
            job, pair, replace(outcome, match=match, previews=Previews(preview, None, preview, None)), None
        )


def scroll(view: QAbstractItemView) -> Iterator[tuple[float, float]]:
    """Seconds from the bar's move to the painted view: steps of a wheel's notch, then pages all over the list."""
    bar = view.verticalScrollBar()
    for value in range(0, STEPS * 78, 78):
        yield moved(view, bar.minimum() + value)
    for value in np.linspace(bar.minimum(), bar.maximum(), STEPS // 3).astype(int):
        yield moved(view, int(value))


def p95(steps: list[tuple[float, float]]) -> tuple[float, float]:
    """95th percentiles in milliseconds."""
    wall, work = (statistics.quantiles(each, n=20)[-1] * 1e3 for each in zip(*steps, strict=True))
    return wall, work


def moved(view: QAbstractItemView, value: int) -> tuple[float, float]:
    """Seconds on the clock, and seconds in which the window's thread had a core."""
    begin, worked = time.perf_counter(), time.thread_time()
    view.verticalScrollBar().setValue(value)
    painted(view)
    taken = time.perf_counter() - begin, time.thread_time() - worked
    rest = time.perf_counter() + 0.008  # the rest of a frame: background work arrives here, as it would
    while time.perf_counter() < rest:
        QApplication.processEvents()
    return taken


def painted(view: QAbstractItemView) -> None:
    """Lay out and paint everything that is due."""
    QApplication.processEvents()
    QApplication.sendPostedEvents()


def settle(bridge: Bridge) -> None:
    limit = time.monotonic() + 20
    while bridge.is_busy and time.monotonic() < limit:
        QApplication.processEvents()


def resident() -> float:
    """This process's memory in MB, with what the allocator only holds on to given back."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
