"""What to do with the pairs of a batch: tasks, engine and tolerances, turned into requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.assets import AssetPair
from engine.domain.errors import UsageError
from engine.domain.requests import ColorMatchRequest, DetectionSettings, EngineName, MaskRequest, Request, View
from engine.imaging.masks.garments import GarmentCategory, category_of, garment_of
from engine.services.painting import Painting

if TYPE_CHECKING:
    from engine.services.tolerances import ToleranceRules


class MaskSource(StrEnum):
    """Where the mask of a garment that is there comes from. Dreamed masks are always Kontext's."""

    AUTO = "auto"
    CLASSICAL = "classical"
    GROUNDED = "grounded"


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
        By which the results are judged; None reads the shipped ones and those beside the account's catalog.
    brand : str
        Whose tolerances count; empty goes by each article number.
    mask_source : MaskSource
        For garment masks; `garment_mask_request` says what ``AUTO`` takes.
    painting : Painting
        How the Kontext engine paints.
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
    mask_source: MaskSource = MaskSource.AUTO
    painting: Painting = field(default_factory=Painting)

    @property
    def needs_flatlays(self) -> bool:
        """Whether photographs must have flatlays: a garment is found and coloured by its own, a dreamed mask is not."""
        return self.garment_mask or self.color_match or not self.dreamed


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
    detection : DetectionSettings or None
        With which garment masks may come from Grounding DINO and SAM 2; None where they may not.
    """

    name: EngineName
    model: Path | None
    notice: str = ""
    detection: DetectionSettings | None = None


def choose_engine(wanted: EngineName, model: Path | None) -> EngineChoice:
    """Resolve ``auto`` by what is installed.

    Raises
    ------
    KnownError
        Kontext was asked for by name and is not available; says what is missing and where to get it.
    """
    if wanted is EngineName.CLASSICAL:
        return EngineChoice(wanted, None)
    if wanted is EngineName.GROUNDED:
        raise UsageError("the grounded engine makes masks only", remedy="Choose it with --mask-source grounded.")
    from engine.inference.kontext.availability import kontext_status

    status = kontext_status(model)
    if status.available:
        return EngineChoice(EngineName.KONTEXT, status.model, status.warning)
    if wanted is EngineName.KONTEXT:
        raise UsageError(status.reason, remedy=status.remedy)
    return EngineChoice(
        EngineName.CLASSICAL, None, f"Running on the classical engine: {status.reason}. {status.remedy}"
    )


def choose_detection(source: MaskSource) -> DetectionSettings | None:
    """What garment masks may be detected with; None where they stay classical.

    Raises
    ------
    KnownError
        The grounded source was asked for by name and is not available, or the operator's ``detection.toml`` is wrong.
    """
    if source is MaskSource.CLASSICAL:
        return None
    from engine.services.detection import grounded_status, require_grounded

    return require_grounded() if source is MaskSource.GROUNDED else grounded_status().settings


def require_runnable(plan: BatchPlan) -> str:
    """The notice about the engine that a plan would run on; empty where it is the one that was asked for.

    Raises
    ------
    KnownError
        Every pair would be refused: an engine, a model or a LoRA of the plan is missing.
    """
    engine = choose_engine(plan.engine, plan.model)
    choose_detection(plan.mask_source)
    for mask_type in plan.dreamed:
        dreamed_request(mask_type, plan.garment, engine, plan.painting)
    return engine.notice


def requests_for(pair: AssetPair, plan: BatchPlan, engine: EngineChoice, views: tuple[View, ...] = ()) -> list[Request]:
    """The requests that a plan means for one pair; a colour match brings its garment mask along.

    Parameters
    ----------
    views : tuple of View
        The article's other views, see `engine.services.articles.other_views`.

    Raises
    ------
    KnownError
        A LoRA of the plan is missing, a dreamed mask was asked of the classical engine, or the studio's tolerances are
        wrong or do not name the plan's brand.
    """
    garment = pair.garment or plan.garment
    requests: list[Request] = []
    if plan.color_match:
        mask = garment_mask_request(garment, plan.mask_source, engine.detection)
        requests.append(replace(_with_tolerances(color_request(mask, engine, plan.painting), pair, plan), views=views))
    elif plan.garment_mask:
        requests.append(garment_mask_request(garment, plan.mask_source, engine.detection))
    requests.extend(dreamed_request(mask_type, garment, engine, plan.painting) for mask_type in plan.dreamed)
    return requests


def tolerances_of(plan: BatchPlan) -> ToleranceRules:
    """The plan's tolerances, read from their files where it carries none.

    Raises
    ------
    KnownError
        The studio's tolerances are wrong.
    """
    from engine.services.tolerances import load_tolerances

    return plan.tolerances if plan.tolerances is not None else load_tolerances()


def _with_tolerances(request: ColorMatchRequest, pair: AssetPair, plan: BatchPlan) -> ColorMatchRequest:
    """The request with what it is judged by; for a garment that is yet to be found out, with the rules of each."""
    rules = tolerances_of(plan)
    if garment_of(request.mask.garment) is not None:
        tolerance = rules.tolerance(request.mask.garment, brand=plan.brand, sku=pair.sku)
        return replace(request, tolerance=tolerance)
    return replace(
        request,
        tolerance=rules.tolerance(brand=plan.brand, sku=pair.sku),
        tolerance_by_garment=rules.by_garment(brand=plan.brand, sku=pair.sku),
    )


def garment_mask_request(garment: str, source: MaskSource, detection: DetectionSettings | None) -> MaskRequest:
    """The mask of a garment that is on the photograph.

    ``AUTO`` is classical, whose masks were measured on studio photographs (docs/benchmarks.md) and which needs no
    weights; only what is worn on the head or carried, for which the classical engine has no zone of its own, is
    detected where the weights are there.
    """
    detected = source is MaskSource.GROUNDED or (
        source is MaskSource.AUTO and category_of(garment) in (GarmentCategory.HEAD, GarmentCategory.ACCESSORY)
    )
    if detected and detection is not None:
        return MaskRequest(EngineName.GROUNDED, garment=garment, detection=detection)
    return MaskRequest(EngineName.CLASSICAL, garment=garment)


def color_request(mask: MaskRequest, engine: EngineChoice, painting: Painting | None = None) -> ColorMatchRequest:
    """A colour match inside a garment mask, guided by Kontext where that runs."""
    if engine.name is not EngineName.KONTEXT:
        return ColorMatchRequest(EngineName.CLASSICAL, mask)
    from engine.services.painting import diffusion_settings_for, guides_colors
    from engine.services.registries import registry_for

    assert engine.model is not None
    registry = registry_for(engine.model)
    if not guides_colors(engine.model, registry):
        return ColorMatchRequest(EngineName.CLASSICAL, mask)
    settings = diffusion_settings_for("color", mask.garment or "garment", engine.model, painting=painting)
    return ColorMatchRequest(EngineName.KONTEXT, mask, diffusion=settings)


def dreamed_request(
    mask_type: str, garment: str, engine: EngineChoice, painting: Painting | None = None
) -> MaskRequest:
    """A mask of something that may not be in the picture, painted by Kontext and a mask LoRA."""
    if engine.name is not EngineName.KONTEXT or engine.model is None:
        raise UsageError(
            f"the classical engine cannot dream a mask for {mask_type}",
            remedy="Install FLUX.1 Kontext (see docs/models.md), or leave this task out.",
        )
    from engine.services.painting import diffusion_settings_for

    settings = diffusion_settings_for(mask_type, garment or "garment", engine.model, painting=painting)
    return MaskRequest(EngineName.KONTEXT, name=mask_type, garment=garment, diffusion=settings)
