"""Evaluation of a model on a data set: it paints each control picture as it does in the product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.domain.datasets import DatasetKind, Example, Manifest, Split
from engine.domain.errors import KnownError
from engine.domain.evaluation import NO_MASK, Contender, SetEvaluation
from engine.domain.picture import Picture
from engine.domain.requests import DiffusionSettings, EngineName, MaskRequest
from engine.imaging.masks.given import read_mask
from engine.imaging.metrics.halves import registered_right_half
from engine.imaging.painted import NoPaint, Reading, extract
from engine.imaging.placement import from_canvas
from engine.inference.kontext.source import find_source
from engine.ports import ReportStep
from engine.services.datasets.manifest import dataset_hash, read_manifest
from engine.services.evaluation.folders import color_facts, mask_facts
from engine.services.evaluation.outcomes import Facts, Outcome, color_outcome, mask_outcome, srgb_picture
from engine.worker.backends import Backends

if TYPE_CHECKING:
    from engine.domain.picture import Alpha


def examples_of(manifest: Manifest, split: Split | None, folder: Path) -> tuple[Example, ...]:
    """The examples of one side of a set's split, or all of them.

    Raises
    ------
    KnownError
        There are none; says what to do.
    """
    chosen = manifest.examples if split is None else manifest.of(split)
    if chosen:
        return chosen
    if split is Split.HELD_OUT:
        raise KnownError(
            "nothing of this set is held out",
            remedy="Build it again, with several articles' numbers in the file names or with --split-by picture; or "
            "measure what it teaches with --split all.",
            path=folder,
        )
    raise KnownError("this set has no such examples", remedy="Measure all of it with --split all.", path=folder)


class SetTask:
    """Examples of a set, painted by a model; `engine.services.evaluation.outcomes.Task`.

    Parameters
    ----------
    backends : Backends
        Hold the model; one thread.

    Raises
    ------
    KnownError
        There is no such set, or it has no such examples.
    """

    def __init__(self, request: SetEvaluation, backends: Backends) -> None:
        manifest = read_manifest(request.dataset)
        chosen = examples_of(manifest, request.split, request.dataset)
        chosen = sorted(chosen, key=lambda example: example.name)[: request.limit or None]
        self._request, self._backends = request, backends
        self._examples = {example.name: example for example in chosen}
        self.kind = manifest.kind
        self.subject = str(request.dataset)
        self.contenders = request.contenders
        self.names: Sequence[str] = list(self._examples)
        self.facts: Facts = {
            "model": request.model.name,
            "model_fingerprint": find_source(request.model).fingerprint(),
            "dataset_hash": dataset_hash(manifest),
            "split": request.split.value if request.split is not None else "all",
            "steps": request.sampling.num_inference_steps,
            "guidance_scale": request.sampling.guidance_scale,
            "seed": request.sampling.seed,
            "seeds": request.seeds,
            "region": request.region.value,
        } | (mask_facts() if self.kind is DatasetKind.MASK else color_facts(request.crop))

    def files(self, name: str) -> Sequence[Path]:
        example = self._examples[name]
        return [self._request.dataset / path for path in (example.control, example.target, example.mask) if path]

    def measure(self, contender: Contender, name: str, report: ReportStep) -> Outcome:
        """See `engine.services.evaluation.outcomes.Task.measure`."""
        example = self._examples[name]
        settings = DiffusionSettings(
            model=str(self._request.model),
            prompt=example.caption,
            lora=contender.lora,
            sampling=self._request.sampling,
            seeds=self._request.seeds if self.kind is DatasetKind.MASK else 1,
            vram_tier=self._request.vram_tier,
            region=self._request.region,
        )
        if self.kind is DatasetKind.MASK:
            return self._mask(example, settings, report)
        return self._color(example, settings, report)

    def _mask(self, example: Example, settings: DiffusionSettings, report: ReportStep) -> Outcome:
        control = srgb_picture(self._request.dataset / example.control)
        truth = self._true_mask(example, control)
        backend = self._backends.get(EngineName.KONTEXT)
        request = MaskRequest(EngineName.KONTEXT, "mask", diffusion=settings)
        try:
            mask, problem = backend.make_mask(control, None, request, report).alpha, ""
        except NoPaint:
            # The honest figure of a model that does not know what it is asked for: it masked nothing.
            mask, problem = np.zeros_like(truth), NO_MASK
        return mask_outcome(_bytes(control), mask, truth, kept=True, problem=problem)

    def _true_mask(self, example: Example, control: Picture) -> Alpha:
        """The set's own mask; of a set that was imported without any, what its target has painted green."""
        folder = self._request.dataset
        if example.mask:
            return read_mask(folder / example.mask, control.extent, may_be_empty=True)
        target = srgb_picture(folder / example.target)
        try:
            # A person's paint has its edge where it was drawn, unlike that of the published LoRAs.
            return extract(_bytes(control), _bytes(target), Reading(published_edge=False)).mask.alpha
        except KnownError as error:
            error.path = error.path or target.path
            raise

    def _color(self, example: Example, settings: DiffusionSettings, report: ReportStep) -> Outcome:
        folder = self._request.dataset
        control, truth = srgb_picture(folder / example.control), srgb_picture(folder / example.target)
        mask = read_mask(folder / example.mask, control.extent) if example.mask else None
        painted = self._backends.painter().repaint(control, settings, report)
        output = from_canvas(painted.pixels, painted.placement, around=_bytes(control))
        # The photograph is the right half; what becomes of the flatlay beside it is nobody's colour.
        seam = control.extent.width // 2
        photo, right, wanted = (
            replace(picture, pixels=picture.pixels[:, seam:])
            for picture in (control, replace(control, pixels=output, path=None), truth)
        )
        garment = None
        if mask is not None:
            garment = mask[:, seam:].copy()
            right = replace(right, pixels=registered_right_half(output, _bytes(control), garment))
        return color_outcome(example.name, photo, right, wanted, garment, self._request.crop, kept=True)


def _bytes(picture: Picture) -> NDArray[np.uint8]:
    return np.asarray(picture.pixels, np.uint8)
