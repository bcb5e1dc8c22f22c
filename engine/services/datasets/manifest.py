"""``manifest.json``: what a data set is, with the hash of every file in it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import cast

from engine.domain.codec import from_json, read_versioned, to_json
from engine.domain.datasets import MANIFEST_VERSION, Example, Manifest
from engine.domain.errors import BugError, KnownError
from engine.domain.files import complete_file

MANIFEST = "manifest.json"
"""Its name in the set's folder; written last, so that a folder with one is complete."""

_MEND = "Build the set again, or restore it from a backup."


def dataset_hash(manifest: Manifest) -> str:
    """SHA-256 of the manifest's canonical JSON, hexadecimal: the set's name for whatever is trained on it."""
    return hashlib.sha256(to_json(manifest).encode()).hexdigest()


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write the manifest with its own hash; an earlier one is replaced.

    Raises
    ------
    KnownError
        The disk is full or cannot be written to.
    """
    content = {"sha256": dataset_hash(manifest), **json.loads(to_json(manifest))}
    with complete_file(folder / MANIFEST, overwrite=True) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Read a set's manifest.

    Raises
    ------
    KnownError
        There is none, it is damaged or was changed by hand, or a newer Chromask wrote it.
    """
    path = folder / MANIFEST
    missing = KnownError(
        "this folder holds no data set", remedy="Build or import one: chromask dataset --help.", path=folder
    )
    table = read_versioned(path, MANIFEST_VERSION, "the manifest", missing=missing, remedy=_MEND)
    stated = table.pop("sha256", "")
    try:
        manifest = cast("Manifest", from_json(json.dumps(table), Manifest))
    except BugError as error:
        raise _damaged(path, "an entry is unknown, missing or of another kind") from error
    if stated != dataset_hash(manifest):
        raise _damaged(path, "it was changed since it was written")
    for example in manifest.examples:
        _require_inside(path, example)
    return manifest


def _require_inside(path: Path, example: Example) -> None:
    """A manifest from elsewhere must not make Chromask read outside its folder."""
    named = (example.control, example.target, example.mask, example.loss_mask, *(file.path for file in example.files))
    for name in named:
        parts = Path(name).parts
        if Path(name).is_absolute() or ".." in parts or "\\" in name:
            raise _damaged(path, f"the example '{example.name}' names a file outside the set")


def _damaged(path: Path, why: str) -> KnownError:
    return KnownError(f"the manifest cannot be used: {why}", remedy=_MEND, path=path)
