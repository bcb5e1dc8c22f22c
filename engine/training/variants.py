"""Variations of a training pair: what ten pairs do not show of position, size and light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_GREEN = np.array([0, 255, 0], np.float32)
_LEAST_SIDE = 0.8
"""Of the picture's sides: the smallest crop, so that what is to be found is rarely cut off."""


def varied_pair(
    control: NDArray[np.uint8], target: NDArray[np.uint8], counts: NDArray[np.uint8], seed: int, *, is_mask_set: bool
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Crop a pair and expose it anew; mirror the pair of a mask set.

    A colour set's pair shows two photographs side by side, of which the left one is the flatlay: it is neither mirrored
    nor cropped. What a mask set's target shows in green stays pure green, whatever the light.

    Parameters
    ----------
    control, target : ndarray
        ``(H, W, 3)`` uint8 sRGB.
    counts : ndarray
        ``(H, W)`` uint8, the loss mask.
    seed : int
        Everything random follows from it.
    is_mask_set : bool
        Otherwise a colour set.

    Returns
    -------
    control, target, counts : ndarray
        Of one size, which may be smaller.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    gains = random.uniform(0.85, 1.15) * random.uniform(0.95, 1.05, 3).astype(np.float32)
    if not is_mask_set:
        return _exposed(control, gains), _exposed(target, gains), counts
    painted = _paint_share(control, target)
    lit = _exposed(control, gains)
    control, target = lit, _painted(lit, painted)
    if random.random() < 0.5:
        control, target, counts = control[:, ::-1], target[:, ::-1], counts[:, ::-1]
    share = random.uniform(_LEAST_SIDE, 1)
    height, width = (max(1, round(size * share)) for size in control.shape[:2])
    top = int(random.integers(control.shape[0] - height + 1))
    left = int(random.integers(control.shape[1] - width + 1))
    window = np.s_[top : top + height, left : left + width]
    if not counts[window].any():  # all that counts would be cut off
        window = np.s_[:, :]
    return (
        np.ascontiguousarray(control[window]),
        np.ascontiguousarray(target[window]),
        np.ascontiguousarray(counts[window]),
    )


def _paint_share(control: NDArray[np.uint8], target: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How much green each pixel of the target has over the control picture, ``(H, W)`` 0 to 1.

    The target is ``(1 - a) control + a green``; ``a`` is its least-squares solution in the three channels.
    """
    towards = _GREEN - control.astype(np.float32)
    moved = target.astype(np.float32) - control.astype(np.float32)
    share = (moved * towards).sum(-1) / np.maximum((towards * towards).sum(-1), 1.0)
    return np.clip(share, 0, 1)


def _painted(picture: NDArray[np.uint8], share: NDArray[np.float32]) -> NDArray[np.uint8]:
    alpha = share[..., None]
    return (picture * (1 - alpha) + _GREEN * alpha + 0.5).astype(np.uint8)


def _exposed(picture: NDArray[np.uint8], gains: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.clip(picture * gains + 0.5, 0, 255).astype(np.uint8)
