"""KontextBench: its tasks, what a run makes of them, and how pictures drift from round to round."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from engine.domain.errors import UsageError
from engine.domain.requests import LoraRef, Sampling


class BenchCategory(StrEnum):
    """The five kinds of task in KontextBench ("FLUX.1 Kontext", 2025)."""

    LOCAL = "local-editing"
    GLOBAL = "global-editing"
    TEXT = "text-editing"
    STYLE = "style-reference"
    CHARACTER = "character-reference"


@dataclass(frozen=True, slots=True)
class BenchTask:
    """A picture and what shall be made of it.

    Attributes
    ----------
    key : str
        Unique in its category; the stem of its outputs.
    instructions : tuple of str
        One for each round; the last one holds for all that follow.
    """

    key: str
    category: BenchCategory
    image: Path
    instructions: tuple[str, ...]

    def instruction(self, round_: int) -> str:
        """Of a round, counted from 1."""
        return self.instructions[min(round_, len(self.instructions)) - 1]


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """Edit every picture, and what came of it again.

    Attributes
    ----------
    rounds : int
        Each round edits what the one before has made.
    """

    tasks: tuple[BenchTask, ...]
    model: Path
    lora: LoraRef | None = None
    sampling: Sampling = field(default_factory=Sampling)
    rounds: int = 1
    vram_tier: int = 0

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise UsageError(f"{self.rounds} rounds", remedy="Give 1 or more.")


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a round's picture is from the first one, at the model's size.

    Attributes
    ----------
    delta_E : float
        Mean over all pixels of ΔE00.
    untouched : float or None
        The same where the first round left the picture as it was; None where it left next to nothing.
    structure : float
        Mean SSIM of L*, 1 for the same picture (Wang et al. 2004).
    """

    delta_E: float
    untouched: float | None
    structure: float


@dataclass(frozen=True, slots=True)
class BenchOutput:
    """One round of one task; a line of ``metadata.jsonl``.

    Attributes
    ----------
    file_name : str
        Below the outputs' folder, with ``/``; empty where none was made.
    source_sha256 : str
        Of the picture that was edited.
    problem : str
        Why there is no output; empty otherwise.
    """

    key: str
    category: BenchCategory
    round: int
    instruction: str
    file_name: str
    source_sha256: str
    drift: Drift | None
    seconds: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class BenchRun:
    """Everything a benchmark has made.

    Attributes
    ----------
    facts : dict
        Model, LoRA and sampling: what else an output depends on.
    """

    outputs: tuple[BenchOutput, ...]
    facts: dict[str, str | int | float]
    is_complete: bool = True
