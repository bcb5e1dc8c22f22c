"""Sets for colour LoRAs, made without a hand: name the garment on the flatlay, mask it on the model, give it a wrong
colour, and stitch both pictures side by side ("Grounded-SAM2 + Flux Kontext LoRA for On-Model Color Correction").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.datasets import TRIGGER, DatasetKind, Example, FileHash, Finding, LossRegion, Severity, SplitBy
from engine.domain.errors import KnownError, UsageError, printable_path
from engine.ports import ArtifactStore, Catalog, ReportStep
from engine.services.datasets.approved import Chosen, chosen_items
from engine.services.datasets.originals import left_out
from engine.services.datasets.split import HELD_OUT, check_share
from engine.services.datasets.writing import Built, Pictures, SetWriter, source_hash
from engine.services.plan import MaskSource

if TYPE_CHECKING:
    from engine.domain.picture import PaintedMask, Picture
    from engine.domain.requests import DetectionSettings, MaskRequest
    from engine.worker.backends import Backends

CAPTION = "{trigger} Change the {garment} color on the right to match the left"
"""Of the published colour LoRA, and of the prompt in ``resources/loras.toml``."""

_WORDS = {"upper": "top", "lower": "pants", "full": "dress", "feet": "shoes"}
"""What a caption calls a garment of which only the body zone was found out."""


@dataclass(frozen=True, slots=True)
class ColorRecipe:
    """How a colour set is made.

    Attributes
    ----------
    least_delta_E, most_delta_E : float
        Range of the mean ΔE00 by which garments are degraded.
    trigger : str
        Word the LoRA shall answer to.
    caption : str
        ``{trigger}`` and ``{garment}`` stand for the two.
    loss : LossRegion
        Where the loss counts.
    cropped : bool
        Show the garments with a margin, as they are when the LoRA is used; False shows whole photographs, as published.
    least_confidence : float
        Pairs whose mask is less sure of itself are left out, 0 to 1: nobody looks at what is made without a hand.
    most_true_delta_E : float
        Pairs whose photograph differs from its flatlay by more, ΔE00 of the garments' mean colours, are left out: their
        "true" colour is none, or the two do not belong together.
    held_out : float
        Share of the examples that measure the LoRA.
    seed : int
        Of the colours and the split.
    split_by : SplitBy
        What is never on both sides of the split.
    """

    least_delta_E: float = 7.0
    most_delta_E: float = 30.0
    trigger: str = TRIGGER
    caption: str = CAPTION
    loss: LossRegion = LossRegion.RIGHT_HALF
    cropped: bool = True
    least_confidence: float = 0.5
    most_true_delta_E: float = 25.0
    held_out: float = HELD_OUT
    seed: int = 0
    split_by: SplitBy = SplitBy.ARTICLE

    def __post_init__(self) -> None:
        if not 0 < self.least_delta_E <= self.most_delta_E <= 60:
            raise UsageError(
                f"ΔE00 from {self.least_delta_E:g} to {self.most_delta_E:g} is no range",
                remedy="Give two numbers above 0 and up to 60, the smaller one first.",
            )
        if not 0 <= self.least_confidence <= 1:
            raise UsageError(f"a confidence of {self.least_confidence:g}", remedy="Give a number from 0 to 1.")
        if not self.caption.strip():
            raise UsageError("the caption is empty", remedy="Give one, with {trigger} and {garment}.")
        if self.trigger and self.trigger not in self.text("garment"):
            raise UsageError("the caption lacks the trigger", remedy="Write {trigger} where it belongs.")
        check_share(self.held_out)

    def text(self, garment: str) -> str:
        """The caption of an example."""
        return self.caption.replace("{trigger}", self.trigger).replace("{garment}", garment).strip()

    def parameters(self) -> dict[str, str | int | float | bool]:
        return {
            "delta_E_from": self.least_delta_E,
            "delta_E_to": self.most_delta_E,
            "trigger": self.trigger,
            "caption": self.caption,
            "loss": self.loss.value,
            "cropped": self.cropped,
            "least_confidence": self.least_confidence,
            "most_true_delta_E": self.most_true_delta_E,
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Truth:
    """A photograph in its true colours, with its flatlay and the garment on both."""

    name: str
    sku: str
    on_model: Picture
    flatlay: Picture  # its alpha is the garment, where it is known
    mask: PaintedMask
    garment: str
    sources: tuple[FileHash, ...]


def color_set_from_folders(
    given: Sequence[Path],
    folder: Path,
    recipe: ColorRecipe | None = None,
    *,
    mask_source: MaskSource = MaskSource.AUTO,
    labels: Mapping[str, str] | None = None,
    pair_lists: Sequence[Path] = (),
    overwrite: bool = False,
    advance: ReportStep | None = None,
) -> Built:
    """Build a set from folders of true on-model photographs and their flatlays, which are paired as at intake.

    Garments are named and masked by Grounding DINO and SAM 2 where their weights are there, and classically otherwise.
    One thread; takes seconds for each pair.

    Parameters
    ----------
    labels : mapping, optional
        A ``garments.json``: file name of a flatlay -> garment; what it names is not looked for.
    pair_lists : sequence of Path
        CSV lists of pairs.

    Raises
    ------
    KnownError
        No pair is left, the folder holds a set already or cannot be written to, or the detector was asked for by name
        and is not there. A single pair that cannot be used is left out, with a finding.
    """
    from engine.imaging.raster.decode import read_picture
    from engine.services.garment_labels import garment_of_flatlay
    from engine.services.intake import scan
    from engine.worker.backends import Backends

    recipe = recipe if recipe is not None else ColorRecipe()
    for path in given:
        if not path.exists():
            raise KnownError("it does not exist", remedy="Check the path.", path=path)
    namer = _Namer(mask_source, Backends())
    report = scan(given, pair_lists=pair_lists, leave_out=[folder])
    findings = [
        Finding(Severity.WARNING, printable_path(problem.path), f"left out: {problem.what}", problem.remedy)
        for problem in report.problems
    ]
    writer = SetWriter(folder, [picture.path for picture in report.pictures], overwrite=overwrite)
    for done, pair in enumerate(report.pairs, start=1):
        path = pair.on_model.path
        try:
            if pair.flatlay is None:
                raise KnownError("it has no flatlay", remedy="Add the flatlay, or pair the two in a list.", path=path)
            label = pair.garment or garment_of_flatlay(pair.flatlay.path, labels or {})
            on_model = read_picture(path)
            flatlay, mask, garment = namer.masked(on_model, read_picture(pair.flatlay.path), label)
            sources = (source_hash(path), source_hash(pair.flatlay.path))
            truth = _Truth(path.stem, pair.sku, on_model, flatlay, mask, garment, sources)
            _add(writer, truth, recipe)
        except KnownError as error:
            findings.append(left_out(error, path))
        if advance is not None:
            advance(done, len(report.pairs), path.name)
    made = recipe.parameters() | {"from": "folders", "mask_source": namer.source}
    return writer.finish(
        DatasetKind.COLOR, made, findings, held_out=recipe.held_out, seed=recipe.seed, split_by=recipe.split_by
    )


def color_set_from_catalog(
    catalog: Catalog,
    artifacts: ArtifactStore,
    folder: Path,
    recipe: ColorRecipe | None = None,
    *,
    chosen: Chosen = Chosen.BOTH,
    batch_id: int | None = None,
    overwrite: bool = False,
    advance: ReportStep | None = None,
) -> Built:
    """Build a set from approved and marked colour matches: what was approved is the truth, its mask is the garment's.

    Any thread but the window's.

    Raises
    ------
    KnownError
        No colour match was approved, or as `color_set_from_folders`.
    """
    from engine.domain.picture import PaintedMask
    from engine.imaging.raster.decode import read_picture
    from engine.services.export.photograph import Photograph
    from engine.worker.matching import with_alpha_if_plain

    recipe = recipe if recipe is not None else ColorRecipe()
    items = [item for item in chosen_items(catalog, chosen, batch_id) if item.outcome.match and item.pair.flatlay]
    if not items:
        raise KnownError(
            "no approved or marked colour match is in the catalog",
            remedy="Approve colour matches in the review, or mark them as training pairs (T), and build it again.",
        )
    writer = SetWriter(folder, [item.pair.on_model.path for item in items], overwrite=overwrite)
    findings: list[Finding] = []
    for done, item in enumerate(items, start=1):
        flatlay, path = item.pair.flatlay, item.pair.on_model.path
        assert flatlay is not None
        photograph = Photograph(artifacts, item.pair)
        try:
            still = with_alpha_if_plain(read_picture(flatlay.path, sha256=flatlay.sha256))
            mask = PaintedMask(photograph.mask(item), 1.0, {})
            garment = item.pair.garment or _word(item.outcome.mask.garment)
            sources = tuple(FileHash(asset.path.name, asset.sha256) for asset in (item.pair.on_model, flatlay))
            truth = _Truth(path.stem, item.pair.sku, photograph.shown(item), still, mask, garment, sources)
            _add(writer, truth, recipe)
        except KnownError as error:
            findings.append(left_out(error, path))
        if advance is not None:
            advance(done, len(items), path.name)
    made = recipe.parameters() | {"from": "catalog"}
    return writer.finish(
        DatasetKind.COLOR, made, findings, held_out=recipe.held_out, seed=recipe.seed, split_by=recipe.split_by
    )


class _Namer:
    """Names the garment on flatlays, and masks it on photographs, with whatever is there."""

    def __init__(self, source: MaskSource, backends: Backends) -> None:
        from engine.services.plan import choose_detection

        self._detection: DetectionSettings | None = choose_detection(source)
        self._backends = backends

    @property
    def source(self) -> str:
        """``grounded`` or ``classical``."""
        return "grounded" if self._detection is not None else "classical"

    def masked(self, on_model: Picture, flatlay: Picture, label: str) -> tuple[Picture, PaintedMask, str]:
        """The flatlay with its garment as alpha (None where the detector masks without), the mask, the label.

        Raises
        ------
        KnownError
            The garment is not found on one of the two; names the file.
        """
        from engine.worker.matching import with_alpha_if_plain, with_garment_alpha

        still = with_garment_alpha(flatlay) if self._detection is None else with_alpha_if_plain(flatlay)
        request = self._request(label)
        try:
            mask = self._backends.get(request.engine).make_mask(on_model, still, request, _no_steps)
            if still.alpha is None:
                found = self._backends.get(request.engine).mask_flatlay(flatlay, request)
                still = replace(still, alpha=found.alpha if found is not None else None)
        except KnownError as error:
            error.path = error.path or on_model.path
            raise
        return still, mask, label or _word(mask.garment)

    def _request(self, label: str) -> MaskRequest:
        from engine.services.plan import garment_mask_request

        # Where the detector is there, it both names and masks, as in the published work.
        source = MaskSource.GROUNDED if self._detection is not None else MaskSource.CLASSICAL
        return garment_mask_request(label, source, self._detection)


def _no_steps(step: int, total: int, label: str) -> None:
    """Nobody watches the steps of a single mask."""


def _word(found: str) -> str:
    """The word of a caption for what a backend found: a label as it is, a body zone by its commonest garment."""
    return _WORDS.get(found, found) or "garment"


def _add(writer: SetWriter, truth: _Truth, recipe: ColorRecipe) -> None:
    """Degrade, stitch and write one pair.

    Raises
    ------
    KnownError
        The pair is not fit for a set; says why.
    """
    import numpy as np

    from engine.imaging.datasets.color_pair import color_pair
    from engine.imaging.datasets.likeness import perceptual_hash
    from engine.imaging.raster.icc import to_srgb8

    path = truth.on_model.path
    if truth.mask.confidence < recipe.least_confidence:
        raise KnownError(
            f"its mask is sure of itself by {truth.mask.confidence:.2f} only ({recipe.least_confidence:g} is asked)",
            remedy="Correct and approve the mask in the review, and build the set from the catalog.",
            path=path,
        )
    _require_true(truth, recipe.most_true_delta_E)
    rgb = to_srgb8(truth.on_model.pixels, truth.on_model.icc)
    flatlay = to_srgb8(truth.flatlay.pixels, truth.flatlay.icc)
    # By content, so that a pair keeps its wrong colour whatever else is in the set.
    random = np.random.default_rng([recipe.seed, int(truth.sources[0].sha256[:16], 16)])
    try:
        pictures = color_pair(
            flatlay,
            truth.flatlay.alpha,
            rgb,
            truth.mask.alpha,
            random,
            (recipe.least_delta_E, recipe.most_delta_E),
            cropped=recipe.cropped,
            loss=recipe.loss,
        )
    except KnownError as error:
        error.path = error.path or path
        raise
    example = Example(
        name=writer.free_name(truth.name),
        sku=truth.sku,
        control="",
        target="",
        caption=recipe.text(truth.garment),
        trigger=recipe.trigger,
        garment=truth.garment,
        perceptual_hash=perceptual_hash(rgb),
        delta_E=round(pictures.delta_E, 3),
        confidence=round(truth.mask.confidence, 3),
        sources=truth.sources,
    )
    loss_mask = pictures.mask if recipe.loss is LossRegion.GARMENT else pictures.loss_mask
    writer.add(example, Pictures(pictures.control, pictures.target, pictures.mask, loss_mask))


def _require_true(truth: _Truth, most: float) -> None:
    """Refuse a pair whose photograph cannot teach the flatlay's colour.

    Raises
    ------
    KnownError
        The garment's mean colour is too far from the flatlay's, or its cloth is another one.
    """
    from engine.imaging.color.difference import delta_E_2000
    from engine.imaging.color.samples import garment_samples, robust_mean
    from engine.imaging.color.weave import DIFFERENT_CLOTH, measure_weaves

    flatlay, alpha = truth.flatlay, truth.flatlay.alpha
    if alpha is None:
        return
    worn = garment_samples(truth.on_model, truth.mask.alpha, "garment")
    flat = garment_samples(flatlay, alpha, "flatlay")
    apart = float(delta_E_2000(robust_mean(worn.lab), robust_mean(flat.lab)))
    why = ""
    if apart > most:
        why = f"the garment on the model is ΔE00 {apart:.0f} from the flatlay's colour (up to {most:g} counts as true)"
    else:
        weaves = measure_weaves(truth.on_model, truth.mask.alpha, worn.box, flatlay, alpha, flat.box)
        if weaves is not None and weaves.disagreement > DIFFERENT_CLOTH:
            why = f"its weave differs {weaves.disagreement:.1f} times from the flatlay's"
    if why:
        raise KnownError(
            why, remedy="Check that both show the same article and the mask lies on it.", path=truth.on_model.path
        )
