"""A contact sheet as one picture: rows of an example's pictures on neutral grey, with its figures under each."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

THUMBNAIL_SIDE = 480
"""Longest side in pixels of the pictures that a sheet is given."""

GREY, INK = (118, 118, 118), (0, 0, 0)
"""Encoded sRGB: a neutral grey of L* 50, in whose surround colours are judged (ISO 3664), and what is written on it:
black has a contrast of 4.6 to 1 there, and nothing paler has the 4.5 that small print needs (WCAG 2.2, 1.4.3)."""

MOST_DRAWN = 60
"""Rows of a drawn sheet; a longer list is read as a page, not as a picture."""

_MARGIN, _GAP = 36, 8
_SIZES = ((6, 1, 380), (20, 2, 250), (MOST_DRAWN, 3, 210))
"""Up to so many rows stand in so many strips side by side, with pictures of so many pixels."""

_LINE = 1100
"""Pixels after which a line of the heading is broken."""

_JPEG = 88


@dataclass(frozen=True, slots=True)
class Cell:
    """A picture of a row.

    Attributes
    ----------
    jpeg : bytes
        From `thumbnail`.
    caption : tuple of str
        Lines under it.
    """

    jpeg: bytes
    caption: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """An example: its pictures in the order of the sheet's columns, and what is to be said of it."""

    name: str
    cells: tuple[Cell, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class ContactSheet:
    """What a sheet shows.

    Attributes
    ----------
    lines : tuple of str
        Under the title: what was measured and how it came out.
    legend : tuple
        Encoded sRGB and what it stands for.
    rows : tuple of Row
        In their order.
    """

    title: str
    lines: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    legend: tuple[tuple[tuple[int, int, int], str], ...] = ()


def reduced(pixels: NDArray[np.uint8], side: int = THUMBNAIL_SIDE) -> NDArray[np.uint8]:
    """A picture ``(H, W, 3)`` or a mask ``(H, W)``, uint8, with that longest side at most."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def thumbnail(rgb: NDArray[np.uint8]) -> bytes:
    """A picture ``(H, W, 3)`` uint8 sRGB as a small JPEG; one that is smaller keeps its size."""
    file = io.BytesIO()
    # Full chroma: a garment's edge must not look softer in colour than it is.
    Image.fromarray(np.ascontiguousarray(reduced(rgb))).save(file, "JPEG", quality=_JPEG, subsampling=0)
    return file.getvalue()


def draw_contact_sheet(sheet: ContactSheet) -> NDArray[np.uint8]:
    """Draw a sheet; of more than `MOST_DRAWN` rows the first ones.

    Returns
    -------
    ndarray
        ``(H, W, 3)`` uint8 sRGB.
    """
    rows = sheet.rows[:MOST_DRAWN]
    _, strips, side = next(size for size in _SIZES if len(rows) <= size[0])
    layout = _Layout(sheet, rows, strips, side)
    picture = Image.new("RGB", (layout.width, layout.height), GREY)
    layout.draw(ImageDraw.Draw(picture), picture)
    return np.asarray(picture, np.uint8)


class _Layout:
    def __init__(self, sheet: ContactSheet, rows: tuple[Row, ...], strips: int, side: int) -> None:
        self._sheet, self._rows = sheet, rows
        self._pictures = [[Image.open(io.BytesIO(cell.jpeg)) for cell in row.cells] for row in rows]
        aspects = [picture.width / picture.height for row in self._pictures for picture in row]
        aspect = median(aspects) if aspects else 1.0
        self._cell = (side, round(side / aspect)) if aspect >= 1 else (max(round(side * aspect), 150), side)
        self._font, self._small = _font(15 if strips == 1 else 13), _font(14 if strips == 1 else 11)
        self._line = 20 if strips == 1 else 16
        self._captions = max((len(cell.caption) for row in rows for cell in row.cells), default=0)
        self._row = self._line + 4 + self._cell[1] + 4 + self._captions * self._line + 14
        self._strip = len(sheet.columns) * (self._cell[0] + _GAP) - _GAP
        self._across = max(1, min(strips, len(rows)))
        self.width = max(_MARGIN + self._across * (self._strip + _MARGIN), 760)
        self._lines = [
            part for line in sheet.lines for part in _wrapped(line, self._font, min(self.width - 2 * _MARGIN, _LINE))
        ]
        self._top = _MARGIN + 40 + 22 * len(self._lines) + (30 if sheet.legend else 0) + 14
        self.height = self._top + 26 + -(-len(rows) // self._across) * self._row + _MARGIN

    def draw(self, draw: ImageDraw.ImageDraw, onto: Image.Image) -> None:
        draw.text((_MARGIN, _MARGIN), self._sheet.title, INK, _font(24))
        top = _MARGIN + 40
        for line in self._lines:
            draw.text((_MARGIN, top), line, INK, self._font)
            top += 22
        left = _MARGIN
        for color, meaning in self._sheet.legend:
            draw.rectangle((left, top + 8, left + 13, top + 21), color)
            draw.text((left + 20, top + 6), meaning, INK, self._font)
            left += 20 + round(self._font.getlength(meaning)) + 24
        for index in range(len(self._rows)):
            place, strip = divmod(index, self._across)
            at = _MARGIN + strip * (self._strip + _MARGIN), self._top + 26 + place * self._row
            if place == 0:
                for column, title in enumerate(self._sheet.columns):
                    draw.text((at[0] + column * (self._cell[0] + _GAP), self._top), title, INK, self._font)
            self._draw_row(draw, onto, index, *at)
        if len(self._sheet.rows) > len(self._rows):
            more = f"{len(self._sheet.rows) - len(self._rows)} more are on the page beside this picture."
            draw.text((_MARGIN, self.height - _MARGIN), more, INK, self._font)

    def _draw_row(self, draw: ImageDraw.ImageDraw, onto: Image.Image, index: int, left: int, top: int) -> None:
        row = self._rows[index]
        said = f"{row.name}   {row.note}" if row.note else row.name
        draw.text((left, top), _shortened(said, self._font, self._strip), INK, self._font)
        top += self._line + 4
        width, height = self._cell
        for column, (cell, picture) in enumerate(zip(row.cells, self._pictures[index], strict=True)):
            x = left + column * (width + _GAP)
            scale = min(width / picture.width, height / picture.height)
            size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
            # Pictures of other proportions than most stand on the caption's line, all at one height.
            onto.paste(picture.resize(size, Image.Resampling.LANCZOS), (x, top + height - size[1]))
            for number, line in enumerate(cell.caption):
                at = (x, top + height + 4 + number * self._line)
                draw.text(at, _shortened(line, self._small, width), INK, self._small)


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans as matplotlib brings it, which has every sign of the figures; nothing of matplotlib is imported."""
    spec = find_spec("matplotlib")
    assert spec is not None
    assert spec.origin is not None
    return ImageFont.truetype(Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def _shortened(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
