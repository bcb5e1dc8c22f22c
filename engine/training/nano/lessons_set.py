"""What the small model is taught on: crops of drawn figures with the mask of one thing each, in arrays on the disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.domain.geometry import Extent
from engine.imaging.drawn.lessons import THINGS, draw_lesson
from engine.imaging.drawn.scene import Framing
from engine.imaging.drawn.shapes import generator

SHAPES = (Extent(128, 128), Extent(112, 144), Extent(96, 160))
"""Sizes of the small model's canvas: about as many tokens each."""

_PER_FIGURE = 8
_STREAM = 9_000  # of a figure's seed: the crops

_DRAWN = {
    # Heads are small on a whole figure; the pictures are drawn as large as a crop of them still needs.
    Framing.FULL: Extent(416, 520),
    Framing.UPPER: Extent(256, 320),
    Framing.LOWER: Extent(256, 320),
    Framing.PORTRAIT: Extent(224, 280),
}
_FRAMINGS = (Framing.FULL, Framing.UPPER, Framing.LOWER, Framing.PORTRAIT)
_ODDS = (0.4, 0.2, 0.2, 0.2)

_LEAST_SHARE = 0.004
"""Of a crop: a smaller mask is no lesson."""


@dataclass(frozen=True, slots=True, eq=False)
class LessonSet:
    """Lessons of one shape.

    Attributes
    ----------
    pictures : ndarray
        ``(N, H, W, 3)`` uint8 sRGB.
    masks : ndarray
        ``(N, H, W)`` uint8.
    things : ndarray
        ``(N,)`` uint8, indices into `engine.imaging.drawn.lessons.THINGS`.
    """

    pictures: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    things: NDArray[np.uint8]


def window(mask: NDArray[np.uint8], shape: Extent, random: np.random.Generator) -> tuple[int, int, int, int] | None:
    """A crop of the shape's aspect that holds a mask somewhere: left, top, width, height in pixels, perhaps beyond the
    picture; None for an empty mask.

    The mask may lie anywhere in it, so that its place says nothing. The crop is 1.15 to 3.2 times as large as the mask
    needs, and no larger than the whole picture needs.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return None
    height, width = mask.shape
    left, right, top, bottom = int(columns[0]), int(columns[-1]) + 1, int(rows[0]), int(rows[-1]) + 1
    aspect = shape.width / shape.height
    needed = max(bottom - top, (right - left) / aspect)
    whole = max(height, width / aspect)
    high = min(needed * float(np.exp(random.uniform(np.log(1.15), np.log(3.2)))), whole)
    wide = high * aspect
    x = random.uniform(right - wide, left) if wide > right - left else (left + right - wide) / 2
    y = random.uniform(bottom - high, top) if high > bottom - top else (top + bottom - high) / 2
    return round(x), round(y), max(1, round(wide)), max(1, round(high))


def cropped(picture: NDArray[np.uint8], box: tuple[int, int, int, int], shape: Extent) -> NDArray[np.uint8]:
    """The crop at the shape's size; beyond the picture its edge goes on."""
    left, top, width, height = box
    scale = (shape.width / width, shape.height / height)
    matrix = np.array([[scale[0], 0, -left * scale[0]], [0, scale[1], -top * scale[1]]], np.float64)
    matrix[:, 2] += 0.5 * (np.array(scale) - 1)  # pixel centres, not corners
    if max(scale) < 1:  # warping does not average
        sigma = 0.5 * (1 / max(scale) - 1)
        picture = cv2.GaussianBlur(picture, (0, 0), max(sigma, 1e-3))  # pyright: ignore[reportAssignmentType]
    size = (shape.width, shape.height)
    return cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # pyright: ignore[reportReturnType]


def lessons_of(seed: int) -> list[tuple[int, NDArray[np.uint8], NDArray[np.uint8], int]]:
    """Lessons of one figure: shape's index, crop, mask and thing's index."""
    random = generator(seed, _STREAM)
    framing = _FRAMINGS[int(random.choice(len(_FRAMINGS), p=_ODDS))]
    drawn = draw_lesson(seed, _DRAWN[framing], framing)
    names = sorted(drawn.masks)
    random.shuffle(names)
    found: list[tuple[int, NDArray[np.uint8], NDArray[np.uint8], int]] = []
    for name in names:
        shape = int(random.integers(len(SHAPES)))
        box = window(drawn.masks[name], SHAPES[shape], random)
        if box is None:
            continue
        mask = cropped(drawn.masks[name], box, SHAPES[shape])
        if (mask > 127).mean() < _LEAST_SHARE:
            continue
        found.append((shape, cropped(drawn.picture, box, SHAPES[shape]), mask, THINGS.index(name)))
        if len(found) == _PER_FIGURE:
            break
    return found


def write(folder: Path, figures: int, first_seed: int, report: Callable[[int], None] | None = None) -> None:
    """Draw figures with the seeds from ``first_seed`` on and write their lessons; a folder that is complete is left.

    Parameters
    ----------
    report : callable, optional
        Called with the number of figures that are drawn.
    """
    done = folder / "set.json"
    wanted = {"figures": figures, "first_seed": first_seed, "things": list(THINGS)}
    if done.exists() and json.loads(done.read_text(encoding="utf-8")) == wanted:
        return
    folder.mkdir(parents=True, exist_ok=True)
    lists: list[tuple[list[Any], list[Any], list[int]]] = [([], [], []) for _ in SHAPES]
    for number in range(figures):
        for shape, picture, mask, thing in lessons_of(first_seed + number):
            lists[shape][0].append(picture)
            lists[shape][1].append(mask)
            lists[shape][2].append(thing)
        if report is not None:
            report(number + 1)
    for shape, (pictures, masks, things) in enumerate(lists):
        np.save(folder / f"pictures-{shape}.npy", np.stack(pictures))
        np.save(folder / f"masks-{shape}.npy", np.stack(masks))
        np.save(folder / f"things-{shape}.npy", np.array(things, np.uint8))
    done.write_text(json.dumps(wanted), encoding="utf-8")


def read(folder: Path) -> tuple[LessonSet, ...]:
    """The sets of a folder, one for each of `SHAPES`; pictures and masks stay on the disk until they are used."""
    return tuple(
        LessonSet(
            np.load(folder / f"pictures-{shape}.npy", mmap_mode="r"),
            np.load(folder / f"masks-{shape}.npy", mmap_mode="r"),
            np.load(folder / f"things-{shape}.npy"),
        )
        for shape in range(len(SHAPES))
    )
