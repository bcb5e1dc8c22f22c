"""Evaluation: what is measured, of which model or pictures, and what came of it. The measures' definitions are in
`engine.imaging.metrics`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from engine.domain.datasets import DatasetKind, Split
from engine.domain.errors import UsageError
from engine.domain.geometry import Box
from engine.domain.requests import BodyRegion, LoraRef, Sampling

EVALUATION_VERSION = 1
"""Of ``evaluation.json``. A reader refuses a newer one."""

BASE = "base"
"""Name of the contender that is the model without a LoRA."""

NO_MASK = "no mask was painted"
"""Problem of an example on which an empty mask was measured."""


@dataclass(frozen=True, slots=True)
class Contender:
    """What is evaluated: the model as it is, with a LoRA, or pictures in a folder.

    Attributes
    ----------
    name : str
        Unique in an evaluation: ``base``, ``step 250``, a LoRA's or a folder's name.
    step : int or None
        Of a training run's checkpoint; 0 for the untrained base; None where there is no run.
    lora : LoraRef or None
        None for the base, and for pictures.
    """

    name: str
    step: int | None = None
    lora: LoraRef | None = None


@dataclass(frozen=True, slots=True)
class Crop:
    """The fixed part of a garment on which ΔE00 is measured, the same on control, result and truth.

    Attributes
    ----------
    share : float
        Of a square's side, above 0, to 1. With a mask it is the largest square that fits around the point which lies
        deepest in the garment; without one it is the picture, and the share is that of both sides around its centre.
    box : Box or None
        In pixels of the truth, in place of the square.
    by_name : tuple of (str, Box)
        In place of both for single examples, by their names in lower case.
    """

    share: float = 1.0
    box: Box | None = None
    by_name: tuple[tuple[str, Box], ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise UsageError(f"a crop of {self.share:g}", remedy="Give a share above 0 and up to 1, or x,y,w,h.")


@dataclass(frozen=True, slots=True)
class MaskFolders:
    """Masks in a folder against true ones in another.

    Attributes
    ----------
    predicted, truth : Path
        Folders of pictures with one name each.
    photographs : Path or None
        For the contact sheet alone.
    """

    predicted: Path
    truth: Path
    photographs: Path | None = None


@dataclass(frozen=True, slots=True)
class ColorFolders:
    """Pictures in their first colours, as they were made, and in their true colours; in folders, with one name each.

    Attributes
    ----------
    masks : Path or None
        Garment masks; without them only the crop is measured.
    """

    control: Path
    result: Path
    truth: Path
    masks: Path | None = None
    crop: Crop = field(default_factory=Crop)


@dataclass(frozen=True, slots=True)
class SetEvaluation:
    """What a model makes of a data set's controls, against what it shall make of them.

    Attributes
    ----------
    split : Split or None
        Which examples; None takes all.
    limit : int
        So many examples at most, the first ones by name; 0: all.
    seeds : int
        Of mask sets: how many masks are painted and averaged, as the product does.
    region : BodyRegion
        Of mask sets: the part of the person that the model is shown, as in the LoRA's entry of the registry.
    crop : Crop
        Of colour sets.
    """

    dataset: Path
    model: Path
    contenders: tuple[Contender, ...]
    split: Split | None = Split.HELD_OUT
    limit: int = 0
    sampling: Sampling = field(default_factory=Sampling)
    seeds: int = 1
    vram_tier: int = 0
    region: BodyRegion = BodyRegion.WHOLE
    crop: Crop = field(default_factory=Crop)


EvaluationRequest = MaskFolders | ColorFolders | SetEvaluation


@dataclass(frozen=True, slots=True)
class MaskFigures:
    """How a mask compares with the true one.

    Attributes
    ----------
    iou : float
        Intersection over union of what is above half, 0 to 1.
    boundary_f : float
        F-measure of the two outlines (Perazzi et al. 2016), 0 to 1.
    mae : float
        Mean absolute difference of the soft masks over the whole picture, 0 to 1.
    """

    iou: float
    boundary_f: float
    mae: float


@dataclass(frozen=True, slots=True)
class ColorFigures:
    """How far a garment's colour is from the true one, before and after; ΔE00 are means over pixels.

    Attributes
    ----------
    control_crop, result_crop : float
        ΔE00 to the truth on the crop.
    control_garment, result_garment : float or None
        ΔE00 to the truth inside the mask; None without one, as all that follows.
    texture : float or None
        Correlation of the gradients of L inside the mask, control against result; 1: every thread is kept.
    outside : float or None
        ΔE00 between control and result where the mask is 0.
    outside_max : int or None
        Largest change of a channel there, in 8-bit levels; 0 proves that nothing was touched.
    """

    control_crop: float
    result_crop: float
    control_garment: float | None = None
    result_garment: float | None = None
    texture: float | None = None
    outside: float | None = None
    outside_max: int | None = None


Figures = MaskFigures | ColorFigures


@dataclass(frozen=True, slots=True)
class Measured:
    """One example of one contender.

    Attributes
    ----------
    figures : MaskFigures or ColorFigures or None
        None where nothing could be measured.
    problem : str
        Why there are none, or `NO_MASK`; empty otherwise.
    result : str
        The mask or picture that was made, below the evaluation's folder with ``/``; empty where none was kept.
    seconds : float
        It took to make.
    """

    contender: str
    example: str
    figures: Figures | None
    problem: str = ""
    result: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Summary:
    """A contender's mean figures.

    Attributes
    ----------
    count, failed : int
        Examples measured, and those that could not be.
    unpainted : int
        Of the measured ones those on which the model painted no mask: an empty one was measured.
    means : MaskFigures or ColorFigures or None
        Over the measured examples; of ``outside_max`` the largest. None where there are none.
    """

    contender: Contender
    count: int
    failed: int
    unpainted: int
    means: Figures | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that was measured.

    Attributes
    ----------
    kind : DatasetKind
        Masks or colours.
    subject : str
        The set, or the folder that was measured.
    facts : dict
        How it was made: model, hash of the set, sampling, crop, tolerance of the outlines.
    is_complete : bool
        False where it was stopped before the end.
    """

    kind: DatasetKind
    subject: str
    contenders: tuple[Contender, ...]
    measured: tuple[Measured, ...] = ()
    facts: dict[str, str | int | float] = field(default_factory=dict[str, "str | int | float"])
    is_complete: bool = True
    version: int = EVALUATION_VERSION

    def of(self, contender: Contender) -> tuple[Measured, ...]:
        """What was measured of one contender, in the examples' order."""
        return tuple(row for row in self.measured if row.contender == contender.name)
