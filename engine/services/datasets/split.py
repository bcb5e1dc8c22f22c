"""Which examples a LoRA is trained on and which measure it: no article and no picture is on both sides."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.domain.datasets import Example, Split
from engine.domain.errors import UsageError

HELD_OUT = 0.2
"""Share of the examples that measure what was learnt."""


def check_share(held_out: float) -> None:
    """Refuse a share that is none.

    Raises
    ------
    UsageError
        Not from 0 to below 1.
    """
    if not 0 <= held_out < 1:
        raise UsageError(f"{held_out:g} of the pairs cannot be held out", remedy="Give a share from 0 to below 1.")


def groups_of(examples: Sequence[Example]) -> list[list[int]]:
    """Indices of examples that must stay together, in order of their first.

    Two belong together, directly or through others (disjoint sets; Galler and Fischer, 1964), when they are of one
    article, were made from one file (a flatlay that two photographs share, say), or are pictures so alike that they
    differ by a colour at most.
    """
    from scipy.cluster.hierarchy import DisjointSet  # pyright: ignore[reportMissingTypeStubs]

    from engine.imaging.datasets.likeness import RECOLORED_PICTURE, hash_distance

    sets: Any = DisjointSet(range(len(examples)))
    keys: dict[str, int] = {}
    for index, example in enumerate(examples):
        own = [f"sku {example.sku.casefold()}"] if example.sku else []
        for key in (*own, *(f"file {source.sha256}" for source in example.sources)):
            sets.merge(keys.setdefault(key, index), index)
    for later, example in enumerate(examples):
        for earlier in range(later):
            other = examples[earlier].perceptual_hash
            if not (example.perceptual_hash and other):
                continue
            if hash_distance(example.perceptual_hash, other) <= RECOLORED_PICTURE:
                sets.merge(earlier, later)
    found: defaultdict[int, list[int]] = defaultdict(list)
    for index in range(len(examples)):
        found[sets[index]].append(index)
    return sorted(found.values())


def split(examples: Sequence[Example], held_out: float = HELD_OUT, seed: int = 0) -> tuple[Example, ...]:
    """The examples with their sides, in their order.

    Whole groups (`groups_of`) are held out, in an order that depends on the seed and their names alone, as long as they
    fit into the share. One group is always left to train on; where every group is larger than the share, none is held
    out.

    Parameters
    ----------
    held_out : float
        Share of the examples, 0 to below 1.
    """
    wanted = round(held_out * len(examples))
    together = groups_of(examples)

    def order(group: Sequence[int]) -> str:
        names = "\n".join(sorted(examples[index].name for index in group))
        return hashlib.sha256(f"{seed}\n{names}".encode()).hexdigest()

    chosen: set[int] = set()
    left = len(together)
    for group in sorted(together, key=order):
        if left > 1 and len(chosen) + len(group) <= wanted:
            chosen.update(group)
            left -= 1
    sides = (Split.HELD_OUT if index in chosen else Split.TRAIN for index in range(len(examples)))
    return tuple(replace(example, split=side) for example, side in zip(examples, sides, strict=True))


def leaks(examples: Sequence[Example]) -> list[tuple[Example, Example]]:
    """Of every group that is on both sides, one example of each."""
    found: list[tuple[Example, Example]] = []
    for group in groups_of(examples):
        sides = {examples[index].split: examples[index] for index in reversed(group)}
        if len(sides) == 2:
            found.append((sides[Split.TRAIN], sides[Split.HELD_OUT]))
    return found
