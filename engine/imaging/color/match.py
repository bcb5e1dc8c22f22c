"""Give the garment on the model the colour it has on the flatlay, and touch nothing else."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.imaging.color.correction import Correction, distance, fit_correction, held_back
from engine.imaging.color.guide import GuideReading, read_guide
from engine.imaging.color.icc import RgbSpace, rgb_space
from engine.imaging.color.light import lightness_credibility
from engine.imaging.color.plausibility import doubts, require_plausible
from engine.imaging.color.samples import FLATLAY, ON_MODEL, GarmentSamples, garment_samples, require_color, robust_mean
from engine.imaging.color.spaces import lab_to_linear, lightness_of, row_chunks, xyz_to_lab
from engine.imaging.color.weave import measure_weaves
from engine.imaging.metrics.texture import GradientCorrelation
from engine.imaging.untouched import outside_max_change

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Alpha, ColorGuide, Picture, Pixels
    from engine.imaging.color.icc import Floats
    from engine.imaging.color.views import Agreement
    from engine.imaging.color.weave import WeavePair

_THREADS = min(4, os.cpu_count() or 1)
"""NumPy and OpenCV let go of the interpreter's lock; each thread holds one chunk of rows in float."""

_TEXTURE = 0.98
"""Gradient correlation below which the operator is told that the fabric's texture suffered."""


@dataclass(frozen=True, slots=True, eq=False)
class MatchedPicture:
    """A colour match at native size.

    Attributes
    ----------
    pixels : ndarray
        ``(H, W, 3)``, dtype and encoding of the photograph.
    strength : float
        0 to 1, how much of the fitted correction was applied; 0 left the photograph as it was.
    strategy : str
        ``transport``, ``transport + guide``, ``palette repair`` or ``unchanged``.
    lightness_kept : float
        0 to 1, how far the garment has the photograph's own lightness.
    texture : float
        Correlation of the L gradients of the fabric (L between its 1st and 99th percentile), result against photograph,
        at native size.
    outside_max_change : int
        Largest change of a channel value where alpha is zero, measured.
    provenance : dict
        Method, figures and the guide's provenance.
    notices : tuple of str
        For the operator, one sentence each.
    """

    pixels: Pixels
    strength: float
    strategy: str
    lightness_kept: float
    texture: float
    outside_max_change: int
    provenance: dict[str, str | float | int]
    notices: tuple[str, ...]

    @property
    def guided(self) -> bool:
        """Whether a guide swayed the colour."""
        return float(self.provenance.get("guide_weight", 0.0)) > 0


def match_garment(
    on_model: Picture,
    alpha: Alpha,
    flatlay: Picture,
    flatlay_alpha: Alpha,
    guide: ColorGuide | None = None,
    *,
    credibility: float | None = None,
    agreement: Agreement | None = None,
) -> MatchedPicture:
    """Give the on-model garment the flatlay's colour inside its mask.

    The transfer is fitted on samples at 800 px and applied to the native pixels in float. At soft mask edges the
    corrected and the original pixel are mixed in linear light, because a pixel that is half garment and half background
    is a sum of light, and mixing in an encoded space draws dark fringes. The mask is feathered inwards only. The result
    is never farther from the flatlay than the photograph: a weaker strength is tried, then nothing is changed.

    Parameters
    ----------
    on_model : Picture
        Any RGB profile, 8 or 16 bit.
    alpha : ndarray
        ``(H, W)`` uint8, 255 = garment, of the on-model photograph.
    flatlay : Picture
        Any RGB profile; it need not be that of ``on_model``.
    flatlay_alpha : ndarray
        ``(h, w)`` uint8, 255 = garment, of the flatlay.
    guide : ColorGuide, optional
        A model's painting of the garment in the wanted colour; it sways the transfer, none of its pixels is used.
    credibility : float, optional
        0 to 1, how far the photograph's own lightness is believed; 0 takes the flatlay's. By default as the photograph
        suggests, or as the views agreed on.
    agreement : Agreement, optional
        Of all views of the article, see `engine.imaging.color.views.solve_views`.

    Returns
    -------
    MatchedPicture
        Pixels where alpha is zero are the photograph's, bit for bit.

    Raises
    ------
    KnownError
        A mask is empty, tiny or of another size; a photograph is greyscale or its profile damaged; the flatlay can only
        be of another garment.
    """
    require_color(on_model, ON_MODEL)
    require_color(flatlay, FLATLAY)
    worn = garment_samples(on_model, alpha, "garment")
    flat = garment_samples(flatlay, flatlay_alpha, "flatlay")
    weaves = measure_weaves(on_model, alpha, worn.box, flatlay, flatlay_alpha, flat.box)
    reading = read_guide(guide, on_model, alpha, worn) if guide is not None else None
    return match_samples(on_model, alpha, worn, flat.lab, weaves, reading, credibility=credibility, agreement=agreement)


def match_samples(
    on_model: Picture,
    alpha: Alpha,
    worn: GarmentSamples,
    flat: Floats,
    weaves: WeavePair | None,
    guide: GuideReading | None = None,
    *,
    credibility: float | None = None,
    agreement: Agreement | None = None,
) -> MatchedPicture:
    """`match_garment` for a closed loop, which has sampled the garments already.

    Parameters
    ----------
    worn : GarmentSamples
        Of ``alpha`` on ``on_model``.
    flat : ndarray
        ``(N, 3)`` float32 CIELAB D65, samples of the garment on the flatlay.
    weaves : WeavePair or None
        Of the two, see `engine.imaging.color.weave.measure_weaves`.
    guide : GuideReading, optional
        See `engine.imaging.color.guide.read_guide`. A match that needs less strength without it is made without it.
    """
    wanted = robust_mean(flat)
    needed = distance(worn.lab, wanted)
    require_plausible(needed, weaves, on_model.path)
    full, correction = settled_correction(worn, flat, weaves, guide, credibility, agreement)
    corrected = correction(worn.lab)
    reached = distance(corrected, wanted)
    pixels, texture = _apply(on_model, alpha, correction)
    notices = list(doubts(weaves, corrected, flat))
    if correction.set_aside:
        notices.append(f"The colour guide was set aside: {correction.set_aside}.")
    if agreement is not None and full.offset is None:
        notices.append("This view does not agree with the article's other views: check that it shows the same article.")
    if correction.strength == 0:
        notices.append(
            f"The garment is at ΔE00 {needed:.1f} from the flatlay and no correction brought it nearer:"
            " it was left unchanged."
        )
    elif correction.strength < 1:
        notices.append(
            f"The full correction overshot: it was applied at {correction.strength:.0%}"
            f" (ΔE00 {needed:.1f} before, {reached:.1f} after)."
        )
    if texture < _TEXTURE:
        notices.append(f"The fabric's texture suffered (gradient correlation {texture:.3f}): compare at full size.")
    provenance: dict[str, str | float | int] = {
        "method": correction.strategy,
        "strength": correction.strength,
        "delta_E_before": round(needed, 4),
        "delta_E_fitted": round(reached, 4),
        "lightness_kept": round(correction.lightness_kept, 4),
    } | correction.transfer.figures
    if guide is not None:
        provenance |= {"guide_weight": round(correction.guide_weight, 4)} | guide.figures
        if correction.set_aside:
            provenance |= {"guide_set_aside": correction.set_aside}
    if agreement is not None:
        provenance |= agreement.figures
    return MatchedPicture(
        pixels=pixels,
        strength=correction.strength,
        strategy=correction.strategy,
        lightness_kept=correction.lightness_kept,
        texture=texture,
        outside_max_change=outside_max_change(on_model.pixels, pixels, alpha),
        provenance=provenance,
        notices=tuple(notices),
    )


def settled_correction(
    worn: GarmentSamples,
    flat: Floats,
    weaves: WeavePair | None,
    guide: GuideReading | None,
    credibility: float | None,
    agreement: Agreement | None,
) -> tuple[Correction, Correction]:
    """The correction that `match_samples` applies, in full and as far as it may go. Parameters as there."""
    if credibility is None:
        credibility = agreement.credibility if agreement else lightness_credibility(worn.lab, flat)

    def joined(fitted: Correction) -> Correction:
        return agreement.joined(fitted, worn.lab) if agreement is not None else fitted

    full = joined(fit_correction(worn.lab, flat, credibility, guide, weaves))
    correction = held_back(full, worn.lab, flat)
    if full.guided is not None and correction.strength < 1:
        unguided = joined(full.unguided("with it the correction overshoots"))
        alone = held_back(unguided, worn.lab, flat)
        if alone.strength >= correction.strength:
            return unguided, alone
    return full, correction


def leave_unchanged(on_model: Picture, why: str) -> MatchedPicture:
    """The photograph as it is, with the reason as a notice."""
    return MatchedPicture(on_model.pixels, 0.0, "unchanged", 1.0, 1.0, 0, {"method": "unchanged"}, (why,))


def inward_feather(alpha: Alpha) -> Alpha:
    """The mask's weight ``(H, W)`` uint8: never above ``alpha``, rising over two pixels inside a hard edge.

    An edge pixel of a photograph is partly background whatever a hard mask says. A mask that is soft already is softer
    than this ramp and stays as it is; where the frame cuts the garment there is no edge.
    """
    inside = np.where(alpha > 0, np.uint8(255), np.uint8(0))
    blurred = cv2.GaussianBlur(inside, (7, 7), 1.0, borderType=cv2.BORDER_REPLICATE)
    ramp = cv2.addWeighted(blurred, 2.0, blurred, 0.0, -255.0)  # saturates: 0 outside and at the edge, 255 inside
    return np.asarray(np.minimum(alpha, ramp), np.uint8)


def _apply(picture: Picture, alpha: Alpha, correction: Correction) -> tuple[Pixels, float]:
    """The corrected pixels, and the correlation of the L gradients."""
    pixels = picture.pixels.copy()
    if correction.strength == 0:
        return pixels, 1.0
    space = rgb_space(picture.icc, picture.path)
    weights = inward_feather(alpha)
    gradients = GradientCorrelation(correction.transfer.fitted)

    def correct(rows: slice) -> NDArray[np.float64]:
        weight = weights[rows]
        inside = weight > 0
        if not inside.any():
            return np.zeros(3)
        part = pixels[rows]
        before = part[inside]
        after = _corrected(before, weight[inside], space, correction)
        part[inside] = after
        solid = weight == 255
        lightness = np.zeros((2, *inside.shape), np.float32)
        lightness[0][inside], lightness[1][inside] = lightness_of(before, space), lightness_of(after, space)
        return gradients.sums(lightness[0], lightness[1], solid)

    # Rows are disjoint; the sums are added in their order, so that the outcome does not depend on the threads' timing.
    with ThreadPoolExecutor(_THREADS) as pool:
        for sums in pool.map(correct, row_chunks(pixels.shape)):
            gradients.add(sums)
    return pixels, gradients.value


def _corrected(pixels: Pixels, weight: NDArray[np.uint8], space: RgbSpace, correction: Correction) -> Pixels:
    """Encoded ``(N, 3)`` pixels, corrected as far as their weight says."""
    linear = space.decode(pixels)
    lab = xyz_to_lab(space.linear_to_xyz(linear))
    goal = lab_to_linear(correction(lab), space)
    linear += (weight.astype(np.float32) / 255)[:, None] * (goal - linear)
    return space.encode(linear, pixels.dtype)
