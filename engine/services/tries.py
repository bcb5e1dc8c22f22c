"""What can be tried next for a result that was rejected: other seeds, other sources of the mask, other lightness."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

from engine.domain.jobs import Reason
from engine.domain.requests import (
    GARMENT_MASK,
    ColorMatchRequest,
    DetectionSettings,
    DiffusionSettings,
    EditRequest,
    EngineName,
    LightnessRule,
    MaskRequest,
    Request,
)
from engine.domain.results import JobOutcome, MatchResult
from engine.imaging.color.light import MOST_KEPT

Try = tuple[Request, str]
"""A request, and what is different in it, as the end of a sentence: ``with seed 2``."""

Detection = Callable[[], DetectionSettings | None]
"""With what garments could be detected; None where the weights are not installed. Looks on the disk."""

_MOST_SEEDS = 16
"""Tries with other seeds for one result; what so many do not show, more will not."""

_SURE_SEEDS = 3
"""A mask that was rejected is painted so many times and averaged: one more painting alone is one more guess."""

_SAME_LIGHTNESS = 0.05
"""Share of the photograph's own lightness by which two matches hardly differ."""

_LIGHTNESS: tuple[tuple[LightnessRule, str, float], ...] = (
    (LightnessRule.FLATLAY, "with the flatlay's lightness", 0.0),
    (LightnessRule.PHOTOGRAPH, "with the photograph's own lightness", MOST_KEPT),
    (LightnessRule.MEASURED, "with the lightness as it was measured", math.nan),
)
"""Rules, and the share of the photograph's own lightness that each of them keeps."""


def tries(request: Request, outcome: JobOutcome, reason: Reason, detection: Detection) -> Iterator[Try]:
    """Requests that answer the reason, the likeliest to help first; some may have been tried before.

    A result rejected for its colour keeps its mask, also one that a person corrected, and gets another guide, or other
    lightness, at last without the article's other views. One rejected for its mask or because it drifted keeps the rest
    and gets another mask. Seeds are the only answer to a reason that is not named.

    Parameters
    ----------
    request : Request
        Of the rejected result.
    outcome : JobOutcome
        What it yielded.
    detection : callable
        Asked only where a detected mask is a choice.
    """
    match request:
        case EditRequest():
            return _edit_tries(request, reason)
        case MaskRequest():
            return _mask_tries(request, reason, detection)
        case ColorMatchRequest():
            return _match_tries(request, outcome.match, reason, detection)


def _edit_tries(request: EditRequest, reason: Reason) -> Iterator[Try]:
    """The last turn with other seeds; where it may paint was the operator's own choice."""
    if reason is Reason.MASK:
        return
    *earlier, last = request.turns
    for diffusion, what in _seeds(last.diffusion):
        yield replace(request, turns=(*earlier, replace(last, diffusion=diffusion))), what


def _mask_tries(request: MaskRequest, reason: Reason, detection: Detection) -> Iterator[tuple[MaskRequest, str]]:
    if reason is Reason.COLOR:
        return
    made = replace(request, corrected=None, found="")
    if made.diffusion is not None:
        for diffusion, what in _seeds(made.diffusion, surer=reason is Reason.MASK):
            yield replace(made, diffusion=diffusion), what
    elif reason is not Reason.OTHER:
        yield from _other_source(made, detection)


def _match_tries(
    request: ColorMatchRequest, match: MatchResult | None, reason: Reason, detection: Detection
) -> Iterator[Try]:
    if reason is Reason.COLOR:
        yield from _color_tries(request, match)
        return
    for mask, what in _mask_tries(request.mask, reason, detection):
        yield replace(request, mask=mask), what
    if reason is not Reason.MASK:
        yield from _guides(request)


def _color_tries(request: ColorMatchRequest, match: MatchResult | None) -> Iterator[Try]:
    figures = match.provenance if match is not None else {}
    guided = float(figures.get("guide_weight", 0.0)) > 0
    if guided:
        yield from _guides(request)
    kept = float(figures.get("lightness_kept", math.nan)) if request.lightness is LightnessRule.MEASURED else math.nan
    for views in dict.fromkeys((request.views, ())):
        alone = views != request.views
        for rule, words, keeps in _LIGHTNESS if not alone else _LIGHTNESS[::-1]:
            if not alone and abs(kept - keeps) < _SAME_LIGHTNESS:
                continue  # it would come out the same
            what = words
            if alone:
                measured = rule is LightnessRule.MEASURED
                what = "without the article's other views" + ("" if measured else f" and {words}")
            yield replace(request, views=views, lightness=rule), what
    if not guided:
        yield from _guides(request)


def _guides(request: ColorMatchRequest) -> Iterator[Try]:
    if request.diffusion is not None:
        for diffusion, what in _seeds(request.diffusion):
            yield replace(request, diffusion=diffusion), f"{what} of the colour guide"


def _other_source(mask: MaskRequest, detection: Detection) -> Iterator[tuple[MaskRequest, str]]:
    """The garment mask from the other of the two sources; a dreamed mask has but the one."""
    if mask.name != GARMENT_MASK:
        return
    if mask.engine is EngineName.GROUNDED:
        yield replace(mask, engine=EngineName.CLASSICAL, detection=None), "with a mask by the classical engine"
        return
    settings = detection()
    if settings is not None:
        detected = replace(mask, engine=EngineName.GROUNDED, detection=settings)
        yield detected, "with a detected mask (Grounding DINO and SAM 2)"


def _seeds(settings: DiffusionSettings, *, surer: bool = False) -> Iterator[tuple[DiffusionSettings, str]]:
    """The seeds that follow; ``surer`` paints in full, and often enough to see where the paintings disagree."""
    seed = settings.sampling.seed + max(1, settings.seeds)
    if surer:
        settings = replace(settings, seeds=max(settings.seeds, _SURE_SEEDS), draft=None)
    for _ in range(_MOST_SEEDS):
        last = seed + max(1, settings.seeds) - 1
        what = f"with seed {seed}" if last == seed else f"with the seeds {seed} to {last}"
        yield replace(settings, sampling=replace(settings.sampling, seed=seed)), what
        seed = last + 1
