"""Writes a set for another trainer. Pictures are linked, not copied, wherever the disk can."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from engine.domain.datasets import Example, Manifest, Split
from engine.domain.errors import KnownError
from engine.domain.files import complete_file, known_os_error, require_writable
from engine.domain.training import TrainingSettings, default_settings
from engine.services.datasets.layouts import ai_toolkit, musubi, one_trainer
from engine.services.datasets.layouts.files import LayoutFiles
from engine.services.datasets.manifest import read_manifest


class Layout(StrEnum):
    """Trainers that a set can be written for."""

    AI_TOOLKIT = "ai-toolkit"
    ONE_TRAINER = "onetrainer"
    MUSUBI = "musubi"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes
    ----------
    config : Path
        The file that the trainer is started with.
    pairs : int
        Written for training; what is held out lies in ``held_out``, where no trainer looks.
    notices : tuple of str
        What this trainer does otherwise, one sentence each.
    """

    config: Path
    pairs: int
    notices: tuple[str, ...]


_WRITERS: dict[Layout, Callable[[Manifest, TrainingSettings, Path, str], LayoutFiles]] = {
    Layout.AI_TOOLKIT: ai_toolkit.layout_of,
    Layout.ONE_TRAINER: one_trainer.layout_of,
    Layout.MUSUBI: musubi.layout_of,
}


def export_dataset(
    dataset: Path,
    to: Path,
    layout: Layout,
    *,
    settings: TrainingSettings | None = None,
    name: str = "",
    overwrite: bool = False,
) -> Exported:
    """Write a set in another trainer's layout, with a configuration that trains as Chromask would.

    Parameters
    ----------
    settings : TrainingSettings, optional
        The published ones for the set's kind otherwise.
    name : str
        Of the LoRA; the set's folder's name otherwise.

    Raises
    ------
    KnownError
        There is no set, it holds nothing to train on, a file of it is gone, or ``to`` cannot be written to or holds one
        of the files already.
    """
    manifest = read_manifest(dataset)
    if not manifest.of(Split.TRAIN):
        raise KnownError("the set has nothing to train on", remedy="Build it again.", path=dataset)
    if to.resolve() == dataset.resolve():
        raise KnownError("the set itself lies there", remedy="Choose another folder.", path=to)
    require_writable(to)
    settings = settings if settings is not None else default_settings(manifest.kind)
    files = _WRITERS[layout](manifest, settings, to.absolute(), name or dataset.absolute().name)
    for source, target in (*files.pictures, *_held_out(manifest.of(Split.HELD_OUT))):
        _link(dataset / source, to / target, overwrite=overwrite)
    for path, text in files.texts.items():
        with complete_file(to / path, overwrite=overwrite) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return Exported(to / files.config, len(manifest.of(Split.TRAIN)), files.notices)


def _held_out(examples: Sequence[Example]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for example in examples:
        names = {example.control, example.target, example.mask} - {""}
        found += [(name, f"held_out/{name}") for name in sorted(names)]
    return found


def _link(source: Path, target: Path, *, overwrite: bool) -> None:
    """A second name for a file of the set; a copy where the disk or the other folder's disk has no hard links."""
    with complete_file(target, overwrite=overwrite) as temporary:
        try:
            temporary.hardlink_to(source)
        except FileNotFoundError as error:
            raise known_os_error(error, source) from error
        except OSError:
            shutil.copyfile(source, temporary)
