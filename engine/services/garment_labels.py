"""``garments.json``: the garment on each flatlay, by the flatlay's file name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from engine.domain.errors import KnownError
from engine.domain.files import complete_file, known_os_error, no_utf8
from engine.services.pairing import ProposedPair


def garment_keys(paths: Sequence[Path]) -> dict[Path, str]:
    """The key of each flatlay in ``garments.json``: its file name, or its path below the folder that all of them share
    where two have one name.
    """
    names = [path.name for path in paths]
    if len(set(names)) == len(names):
        return dict(zip(paths, names, strict=True))
    absolute = [path.absolute() for path in paths]
    shared = next(folder for folder in absolute[0].parents if all(path.is_relative_to(folder) for path in absolute))
    return {path: full.relative_to(shared).as_posix() for path, full in zip(paths, absolute, strict=True)}


def write_garments(garments: Mapping[str, str], path: Path, *, overwrite: bool) -> None:
    """Write ``garments.json``: flatlay file name -> garment label."""
    with complete_file(path, overwrite=overwrite) as temporary:
        temporary.write_text(json.dumps(dict(garments), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_garments(path: Path) -> dict[str, str]:
    """Read a ``garments.json``.

    Raises
    ------
    KnownError
        The file cannot be read, or is no JSON object of texts; names it.
    """
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise known_os_error(error, path) from error
    except UnicodeDecodeError as error:
        raise no_utf8(path) from error
    except ValueError as error:
        raise KnownError(f"this is no valid JSON file ({error})", remedy="Correct it.", path=path) from error
    if not isinstance(content, dict) or not all(
        isinstance(v, str) for v in cast("dict[str, object]", content).values()
    ):
        raise KnownError(
            "this is no list of garments", remedy='Write {"flatlay.jpg": "jacket", ...}, one line a flatlay.', path=path
        )
    return cast("dict[str, str]", content)


def garment_of_flatlay(flatlay: Path, garments: Mapping[str, str]) -> str:
    """A flatlay's label in a ``garments.json``; empty where it has none.

    Of several keys that the flatlay's path ends with, the longest counts.
    """
    path = flatlay.absolute().as_posix()
    return next((garments[key] for key in sorted(garments, key=len, reverse=True) if path.endswith(f"/{key}")), "")


def with_garments(pairs: Iterable[ProposedPair], garments: Mapping[str, str]) -> tuple[ProposedPair, ...]:
    """The pairs with their labels from a ``garments.json``; a pair that has a label of its own keeps it."""

    def label(pair: ProposedPair) -> str:
        if pair.garment or pair.flatlay is None:
            return pair.garment
        return garment_of_flatlay(pair.flatlay.path, garments)

    return tuple(replace(pair, garment=label(pair)) for pair in pairs)
