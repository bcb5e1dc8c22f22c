"""What to do with the pairs of a batch: tasks, engine and tolerances, turned into requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.assets import AssetPair
from engine.domain.errors import UsageError
from engine.domain.requests import ColorMatchRequest, EngineName, MaskRequest, Request, Tolerance

if TYPE_CHECKING:
    from engine.services.tolerances import ToleranceRules


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """The operator's choice for a whole batch.

    Attributes
    ----------
    garment_mask, color_match : bool
        A colour match makes the garment mask as well.
    dreamed : tuple of str
        Mask types of the registry (``socks``, ``hat``, ``glasses``, ``sweatshirt``); Kontext only.
    engine : EngineName
        ``AUTO`` takes Kontext where its weights are present, and the classical engine otherwise.
    model : Path or None
        Kontext model folder or file; None means the default models folder.
    garment : str
        A label for all pairs that have none of their own; empty means: find out for each.
    tolerances : ToleranceRules or None
        By which the results are judged; None reads the shipped ones and the studio's own.
    brand : str
        Whose tolerances count; empty goes by each article number.
    """

    garment_mask: bool = True
    color_match: bool = True
    dreamed: tuple[str, ...] = ()
    engine: EngineName = EngineName.AUTO
    model: Path | None = None
    garment: str = ""
    tolerances: ToleranceRules | None = None
    brand: str = ""
    priority: int = 0


def parse_tasks(text: str, mask_types: Sequence[str]) -> tuple[bool, bool, tuple[str, ...]]:
    """Read ``mask,color,hat`` into (garment mask, colour match, dreamed mask types).

    Raises
    ------
    UsageError
        A task does not exist.
    """
    tasks = [task.strip().lower() for task in text.split(",") if task.strip()]
    known = ["mask", "color", *mask_types]
    for task in tasks:
        if task not in known and task != "colour":
            raise UsageError(f"there is no task '{task}'", remedy=f"Choose from: {', '.join(known)}.")
    if not tasks:
        raise UsageError("no task was given", remedy=f"Choose from: {', '.join(known)}.")
    dreamed = tuple(dict.fromkeys(task for task in tasks if task in mask_types))
    return "mask" in tasks, "color" in tasks or "colour" in tasks, dreamed


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine a batch really runs on.

    Attributes
    ----------
    notice : str
        Why it is not the one the operator may have expected; empty otherwise.
    """

    name: EngineName
    model: Path | None
    notice: str = ""


def choose_engine(wanted: EngineName, model: Path | None) -> EngineChoice:
    """Resolve ``auto`` by what is installed.

    Raises
    ------
    KnownError
        Kontext was asked for by name and is not available; says what is missing and where to get it.
    """
    if wanted is EngineName.CLASSICAL:
        return EngineChoice(wanted, None)
    from engine.inference.kontext.availability import kontext_status

    status = kontext_status(model)
    if status.available:
        return EngineChoice(EngineName.KONTEXT, status.model)
    if wanted is EngineName.KONTEXT:
        raise UsageError(status.reason, remedy=status.remedy)
    return EngineChoice(
        EngineName.CLASSICAL, None, f"Running on the classical engine: {status.reason}. {status.remedy}"
    )


def requests_for(pair: AssetPair, plan: BatchPlan, engine: EngineChoice) -> list[Request]:
    """The requests that a plan means for one pair; a colour match brings its garment mask along.

    Raises
    ------
    KnownError
        A LoRA of the plan is missing, a dreamed mask was asked of the classical engine, or the studio's tolerances are
        wrong or do not name the plan's brand.
    """
    garment = pair.garment or plan.garment
    requests: list[Request] = []
    if plan.color_match:
        requests.append(color_request(garment, engine, _tolerance_for(pair, garment, plan)))
    elif plan.garment_mask:
        requests.append(MaskRequest(EngineName.CLASSICAL, garment=garment))
    requests.extend(dreamed_request(mask_type, garment, engine) for mask_type in plan.dreamed)
    return requests


def _tolerance_for(pair: AssetPair, garment: str, plan: BatchPlan) -> Tolerance:
    from engine.services.tolerances import load_tolerances

    rules = plan.tolerances if plan.tolerances is not None else load_tolerances()
    return rules.tolerance(garment, brand=plan.brand, sku=pair.sku)


def color_request(garment: str, engine: EngineChoice, tolerance: Tolerance) -> ColorMatchRequest:
    """A colour match with the garment mask from the classical engine, guided by Kontext where that runs."""
    mask = MaskRequest(EngineName.CLASSICAL, garment=garment)
    if engine.name is not EngineName.KONTEXT:
        return ColorMatchRequest(EngineName.CLASSICAL, mask, tolerance)
    from engine.services.registries import diffusion_settings_for, find_lora, load_registry

    assert engine.model is not None
    if find_lora(load_registry().lora_for("color"), engine.model) is None:
        # Without the colour LoRA the model does not transfer colour at all: the Lab engine matches unguided.
        return ColorMatchRequest(EngineName.CLASSICAL, mask, tolerance)
    settings = diffusion_settings_for("color", garment or "garment", engine.model)
    return ColorMatchRequest(EngineName.KONTEXT, mask, tolerance, settings)


def dreamed_request(mask_type: str, garment: str, engine: EngineChoice) -> MaskRequest:
    """A mask of something that may not be in the picture, painted by Kontext and a mask LoRA."""
    if engine.name is not EngineName.KONTEXT or engine.model is None:
        raise UsageError(
            f"the classical engine cannot dream a mask for {mask_type}",
            remedy="Install FLUX.1 Kontext (see docs/models.md), or leave this task out.",
        )
    from engine.services.registries import diffusion_settings_for

    settings = diffusion_settings_for(mask_type, garment or "garment", engine.model)
    return MaskRequest(EngineName.KONTEXT, name=mask_type, garment=garment, diffusion=settings)
