"""Training of a LoRA: everything that changes a weight, what a run is asked to do, and what it tells while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from engine.domain.datasets import DatasetKind, Example, Split
from engine.domain.errors import UsageError


class LoraLayers(StrEnum):
    """Which linear layers of the transformer's blocks a LoRA is put on."""

    ATTENTION = "attention"
    BLOCKS = "blocks"  # attention and feed-forward
    ALL = "all"  # the modulation as well, as AI-Toolkit does


class BaseWeights(StrEnum):
    """How the transformer's own weights, which do not learn, are kept."""

    AUTO = "auto"
    WHOLE = "whole"  # bfloat16 on a graphics card, float32 on a CPU
    FP8 = "fp8"
    NF4 = "nf4"  # needs bitsandbytes and a CUDA card


class Optimiser(StrEnum):
    """Which AdamW. The moments take two numbers for each weight that learns."""

    AUTO = "auto"
    ADAMW = "adamw"
    ADAMW_8BIT = "adamw8bit"  # needs bitsandbytes and a CUDA card


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """Everything that changes a weight, and how often something is written.

    Attributes
    ----------
    rank : int
        Of both factors.
    alpha : int or None
        The LoRA's strength is ``alpha / rank``; None: as the rank, strength 1.
    learning_rate : float
        Constant after ``warmup`` steps.
    steps : int
        Of the optimiser.
    batch, accumulation : int
        Examples of a batch, and batches of which one step takes the mean gradient.
    resolutions : tuple of int
        Side in pixels of the square whose area a canvas has; each example is trained at all of them, on Kontext's own
        canvas shapes scaled to that area.
    time_mean, time_deviation : float
        Of the normal distribution whose logistic function is the time (logit-normal).
    pure_noise : float
        Share of the examples that are shown as nothing but noise, 0 to 1.
    guidance : float
        What the distilled guidance embedding is told while training.
    gradient_checkpointing : bool
        Compute each block twice instead of keeping what it computed: less memory, a third more time.
    mask_min_value : float
        Weight in the loss where the loss mask is black, 0 to 1.
    caption_dropout : float
        Share of the examples whose caption is left empty, 0 to 1.
    ema : float
        Share of the moving average of the weights that stays in each step; 0: none is kept.
    variants : int
        Seeded variations of each training pair beside the pair itself: mirrored (mask sets), cropped, exposed anew.
    sample_every, evaluate_every, save_every, checkpoint_every : int
        In steps; 0: never. A checkpoint is what a run that was killed goes on from.
    samples : int
        How many pictures are painted each time.
    sample_steps : int
        Denoising steps of a sample.
    iou_steps : int
        Denoising steps by which the held-out masks of a mask set are painted at each evaluation, to be compared with
        the truth; 0: the loss alone tells which evaluation is better.
    patience : int
        Evaluations without a better one after which the run stops; 0: it never stops early.
    """

    rank: int = 64
    alpha: int | None = None
    layers: LoraLayers = LoraLayers.ALL
    learning_rate: float = 1e-4
    warmup: int = 0
    weight_decay: float = 0.0
    steps: int = 1000
    batch: int = 1
    accumulation: int = 1
    resolutions: tuple[int, ...] = (512, 768, 1024)
    time_mean: float = 0.0
    time_deviation: float = 1.0
    pure_noise: float = 0.0
    guidance: float = 1.0
    base_weights: BaseWeights = BaseWeights.AUTO
    optimiser: Optimiser = Optimiser.AUTO
    gradient_checkpointing: bool = True
    mask_min_value: float = 0.1
    caption_dropout: float = 0.05
    ema: float = 0.0
    variants: int = 0
    seed: int = 0
    sample_every: int = 250
    samples: int = 4
    sample_steps: int = 28
    evaluate_every: int = 100
    iou_steps: int = 4
    patience: int = 0
    save_every: int = 250
    checkpoint_every: int = 50

    def __post_init__(self) -> None:
        for name in ("rank", "steps", "batch", "accumulation", "sample_steps", "checkpoint_every"):
            self._require(name, int(getattr(self, name)) >= 1, "1 or more")
        for name in (
            "warmup",
            "sample_every",
            "samples",
            "evaluate_every",
            "iou_steps",
            "patience",
            "save_every",
            "variants",
        ):
            self._require(name, int(getattr(self, name)) >= 0, "0 or more")
        for name in ("mask_min_value", "caption_dropout", "pure_noise"):
            self._require(name, 0 <= float(getattr(self, name)) <= 1, "from 0 to 1")
        self._require("ema", 0 <= self.ema < 1, "0 or more and less than 1")
        self._require("alpha", self.alpha is None or self.alpha >= 1, "1 or more")
        self._require("learning_rate", 0 < self.learning_rate < 1, "more than 0 and less than 1")
        self._require("weight_decay", self.weight_decay >= 0, "0 or more")
        self._require("time_deviation", self.time_deviation > 0, "more than 0")
        self._require("resolutions", bool(self.resolutions) and min(self.resolutions) >= 32, "32 pixels or more each")

    def _require(self, name: str, holds: bool, wanted: str) -> None:
        if not holds:
            setting = name.replace("_", " ")  # an operator knows it by the window's label or by an option
            raise UsageError(f"the setting '{setting}' is {getattr(self, name)}", remedy=f"It must be {wanted}.")

    @property
    def strength(self) -> float:
        """``alpha / rank``."""
        return 1.0 if self.alpha is None else self.alpha / self.rank


MASK_SETTINGS = TrainingSettings()
"""As the published mask LoRAs ("Dreaming Masks with FLUX.1 Kontext"): rank 64, 1,000 steps, three resolutions."""

COLOR_SETTINGS = TrainingSettings(rank=32, steps=5200, resolutions=(1024,))
"""As the published colour LoRA (learning rate 1e-4, weight decay 0, 5,200 steps, pairs of 1328 × 800), whose rank is
not stated; 32 is AI-Toolkit's order of magnitude.
"""


def default_settings(kind: DatasetKind) -> TrainingSettings:
    return COLOR_SETTINGS if kind is DatasetKind.COLOR else MASK_SETTINGS


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """What one run does; kept in the run's folder, so that it can be gone on with.

    Attributes
    ----------
    name : str
        Of the LoRA, and of its files.
    model, dataset : str
        Absolute paths of the base model, and of the set's folder.
    dataset_hash : str
        SHA-256 of the set's manifest.
    vram_tier : int
        Train as on a card of so many GB; 0 asks the card.
    """

    name: str
    kind: DatasetKind
    model: str
    dataset: str
    dataset_hash: str
    examples: tuple[Example, ...]
    settings: TrainingSettings = field(default_factory=TrainingSettings)
    vram_tier: int = 0

    def of(self, split: Split) -> tuple[Example, ...]:
        return tuple(example for example in self.examples if example.split is split)

    @property
    def trigger(self) -> str:
        """The word that the captions hold; empty: none."""
        return next((example.trigger for example in self.examples if example.trigger), "")


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """How a run uses the machine; decided when it starts, and kept when it goes on.

    Attributes
    ----------
    device : str
        ``cuda`` or ``cpu``.
    compute : str
        ``bfloat16`` or ``float32``: what is computed in. The LoRA's weights are float32 in either case.
    peak_bytes : int
        What it is estimated to take at most; 0: not estimated.
    """

    device: str
    compute: str
    base_weights: BaseWeights
    optimiser: Optimiser
    peak_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Preparing:
    """Something before the first step."""

    what: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """The first step comes.

    Attributes
    ----------
    step : int
        Steps that were done before; more than 0 where the run goes on.
    parameters : int
        How many numbers learn.
    """

    plan: TrainingPlan
    step: int
    parameters: int
    training: int
    held_out: int


@dataclass(frozen=True, slots=True)
class StepDone:
    """One step of the optimiser; ``seconds`` it took, ``remaining`` seconds are left by the latest steps' mean."""

    step: int
    steps: int
    loss: float
    learning_rate: float
    seconds: float
    remaining: float


@dataclass(frozen=True, slots=True)
class Sampled:
    """A strip was written: control, target, and what the model paints now."""

    step: int
    example: str
    path: str


@dataclass(frozen=True, slots=True)
class Evaluated:
    """How the held-out examples were done, at times and with noise that are always the same.

    Attributes
    ----------
    loss : float
        Mean of all of them.
    best_step : int
        Of the best evaluation until now: the greatest overlap where masks were painted, and otherwise the least loss.
    best_loss : float
        Of that one.
    stalled : int
        Evaluations since then.
    iou, best_iou : float or None
        Mean intersection over union of the painted masks and the true ones, now and at the best step; None: nothing was
        painted.
    """

    step: int
    loss: float
    best_step: int
    best_loss: float
    stalled: int
    iou: float | None = None
    best_iou: float | None = None

    def next(self, step: int, loss: float, iou: float | None) -> Evaluated:
        """What is told after this one. Overlaps that are equal, as before anything is painted, leave it to the loss."""
        if (iou or 0.0, -loss) > (self.best_iou or 0.0, -self.best_loss):
            return Evaluated(step, loss, step, loss, 0, iou, iou)
        return Evaluated(step, loss, self.best_step, self.best_loss, self.stalled + 1, iou, self.best_iou)


@dataclass(frozen=True, slots=True)
class Saved:
    """A LoRA file was written."""

    step: int
    path: str


@dataclass(frozen=True, slots=True)
class Paused:
    """The run left with a checkpoint, as it was asked to."""

    step: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The run is over.

    Attributes
    ----------
    path : str
        The LoRA file.
    from_step : int
        Whose weights it has: the best evaluated ones where the run may stop early, the last ones otherwise.
    is_early : bool
        It stopped because the held-out examples were no longer done better.
    """

    step: int
    path: str
    from_step: int
    is_early: bool


@dataclass(frozen=True, slots=True)
class Broken:
    """The run broke off, mostly on something that an operator can mend (`engine.domain.errors.KnownError`).

    Attributes
    ----------
    step : int
        The last one that it told of.
    at : str
        When, ISO 8601 in UTC.
    """

    what: str
    remedy: str
    path: str
    retryable: bool
    step: int = 0
    at: str = ""


TrainingEvent = Preparing | Prepared | StepDone | Sampled | Evaluated | Saved | Paused | Finished | Broken
