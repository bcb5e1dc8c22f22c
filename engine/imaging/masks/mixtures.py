"""Small Gaussian mixtures in CIELAB, and the smooth labelling of pixels by several of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

OUTLIER_DENSITY = 2e-7
"""Likelihood of any colour under any label: about one fifth of uniform over the CIELAB solid, whose volume is near 10⁶.
A pixel that no mixture explains is then labelled by where it lies."""
SPREAD_FLOOR = (9.0, 2.5, 2.5)
"""Smallest variance in L*, a*, b*: shading on cloth moves L* by three units, JPEG moves a* and b* by one and a half."""
_SAMPLE = 4000


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """Full-covariance Gaussians: ``weights (k,)``, ``means (k, 3)``, ``precisions (k, 3, 3)``, ``log_scale (k,)``."""

    weights: Floats
    means: Floats
    precisions: Floats
    log_scale: Floats

    @classmethod
    def joined(cls, parts: list[Mixture]) -> Mixture:
        """All components of several mixtures, each mixture with the same total weight."""
        return cls(
            np.concatenate([part.weights for part in parts]) / np.float32(len(parts)),
            np.concatenate([part.means for part in parts]),
            np.concatenate([part.precisions for part in parts]),
            np.concatenate([part.log_scale for part in parts]),
        )

    def component_densities(self, lab: Floats) -> Floats:
        """Likelihood of every row of ``lab`` ``(n, 3)`` under every component: ``(k, n)`` float32."""
        result = np.empty((len(self.weights), len(lab)), np.float32)
        for k, (mean, precision, scale) in enumerate(zip(self.means, self.precisions, self.log_scale, strict=True)):
            offset = lab - mean
            np.exp(-0.5 * ((offset @ precision) * offset).sum(axis=1) + scale, out=result[k])
        return result

    def density(self, lab: Floats) -> Floats:
        """Likelihood of every row of ``lab`` ``(n, 3)`` under the mixture: ``(n,)`` float32."""
        return self.weights @ self.component_densities(lab)

    def improved(self, lab: Floats) -> Mixture:
        """One step of expectation maximisation on the rows of ``lab`` ``(n, 3)``."""
        density = self.component_densities(lab) * self.weights[:, None]
        responsibility = density / (density.sum(axis=0) + OUTLIER_DENSITY)
        fitted = self._refitted(lab, responsibility)
        weights = responsibility.sum(axis=1) + 1.0
        return Mixture(weights / weights.sum(), fitted.means, fitted.precisions, fitted.log_scale)

    def _refitted(self, lab: Floats, responsibility: Floats) -> Mixture:
        """Move every component to the rows it is responsible for, ``(k, n)``; one that holds next to nothing stays."""
        means, precisions, scales = self.means.copy(), self.precisions.copy(), self.log_scale.copy()
        for k, weight in enumerate(responsibility):
            total = float(weight.sum())
            if total < 20.0:
                continue
            mean = weight @ lab / total
            offset = lab - mean
            covariance = (offset * weight[:, None]).T @ offset / total + np.diag(SPREAD_FLOOR)
            means[k], precisions[k], scales[k] = mean, np.linalg.inv(covariance), _log_scale(covariance)
        return Mixture(self.weights, means, precisions, scales)


def _log_scale(covariance: NDArray[np.floating]) -> float:
    return float(-0.5 * (np.linalg.slogdet(covariance)[1] + 3 * np.log(2 * np.pi)))


def fit_mixture(lab: Floats, components: int, weights: Floats | None = None) -> Mixture:
    """Fit Gaussians to the clusters of a colour sample.

    Parameters
    ----------
    lab : ndarray
        ``(n, 3)`` float32 CIELAB, at least one row.
    components : int
        Clusters at most; fewer for small samples.
    weights : ndarray, optional
        ``(n,)`` non-negative; how much each row belongs to the sample.
    """
    generator = np.random.default_rng(0)
    if weights is not None:
        share = weights / weights.sum()
        lab = lab[generator.choice(len(lab), min(_SAMPLE, len(lab)), p=share / share.sum(dtype=np.float64))]
    elif len(lab) > _SAMPLE:
        lab = lab[generator.choice(len(lab), _SAMPLE, replace=False)]
    lab = np.ascontiguousarray(lab, np.float32)
    count = int(np.clip(len(lab) // 50, 1, components))
    cv2.setRNGSeed(0)
    start = np.zeros((len(lab), 1), np.int32)  # not read: k-means++ draws the first centres
    _, cluster, _ = cv2.kmeans(lab, count, start, (3, 15, 0.2), 1, cv2.KMEANS_PP_CENTERS)
    cluster = np.asarray(cluster)[:, 0]
    floor = np.diag(SPREAD_FLOOR)
    portions, means, precisions, scales = [], [], [], []
    for k in range(count):
        members = lab[cluster == k].astype(np.float64)
        if len(members) < 5:
            continue
        covariance = np.cov(members.T) + floor
        portions.append(len(members) / len(lab))
        means.append(members.mean(axis=0))
        precisions.append(np.linalg.inv(covariance))
        scales.append(_log_scale(covariance))
    if not portions:
        portions, means, precisions = [1.0], [lab.mean(axis=0)], [np.linalg.inv(floor)]
        scales = [_log_scale(floor)]
    return Mixture(
        np.asarray(portions, np.float32),
        np.asarray(means, np.float32),
        np.asarray(precisions, np.float32),
        np.asarray(scales, np.float32),
    )


def smooth_labels(log_scores: Floats, lab: Floats, inside: NDArray[np.bool_], iterations: int = 15) -> Floats:
    """Posterior of every label under a contrast-sensitive Potts prior, by mean-field iterations.

    The energy is that of Boykov and Jolly (2001) for several labels; mean field is the simple, deterministic
    approximation of its minimum (Krähenbühl and Koltun 2011, here on the four neighbours).

    Parameters
    ----------
    log_scores : ndarray
        ``(k, h, w)`` float32, log of likelihood times prior.
    lab : ndarray
        ``(h, w, 3)`` float32 CIELAB.
    inside : ndarray
        ``(h, w)`` bool; labels do not pass between pixels inside and outside.

    Returns
    -------
    ndarray
        ``(k, h, w)`` float32, sums to 1 over the labels.
    """
    steps_y = ((lab[1:] - lab[:-1]) ** 2).sum(axis=-1)
    steps_x = ((lab[:, 1:] - lab[:, :-1]) ** 2).sum(axis=-1)
    both_y, both_x = inside[1:] & inside[:-1], inside[:, 1:] & inside[:, :-1]
    typical = float(np.mean(np.concatenate([steps_y[both_y], steps_x[both_x]]))) if both_y.any() else 1.0
    # Strength 2: two of four like-labelled neighbours outweigh a likelihood ratio of 50.
    across_y = (2.0 * np.exp(-steps_y / (2.0 * max(typical, 0.5))) * both_y).astype(np.float32)
    across_x = (2.0 * np.exp(-steps_x / (2.0 * max(typical, 0.5))) * both_x).astype(np.float32)
    belief = _softmax(log_scores)
    for _ in range(iterations):
        message = log_scores.copy()
        message[:, 1:] += across_y * belief[:, :-1]
        message[:, :-1] += across_y * belief[:, 1:]
        message[:, :, 1:] += across_x * belief[:, :, :-1]
        message[:, :, :-1] += across_x * belief[:, :, 1:]
        belief = _softmax(message)
    return belief


def _softmax(scores: Floats) -> Floats:
    scores = scores - scores.max(axis=0)
    np.exp(scores, out=scores)
    return scores / scores.sum(axis=0)
