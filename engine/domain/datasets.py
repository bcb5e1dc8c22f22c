"""Data sets for LoRA training: pairs of pictures with captions, how they are split, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

MANIFEST_VERSION = 1
"""Of the manifest's form. A reader refuses a newer one."""

LEAST_PAIRS = 10
"""As few pairs were enough for the published mask LoRAs ("Dreaming Masks with FLUX.1 Kontext")."""

TRIGGER = "chromiq"
"""The word that the published colour LoRA answers to; captions of colour sets begin with it."""


class DatasetKind(StrEnum):
    """What a LoRA learns from the set."""

    MASK = "mask"
    COLOR = "color"


class Split(StrEnum):
    """What an example is for: training, or measuring what was learnt."""

    TRAIN = "train"
    HELD_OUT = "held_out"


class SplitBy(StrEnum):
    """What is never on both sides of a split, beside photographs that are nearly the same."""

    ARTICLE = "article"
    PICTURE = "picture"  # of one article some photographs may teach, and others measure


class LossRegion(StrEnum):
    """Where the loss of a colour LoRA counts."""

    RIGHT_HALF = "right_half"
    GARMENT = "garment"


class Severity(StrEnum):
    """Whether a finding forbids training."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class FileHash:
    """A file by its name and the SHA-256 of its bytes, hexadecimal.

    Attributes
    ----------
    path : str
        Below the set's folder, with ``/``; of a source only the file's name.
    """

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Example:
    """One pair of a set. All its pictures have one size; paths are below the set's folder, with ``/``.

    Attributes
    ----------
    name : str
        Unique in the set; the stem of its files.
    sku : str
        The article; examples of one article are on one side of a split, unless it was split by pictures.
    control, target : str
        What the model is shown, and what it shall make of it: ``(H, W, 3)`` 8-bit sRGB.
    mask : str
        ``(H, W)`` grey, 255 = what is painted green, or the garment on the on-model photograph; empty: unknown.
    loss_mask : str
        ``(H, W)`` grey, 255 = full weight in the loss; may be ``mask`` itself. Empty: every pixel counts alike.
    trigger : str
        Word that the caption holds and the LoRA shall answer to; empty: none.
    garment : str
        Label of the garment in a colour set; empty in a mask set.
    split : Split
        What it is for.
    perceptual_hash : str
        Of the photograph, 64 bits hexadecimal (`engine.imaging.datasets.likeness.perceptual_hash`).
    coverage : float
        Mean of ``mask``, 0 to 1; 0 where it is unknown.
    delta_E : float
        Mean ΔE00 between control and target inside ``mask`` of a colour set; 0 otherwise.
    confidence : float
        How sure the mask's source is of it, 0 to 1; 1 for one that a person made or approved.
    files, sources : tuple of FileHash
        Every file of the example, and the photographs it was made from.
    """

    name: str
    sku: str
    control: str
    target: str
    caption: str
    mask: str = ""
    loss_mask: str = ""
    trigger: str = ""
    garment: str = ""
    split: Split = Split.TRAIN
    perceptual_hash: str = ""
    coverage: float = 0.0
    delta_E: float = 0.0
    confidence: float = 1.0
    files: tuple[FileHash, ...] = ()
    sources: tuple[FileHash, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """A data set: everything that tells it from another one. It holds no dates and no absolute paths, so that one
    recipe on the same originals gives the same manifest, and the same hash, anywhere.

    Attributes
    ----------
    parameters : dict
        The recipe it was built by; numbers, strings and truth values only.
    """

    kind: DatasetKind
    examples: tuple[Example, ...]
    parameters: dict[str, str | int | float | bool] = field(default_factory=dict[str, "str | int | float | bool"])
    version: int = MANIFEST_VERSION

    @property
    def split_by(self) -> SplitBy:
        """What was kept on one side; articles where the recipe does not say."""
        return SplitBy(self.parameters.get("split_by", SplitBy.ARTICLE))

    def of(self, split: Split) -> tuple[Example, ...]:
        """The examples of one side of the split."""
        return tuple(example for example in self.examples if example.split is split)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a check found.

    Attributes
    ----------
    subject : str
        The file concerned, below the set's folder; the file that was left out while building; empty for the whole set.
    what : str
        One clause without a full stop.
    remedy : str
        One sentence.
    """

    severity: Severity
    subject: str
    what: str
    remedy: str

    def __str__(self) -> str:
        subject = f"{self.subject}: " if self.subject else ""
        return f"{subject}{self.what}. {self.remedy}"


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether one of the findings forbids training."""
    return any(finding.severity is Severity.ERROR for finding in findings)
