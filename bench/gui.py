"""The results grid with 100,000 rows beside a QListView in icon mode: same model, same delegate, same run; and the
window on such a catalog, from its start and while a batch runs.

``xvfb-run -a -s "-screen 0 1600x1000x24" python bench/gui.py``; each view is measured in a process of its own, so that
neither's memory hides the other's.
"""

from __future__ import annotations

import argparse
import compileall
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
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

import numpy as np  # noqa: E402
from PySide6.QtCore import QSize  # noqa: E402
from PySide6.QtWidgets import QAbstractItemView, QApplication, QListView  # noqa: E402

from bench.large_catalog import write_large_catalog  # noqa: E402
from engine.domain.review import ReviewRow  # noqa: E402
from engine.ports import Catalog  # noqa: E402
from gui.app import prepare  # noqa: E402
from gui.bridge import Bridge  # noqa: E402
from gui.look import theme  # noqa: E402
from gui.review.feed import PAGE  # noqa: E402
from gui.review.filter import ReviewFilter, SortOrder  # noqa: E402
from gui.review.grid_delegate import CELL, GridDelegate  # noqa: E402
from gui.review.grid_view import GridView  # noqa: E402
from gui.review.result_model import ReviewListModel  # noqa: E402
from storage.location import SqliteLocation  # noqa: E402

ROWS, APPENDED, STEPS = 100_000, 100, 300
SIZE = QSize(1500, 940)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--view", choices=("grid", "list"), help="measure one of the two, in this process")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--catalog", type=Path, help="a catalog of `bench/large_catalog.py`; written anew if not given")
    options = parser.parse_args()
    if options.view:
        print(json.dumps(measure(options.view, options.catalog)))
        return
    for package in ("bench", "engine", "gui", "storage"):  # as an installed program has its byte code
        compileall.compile_dir(PROJECT / package, quiet=2)
    with tempfile.TemporaryDirectory() as folder:
        catalog = options.catalog
        if catalog is None:
            catalog = Path(folder) / "catalog.db"
            write_large_catalog(catalog, options.rows)
        figures = {view: run(__file__, "--view", view, "--catalog", catalog) for view in ("grid", "list")}
        window = PROJECT / "bench" / "window.py"
        alone = {what: run(window, what, catalog, "--began", time.time()) for what in ("start", "queue", "batch")}
    print(f"| {options.rows:,} rows | grid | QListView | ratio |\n| --- | --- | --- | --- |")
    for name, ours in figures["grid"].items():
        theirs = figures["list"][name]
        ratio = f"{theirs / ours:.0f}x" if ours >= 0.05 else "-"
        print(f"| {name} | {ours:.1f} | {theirs:.1f} | {ratio} |")
    for what, measured in alone.items():
        print(f"\n| {what} | |\n| --- | --- |")
        for name, figure in measured.items():
            print(f"| {name} | {figure:,.2f} |")


def run(script: Path | str, *arguments: object) -> dict[str, float]:
    """The figures that a script prints, measured in a process of its own."""
    command = [sys.executable, str(script), *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(which: str, file: Path) -> dict[str, float]:
    """Every figure of one view, in milliseconds and MB."""
    application = QApplication(["bench"])
    prepare(application)
    with SqliteLocation().open(file) as (catalog, artifacts):
        bridge = Bridge()
        model = ReviewListModel(bridge, artifacts)
        model.arrange(SortOrder.FINISHED, ReviewFilter())
        start, begin = resident(), time.perf_counter()
        worked = time.thread_time()
        rows = list(rows_of(catalog))
        read, read_work = time.perf_counter() - begin, time.thread_time() - worked
        rows_mb = resident() - start
        begin = time.perf_counter()
        model.take(rows[:-APPENDED])
        taken = time.perf_counter() - begin
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
        model.take(rows[-APPENDED:])
        painted(view)
        appended = time.perf_counter() - begin
        begin = time.perf_counter()
        model.arrange(SortOrder.WORST_FIRST, ReviewFilter())
        painted(view)
        sorted_again = time.perf_counter() - begin
        view.close()
        bridge.close()
    return {
        "rows read, ms": read * 1e3,
        "… the thread's own work, ms": read_work * 1e3,
        "rows taken over and sorted, ms": taken * 1e3,
        "shown, ms": shown * 1e3,
        "scroll a wheel's step, p95, ms": wheel[0],
        "… the window thread's own work, ms": wheel[1],
        "scroll a page, p95, ms": page[0],
        "…  the window thread's own work, ms": page[1],
        "append 100, ms": appended * 1e3,
        "sort worst first, ms": sorted_again * 1e3,
        "memory of the view and its thumbnails, MB": memory,
        "memory of the rows, MB": rows_mb,
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


def rows_of(catalog: Catalog) -> Iterator[ReviewRow]:
    """Every row, page by page, as the window reads them."""
    after = 0
    while page := catalog.review_rows(after=after, limit=PAGE):
        yield from page
        after = page[-1].change


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
