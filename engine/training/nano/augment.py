"""Variations of a lesson: mirrored, moved, in other colours."""

from __future__ import annotations

from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

GREEN = np.array([0, 255, 0], np.float32)


def varied(
    picture: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    random: np.random.Generator,
    *,
    move: float = 0.5,
    tint: float = 0.4,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A picture ``(H, W, 3)`` and its mask ``(H, W)``, mirrored, moved and coloured anew by chance.

    Parameters
    ----------
    move, tint : float
        How often, 0 to 1.
    """
    height, width = mask.shape
    if random.random() < 0.5:
        picture, mask = picture[:, ::-1], mask[:, ::-1]
    if random.random() < move:
        turn, scale = random.uniform(-6, 6), random.uniform(0.85, 1.25)
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, scale)
        matrix[:, 2] += random.uniform(-0.08, 0.08, 2) * (width, height)
        picture, mask = _warped(picture, matrix), _warped(mask, matrix)
    if random.random() < tint:
        colors = picture[..., random.permutation(3)] if random.random() < 0.5 else picture
        gains = random.uniform(0.75, 1.15, 3).astype(np.float32)
        picture = np.clip(colors * gains + np.float32(random.normal(0, 6)), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(picture), np.ascontiguousarray(mask)


def _warped(plane: NDArray[np.uint8], matrix: Any) -> NDArray[np.uint8]:
    size = (plane.shape[1], plane.shape[0])
    warped = cv2.warpAffine(np.ascontiguousarray(plane), matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return cast("NDArray[np.uint8]", warped)


def painted(picture: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture with the mask in opaque green, soft where the mask is: the target of a mask LoRA."""
    alpha = mask[..., None].astype(np.float32) / 255
    return (picture * (1 - alpha) + GREEN * alpha + 0.5).astype(np.uint8)


def recolored(picture: NDArray[np.uint8], mask: NDArray[np.uint8], color: tuple[int, int, int]) -> NDArray[np.uint8]:
    """The picture with what is in the mask in another colour; light and shade stay."""
    alpha = mask[..., None].astype(np.float32) / 255
    light = picture.astype(np.float32).mean(-1, keepdims=True)
    inside = max(float((light * alpha).sum() / max(float(alpha.sum()), 1e-3)), 1.0)
    dyed = np.clip(light / inside * np.array(color, np.float32), 0, 255)
    return (picture * (1 - alpha) + dyed * alpha + 0.5).astype(np.uint8)
