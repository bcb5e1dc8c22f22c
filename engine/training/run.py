"""A training run: optimiser, schedule, moving average, and checkpoints from which it goes on as it would have.

Everything random is drawn from the seed and the step (`engine.training.noise`), so weights, optimiser and step are all
there is to keep.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Protocol
from zipfile import BadZipFile, is_zipfile

import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from torch import Tensor, nn

from engine.domain.errors import KnownError
from engine.domain.files import complete_file
from engine.training.flow import Batch, flow_loss
from engine.training.job import CHECKPOINT
from engine.training.noise import Draws, NoiseRule, draw, generator


class Examples(Protocol):
    """Where batches come from."""

    def batch(self, random: torch.Generator) -> Batch:
        """A batch whose choice and augmentation depend on ``random`` alone."""
        ...


@dataclass(frozen=True, slots=True)
class Course:
    """How the weights move.

    Attributes
    ----------
    steps : int
        Of the optimiser, in all.
    learning_rate : float
        At its height, after ``warmup`` steps; it falls with the cosine to ``final_share`` of it.
    accumulation : int
        Batches of which one step takes the mean gradient.
    clip : float
        Greatest norm of the gradient.
    ema : float
        Share of the moving average that stays in each step; 0 for none.
    """

    steps: int
    learning_rate: float
    warmup: int = 20
    final_share: float = 0.0
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    accumulation: int = 1
    clip: float = 1.0
    ema: float = 0.0
    seed: int = 0
    noise: NoiseRule = field(default_factory=NoiseRule)
    precision: str = "float32"

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        share = min(1.0, step / max(1, self.steps))
        cosine = self.final_share + (1 - self.final_share) * 0.5 * (1 + math.cos(math.pi * share))
        return self.learning_rate * min(1.0, (step + 1) / max(1, self.warmup)) * cosine


def adamw(parameters: list[nn.Parameter], course: Course) -> torch.optim.Optimizer:
    """Loshchilov & Hutter 2019, its moments in float32."""
    return torch.optim.AdamW(parameters, course.learning_rate, betas=course.betas, weight_decay=course.weight_decay)


class Run:
    """One run in a folder of its own. Used by one thread.

    Parameters
    ----------
    transformer : FluxTransformer2DModel
        Its parameters that require a gradient are trained; they are float32.
    examples : Examples
    course : Course
    folder : Path
        Where the checkpoint is. One that is there is gone on from.
    optimiser : callable
        Makes the optimiser of the parameters.

    Raises
    ------
    KnownError
        The checkpoint is of another course or other parameters, or cannot be read.
    """

    def __init__(
        self,
        transformer: FluxTransformer2DModel,
        examples: Examples,
        course: Course,
        folder: Path,
        optimiser: Callable[[list[nn.Parameter], Course], torch.optim.Optimizer] = adamw,
    ) -> None:
        self.transformer, self.course, self._examples, self._folder = transformer, course, examples, folder
        self.trained: Mapping[str, nn.Parameter] = {
            name: parameter for name, parameter in transformer.named_parameters() if parameter.requires_grad
        }
        self._optimiser = optimiser(list(self.trained.values()), course)
        self._device = next(iter(self.trained.values())).device
        self._average = [p.detach().clone() for p in self.trained.values()] if course.ema else []
        self.step = 0
        if (folder / CHECKPOINT).exists():
            self._go_on()

    @property
    def is_finished(self) -> bool:
        return self.step >= self.course.steps

    def advance(self) -> float:
        """Take one step.

        Returns
        -------
        float
            Its loss.

        Raises
        ------
        KnownError
            The loss is no number.
        """
        course = self.course
        for group in self._optimiser.param_groups:
            group["lr"] = course.rate(self.step)
        self.transformer.train()
        total = 0.0
        for part in range(course.accumulation):
            batch = self._examples.batch(generator(course.seed, self.step, 2 * part))
            draws = draw(course.noise, batch.target, generator(course.seed, self.step, 2 * part + 1))
            loss = self.loss(batch, draws)
            (loss / course.accumulation).backward()
            total += float(loss.detach()) / course.accumulation
        if not math.isfinite(total):
            raise KnownError(
                f"the loss of step {self.step + 1} is no number",
                remedy="Train with a lower learning rate; the last checkpoint is intact.",
            )
        torch.nn.utils.clip_grad_norm_(list(self.trained.values()), course.clip)
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        self.step += 1
        if self._average:
            # Young averages follow fast, or they would keep the first weights for thousands of steps.
            kept = min(course.ema, self.step / (self.step + 20))
            with torch.no_grad():
                for mean, parameter in zip(self._average, self.trained.values(), strict=True):
                    mean.lerp_(parameter, 1 - kept)
        return total

    def loss(self, batch: Batch, draws: Draws) -> Tensor:
        """The loss of a batch from anywhere, in the course's precision."""
        with self.computing():
            return flow_loss(self.transformer, batch.to(self._device), draws.to(self._device))

    def computing(self) -> torch.autocast:
        """Within it the transformer computes in the course's precision."""
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self.course.precision == "bfloat16")

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within it the transformer has the moving averages for weights, where the course keeps any."""
        if not self._average:
            yield
            return
        parameters = list(self.trained.values())
        learnt = [parameter.detach().clone() for parameter in parameters]
        _put(parameters, self._average)
        try:
            yield
        finally:
            _put(parameters, learnt)

    def save(self) -> None:
        """Write the checkpoint; the last one stays until this one is complete.

        Raises
        ------
        KnownError
            The disk is full or cannot be written to.
        """
        state = {
            "step": self.step,
            "course": asdict(self.course),
            "weights": {name: parameter.detach() for name, parameter in self.trained.items()},
            "optimiser": self._optimiser.state_dict(),
            "average": self._average,
        }
        self._folder.mkdir(parents=True, exist_ok=True)
        with complete_file(self._folder / CHECKPOINT, overwrite=True) as temporary:
            torch.save(state, temporary)

    def _go_on(self) -> None:
        path = self._folder / CHECKPOINT
        try:
            if not is_zipfile(path):  # torch would take it for a pickle of old, and fail in any way there is
                raise BadZipFile
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, BadZipFile, UnpicklingError) as error:
            raise KnownError(
                "the checkpoint cannot be read",
                remedy="Restore it from a backup, or train into a new folder; the LoRAs in 'checkpoints' are intact.",
                path=path,
            ) from error
        fixed = {name: value for name, value in asdict(self.course).items() if name != "steps"}
        was = {name: value for name, value in state["course"].items() if name != "steps"}
        if set(state["weights"]) != set(self.trained) or was != fixed:
            changed = sorted(name for name in fixed if was.get(name) != fixed[name])
            raise KnownError(
                f"the run was begun with other settings ({', '.join(changed) or 'other layers'})",
                remedy="Train into another folder, or with the settings of before.",
                path=path,
            )
        _put(self.trained.values(), [state["weights"][name] for name in self.trained])
        self._optimiser.load_state_dict(state["optimiser"])
        self._average = [mean.to(self._device) for mean in state["average"]]
        self.step = int(state["step"])


def _put(parameters: Iterable[Tensor], values: Iterable[Tensor]) -> None:
    with torch.no_grad():
        for parameter, value in zip(parameters, values, strict=True):
            parameter.copy_(value)


def be_reproducible() -> None:
    """Ask this process for the algorithms that give the same bits each time, where there are any."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
