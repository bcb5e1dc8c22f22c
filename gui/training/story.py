"""What a training run told until now, put together. No Qt in here."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.domain.training import (
    Evaluated,
    Finished,
    Paused,
    Prepared,
    Preparing,
    Sampled,
    Saved,
    StepDone,
    TrainingEvent,
    TrainingJob,
)

Ending = Paused | Finished


@dataclass
class RunStory:
    """A run as it stands. Its events come from the log of its folder first, then from its process.

    Attributes
    ----------
    steps, losses : list
        Of every step, ascending.
    evaluations : list of Evaluated
        Of the held-out pairs, ascending by step.
    samples : dict
        Step -> (example, file below the run's folder) in the order they were painted.
    preparing : Preparing or None
        What is done before the first step.
    last : StepDone or None
        The latest step.
    doing : str
        What takes time after the latest step; empty while it trains.
    ending : Paused, Finished or None
        How the process left; None while it runs, and where it broke off or was ended.
    """

    job: TrainingJob
    steps: list[int] = field(default_factory=list[int])
    losses: list[float] = field(default_factory=list[float])
    evaluations: list[Evaluated] = field(default_factory=list[Evaluated])
    samples: dict[int, list[tuple[str, str]]] = field(default_factory=dict[int, "list[tuple[str, str]]"])
    saved: list[Saved] = field(default_factory=list[Saved])
    preparing: Preparing | None = None
    prepared: Prepared | None = None
    last: StepDone | None = None
    doing: str = ""
    ending: Ending | None = None

    @classmethod
    def of(cls, job: TrainingJob, events: Iterable[TrainingEvent]) -> RunStory:
        story = cls(job)
        for event in events:
            story.tell(event)
        return story

    @property
    def step(self) -> int:
        """Steps that are done."""
        return self.steps[-1] if self.steps else 0

    @property
    def total(self) -> int:
        """Steps that there shall be."""
        return self.job.settings.steps

    @property
    def is_finished(self) -> bool:
        return isinstance(self.ending, Finished)

    @property
    def best(self) -> Evaluated | None:
        """The evaluation of the best weights until now, as the run itself judges."""
        if not self.evaluations:
            return None
        step = self.evaluations[-1].best_step
        return next((event for event in self.evaluations if event.step == step), None)

    def begin(self) -> None:
        """A process is about to go on with the run."""
        self.ending, self.preparing, self.doing = None, None, ""

    def tell(self, event: TrainingEvent) -> None:
        """Take the next event."""
        match event:
            case Preparing():
                self.preparing = event
            case Prepared():
                self.prepared, self.preparing = event, None
                self._cut(event.step)
            case StepDone():
                self.steps.append(event.step)
                self.losses.append(event.loss)
                self.last, self.doing = event, self._due(event.step)
            case Evaluated():
                self.evaluations.append(event)
            case Sampled():
                self.samples.setdefault(event.step, []).append((event.example, event.path))
            case Saved():
                self.saved.append(event)
            case Paused() | Finished():
                self.ending, self.doing = event, ""

    def _due(self, step: int) -> str:
        """What the process does after a step, which it tells only once it is done."""
        settings = self.job.settings
        parts: list[str] = []
        if settings.evaluate_every and step % settings.evaluate_every == 0:
            parts.append("measuring on the held-out pairs")
        if settings.sample_every and settings.samples and step % settings.sample_every == 0:
            parts.append("painting samples")
        return " and ".join(parts)

    def _cut(self, step: int) -> None:
        """Forget what came after a step: the run goes on from there, and does it again."""
        kept = bisect_right(self.steps, step)
        del self.steps[kept:], self.losses[kept:]
        self.evaluations = [event for event in self.evaluations if event.step <= step]
        self.samples = {at: strips for at, strips in self.samples.items() if at <= step}
        self.saved = [event for event in self.saved if event.step <= step]
