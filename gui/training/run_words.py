"""What is said of a training run. No Qt in here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from engine.domain.training import BaseWeights, Evaluated, Finished, Paused, StepDone
from engine.services.training import RunStatus
from gui.look.palette import Ink
from gui.phrases import capital, duration, when
from gui.training.story import RunStory

_PREPARING = {
    "captions": "Encoding the captions",
    "pictures": "Encoding the pictures",
    "model": "Loading the model",
}
_SLOW_S = 0.3
"""From so many seconds on a step's duration is told, and below it how many steps fit into one second."""

_BITS = {BaseWeights.WHOLE: "", BaseWeights.FP8: ", model in 8 bit", BaseWeights.NF4: ", model in 4 bit"}


@dataclass(frozen=True, slots=True)
class Words:
    """How a run stands.

    Attributes
    ----------
    state : str
        In one or two words.
    doing : str
        What it is at, or how far it came.
    left : str
        How long it takes; empty where that is not known.
    problem : str
        Why it ended and what to do; empty where nothing is wrong.
    share : float
        Of the steps that are done, 0 to 1.
    """

    state: str
    ink: Ink
    doing: str
    left: str = ""
    problem: str = ""
    share: float = 0.0


def live_words(story: RunStory, *, is_pausing: bool, is_stopping: bool) -> Words:
    """Of a run whose process is at work."""
    share = story.step / max(1, story.total)
    if is_stopping:
        return Words("Stopping", "warn", "The process is being ended.", share=share)
    if is_pausing:
        return Words("Pausing", "warn", "It leaves after the step that it is at, with a checkpoint.", share=share)
    if story.preparing is not None:
        what = _PREPARING.get(story.preparing.what, story.preparing.what.capitalize())
        of = f" · {story.preparing.done:,} of {story.preparing.total:,}" if story.preparing.total > 1 else ""
        return Words("Preparing", "accent", f"{what}{of}", share=share)
    if story.prepared is None or story.last is None:
        text = "The first step runs" if story.prepared is not None else "The process starts"
        return Words("Starting", "accent", text, share=share)
    last = story.last
    doing = f"Step {last.step:,} of {last.steps:,}"
    if story.doing:
        doing += f", now {story.doing}"
    return Words("Training", "accent", doing, f"{duration(last.remaining)} left", share=share)


def leaving_words(story: RunStory, *, is_stopping: bool) -> str:
    """What a window that is being closed waits for."""
    if is_stopping:
        return "The training is being ended; it had not begun to learn."
    if story.doing:
        return f"The training is {story.doing}; then it pauses, with a checkpoint."
    return "The training finishes the step that it is at, and keeps a checkpoint."


def resting_words(story: RunStory, status: RunStatus | None) -> Words:
    """Of a run that this window does not have at work.

    Parameters
    ----------
    status : RunStatus or None
        How it stands by its folder; None until that was read.
    """
    share, done = story.step / max(1, story.total), f"Step {story.step:,} of {story.total:,}"
    if status is not None and status.holder is not None:
        is_told = story.last is not None and story.last.steps == story.total  # by this process, not the one before
        left = f"{duration(story.last.remaining)} left" if story.last is not None and is_told else ""
        return Words("At work elsewhere", "accent", f"{done}; another program trains it", left, share=share)
    if status is not None and status.broken is not None:
        broken = status.broken
        at = f", {when(datetime.fromisoformat(broken.at))}" if broken.at else ""
        problem = f"{capital(broken.what)}. {without_options(broken.remedy)}".strip()
        done = f"{done}{at}; it goes on from its last checkpoint" if story.steps else f"Before the first step{at}"
        return Words("Broken off", "fail", done, problem=problem, share=share)
    ending = story.ending
    match ending:
        case Finished():
            early = (
                f"The held-out pairs no longer got better by step {story.step:,}"
                if ending.is_early
                else "Every step is done"
            )
            return Words("Finished", "pass_", f"{early}; the LoRA is of step {ending.from_step:,}", share=1.0)
        case Paused():
            return Words("Paused", "warn", f"{done}; it goes on where it stopped", share=share)
        case _ if story.steps:
            return Words("Stopped", "warn", f"{done}; it goes on from its last checkpoint", share=share)
        case _:
            return Words("Not begun", "text_faint", "It was prepared and never ran", share=share)


def without_options(remedy: str) -> str:
    """What to do, without the options of the command line that do it there."""
    return re.sub(r" with --resume|, or add --replace[^.]*| \((?:--[\w-]+(?:, )?)+\)", "", remedy)


def figures(story: RunStory) -> str:
    """The latest step in figures."""
    last = story.last
    if last is None:
        return ""
    best = story.best
    held_out = f" · {best_words(best)}" if best is not None else ""
    return f"Loss {last.loss:.4f} · {_pace(last)}{held_out}"


def best_words(best: Evaluated) -> str:
    """How the held-out pairs were done at best."""
    if best.iou is not None:
        return f"best IoU of held-out masks {best.iou:.3f} at step {best.step:,}"
    return f"best held-out loss {best.loss:.4f} at step {best.step:,}"


def _pace(last: StepDone) -> str:
    if last.seconds >= _SLOW_S:
        return f"{last.seconds:.1f} s a step"
    return f"{1 / max(last.seconds, 1e-3):.0f} steps a second"


def about(story: RunStory) -> str:
    """What the run trains, in one line."""
    settings = story.job.settings
    sides = ", ".join(f"{side:,}" for side in settings.resolutions)
    text = f"{story.job.name} · rank {settings.rank} · {sides} px · rate {settings.learning_rate:g}"
    if story.prepared is not None:
        plan = story.prepared.plan
        where = "processor" if plan.device == "cpu" else f"graphics card{_BITS.get(plan.base_weights, '')}"
        pairs = f"{story.prepared.training:,} pairs, {story.prepared.held_out:,} held out"
        text += f" · {pairs} · on the {where}"
    return text
