"""Other people's colour transfers, on the same masks and samples, beside which `bench/color.py` measures Chromask's.

Each takes garment pixels and both photographs' samples as ``(N, 3)`` sRGB, 0 to 1, and returns the pixels transferred.
Packages of the extra ``bench`` are used where they are installed.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import colour
import numpy as np

Method = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""``(pixels, samples of the photograph, samples of the flatlay) -> pixels``."""


def _to_lab(rgb: np.ndarray) -> np.ndarray:
    return colour.XYZ_to_Lab(colour.sRGB_to_XYZ(rgb))


def _to_rgb(lab: np.ndarray) -> np.ndarray:
    return np.clip(colour.XYZ_to_sRGB(colour.Lab_to_XYZ(lab)), 0, 1)


def reinhard(pixels: np.ndarray, samples: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Mean and deviation of each Lab channel (Reinhard et al. 2001), the ratio limited to a third and three times."""
    source, goal = _to_lab(samples), _to_lab(target)
    gain = np.clip(goal.std(axis=0) / source.std(axis=0), 1 / 3, 3)
    return _to_rgb((_to_lab(pixels) - source.mean(axis=0)) * gain + goal.mean(axis=0))


def _root(matrix: np.ndarray, power: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(np.maximum(values, 1e-8) ** power) @ vectors.T


def monge_kantorovich(pixels: np.ndarray, samples: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The linear optimal transport between two Gaussians in sRGB (Pitié and Kokaram 2007)."""
    source, goal = np.cov(samples.T), np.cov(target.T)
    half, inverse = _root(source, 0.5), _root(source, -0.5)
    matrix = inverse @ _root(half @ goal @ half, 0.5) @ inverse
    return np.clip((pixels - samples.mean(axis=0)) @ matrix.T + target.mean(axis=0), 0, 1)


def histograms(pixels: np.ndarray, _: np.ndarray, target: np.ndarray) -> np.ndarray:
    """scikit-image's histogram matching of each channel."""
    from skimage.exposure import match_histograms

    return match_histograms(pixels[:, None], target[:, None], channel_axis=-1)[:, 0]


def _color_matcher(method: str) -> Method:
    def transfer(pixels: np.ndarray, _: np.ndarray, target: np.ndarray) -> np.ndarray:
        from color_matcher import ColorMatcher

        out = ColorMatcher().transfer(src=pixels[:, None] * 255, ref=target[:, None] * 255, method=method)
        return np.clip(np.asarray(out)[:, 0] / 255, 0, 1)

    return transfer


def methods() -> dict[str, Method]:
    """Every method whose package is installed, by its name in the table."""
    found: dict[str, Method] = {"Reinhard, Lab": reinhard, "Monge-Kantorovich, sRGB": monge_kantorovich}
    if find_spec("skimage"):
        found["scikit-image, histograms"] = histograms
    if find_spec("color_matcher"):
        found |= {f"color-matcher, {name}": _color_matcher(name) for name in ("mkl", "hm-mvgd-hm")}
    return found
