"""Where LoRA files lie, and the diffusion settings that a task means. No torch in here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from engine.domain.errors import KnownError, UsageError
from engine.domain.files import known_os_error
from engine.domain.requests import DiffusionSettings, Draft, LoraRef, Sampling
from engine.inference.kontext.availability import MODELS_VARIABLE, models_folder, resolve_model
from engine.inference.kontext.description import ModelDescription, read_description
from engine.inference.kontext.tiers import TIERS
from engine.services.registries import LoraEntry, LoraKind, Registry, registry_for

_MAX_SEEDS = 16
"""Each is a whole painting; what so many do not show, more will not."""


def lora_folders(model: Path) -> tuple[Path, ...]:
    """Where LoRA files of a base model are looked for, in this order.

    ``loras`` inside and beside the model, the model's own folder and the one beside, then the default models folder.
    """
    # A model that is not there yet is the folder that a download will make.
    folder = model.parent if model.is_file() else model
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
    if entry.sha256 and sha256 != entry.sha256:
        raise KnownError(
            f"this is not the file that was registered as '{entry.name}': its SHA-256 is {sha256[:12]}…, not "
            f"{entry.sha256[:12]}…",
            remedy="Put the former file back, or register this one: chromask lora add FILE --replace.",
            path=path,
        )
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


@dataclass(frozen=True, slots=True)
class Painting:
    """How the Kontext engine paints, whatever the task.

    Attributes
    ----------
    sampling : Sampling
        Steps, guidance and seed.
    seeds : int
        How many masks are painted and averaged.
    draft : Draft or None
        A cheap first try of every mask; None paints all of them in full.
    vram_tier : int
        8, 12, 16, 24, 48 or 80; 0 leaves it to the card.
    """

    sampling: Sampling = field(default_factory=Sampling)
    seeds: int = 1
    draft: Draft | None = None
    vram_tier: int = 0

    def __post_init__(self) -> None:
        if self.vram_tier not in (0, *TIERS):
            known = ", ".join(map(str, TIERS))
            raise UsageError(f"there is no {self.vram_tier} GB tier", remedy=f"Choose from: {known}; 0 asks the card.")
        if not 1 <= self.seeds <= _MAX_SEEDS:
            raise UsageError(f"{self.seeds} seeds are not possible", remedy=f"Choose from 1 to {_MAX_SEEDS}.")
        if self.sampling.num_inference_steps < 1:
            raise UsageError("at least one step is needed", remedy="FLUX.1 Kontext's own examples take 28.")


def diffusion_settings_for(
    task: str,
    garment: str,
    model: Path | None = None,
    *,
    painting: Painting | None = None,
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
    painting : Painting, optional
        How it is painted; with FLUX.1 Kontext's own steps and guidance, once, otherwise. A model that describes itself
        takes no more steps than it has use for.
    registry : Registry, optional
        `registry_for`'s otherwise.

    Raises
    ------
    UsageError
        No LoRA is known for the task.
    KnownError
        The LoRA's file is not there; says which and where to put it.
    """
    path = resolve_model(model)
    registry = registry if registry is not None else registry_for(path)
    entry = registry.lora_for(task)
    painting = painting if painting is not None else Painting()
    description = description_of(path)
    sampling, draft = painting.sampling, painting.draft
    if description is not None:
        sampling, draft = description.sampling(sampling), description.draft(draft)
    return DiffusionSettings(
        model=str(path.absolute()),
        prompt=entry.prompt.replace("{garment}", garment),
        lora=lora_ref(entry, path),
        sampling=sampling,
        # A colour guide is painted once, and in full: it has no confidence of its own to decide by.
        seeds=painting.seeds if entry.kind is LoraKind.MASK else 1,
        draft=draft if entry.kind is LoraKind.MASK else None,
        vram_tier=painting.vram_tier,
        region=entry.region,
    )


def guides_colors(model: Path, registry: Registry) -> bool:
    """Whether a colour match is guided by this model: without its colour LoRA it does not transfer colour at all."""
    return registry.knows_color() and find_lora(registry.lora_for("color"), model) is not None


def description_of(model: Path) -> ModelDescription | None:
    """What a model says of itself, a diffusers folder or a file in one; None for FLUX.1 Kontext.

    Raises
    ------
    KnownError
        Its description is wrong.
    """
    return read_description(model if model.is_dir() else model.parent)
