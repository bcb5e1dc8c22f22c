"""Masks that a person corrected, put into the requests of colour matches that come after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.domain.requests import ColorMatchRequest, MaskRequest, Request, View
from engine.ports import Catalog

Wanted = tuple[int, Request]
"""A pair's id and what shall be done with it."""


def with_corrections(catalog: Catalog, wanted: Sequence[Wanted]) -> list[Wanted]:
    """The requests, with corrected garment masks in those colour matches that are new to their pair.

    Whoever corrects the masks first and matches colours later, or matches them again by another plan, wants the masks
    as they were corrected: the photograph's own, and those of the article's other views. A match that was asked for
    before, under whatever masks, stays what it is, so that it is found again with all that has become of it. A request
    for a mask alone is never changed: it asks for one to be made.
    """
    matches = {pair_id: request for pair_id, request in wanted if isinstance(request, ColorMatchRequest)}
    pairs, masks = _corrected_masks(catalog, matches)
    if not masks:
        return list(wanted)
    changed: list[Wanted] = []
    for pair_id, request in wanted:
        new = request
        if isinstance(request, ColorMatchRequest):
            own = masks.get(pair_id)
            mask = request.mask if own is None else replace(request.mask, corrected=own.corrected, found=own.found)
            new = _with_views(replace(request, mask=mask), pairs, masks)
        if new != request:
            jobs = catalog.pair_jobs(pair_id)
            new = next((job.request for job in jobs if _without_corrections(job.request) == request), new)
        changed.append((pair_id, new))
    return changed


def with_corrected_views(catalog: Catalog, request: ColorMatchRequest) -> ColorMatchRequest:
    """The match with the masks that have meanwhile been corrected on the article's other views; its own stays."""
    return _with_views(request, *_corrected_masks(catalog, {0: request}))


def _corrected_masks(
    catalog: Catalog, matches: Mapping[int, ColorMatchRequest]
) -> tuple[dict[View, int | None], dict[int, MaskRequest]]:
    """Pair ids of all other views, and the corrected masks of these pairs and of the matches' own."""
    views = list(dict.fromkeys(_plain(view) for request in matches.values() for view in request.views))
    pairs = dict(zip(views, catalog.find_pairs(views), strict=True))
    ids = {*matches, *(id for id in pairs.values() if id is not None)}
    return pairs, catalog.corrected_masks(sorted(ids))


def _with_views(
    request: ColorMatchRequest, pairs: Mapping[View, int | None], masks: Mapping[int, MaskRequest]
) -> ColorMatchRequest:
    def corrected(view: View) -> View:
        pair_id = pairs[_plain(view)]
        mask = masks.get(pair_id) if pair_id is not None else None
        return replace(view, corrected=mask.corrected if mask is not None else None)

    return replace(request, views=tuple(corrected(view) for view in request.views))


def _without_corrections(request: Request) -> Request:
    if not isinstance(request, ColorMatchRequest):
        return request
    mask = replace(request.mask, corrected=None, found="")
    return replace(request, mask=mask, views=tuple(_plain(view) for view in request.views), retouch=None)


def _plain(view: View) -> View:
    return replace(view, corrected=None)
