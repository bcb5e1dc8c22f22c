"""Documents that a retoucher has saved, for the tests of the window."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.domain.export import ExportFormat, ExportRecipe
from engine.services.export import ExportPlan, export_items
from engine.services.versions import correct_mask
from tests.gui.studio import EXTENT, Studio
from tests.unit.retoucher import MASK, Retoucher


def conflict(studio: Studio, job_id: int, folder: Path) -> Path:
    """A document whose mask was changed after somebody had corrected the mask in the catalog."""
    item = studio.catalog.review_item(job_id)
    plan = ExportPlan(folder, ExportRecipe((ExportFormat.PSD,), approved_only=False))
    report = export_items(studio.catalog, studio.artifacts, [item], plan)
    (path,) = report.written
    alpha = np.zeros((EXTENT.height, EXTENT.width), np.uint8)
    alpha[300:600, 200:400] = 255
    correct_mask(studio.catalog, studio.artifacts, item, alpha, author="ada")
    retoucher = Retoucher(path)
    mask = retoucher.plane("Matched colour", MASK).copy()
    mask[:, :300] = 0
    retoucher.set_plane("Matched colour", MASK, mask)
    retoucher.save(path)
    return path
