"""The classical backend: garment masks by graph cuts on the CPU, no weights, no torch."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from engine.domain.errors import BugError, KnownError
from engine.domain.picture import ColorGuide, PaintedCrop, PaintedMask, Picture
from engine.domain.requests import ColorMatchRequest, EditTurn, MaskRequest
from engine.imaging.masks.garment import garment_mask
from engine.imaging.masks.garments import category_of
from engine.imaging.raster.icc import to_srgb8
from engine.ports import ReportStep

if TYPE_CHECKING:
    from engine.domain.picture import Alpha


class ClassicalBackend:
    """Implements `engine.ports.Backend` with the embedded method."""

    def make_mask(
        self, on_model: Picture, flatlay: Picture | None, request: MaskRequest, report: ReportStep
    ) -> PaintedMask:
        """Mask the garment of the flatlay on the on-model photograph.

        ``flatlay.alpha`` must be the garment on the flatlay.
        """
        if request.name != "garment":
            raise KnownError(
                f"the classical engine cannot dream a mask for {request.name}",
                remedy="Run this task on the Kontext engine.",
                path=on_model.path,
            )
        if flatlay is None:
            raise KnownError("it has no flatlay to find the garment by", remedy="Pair it by hand.", path=on_model.path)
        if flatlay.alpha is None:
            raise BugError("the flatlay came without its garment mask")
        began = time.perf_counter()
        mask = garment_mask(
            to_srgb8(on_model.pixels, on_model.icc),
            to_srgb8(flatlay.pixels, flatlay.icc),
            flatlay.alpha,
            category_of(request.garment) if request.garment else None,
        )
        provenance: dict[str, str | float | int] = {
            "engine": "classical",
            "category": str(mask.category),
            "seconds": round(time.perf_counter() - began, 3),
        }
        return PaintedMask(mask.alpha, mask.confidence, provenance, tuple(mask.notices))

    def mask_flatlay(self, flatlay: Picture, request: MaskRequest) -> PaintedMask | None:
        """Always None: without a plain background nothing tells the garment from it."""
        return None

    def color_guide(
        self, on_model: Picture, flatlay: Picture, mask: PaintedMask, request: ColorMatchRequest, report: ReportStep
    ) -> ColorGuide | None:
        """Always None: the classical engine paints nothing."""
        return None

    def paint_edit(
        self, photograph: Picture, mask: Alpha, reference: Picture | None, turn: EditTurn, report: ReportStep
    ) -> PaintedCrop | None:
        """Always None: the classical engine paints nothing."""
        return None
