"""Where an exported picture comes from: the photograph, the results that are in it, and the models behind them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from engine.domain.results import Verdict
from engine.domain.review import Decision, ResultKind


class NamedHash(NamedTuple):
    """A file, or a mask, by its name and by the SHA-256 of its bytes in hexadecimal."""

    name: str
    sha256: str


class ModelTask(StrEnum):
    """What a model did for a result."""

    MASK = "mask"
    """It found or painted the mask. No pixel of the picture is its own."""
    COLOR_GUIDE = "color guide"
    """It painted the garment in the flatlay's colour. The colours were measured; its pixels were thrown away."""
    EDIT = "edit"
    """It painted pixels of the picture."""


@dataclass(frozen=True, slots=True)
class ModelRun:
    """A model that took part in a result.

    Attributes
    ----------
    engine : str
        Which backend ran it.
    model : str
        Name of its file or folder.
    fingerprint : str
        SHA-256 over names, sizes, headers and samples of its weights, hexadecimal: hashing all 34 GB of FLUX.1 Kontext
        would take minutes.
    lora : NamedHash or None
        The LoRA file, with its whole hash; None for the bare model.
    lora_scale : float
    prompt : str
        Empty for a model that takes none.
    seed : int or None
        Of the starting noise; None for a model that starts from none.
    """

    task: ModelTask
    engine: str
    model: str
    fingerprint: str
    lora: NamedHash | None = None
    lora_scale: float = 1.0
    prompt: str = ""
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class ResultOrigin:
    """One result that is in the file.

    Attributes
    ----------
    job_id, version : int
        In the catalog of `Provenance.catalog`; ``version`` counts from 1.
    mask : NamedHash
        The name it has in the file (of its alpha channel, where there is one), and the hash of the mask as it is stored
        in the catalog: by it a file that comes back tells which mask it was written with.
    models : tuple of ModelRun
        In the order in which they ran.
    delta_E_before, delta_E_after : float or None
        ΔE00 of the garment to the flatlay; None without a colour match.
    verdict : Verdict or None
        What the figures say; None without a colour match.
    decision : Decision
        What a person said.
    reviewer : str
        Who said it: the approver of an approved result. Empty while nobody has looked.
    reviewed_at : datetime or None
    retouch_source : str
        The IPTC digital source type that a file declared when it came back from a retoucher in whose work a generative
        model took part; empty for a person's own work.
    """

    job_id: int
    kind: ResultKind
    version: int
    mask: NamedHash
    models: tuple[ModelRun, ...] = ()
    delta_E_before: float | None = None
    delta_E_after: float | None = None
    verdict: Verdict | None = None
    decision: Decision = Decision.PENDING
    reviewer: str = ""
    reviewed_at: datetime | None = None
    retouch_source: str = ""

    @property
    def is_painted(self) -> bool:
        """Whether a generative model painted pixels of the picture."""
        return bool(self.retouch_source) or any(run.task is ModelTask.EDIT for run in self.models)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where one exported file comes from.

    Attributes
    ----------
    photograph : NamedHash
        The original's file name, without its folder, and its hash.
    catalog : str
        `engine.ports.Catalog.identity` of the catalog that holds the results.
    software : str
        Name and version of the program that wrote the file.
    origins : tuple of ResultOrigin
        Every result that is in the file, from the bottom up.
    at : datetime
        When the file was written; aware, UTC.
    is_picture : bool
        False for a file that holds a mask and nothing else.
    """

    photograph: NamedHash
    catalog: str
    software: str
    origins: tuple[ResultOrigin, ...]
    at: datetime
    is_picture: bool = True

    @property
    def results(self) -> tuple[int, ...]:
        """The job ids of the results in the file."""
        return tuple(origin.job_id for origin in self.origins)

    @property
    def masks(self) -> tuple[NamedHash, ...]:
        """The masks in the file, each once."""
        return tuple(dict.fromkeys(origin.mask for origin in self.origins))

    @property
    def is_painted(self) -> bool:
        """Whether a generative model painted pixels of the delivered picture: what has to be disclosed."""
        return self.is_picture and any(origin.is_painted for origin in self.origins)
