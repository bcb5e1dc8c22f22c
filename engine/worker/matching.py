"""The closed loop around a colour match: match, measure, try again, keep the best. The command line runs the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.domain.errors import KnownError
from engine.domain.picture import ColorGuide, Picture
from engine.domain.requests import EngineName, LightnessRule, MaskRequest, Tolerance
from engine.domain.results import UNSURE, DeltaEReport, Verdict
from engine.worker.backends import Backends

if TYPE_CHECKING:
    from engine.domain.picture import Alpha
    from engine.imaging.color.guide import GuideReading
    from engine.imaging.color.match import MatchedPicture
    from engine.imaging.color.quality import GarmentColors
    from engine.imaging.color.views import Agreement, ViewColors

_NEGLIGIBLE_LIGHT = 0.05
"""Share of the photograph's own lightness below which another match with the flatlay's would come out the same."""


_CREDIBILITY = {LightnessRule.FLATLAY: 0.0, LightnessRule.PHOTOGRAPH: 1.0}
"""How far the photograph's own lightness is believed where that is not measured."""

_REGION = "garment / flatlay"


@dataclass(frozen=True, slots=True, eq=False)
class MatchedPair:
    """A colour match with its measurements, before it is stored."""

    matched: MatchedPicture
    before: DeltaEReport
    after: DeltaEReport


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
    notices = flatlay.notices
    if found.confidence < UNSURE:
        notices += ("The garment hardly stands out from the flatlay's background: look whether its outline is right.",)
    return replace(flatlay, alpha=found.alpha, notices=notices)


def with_alpha_if_plain(flatlay: Picture) -> Picture:
    """As `with_garment_alpha`, and without alpha where no garment stands out from the background."""
    try:
        return with_garment_alpha(flatlay)
    except KnownError:
        return replace(flatlay, alpha=None)


def flatlay_to_match(flatlay: Picture, request: MaskRequest, backends: Backends) -> Picture:
    """The flatlay with the garment as its alpha; on a background that is not plain, found by the request's engine.

    Raises
    ------
    KnownError
        The background is not plain and the engine finds no garments, or not this one; names the file.
    """
    try:
        return with_garment_alpha(flatlay)
    except KnownError:
        found = backends.get(request.engine).mask_flatlay(flatlay, request)
        if found is None:
            raise
    notices = [*flatlay.notices, *found.notices, "The flatlay's background is not plain: its garment was detected."]
    if found.confidence < UNSURE:
        notices.append("The garment on the flatlay is uncertain: look whether its outline is right.")
    return replace(flatlay, alpha=found.alpha, notices=tuple(notices))


def flatlay_to_mask(flatlay: Picture, request: MaskRequest) -> Picture:
    """The flatlay as a mask of the photograph needs it: with the garment as its alpha for the classical engine, which
    looks for its like; where a name is to be found for it, with the alpha if it has one; as it is otherwise, since it
    is only shown beside the result. Beside a mask that a person drew it is never needed.

    Raises
    ------
    KnownError
        The classical engine needs the garment, and none stands out from the background; names the file.
    """
    if request.corrected is not None:
        return flatlay
    if request.engine is EngineName.CLASSICAL:
        return with_garment_alpha(flatlay)
    if request.engine is EngineName.GROUNDED and not request.garment:
        return with_alpha_if_plain(flatlay)
    return flatlay


def match_pair(
    on_model: Picture,
    flatlay: Picture,
    alpha: Alpha,
    guide: ColorGuide | None,
    tolerance: Tolerance,
    others: Sequence[ViewColors] = (),
    lightness: LightnessRule = LightnessRule.MEASURED,
) -> MatchedPair:
    """Match the garment's colour in a closed loop, and measure it before and after.

    A match that fails its own quality control is made again with the flatlay's lightness; the better one is kept, and
    the photograph itself where neither ranks above it. The loop judges lightness at half weight, as the textile
    industry does (k_L = 2): flatlay and model are lit differently. The reports are by ``tolerance``. Where the article
    has other views, all of them decide together on the lightness and on the colours they take. A guided match that does
    not pass is made without the guide where its verdict is the better one then: by ``delta_E`` alone no guide would be
    kept, since it is the light on the model that it knows, and the flatlay does not.

    Parameters
    ----------
    flatlay : Picture
        Its alpha is the garment, see `flatlay_to_match`.
    alpha : ndarray
        ``(H, W)`` uint8, the garment on ``on_model``.
    others : sequence of ViewColors
        The article's other views.
    lightness : LightnessRule
        Whose lightness the garment gets. Only with the measured one is there a second match.
    """
    from engine.imaging.color.clipping import clipping_notices
    from engine.imaging.color.gate import choose_best, standing
    from engine.imaging.color.guide import read_guide
    from engine.imaging.color.match import leave_unchanged, match_samples, settled_correction
    from engine.imaging.color.quality import GarmentColors, colors_report
    from engine.imaging.color.samples import FLATLAY, ON_MODEL, garment_samples, require_color
    from engine.imaging.color.views import ViewColors, solve_views
    from engine.imaging.color.weave import measure_weaves

    assert flatlay.alpha is not None
    judge = replace(tolerance, k_L=2 * tolerance.k_L)
    require_color(on_model, ON_MODEL)
    require_color(flatlay, FLATLAY)
    flat_samples = garment_samples(flatlay, flatlay.alpha, "flatlay")
    flat = GarmentColors.of(flat_samples.lab)
    try:
        worn = garment_samples(on_model, alpha, "garment")
        weaves = measure_weaves(on_model, alpha, worn.box, flatlay, flatlay.alpha, flat_samples.box)
        photographed = GarmentColors.of(worn.lab)
        reading = read_guide(guide, on_model, alpha, worn) if guide is not None else None
        judged_before = colors_report(photographed, flat, judge, _REGION)

        def made(
            reading: GuideReading | None, credibility: float | None, agreement: Agreement | None
        ) -> tuple[_Candidate, DeltaEReport]:
            matched = match_samples(
                on_model, alpha, worn, flat.lab, weaves, reading, credibility=credibility, agreement=agreement
            )
            result = replace(on_model, pixels=matched.pixels)
            colors = GarmentColors.of(garment_samples(result, alpha, "garment").lab)
            return _Candidate(matched, colors), colors_report(colors, flat, judge, _REGION)

        def candidates() -> Iterator[tuple[_Candidate, DeltaEReport]]:
            ruled = _CREDIBILITY.get(lightness)
            agreement = solve_views([ViewColors(worn.lab, flat.lab, weaves), *others], judge, ruled)
            # Unless it is ruled: first as far as the photograph is believed, then not at all.
            for credibility in (None, 0.0) if ruled is None else (ruled,):
                candidate, judged = made(reading, credibility, agreement)
                if reading is not None and candidate.matched.guided and standing(judged, judged_before) > 0:
                    aside = replace(reading, set_aside="without it the match measures better against the flatlay")
                    # On the samples first: a match of all pixels, which costs more, is made only to be kept.
                    _, alone = settled_correction(worn, flat.lab, weaves, aside, credibility, agreement)
                    expected = colors_report(GarmentColors.of(alone(worn.lab)), flat, judge, _REGION)
                    if standing(expected, judged_before) < standing(judged, judged_before):
                        candidate, judged = made(aside, credibility, agreement)
                yield candidate, judged
                # One view on its own path would leave the others.
                if (
                    judged.verdict is not Verdict.FAIL
                    or agreement
                    or candidate.matched.lightness_kept < _NEGLIGIBLE_LIGHT
                ):
                    return

        choice = choose_best(judged_before, candidates())
    except KnownError as error:
        error.path = error.path or on_model.path
        raise
    before = colors_report(photographed, flat, tolerance, _REGION)
    clipped = clipping_notices(on_model, alpha, flatlay, flatlay.alpha)
    if choice.result is None:
        why = "No correction measured better than the photograph itself: it was left unchanged."
        matched, after = leave_unchanged(on_model, why), before
    else:
        matched, after = choice.result.matched, colors_report(choice.result.colors, flat, tolerance, _REGION)
    return MatchedPair(replace(matched, notices=(*matched.notices, *clipped)), before, after)


def measured_again(result: Picture, alpha: Alpha, flatlay: Picture, tolerance: Tolerance) -> DeltaEReport:
    """The garment against its flatlay on a picture that was painted over after the match.

    Parameters
    ----------
    result : Picture
        The photograph as it leaves the house.
    alpha : ndarray
        ``(H, W)`` uint8, the garment on it.
    flatlay : Picture
        Its alpha is the garment.
    """
    from engine.imaging.color.quality import GarmentColors, colors_report
    from engine.imaging.color.samples import garment_samples

    assert flatlay.alpha is not None
    colors = GarmentColors.of(garment_samples(result, alpha, "garment").lab)
    flat = GarmentColors.of(garment_samples(flatlay, flatlay.alpha, "flatlay").lab)
    return colors_report(colors, flat, tolerance, _REGION)


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    matched: MatchedPicture
    colors: GarmentColors
