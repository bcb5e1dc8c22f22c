"""What the base model's weights follow from. No torch in here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that the base model's weights follow from, beside the code.

    Attributes
    ----------
    taught : tuple of int
        First seeds of the parts of the lessons, which are drawn in a process each.
    figures : int
        Of each part.
    pairs, first_pair : int
        Number of garments that are drawn side by side, and their first seed.
    held_out, held_out_figures : int
        First seed and number of figures that only measure.
    decoded_figures : int
        With masks that are encoded and decoded, to measure the autoencoder.
    decoder_steps, base_steps, batch : int
        Of 12 and of ``batch`` examples.
    least_decoded : float
        IoU that every region's masks must keep when they are encoded and decoded.
    must_beat_guessing : bool
        Whether a base is refused that dreams the things of a region of the body no better than their mean masks fit.
    """

    taught: tuple[int, ...] = (10_000_000, 11_000_000)
    figures: int = 2_000
    pairs: int = 1_500
    first_pair: int = 12_000_000
    held_out: int = 90_000_000
    held_out_figures: int = 24
    decoded_figures: int = 60
    decoder_steps: int = 1_000
    base_steps: int = 15_000
    batch: int = 16
    seed: int = 0
    least_decoded: float = 0.93
    must_beat_guessing: bool = True
