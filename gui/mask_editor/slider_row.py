"""A setting as a name, a slider and a number."""

from __future__ import annotations

from collections.abc import Callable
from math import log

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QWidget

from gui.look import theme

_SLIDER_STEPS = 1000


class SliderRow(QWidget):
    """A name, a slider and its number.

    Attributes
    ----------
    changed : callable
        ``changed(value)`` when the operator moved it.
    """

    def __init__(
        self, text: str, suffix: str, limits: tuple[float, float], unit: float, tip: str, *, is_log: bool
    ) -> None:
        super().__init__()
        self.changed: Callable[[float], object] = lambda _: None
        self._limits, self._unit, self._suffix, self._is_log = limits, unit, suffix, is_log
        self._is_whole = isinstance(limits[0], int)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _SLIDER_STEPS)
        self.slider.setPageStep(_SLIDER_STEPS // 10)
        self.slider.setAccessibleName(text)
        self.slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._number = QLabel()
        self._number.setProperty("role", "reading")
        self._number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._number.setFixedWidth(54)
        name = theme.label(text, "caption")
        name.setFixedWidth(58)
        self.setToolTip(tip)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(theme.TIGHT)
        line.addWidget(name)
        line.addWidget(self.slider, 1)
        line.addWidget(self._number)
        self.slider.valueChanged.connect(self._on_slider)

    def show_value(self, value: float) -> None:
        low, high = self._limits
        share = _log_share(value, low, high) if self._is_log else (value - low) / (high - low)
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(share * _SLIDER_STEPS))
        self._number.setText(f"{value * self._unit:.0f}{self._suffix}")

    def _on_slider(self, position: int) -> None:
        low, high = self._limits
        share = position / _SLIDER_STEPS
        value = low * (high / low) ** share if self._is_log else low + (high - low) * share
        self.changed(round(value) if self._is_log or self._is_whole else round(value, 2))


def _log_share(value: float, low: float, high: float) -> float:
    return log(value / low) / log(high / low)
