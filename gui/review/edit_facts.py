"""What an edit of a result starts from, and what it will change. Pool threads only: all of it reads files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

from engine.domain.errors import BugError
from engine.domain.requests import EditRequest, EditTurn, InputFile
from engine.domain.review import ReviewItem
from engine.inference.kontext.availability import EngineStatus, kontext_status
from engine.ports import ArtifactStore, Catalog
from engine.services.editing import own_mask

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PREVIEW_SIDE = 560
"""Longest side of the picture in the dialog, in pixels; drawn at half of that, for screens of twice the density."""

_KEPT = 0.35
"""How much of the photograph is left to see where the edit changes nothing."""


@dataclass(frozen=True, slots=True)
class EarlierTurn:
    """A turn that the edit has already.

    Attributes
    ----------
    is_covered : bool
        A later turn covers it, so that it is not painted any more.
    """

    turn: EditTurn
    is_covered: bool


@dataclass(frozen=True, slots=True)
class EditFacts:
    """A result that is to be edited.

    Attributes
    ----------
    kontext : EngineStatus
        Whether an edit can be painted here.
    own : InputFile
        The result's own mask; of an edit its last turn's.
    turns : tuple of EarlierTurn
        In the order in which they were asked for; empty where the result is no edit.
    preview : QImage
        From `mask_preview`, of the own mask.
    """

    item: ReviewItem
    kontext: EngineStatus
    own: InputFile
    turns: tuple[EarlierTurn, ...]
    preview: QImage


def read_edit_facts(catalog: Catalog, artifacts: ArtifactStore, job_id: int, model: Path | None) -> EditFacts:
    """Read a result for the dialog.

    Raises
    ------
    KnownError
        A file of the artifact store is missing or damaged.
    """
    item = catalog.review_item(job_id)
    request, edit = item.job.request, item.outcome.edit
    turns: tuple[EarlierTurn, ...] = ()
    if isinstance(request, EditRequest) and edit is not None:
        turns = tuple(
            EarlierTurn(asked, not made.painted) for asked, made in zip(request.turns, edit.turns, strict=True)
        )
    own = own_mask(artifacts, item.outcome)
    return EditFacts(item, kontext_status(model), own, turns, mask_preview(artifacts, item, own.path))


def mask_preview(artifacts: ArtifactStore, item: ReviewItem, mask: Path) -> QImage:
    """The photograph, darkened where an edit inside the mask would change nothing.

    Raises
    ------
    KnownError
        The mask cannot be read, is empty or has another size than the photograph; names the file.
    """
    import cv2
    import numpy as np

    from engine.imaging.masks.given import read_mask

    alpha = read_mask(mask, item.outcome.mask.extent)
    encoded = np.frombuffer(artifacts.read(item.outcome.previews.on_model), np.uint8)
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    if decoded is None:
        raise BugError("a stored preview is no picture")  # its bytes are those that were stored: they are hashed
    photograph = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
    height, width = photograph.shape[:2]
    scale = min(1.0, PREVIEW_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(photograph, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    share = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)[..., None].astype(np.float32) / 255
    return _image(np.rint(small * (_KEPT + (1 - _KEPT) * share)).astype(np.uint8))


def _image(rgb: NDArray[np.uint8]) -> QImage:
    # A copy: the buffer goes at the end of this call.
    return QImage(rgb.data, rgb.shape[1], rgb.shape[0], rgb.shape[1] * 3, QImage.Format.Format_RGB888).copy()
