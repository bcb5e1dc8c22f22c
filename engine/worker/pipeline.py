"""One job from files to artifacts: decode, mask, match, measure, store. The command line runs the same steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.domain.assets import AssetPair
from engine.domain.errors import KnownError
from engine.domain.geometry import Box
from engine.domain.picture import ColorGuide, PaintedMask, Picture
from engine.domain.requests import ColorMatchRequest, MaskRequest, Request, Tolerance
from engine.domain.results import (
    ArtifactKind,
    ArtifactRef,
    DeltaEReport,
    JobOutcome,
    MaskResult,
    MatchResult,
    Previews,
    Verdict,
)
from engine.ports import ArtifactStore, ReportStep
from engine.worker.backends import Backends

if TYPE_CHECKING:
    from engine.imaging.color.match import MatchedPicture

PREVIEW_SIDE = 2048
"""Long side of the review window's previews in pixels; more than a third of a 5K screen's width."""

_NEGLIGIBLE_LIGHT = 0.05
"""Share of the photograph's own lightness below which another match with the flatlay's would come out the same."""

LOW_CONFIDENCE = 0.5
"""Below this a mask is announced as one to look at first."""


@dataclass(frozen=True, slots=True, eq=False)
class MatchedPair:
    """A colour match with its measurements, before it is stored."""

    matched: MatchedPicture
    before: DeltaEReport
    after: DeltaEReport


def run_request(
    pair: AssetPair, request: Request, backends: Backends, artifacts: ArtifactStore, report: ReportStep
) -> JobOutcome:
    """Do one job and store its pictures.

    Raises
    ------
    KnownError
        A picture cannot be read or does not allow the work; names the file.
    Cancelled
        From ``report``, between steps.
    """
    from engine.imaging.raster.decode import read_picture

    mask_request = request.mask if isinstance(request, ColorMatchRequest) else request
    total = 5 if isinstance(request, ColorMatchRequest) else 4
    report(0, total, "reading")
    on_model = read_picture(pair.on_model.path, sha256=pair.on_model.sha256)
    flatlay = None
    if pair.flatlay is not None:
        flatlay = with_garment_alpha(read_picture(pair.flatlay.path, sha256=pair.flatlay.sha256))
    if isinstance(request, ColorMatchRequest):
        _require_colors(on_model, flatlay)
    report(1, total, "masking")
    mask = backends.get(mask_request.engine).make_mask(on_model, flatlay, mask_request, _nested(report, 1, total))
    report(2, total, "matching" if isinstance(request, ColorMatchRequest) else "storing")
    match: MatchedPair | None = None
    if isinstance(request, ColorMatchRequest):
        if flatlay is None:
            raise KnownError("it has no flatlay to match", remedy="Pair it by hand.", path=on_model.path)
        guide = backends.get(request.engine).color_guide(on_model, flatlay, mask, request, _nested(report, 2, total))
        match = match_pair(on_model, flatlay, mask.alpha, guide, request.tolerance)
        report(3, total, "storing")
    outcome = _store(on_model, flatlay, mask_request, mask, match, artifacts)
    report(total, total, "done")
    return outcome


def _require_colors(on_model: Picture, flatlay: Picture | None) -> None:
    """Refuse greyscale pictures before minutes are spent on their masks."""
    from engine.imaging.color.samples import require_color

    require_color(on_model, "on-model")
    if flatlay is not None:
        require_color(flatlay, "flatlay")


def with_garment_alpha(flatlay: Picture) -> Picture:
    """The flatlay with the garment as its alpha, found on the plain background (or taken from a cut-out).

    Raises
    ------
    KnownError
        No garment stands out from the background; names the file.
    """
    from engine.imaging.masks.flatlay import flatlay_mask
    from engine.imaging.raster.icc import to_srgb8

    try:
        found = flatlay_mask(to_srgb8(flatlay.pixels, flatlay.icc), flatlay.alpha)
    except KnownError as error:
        error.path = error.path or flatlay.path
        raise
    return replace(flatlay, alpha=found.alpha)


def match_pair(
    on_model: Picture, flatlay: Picture, alpha: object, guide: ColorGuide | None, tolerance: Tolerance
) -> MatchedPair:
    """Match the garment's colour in a closed loop, and measure it before and after.

    A match that fails its own quality control is made again with the flatlay's lightness; the better one is kept, and
    the photograph itself where neither ranks above it. The loop judges lightness at half weight, as the textile
    industry does (k_L = 2): flatlay and model are lit differently. The reports are by ``tolerance``.

    Parameters
    ----------
    flatlay : Picture
        Its alpha is the garment, see `with_garment_alpha`.
    alpha : ndarray
        ``(H, W)`` uint8, the garment on ``on_model``.
    """
    import numpy as np

    from engine.imaging.color.gate import choose_best
    from engine.imaging.color.match import Light, leave_unchanged, match_garment
    from engine.imaging.color.quality import garment_report

    mask = np.asarray(alpha, np.uint8)
    flatlay_alpha = flatlay.alpha
    assert flatlay_alpha is not None
    judge = replace(tolerance, k_L=2 * tolerance.k_L)

    def measured(picture: Picture, by: Tolerance) -> DeltaEReport:
        return garment_report(picture, mask, flatlay, flatlay_alpha, by, "garment / flatlay")

    def candidates() -> Iterator[tuple[MatchedPicture, DeltaEReport]]:
        for light in Light:
            matched = match_garment(on_model, mask, flatlay, flatlay_alpha, guide, light)
            judged = measured(replace(on_model, pixels=matched.pixels), judge)
            yield matched, judged
            if judged.verdict is not Verdict.FAIL or matched.lightness_kept < _NEGLIGIBLE_LIGHT:
                return

    try:
        choice = choose_best(measured(on_model, judge), candidates())
    except KnownError as error:
        error.path = error.path or on_model.path
        raise
    matched = choice.result or leave_unchanged(
        on_model, "No correction measured better than the photograph itself: it was left unchanged."
    )
    before = measured(on_model, tolerance)
    return MatchedPair(matched, before, measured(replace(on_model, pixels=matched.pixels), tolerance))


def _nested(report: ReportStep, done: int, total: int) -> ReportStep:
    """A backend's own steps: shown by their label, and a chance to cancel, while the job's step stands still."""

    def step(inner: int, inner_total: int, label: str) -> None:
        report(done, total, f"{label} {inner}/{inner_total}")

    return step


def _store(
    on_model: Picture,
    flatlay: Picture | None,
    request: MaskRequest,
    mask: PaintedMask,
    match: MatchedPair | None,
    artifacts: ArtifactStore,
) -> JobOutcome:
    from engine.imaging.masks.cleanup import mask_box, mask_coverage
    from engine.imaging.raster.encode import encode_mask, encode_png, encode_preview

    def preview(picture: Picture) -> ArtifactRef:
        return artifacts.put(ArtifactKind.PREVIEW, encode_preview(picture.pixels, picture.icc, PREVIEW_SIDE), ".jpg")

    notices = [*on_model.notices, *(flatlay.notices if flatlay else ()), *mask.notices]
    if mask.confidence < LOW_CONFIDENCE:
        notices.append(f"The mask is uncertain (confidence {mask.confidence:.2f}): look at it first.")
    box: Box = mask_box(mask.alpha)
    mask_result = MaskResult(
        name=request.name,
        alpha=artifacts.put(ArtifactKind.MASK, encode_mask(mask.alpha), ".png"),
        extent=on_model.extent,
        box=box,
        coverage=mask_coverage(mask.alpha),
        confidence=mask.confidence,
        provenance=mask.provenance,
    )
    match_result, matched_preview = None, None
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
        matched_preview = preview(matched)
    previews = Previews(
        on_model=preview(on_model),
        flatlay=preview(flatlay) if flatlay else None,
        matched=matched_preview,
        mask=artifacts.put(ArtifactKind.PREVIEW, _mask_preview(mask), ".png"),
    )
    return JobOutcome(mask_result, match_result, previews, tuple(dict.fromkeys(notices)))


def _mask_preview(mask: PaintedMask) -> bytes:
    """The mask at the size of a preview picture."""
    import cv2
    import numpy as np

    from engine.imaging.raster.encode import encode_mask

    height, width = mask.alpha.shape
    scale = min(1.0, PREVIEW_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return encode_mask(cv2.resize(mask.alpha, size, interpolation=cv2.INTER_AREA).astype(np.uint8))
