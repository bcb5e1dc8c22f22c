"""The demo's dreamed masks: garments that its drawn figures do not wear, painted by the small model that ships."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from engine.domain.assets import AssetPair
from engine.domain.jobs import Job
from engine.domain.requests import EngineName, MaskRequest, Request
from engine.domain.review import ReviewItem
from engine.inference.kontext.availability import nano_model
from engine.ports import ArtifactStore, Catalog
from engine.services.demo import DemoSet
from engine.services.queue import Submission

_FIGURES = 4
"""Photographs that are dreamed on: a few seconds on a computer without a graphics card."""

_LEAST_SHARE = 0.002
"""Of the photograph: where less of a garment's place shows, no mask is asked for."""

_NOTE = (
    "These garments are not in the pictures: a small model dreams where they would be. It is FLUX.1 Kontext's own "
    "classes with a few million weights, taught on figures that Chromask draws, and it knows drawn figures only: "
    "photographs need FLUX.1 Kontext. IoU is intersection over union with the drawn truth."
)


@dataclass(frozen=True, slots=True)
class Dream:
    """A mask that was dreamed, and how near it came to the truth.

    Attributes
    ----------
    item : ReviewItem or None
        None where no mask could be read from what was painted.
    iou : float
        0 to 1.
    """

    photograph: str
    mask_type: str
    item: ReviewItem | None
    iou: float


def dream_requests(pairs: Iterable[AssetPair], demo: DemoSet) -> list[tuple[int, Request]]:
    """The dreamed masks of a few of the demo's photographs, as `Catalog.add_jobs` takes them.

    None where the small model is not installed.

    Parameters
    ----------
    pairs : iterable of AssetPair
        Those of other photographs are passed over.

    Raises
    ------
    KnownError
        The model or one of its LoRAs is damaged or missing.
    """
    from engine.imaging.masks.cleanup import mask_coverage
    from engine.imaging.raster.encode import decode_mask
    from engine.services.painting import diffusion_settings_for, find_lora
    from engine.services.registries import registry_for

    model = nano_model()
    if model is None:
        return []
    registry = registry_for(model)
    drawn = sorted((pair.on_model.path, pair.id) for pair in pairs if _is_drawn(pair.on_model.path, demo))
    wanted: list[tuple[int, Request]] = []
    for mask_type in registry.mask_types():
        entry = registry.lora_for(mask_type)
        if find_lora(entry, model) is None:
            continue
        settings = diffusion_settings_for(mask_type, "", model, registry=registry)
        for path, pair_id in drawn[:_FIGURES]:
            truth = demo.truth[path.name].regions.get(mask_type)
            if truth is not None and mask_coverage(decode_mask(truth.read_bytes())) >= _LEAST_SHARE:
                wanted.append((pair_id, MaskRequest(EngineName.KONTEXT, name=mask_type, diffusion=settings)))
    return wanted


def _is_drawn(photograph: Path, demo: DemoSet) -> bool:
    return photograph.parent == demo.pictures and photograph.name in demo.truth


def with_dreams(catalog: Catalog, submission: Submission, demo: DemoSet) -> Submission:
    """The submission, with the dreamed masks of the demo's photographs in its batch.

    Raises
    ------
    KnownError
        The small model or one of its LoRAs is damaged or missing.
    """
    pairs = catalog.pairs([job.pair_id for job in submission.jobs])
    dreams = catalog.add_jobs(submission.batch.id, dream_requests(pairs.values(), demo), 0)
    return replace(submission, jobs=(*submission.jobs, *dreams))


def measure_dreams(
    jobs: Sequence[Job],
    photographs: Mapping[int, str],
    items: Sequence[ReviewItem],
    artifacts: ArtifactStore,
    demo: DemoSet,
) -> list[Dream]:
    """How near each dreamed mask came to the drawn truth.

    Parameters
    ----------
    jobs : sequence of Job
        Of `dream_requests`.
    photographs : mapping of int to str
        Pair id -> name of its photograph.
    items : sequence of ReviewItem
        Those that succeeded.
    """
    from engine.imaging.metrics.masks import iou
    from engine.imaging.raster.encode import decode_mask

    found = {item.job.id: item for item in items}
    dreams: list[Dream] = []
    for job in jobs:
        if not isinstance(job.request, MaskRequest):
            continue
        name, item = photographs[job.pair_id], found.get(job.id)
        truth: Path = demo.truth[name].regions[job.request.name]
        overlap = 0.0
        if item is not None:
            painted, wanted = decode_mask(artifacts.read(item.outcome.mask.alpha)), decode_mask(truth.read_bytes())
            overlap = iou(painted > 127, wanted > 127)
        dreams.append(Dream(name, job.request.name, item, overlap))
    return dreams


def dreams_sentence(dreams: Sequence[Dream]) -> str:
    """The mean IoU of each mask type, and what the figures are worth."""
    types = dict.fromkeys(dream.mask_type for dream in dreams)
    means = {name: fmean(dream.iou for dream in dreams if dream.mask_type == name) for name in types}
    figures = ", ".join(f"{name} {mean:.2f}" for name, mean in means.items())
    return (
        f"Dreamed masks of garments that are not there, IoU with the drawn truth: {figures} (means of {len(dreams)} "
        "masks; drawn figures only: photographs need FLUX.1 Kontext)."
    )


def dreams_html(dreams: Sequence[Dream], artifacts: ArtifactStore) -> str:
    """The part of the demo's report on dreamed masks: photograph, what was painted, the mask over the photograph."""
    parts = [f"<h1>Dreamed masks</h1><p>{html.escape(_NOTE)}</p><p>{html.escape(dreams_sentence(dreams))}</p>"]
    parts += [_row(dream, artifacts) for dream in dreams]
    return "\n".join(parts)


def _row(dream: Dream, artifacts: ArtifactStore) -> str:
    from engine.services.report import figure_html, picture_html

    facts = [
        f"<dt>Photograph</dt><dd>{html.escape(dream.photograph)}</dd>",
        f"<dt>Dreamed</dt><dd>{dream.mask_type}</dd>",
    ]
    facts.append(f"<dt>IoU with the truth</dt><dd>{dream.iou:.2f}</dd>")
    if dream.item is None:
        facts.append("<dt>Mask</dt><dd>none could be read from what was painted</dd>")
        return f"<section><dl>{''.join(facts)}</dl></section>"
    outcome = dream.item.outcome
    figures = [
        figure_html(artifacts, outcome.previews.on_model, "Photograph"),
        figure_html(artifacts, outcome.previews.painted, "Painted"),
        picture_html(_over(dream.item, artifacts), ".jpg", "Mask over the photograph"),
    ]
    facts.append(f"<dt>Mask confidence</dt><dd>{outcome.mask.confidence:.2f}</dd>")
    return f"<section>{''.join(figures)}<dl>{''.join(facts)}</dl></section>"


def _over(item: ReviewItem, artifacts: ArtifactStore) -> bytes:
    """The photograph's preview with the mask in red over it, as a JPEG."""
    import cv2
    import numpy as np

    from engine.imaging.raster.encode import encode_preview

    shown = cv2.imdecode(np.frombuffer(artifacts.read(item.outcome.previews.on_model), np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    mask = cv2.imdecode(np.frombuffer(artifacts.read(item.outcome.mask.alpha), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert mask is not None
    small = cv2.resize(mask, (shown.shape[1], shown.shape[0]), interpolation=cv2.INTER_AREA)
    share = 0.6 * small[..., None].astype(np.float32) / 255
    over = shown[..., ::-1] * (1 - share) + np.array([255, 0, 0], np.float32) * share
    return encode_preview(np.ascontiguousarray(over.round(), np.uint8), None)
