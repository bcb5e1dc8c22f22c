"""What the models folder holds, read for the Models page, the Training page and the intake page.

What reads opens files: pool threads only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.domain.errors import KnownError
from engine.inference.kontext.availability import EngineStatus, default_model, kontext_status, resolve_model
from engine.inference.kontext.source import MODEL_NAME, ModelSource, find_source
from engine.inference.kontext.tiers import VramTier
from engine.services.detection import GroundedStatus, grounded_status
from engine.services.lora_files import LoraState, lora_states
from engine.services.model_tiers import tier_table
from engine.services.painting import find_lora, guides_colors
from engine.services.registries import LoraKind, ModelEntry, load_registry, registry_for


@dataclass(frozen=True, slots=True)
class KontextFacts:
    """FLUX.1 Kontext on this computer.

    Attributes
    ----------
    source : ModelSource or None
        Its files; None where it is not complete.
    entry : ModelEntry
        What the registry says of it.
    begun_bytes : int
        What a download that broke off has left in the models folder; 0 where there is none.
    is_chosen : bool
        The operator named this model; it is not the models folder's own.
    tiers : tuple of VramTier
        How it is run on each size of graphics card.
    """

    status: EngineStatus
    source: ModelSource | None
    entry: ModelEntry
    begun_bytes: int
    is_chosen: bool
    tiers: tuple[VramTier, ...]

    @property
    def gguf_model(self) -> Path | None:
        """The model where its precision decides over the tier."""
        return self.status.model if self.source is not None and self.source.gguf_bytes is not None else None


def read_kontext(chosen: Path | None) -> KontextFacts:
    """Look at the model that is used.

    Raises
    ------
    KnownError
        The operator's ``loras.toml`` is wrong.
    """
    status = kontext_status(chosen)
    source = find_source(status.model) if status.available and status.model is not None else None
    tiers = tier_table(status.model if source is not None else None)
    entry = load_registry().model(MODEL_NAME)
    begun = 0
    if source is None and default_model().is_dir():
        begun = sum(path.stat().st_size for path in default_model().rglob("*") if path.is_file())
    return KontextFacts(status, source, entry, begun, chosen is not None, tuple(tiers))


def read_loras(chosen: Path | None) -> list[LoraState]:
    """Every known LoRA; hashes the files once each.

    Raises
    ------
    KnownError
        The operator's ``loras.toml`` is wrong.
    """
    return lora_states(resolve_model(chosen))


def mask_types_of(states: Sequence[LoraState]) -> list[str]:
    """The mask types that there is a LoRA for, in the registry's order."""
    return list(dict.fromkeys(state.entry.mask_type for state in states if state.entry.mask_type))


def replaced_by(states: Sequence[LoraState], name: str, mask_type: str) -> list[str]:
    """The operator's own LoRAs whose place one of this name, or for this mask type, would take."""
    return [
        state.entry.name
        for state in states
        if state.own and (state.entry.name == name or (mask_type and state.entry.mask_type == mask_type))
    ]


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What can run here.

    Attributes
    ----------
    has_kontext : bool
        FLUX.1 Kontext is complete.
    reason, remedy : str
        Why Kontext cannot; empty where it can.
    warning : str
        What must be known before a photograph is given to this model; empty for FLUX.1 Kontext.
    guides_colors : bool
        Its colour LoRA is there.
    mask_types : tuple of str
        Dreamed masks that the registry knows.
    without_lora : frozenset of str
        Those of them whose LoRA file is not there.
    grounded : GroundedStatus
        Whether garments can be detected.
    """

    has_kontext: bool
    reason: str
    remedy: str
    warning: str
    guides_colors: bool
    mask_types: tuple[str, ...]
    without_lora: frozenset[str]
    grounded: GroundedStatus


def read_engine_facts(chosen: Path | None) -> EngineFacts:
    """What the intake page offers.

    Raises
    ------
    KnownError
        The operator's ``loras.toml`` is wrong.
    """
    status, model = kontext_status(chosen), resolve_model(chosen)
    registry = registry_for(model)
    masks = [lora for lora in registry.loras if lora.kind is LoraKind.MASK]
    absent = frozenset(lora.mask_type for lora in masks if find_lora(lora, model) is None)
    reason = "" if status.available else status.reason
    return EngineFacts(
        status.available,
        reason,
        status.remedy,
        status.warning,
        status.available and guides_colors(model, registry),
        registry.mask_types(),
        absent,
        _grounded(),
    )


def _grounded() -> GroundedStatus:
    try:
        return grounded_status()
    except KnownError as error:
        # A wrong detection.toml costs the detected masks, not the rest of the page; the Models page reports it.
        return GroundedStatus(None, error.what, error.remedy)
