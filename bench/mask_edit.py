"""The mask editor on a photograph of 48 megapixels: its operations, and from the pointer to the painted view.

``QT_QPA_PLATFORM=offscreen python bench/mask_edit.py [--pairs PAIRS]``; with pairs the smart edge is measured on real
photographs instead: their garment masks are shifted and rounded off, then drawn back to the edge.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from PySide6.QtCore import QEvent, QPointF, Qt  # noqa: E402
from PySide6.QtGui import QMouseEvent  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from engine.domain.geometry import Box, Extent  # noqa: E402
from engine.imaging.mask_edit.areas import with_polygon, with_similar  # noqa: E402
from engine.imaging.mask_edit.brush import Brush  # noqa: E402
from engine.imaging.mask_edit.document import MaskDocument  # noqa: E402
from engine.imaging.mask_edit.edges import feathered, grown, on_edges  # noqa: E402
from engine.imaging.mask_edit.history import edit_between  # noqa: E402
from engine.imaging.raster.encode import decode_mask, encode_mask  # noqa: E402
from gui.bridge import Bridge  # noqa: E402
from gui.mask_editor.canvas import MaskCanvas, MaskLevels  # noqa: E402
from gui.mask_editor.model import MaskModel, MaskTool  # noqa: E402
from gui.mask_editor.session import MaskSession  # noqa: E402
from gui.mask_editor.tool import MaskEditorTool  # noqa: E402
from gui.pictures.tile_store import TileStore  # noqa: E402
from gui.pictures.tiled_picture import read_full  # noqa: E402
from gui.viewer.picture_pane import PicturePane  # noqa: E402
from gui.viewer.view_geometry import ViewLink  # noqa: E402

EXTENT = Extent(6000, 8000)
MOVES = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path)
    options = parser.parse_args()
    if options.pairs is not None:
        smart_edge(options.pairs)
        return
    alpha, rgb = drawn()
    print(f"| {EXTENT}, {EXTENT.pixels / 1e6:.0f} megapixels | ms | of a copy of the mask |\n| --- | --- | --- |")
    copy = timed(alpha.copy, 5)
    for name, seconds in operations(alpha, rgb).items():
        print(f"| {name} | {seconds * 1e3:.1f} | {seconds / copy:.1f}x |")
    print("\n| from the pointer's event to the painted view | p50, ms | p95, ms |\n| --- | --- | --- |")
    for name, times in pointer(alpha, rgb).items():
        ordered = statistics.quantiles(times, n=20)
        print(f"| {name} | {statistics.median(times) * 1e3:.1f} | {ordered[-1] * 1e3:.1f} |")


def drawn() -> tuple[np.ndarray, np.ndarray]:
    """A garment of a third of the picture, and a photograph whose edge lies a few pixels beside the mask's."""
    height, width = EXTENT.height, EXTENT.width
    body = np.zeros((height, width), np.uint8)
    rng = np.random.default_rng(4)
    angles = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    radii = 1 + 0.12 * np.sin(3 * angles) + 0.03 * rng.standard_normal(200)
    outline = np.stack([3000 + 1500 * radii * np.cos(angles), 4000 + 2600 * radii * np.sin(angles)], axis=1)
    cv2.fillPoly(body, [outline.round().astype(np.int32)], 255, cv2.LINE_AA)
    rgb = np.where(body[..., None] > 127, np.uint8((150, 60, 70)), np.uint8((190, 190, 185)))
    noise = rng.integers(0, 12, (height // 4, width // 4, 3), dtype=np.uint8)
    rgb = cv2.add(rgb, cv2.resize(noise, (width, height), interpolation=cv2.INTER_NEAREST))
    shift = np.float32([[1, 0, 5], [0, 1, -4]])
    return np.asarray(cv2.warpAffine(body, shift, (width, height)), np.uint8), np.asarray(rgb, np.uint8)


def operations(alpha: np.ndarray, rgb: np.ndarray) -> dict[str, float]:
    """Seconds of each."""
    found: dict[str, float] = {}
    document = MaskDocument(alpha.copy())
    brush = Brush(200, 0.5)
    document.begin_stroke(brush)
    document.draw_to(1000, 1000)  # builds the dab
    steps = iter(range(1000, 100_000, 11))
    found["a dab of 200 px"] = timed(lambda: document.draw_to(next(steps) % 5000, 1500), 200)
    begin = time.perf_counter()
    document.end_stroke("stroke")
    found["end of that stroke, its undo kept"] = time.perf_counter() - begin
    found["undo of that stroke"] = timed(document.undo, 1)
    document.begin_stroke(Brush(1500, 0.5))
    for row in range(0, 8001, 1000):
        document.draw_to(6000 * (row // 1000 % 2), row)
    begin = time.perf_counter()
    document.end_stroke("stroke")
    found["end of a stroke over everything, its undo kept"] = time.perf_counter() - begin
    box = Box(1200, 1200, 2224, 2224)
    found["smart edge in a box of 1024 px"] = timed(lambda: on_edges(alpha, rgb, 12, None, box), 2)
    found["smart edge of the whole"] = timed(lambda: on_edges(alpha, rgb, 12), 1)
    found["feather of the whole, 2 px"] = timed(lambda: feathered(alpha, 2), 2)
    found["feather of the whole, 40 px"] = timed(lambda: feathered(alpha, 40), 1)
    found["cv2.GaussianBlur of the whole, 40 px"] = timed(lambda: cv2.GaussianBlur(alpha, (0, 0), 40), 1)
    found["grow by 10 px"] = timed(lambda: grown(alpha, 10), 2)
    found["grow by 100 px"] = timed(lambda: grown(alpha, 100), 1)
    lasso = [(1500.0, 1500.0), (4500.0, 1700.0), (4300.0, 6500.0), (1600.0, 6200.0)]
    found["lasso of 14 megapixels"] = timed(lambda: with_polygon(alpha, lasso, subtract=True), 2)
    found["fill of the garment"] = timed(lambda: with_similar(alpha, rgb, (3000, 4000), 15, subtract=False), 1)
    soft = feathered(alpha, 40)
    found["what a feather changed, for undo"] = timed(lambda: edit_between("feather", alpha, soft), 2)
    edit = edit_between("feather", alpha, soft)
    assert edit is not None
    found["undo of that feather"] = timed(lambda: edit.turn(soft), 2)
    levels = MaskLevels(alpha)
    found["levels of the whole"] = timed(lambda: MaskLevels(alpha), 2)
    found["levels below a dab"] = timed(lambda: levels.renew(Box(2000, 2000, 2200, 2200)), 50)
    data = encode_mask(alpha)
    found["autosave: encode"] = timed(lambda: encode_mask(alpha), 1)
    found["open: decode"] = timed(lambda: decode_mask(data), 1)
    return found


def smart_edge(pairs: Path) -> None:
    """Masks moved by 6 and 4 px and rounded off by a Gaussian of 8 px, against those they were made from."""
    rows: dict[int, list[tuple[float, float, float]]] = {8: [], 12: [], 20: []}
    for file in sorted((pairs / "train" / "garments").glob("on_model*.png")):
        truth = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        bgr = cv2.imread(str(pairs / "train" / "input" / f"{file.stem}.jpg"))
        if bgr is None or truth is None or truth.shape != bgr.shape[:2]:
            continue
        moved = cv2.warpAffine(truth, np.float32([[1, 0, 6], [0, 1, -4]]), truth.shape[::-1])
        off = np.asarray((cv2.GaussianBlur(moved, (0, 0), 8) > 127) * np.uint8(255), np.uint8)
        rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
        for radius, found in rows.items():
            mended = on_edges(off, rgb, radius)
            error = np.abs(mended.astype(int) - truth).sum() / np.abs(off.astype(int) - truth).sum()
            found.append((overlap(off, truth), overlap(mended, truth), float(error)))
    print("| reach | pairs | IoU before | IoU after | got worse | mean alpha error left |")
    print("| --- | --- | --- | --- | --- | --- |")
    for radius, found in rows.items():
        before, after, error = np.mean(found, axis=0)
        worse = sum(each[1] < each[0] for each in found)
        print(f"| {radius} px | {len(found)} | {before:.3f} | {after:.3f} | {worse} | {error * 100:.0f} % |")


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float(((one > 127) & (other > 127)).sum() / ((one > 127) | (other > 127)).sum())


def timed(call: Callable[[], object], times: int) -> float:
    begin = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - begin) / times


def pointer(alpha: np.ndarray, rgb: np.ndarray) -> dict[str, list[float]]:
    """Seconds from `QMouseEvent` to the end of the paint event, for every move of a stroke."""
    application = QApplication.instance() or QApplication(["bench"])
    assert isinstance(application, QApplication)
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photograph.jpg"
        cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        bridge = Bridge()
        tiles = TileStore(bridge, print)
        pane = PicturePane("Original", ViewLink(), tiles)
        pane.view.show_picture(read_full(path))
        pane.resize(1300, 900)
        pane.show()
        model, canvas = MaskModel(), MaskCanvas()
        painted = alpha.copy()
        session = MaskSession(painted, MaskLevels(painted), path, canvas, bridge, print)
        tool = MaskEditorTool(pane.view, model)
        session.drawn.connect(tool.redraw)
        tool.set_session(session)
        pane.view.set_tool(tool)
        application.processEvents()
        for zoom, scale in (("fit", None), ("100 %", 1.0)):
            if scale is not None:
                pane.view.toggle_actual_size()
            for diameter in (60.0, 200.0, 800.0):
                model.set(tool=MaskTool.BRUSH, diameter=diameter, hardness=0.5)
                settle = time.monotonic() + 1.5
                while time.monotonic() < settle or bridge.is_busy:  # the tiles arrive
                    application.processEvents()
                found[f"brush of {diameter:.0f} px, {zoom}"] = stroke(application, pane)
        pane.close()
        bridge.close()
    return found


def stroke(application: QApplication, pane: PicturePane) -> list[float]:
    """A spiral about the view's middle, 8 to 20 view pixels a move as a quick hand makes them."""
    view, times = pane.view, []
    middle = QPointF(view.width() / 2, view.height() / 2)
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton

    def send(kind: QEvent.Type, at: QPointF, button: Qt.MouseButton, held: Qt.MouseButton) -> None:
        event = QMouseEvent(kind, at, view.mapToGlobal(at), button, held, Qt.KeyboardModifier.NoModifier)
        application.sendEvent(view, event)

    send(QEvent.Type.MouseButtonPress, middle, left, left)
    for step in range(MOVES):
        angle, radius = step / 14, 40 + step * 0.8
        at = middle + QPointF(radius * np.cos(angle), radius * np.sin(angle))
        begin = time.perf_counter()
        send(QEvent.Type.MouseMove, at, none, left)
        application.processEvents()
        times.append(time.perf_counter() - begin)
    send(QEvent.Type.MouseButtonRelease, middle, left, none)
    application.processEvents()
    return times


if __name__ == "__main__":
    main()
