"""The Kontext backend: masks and colour guides painted by FLUX.1 Kontext with LoRAs."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BugError, KnownError
from engine.domain.geometry import Box, Extent
from engine.domain.picture import ColorGuide, PaintedMask, Picture
from engine.domain.requests import ColorMatchRequest, DiffusionSettings, MaskRequest
from engine.imaging.painted import extract_painted_mask
from engine.imaging.placement import KONTEXT_BUCKETS, Color, covered, from_canvas, place, to_canvas
from engine.imaging.raster.icc import to_srgb8
from engine.imaging.side_by_side import LANDSCAPE_BUCKETS, compose, garment_crop, place_side_by_side, right_half
from engine.inference.kontext.lora import CheckedLora
from engine.inference.kontext.pipeline import LoadedModel
from engine.inference.kontext.sampling import sample
from engine.inference.kontext.source import find_source
from engine.ports import ReportStep

Provenance = dict[str, str | float | int]

_GUIDE_SIDE = 2048
"""Longest side of a colour guide, in pixels: the model's picture has one megapixel, so a larger grid holds no more."""


class KontextBackend:
    """Implements `engine.ports.Backend` on the real diffusers pipeline.

    Lives in the worker process and is called from one thread. The model stays loaded between jobs; the LoRA is
    exchanged where a job needs another one.

    Parameters
    ----------
    buckets : tuple of Extent
        Canvases for masks.
    side_by_side_buckets : tuple of Extent
        Canvases for flatlay and on-model photograph side by side.
    """

    def __init__(
        self,
        buckets: tuple[Extent, ...] = KONTEXT_BUCKETS,
        side_by_side_buckets: tuple[Extent, ...] = LANDSCAPE_BUCKETS,
    ) -> None:
        self._buckets = buckets
        self._side_by_side_buckets = side_by_side_buckets
        self._model: LoadedModel | None = None
        self._model_path = ""
        self._fingerprint = ""

    def make_mask(
        self, on_model: Picture, flatlay: Picture | None, request: MaskRequest, report: ReportStep
    ) -> PaintedMask:
        """Let the model paint the mask green, and read it from its picture.

        ``flatlay`` is not used: the mask LoRAs see the on-model photograph alone.

        Raises
        ------
        KnownError
            The model or LoRA does not load, memory runs out, or no green was painted.
        Cancelled
            From ``report``.
        BugError
            The request has no diffusion settings.
        """
        settings = request.diffusion
        if settings is None:
            raise BugError(f"a mask request for the Kontext engine without diffusion settings: {request.name}")
        began = time.perf_counter()
        steps = settings.sampling.num_inference_steps
        total = steps + 2  # loading comes before the steps, extraction after them
        report(0, total, "loading the model")
        model, lora = self._prepared(settings)
        report(1, total, "denoising")
        photograph = to_srgb8(on_model.pixels, on_model.icc)
        placement = place(on_model.extent, buckets=self._buckets)
        canvas = to_canvas(photograph, placement, _border_color(photograph))
        output = sample(model.pipeline, canvas, settings.prompt, settings.sampling, report, done=1, total=total)
        report(1 + steps, total, "extracting the mask")
        inner = covered(placement)
        rows, columns = slice(inner.top, inner.bottom), slice(inner.left, inner.right)
        try:
            # On the canvas, where both pictures have the model's resolution; the photograph's own adds nothing to it.
            found = extract_painted_mask(canvas[rows, columns], output[rows, columns])
        except KnownError as error:
            error.path = error.path or on_model.path
            raise
        alpha = np.zeros(canvas.shape[:2], np.uint8)
        alpha[rows, columns] = found.alpha
        report(total, total, "done")
        provenance = self._provenance(settings, lora, placement.canvas, began)
        provenance |= {
            "green": "#{:02X}{:02X}{:02X}".format(*found.green),
            "color_drift": round(found.color_drift, 4),
            "displacement_px": round(found.displacement / placement.scale, 2),
        }
        return PaintedMask(from_canvas(alpha, placement), found.confidence, provenance, found.notices)

    def color_guide(
        self, on_model: Picture, flatlay: Picture, mask: PaintedMask, request: ColorMatchRequest, report: ReportStep
    ) -> ColorGuide | None:
        """Let the model paint the on-model garment in the flatlay's colour, beside the flatlay.

        Returns None where the request has no diffusion settings: without the colour LoRA Kontext does not transfer
        colours, so there is nothing to run.

        Raises
        ------
        KnownError
            The model or LoRA does not load, or memory runs out.
        Cancelled
            From ``report``.
        """
        settings = request.diffusion
        if settings is None:
            return None
        began = time.perf_counter()
        total = settings.sampling.num_inference_steps + 1
        report(0, total, "loading the model")
        model, lora = self._prepared(settings)
        report(1, total, "denoising")
        left, left_crop = _working_size(flatlay, flatlay.alpha)
        right, right_crop = _working_size(on_model, mask.alpha)
        pair = place_side_by_side(
            _extent(left), _extent(right), left_crop, right_crop, buckets=self._side_by_side_buckets
        )
        output = sample(
            model.pipeline, compose(left, right, pair), settings.prompt, settings.sampling, report, done=1, total=total
        )
        provenance = self._provenance(settings, lora, pair.canvas, began)
        return ColorGuide(right_half(output, pair, right), provenance)

    def _prepared(self, settings: DiffusionSettings) -> tuple[LoadedModel, CheckedLora | None]:
        if self._model is None or self._model_path != settings.model:
            self._model = None  # frees the former model before the next one is loaded
            source = find_source(Path(settings.model))
            self._model = LoadedModel(source)
            self._model_path, self._fingerprint = settings.model, source.fingerprint()
        return self._model, self._model.use(settings.lora)

    def _provenance(
        self, settings: DiffusionSettings, lora: CheckedLora | None, canvas: Extent, began: float
    ) -> Provenance:
        assert self._model is not None
        provenance: Provenance = {
            "engine": "kontext",
            "model": Path(settings.model).name,
            "model_fingerprint": self._fingerprint,
            "device": str(self._model.placing.device),
            "dtype": str(self._model.placing.dtype).removeprefix("torch."),
            "prompt": settings.prompt,
            "steps": settings.sampling.num_inference_steps,
            "guidance_scale": settings.sampling.guidance_scale,
            "seed": settings.sampling.seed,
            "canvas": f"{canvas.width}x{canvas.height}",
            "seconds": round(time.perf_counter() - began, 3),
        }
        if settings.lora is not None and lora is not None:
            provenance |= {
                "lora": settings.lora.name,
                "lora_sha256": settings.lora.sha256,
                "lora_scale": settings.lora.scale,
                "lora_layers": len(lora.modules),
                "lora_ranks": ",".join(map(str, lora.ranks)),
            }
        return provenance


def _extent(rgb: NDArray[np.uint8]) -> Extent:
    return Extent(rgb.shape[1], rgb.shape[0])


def _border_color(rgb: NDArray[np.uint8]) -> Color:
    """The median colour of the photograph's rim: padding that continues a studio's backdrop draws no paint to it."""
    rim = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
    red, green, blue = np.median(rim, axis=0).round().astype(int).tolist()
    return red, green, blue


def _working_size(picture: Picture, alpha: NDArray[np.uint8] | None) -> tuple[NDArray[np.uint8], Box]:
    """The photograph in sRGB at the guide's size, and the box around its garment at that size."""
    import cv2

    rgb = to_srgb8(picture.pixels, picture.icc)
    garment = alpha if alpha is not None else np.full(rgb.shape[:2], 255, np.uint8)
    scale = min(1.0, _GUIDE_SIDE / max(rgb.shape[:2]))
    if scale < 1:
        size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        garment = cv2.resize(garment, size, interpolation=cv2.INTER_AREA)
    return np.asarray(rgb, np.uint8), garment_crop(np.asarray(garment, np.uint8))
