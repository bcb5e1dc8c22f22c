"""What the mask editor begins with, and the new version that it ends with. Pool threads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from engine.domain.artifacts import ArtifactRef
from engine.domain.errors import KnownError
from engine.domain.jobs import Job
from engine.domain.review import Viewed
from engine.services.failures import best_guess
from gui.mask_editor.autosave import Autosave
from gui.mask_editor.canvas import MaskLevels
from gui.mask_editor.sources import StoredMask, read_stored, stored_masks
from gui.mask_editor.subject import extent_of
from gui.services import WindowServices

if TYPE_CHECKING:
    from engine.domain.picture import Alpha


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """What the editor begins with.

    Attributes
    ----------
    alpha : ndarray
        ``(H, W)`` uint8, 255 = inside; of a failed job the best guess there is, or nothing at all.
    ref : ArtifactRef or None
        Where it is stored; None where there was nothing to begin with.
    stored : list of StoredMask
        Other masks of the photograph.
    unsaved : (ndarray, datetime) or None
        A mask that was not kept, and when it was autosaved.
    is_marked : bool
        Whether the result is a training pair.
    """

    alpha: Alpha
    ref: ArtifactRef | None
    levels: MaskLevels
    stored: list[StoredMask]
    unsaved: tuple[Alpha, datetime] | None
    is_marked: bool


def open_area(services: WindowServices, item: Viewed) -> Opened:
    """Begin with nothing; every mask of the photograph can take its place."""
    import numpy as np

    extent = extent_of(item)
    alpha = np.zeros((extent.height, extent.width), np.uint8)
    return Opened(alpha, None, MaskLevels(alpha), stored_masks(services.catalog, item, None), None, False)


def open_mask(services: WindowServices, item: Viewed, autosave: Autosave | None) -> Opened:
    """Read everything that the editor begins with.

    Raises
    ------
    KnownError
        A file of the artifact store cannot be read, or there is no photograph to draw on.
    """
    import numpy as np

    catalog, extent = services.catalog, extent_of(item)
    photograph = item.pair.on_model.path
    if item.outcome is None and not photograph.is_file():
        raise KnownError("this photograph is not there any more", remedy="Put it back first.", path=photograph)
    ref = item.outcome.mask.alpha if item.outcome is not None else best_guess(catalog, item)
    if ref is not None:
        alpha = read_stored(services.artifacts, ref)
    else:
        alpha = np.zeros((extent.height, extent.width), np.uint8)
    unsaved = autosave.read() if autosave is not None else None
    marked = any(mark.job_id == item.job.id for mark in catalog.training_marks(item.job.id - 1, 1))
    return Opened(alpha, ref, MaskLevels(alpha), stored_masks(catalog, item, ref), unsaved, marked)


def keep_mask(
    services: WindowServices, item: Viewed, alpha: Alpha | None, marks: bool | None, author: str
) -> Job | None:
    """Queue the new version, where there is another mask, and mark the result, where that was changed."""
    from engine.services.versions import correct_mask, mark_for_training

    job = correct_mask(services.catalog, services.artifacts, item, alpha, author=author) if alpha is not None else None
    if marks is not None:
        mark_for_training(services.catalog, item.job.id, marks, author=author)
    return job
