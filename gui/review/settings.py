"""How the operator reviews; kept by Qt between sessions. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import QSettings

_AUTO_ADVANCE, _STRIP_WIDTH = "review/auto_advance", "review/strip_width"
_USUAL_WIDTH = 284  # of the strip: a name of 20 letters beside its picture


def auto_advance() -> bool:
    """Whether a verdict goes on to the next result; it does unless that was switched off."""
    return str(QSettings().value(_AUTO_ADVANCE, "on")) != "off"


def set_auto_advance(advances: bool) -> None:
    QSettings().setValue(_AUTO_ADVANCE, "on" if advances else "off")


def strip_width() -> int:
    """How wide the strip of results was made, in view pixels."""
    text = str(QSettings().value(_STRIP_WIDTH, _USUAL_WIDTH))
    return int(text) if text.isdecimal() else _USUAL_WIDTH


def set_strip_width(pixels: int) -> None:
    QSettings().setValue(_STRIP_WIDTH, pixels)
