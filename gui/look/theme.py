"""One type scale, one spacing scale, one palette at a time: what every widget takes its look from. GUI thread only.

Colours are looked up when something is painted and never kept, so that the palette may change while the window stands.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QGridLayout, QLabel, QMessageBox, QWidget

from engine.domain.jobs import JobState
from engine.domain.results import Verdict
from engine.domain.review import Decision
from gui.look.palette import DARK, Ink, Palette

# Type, in pixels.
CAPTION: Final = 11
BODY: Final = 12
HEADING: Final = 14
TITLE: Final = 20
FIGURE: Final = 26

# Space, in pixels.
TIGHT: Final = 4
SMALL: Final = 8
MEDIUM: Final = 12
LARGE: Final = 16
WIDE: Final = 24
RADIUS: Final = 4

VERDICT_TEXTS: Final = {Verdict.PASS: "Pass", Verdict.WARN: "Check", Verdict.FAIL: "Fail"}
DECISION_TEXTS: Final = {
    Decision.PENDING: "Pending", Decision.APPROVED: "Approved", Decision.REJECTED: "Rejected",
}  # fmt: skip
STATE_TEXTS: Final = {
    JobState.QUEUED: "Waiting", JobState.RUNNING: "Running", JobState.SUCCEEDED: "Done", JobState.FAILED: "Failed",
    JobState.CANCELLED: "Cancelled",
}  # fmt: skip


_INKS_OF_VERDICTS: Final[dict[Verdict, Ink]] = {Verdict.PASS: "pass_", Verdict.WARN: "warn", Verdict.FAIL: "fail"}
_INKS_OF_DECISIONS: Final[dict[Decision, Ink]] = {
    Decision.PENDING: "text_faint", Decision.APPROVED: "pass_", Decision.REJECTED: "fail",
}  # fmt: skip
_INKS_OF_STATES: Final[dict[JobState, Ink]] = {
    JobState.QUEUED: "text_faint", JobState.RUNNING: "accent", JobState.SUCCEEDED: "pass_", JobState.FAILED: "fail",
    JobState.CANCELLED: "text_faint",
}  # fmt: skip

_palette = DARK


def colors() -> Palette:
    """The palette that the window is painted in now."""
    return _palette


def use(palette: Palette) -> None:
    """Paint in this palette from now on; `gui.look.appearance` then has every widget painted anew."""
    global _palette  # one window, one palette: what paints is called by Qt and cannot be handed one
    _palette = palette


def color(ink: Ink) -> str:
    """The colour of an ink now, ``#rrggbb``."""
    return getattr(_palette, ink)


def verdict_color(verdict: Verdict) -> str:
    """The colour of a figure's verdict now, ``#rrggbb``."""
    return color(_INKS_OF_VERDICTS[verdict])


def decision_color(decision: Decision) -> str:
    """The colour of an operator's decision now, ``#rrggbb``."""
    return color(_INKS_OF_DECISIONS[decision])


def state_color(state: JobState) -> str:
    """The colour of a job's state now, ``#rrggbb``."""
    return color(_INKS_OF_STATES[state])


def verdict_ink(verdict: Verdict) -> Ink:
    """The ink of a verdict, for `set_ink`."""
    return _INKS_OF_VERDICTS[verdict]


def set_ink(widget: QWidget, ink: Ink | None, *, bold: bool = False) -> None:
    """Write a widget in an ink, in whichever palette comes; None is the ink of its role."""
    _set_property(widget, "ink", ink or "")
    _set_property(widget, "emphasis", bold)


def set_dot(widget: QWidget, ink: Ink) -> None:
    """Make an empty widget of 8 x 8 pixels a dot of an ink, in whichever palette comes."""
    _set_property(widget, "dot", ink)


def _set_property(widget: QWidget, name: str, value: str | bool) -> None:
    """A dynamic property that the style sheet reads: Qt does not look again by itself."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def sized(font: QFont, pixels: int, *, bold: bool = False) -> QFont:
    """The font at a size of the scale."""
    result = QFont(font)
    result.setPixelSize(pixels)
    result.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return result


def bold() -> QFont:
    """The application's font, bold: what an item model asks for."""
    return sized(QFont(), BODY, bold=True)


def grey(reflectance: float) -> QColor:
    """The neutral grey that reflects this share of the light, in sRGB (IEC 61966-2-1)."""
    encoded = 12.92 * reflectance if reflectance <= 0.0031308 else 1.055 * reflectance ** (1 / 2.4) - 0.055
    value = round(255 * encoded)
    return QColor(value, value, value)


def text_on(ground: QColor) -> QColor:
    """Black or white, whichever is read better on a neutral grey: their contrasts are equal at 17.9 % reflectance."""
    return QColor(_palette.ink_dark if ground.red() > grey(0.179).red() else _palette.ink_light)


def label(text: str = "", role: str = "body", parent: QWidget | None = None) -> QLabel:
    """A label in a role of the type scale: ``title``, ``heading``, ``body``, ``quiet``, ``caption`` or ``figure``."""
    result = QLabel(text, parent)
    result.setProperty("role", role)
    return result


def give_room(box: QMessageBox) -> None:
    """Give a question the margins of every other dialog; call it last, since every text and button lays it out anew."""
    layout = box.layout()
    assert isinstance(layout, QGridLayout)
    layout.setContentsMargins(WIDE, WIDE, WIDE, LARGE)
    layout.setHorizontalSpacing(0)
    layout.setVerticalSpacing(MEDIUM)
    for index in range(layout.count()):
        item = layout.itemAt(index)
        space = item.spacerItem() if item is not None else None
        if space is not None:
            space.changeSize(0, 1)  # where the sign would stand that none of them has
    layout.setColumnStretch(layout.columnCount() - 1, 1)  # the words begin where the buttons do


def icon_file(name: str) -> Path:
    """Where an icon of ``resources/icons`` lies."""
    return Path(str(files("resources").joinpath("icons", f"{name}.svg")))
