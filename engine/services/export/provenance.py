"""Where an exported picture comes from, put together from what the catalog knows of its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from importlib.metadata import version
from pathlib import PurePath
from typing import TYPE_CHECKING

from engine.domain.errors import BugError
from engine.domain.provenance import ModelRun, ModelTask, NamedHash, Provenance, ResultOrigin
from engine.domain.requests import ColorMatchRequest, DiffusionSettings, EditRequest, EngineName, MaskRequest, Request
from engine.domain.review import ResultKind, ReviewItem

if TYPE_CHECKING:
    from engine.domain.results import JobOutcome

Figures = Mapping[str, str | float | int]


def provenance_of(
    items: Sequence[ReviewItem],
    catalog: str,
    at: datetime,
    mask_names: Mapping[int, str] | None = None,
    retouch_sources: Mapping[int, str] | None = None,
    *,
    is_picture: bool = True,
) -> Provenance:
    """Where a file made of these results comes from.

    A picture counts as painted where a generative model's pixels are in it: those of an edit with a turn that was
    painted, and those of a retouch whose file declared them. A mask changes no pixel, however it was made; it is a
    selection, and a model that dreams one is a means of selecting. A colour match moves the photograph's own pixels by
    a transfer of colours: where a model's picture of the recoloured garment guided it, that picture was measured and
    thrown away, and its influence on any pixel is a share of a colour shift that all pixels of that colour get
    (`engine.imaging.color.guide`). This is correction in the sense of the IPTC's vocabulary, not compositing with
    trained algorithmic media; which models took part is named all the same (`Provenance.origins`).

    Parameters
    ----------
    items : sequence of ReviewItem
        The results in the file, all of one on-model photograph, from the bottom up.
    catalog : str
        `engine.ports.Catalog.identity`.
    at : datetime
        When the file is written.
    mask_names : mapping of int to str, optional
        By job id, the name that a result's mask has in the file where it is not the mask's own: alpha channels must
        have names of their own.
    retouch_sources : mapping of int to str, optional
        By job id, what was declared of a result's retouch (`engine.services.export.photograph.Photograph`).
    is_picture : bool
        False for a file that holds a mask and nothing else.

    Raises
    ------
    BugError
        There are no items, or they are of several photographs.
    """
    photographs = {NamedHash(item.pair.on_model.path.name, item.pair.on_model.sha256) for item in items}
    if len(photographs) != 1:
        raise BugError(f"a file is made of one photograph, not of {len(photographs)}")
    names, sources = mask_names or {}, retouch_sources or {}
    return Provenance(
        photograph=photographs.pop(),
        catalog=catalog,
        software=f"Chromask {version('chromask')}",
        origins=tuple(
            replace(
                _origin(item, names.get(item.job.id, item.outcome.mask.name)),
                retouch_source=sources.get(item.job.id, ""),
            )
            for item in items
        ),
        at=at,
        is_picture=is_picture,
    )


def _origin(item: ReviewItem, mask_name: str) -> ResultOrigin:
    outcome, match, review = item.outcome, item.outcome.match, item.review
    return ResultOrigin(
        job_id=item.job.id,
        kind=_kind(outcome),
        version=item.job.version,
        mask=NamedHash(mask_name, outcome.mask.alpha.sha256),
        models=_models(item.job.request, outcome),
        delta_E_before=match.before.delta_E if match else None,
        delta_E_after=match.after.delta_E if match else None,
        verdict=match.after.verdict if match else None,
        decision=item.decision,
        reviewer=review.reviewer if review else "",
        reviewed_at=review.at if review else None,
    )


def _kind(outcome: JobOutcome) -> ResultKind:
    if outcome.edit is not None:
        return ResultKind.EDIT
    return ResultKind.COLOR_MATCH if outcome.match is not None else ResultKind.MASK


def _models(request: Request, outcome: JobOutcome) -> tuple[ModelRun, ...]:
    """What was asked for is in the request; what answered, in the outcome's figures."""
    if isinstance(request, EditRequest):
        # The mask is what the turns covered together; no model made that.
        turns = outcome.edit.turns if outcome.edit is not None else ()
        asked = zip(request.turns, turns, strict=True)
        return tuple(
            _diffusion(ModelTask.EDIT, turn.diffusion, made.provenance, request.engine)
            for turn, made in asked
            if made.painted
        )
    if isinstance(request, MaskRequest):
        return _mask_models(request, outcome)
    return (*_mask_models(request.mask, outcome), *_guide_models(request, outcome))


def _mask_models(request: MaskRequest, outcome: JobOutcome) -> tuple[ModelRun, ...]:
    made = outcome.mask.provenance
    if request.corrected is not None:  # as a person left it
        return ()
    if request.diffusion is not None:
        return (_diffusion(ModelTask.MASK, request.diffusion, made, request.engine),)
    if request.detection is not None:
        engine, networks = request.engine, request.detection
        return (
            ModelRun(ModelTask.MASK, engine, PurePath(networks.detector).name, _text(made, "detector_fingerprint")),
            ModelRun(ModelTask.MASK, engine, PurePath(networks.segmenter).name, _text(made, "segmenter_fingerprint")),
        )
    return ()


def _guide_models(request: ColorMatchRequest, outcome: JobOutcome) -> tuple[ModelRun, ...]:
    made = outcome.match.provenance if outcome.match is not None else {}
    if request.diffusion is None or "guide_weight" not in made:  # without the latter no guide came of it
        return ()
    return (_diffusion(ModelTask.COLOR_GUIDE, request.diffusion, made, request.engine, "guide_"),)


def _diffusion(
    task: ModelTask, asked: DiffusionSettings, made: Figures, engine: EngineName, prefix: str = ""
) -> ModelRun:
    lora = asked.lora
    return ModelRun(
        task=task,
        engine=engine,
        model=PurePath(asked.model).name,
        fingerprint=_text(made, f"{prefix}model_fingerprint"),
        lora=NamedHash(lora.name, lora.sha256) if lora is not None else None,
        lora_scale=lora.scale if lora is not None else 1.0,
        prompt=asked.prompt,
        seed=asked.sampling.seed,
    )


def _text(made: Figures, key: str) -> str:
    """Empty where the backend did not say: fingerprints are newer than the first catalogs."""
    return str(made[key]) if key in made else ""
