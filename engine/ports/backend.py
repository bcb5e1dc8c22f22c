"""What makes masks, colour guides and edits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from engine.domain.picture import ColorGuide, PaintedCrop, PaintedMask, Picture
from engine.domain.requests import ColorMatchRequest, DiffusionSettings, EditTurn, MaskRequest

if TYPE_CHECKING:
    from engine.domain.picture import Alpha


ReportStep = Callable[[int, int, str], None]
"""``report(step, total, label)``; raises `engine.domain.errors.Cancelled` when the job was cancelled."""


class Backend(Protocol):
    """Makes masks and colour guides. Lives in the worker process; called from one thread only."""

    def make_mask(
        self, on_model: Picture, flatlay: Picture | None, request: MaskRequest, report: ReportStep
    ) -> PaintedMask:
        """Mask the garment (or the absent object) on the on-model photograph.

        Raises
        ------
        KnownError
            The picture, the model folder or the memory does not allow it.
        Cancelled
            From ``report``.
        """
        ...

    def mask_flatlay(self, flatlay: Picture, request: MaskRequest) -> PaintedMask | None:
        """Mask the garment on a flatlay whose background is not plain; None where the backend cannot.

        Raises
        ------
        KnownError
            The garment was not found on it, or the models do not load; names the file.
        """
        ...

    def color_guide(
        self, on_model: Picture, flatlay: Picture, mask: PaintedMask, request: ColorMatchRequest, report: ReportStep
    ) -> ColorGuide | None:
        """Paint the garment in the flatlay's colour; None where the backend has no such model."""
        ...

    def paint_edit(
        self, photograph: Picture, mask: Alpha, reference: Picture | None, turn: EditTurn, report: ReportStep
    ) -> PaintedCrop | None:
        """Paint one turn of an edit on the original photograph; None where the backend has no such model.

        Parameters
        ----------
        mask : ndarray
            ``(H, W)`` uint8 at the photograph's size, above 0 = may change.
        """
        ...


class Painter(Protocol):
    """Paints whole pictures by their prompt. Lives in the worker process; called from one thread only."""

    def repaint(self, picture: Picture, settings: DiffusionSettings, report: ReportStep) -> PaintedCrop:
        """Show the model a whole picture and give what it paints, on its own canvas.

        Raises
        ------
        KnownError
            The picture, the model folder or the memory does not allow it.
        Cancelled
            From ``report``.
        """
        ...
