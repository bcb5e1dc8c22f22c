"""What the training folder and the catalog hold for the Training page. Pool threads only: it opens files."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from engine.domain.datasets import DatasetKind, Split
from engine.domain.errors import KnownError
from engine.domain.files import known_os_error
from engine.inference.kontext.architecture import KONTEXT
from engine.inference.kontext.availability import kontext_status
from engine.inference.kontext.source import find_source
from engine.ports import Catalog
from engine.services.datasets.approved import Chosen, chosen_items
from engine.services.datasets.manifest import MANIFEST, dataset_hash, read_manifest
from engine.services.training import RunStatus, has_run, run_status
from engine.training.job import read_events, read_job, saved_files
from gui.training.story import RunStory


@dataclass(frozen=True, slots=True)
class SetFacts:
    """A data set of the training folder.

    Attributes
    ----------
    sha256 : str
        Its hash; empty where the manifest cannot be used.
    object : str
        What a mask set masks, as its recipe says it.
    problem : str
        Why it cannot be used; empty where it can.
    """

    folder: Path
    kind: DatasetKind = DatasetKind.MASK
    pairs: int = 0
    held_out: int = 0
    sha256: str = ""
    object: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run of the training folder, and how it stands."""

    folder: Path
    status: RunStatus


@dataclass(frozen=True, slots=True)
class TrainingFacts:
    """Everything in the training folder; the newest first."""

    sets: tuple[SetFacts, ...]
    runs: tuple[RunFacts, ...]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The base model that would be trained on.

    Attributes
    ----------
    problem, remedy : str
        Why it cannot be trained on, and what to do; empty where it can.
    is_flux : bool
        It is of FLUX.1 Kontext's size, for which memory is estimated.
    """

    path: Path
    name: str
    problem: str = ""
    remedy: str = ""
    is_flux: bool = True


@dataclass(frozen=True, slots=True)
class Candidates:
    """What the catalog offers for a set: masks by their name, and colour matches."""

    masks: dict[str, int]
    matches: int


def read_training(folder: Path) -> TrainingFacts:
    """Look through the training folder.

    Raises
    ------
    KnownError
        It cannot be read.
    """
    try:
        inside = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
        inside.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    except OSError as error:
        raise known_os_error(error, folder) from error
    sets = tuple(_set_facts(path) for path in inside if (path / MANIFEST).is_file())
    runs = [_run_facts(path) for path in inside if has_run(path)]
    return TrainingFacts(sets, tuple(run for run in runs if run is not None))


def _set_facts(folder: Path) -> SetFacts:
    try:
        manifest = read_manifest(folder)
    except KnownError as error:
        return SetFacts(folder, problem=f"{error.what}. {error.remedy}")
    return SetFacts(
        folder,
        manifest.kind,
        len(manifest.examples),
        len(manifest.of(Split.HELD_OUT)),
        dataset_hash(manifest),
        str(manifest.parameters.get("object", "")),
    )


def _run_facts(folder: Path) -> RunFacts | None:
    """None for a run that another version of Chromask wrote."""
    try:
        return RunFacts(folder, run_status(folder))
    except KnownError:
        return None


def read_story(folder: Path) -> RunStory:
    """Everything a run told until now; takes a while where those are many steps.

    Raises
    ------
    KnownError
        There is no run, or its log cannot be read.
    """
    return RunStory.of(read_job(folder), read_events(folder))


def read_run(folder: Path) -> tuple[RunStory, RunStatus]:
    """What a run told, and how it stands.

    Raises
    ------
    KnownError
        There is no run, or its log cannot be read.
    """
    return read_story(folder), run_status(folder)


def read_saved(folder: Path) -> tuple[int, ...]:
    """The steps of which a run has kept a LoRA file."""
    return tuple(saved_files(folder))


def read_model(chosen: Path | None) -> ModelFacts:
    """Look at the model that would be trained on."""
    status = kontext_status(chosen)
    path = status.model if status.model is not None else Path()
    if not status.available:
        return ModelFacts(path, path.name, status.reason, status.remedy)
    source = find_source(path)
    if source.gguf_bytes is not None:
        remedy = "Choose the diffusers folder or a .safetensors file of FLUX.1 Kontext."
        return ModelFacts(path, path.name, "a GGUF file cannot be trained on", remedy)
    try:
        config = json.loads((source.folder / "transformer" / "config.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise known_os_error(error, source.folder) from error
    is_flux = all(config.get(name) == value for name, value in KONTEXT.config().items())
    return ModelFacts(path, path.name, is_flux=is_flux)


def read_candidates(catalog: Catalog, chosen: Chosen, batch_id: int | None) -> Candidates:
    """Count what could become examples."""
    items = chosen_items(catalog, chosen, batch_id)
    names = Counter(item.outcome.mask.name for item in items if item.outcome.edit is None)
    matches = sum(bool(item.outcome.match and item.pair.flatlay) for item in items)
    return Candidates(dict(names.most_common()), matches)
