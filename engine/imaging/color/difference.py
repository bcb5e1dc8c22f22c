"""CIEDE2000 and the signed CIELAB differences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1 << 16
_25_TO_THE_7 = 25.0**7


def delta_E_2000(
    lab_1: NDArray[np.floating], lab_2: NDArray[np.floating], k_L: float = 1.0, k_C: float = 1.0, k_H: float = 1.0
) -> NDArray[np.float32]:
    """The CIEDE2000 colour difference (CIE 142-2001), following Sharma, Wu and Dalal (2005).

    Parameters
    ----------
    lab_1, lab_2 : ndarray
        ``(..., 3)`` float CIELAB; shapes broadcast. Computed in float64.
    k_L, k_C, k_H : float
        Parametric factors; 1 under reference conditions, ``k_L = 2`` in the textile industry.

    Returns
    -------
    ndarray
        ``(...)`` float32, ΔE00; symmetric in its two samples.

    References
    ----------
    G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 color-difference formula: implementation notes, supplementary test
    data, and mathematical observations", Color Research & Application 30(1), 2005.
    """
    one, two = np.asarray(lab_1), np.asarray(lab_2)
    if one.shape[-1] != 3 or two.shape[-1] != 3:
        raise ValueError(f"Lab arrays end in 3 channels, got {one.shape} and {two.shape}")
    shape = np.broadcast_shapes(one.shape, two.shape)
    single = two.size == 3
    one = np.broadcast_to(one, shape).reshape(-1, 3)
    two = two.reshape(1, 3) if single else np.broadcast_to(two, shape).reshape(-1, 3)
    out = np.empty(len(one), np.float32)
    for start in range(0, len(one), _CHUNK):
        part = slice(start, start + _CHUNK)
        out[part] = _delta_E_2000(
            one[part].astype(np.float64).T, (two if single else two[part]).astype(np.float64).T, k_L, k_C, k_H
        )
    return out.reshape(shape[:-1])


def _delta_E_2000(
    lab_1: NDArray[np.float64], lab_2: NDArray[np.float64], k_L: float, k_C: float, k_H: float
) -> NDArray[np.float64]:
    """The formula on ``(3, N)`` float64; equation numbers of Sharma, Wu and Dalal."""
    (L_1, a_1, b_1), (L_2, a_2, b_2) = lab_1, lab_2
    C_7 = ((np.hypot(a_1, b_1) + np.hypot(a_2, b_2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(C_7 / (C_7 + _25_TO_THE_7))  # (4), as 1 + G
    a_1, a_2 = a_1 * stretch, a_2 * stretch
    C_1, C_2 = np.hypot(a_1, b_1), np.hypot(a_2, b_2)
    h_1, h_2 = np.arctan2(b_1, a_1) % (2 * np.pi), np.arctan2(b_2, a_2) % (2 * np.pi)

    dL, dC = L_2 - L_1, C_2 - C_1
    grey = C_1 * C_2 == 0
    dh = h_2 - h_1
    far = np.abs(dh) > np.pi
    dh = np.where(grey, 0, np.where(far, dh - np.copysign(2 * np.pi, dh), dh))  # (10)
    dH = 2 * np.sqrt(C_1 * C_2) * np.sin(dh / 2)

    L, C, h_sum = (L_1 + L_2) / 2, (C_1 + C_2) / 2, h_1 + h_2
    h = np.where(far, (h_sum + np.where(h_sum < 2 * np.pi, 2 * np.pi, -2 * np.pi)) / 2, h_sum / 2)  # (14)
    h = np.where(grey, h_sum, h)
    T = (
        1
        - 0.17 * np.cos(h - np.pi / 6)
        + 0.24 * np.cos(2 * h)
        + 0.32 * np.cos(3 * h + np.pi / 30)
        - 0.20 * np.cos(4 * h - np.radians(63))
    )
    rotation = np.radians(30) * np.exp(-(((np.degrees(h) - 275) / 25) ** 2))
    C_7 = C**7
    R_C = 2 * np.sqrt(C_7 / (C_7 + _25_TO_THE_7))
    L_50 = (L - 50) ** 2
    S_L = 1 + 0.015 * L_50 / np.sqrt(20 + L_50)
    S_C = 1 + 0.045 * C
    S_H = 1 + 0.015 * C * T
    light, chroma, hue = dL / (k_L * S_L), dC / (k_C * S_C), dH / (k_H * S_H)
    square = light**2 + chroma**2 + hue**2 - np.sin(2 * rotation) * R_C * chroma * hue
    return np.sqrt(np.maximum(square, 0))


def lab_differences(
    sample: NDArray[np.floating], reference: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Signed CIELAB differences ΔL*, ΔC*ab and ΔH*ab, sample minus reference (CIE 015:2018, 8.2.1.2).

    Parameters
    ----------
    sample, reference : ndarray
        ``(..., 3)`` float CIELAB; shapes broadcast.

    Returns
    -------
    dL, dC, dH : ndarray
        ``(...)`` float64. ``dH`` is positive where the sample's hue angle is larger (anticlockwise).
    """
    s, r = np.asarray(sample, np.float64), np.asarray(reference, np.float64)
    C_s, C_r = np.hypot(s[..., 1], s[..., 2]), np.hypot(r[..., 1], r[..., 2])
    dh = np.arctan2(s[..., 2], s[..., 1]) - np.arctan2(r[..., 2], r[..., 1])
    dH = 2 * np.sqrt(C_s * C_r) * np.sin((dh + np.pi) % (2 * np.pi) / 2 - np.pi / 2)
    return s[..., 0] - r[..., 0], C_s - C_r, dH
