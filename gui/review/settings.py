"""How the operator reviews; kept by Qt between sessions. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import QSettings

_AUTO_ADVANCE = "review/auto_advance"


def auto_advance() -> bool:
    """Whether a verdict goes on to the next result; it does unless that was switched off."""
    return str(QSettings().value(_AUTO_ADVANCE, "on")) != "off"


def set_auto_advance(advances: bool) -> None:
    QSettings().setValue(_AUTO_ADVANCE, "on" if advances else "off")
