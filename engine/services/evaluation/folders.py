"""Evaluation of pictures that lie in folders, whatever made them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.domain.datasets import DatasetKind
from engine.domain.errors import KnownError
from engine.domain.evaluation import ColorFolders, Contender, Crop, MaskFolders
from engine.imaging.masks.given import read_mask
from engine.imaging.metrics.masks import BOUNDARY_TOLERANCE
from engine.imaging.raster.headers import read_header
from engine.ports import ReportStep
from engine.services.datasets.originals import pictures_in, plain_stem, written_stem
from engine.services.evaluation.outcomes import (
    Facts,
    Outcome,
    color_outcome,
    mask_outcome,
    require_extent,
    srgb_picture,
)


class MaskFolderTask:
    """Masks of one folder against those of another; `engine.services.evaluation.outcomes.Task`.

    Raises
    ------
    KnownError
        A folder is not there, or no name is in both.
    """

    kind = DatasetKind.MASK

    def __init__(self, request: MaskFolders) -> None:
        self._truth = _by_name(request.truth)
        self._predicted = _by_name(request.predicted)
        self._photographs = _by_name(request.photographs) if request.photographs is not None else {}
        self._request = request
        self.subject = str(request.predicted)
        self.contenders = (Contender(request.predicted.absolute().name),)
        self.names: Sequence[str] = _names(request.truth, self._truth, request.predicted, self._predicted)
        self.facts: Facts = mask_facts()

    def files(self, name: str) -> Sequence[Path]:
        found = (folder.get(name.casefold()) for folder in (self._truth, self._predicted, self._photographs))
        return [self._request.truth, self._request.predicted, *(path for path in found if path is not None)]

    def measure(self, contender: Contender, name: str, report: ReportStep) -> Outcome:
        """See `engine.services.evaluation.outcomes.Task.measure`."""
        truth_path = _path_of(name, self._truth, self._request.truth)
        predicted_path = _path_of(name, self._predicted, self._request.predicted)
        extent = read_header(truth_path).extent
        require_extent(read_header(predicted_path).extent, extent, predicted_path)
        truth = read_mask(truth_path, extent, may_be_empty=True)
        mask = read_mask(predicted_path, extent, may_be_empty=True)
        photograph = self._photographs.get(name.casefold())
        if photograph is None:
            return mask_outcome(None, mask, truth, kept=False)
        picture = srgb_picture(photograph)
        require_extent(picture.extent, extent, photograph)
        return mask_outcome(np.asarray(picture.pixels, np.uint8), mask, truth, kept=False)


class ColorFolderTask:
    """Pictures of one folder against the true ones of another; `engine.services.evaluation.outcomes.Task`.

    Raises
    ------
    KnownError
        A folder is not there, or no name is in both.
    """

    kind = DatasetKind.COLOR

    def __init__(self, request: ColorFolders) -> None:
        self._request = request
        self._truth, self._result = _by_name(request.truth), _by_name(request.result)
        self._control = _by_name(request.control)
        self._masks = _by_name(request.masks) if request.masks is not None else {}
        self.subject = str(request.result)
        self.contenders = (Contender(request.result.absolute().name),)
        self.names: Sequence[str] = _names(request.truth, self._truth, request.result, self._result)
        self.facts: Facts = color_facts(request.crop)

    def files(self, name: str) -> Sequence[Path]:
        found = (folder.get(name.casefold()) for folder in (self._truth, self._result, self._control, self._masks))
        folders = (self._request.truth, self._request.result, self._request.control, self._request.masks)
        return [path for path in (*folders, *found) if path is not None]

    def measure(self, contender: Contender, name: str, report: ReportStep) -> Outcome:
        """See `engine.services.evaluation.outcomes.Task.measure`."""
        request = self._request
        truth = srgb_picture(_path_of(name, self._truth, request.truth))
        result = srgb_picture(_path_of(name, self._result, request.result))
        control = srgb_picture(_path_of(name, self._control, request.control))
        for other in (result, control):
            require_extent(other.extent, truth.extent, other.path)
        mask = None
        if request.masks is not None:
            mask = read_mask(_path_of(name, self._masks, request.masks), truth.extent)
        return color_outcome(name, control, result, truth, mask, request.crop, kept=False)


def mask_facts() -> Facts:
    """How masks are measured, for the record."""
    return {"boundary_tolerance": BOUNDARY_TOLERANCE}


def color_facts(crop: Crop) -> Facts:
    """How colours are measured, for the record."""
    rule = f"share {crop.share:g}"
    if crop.box is not None:
        box = crop.box
        rule = f"{box.left},{box.top},{box.extent.width},{box.extent.height}"
    if crop.by_name:
        rule += f"; {len(crop.by_name)} of their own"
    return {"delta_E": "mean of CIEDE2000 per pixel, sRGB to CIELAB D65/2°", "crop": rule}


def _by_name(folder: Path) -> dict[str, Path]:
    """Pictures by the name that tells which example they belong to.

    Raises
    ------
    KnownError
        It is no folder, or two pictures have one name.
    """
    found: dict[str, Path] = {}
    for path in pictures_in(folder):
        name = plain_stem(path) or path.stem.casefold()
        if name in found:
            raise KnownError(
                f"it has the same name as {found[name].name}", remedy="Keep one picture of each name.", path=path
            )
        found[name] = path
    return found


def _names(truth: Path, true: dict[str, Path], other: Path, given: dict[str, Path]) -> list[str]:
    """Every name of either folder, as it is written: what has no counterpart is told, not left out in silence."""
    if not true.keys() & given.keys():
        raise KnownError(
            f"no picture has the name of one in {truth}",
            remedy="Give both folders files of the same names; -mask, -target, -painted or -alpha may follow.",
            path=other,
        )
    return [written_stem((true | given)[name]) or name for name in sorted(true.keys() | given.keys())]


def _path_of(name: str, files: dict[str, Path], folder: Path) -> Path:
    path = files.get(name.casefold())
    if path is None:
        raise KnownError(
            f"no picture of the name '{name}' is in this folder",
            remedy="Add it, or remove its counterpart.",
            path=folder,
        )
    return path
