"""What the mask editor is set to: the tool, the brush and the view. Kept by Qt between sessions. GUI thread only."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import StrEnum

from PySide6.QtCore import QObject, QSettings, Signal

from engine.imaging.mask_edit.brush import LARGEST, SMALLEST, Brush
from gui.mask_editor.canvas import MaskView

_GROUP = "mask_editor"
_SIZE_STEP = 1.25  # a key's step: three of them about double the brush
_HARDNESS_STEP = 0.1


class MaskTool(StrEnum):
    """What the pointer does."""

    BRUSH = "brush"
    LASSO = "lasso"
    FILL = "fill"
    EDGE = "edge"


@dataclass(frozen=True, slots=True)
class MaskSettings:
    """One setting of the editor.

    Attributes
    ----------
    subtracts : bool
        Whether the tool takes away from the mask.
    diameter : float
        Of the brush, in source pixels.
    hardness, opacity : float
        0 to 1.
    tolerance : float
        Of the fill, as a CIE 1976 colour difference.
    edge_radius : int
        Source pixels by which the smart edge may move the mask's.
    step : int
        Source pixels that the whole mask is grown or shrunk by.
    feather : float
        Standard deviation in source pixels.
    """

    tool: MaskTool = MaskTool.BRUSH
    subtracts: bool = False
    diameter: float = 120.0
    hardness: float = 0.8
    opacity: float = 1.0
    size_by_pressure: bool = True
    opacity_by_pressure: bool = False
    tolerance: float = 12.0
    edge_radius: int = 12
    step: int = 2
    feather: float = 1.5
    view: MaskView = MaskView.TINT

    def brush(self) -> Brush:
        return Brush(
            self.diameter,
            self.hardness,
            self.opacity,
            size_by_pressure=self.size_by_pressure,
            opacity_by_pressure=self.opacity_by_pressure,
        )


_LIMITS = {
    "diameter": (SMALLEST, LARGEST),
    "hardness": (0.0, 1.0),
    "opacity": (0.01, 1.0),
    "tolerance": (1.0, 60.0),
    "edge_radius": (2, 64),
    "step": (1, 100),
    "feather": (0.5, 100.0),
}


class MaskModel(QObject):
    """The settings, and a signal where they change."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = _stored()

    @property
    def settings(self) -> MaskSettings:
        return self._settings

    def set(self, **changes: MaskTool | MaskView | float | bool) -> None:
        """Change fields of `MaskSettings`, within their limits; one that it does not have is an error."""
        for name, value in changes.items():
            if name in _LIMITS:
                low, high = _LIMITS[name]
                changes[name] = min(high, max(low, value))
        new = replace(self._settings, **changes)
        if new != self._settings:
            self._settings = new
            self.changed.emit()

    def hold(self, tool: MaskTool, *, subtracts: bool | None = None) -> None:
        """Take up a tool; whether it adds stays as it is where nothing is said."""
        before = self._settings
        self.set(tool=tool, subtracts=before.subtracts if subtracts is None else subtracts)
        if self._settings == before:
            self.changed.emit()  # a command that is given twice has taken its own mark away

    def swap(self) -> None:
        """Add instead of take away, or the reverse."""
        self.set(subtracts=not self._settings.subtracts)

    def step_size(self, steps: int) -> None:
        """A larger brush, or a smaller one; whole pixels, and always another size."""
        now = self._settings.diameter
        new = round(now * _SIZE_STEP**steps)
        self.set(diameter=new if new != round(now) else now + steps)

    def step_hardness(self, steps: int) -> None:
        self.set(hardness=round(self._settings.hardness + steps * _HARDNESS_STEP, 2))

    def next_view(self) -> None:
        """Tint, outline, mask only, and tint again."""
        views = list(MaskView)
        self.set(view=views[(views.index(self._settings.view) + 1) % len(views)])

    def keep(self) -> None:
        """Remember the settings for the next session."""
        store = QSettings()
        for field in fields(MaskSettings):
            store.setValue(f"{_GROUP}/{field.name}", str(getattr(self._settings, field.name)))


def _stored() -> MaskSettings:
    """The settings of the last session; whatever else a settings file of another version holds means: not chosen."""
    store, default = QSettings(), MaskSettings()
    found: dict[str, MaskTool | MaskView | float | bool] = {}
    for field in fields(MaskSettings):
        text = str(store.value(f"{_GROUP}/{field.name}", ""))
        was = getattr(default, field.name)
        if isinstance(was, bool):
            if text in ("True", "False"):
                found[field.name] = text == "True"
        elif isinstance(was, MaskTool | MaskView):
            if text in list(type(was)):
                found[field.name] = type(was)(text)
        elif (number := _number(text)) is not None:
            low, high = _LIMITS[field.name]
            found[field.name] = type(was)(min(high, max(low, number)))
    return replace(default, **found)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value == value else None
