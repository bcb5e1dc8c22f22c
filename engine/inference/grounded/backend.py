"""The grounded backend: masks of garments that are there, by Grounding DINO and SAM 2."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BugError, KnownError
from engine.domain.geometry import Box
from engine.domain.picture import ColorGuide, PaintedCrop, PaintedMask, Picture
from engine.domain.requests import ColorMatchRequest, DetectionLabel, DetectionSettings, EditTurn, MaskRequest
from engine.imaging.raster.icc import to_srgb8
from engine.inference.grounded.detect import Detector
from engine.inference.grounded.labels import (
    ChosenBoxes,
    LabelChoice,
    choose_boxes,
    choose_label,
    label_for,
)
from engine.inference.grounded.loading import choose_device, memory_named
from engine.inference.grounded.segment import BoxMasks, Corners, Segmenter, alpha_of, context_crop
from engine.inference.grounded.source import WeightFolder, find_detector, find_segmenter
from engine.ports import ReportStep

if TYPE_CHECKING:
    from engine.domain.picture import Alpha

Provenance = dict[str, str | float | int]

_STEPS = 4
_DRAW_IT = (
    "Name the garment by hand, use the classical engine, or draw its mask (on the Queue page, or with "
    "'chromask correct')."
)
_CUT_IT_OUT = "Name the garment by hand, or use a flatlay on a plain background or a cut-out with transparency."


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """A garment that was detected on a picture.

    Attributes
    ----------
    alpha : ndarray
        ``(H, W)`` uint8, 255 = garment, of the picture's size.
    crop : Box
        What the segmenter saw.
    """

    alpha: Alpha
    boxes: ChosenBoxes
    masks: BoxMasks
    crop: Box


class GroundedBackend:
    """Implements `engine.ports.Backend` with two networks that stay loaded between jobs.

    Lives in the worker process and is called from one thread.
    """

    def __init__(self) -> None:
        self._detector: Detector | None = None
        self._segmenter: Segmenter | None = None
        self._loaded: tuple[str, str] | None = None
        self._origin: Provenance = {}
        self._named: tuple[bytes, LabelChoice] | None = None

    def make_mask(
        self, on_model: Picture, flatlay: Picture | None, request: MaskRequest, report: ReportStep
    ) -> PaintedMask:
        """Find the garment on the photograph by its label, and mask it.

        The label is the request's; without one it is what the detector finds on the flatlay.

        Raises
        ------
        KnownError
            The models do not load, memory runs out, or the garment was not found; names the picture.
        Cancelled
            From ``report``.
        BugError
            The request has no detection settings.
        """
        settings = _settings_of(request)
        began = time.perf_counter()
        report(0, _STEPS, "loading the models")
        detector, segmenter = self._prepared(settings)
        report(1, _STEPS, "naming the garment")
        choice: LabelChoice | None = None
        wanted = request.garment if request.name == "garment" else request.name
        with memory_named():
            if wanted:
                label = label_for(wanted, settings.labels)
            else:
                choice = self._on_flatlay(detector, flatlay, settings, on_model)
                label = choice.label
            report(2, _STEPS, "finding the garment")
            found = _find(
                detector, segmenter, on_model, label, settings, _DRAW_IT,
                lambda: report(3, _STEPS, "masking the garment"),
            )  # fmt: skip
        report(_STEPS, _STEPS, "done")
        provenance = self._origin | _measured(label, choice, found, settings)
        provenance["seconds"] = round(time.perf_counter() - began, 3)
        confidence = _confidence(choice, found, settings.box_threshold)
        return PaintedMask(found.alpha, confidence, provenance, _notices(label, found.boxes))

    def mask_flatlay(self, flatlay: Picture, request: MaskRequest) -> PaintedMask | None:
        """Find the garment on a flatlay, whatever it lies on, by the request's label or the one the detector finds.

        Raises
        ------
        KnownError
            The models do not load, memory runs out, or the garment was not found; names the flatlay.
        BugError
            The request has no detection settings.
        """
        settings = _settings_of(request)
        detector, segmenter = self._prepared(settings)
        flatlay = replace(flatlay, alpha=None)
        choice: LabelChoice | None = None
        with memory_named():
            if request.garment:
                label = label_for(request.garment, settings.labels)
            else:
                choice = self._on_flatlay(detector, flatlay, settings, flatlay)
                label = choice.label
            found = _find(detector, segmenter, flatlay, label, settings, _CUT_IT_OUT)
        provenance = self._origin | _measured(label, choice, found, settings)
        confidence = _confidence(choice, found, settings.box_threshold)
        return PaintedMask(found.alpha, confidence, provenance, _notices(label, found.boxes))

    def color_guide(
        self, on_model: Picture, flatlay: Picture, mask: PaintedMask, request: ColorMatchRequest, report: ReportStep
    ) -> ColorGuide | None:
        """Always None: detection paints nothing."""
        return None

    def paint_edit(
        self, photograph: Picture, mask: Alpha, reference: Picture | None, turn: EditTurn, report: ReportStep
    ) -> PaintedCrop | None:
        """Always None: detection paints nothing."""
        return None

    def name_garment(self, flatlay: Picture, settings: DetectionSettings) -> LabelChoice:
        """The label of what a flatlay shows; ``flatlay.alpha``, where it is there, is the garment.

        Raises
        ------
        KnownError
            The models do not load, memory runs out, or nothing of the list was found; names the file.
        """
        detector, _ = self._prepared(settings)
        with memory_named():
            return self._on_flatlay(detector, flatlay, settings, flatlay)

    def _on_flatlay(
        self, detector: Detector, flatlay: Picture | None, settings: DetectionSettings, on_model: Picture
    ) -> LabelChoice:
        if flatlay is None:
            raise KnownError(
                "it has no flatlay to name the garment by", remedy="Pair it by hand, or name it.", path=on_model.path
            )
        # The views of an article follow each other and share its flatlay.
        key = _flatlay_key(flatlay, settings)
        if self._named is None or self._named[0] != key:
            self._named = key, _name(detector, flatlay, settings)
        return self._named[1]

    def _prepared(self, settings: DetectionSettings) -> tuple[Detector, Segmenter]:
        wanted = (settings.detector, settings.segmenter)
        if self._detector is None or self._segmenter is None or self._loaded != wanted:
            # Frees the former models before the next ones are loaded.
            self._detector = self._segmenter = self._loaded = None
            detector, segmenter = find_detector(Path(wanted[0])), find_segmenter(Path(wanted[1]))
            device = choose_device(detector.size_bytes + segmenter.size_bytes)
            with memory_named():
                self._detector, self._segmenter = Detector(detector, device), Segmenter(segmenter, device)
            self._loaded, self._origin = wanted, _origin(detector, segmenter, str(device))
        return self._detector, self._segmenter


def _settings_of(request: MaskRequest) -> DetectionSettings:
    if request.detection is None:
        raise BugError(f"a mask request for the grounded engine without detection settings: {request.name}")
    return request.detection


def _find(
    detector: Detector,
    segmenter: Segmenter,
    picture: Picture,
    label: DetectionLabel,
    settings: DetectionSettings,
    remedy: str,
    detected: Callable[[], None] = lambda: None,
) -> _Found:
    """Detect a garment by its label and mask what fills its boxes.

    Parameters
    ----------
    remedy : str
        What the operator does where nothing is found.
    detected : callable
        Called between the two networks.
    """
    rgb = to_srgb8(picture.pixels, picture.icc)
    boxes = choose_boxes(
        detector.detect(rgb, [label.prompt], settings.box_threshold, settings.text_threshold), label.pieces
    )
    if not boxes.detections:
        raise KnownError(f"no {label.prompt} was found on it", remedy=remedy, path=picture.path)
    detected()
    crop = context_crop([detection.box for detection in boxes.detections], picture.extent)
    seen = np.ascontiguousarray(rgb[crop.top : crop.bottom, crop.left : crop.right])
    masks = segmenter.segment(seen, [_inside(detection.box, crop) for detection in boxes.detections])
    alpha = np.zeros(rgb.shape[:2], np.uint8)
    alpha[crop.top : crop.bottom, crop.left : crop.right] = alpha_of(seen, masks.logits)
    if not alpha.any():
        what = f"the {label.prompt} was found on it, and nothing in its box stands out"
        raise KnownError(what, remedy=remedy, path=picture.path)
    return _Found(alpha, boxes, masks, crop)


def _flatlay_key(flatlay: Picture, settings: DetectionSettings) -> bytes:
    """A hash of everything that the label of a flatlay depends on."""
    digest = hashlib.sha256(repr((settings, flatlay.pixels.shape, flatlay.pixels.dtype.str)).encode())
    digest.update(np.ascontiguousarray(flatlay.pixels).data)
    digest.update(flatlay.icc or b"")
    digest.update(np.ascontiguousarray(flatlay.alpha).data if flatlay.alpha is not None else b"")
    return digest.digest()


def _name(detector: Detector, flatlay: Picture, settings: DetectionSettings) -> LabelChoice:
    rgb = to_srgb8(flatlay.pixels, flatlay.icc)
    prompts = [label.prompt for label in settings.labels]
    found = detector.detect(rgb, prompts, settings.box_threshold, settings.text_threshold)
    choice = choose_label(found, settings.labels, flatlay.alpha)
    if choice is None:
        raise KnownError(
            f"none of these was found on it: {', '.join(prompts)}",
            remedy="Name the garment by hand, or add its name to detection.toml.",
            path=flatlay.path,
        )
    return choice


def _inside(box: Corners, crop: Box) -> Corners:
    return box[0] - crop.left, box[1] - crop.top, box[2] - crop.left, box[3] - crop.top


def _confidence(choice: LabelChoice | None, found: _Found, box_threshold: float) -> float:
    """Doubts multiply: a weak box, a mask that the segmenter itself mistrusts, a rival box, a rival label.

    Grounding DINO's scores are low even where it is right, so a box is taken as sure from twice the threshold on:
    chosen, and not measured, since no weights were at hand.
    """
    weakest = min(detection.score for detection in found.boxes.detections)
    sure = min(1.0, weakest / (2.0 * box_threshold)) if box_threshold > 0 else 1.0
    fits = float(np.clip(found.masks.predicted_iou.min(), 0.0, 1.0))
    return sure * fits * found.boxes.certainty * (choice.certainty if choice is not None else 1.0)


def _notices(label: DetectionLabel, boxes: ChosenBoxes) -> tuple[str, ...]:
    if not boxes.left_out:
        return ()
    return (f"More was found under '{label.prompt}' than one person wears; only the surest was masked.",)


def _origin(detector: WeightFolder, segmenter: WeightFolder, device: str) -> Provenance:
    return {
        "engine": "grounded",
        "detector": detector.folder.name,
        "detector_fingerprint": detector.fingerprint(),
        "segmenter": segmenter.folder.name,
        "segmenter_fingerprint": segmenter.fingerprint(),
        "device": device,
    }


def _measured(
    label: DetectionLabel, choice: LabelChoice | None, found: _Found, settings: DetectionSettings
) -> Provenance:
    """What was found, in photograph pixels; lists as JSON, because provenance holds only texts and numbers."""
    boxes, crop = found.boxes, found.crop
    measured: Provenance = {
        "label": label.garment,
        "prompt": label.prompt,
        "label_from": "request" if choice is None else "flatlay",
        "boxes": json.dumps([[round(side, 1) for side in detection.box] for detection in boxes.detections]),
        "scores": json.dumps([round(detection.score, 4) for detection in boxes.detections]),
        "predicted_iou": json.dumps(_rounded(found.masks.predicted_iou)),
        "boxes_left_out": boxes.left_out,
        "crop": json.dumps([crop.left, crop.top, crop.right, crop.bottom]),
        "box_threshold": settings.box_threshold,
        "text_threshold": settings.text_threshold,
    }
    if choice is not None:
        measured |= {
            "flatlay_box": json.dumps([round(side, 1) for side in choice.detection.box]),
            "flatlay_scores": json.dumps({prompt: round(score, 4) for prompt, score in choice.scores.items()}),
        }
    return measured


def _rounded(values: NDArray[np.float32]) -> list[float]:
    return [round(float(value), 4) for value in values]
