"""Which examples a LoRA is trained on and which measure it: no article and no picture is on both sides."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.domain.datasets import Example, Finding, Severity, Split, SplitBy
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


def wanted(held_out: float, count: int) -> int:
    """How many examples of ``count`` a share is."""
    return round(held_out * count)


def groups_of(examples: Sequence[Example], by: SplitBy = SplitBy.ARTICLE) -> list[list[int]]:
    """Indices of examples that must stay together, in order of their first.

    Two belong together, directly or through others (disjoint sets; Galler and Fischer, 1964), when they are of one
    article (unless split by pictures), were made from one file (a flatlay that two photographs share, say), or are
    pictures so alike that they differ by a colour at most.
    """
    from scipy.cluster.hierarchy import DisjointSet  # pyright: ignore[reportMissingTypeStubs]

    from engine.imaging.datasets.likeness import RECOLORED_PICTURE, hash_distance

    sets: Any = DisjointSet(range(len(examples)))
    keys: dict[str, int] = {}
    for index, example in enumerate(examples):
        own = [f"sku {example.sku.casefold()}"] if example.sku and by is SplitBy.ARTICLE else []
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


def split(
    examples: Sequence[Example], held_out: float = HELD_OUT, seed: int = 0, by: SplitBy = SplitBy.ARTICLE
) -> tuple[Example, ...]:
    """The examples with their sides, in their order.

    Whole groups (`groups_of`) are held out, in an order that depends on the seed and their names alone, as long as they
    fit into the share. One group is always left to train on; where every group is larger than the share, none is held
    out.

    Parameters
    ----------
    held_out : float
        Share of the examples, 0 to below 1.
    """
    most = wanted(held_out, len(examples))
    together = groups_of(examples, by)

    def order(group: Sequence[int]) -> str:
        names = "\n".join(sorted(examples[index].name for index in group))
        return hashlib.sha256(f"{seed}\n{names}".encode()).hexdigest()

    chosen: set[int] = set()
    left = len(together)
    for group in sorted(together, key=order):
        if left > 1 and len(chosen) + len(group) <= most:
            chosen.update(group)
            left -= 1
    sides = (Split.HELD_OUT if index in chosen else Split.TRAIN for index in range(len(examples)))
    return tuple(replace(example, split=side) for example, side in zip(examples, sides, strict=True))


def leaks(examples: Sequence[Example], by: SplitBy = SplitBy.ARTICLE) -> list[tuple[Example, Example]]:
    """Of every group that is on both sides, one example of each."""
    found: list[tuple[Example, Example]] = []
    for group in groups_of(examples, by):
        sides = {examples[index].split: examples[index] for index in reversed(group)}
        if len(sides) == 2:
            found.append((sides[Split.TRAIN], sides[Split.HELD_OUT]))
    return found


def nothing_held_out(examples: Sequence[Example], by: SplitBy) -> Finding:
    """Why nothing is held out of examples that shall be, and what to do."""
    skus = {example.sku.casefold() for example in examples}
    if by is SplitBy.ARTICLE and len(skus) == 1:
        why = f"by their names all {len(examples)} pairs are of one article ('{examples[0].sku}')"
        remedy = (
            "Put each article's number into its file names (CM1001_front.jpg), or hold out pictures instead of "
            "articles (--split-by picture)."
        )
    else:
        groups, count = len(groups_of(examples, by)), len(examples)
        why = f"the {count} pairs are {groups} groups of one article, flatlay or look, each larger than the share"
        if groups == 1:
            why = f"all {count} pairs belong together, by article, flatlay or look"
        remedy = "Add photographs of other articles, or hold out a larger share (--held-out)."
    return Finding(
        Severity.WARNING, "", f"nothing is held out, so that nobody can measure what is learnt: {why}", remedy
    )
