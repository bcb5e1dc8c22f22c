"""What a training takes on a graphics card, in words. No torch in here, and none is asked for."""

from __future__ import annotations

from importlib.util import find_spec

from engine.domain.errors import KnownError
from engine.domain.training import BaseWeights, Optimiser, TrainingSettings
from engine.inference.kontext.tiers import GIB
from engine.services.doctor import GraphicsCard
from engine.training.memory import memory_of, nominal_gib, plan_for
from gui.phrases import capital

_BITS = {BaseWeights.WHOLE: "16", BaseWeights.FP8: "8", BaseWeights.NF4: "4"}


def estimate(settings: TrainingSettings) -> str:
    """What these settings are estimated to take for each way of keeping FLUX.1 Kontext's weights."""
    optimiser = settings.optimiser
    if optimiser is Optimiser.AUTO:
        optimiser = Optimiser.ADAMW_8BIT if _has_bitsandbytes() else Optimiser.ADAMW
    space = "\u00a0"  # a number and its unit stay in one line
    takes = ", ".join(
        f"{memory_of(settings, base, optimiser).peak / GIB:.0f}{space}GiB in {bits}{space}bit"
        for base, bits in _BITS.items()
    )
    return f"Estimated on a graphics card: {takes}."


def here(settings: TrainingSettings, card: GraphicsCard | None, tier: int) -> tuple[str, bool]:
    """What that means on this computer, and whether it fits.

    Parameters
    ----------
    card : GraphicsCard or None
        None: there is none.
    tier : int
        Train as on a card of so many GB; 0 asks the card.
    """
    if card is None:
        return "There is no graphics card: FLUX.1 Kontext is far too large to be trained on the processor.", False
    gib = tier or nominal_gib(card.total_bytes)
    try:
        plan = plan_for(settings, gib, has_bitsandbytes=_has_bitsandbytes())
    except KnownError as error:
        more = "" if _has_bitsandbytes() else ", or install bitsandbytes"
        return f"{capital(error.what)}. Lower resolution or rank{more}.", False
    text = f"{card.name}: the model is kept in {_BITS[plan.base_weights]} bit, {plan.peak_bytes / GIB:.1f} GiB at most."
    return text, plan.peak_bytes <= card.total_bytes


def _has_bitsandbytes() -> bool:
    return find_spec("bitsandbytes") is not None
