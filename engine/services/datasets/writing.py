"""The folder of a data set: every picture is written once, under its final name, and the manifest last.

``control/NAME.png`` and ``target/NAME.png`` with its caption ``target/NAME.txt``, and where there are any
``mask/NAME.png`` and ``loss_mask/NAME.png``: the folders that AI-Toolkit reads as ``control_path``, ``folder_path`` and
``mask_path``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.datasets import DatasetKind, Example, FileHash, Finding, Manifest, Split, SplitBy
from engine.domain.errors import KnownError
from engine.domain.files import complete_file, file_sha256, require_writable
from engine.services.datasets.manifest import MANIFEST, write_manifest
from engine.services.datasets.split import nothing_held_out, split, wanted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rgb = NDArray[np.uint8]
    Alpha = NDArray[np.uint8]

CONTROL, TARGET, MASK, LOSS_MASK = "control", "target", "mask", "loss_mask"
"""Folders of a set."""


@dataclass(frozen=True, slots=True)
class Built:
    """A new data set.

    Attributes
    ----------
    findings : tuple of Finding
        That nothing is held out, and what was left out; why, and what to do.
    """

    folder: Path
    manifest: Manifest
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Of one example, before they are written: ``(H, W, 3)`` and ``(H, W)`` uint8 of one size.

    Attributes
    ----------
    mask, loss_mask : ndarray or None
        None where there is none; a ``loss_mask`` that is ``mask`` itself is written once.
    """

    control: Rgb
    target: Rgb
    mask: Alpha | None = None
    loss_mask: Alpha | None = None


class SetWriter:
    """Writes a set's examples one by one. Used by one thread.

    Parameters
    ----------
    folder : Path
        Receives the set.
    originals : sequence of Path
        What it is made from, which is never written to.
    overwrite : bool
        Replace a set that is there; files of other names stay.

    Raises
    ------
    KnownError
        The folder holds a set already, holds one of the originals, or cannot be written to.
    """

    def __init__(self, folder: Path, originals: Sequence[Path] = (), *, overwrite: bool = False) -> None:
        self._folder, self._overwrite = folder, overwrite
        self._examples: list[Example] = []
        self._names: set[str] = set()
        if (folder / MANIFEST).exists() and not overwrite:
            raise KnownError(
                "this folder holds a data set already", remedy="Choose another, or --overwrite.", path=folder
            )
        written = {(folder / part).resolve() for part in (CONTROL, TARGET, MASK, LOSS_MASK)}
        for original in originals:
            if original.resolve().parent in written:
                raise KnownError(
                    "the set would be written over this original", remedy="Choose another folder.", path=original
                )
        require_writable(folder)
        # From here on until it is complete, what lies there is no data set.
        (folder / MANIFEST).unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self._examples)

    def free_name(self, wanted: str) -> str:
        """A file name for an example that no other has, whatever the disk thinks of capital letters."""
        stem = re.sub(r"[^\w\-]+", "-", wanted).strip("-_")[:80] or "pair"
        name, number = stem, 2
        while name.casefold() in self._names:
            name, number = f"{stem}-{number}", number + 1
        return name

    def add(self, example: Example, pictures: Pictures) -> None:
        """Write an example's pictures and caption; its paths and hashes are filled in here.

        Parameters
        ----------
        example : Example
            With a name from `free_name`.

        Raises
        ------
        KnownError
            The disk is full or cannot be written to, or a file of that name is there.
        """
        from engine.imaging.masks.cleanup import mask_coverage
        from engine.imaging.raster.encode import encode_mask, encode_png

        name = example.name
        files = {
            f"{CONTROL}/{name}.png": encode_png(pictures.control),
            f"{TARGET}/{name}.png": encode_png(pictures.target),
            f"{TARGET}/{name}.txt": example.caption.encode(),
        }
        mask = loss_mask = ""
        if pictures.mask is not None:
            mask = f"{MASK}/{name}.png"
            files[mask] = encode_mask(pictures.mask)
        if pictures.loss_mask is not None:
            loss_mask = mask if pictures.loss_mask is pictures.mask else f"{LOSS_MASK}/{name}.png"
            files.setdefault(loss_mask, encode_mask(pictures.loss_mask))
        for path, data in files.items():
            with complete_file(self._folder / path, overwrite=self._overwrite) as temporary:
                temporary.write_bytes(data)
        self._names.add(name.casefold())
        self._examples.append(
            replace(
                example,
                control=f"{CONTROL}/{name}.png",
                target=f"{TARGET}/{name}.png",
                mask=mask,
                loss_mask=loss_mask,
                coverage=round(mask_coverage(pictures.mask), 6) if pictures.mask is not None else 0.0,
                files=tuple(FileHash(path, hashlib.sha256(data).hexdigest()) for path, data in files.items()),
            )
        )

    def finish(
        self,
        kind: DatasetKind,
        parameters: dict[str, str | int | float | bool],
        findings: Sequence[Finding] = (),
        *,
        held_out: float,
        seed: int,
        split_by: SplitBy = SplitBy.ARTICLE,
    ) -> Built:
        """Split the set and write its manifest. That nothing could be held out is the first of the findings.

        Raises
        ------
        KnownError
            No example was added, or the disk is full.
        """
        if not self._examples:
            reasons = " ".join(str(finding) for finding in findings[:3])
            raise KnownError(
                "no pair is left for the set", remedy=reasons or "Give photographs with masks.", path=self._folder
            )
        made = {"held_out": held_out, "split_seed": seed, "split_by": split_by.value, **parameters}
        manifest = Manifest(kind, split(self._examples, held_out, seed, split_by), made)
        write_manifest(manifest, self._folder)
        if wanted(held_out, len(self._examples)) and not manifest.of(Split.HELD_OUT):
            findings = [nothing_held_out(self._examples, split_by), *findings]
        return Built(self._folder, manifest, tuple(findings))


def source_hash(path: Path) -> FileHash:
    """An original by name and hash.

    Raises
    ------
    KnownError
        It cannot be read.
    """
    return FileHash(path.name, file_sha256(path))
