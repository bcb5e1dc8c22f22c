"""What a person can do at once about a job that failed."""

from __future__ import annotations

import re
from enum import StrEnum

from engine.domain.assets import AssetPair
from engine.domain.jobs import Job
from engine.domain.requests import uses_networks
from engine.services.failures import can_be_drawn
from gui.phrases import task_name

# What the sentences of missing or damaged models have in common; they are written in `engine.inference` and in
# `engine.services.registries`, and name the folder, the page or the command.
_MODELS = re.compile(r"\b(models?|loras?|weights|flux|kontext|sam ?2|grounding dino|graphics memory|gguf)\b", re.I)


# The sentences of masks that were not found; they are written in `engine.imaging.masks` and `engine.inference`.
_MASK = re.compile(r"\bdraw\b.*\bmask\b", re.I)


class Remedy(StrEnum):
    """Commands that a failure can ask for."""

    DRAW = "draw_mask"
    RETRY = "retry"
    MODELS = "show_models"
    FOLDER = "show_photograph"


def remedies(job: Job) -> tuple[Remedy, ...]:
    """What helps with a failed job, the likeliest first; nothing for a job that did not fail."""
    failure = job.failure
    if failure is None:
        return ()
    found = [Remedy.RETRY] if failure.retryable else []
    if uses_networks(job.request) and _MODELS.search(f"{failure.message.partition(': ')[2]} {failure.remedy}"):
        found.insert(0, Remedy.MODELS)
    if can_be_drawn(job) and _MASK.search(failure.remedy):
        found.insert(0, Remedy.DRAW)
    return (*found, Remedy.FOLDER)


def failure_details(job: Job, pair: AssetPair) -> str:
    """Everything about a failure as text, for a message to whoever can help."""
    failure = job.failure
    assert failure is not None
    lines = [
        failure.message,
        failure.remedy,
        "",
        f"Photograph: {pair.on_model.path}",
        f"Flatlay: {pair.flatlay.path if pair.flatlay else 'none'}",
        f"SKU: {pair.sku}",
        f"Task: {task_name(job.request)}",
        f"Job {job.id}, attempt {job.attempt}",
    ]
    return "\n".join([*lines, "", failure.detail] if failure.detail else lines)
