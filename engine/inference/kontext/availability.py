"""Says whether the Kontext engine can run, without importing torch: for ``--engine auto`` and ``doctor``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from engine.domain.errors import KnownError
from engine.inference.kontext.source import MODEL_ID, MODEL_NAME, find_source

MODELS_VARIABLE = "CHROMASK_MODELS"
"""Environment variable that names the models folder."""

NANO_NAME = "nano-kontext"
"""What the LoRAs of the small model that ships with Chromask call their base model."""

_PACKAGES = ("torch", "diffusers", "transformers", "peft", "accelerate", "safetensors")


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """Whether an engine can run here.

    Attributes
    ----------
    available : bool
        Everything it needs is there; memory is only checked when it is loaded.
    reason : str
        What is there, or what is missing, in one clause without a full stop.
    remedy : str
        What to do about it, one sentence; empty where nothing is missing.
    model : Path or None
        The model that would be used.
    warning : str
        What an operator must know before a photograph is given to this model; empty for FLUX.1 Kontext.
    """

    available: bool
    reason: str
    remedy: str
    model: Path | None
    warning: str = ""


def models_folder() -> Path:
    """Where models and LoRAs are looked for: ``CHROMASK_MODELS``, or ``models`` in the user's data folder."""
    named = os.environ.get(MODELS_VARIABLE, "").strip()
    if named:
        return Path(named).expanduser()
    from platformdirs import user_data_dir

    return Path(user_data_dir("Chromask", appauthor=False)) / "models"


def nano_folder() -> Path:
    """Where the small model lies that ships with Chromask and is never taken unless it is named."""
    return Path(str(files("resources"))) / "nano"


def nano_model() -> Path | None:
    """The small model's folder, or None where this installation lacks its weights."""
    folder = nano_folder()
    return folder if (folder / "model_index.json").is_file() else None


def default_model() -> Path:
    """The base model that is used when none is named."""
    return models_folder() / MODEL_NAME


def resolve_model(model: Path | None) -> Path:
    """The model a ``--model`` option means: a diffusers folder, a file, or a folder that holds one by its own name."""
    if model is None:
        return default_model()
    if model.is_dir() and not (model / "model_index.json").exists() and (model / MODEL_NAME).is_dir():
        return model / MODEL_NAME
    return model


def kontext_status(model: Path | None = None) -> EngineStatus:
    """Whether the Kontext engine can run with this model.

    Parameters
    ----------
    model : Path, optional
        A diffusers folder or single file; the default model folder otherwise.
    """
    absent = [package for package in _PACKAGES if find_spec(package) is None]
    path = resolve_model(model)
    if absent:
        return EngineStatus(False, f"the package {', '.join(absent)} is not installed", "Install Chromask again.", path)
    if model is None and not path.exists():
        reason = f"no model at {path.as_posix()}"
        get_it = f"Run 'chromask models download' for {MODEL_ID}, put it there, or name its place with"
        remedy = f"{get_it} {MODELS_VARIABLE} or --model; docs/models.md lists the files."
        return EngineStatus(False, reason, remedy, path)
    try:
        source = find_source(path)
    except KnownError as error:
        where = error.path if error.path is not None else path
        return EngineStatus(False, f"{error.what} ({where.as_posix()})", error.remedy, path)
    warning = source.description.warning if source.description is not None else ""
    return EngineStatus(True, f"{path.as_posix()} ({_size(source.size_bytes)} of weights)", "", path, warning)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
