"""Adds LoRA files to the operator's own registry, checks them, and says which are there.

The command line and the window's drag and drop call the same functions.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.errors import KnownError, UsageError
from engine.domain.files import complete_file, file_sha256, known_os_error
from engine.domain.requests import BodyRegion
from engine.inference.kontext.availability import NANO_NAME, models_folder
from engine.inference.kontext.source import MODEL_NAME, check_safetensors
from engine.services.painting import find_lora, lora_ref
from engine.services.registries import (
    LoraEntry,
    LoraKind,
    Registry,
    check_entry,
    load_registry,
    registry_for,
    user_registry,
)
from engine.services.toml_files import Table, toml_blocks, toml_text, toml_value

if TYPE_CHECKING:
    from engine.inference.kontext.lora import CheckedLora

_GENERAL_PROMPT = "put a green mask for {object} on the person"
"""The general caption of "Dreaming Masks with FLUX.1 Kontext"."""


@dataclass(frozen=True, slots=True)
class LoraReport:
    """What the preflight found in a file that it accepts.

    Attributes
    ----------
    dialect : str
        Whose spelling of the keys it uses.
    layers, double_blocks, single_blocks : int
        What of the transformer it changes; FLUX.1 has 19 double and 38 single blocks.
    ranks : tuple of int
        Ascending.
    idle_layers : int
        Layers that it names and leaves as they are.
    notices : tuple of str
        One sentence each.
    """

    path: Path
    sha256: str
    size_bytes: int
    dialect: str
    layers: int
    double_blocks: int
    single_blocks: int
    ranks: tuple[int, ...]
    idle_layers: int
    notices: tuple[str, ...]

    def sentence(self) -> str:
        ranks = ", ".join(map(str, self.ranks))
        idle = f"; {self.idle_layers} of them change nothing" if self.idle_layers else ""
        return (
            f"{self.dialect} keys, rank {ranks}, {self.layers} layers in {self.double_blocks} double and "
            f"{self.single_blocks} single blocks{idle}, {self.size_bytes / 1e6:.0f} MB"
        )


@dataclass(frozen=True, slots=True)
class LoraState:
    """An entry of the registry and its file.

    Attributes
    ----------
    file : Path or None
        None where there is none.
    problem, remedy : str
        What is wrong with it and what to do; empty where it can be used.
    own : bool
        From the operator's registry.
    """

    entry: LoraEntry
    file: Path | None
    problem: str
    remedy: str
    own: bool


def check_lora_file(path: Path, model: Path | None = None) -> LoraReport:
    """Examine a LoRA file against FLUX.1 Kontext's configuration; no model has to be there. Takes seconds (torch).

    Parameters
    ----------
    path : Path
        The file.
    model : Path, optional
        A base model's diffusers folder, against whose configuration it is examined instead.

    Raises
    ------
    KnownError
        It is missing, no safetensors file, damaged, made for another model, or without effect; says which.
    """
    from engine.inference.kontext.lora import configured_shapes, inspect_lora

    return _report(path, inspect_lora(path, None if model is None else configured_shapes(model)))


def _report(path: Path, checked: CheckedLora) -> LoraReport:
    double, single = checked.blocks()
    return LoraReport(
        path=path,
        sha256=checked.sha256,
        size_bytes=checked.size_bytes,
        dialect=checked.dialect.value,
        layers=len(checked.modules),
        double_blocks=double,
        single_blocks=single,
        ranks=checked.ranks,
        idle_layers=checked.idle,
        notices=checked.notices,
    )


@dataclass(frozen=True, slots=True)
class NewLora:
    """How a file shall be registered; what is empty is filled in.

    Attributes
    ----------
    mask_type : str
        The task's name, such as ``hat``; empty for a colour LoRA.
    name : str
        By default the file's own name.
    trigger : str
        By default none for masks.
    prompt : str
        By default the known one of the mask type, or the published general caption.
    base_model : str
        Name of the model it was trained on.
    region : BodyRegion
        The part of the person on which it was trained; masks only.
    """

    mask_type: str
    name: str = ""
    trigger: str = ""
    prompt: str = ""
    scale: float = 1.0
    licence: str = "not stated"
    note: str = ""
    base_model: str = MODEL_NAME
    region: BodyRegion = BodyRegion.WHOLE


def add_lora(path: Path, new: NewLora, *, replace: bool = False) -> tuple[LoraEntry, LoraReport]:
    """Check a LoRA file, copy it into the models folder, and enter it in the operator's registry.

    Parameters
    ----------
    path : Path
        The file, anywhere.
    new : NewLora
        What it is for.
    replace : bool
        Take the place of own entries of its name or for its mask type; their files are left where they are.

    Returns
    -------
    entry : LoraEntry
        As it was written.
    report : LoraReport
        What the file holds.

    Raises
    ------
    KnownError
        The preflight refuses the file (`check_lora_file`), a name or mask type is taken, or the disk refuses.
    """
    report = check_lora_file(path)
    return register_lora(report, new, replace=replace), report


def register_lora(report: LoraReport, new: NewLora, *, replace: bool = False) -> LoraEntry:
    """Copy a LoRA file that was checked into the models folder, and enter it in the operator's registry. No torch.

    Parameters
    ----------
    report : LoraReport
        What `check_lora_file` found; in the window another process's.
    new : NewLora
        What it is for.
    replace : bool
        As in `add_lora`.

    Raises
    ------
    KnownError
        The file has changed since, a name or mask type is taken, or the disk refuses.
    """
    path, registry = report.path, user_registry()
    entry = _entry(path, new, report)
    check_entry(registry, entry)
    kept, taken = _split(registry, entry.name, entry.mask_type, entry.base_model)
    if taken and not replace:
        raise UsageError(
            f"your registry has {', '.join(taken)} for that already",
            remedy="Give another name or mask type, or add --replace to put this one in its place.",
        )
    _copy(path, models_folder() / "loras" / entry.file, report.sha256)
    block = "\n".join(f"{field.name} = {toml_value(getattr(entry, field.name))}" for field in fields(entry))
    _write(registry, f"{kept.rstrip()}\n\n[[lora]]\n{block}\n".lstrip())
    return entry


def remove_lora(name: str) -> None:
    """Take an entry out of the operator's registry; its file stays.

    Raises
    ------
    UsageError
        The registry has no such entry.
    KnownError
        The registry cannot be read or written.
    """
    registry = user_registry()
    kept, removed = _split(registry, name, "")
    if not removed:
        raise UsageError(f"your registry has no LoRA '{name}'", remedy="See 'chromask lora list'.")
    _write(registry, kept)


def lora_states(model: Path, registry: Registry | None = None) -> list[LoraState]:
    """Every known LoRA and whether its file is there, for a base model.

    Parameters
    ----------
    model : Path
        Beside which files are looked for too.
    registry : Registry, optional
        `registry_for`'s otherwise.
    """
    own_path = user_registry()
    own = {str(row.get("name")) for row, _ in _blocks(own_path) if row is not None}
    states: list[LoraState] = []
    for entry in (registry or registry_for(model)).loras:
        file, problem, remedy = find_lora(entry, model), "", ""
        try:
            lora_ref(entry, model)
        except KnownError as error:
            problem, remedy = error.what, error.remedy
        if file is not None and not problem:
            try:
                check_safetensors(file)  # shipped entries name no hash that would tell a copy that broke off
            except KnownError as error:
                problem, remedy = error.what, "Put the file itself there again."
        states.append(LoraState(entry, file, problem, remedy, entry.name in own))
    return states


def proposed_name(path: Path) -> str:
    """The name a LoRA gets where none is given: its file's, in lower case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "lora"


def proposed_prompt(mask_type: str, trigger: str, known: Sequence[LoraEntry]) -> tuple[str, str]:
    """Prompt and trigger where no prompt is given: those known for the mask type, or the published general caption."""
    same = [lora for lora in known if lora.mask_type == mask_type]
    if same:
        return same[-1].prompt, trigger or same[-1].trigger
    prompt = _GENERAL_PROMPT.replace("{object}", mask_type.replace("-", " "))
    return (f"{trigger} {prompt}" if trigger else prompt), trigger


def _entry(path: Path, new: NewLora, report: LoraReport) -> LoraEntry:
    kind = LoraKind.MASK if new.mask_type else LoraKind.COLOR
    name = new.name or proposed_name(path)
    trigger, prompt = new.trigger, new.prompt
    if not prompt:
        prompt, trigger = proposed_prompt(new.mask_type, trigger, load_registry().loras)
    return LoraEntry(
        name=name,
        kind=kind,
        mask_type=new.mask_type,
        # With a part of the hash: another version of a LoRA never takes the place of a file that waiting jobs mean.
        file=f"{name}-{report.sha256[:8]}.safetensors",
        sha256=report.sha256,
        base_model=new.base_model,
        trigger=trigger,
        prompt=prompt,
        rank=max(report.ranks),
        scale=new.scale,
        licence=new.licence,
        note=new.note,
        region=new.region,
    )


def _copy(source: Path, target: Path, sha256: str) -> None:
    if target.is_file() and file_sha256(target) == sha256:
        return
    with complete_file(target, overwrite=True) as temporary:
        try:
            shutil.copyfile(source, temporary)
        except OSError as error:
            raise known_os_error(error, target) from error
        if file_sha256(temporary) != sha256:
            raise KnownError("the file has changed since it was checked", remedy="Add it again.", path=source)


def _write(registry: Path, text: str) -> None:
    with complete_file(registry, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _split(registry: Path, name: str, mask_type: str, base_model: str = "") -> tuple[str, list[str]]:
    """The registry's text without the entries of a name, or of a mask type for a base model, and the names of those.
    Its comments stay.
    """
    kept: list[str] = []
    removed: list[str] = []
    for row, text in _blocks(registry):
        same = row is not None and mask_type and row.get("mask_type") == mask_type
        # The small model's LoRAs stand beside those for FLUX.1 Kontext, whatever their base model is called.
        beside = row is not None and (row.get("base_model") == NANO_NAME) != (base_model == NANO_NAME)
        if row is not None and (row.get("name") == name or (same and not beside)):
            removed.append(str(row.get("name")))
        else:
            kept.append(text)
    return "".join(kept), removed


def _blocks(registry: Path) -> list[tuple[Table | None, str]]:
    """The registry's text in pieces, each from one table's header to the next; with the table's content for LoRAs.

    Raises
    ------
    KnownError
        It cannot be read or is no registry.
    """
    if not registry.is_file():
        return []
    load_registry(registry)  # whatever is wrong with it is said with file, entry and key
    return toml_blocks(toml_text(registry), "lora")
