"""Whether the flatlay can show the garment that is on the model.

Colour alone cannot tell: a garment may have been recoloured by ΔE00 50 and be the right one. Three things can, each
measured so that no recolouring, no change of contrast and no light moves it far: how far the colour would have to
move, how strongly the cloth's weave shows, and whether the palettes can be brought on top of each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.domain.errors import KnownError
from engine.imaging.color.transport import chromaticity, matched_shares, palette
from engine.imaging.color.weave import DIFFERENT_CLOTH

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from engine.imaging.color.weave import WeavePair

PLAUSIBLE_DELTA_E = 60.0
"""Largest ΔE00 a correction may need. Black to white is 100, a garment dyed or lit wrongly stays below some 50; beyond
60 the flatlay shows another article and a match would only hide it."""

IMPOSSIBLE_CLOTH = 5.0
"""Factor between two weaves beyond which a match is refused: more than twice what any published pair shows, and beyond
what noise, a JPEG code of quality 50 or a third of the contrast make of one."""

_LEAST_SHARED = 0.75
"""Share of either palette that finds its counterpart after the match. A lining or a sleeve that only one photograph
shows leaves 0.82 or more on the published pairs; a print laid over a plain garment 0.42 to 0.70."""

_SAMPLES = 5000


def require_plausible(delta_E: float, weaves: WeavePair | None, path: Path | None) -> None:
    """Refuse a match that could only be one of two different garments.

    Parameters
    ----------
    delta_E : float
        ΔE00 between the garment's mean colours, which the match would have to bridge.
    weaves : WeavePair, optional
        Of the garment on the model and on the flatlay; None where it was not to be seen.
    path : Path or None
        The on-model photograph, for the error sentence.

    Raises
    ------
    KnownError
        The colours differ by more than `PLAUSIBLE_DELTA_E`, or the weaves by more than `IMPOSSIBLE_CLOTH`.
    """
    if delta_E > PLAUSIBLE_DELTA_E:
        why = (
            f"its garment would have to change by ΔE00 {delta_E:.0f} to match the flatlay"
            f" (plausible is up to {PLAUSIBLE_DELTA_E:.0f})"
        )
    elif weaves is not None and weaves.disagreement > IMPOSSIBLE_CLOTH:
        why = f"its garment is of another cloth than the flatlay's, {_comparison(weaves)} (and ΔE00 {delta_E:.0f} away)"
    else:
        return
    raise KnownError(
        why,
        remedy="Check that the flatlay shows the same article and that both masks lie on it, then retry.",
        path=path,
    )


def doubts(weaves: WeavePair | None, result: NDArray[np.floating], flat: NDArray[np.floating]) -> tuple[str, ...]:
    """What speaks against the flatlay being this garment's, one sentence each; a person should look at such a match.

    Parameters
    ----------
    weaves : WeavePair, optional
        Of the garment on the model and on the flatlay.
    result, flat : ndarray
        ``(N, 3)`` and ``(M, 3)`` CIELAB D65 of the matched garment and of the flatlay.
    """
    found: list[str] = []
    if weaves is not None and weaves.disagreement > DIFFERENT_CLOTH:
        found.append(f"The garment may be another than the flatlay's: {_comparison(weaves)}.")
    ours, theirs = shared_colors(result, flat)
    if theirs < _LEAST_SHARED:
        found.append(f"The flatlay may show another garment: {1 - theirs:.0%} of its colours are not on the model.")
    elif ours < _LEAST_SHARED:
        found.append(f"The flatlay may show another garment: it lacks {1 - ours:.0%} of the colours on the model.")
    return tuple(found)


def shared_colors(result: NDArray[np.floating], flat: NDArray[np.floating]) -> tuple[float, float]:
    """Share of the matched garment, and of the flatlay, whose colours have a counterpart on the other, 0 to 1 each.

    Parameters
    ----------
    result, flat : ndarray
        ``(N, 3)`` and ``(M, 3)`` CIELAB D65 of the matched garment and of the flatlay.
    """
    reference = float(np.median(flat[:, 0]))
    one, two = (
        palette(chromaticity(np.asarray(lab[:: max(1, len(lab) // _SAMPLES)], np.float64), reference))
        for lab in (result, flat)
    )
    of_one, of_two = matched_shares(one, two)
    return float(of_one @ one.weights), float(of_two @ two.weights)


def _comparison(weaves: WeavePair) -> str:
    stronger, weaker = ("model", "flatlay") if weaves.worn.fine > weaves.flat.fine else ("flatlay", "model")
    return f"the weave shows {weaves.disagreement:.1f} times as strongly on the {stronger} as on the {weaker}"
