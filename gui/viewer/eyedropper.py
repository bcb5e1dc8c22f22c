"""The eyedropper: L*a*b* under the pointer and at a pinned point, from the files' own pixels and profiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPointF, Signal

from engine.domain.errors import Cancelled
from gui.bridge import Bridge
from gui.pictures.parts import Part

if TYPE_CHECKING:
    from engine.domain.picture import Picture
    from engine.imaging.color.probe import ColorProbe

Lab = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Reading:
    """The colours at one place.

    Attributes
    ----------
    part : Part
        The picture that was pointed at. Original and result lie on each other and are read together.
    point : QPointF
        0 to 1 along the sides of the picture.
    labs : Mapping
        CIELAB under D65 of each part at this place.
    """

    part: Part
    point: QPointF
    labs: Mapping[Part, Lab]


def difference(one: Lab, two: Lab) -> float:
    """ΔE00 of two colours."""
    import numpy as np

    from engine.imaging.color.difference import delta_E_2000

    return float(delta_E_2000(np.array(one), np.array(two)))


class Eyedropper(QObject):
    """Decodes the pictures of one result when it is first pointed at them. GUI thread only.

    Parameters
    ----------
    report : callable
        Takes the errors of files that cannot be read.
    read : callable
        Decodes a file on a pool thread, or hands over what is decoded already.
    """

    changed = Signal()

    def __init__(
        self,
        bridge: Bridge,
        report: Callable[[Exception], None],
        read: Callable[[Path], Picture],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._bridge, self._report, self._decode = bridge, report, read
        self._files: dict[Part, Path] = {}
        self._probes: dict[Part, ColorProbe] = {}
        self._asked: set[Part] = set()
        self._visit = 0
        self._pointed: tuple[Part, QPointF] | None = None
        self._pinned: tuple[Part, QPointF] | None = None
        self.is_held = False

    def set_files(self, files: Mapping[Part, Path]) -> None:
        """Go on to the files of another result; what was pinned is forgotten."""
        if files == self._files:
            return
        self._files = dict(files)
        self._probes.clear()
        self._asked.clear()
        self._visit += 1
        self._pinned = self._pointed = None
        self.changed.emit()

    def hold(self, held: bool) -> None:
        """Take the eyedropper up, or lay it down and free the decoded pictures."""
        self.is_held = held
        if not held:
            self._probes.clear()
            self._asked.clear()
            self._visit += 1
            self._pinned = None
        self.changed.emit()

    def point_at(self, part: Part, point: QPointF | None) -> None:
        """The pointer is here; None where it left the picture."""
        self._pointed = (part, point) if point is not None else None
        if self.is_held:
            if point is not None:
                self._load(part)
            self.changed.emit()

    def pin(self, part: Part, point: QPointF) -> None:
        """Measure from this point on."""
        self._pinned = part, point
        self._load(part)
        self.changed.emit()

    def unpin(self) -> None:
        self._pinned = None
        self.changed.emit()

    @property
    def here(self) -> Reading | None:
        """What is under the pointer; None outside the pictures and while they are read."""
        return self._read(self._pointed)

    @property
    def pinned(self) -> Reading | None:
        """What is under the pin; None without one and while the pictures are read."""
        return self._read(self._pinned)

    @property
    def pin_place(self) -> tuple[Part, QPointF] | None:
        return self._pinned

    @property
    def is_reading(self) -> bool:
        """Whether a picture that was pointed at is still being decoded."""
        return bool(self._asked - set(self._probes))

    # -- inside -------------------------------------------------------------------------------------------------

    def _read(self, place: tuple[Part, QPointF] | None) -> Reading | None:
        if place is None:
            return None
        part, point = place
        labs = {p: self._probes[p].lab_at(point.x(), point.y()) for p in self._together(part) if p in self._probes}
        if part not in labs:
            return None
        return Reading(part, point, labs)

    def _together(self, part: Part) -> list[Part]:
        wanted = (Part.FLATLAY,) if part is Part.FLATLAY else (Part.ORIGINAL, Part.RESULT)
        return [p for p in wanted if p in self._files]

    def _load(self, part: Part) -> None:
        for wanted in self._together(part):
            if wanted not in self._asked:
                self._asked.add(wanted)
                path, visit = self._files[wanted], self._visit
                self._bridge.run_in_background(
                    partial(self._open, path, visit), partial(self._keep, wanted, visit), partial(self._lost, visit)
                )

    def _open(self, path: Path, visit: int) -> ColorProbe:
        """Pool threads: decode, unless the operator has gone on before a thread was free."""
        if visit != self._visit:
            raise Cancelled
        from engine.imaging.color.probe import probe_of

        return probe_of(self._decode(path))

    def _keep(self, part: Part, visit: int, probe: ColorProbe) -> None:
        if visit == self._visit:
            self._probes[part] = probe
            self.changed.emit()

    def _lost(self, visit: int, error: Exception) -> None:
        if visit == self._visit and not isinstance(error, Cancelled):
            self._report(error)
