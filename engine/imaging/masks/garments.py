"""Garment labels, and the part of the body that a garment of that label covers."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files

from engine.domain.errors import BugError


class GarmentCategory(StrEnum):
    """The zone of the body a garment covers; the classical masks look for it there."""

    UPPER = "upper"
    LOWER = "lower"
    FULL = "full"
    FEET = "feet"
    HEAD = "head"
    ACCESSORY = "accessory"


@dataclass(frozen=True, slots=True)
class GarmentKind:
    """One entry of ``resources/garments.toml``.

    Attributes
    ----------
    label : str
        The name Chromask shows and writes into prompts.
    synonyms : tuple of str
        What else people and detectors call it.
    """

    label: str
    category: GarmentCategory
    synonyms: tuple[str, ...]


@lru_cache(maxsize=1)
def load_garments() -> tuple[GarmentKind, ...]:
    """Every garment of the registry, in the file's order.

    Raises
    ------
    BugError
        An entry has a missing or unknown key, an unknown category, or a name that another entry has.
    """
    data = tomllib.loads(files("resources").joinpath("garments.toml").read_text(encoding="utf-8"))
    kinds: list[GarmentKind] = []
    for entry in data["garment"]:
        if set(entry) != {"label", "category", "synonyms"}:
            raise BugError(f"garments.toml: an entry needs label, category and synonyms, not {sorted(entry)}")
        try:
            category = GarmentCategory(entry["category"])
        except ValueError as error:
            raise BugError(f"garments.toml: {entry['label']}: {error}") from error
        kinds.append(GarmentKind(entry["label"], category, tuple(entry["synonyms"])))
    names = [_plain(name) for kind in kinds for name in (kind.label, *kind.synonyms)]
    doubles = sorted({name for name in names if names.count(name) > 1})
    if doubles:
        raise BugError(f"garments.toml: names that belong to two garments: {', '.join(doubles)}")
    return tuple(kinds)


def garment_of(label: str) -> GarmentKind | None:
    """The registry's garment for a label or synonym, in any case, singular or plural; None for an unknown one.

    A label of several words that is not known as a whole goes by its last known words: ``blue denim jacket`` is a
    jacket.
    """
    words = _plain(label).split()
    index = _index()
    for start in range(len(words)):
        name = " ".join(words[start:])
        for form in (name, name.removesuffix("s"), name + "s"):
            if form in index:
                return index[form]
    return None


def category_of(label: str) -> GarmentCategory | None:
    """The body zone of a label (see `garment_of`); None for an empty or unknown one."""
    kind = garment_of(label)
    return kind.category if kind else None


@lru_cache(maxsize=1)
def _index() -> dict[str, GarmentKind]:
    return {_plain(name): kind for kind in load_garments() for name in (kind.label, *kind.synonyms)}


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", name).strip().lower()
