"""Solves the mixture of photograph and paint for alpha, and says where a feathered edge ends."""

from __future__ import annotations

import cv2
import numpy as np

from engine.imaging.painted.drift import NOISE, sampled
from engine.imaging.painted.paint import Field, Region

_SAMPLES = 200_000

_FEATHER = (3.0, 6.0)
# Standard deviation of the edge, in pixels of a model's picture, up to which it is a mere soft edge (one cell of the
# model's latents spans 8 pixels, a deviation of 2.3), and from which it is a feathered brush. Chosen; on eight
# published results the edges measured 2.8 to 9.3.

_MODEL_SIDE = 1024
# A larger picture was enlarged, and its edges with it.

_PUBLISHED_GREEN = np.array([0, 1, 0], np.float32)
_PUBLISHED_DISTANCE = 105 / 255
# The published workflow's mask is what lies within 105 of #00FF00 in every channel: on eight of its pictures and the
# masks it made of them this rule agrees at an IoU of 0.991 to 0.999.


def unmix(painted: Field, ground: Field, green: Field, free: Region) -> Field:
    """Alpha of each pixel of ``painted = (1 - alpha) * ground + alpha * green``, between the noise on both ends.

    Generalised least squares over the three channels, with the covariance of what remains outside the paint: it weighs
    down what also varies without paint, mostly brightness at displaced edges, and leaves what only paint does.

    Parameters
    ----------
    painted, ground : ndarray
        ``(H, W, 3)`` float32 encoded sRGB: the registered painted picture, and the photograph in its rendering.
    green : ndarray
        ``(3,)`` float32, the paint.
    free : ndarray
        ``(H, W)`` bool, surely not painted.

    Returns
    -------
    ndarray
        ``(H, W)`` float32, 0 to 1.
    """
    difference = painted - ground
    error = sampled(difference[free], _SAMPLES)
    size = np.linalg.norm(error, axis=1)
    typical = error[size <= np.quantile(size, 0.98)].astype(np.float64)
    covariance = typical.T @ typical / max(len(typical), 1) + np.eye(3) * NOISE**2
    weight = np.linalg.inv(covariance).astype(np.float32)
    toward = green - ground
    projected = toward @ weight
    information = np.einsum("hwc,hwc->hw", projected, toward)
    # One standard deviation of alpha is 1 / sqrt(information). Where the photograph has the paint's own colour there
    # is none, and the prior (alpha 0.5 ± 0.5, hence the 4) leaves the decision to the pixels around it.
    alpha = (np.einsum("hwc,hwc->hw", projected, difference) + 2) / (information + 4)
    # What a plain surrounding still shows, and what the paint's body falls short of 1: both ends of the scale.
    low = float(np.clip(np.quantile(sampled(alpha[free], _SAMPLES), 0.99), 0, 0.2))
    body = alpha[alpha > 0.9]
    high = 1.0
    if body.size:
        # By the spread around the median, since the upper end of a feathered edge lies in here as well.
        middle = float(np.median(body))
        high = float(np.clip(middle - 2 * 1.4826 * np.median(np.abs(body - middle)), 0.8, 1))
    return np.clip((alpha - low) / (high - low), 0, 1).astype(np.float32)


def published_edge(alpha: Field, ground: Field, green: Field) -> Field:
    """Alpha with its half level moved to the published workflow's edge, the more the wider the edge is feathered.

    A power keeps 0 and 1 where they are and the edge soft. Parameters as in `unmix`.
    """
    deviation = _edge_deviation(alpha)
    narrow, wide = (pixels * max(1.0, max(alpha.shape) / _MODEL_SIDE) for pixels in _FEATHER)
    feathered = min(max((deviation - narrow) / (wide - narrow), 0.0), 1.0)
    if feathered == 0:
        return alpha
    # The share of paint at which the last channel of the mixture comes within the published distance.
    beyond = np.array([1, -1, 1], np.float32) * (ground - _PUBLISHED_GREEN) - np.float32(_PUBLISHED_DISTANCE)
    toward = np.abs(green - ground)
    level = np.where(beyond > 0, beyond / np.maximum(toward, 1e-3), 0).max(axis=2)
    # Half and above: a dark ground would let the mask grow beyond the half level, to where hardly any paint is.
    level = cv2.GaussianBlur(np.clip(level, 0.5, 0.9).astype(np.float32), (0, 0), deviation)
    level = 0.5 + (level - 0.5) * feathered
    return np.asarray(np.power(alpha, np.log(0.5) / np.log(level)), np.float32)


def _edge_deviation(alpha: Field) -> float:
    """Standard deviation of the Gaussian that made the edge, in pixels, from the slope at its half level."""
    along_y, along_x = np.gradient(alpha)
    slope = np.hypot(along_y, along_x)[np.abs(alpha - 0.5) < 0.1]
    return 1 / (float(np.median(slope)) * (2 * np.pi) ** 0.5) if slope.size and np.median(slope) > 0 else 0.0
