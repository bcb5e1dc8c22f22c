"""The LoRAs and base models Chromask knows, and the diffusion settings that a task means. No torch in here."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar, cast

from engine.domain.errors import KnownError, UsageError
from engine.domain.requests import BodyRegion
from engine.inference.kontext.availability import NANO_NAME, models_folder
from engine.inference.kontext.description import read_description
from engine.inference.kontext.source import MODEL_NAME
from engine.services.toml_files import Table, read_toml

USER_REGISTRY = "loras.toml"
"""Name of the operator's own registry in the models folder; its entries are added, and replace those of one name. A
registry of that name in the folder of a model that describes itself lists the LoRAs of this model."""

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
    sha256 : str
        Of the file, hexadecimal; empty takes any file of that name.
    base_model : str
        Name of the model it was trained on.
    trigger : str
        Word the LoRA answers to, which the prompt contains; empty: none.
    prompt : str
        ``{garment}`` stands for the garment's label.
    region : BodyRegion
        The part of the person that the model is shown, as in the LoRA's training; masks only.
    """

    name: str
    kind: LoraKind
    mask_type: str
    file: str
    sha256: str
    base_model: str
    trigger: str
    prompt: str
    rank: int
    scale: float
    licence: str
    note: str
    region: BodyRegion = BodyRegion.WHOLE


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A base model of the registry.

    Attributes
    ----------
    source : str
        Where it can be had.
    size_gb : float
        Of its files, in 10^9 bytes.
    terms : str
        What an operator must know of the licence before downloading, in whole sentences.
    files : tuple of str
        Paths inside the model's folder.
    """

    name: str
    model_id: str
    source: str
    size_gb: float
    licence: str
    commercial_use: bool
    terms: str
    note: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Registry:
    """Everything known, in the files' order."""

    loras: tuple[LoraEntry, ...]
    models: tuple[ModelEntry, ...]

    def model(self, name: str) -> ModelEntry:
        """The base model of that name.

        Raises
        ------
        UsageError
            None is known.
        """
        for model in self.models:
            if model.name == name:
                return model
        known = ", ".join(model.name for model in self.models)
        raise UsageError(f"there is no model '{name}'", remedy=f"Choose from: {known}.")

    def mask_types(self) -> tuple[str, ...]:
        """The tasks that have a mask LoRA."""
        return tuple(lora.mask_type for lora in self.loras if lora.kind is LoraKind.MASK)

    def knows_color(self) -> bool:
        """Whether there is a colour LoRA."""
        return any(lora.kind is LoraKind.COLOR for lora in self.loras)

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

    def lora(self, name: str) -> LoraEntry:
        """The LoRA of that name.

        Raises
        ------
        UsageError
            None is known.
        """
        for lora in self.loras:
            if lora.name == name:
                return lora
        known = ", ".join(lora.name for lora in self.loras)
        raise UsageError(f"there is no LoRA '{name}'", remedy=f"Choose from: {known}.")


def load_registry(user: Path | None = None) -> Registry:
    """Read the registries that ship with Chromask, and merge the operator's own over them: what is known for FLUX.1
    Kontext.

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
    own = user if user is not None else user_registry()
    if user is not None or own.is_file():
        theirs = [lora for lora in _entries(own, "lora", LoraEntry) if lora.base_model != NANO_NAME]
        loras |= _replacing(loras, theirs)
        models |= {model.name: model for model in _entries(own, "model", ModelEntry)}
    return Registry(tuple(loras.values()), tuple(models.values()))


def registry_for(model: Path) -> Registry:
    """What is known for a base model: of one that describes itself under a name of its own, only its LoRAs.

    Parameters
    ----------
    model : Path
        A diffusers folder or single file, see `engine.inference.kontext.availability.resolve_model`.

    Raises
    ------
    KnownError
        As `load_registry`, or the model's description is wrong.
    """
    known = load_registry()
    folder = model if model.is_dir() else model.parent
    description = read_description(folder)
    if description is None or description.name == MODEL_NAME:
        return known
    loras: dict[str, LoraEntry] = {}
    if (folder / USER_REGISTRY).is_file():
        loras = {lora.name: lora for lora in _entries(folder / USER_REGISTRY, "lora", LoraEntry)}
    own = user_registry()
    if own.is_file():
        theirs = [lora for lora in _entries(own, "lora", LoraEntry) if lora.base_model == description.name]
        loras |= _replacing(loras, theirs)
    return Registry(tuple(loras.values()), known.models)


def user_registry() -> Path:
    """Where the operator's own entries are; the file may be absent."""
    return models_folder() / USER_REGISTRY


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
    required = [field.name for field in fields(kind) if field.default is MISSING]
    subject = f"the {table} '{row.get('name', '?')}'"
    for key in row.keys() - expected.keys():
        raise KnownError(f"{subject} has an unknown key '{key}'", remedy=f"Use: {', '.join(expected)}.", path=path)
    for key in [key for key in required if key not in row]:
        raise KnownError(f"{subject} lacks '{key}'", remedy="Add the key.", path=path)
    values: dict[str, Any] = {}
    for key, type_name in expected.items():
        if key not in row:
            continue
        try:
            values[key] = _typed(row[key], type_name)
        except ValueError as error:
            raise KnownError(f"'{key}' of {subject} is {row[key]!r}", remedy=f"Give {error}.", path=path) from error
    entry = kind(**values)
    if isinstance(entry, LoraEntry):
        check_entry(path, entry)
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
        case "BodyRegion", str() if value in list(BodyRegion):
            return BodyRegion(value)
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
    "BodyRegion": f"one of {', '.join(BodyRegion)}",
    "str": "a text in quotation marks",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "tuple[str, ...]": "a list of texts",
}


def check_entry(path: Path, lora: LoraEntry) -> None:
    """See that an entry's fields agree with each other.

    Raises
    ------
    KnownError
        They do not; names the registry at ``path``, the entry and the field.
    """
    problem = ""
    if Path(lora.file).name != lora.file or not lora.file.endswith(".safetensors"):
        problem = f"file '{lora.file}' is no plain name that ends in .safetensors"
    elif (lora.kind is LoraKind.MASK) != bool(lora.mask_type):
        problem = "mask_type must be given for kind 'mask', and only there"
    elif lora.trigger not in lora.prompt:
        problem = f"the prompt lacks the trigger '{lora.trigger}'"
    elif lora.prompt.replace("{garment}", "").count("{") or not lora.prompt.strip():
        problem = "the prompt is empty, or has a placeholder other than {garment}"
    elif lora.kind is not LoraKind.MASK and lora.region is not BodyRegion.WHOLE:
        problem = "region may only be given for kind 'mask'"
    elif lora.rank < 1:
        problem = "rank must be 1 or more"
    elif lora.sha256 and not (len(lora.sha256) == 64 and set(lora.sha256) <= set("0123456789abcdef")):
        problem = "sha256 must be 64 hexadecimal digits in lower case, or empty"
    if problem:
        raise KnownError(f"the lora '{lora.name}': {problem}", remedy="Correct the entry.", path=path)
