"""What is drawn on: a result whose mask is corrected, or a failed job whose mask was not found."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.geometry import Extent
from engine.domain.jobs import Job, JobState
from engine.domain.requests import ColorMatchRequest
from engine.domain.review import Viewed
from engine.services.failures import mask_request


@dataclass(frozen=True, slots=True)
class Wording:
    """What the panel says: its heading, whose mask it is, the button that keeps it, and what that leads to."""

    heading: str
    name: str
    keep: str
    kept: str


def wording(item: Viewed) -> Wording:
    """What the panel says of a result, or of a failed job."""
    name = item.pair.on_model.path.name
    if item.outcome is None:
        kept = "Kept, the photograph is queued again with it."
        return Wording("Draw the mask", f"{name} · failed", "Keep and queue again", kept)
    kept = "Kept, it becomes a new version, which is matched anew. The version before stays."
    return Wording("Edit the mask", f"{name} · version {item.job.version}", "Keep as a new version", kept)


def extent_of(item: Viewed) -> Extent:
    """The mask's size, in source pixels."""
    return item.outcome.mask.extent if item.outcome is not None else item.pair.on_model.extent


def mask_name(item: Viewed) -> str:
    """What is masked: the garment, or a mask type of the registry."""
    return item.outcome.mask.name if item.outcome is not None else mask_request(item).name


def garment_of(item: Viewed) -> str:
    """The garment's label or body zone; empty where it is not known."""
    return item.pair.garment or (item.outcome.mask.garment if item.outcome is not None else mask_request(item).garment)


def told(job: Job, item: Viewed) -> tuple[str, str]:
    """What the banner says once the mask was kept."""
    if job.state is JobState.SUCCEEDED:
        return f"Version {job.version} has this mask already; it is shown again.", ""
    if item.outcome is None:
        return f"{item.pair.on_model.path.name} is queued again with the drawn mask.", "It runs before the others."
    verb = "matched" if isinstance(item.job.request, ColorMatchRequest) else "made"
    return f"Version {job.version} is being {verb}.", "The review shows it as soon as it is there."
