"""What the mask editor begins with, and the new version that it ends with. Pool threads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from engine.domain.jobs import Job, JobState
from engine.domain.requests import ColorMatchRequest
from engine.domain.review import ReviewItem
from gui.mask_editor.autosave import Autosave
from gui.mask_editor.canvas import MaskLevels
from gui.mask_editor.sources import StoredMask, read_stored, stored_masks
from gui.services import WindowServices

if TYPE_CHECKING:
    from engine.domain.picture import Alpha


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """What the editor begins with.

    Attributes
    ----------
    alpha : ndarray
        ``(H, W)`` uint8, 255 = inside.
    stored : list of StoredMask
        Other masks of the photograph.
    unsaved : (ndarray, datetime) or None
        A mask that was not kept, and when it was autosaved.
    is_marked : bool
        Whether the result is a training pair.
    """

    alpha: Alpha
    levels: MaskLevels
    stored: list[StoredMask]
    unsaved: tuple[Alpha, datetime] | None
    is_marked: bool


def open_mask(services: WindowServices, item: ReviewItem, autosave: Autosave | None) -> Opened:
    """Read everything that the editor begins with."""
    alpha = read_stored(services.artifacts, item.outcome.mask.alpha)
    unsaved = autosave.read() if autosave is not None else None
    marked = any(mark.job_id == item.job.id for mark in services.catalog.training_marks(item.job.id - 1, 1))
    return Opened(alpha, MaskLevels(alpha), stored_masks(services.catalog, item), unsaved, marked)


def keep_mask(
    services: WindowServices, item: ReviewItem, alpha: Alpha | None, marks: bool | None, author: str
) -> Job | None:
    """Queue the new version, where there is another mask, and mark the result, where that was changed."""
    from engine.services.versions import correct_mask, mark_for_training

    job = correct_mask(services.catalog, services.artifacts, item, alpha, author=author) if alpha is not None else None
    if marks is not None:
        mark_for_training(services.catalog, item.job.id, marks, author=author)
    return job


def told(job: Job, item: ReviewItem) -> tuple[str, str]:
    """What the banner says of a new version."""
    if job.state is JobState.SUCCEEDED:
        return f"Version {job.version} has this mask already; it is shown again.", ""
    verb = "matched" if isinstance(item.job.request, ColorMatchRequest) else "made"
    return f"Version {job.version} is being {verb}.", "The review shows it as soon as it is there."
