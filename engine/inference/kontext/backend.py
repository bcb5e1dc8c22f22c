"""The Kontext backend: masks, colour guides and edits painted by FLUX.1 Kontext with LoRAs."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BugError, KnownError
from engine.domain.geometry import Box, Extent
from engine.domain.picture import ColorGuide, PaintedCrop, PaintedMask, Picture
from engine.domain.requests import ColorMatchRequest, DiffusionSettings, EditTurn, MaskRequest
from engine.imaging.edit_placement import paintable, place_edit
from engine.imaging.painted import ExtractedMask, Reading, agreement, extract_painted_mask
from engine.imaging.person_crop import ShownPart, shown_part
from engine.imaging.placement import KONTEXT_BUCKETS, border_color, place, to_canvas
from engine.imaging.raster.icc import to_srgb8
from engine.imaging.side_by_side import (
    LANDSCAPE_BUCKETS,
    compose,
    garment_crop,
    place_side_by_side,
    register_half,
    right_half,
)
from engine.inference.kontext.inpainting import inpaint, inpainting_steps
from engine.inference.kontext.lora import CheckedLora
from engine.inference.kontext.prompts import PromptCache, default_prompt_folder
from engine.inference.kontext.residence import Residence
from engine.inference.kontext.sampling import sample
from engine.inference.kontext.seeds import Pass, passes
from engine.inference.kontext.tiers import NotEnoughMemory, Weights
from engine.ports import ReportStep

Provenance = dict[str, str | float | int]

_GUIDE_SIDE = 2048
"""Longest side of a colour guide, in pixels: the model's picture has one megapixel, so a larger grid holds no more."""


class KontextBackend:
    """Implements `engine.ports.Backend` on the real diffusers pipeline.

    Lives in the worker process and is called from one thread. The model stays loaded between jobs; the LoRA is
    exchanged where a job needs another one. Where memory runs out, the job is tried once more with less.

    A model whose folder describes it (`engine.inference.kontext.description`) is painted with on its own canvases, any
    other on FLUX.1 Kontext's.

    Parameters
    ----------
    prompts : Path, optional
        Folder for encoded prompts; the user's cache folder by default.
    """

    def __init__(self, prompts: Path | None = None) -> None:
        self.residence = Residence(PromptCache(prompts if prompts is not None else default_prompt_folder()))

    def make_mask(
        self, on_model: Picture, flatlay: Picture | None, request: MaskRequest, report: ReportStep
    ) -> PaintedMask:
        """Let the model paint the mask green, with each seed, and read it from its pictures.

        ``flatlay`` is not used: the mask LoRAs see the on-model photograph alone, or the part of it around a person who
        is small in it, or around the region of the person that the LoRA is for (`engine.imaging.person_crop`).

        Raises
        ------
        KnownError
            The model or LoRA does not load, memory runs out twice, or no green was painted.
        Cancelled
            From ``report``.
        BugError
            The request has no diffusion settings.
        """
        settings = request.diffusion
        if settings is None:
            raise BugError(f"a mask request for the Kontext engine without diffusion settings: {request.name}")
        began = time.perf_counter()
        buckets = self._buckets(settings)
        rounds = passes(settings, buckets)
        total = 1 + sum(step.steps for step in rounds)
        report(0, total, "loading the model")
        photograph = to_srgb8(on_model.pixels, on_model.icc)
        part = shown_part(photograph, settings.region, buckets)

        def work() -> PaintedMask:
            _, lora, _ = self.residence.settle(settings)
            painted = self._paint(photograph, part, settings, rounds[0], report, 1, total)
            draft_kept = painted.confidence >= rounds[0].enough
            if not draft_kept:
                painted = self._paint(photograph, part, settings, rounds[1], report, 1 + rounds[0].steps, total)
            provenance = self._provenance(settings, lora, began) | painted.provenance
            if settings.draft is not None:
                provenance["draft"] = "kept" if draft_kept else "painted again"
            report(total, total, "done")
            notices = (*painted.notices, part.notice, *self._notices(settings))
            return replace(painted, provenance=provenance, notices=tuple(filter(None, notices)))

        try:
            return self.residence.retry_lower(work, lambda: report(0, total, "loading the model with less memory"))
        except KnownError as error:
            error.path = error.path or on_model.path
            raise

    def _paint(
        self,
        photograph: NDArray[np.uint8],
        part: ShownPart,
        settings: DiffusionSettings,
        round_: Pass,
        report: ReportStep,
        done: int,
        total: int,
    ) -> PaintedMask:
        """Every seed once: the mean mask, the least confidence of any seed times the seeds' agreement."""
        model, _, prompt = self.residence.settle(settings)
        placement = place(_extent(photograph), part.crop, round_.buckets)
        shown = placement.crop
        canvas = to_canvas(
            photograph, placement, border_color(photograph[shown.top : shown.bottom, shown.left : shown.right])
        )
        reading = Reading(in_place=self._paints_in_place(settings))
        found: list[ExtractedMask] = []
        outputs: list[NDArray[np.uint8]] = []
        for sampling in round_.samplings:
            report(done, total, "denoising")
            output = sample(model.pipeline, canvas, prompt, sampling, report, done=done, total=total)
            outputs.append(output)
            done += sampling.num_inference_steps
            report(done, total, "extracting the mask")
            found.append(extract_painted_mask(photograph, output, reading, placement))
            done += 1
        agreed = agreement([mask.alpha for mask in found])
        # What was measured on the first seed's picture; the others' differ by chance alone.
        provenance: Provenance = found[0].provenance() | {
            "canvas": f"{placement.canvas.width}x{placement.canvas.height}",
            "crop": _written(shown),
            "region": part.region.value,
            "steps": round_.samplings[0].num_inference_steps,
        }
        if len(found) > 1:
            provenance["agreement"] = round(agreed.confidence, 4)
        notices = tuple(dict.fromkeys(notice for mask in found for notice in mask.notices))
        confidence = min(mask.confidence for mask in found) * agreed.confidence
        disagreement = agreed.disagreement if found[1:] else None
        return PaintedMask(agreed.alpha, confidence, provenance, notices, disagreement, outputs[0])

    def mask_flatlay(self, flatlay: Picture, request: MaskRequest) -> PaintedMask | None:
        """Always None: the mask LoRAs were trained on people."""
        return None

    def color_guide(
        self, on_model: Picture, flatlay: Picture, mask: PaintedMask, request: ColorMatchRequest, report: ReportStep
    ) -> ColorGuide | None:
        """Let the model paint the on-model garment in the flatlay's colour, beside the flatlay.

        Returns None where the request has no diffusion settings: without the colour LoRA Kontext does not transfer
        colours, so there is nothing to run.

        Raises
        ------
        KnownError
            The model or LoRA does not load, or memory runs out twice.
        Cancelled
            From ``report``.
        """
        settings = request.diffusion
        if settings is None:
            return None
        began = time.perf_counter()
        total = settings.sampling.num_inference_steps + 1
        report(0, total, "loading the model")
        left, left_garment = _working_size(flatlay, flatlay.alpha)
        right, garment = _working_size(on_model, mask.alpha)
        pair = place_side_by_side(
            _extent(left),
            _extent(right),
            garment_crop(left_garment),
            garment_crop(garment),
            buckets=self._side_by_side_buckets(settings),
        )
        canvas = compose(left, right, pair)

        def work() -> ColorGuide:
            model, lora, prompt = self.residence.settle(settings)
            report(1, total, "denoising")
            output = sample(model.pipeline, canvas, prompt, settings.sampling, report, done=1, total=total)
            provenance = self._provenance(settings, lora, began)
            half = register_half(output, canvas, garment, pair, in_place=self._paints_in_place(settings))
            # From the canvas to the photograph itself, of which `right` is a smaller copy.
            pixels = on_model.extent.width / (right.shape[1] * pair.on_model.scale)
            provenance |= {
                "canvas": f"{pair.canvas.width}x{pair.canvas.height}",
                "registration": half.method.value,
                "shift_px": round(half.shift * pixels, 2),
                "residual_before": round(half.residual_before, 2),
                "residual_after": round(half.residual_after, 2),
            }
            crop = pair.on_model.crop
            shown = np.zeros(right.shape[:2], np.bool_)
            shown[crop.top : crop.bottom, crop.left : crop.right] = True
            return ColorGuide(right_half(half.output, pair, right), provenance, shown)

        try:
            return self.residence.retry_lower(work, lambda: report(0, total, "loading the model with less memory"))
        except NotEnoughMemory as error:
            error.remedy += " A colour match also runs on the classical engine, which needs no model."
            raise

    def paint_edit(
        self,
        photograph: Picture,
        mask: NDArray[np.uint8],
        reference: Picture | None,
        turn: EditTurn,
        report: ReportStep,
    ) -> PaintedCrop:
        """Let the model repaint what the mask covers, on a crop of the photograph around it.

        Parameters
        ----------
        photograph : Picture
            The original.
        mask : ndarray
            ``(H, W)`` uint8 at the photograph's size, above 0 = may change.
        reference : Picture or None
            What the model looks at while it paints; what is transparent in it is shown on white.
        turn : EditTurn
            Prompt, model, LoRA and sampling.

        Raises
        ------
        KnownError
            The model or LoRA does not load, or memory runs out twice.
        Cancelled
            From ``report``.
        """
        settings = turn.diffusion
        began = time.perf_counter()
        total = 1 + inpainting_steps(settings.sampling, turn.strength)
        report(0, total, "loading the model")
        rgb = to_srgb8(photograph.pixels, photograph.icc)
        buckets = self._buckets(settings)
        placement = place_edit(mask, buckets)
        crop = placement.crop
        canvas = to_canvas(rgb, placement, border_color(rgb[crop.top : crop.bottom, crop.left : crop.right]))
        repainted = paintable(mask, placement)
        shown = _reference_canvas(reference, buckets) if reference is not None else None

        def work() -> PaintedCrop:
            model, lora, prompt = self.residence.settle(settings)
            report(1, total, "denoising")
            output = inpaint(
                model.pipeline, canvas, repainted, shown, prompt, settings.sampling, report,
                strength=turn.strength, done=1, total=total,
            )  # fmt: skip
            provenance = self._provenance(settings, lora, began) | {
                "strength": turn.strength,
                "canvas": f"{placement.canvas.width}x{placement.canvas.height}",
                "crop": _written(crop),
                "scale": round(placement.scale, 4),
            }
            return PaintedCrop(output, placement, provenance, self._notices(settings))

        return self.residence.retry_lower(work, lambda: report(0, total, "loading the model with less memory"))

    def repaint(self, picture: Picture, settings: DiffusionSettings, report: ReportStep) -> PaintedCrop:
        """Show the model a whole picture and give what it paints, on its own canvas: an edit without a mask.

        Raises
        ------
        KnownError
            The model or LoRA does not load, or memory runs out twice.
        Cancelled
            From ``report``.
        """
        began = time.perf_counter()
        total = 1 + settings.sampling.num_inference_steps
        report(0, total, "loading the model")
        rgb = to_srgb8(picture.pixels, picture.icc)
        buckets = (*self._buckets(settings), *self._side_by_side_buckets(settings))
        placement = place(_extent(rgb), buckets=buckets)
        canvas = to_canvas(rgb, placement, border_color(rgb))

        def work() -> PaintedCrop:
            model, lora, prompt = self.residence.settle(settings)
            report(1, total, "denoising")
            output = sample(model.pipeline, canvas, prompt, settings.sampling, report, done=1, total=total)
            provenance = self._provenance(settings, lora, began) | {
                "canvas": f"{placement.canvas.width}x{placement.canvas.height}",
            }
            return PaintedCrop(output, placement, provenance, self._notices(settings))

        try:
            return self.residence.retry_lower(work, lambda: report(0, total, "loading the model with less memory"))
        except KnownError as error:
            error.path = error.path or picture.path
            raise

    def _buckets(self, settings: DiffusionSettings) -> tuple[Extent, ...]:
        """The model's canvases."""
        description = self.residence.source(settings).description
        return KONTEXT_BUCKETS if description is None else description.canvases

    def _side_by_side_buckets(self, settings: DiffusionSettings) -> tuple[Extent, ...]:
        description = self.residence.source(settings).description
        return LANDSCAPE_BUCKETS if description is None else description.guide_canvases

    def _paints_in_place(self, settings: DiffusionSettings) -> bool:
        description = self.residence.source(settings).description
        return description is not None and description.paints_in_place

    def _notices(self, settings: DiffusionSettings) -> tuple[str, ...]:
        description = self.residence.source(settings).description
        warning = (description.warning,) if description is not None and description.warning else ()
        return (*warning, *self.residence.notices())

    def _provenance(self, settings: DiffusionSettings, lora: CheckedLora | None, began: float) -> Provenance:
        placing = self.residence.model.placing
        dtype = str(placing.dtype).removeprefix("torch.")
        provenance: Provenance = {
            "engine": "kontext",
            "model": Path(settings.model).name,
            "model_fingerprint": self.residence.fingerprint,
            "device": str(placing.device),
            "dtype": dtype,
            "weights": dtype if placing.tier.weights is Weights.BF16 else placing.tier.weights.value,
            "vram_tier": placing.tier.gib,
            "prompt": settings.prompt,
            "steps": settings.sampling.num_inference_steps,
            "guidance_scale": settings.sampling.guidance_scale,
            "seed": settings.sampling.seed,
            "seeds": settings.seeds,
            "seconds": round(time.perf_counter() - began, 3),
        }
        if settings.lora is not None and lora is not None:
            provenance |= {
                "lora": settings.lora.name,
                "lora_sha256": settings.lora.sha256,
                "lora_scale": settings.lora.scale,
                "lora_layers": len(lora.modules),
                "lora_ranks": ",".join(map(str, lora.ranks)),
                "lora_effect": round(self.residence.model.lora_effect, 5),
            }
        return provenance


def _reference_canvas(reference: Picture, buckets: tuple[Extent, ...]) -> NDArray[np.uint8]:
    """The whole reference on a canvas of the model's own sizes."""
    rgb = to_srgb8(reference.pixels, reference.icc)
    if reference.alpha is not None:
        share = reference.alpha[..., None].astype(np.float32) / 255
        rgb = np.rint(255 + (rgb.astype(np.float32) - 255) * share).astype(np.uint8)
    return to_canvas(rgb, place(_extent(rgb), buckets=buckets), border_color(rgb))


def _extent(rgb: NDArray[np.uint8]) -> Extent:
    return Extent(rgb.shape[1], rgb.shape[0])


def _written(crop: Box) -> str:
    return f"{crop.extent.width}x{crop.extent.height}+{crop.left}+{crop.top}"


def _working_size(picture: Picture, alpha: NDArray[np.uint8] | None) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The photograph in sRGB at the guide's size, and its garment's alpha at that size."""
    import cv2

    rgb = to_srgb8(picture.pixels, picture.icc)
    garment = alpha if alpha is not None else np.full(rgb.shape[:2], 255, np.uint8)
    scale = min(1.0, _GUIDE_SIDE / max(rgb.shape[:2]))
    if scale < 1:
        size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        garment = cv2.resize(garment, size, interpolation=cv2.INTER_AREA)
    return np.asarray(rgb, np.uint8), np.asarray(garment, np.uint8)
