"""One job from files to artifacts: decode, mask, match, measure, store. The command line runs the same steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.domain.artifacts import ArtifactKind, ArtifactRef
from engine.domain.assets import AssetPair
from engine.domain.errors import KnownError
from engine.domain.geometry import Box
from engine.domain.picture import PaintedMask, Picture
from engine.domain.requests import ColorMatchRequest, EditRequest, Request, View
from engine.domain.results import UNSURE, EditedTurn, EditResult, JobOutcome, MaskResult, MatchResult, Previews
from engine.ports import ArtifactStore, ReportStep
from engine.worker.backends import Backends
from engine.worker.editing import edit_picture
from engine.worker.masking import mask_of
from engine.worker.matching import (
    MatchedPair,
    flatlay_to_mask,
    flatlay_to_match,
    match_pair,
    measured_again,
)
from engine.worker.views import Views

if TYPE_CHECKING:
    from engine.domain.picture import Alpha, Pixels
    from engine.imaging.color.views import ViewColors

_PARTS = 100
"""Into which a step is divided for progress within it."""

EDIT_MASK = "edit"
"""Name of the mask of everything that an edit changed."""

PREVIEW_SIDE = 2048
"""Long side of the review window's previews in pixels; more than a third of a 5K screen's width."""


def run_request(
    pair: AssetPair, request: Request, backends: Backends, views: Views, artifacts: ArtifactStore, report: ReportStep
) -> JobOutcome:
    """Do one job and store its pictures.

    Parameters
    ----------
    views : Views
        Of this worker: what a job of another view of the article has masked is not masked again.

    Raises
    ------
    KnownError
        A picture cannot be read or does not allow the work; names the file.
    Cancelled
        From ``report``, between steps.
    """
    if isinstance(request, ColorMatchRequest):
        return _match(pair, request, backends, views, artifacts, report)
    if isinstance(request, EditRequest):
        return _edit(pair, request, backends, artifacts, report)
    steps = _Steps(report, 3)
    steps.begin(0, "reading")
    on_model, flatlay = _read(pair)
    if flatlay is not None:
        flatlay = flatlay_to_mask(flatlay, request)
    steps.begin(1, "masking")
    mask = mask_of(on_model, flatlay, request, backends, artifacts, steps.within(1))
    steps.begin(2, "storing")
    outcome = _store(on_model, flatlay, request.name, mask, None, artifacts)
    steps.begin(3, "done")
    return outcome


def _match(
    pair: AssetPair,
    request: ColorMatchRequest,
    backends: Backends,
    views: Views,
    artifacts: ArtifactStore,
    report: ReportStep,
) -> JobOutcome:
    steps = _Steps(report, 5)
    steps.begin(0, "reading")
    on_model, flatlay = _read(pair)
    retouch = _retouch(on_model, request.retouch, artifacts)
    if flatlay is None or pair.flatlay is None:
        raise KnownError("it has no flatlay to match", remedy="Pair it by hand.", path=on_model.path)
    _require_colors(on_model, flatlay)
    flatlay = flatlay_to_match(flatlay, request.mask, backends)
    steps.begin(1, "masking")
    others: list[ViewColors] = []
    notices: list[str] = []
    if request.views:
        view = View(pair.on_model.path, pair.on_model.sha256, pair.flatlay.path, pair.flatlay.sha256)
        mask = views.mask(view, on_model, flatlay, request.mask, artifacts, steps.within(1))
        steps.begin(2, "other views")
        views.see(view, on_model, flatlay, mask.alpha, request.mask)
        others, notices = views.others(view, request.views, request.mask, artifacts, steps.within(2))
    else:
        mask = mask_of(on_model, flatlay, request.mask, backends, artifacts, steps.within(1))
    steps.begin(3, "matching")
    guide = backends.get(request.engine).color_guide(on_model, flatlay, mask, request, steps.within(3))
    tolerance = request.tolerance_for(mask.garment)
    match = match_pair(on_model, flatlay, mask.alpha, guide, tolerance, others, request.lightness)
    shown = _painted_over(replace(on_model, pixels=match.matched.pixels), retouch)
    if retouch is not None:
        match = replace(match, after=measured_again(shown, mask.alpha, flatlay, tolerance))
    steps.begin(4, "storing")
    outcome = _store(on_model, flatlay, request.mask.name, mask, match, artifacts, notices)
    outcome = _with_shown(replace(outcome, retouch=request.retouch), shown, artifacts)
    steps.begin(5, "done")
    return outcome


def _edit(
    pair: AssetPair, request: EditRequest, backends: Backends, artifacts: ArtifactStore, report: ReportStep
) -> JobOutcome:
    from engine.imaging.masks.cleanup import mask_box
    from engine.imaging.raster.encode import encode_mask, encode_png

    steps = _Steps(report, 3)
    steps.begin(0, "reading")
    on_model, flatlay = _read(pair)
    retouch = _retouch(on_model, request.retouch, artifacts)
    steps.begin(1, "painting")
    edited = edit_picture(on_model, request.turns, backends.get(request.engine), steps.within(1))
    steps.begin(2, "storing")
    mask = PaintedMask(edited.alpha, 1.0, {"engine": request.engine.value, "turns": len(edited.turns)})
    outcome = _store(on_model, flatlay, EDIT_MASK, mask, None, artifacts, edited.notices)
    picture = replace(on_model, pixels=edited.pixels)
    result = EditResult(
        picture=artifacts.put(ArtifactKind.EDITED, encode_png(picture.pixels, picture.icc), ".png"),
        outside_max_change=edited.outside_max_change,
        turns=tuple(
            EditedTurn(
                mask=artifacts.put(ArtifactKind.MASK, encode_mask(turn.mask), ".png"),
                box=mask_box(turn.mask),
                painted=turn.painted,
                provenance=turn.provenance,
            )
            for turn in edited.turns
        ),
    )
    shown = _painted_over(picture, retouch)
    outcome = _with_shown(replace(outcome, edit=result, retouch=request.retouch), shown, artifacts)
    steps.begin(3, "done")
    return outcome


def _retouch(on_model: Picture, ref: ArtifactRef | None, artifacts: ArtifactStore) -> Pixels | None:
    """What a retoucher painted over the result; read before minutes are spent on what lies under it.

    Raises
    ------
    KnownError
        It is gone, damaged or of another size; names the photograph.
    """
    from engine.imaging.retouch import decode_retouch

    if ref is None:
        return None
    try:
        return decode_retouch(artifacts.read(ref), on_model.extent, on_model.bit_depth)
    except KnownError as error:
        error.path = on_model.path
        raise


def _painted_over(picture: Picture, retouch: Pixels | None) -> Picture:
    from engine.imaging.retouch import laid_over

    return picture if retouch is None else replace(picture, pixels=laid_over(picture.pixels, retouch))


def _with_shown(outcome: JobOutcome, shown: Picture, artifacts: ArtifactStore) -> JobOutcome:
    """The outcome with a preview of the picture as it leaves the house."""
    return replace(outcome, previews=replace(outcome.previews, matched=_preview(shown, artifacts)))


def _read(pair: AssetPair) -> tuple[Picture, Picture | None]:
    from engine.imaging.raster.decode import read_picture

    on_model = read_picture(pair.on_model.path, sha256=pair.on_model.sha256)
    if pair.flatlay is None:
        return on_model, None
    return on_model, read_picture(pair.flatlay.path, sha256=pair.flatlay.sha256)


def _require_colors(on_model: Picture, flatlay: Picture) -> None:
    """Refuse greyscale pictures before minutes are spent on their masks."""
    from engine.imaging.color.samples import FLATLAY, ON_MODEL, require_color

    require_color(on_model, ON_MODEL)
    require_color(flatlay, FLATLAY)


@dataclass(frozen=True, slots=True)
class _Steps:
    """The job's steps, and within one of them a backend's own, of which a model has dozens: each a chance to cancel."""

    report: ReportStep
    total: int

    def begin(self, step: int, label: str) -> None:
        """``label`` begins, after ``step`` steps."""
        self.report(step * _PARTS, self.total * _PARTS, label)

    def within(self, step: int) -> ReportStep:
        """For what does the step that comes after ``step`` steps."""

        def report(inner: int, inner_total: int, label: str) -> None:
            part = _PARTS * min(inner, inner_total) // max(inner_total, 1)
            self.report(step * _PARTS + part, self.total * _PARTS, f"{label} {inner}/{inner_total}")

        return report


def _store(
    on_model: Picture,
    flatlay: Picture | None,
    mask_name: str,
    mask: PaintedMask,
    match: MatchedPair | None,
    artifacts: ArtifactStore,
    more_notices: Sequence[str] = (),
) -> JobOutcome:
    from engine.imaging.masks.cleanup import mask_box, mask_coverage
    from engine.imaging.raster.encode import encode_mask, encode_png

    notices = [*on_model.notices, *(flatlay.notices if flatlay else ()), *mask.notices, *more_notices]
    if mask.confidence < UNSURE:
        notices.append(f"The mask is uncertain (confidence {mask.confidence:.2f}): look at it first.")
    box: Box = mask_box(mask.alpha)
    mask_result = MaskResult(
        name=mask_name,
        alpha=artifacts.put(ArtifactKind.MASK, encode_mask(mask.alpha), ".png"),
        extent=on_model.extent,
        box=box,
        coverage=mask_coverage(mask.alpha),
        confidence=mask.confidence,
        provenance=mask.provenance,
    )
    match_result = None
    if match is not None:
        matched = replace(on_model, pixels=match.matched.pixels)
        notices += match.matched.notices
        match_result = MatchResult(
            picture=artifacts.put(ArtifactKind.MATCHED, encode_png(matched.pixels, matched.icc), ".png"),
            before=match.before,
            after=match.after,
            outside_max_change=match.matched.outside_max_change,
            texture=match.matched.texture,
            provenance=match.matched.provenance,
        )
    previews = Previews(
        on_model=_preview(on_model, artifacts),
        flatlay=_preview(flatlay, artifacts) if flatlay else None,
        matched=None,
        mask=_plane_preview(mask.alpha, artifacts),
        disagreement=_plane_preview(mask.disagreement, artifacts) if mask.disagreement is not None else None,
        painted=_preview(Picture(mask.painted), artifacts) if mask.painted is not None else None,
    )
    return JobOutcome(mask_result, match_result, previews, tuple(dict.fromkeys(notices)))


def _preview(picture: Picture, artifacts: ArtifactStore) -> ArtifactRef:
    from engine.imaging.raster.encode import encode_preview

    return artifacts.put(ArtifactKind.PREVIEW, encode_preview(picture.pixels, picture.icc, PREVIEW_SIDE), ".jpg")


def _plane_preview(plane: Alpha, artifacts: ArtifactStore) -> ArtifactRef:
    """A mask, or a map of one, at the size of a preview picture."""
    import cv2
    import numpy as np

    from engine.imaging.raster.encode import encode_mask

    height, width = plane.shape
    scale = min(1.0, PREVIEW_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    return artifacts.put(ArtifactKind.PREVIEW, encode_mask(small), ".png")
