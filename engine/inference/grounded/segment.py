"""SAM 2: masks for boxes (Ravi et al. 2024, "SAM 2: Segment Anything in Images and Videos")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from PIL import Image
from transformers import Sam2Model

from engine.domain.errors import KnownError
from engine.domain.geometry import Box, Extent
from engine.imaging.masks.cleanup import fill_holes, keep_components
from engine.imaging.masks.matte import full_size_alpha, shrink
from engine.inference.grounded.loading import load_weights
from engine.inference.grounded.source import WeightFolder

if TYPE_CHECKING:
    from numpy.typing import NDArray

Corners = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

# Mean and standard deviation of ImageNet, with which every SAM 2 was trained.
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class BoxMasks:
    """What SAM 2 sees in some boxes of one picture.

    Attributes
    ----------
    logits : ndarray
        ``(n, h, w)`` float32 over the whole picture, positive inside; a quarter of the model's own input size.
    predicted_iou : ndarray
        ``(n,)`` float32, how well the model believes each mask fits, about 0 to 1.
    """

    logits: NDArray[np.float32]
    predicted_iou: NDArray[np.float32]


class Segmenter:
    """SAM 2 in memory. Not safe for more than one thread.

    The processor of transformers needs torchvision; what it does is a resize and a normalisation, done here.

    Parameters
    ----------
    source : WeightFolder
        From `engine.inference.grounded.source.find_segmenter`.
    """

    def __init__(self, source: WeightFolder, device: torch.device) -> None:
        self._device = device
        self._folder = source.folder
        self._model = load_weights(Sam2Model, source, device)

    def segment(self, rgb: NDArray[np.uint8], boxes: Sequence[Corners]) -> BoxMasks:
        """Mask what fills each box.

        Parameters
        ----------
        rgb : ndarray
            ``(H, W, 3)`` uint8 sRGB; stretched to the model's square, as in training.
        boxes : sequence of Corners
            In pixels of ``rgb``.

        Raises
        ------
        KnownError
            The model computes no numbers.
        """
        side: int = self._model.config.prompt_encoder_config.image_size  # pyright: ignore  # typed as a dict
        height, width = rgb.shape[:2]
        # Pillow's bilinear filter widens with the reduction, as torchvision's antialias does.
        square = np.asarray(Image.fromarray(rgb).resize((side, side), Image.Resampling.BILINEAR), np.float32)
        pixels = torch.from_numpy(((square / 255 - _MEAN) / _DEVIATION).transpose(2, 0, 1)[None].copy())
        corners = np.array(boxes, np.float32) * np.array([side / width, side / height] * 2, np.float32)
        with torch.inference_mode():
            # A box leaves no doubt about part or whole, so one mask for each instead of three.
            output = self._model(
                pixel_values=pixels.to(self._device),
                input_boxes=torch.from_numpy(corners)[None].to(self._device),
                multimask_output=False,
            )
        logits = output.pred_masks[0, :, 0].float().cpu().numpy()
        predicted = output.iou_scores[0, :, 0].float().cpu().numpy()
        if not (np.isfinite(logits).all() and np.isfinite(predicted).all()):
            raise KnownError(
                "the segmenter computed values that are not numbers", remedy="Copy its folder again.", path=self._folder
            )
        return BoxMasks(logits, predicted)


def context_crop(boxes: Sequence[Corners], photograph: Extent) -> Box:
    """The part of a photograph that the segmenter sees: the boxes and half their size on every side.

    SAM 2 draws its masks on a grid of 256 × 256, so socks on a full-length photograph would be a few points wide.
    Half a box of surroundings, chosen, shows where the garment ends; a shirt's crop is about the whole photograph.
    """
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[2] for box in boxes), max(box[3] for box in boxes)
    beside, above = 0.5 * (right - left), 0.5 * (bottom - top)
    return Box(
        max(0, int(np.floor(left - beside))),
        max(0, int(np.floor(top - above))),
        min(photograph.width, int(np.ceil(right + beside))),
        min(photograph.height, int(np.ceil(bottom + above))),
    )


def alpha_of(rgb: NDArray[np.uint8], logits: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The union of some masks as a soft alpha along the picture's own edges.

    Parameters
    ----------
    rgb : ndarray
        ``(H, W, 3)`` uint8 sRGB.
    logits : ndarray
        ``(n, h, w)`` float32 over the whole of ``rgb``, positive inside.

    Returns
    -------
    ndarray
        ``(H, W)`` uint8, 255 = inside; all zero where nothing is inside.
    """
    # Two working pixels for a point of the model's grid: the edge may move by one such point either way.
    small = shrink(rgb, 2 * max(logits.shape[1:]))
    rows, columns = small.shape[:2]
    union = cv2.resize(np.ascontiguousarray(logits.max(axis=0)), (columns, rows), interpolation=cv2.INTER_LINEAR)
    # Specks below 3 % of the largest piece, and pin-holes; both chosen. Of two socks neither is a speck.
    mask = fill_holes(keep_components(union > 0, 0.03), round(0.0005 * union.size))
    if not mask.any():
        return np.zeros(rgb.shape[:2], np.uint8)
    return full_size_alpha(rgb, mask, small)
