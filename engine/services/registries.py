"""The LoRAs and base models Chromask knows, and the diffusion settings that a task means. No torch in here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar, cast

from engine.domain.errors import KnownError, UsageError
from engine.domain.files import known_os_error
from engine.domain.requests import DiffusionSettings, LoraRef, Sampling
from engine.inference.kontext.availability import MODELS_VARIABLE, models_folder, resolve_model
from engine.services.toml_files import Table, read_toml

USER_REGISTRY = "loras.toml"
"""Name of the operator's own registry in the models folder; its entries are added, and replace those of one name."""

COLOR_TASK = "color"


class LoraKind(StrEnum):
    """What a LoRA makes the model paint."""

    MASK = "mask"
    COLOR = "color"


@dataclass(frozen=True, slots=True)
class LoraEntry:
    """A LoRA of the registry; the file itself may be absent.

    Attributes
    ----------
    mask_type : str
        The task's name, such as ``socks``; empty for colour LoRAs.
    file : str
        File name expected in the models folder.
    trigger : str
        Word the LoRA answers to, which the prompt contains; empty: none.
    prompt : str
        ``{garment}`` stands for the garment's label.
    """

    name: str
    kind: LoraKind
    mask_type: str
    file: str
    base_model: str
    trigger: str
    prompt: str
    rank: int
    scale: float
    licence: str
    note: str


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A base model of the registry.

    Attributes
    ----------
    source : str
        Where it can be had.
    size_gb : float
        Of its files, in 10^9 bytes.
    files : tuple of str
        Paths inside the model's folder.
    """

    name: str
    model_id: str
    source: str
    size_gb: float
    licence: str
    commercial_use: bool
    note: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Registry:
    """Everything known, in the files' order."""

    loras: tuple[LoraEntry, ...]
    models: tuple[ModelEntry, ...]

    def mask_types(self) -> tuple[str, ...]:
        """The tasks that have a mask LoRA."""
        return tuple(lora.mask_type for lora in self.loras if lora.kind is LoraKind.MASK)

    def lora_for(self, task: str) -> LoraEntry:
        """The LoRA of a mask type, or of ``color``; of several colour LoRAs the last one, which is the operator's own.

        Raises
        ------
        UsageError
            No LoRA is known for the task.
        """
        if task == COLOR_TASK:
            colors = [lora for lora in self.loras if lora.kind is LoraKind.COLOR]
            if colors:
                return colors[-1]
        for lora in self.loras:
            if lora.kind is LoraKind.MASK and lora.mask_type == task:
                return lora
        raise UsageError(
            f"there is no LoRA for '{task}'", remedy=f"Choose from: {', '.join((*self.mask_types(), COLOR_TASK))}."
        )


def load_registry(user: Path | None = None) -> Registry:
    """Read the registries that ship with Chromask, and merge the operator's own over them.

    Parameters
    ----------
    user : Path, optional
        A TOML file with ``[[lora]]`` and ``[[model]]`` tables; by default ``loras.toml`` in the models folder, where
        there is one.

    Raises
    ------
    KnownError
        A file cannot be read, is no TOML, or has an unknown, missing or mistyped key; names file, entry and key.
    """
    shipped = Path(str(files("resources")))
    loras = {lora.name: lora for lora in _entries(shipped / "loras.toml", "lora", LoraEntry)}
    models = {model.name: model for model in _entries(shipped / "models.toml", "model", ModelEntry)}
    own = user if user is not None else models_folder() / USER_REGISTRY
    if user is not None or own.is_file():
        loras |= _replacing(loras, _entries(own, "lora", LoraEntry))
        models |= {model.name: model for model in _entries(own, "model", ModelEntry)}
    return Registry(tuple(loras.values()), tuple(models.values()))


def _replacing(known: dict[str, LoraEntry], own: list[LoraEntry]) -> dict[str, LoraEntry]:
    """The operator's LoRAs; one for a mask type that is known already takes its place, whatever its name."""
    for lora in own:
        for name in [name for name, other in known.items() if lora.mask_type and other.mask_type == lora.mask_type]:
            del known[name]
    return {lora.name: lora for lora in own}


Entry = TypeVar("Entry", LoraEntry, ModelEntry)


def _entries(path: Path, table: str, kind: type[Entry]) -> list[Entry]:
    content = read_toml(path)
    for key in content.keys() - {"lora", "model"}:
        raise KnownError(f"the table '{key}' is unknown", remedy="Use [[lora]] and [[model]] tables.", path=path)
    rows = content.get(table, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in cast("list[object]", rows)):
        raise KnownError(f"'{table}' is not a list of tables", remedy=f"Write [[{table}]].", path=path)
    entries = [_entry(path, table, row, kind) for row in cast("list[Table]", rows)]
    names = [entry.name for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise KnownError(f"the {table} '{name}' is listed twice", remedy="Give each its own name.", path=path)
    return entries


def _entry(path: Path, table: str, row: Table, kind: type[Entry]) -> Entry:
    expected = {field.name: str(field.type) for field in fields(kind)}
    subject = f"the {table} '{row.get('name', '?')}'"
    for key in row.keys() - expected.keys():
        raise KnownError(f"{subject} has an unknown key '{key}'", remedy=f"Use: {', '.join(expected)}.", path=path)
    for key in [key for key in expected if key not in row]:
        raise KnownError(f"{subject} lacks '{key}'", remedy="Add the key.", path=path)
    values: dict[str, Any] = {}
    for key, type_name in expected.items():
        try:
            values[key] = _typed(row[key], type_name)
        except ValueError as error:
            raise KnownError(f"'{key}' of {subject} is {row[key]!r}", remedy=f"Give {error}.", path=path) from error
    entry = kind(**values)
    if isinstance(entry, LoraEntry):
        _check_lora(path, entry)
    return entry


def _typed(value: object, type_name: str) -> object:
    """The TOML value as the field's type: whole numbers are numbers too, and lists become tuples.

    Raises
    ------
    ValueError
        It is of another type; says what it must be.
    """
    match type_name, value:
        case "LoraKind", "mask" | "color":
            return LoraKind(value)
        case "str", str():
            return value
        case ("bool", bool()):
            return value
        case (("int" | "float"), bool()):
            raise ValueError("a number")
        case "int", int():
            return value
        case "float", int() | float():
            return float(value)
        case "tuple[str, ...]", list() if all(isinstance(item, str) for item in cast("list[object]", value)):
            return tuple(cast("list[str]", value))
        case _:
            raise ValueError(_WANTED[type_name])


_WANTED = {
    "LoraKind": "'mask' or 'color'",
    "str": "a text in quotation marks",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "tuple[str, ...]": "a list of texts",
}


def _check_lora(path: Path, lora: LoraEntry) -> None:
    problem = ""
    if Path(lora.file).name != lora.file or not lora.file.endswith(".safetensors"):
        problem = f"file '{lora.file}' is no plain name that ends in .safetensors"
    elif (lora.kind is LoraKind.MASK) != bool(lora.mask_type):
        problem = "mask_type must be given for kind 'mask', and only there"
    elif lora.trigger not in lora.prompt:
        problem = f"the prompt lacks the trigger '{lora.trigger}'"
    elif lora.prompt.replace("{garment}", "").count("{") or not lora.prompt.strip():
        problem = "the prompt is empty, or has a placeholder other than {garment}"
    elif lora.rank < 1:
        problem = "rank must be 1 or more"
    if problem:
        raise KnownError(f"the lora '{lora.name}': {problem}", remedy="Correct the entry.", path=path)


def lora_folders(model: Path) -> tuple[Path, ...]:
    """Where LoRA files of a base model are looked for, in this order.

    ``loras`` inside and beside the model, the model's own folder and the one beside, then the default models folder.
    """
    folder = model if model.is_dir() else model.parent
    default = models_folder()
    candidates = (folder / "loras", folder.parent / "loras", folder, folder.parent, default / "loras", default)
    return tuple(dict.fromkeys(candidates))


def find_lora(entry: LoraEntry, model: Path) -> Path | None:
    """The LoRA's file for a base model, or None where it is in none of `lora_folders`."""
    for folder in lora_folders(model):
        path = folder / entry.file
        if path.is_file():
            return path
    return None


def lora_ref(entry: LoraEntry, model: Path) -> LoraRef:
    """The LoRA's file with its hash, as a request carries it.

    Raises
    ------
    KnownError
        The file is absent (says its name and where to put it), or cannot be read.
    """
    path = find_lora(entry, model)
    if path is None:
        raise KnownError(
            f"the LoRA '{entry.name}' is not there: no file {entry.file}",
            remedy=f"Put {entry.file} into {lora_folders(model)[1].as_posix()}, or into the folder 'loras' of "
            f"{MODELS_VARIABLE}; docs/models.md says where it is published.",
            path=lora_folders(model)[1] / entry.file,
        )
    try:
        state = path.stat()
        sha256 = _sha256(path, state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise known_os_error(error, path) from error
    return LoraRef(
        name=entry.name,
        path=str(path.absolute()),
        sha256=sha256,
        base_model=entry.base_model,
        rank=entry.rank,
        scale=entry.scale,
        trigger=entry.trigger,
    )


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    """A file's hash, once for each state of the file: a batch of 1,000 pairs names the same LoRA 1,000 times."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def diffusion_settings_for(
    task: str,
    garment: str,
    model: Path | None = None,
    *,
    sampling: Sampling | None = None,
    registry: Registry | None = None,
) -> DiffusionSettings:
    """What the Kontext engine needs to know to do a task.

    Parameters
    ----------
    task : str
        A mask type of the registry, or ``color``.
    garment : str
        The garment's label, for prompts that name it.
    model : Path, optional
        The base model; the default one otherwise.
    sampling : Sampling, optional
        Steps, guidance and seed; FLUX.1 Kontext's own otherwise.
    registry : Registry, optional
        `load_registry`'s otherwise.

    Raises
    ------
    UsageError
        No LoRA is known for the task.
    KnownError
        The LoRA's file is not there; says which and where to put it.
    """
    registry = registry if registry is not None else load_registry()
    entry = registry.lora_for(task)
    path = resolve_model(model)
    return DiffusionSettings(
        model=str(path.absolute()),
        prompt=entry.prompt.replace("{garment}", garment),
        lora=lora_ref(entry, path),
        sampling=sampling if sampling is not None else Sampling(),
    )
