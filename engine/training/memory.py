"""What LoRA training takes on a graphics card, estimated from the model's configuration. No torch in here.

The weights are exact; what a step holds beside them is estimated from the sizes of the tensors that are alive together.
None of it was measured on a card.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.errors import KnownError
from engine.domain.training import BaseWeights, LoraLayers, Optimiser, TrainingPlan, TrainingSettings
from engine.inference.kontext.architecture import BYTES_BF16, KONTEXT, Transformer
from engine.inference.kontext.tiers import GIB, TIERS

_NF4_BITS = 4 + 8 / 64 + 32 / (64 * 256)
"""A weight's four bits, its share of the eight-bit scale of 64 weights, and of the scale of 256 such scales
(Dettmers et al. 2023, "QLoRA", double quantisation).
"""

_CONTEXT_BYTES = GIB * 3 // 4
_NOMINAL = 0.9
"""As in `engine.inference.kontext.tiers`: the CUDA context, and the share of its nominal memory a card offers."""

_BLOCK_WIDTHS = 2 * 21
"""Widths that a block holds while it is computed again and differentiated: every intermediate of
`Transformer.activation_bytes`, and a gradient beside each.
"""


@dataclass(frozen=True, slots=True)
class TrainingMemory:
    """Bytes on the card, by what they are for."""

    base: int
    lora: int
    activations: int

    @property
    def peak(self) -> int:
        return self.base + self.lora + self.activations + _CONTEXT_BYTES


def lora_parameters(rank: int, layers: LoraLayers, model: Transformer = KONTEXT) -> int:
    """How many numbers a LoRA has: ``rank * (in + out)`` for each layer it is put on."""
    d = model.width
    double: list[tuple[int, int]] = [(d, d)] * 4
    single: list[tuple[int, int]] = [(d, d)] * 3
    if layers is not LoraLayers.ATTENTION:
        double += [(d, 4 * d), (4 * d, d)]
        single += [(d, 4 * d), (5 * d, d)]
    if layers is LoraLayers.ALL:
        double.append((d, 6 * d))
        single.append((d, 3 * d))
    per_double, per_single = (sum(i + o for i, o in shapes) for shapes in (double, single))
    return rank * (model.num_layers * 2 * per_double + model.num_single_layers * per_single)


def memory_of(
    settings: TrainingSettings, base: BaseWeights, optimiser: Optimiser, model: Transformer = KONTEXT
) -> TrainingMemory:
    """What a step at the largest resolution takes.

    Parameters
    ----------
    settings : TrainingSettings
    base, optimiser
        Neither may be ``AUTO``.
    """
    matrices, everything = model.block_matrices(), model.weights()
    per_weight = {BaseWeights.WHOLE: 2.0, BaseWeights.FP8: 1.0, BaseWeights.NF4: _NF4_BITS / 8}[base]
    stored = round(matrices * per_weight) + (everything - matrices) * BYTES_BF16
    # Weight and gradient are float32, and so are the two moments unless they take a byte each.
    per_parameter = 4 + 4 + (2 if optimiser is Optimiser.ADAMW_8BIT else 8) + (4 if settings.ema else 0)
    lora = lora_parameters(settings.rank, settings.layers, model) * per_parameter
    width_bytes = model.tokens(max(settings.resolutions) ** 2) * model.width * BYTES_BF16 * settings.batch
    blocks = model.num_layers + model.num_single_layers
    # With checkpointing each block keeps its input; without it, everything that it computed.
    kept = blocks if settings.gradient_checkpointing else blocks * _BLOCK_WIDTHS // 2
    # The block that is computed holds its own weights at full width, where they are stored in fewer bits; those of
    # eight bits are kept so until they are differentiated.
    widened = 0 if base is BaseWeights.WHOLE else model.double_block() * BYTES_BF16
    if base is BaseWeights.FP8 and not settings.gradient_checkpointing:
        widened = matrices * BYTES_BF16
    return TrainingMemory(stored, lora, width_bytes * (kept + _BLOCK_WIDTHS) + widened)


def plan_for(settings: TrainingSettings, card_gib: int | None, *, has_bitsandbytes: bool) -> TrainingPlan:
    """How to use the machine for these settings: the most exact weights that fit.

    Parameters
    ----------
    card_gib : int or None
        The card's nominal memory in GiB; None trains on the CPU.
    has_bitsandbytes : bool
        Whether four-bit weights and the eight-bit optimiser can be had.

    Raises
    ------
    KnownError
        Nothing fits, by estimate.
    """
    if card_gib is None:
        base = BaseWeights.WHOLE if settings.base_weights is BaseWeights.AUTO else settings.base_weights
        optimiser = Optimiser.ADAMW if settings.optimiser is Optimiser.AUTO else settings.optimiser
        return TrainingPlan("cpu", "float32", base, optimiser)
    optimiser = settings.optimiser
    if optimiser is Optimiser.AUTO:
        optimiser = Optimiser.ADAMW_8BIT if has_bitsandbytes else Optimiser.ADAMW
    ways = [BaseWeights.WHOLE, BaseWeights.FP8, *([BaseWeights.NF4] if has_bitsandbytes else [])]
    if settings.base_weights is not BaseWeights.AUTO:
        ways = [settings.base_weights]
    least = 0
    for base in ways:
        least = memory_of(settings, base, optimiser).peak
        if least <= _NOMINAL * card_gib * GIB or settings.base_weights is not BaseWeights.AUTO:
            return TrainingPlan("cuda", "bfloat16", base, optimiser, least)
    four_bits = "" if has_bitsandbytes else ", or install bitsandbytes, with which the model is kept in four bits"
    raise KnownError(
        f"training at {max(settings.resolutions)} px with rank {settings.rank} is estimated to take "
        f"{least / GIB:.1f} GiB of graphics memory, of which a card of {card_gib} offers {_NOMINAL * card_gib:.1f}",
        remedy=f"Train at a lower resolution or rank (--resolution, --rank){four_bits}.",
    )


def nominal_gib(total_bytes: int) -> int:
    """The largest tier that a card of so many bytes is of; 0 where it is smaller than the smallest."""
    return max((gib for gib in TIERS if total_bytes >= _NOMINAL * gib * GIB), default=0)
