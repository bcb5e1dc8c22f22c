"""Grounding DINO: boxes for words (Liu et al. 2023, "Grounding DINO: Marrying DINO with Grounded Pre-Training")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

# The processor on Pillow: the one that transformers prefers needs torchvision, which Chromask does without.
from transformers import BertTokenizer, GroundingDinoForObjectDetection, GroundingDinoImageProcessorPil

from engine.domain.errors import BugError, KnownError
from engine.inference.grounded.labels import Detection
from engine.inference.grounded.loading import load_weights, not_this_model
from engine.inference.grounded.source import WeightFolder

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Detector:
    """Grounding DINO in memory. Not safe for more than one thread.

    Parameters
    ----------
    source : WeightFolder
        From `engine.inference.grounded.source.find_detector`.
    """

    def __init__(self, source: WeightFolder, device: torch.device) -> None:
        self._device = device
        self._folder = source.folder
        self._model = load_weights(GroundingDinoForObjectDetection, source, device)
        try:
            self._processor = GroundingDinoImageProcessorPil.from_pretrained(source.folder, local_files_only=True)
            self._tokenizer = BertTokenizer.from_pretrained(source.folder, local_files_only=True)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise not_this_model(source, error) from error

    def detect(
        self, rgb: NDArray[np.uint8], prompts: Sequence[str], box_threshold: float, text_threshold: float
    ) -> list[Detection]:
        """Find every object that one of the prompts names.

        Scores are those of the paper's own COCO evaluation: the sigmoid of a box's similarity to each word piece,
        averaged over a label's pieces. Each box goes by its best label.

        Parameters
        ----------
        rgb : ndarray
            ``(H, W, 3)`` uint8 sRGB, any size; the model sees it at its processor's size.
        prompts : sequence of str
            Lower case, without full stops.
        box_threshold, text_threshold : float
            See `engine.domain.requests.DetectionSettings`.

        Returns
        -------
        list of Detection
            Best first, boxes clipped to the photograph.

        Raises
        ------
        KnownError
            There are too many labels for the model, one of them holds no word, or it computes no numbers.
        """
        if not prompts:
            raise BugError("a detection without prompts")
        height, width = rgb.shape[:2]
        text, spans = _joined(prompts)
        encoded = self._tokenizer(text, return_offsets_mapping=True, return_tensors="pt")
        offsets = encoded.pop("offset_mapping")[0].tolist()
        limit = self._model.config.max_text_len
        if len(offsets) > limit:
            raise KnownError(
                f"the list of labels has {len(offsets)} word pieces and the detector reads {limit}",
                remedy="Shorten the list in detection.toml.",
                path=self._folder,
            )
        pieces = [
            [i for i, (start, end) in enumerate(offsets) if first <= start < end <= last] for first, last in spans
        ]
        if not all(pieces):
            wordless = prompts[[bool(columns) for columns in pieces].index(False)]
            raise KnownError(f"the label '{wordless}' holds no word", remedy="Name the garment in English words.")
        pixels = self._processor(images=Image.fromarray(rgb), return_tensors="pt")
        inputs = {name: tensor.to(self._device) for name, tensor in (*encoded.items(), *pixels.items())}
        with torch.inference_mode():
            output = self._model(**inputs)
        scores = output.logits[0].sigmoid().float().cpu().numpy()
        centred = output.pred_boxes[0].float().cpu().numpy()
        if not (np.isfinite(scores).all() and np.isfinite(centred).all()):
            raise KnownError(
                "the detector computed values that are not numbers", remedy="Copy its folder again.", path=self._folder
            )
        return _detections(prompts, scores, pieces, _corners(centred, width, height), box_threshold, text_threshold)


def _joined(prompts: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """The labels in one text, each ended by a full stop as in training, and where each begins and ends in it."""
    text, spans = "", list[tuple[int, int]]()
    for prompt in prompts:
        text += " " if text else ""
        spans.append((len(text), len(text) + len(prompt)))
        text += f"{prompt}."
    return text, spans


def _corners(centred: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """Relative (centre x, centre y, width, height) as (left, top, right, bottom) in pixels, inside the picture."""
    half = centred[:, 2:] / 2
    corners = np.concatenate([centred[:, :2] - half, centred[:, :2] + half], axis=1)
    return np.asarray(np.clip(corners, 0.0, 1.0) * np.array([width, height, width, height], np.float32), np.float32)


def _detections(
    prompts: Sequence[str],
    scores: NDArray[np.float32],
    pieces: list[list[int]],
    boxes: NDArray[np.float32],
    box_threshold: float,
    text_threshold: float,
) -> list[Detection]:
    by_label = np.stack([scores[:, columns].mean(axis=1) for columns in pieces], axis=1)
    highest = np.stack([scores[:, columns].max(axis=1) for columns in pieces], axis=1)
    found = list[Detection]()
    for query, label in enumerate(by_label.argmax(axis=1).tolist()):
        left, top, right, bottom = (float(value) for value in boxes[query])
        if highest[query, label] <= box_threshold or by_label[query, label] <= text_threshold:
            continue
        if right - left >= 1.0 and bottom - top >= 1.0:
            found.append(Detection(str(prompts[label]), float(by_label[query, label]), (left, top, right, bottom)))
    return sorted(found, key=lambda detection: -detection.score)
