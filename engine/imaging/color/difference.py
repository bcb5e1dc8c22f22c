"""CIEDE2000 and the signed CIELAB differences."""

from __future__ import annotations

import ctypes
import importlib.util
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1 << 16
"""Pairs that are worked on at once, so that temporary arrays stay near the cache and small beside the picture."""

_COMPILED_FROM = 100_000
"""Pairs from which the compiled loop is used. It takes a thirtieth of NumPy's time, but importing numba and compiling
take about a second, once in a process; NumPy needs 30 ms for as many pairs."""

_THREADED_FROM = 1 << 19
"""Pairs from which threads pay: 5 ms of one core's work against some 0.2 ms for starting them."""

_25_TO_THE_7 = 25.0**7

_OPPOSITE = math.pi + 1e-14
"""Hues 180° apart, with the rounding of two arctangents: which side counts as the mean hue must not hang on it."""

_Kernel: TypeAlias = Callable[..., None]


def delta_E_2000(
    lab_1: NDArray[np.floating], lab_2: NDArray[np.floating], k_L: float = 1.0, k_C: float = 1.0, k_H: float = 1.0
) -> NDArray[np.float32]:
    """The CIEDE2000 colour difference (CIE 142-2001), following Sharma, Wu and Dalal (2005).

    Maps of more than 100,000 pairs go through a compiled loop on all cores, smaller arrays through NumPy; the two agree
    to the rounding of float32. Safe from any thread; the interpreter's lock is released while a map is computed.

    Parameters
    ----------
    lab_1, lab_2 : ndarray
        ``(..., 3)`` float CIELAB; shapes broadcast. Computed in float64 whatever the dtype.
    k_L, k_C, k_H : float
        Parametric factors; 1 under reference conditions, ``k_L = 2`` in the textile industry.

    Returns
    -------
    ndarray
        ``(...)`` float32, ΔE00; symmetric in its two samples, not-a-number where a coordinate is.

    Raises
    ------
    ValueError
        An array does not end in three channels, or the shapes do not broadcast.

    References
    ----------
    G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 color-difference formula: implementation notes, supplementary test
    data, and mathematical observations", Color Research & Application 30(1), 2005.
    """
    one, two = np.asarray(lab_1), np.asarray(lab_2)
    if one.shape[-1:] != (3,) or two.shape[-1:] != (3,):
        raise ValueError(f"Lab arrays end in 3 channels, got {one.shape} and {two.shape}")
    shape = np.broadcast_shapes(one.shape, two.shape)
    # One reference against many stays a view of stride 0; any other broadcast is rare and may be copied.
    one, two = (
        np.broadcast_to(lab.reshape(1, 3), (math.prod(shape[:-1]), 3))
        if lab.size == 3
        else np.broadcast_to(lab, shape).reshape(-1, 3)
        for lab in (one, two)
    )
    out = np.empty(len(one), np.float32)
    if len(out) < _COMPILED_FROM:
        for part in _chunks(0, len(out)):
            # A lone reference is worked on once, not once for each sample.
            first, second = ((lab[part] if lab.strides[0] else lab[:1]).astype(np.float64).T for lab in (one, two))
            out[part] = _delta_E_2000(first, second, k_L, k_C, k_H)
        return out.reshape(shape[:-1])

    dtype = np.dtype(np.float32 if one.dtype == two.dtype == np.float32 else np.float64)
    kernel = _compiled(dtype)

    def fill(start: int, stop: int) -> None:
        for part in _chunks(start, stop):
            first, second = (np.require(lab[part], dtype, ["C", "A"]).reshape(-1) for lab in (one, two))
            kernel(first, second, out[part], k_L, k_C, k_H)

    # A few threads for the length of the call, not numba's parallel loops: its own thread pool aborts the process when
    # two threads enter it, the OpenMP ones do not survive a fork, and all of them keep their threads for good.
    threads = _cores() if len(out) >= _THREADED_FROM else 1
    if threads == 1:
        fill(0, len(out))
    else:
        bounds = np.linspace(0, len(out), threads + 1).astype(int).tolist()
        with ThreadPoolExecutor(threads, "delta-E") as pool:
            list(pool.map(fill, bounds[:-1], bounds[1:]))
    return out.reshape(shape[:-1])


def _chunks(start: int, stop: int) -> list[slice]:
    return [slice(at, min(at + _CHUNK, stop)) for at in range(start, stop, _CHUNK)]


def _cores() -> int:
    """Cores this process may use, at most 8: memory cannot feed more."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(allowed or 1, 8)


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
    far = np.abs(dh) > _OPPOSITE
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


@lru_cache(maxsize=2)
def _compiled(dtype: np.dtype[np.floating]) -> _Kernel:
    """`_delta_E_2000_of_pairs` as machine code for float32 or float64 samples.

    Nothing is kept on disk: compiling takes a third of a second, while numba's cache writes beside the source file
    wherever it can, and worker processes that start together would race for its index. Strict IEEE arithmetic
    (no ``fastmath``): it costs a tenth of the speed, keeps not-a-number, and keeps a difference of two equal products
    at exactly zero, on which the side of opposite hues is decided.
    """
    _load_llvm_unlocked()
    from numba import njit, types

    samples = types.Array(types.float32 if dtype == np.float32 else types.float64, 1, "C", readonly=True)
    factor = types.float64
    signature = types.void(samples, samples, types.float32[::1], factor, factor, factor)
    # With Python's error model each division could raise, and the loop would not be vectorised.
    return njit(signature, nogil=True, error_model="numpy")(_delta_E_2000_of_pairs)


def _load_llvm_unlocked() -> None:
    """Load numba's LLVM library while other threads run on.

    WORKAROUND: `ctypes` holds the interpreter's lock while it loads a library, a tenth of a second for LLVM's
    relocations, in which a window's thread stands still; a call through `ctypes`, as this one of ``dlopen``, does not.
    Whoever loads it next finds it loaded. To go once `ctypes` releases the lock there.
    """
    spec = importlib.util.find_spec("llvmlite")
    if os.name != "posix" or spec is None or spec.origin is None:
        return
    for library in (Path(spec.origin).parent / "binding").glob("libllvmlite.*"):
        dlopen = ctypes.CDLL(None).dlopen
        dlopen.argtypes, dlopen.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
        dlopen(os.fsencode(library), os.RTLD_NOW)


_COS_6, _SIN_6 = math.cos(math.radians(6)), math.sin(math.radians(6))
_COS_30, _SIN_30 = math.cos(math.radians(30)), math.sin(math.radians(30))
_COS_63, _SIN_63 = math.cos(math.radians(63)), math.sin(math.radians(63))
_COS_275, _SIN_275 = math.cos(math.radians(275)), math.sin(math.radians(275))
_85_DEGREES = math.radians(85)
_PER_25_DEGREES = 1 / math.radians(25)


def _delta_E_2000_of_pairs(
    lab_1: NDArray[np.floating],
    lab_2: NDArray[np.floating],
    out: NDArray[np.float32],
    k_L: float,
    k_C: float,
    k_H: float,
) -> None:
    """The formula pair by pair, written so that a compiler turns it into vector instructions.

    ``lab_1`` and ``lab_2`` are ``(3 N,)``, L a b L a b ..., ``out`` is ``(N,)``. There are no calls but square roots
    and no branches but selections: hues are unit vectors and never angles, multiples of the mean hue follow from the
    addition theorems, and the one angle that is needed (11) is an arctangent polynomial.
    """
    for i in range(out.shape[0]):
        # Flat indices: with (N, 3) the row length is unknown to the compiler, which then gives up on vectors.
        L_1, a_1, b_1 = np.float64(lab_1[3 * i]), np.float64(lab_1[3 * i + 1]), np.float64(lab_1[3 * i + 2])
        L_2, a_2, b_2 = np.float64(lab_2[3 * i]), np.float64(lab_2[3 * i + 1]), np.float64(lab_2[3 * i + 2])

        C = (math.sqrt(a_1 * a_1 + b_1 * b_1) + math.sqrt(a_2 * a_2 + b_2 * b_2)) / 2
        C_7 = (C * C) * (C * C) * (C * C) * C
        stretch = 1.5 - 0.5 * math.sqrt(C_7 / (C_7 + _25_TO_THE_7))  # (4), as 1 + G
        cross = stretch * (a_1 * b_2 - a_2 * b_1)  # C'1 C'2 sin Δh'; before (5), where opposite hues give zero exactly
        a_1 *= stretch
        a_2 *= stretch
        dot = a_1 * a_2 + b_1 * b_2  # C'1 C'2 cos Δh'
        C_1, C_2 = math.sqrt(a_1 * a_1 + b_1 * b_1), math.sqrt(a_2 * a_2 + b_2 * b_2)
        C = (C_1 + C_2) / 2

        # ΔH' = 2 √(C'1 C'2) sin(Δh'/2) (11) and the mean hue (14), the bisector of the smaller angle between the two
        # hues. Below 90° both come from the sum of the two hue vectors, above from their difference, so that neither
        # cancels. Exactly opposite hues have the mean of their two angles in 0 to 360°.
        acute = dot >= 0
        turn = 1.0 if cross > 0 or (cross == 0 and (b_1 > 0 or (b_1 == 0 and a_1 > 0))) else -1.0
        larger = math.sqrt((C_1 * C_2 + abs(dot)) / 2)  # √(C'1 C'2) times cos or sin of Δh'/2, whichever is larger
        dH = cross / (larger if larger > 0 else 1.0) if acute else 2 * turn * larger
        x = C_2 * a_1 + C_1 * a_2 if acute else turn * (C_1 * b_2 - C_2 * b_1)
        y = C_2 * b_1 + C_1 * b_2 if acute else turn * (C_2 * a_1 - C_1 * a_2)
        length = math.sqrt(x * x + y * y)
        length = length if length > 0 else 1.0  # a grey sample has no hue, and none is needed: ΔH' = 0
        x /= length
        y /= length

        x_2, y_2 = 2 * x * x - 1, 2 * x * y  # cos 2h, sin 2h
        x_3, y_3 = x_2 * x - y_2 * y, y_2 * x + x_2 * y
        x_4, y_4 = 2 * x_2 * x_2 - 1, 2 * x_2 * y_2
        T = (
            1
            - 0.17 * (x * _COS_30 + y * _SIN_30)
            + 0.24 * x_2
            + 0.32 * (x_3 * _COS_6 - y_3 * _SIN_6)
            - 0.20 * (x_4 * _COS_63 + y_4 * _SIN_63)
        )

        # The angle from 275° to the mean hue. tan(δ/2) = sin δ / (1 + cos δ) brings it into the polynomial's -1 to 1:
        # Abramowitz and Stegun, Handbook of Mathematical Functions, 4.4.49, error below 2e-8.
        cos_275, sin_275 = x * _COS_275 + y * _SIN_275, y * _COS_275 - x * _SIN_275
        t = sin_275 / (1 + abs(cos_275))
        s = t * t
        series = 0.0429096138 + s * (-0.0161657367 + s * 0.0028662257)
        series = 0.1065626393 + s * (-0.0752896400 + s * series)
        series = -0.3333314528 + s * (0.1999355085 + s * (-0.1420889944 + s * series))
        angle = 2 * t * (1 + s * series)
        angle = angle if cos_275 >= 0 else (math.pi if t > 0 else -math.pi) - angle
        # exp(-z²) as a 32nd power, Taylor in between: error below 1e-6 of it where it matters, z² < (85/25)².
        z = angle * _PER_25_DEGREES
        e = z * z / -32
        e = 1 + e * (1 + e / 2 * (1 + e / 3 * (1 + e / 4 * (1 + e / 5 * (1 + e / 6 * (1 + e / 7))))))
        e *= e
        e *= e
        e *= e
        e *= e
        e *= e
        double = math.pi / 3 * e  # 2 Δθ (16), at most 60°, whose sine is a Taylor series too: error below 1e-9
        s = double * double
        sine = 1 - s / 42 * (1 - s / 72 * (1 - s / 110))
        sine = double * (1 - s / 6 * (1 - s / 20 * sine))
        # Hues of 0 to 95° are 180° and more below 275° as (16) counts, and their term is below 1e-20.
        sine = sine if angle < _85_DEGREES else 0.0
        C_7 = (C * C) * (C * C) * (C * C) * C
        rotation = 2 * math.sqrt(C_7 / (C_7 + _25_TO_THE_7)) * sine  # -R_T

        L_50 = (L_1 + L_2) / 2 - 50
        L_50 *= L_50
        light = (L_2 - L_1) / (k_L * (1 + 0.015 * L_50 / math.sqrt(20 + L_50)))
        chroma = (C_2 - C_1) / (k_C * (1 + 0.045 * C))
        hue = dH / (k_H * (1 + 0.015 * C * T))
        square = light * light + chroma * chroma + hue * hue - rotation * chroma * hue
        out[i] = math.sqrt(0.0 if square < 0 else square)


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
