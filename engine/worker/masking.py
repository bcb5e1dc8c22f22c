"""Where a job's mask comes from: a person who corrected it, or a backend."""

from __future__ import annotations

from dataclasses import replace

from engine.domain.artifacts import ArtifactRef
from engine.domain.errors import KnownError
from engine.domain.picture import PaintedMask, Picture
from engine.domain.requests import MaskRequest
from engine.ports import ArtifactStore, ReportStep
from engine.worker.backends import Backends

CORRECTED = "corrected"
"""The ``engine`` in the provenance of a mask that a person corrected."""

_REMEDY = "Correct the mask again, or restore the artifact folder from a backup."


def mask_of(
    on_model: Picture,
    flatlay: Picture | None,
    request: MaskRequest,
    backends: Backends,
    artifacts: ArtifactStore,
    report: ReportStep,
) -> PaintedMask:
    """The mask that the request means, made by its engine or taken from the artifact store.

    Raises
    ------
    KnownError
        The engine cannot make it, or the corrected mask is gone, damaged or of another size; names the photograph.
    Cancelled
        From ``report``.
    """
    if request.corrected is None:
        return backends.get(request.engine).make_mask(on_model, flatlay, request, report)
    mask = _corrected_mask(on_model, request.corrected, artifacts)
    return replace(mask, provenance=mask.provenance | {"label": request.found}) if request.found else mask


def _corrected_mask(on_model: Picture, ref: ArtifactRef, artifacts: ArtifactStore) -> PaintedMask:
    """The mask exactly as it was saved; whoever painted it is sure of it."""
    from engine.imaging.raster.encode import decode_mask

    try:
        alpha = decode_mask(artifacts.read(ref))
    except KnownError as error:
        raise KnownError(
            f"its corrected mask cannot be read: {error.what}", remedy=_REMEDY, path=on_model.path
        ) from error
    height, width = alpha.shape
    if (width, height) != (on_model.extent.width, on_model.extent.height):
        raise KnownError(
            f"its corrected mask has {width} × {height} pixels, the photograph {on_model.extent}",
            remedy="Correct the mask again on this photograph.",
            path=on_model.path,
        )
    return PaintedMask(alpha, 1.0, {"engine": CORRECTED, "corrected_sha256": ref.sha256})
