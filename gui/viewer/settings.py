"""How the operator looks at pictures; kept by Qt between sessions. GUI thread only."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings

from gui.pictures.parts import Arrangement

SURROUNDS = (0.045, 0.09, 0.18, 0.36, 0.72)
"""Reflectances of the grey around the pictures: 18 %, and up to two photographic stops to either side."""

_SURROUND, _ARRANGEMENT, _PROFILE = "viewer/surround_stops", "viewer/arrangement", "viewer/display_profile"
_MIDDLE = SURROUNDS.index(0.18)


def surround() -> float:
    """Reflectance of the grey around the pictures; 0.18 unless it was changed."""
    return SURROUNDS[_surround_index()]


def step_surround(stops: int) -> float:
    """Lighten or darken the grey, and return it."""
    index = min(len(SURROUNDS) - 1, max(0, _surround_index() + stops))
    QSettings().setValue(_SURROUND, str(index - _MIDDLE))
    return SURROUNDS[index]


def set_surround(reflectance: float) -> None:
    """Choose one of `SURROUNDS`."""
    QSettings().setValue(_SURROUND, str(SURROUNDS.index(reflectance) - _MIDDLE))


def _surround_index() -> int:
    text = str(QSettings().value(_SURROUND, "0"))
    known = {str(index - _MIDDLE): index for index in range(len(SURROUNDS))}
    return known.get(text, _MIDDLE)  # whatever else a settings file of another version holds means: not chosen


def arrangement() -> Arrangement:
    """What stood side by side last."""
    text = str(QSettings().value(_ARRANGEMENT, Arrangement.THREE))
    return Arrangement(text) if text in list(Arrangement) else Arrangement.THREE


def set_arrangement(arrangement: Arrangement) -> None:
    QSettings().setValue(_ARRANGEMENT, str(arrangement))


def display_profile(screen: str) -> Path | None:
    """The ICC profile chosen for the screen of this name."""
    text = str(QSettings().value(f"{_PROFILE}/{screen}", ""))
    return Path(text) if text else None


def set_display_profile(screen: str, path: Path | None) -> None:
    QSettings().setValue(f"{_PROFILE}/{screen}", str(path) if path is not None else "")
