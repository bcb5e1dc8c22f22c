"""`chromask dataset build mask|color`, and what is said of a set wherever it comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from engine.cli.composition import composition_of
from engine.cli.console import DONE, SOME_FAILED, answer, answer_json, progress_bar, progress_lines, say
from engine.cli.options import ExistingCatalogOption, JsonOption, LabelsOption, OverwriteOption
from engine.domain.datasets import TRIGGER, Finding, LossRegion, Manifest, Split, SplitBy
from engine.domain.errors import UsageError
from engine.services.datasets.approved import Chosen
from engine.services.plan import MaskSource

if TYPE_CHECKING:
    from engine.ports import Catalog
    from engine.services.datasets.writing import Built

build = typer.Typer(help="Build a set.", no_args_is_help=True)

OutOption = Annotated[Path, typer.Option("-o", "--out", help="Folder that receives the set.")]
HeldOutOption = Annotated[float, typer.Option("--held-out", help="Share of the pairs that measure the LoRA, 0 to 1.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Of the split, and of the wrong colours.")]
SplitByOption = Annotated[
    SplitBy,
    typer.Option("--split-by", help="What is never on both sides of the split; near-duplicates never are."),
]
ChosenOption = Annotated[Chosen, typer.Option("--which", help="Results of the catalog: approved, marked (T), or both.")]
BatchOption = Annotated[
    str, typer.Option("--batch", help="Of the catalog: a batch's number, name, or 'last'; every batch by default.")
]


@dataclass(frozen=True, slots=True)
class _Results:
    """Which results of which catalog."""

    catalog: Path | None
    chosen: Chosen
    batch: str


@dataclass(frozen=True, slots=True)
class _Order:
    """What is alike for every set that is built: where it goes, what it may replace, how it is told."""

    context: typer.Context
    out: Path
    overwrite: bool
    json: bool
    results: _Results
    lines: bool = False

    def from_folders(self, make: Callable[..., Built]) -> NoReturn:
        """Build with ``make(folder, overwrite=, advance=)``, say what was built, and leave."""
        with progress_lines() if self.lines else progress_bar("Reading", quiet=self.json) as advance:
            built = make(self.out, overwrite=self.overwrite, advance=advance)
        tell_built(built, as_json=self.json)

    def from_catalog(self, make: Callable[..., Built]) -> NoReturn:
        """The same with ``make(catalog, artifacts, folder, chosen=, batch_id=, overwrite=, advance=)``."""
        from engine.dispatch.session import open_session

        location = composition_of(self.context).location
        with (
            open_session(location, self.results.catalog) as session,
            progress_bar("Reading", quiet=self.json) as advance,
        ):
            built = make(
                session.catalog,
                session.artifacts,
                self.out,
                chosen=self.results.chosen,
                batch_id=_batch_id(session.catalog, self.results.batch),
                overwrite=self.overwrite,
                advance=advance,
            )
        tell_built(built, as_json=self.json)


@build.command("mask")
def build_mask(
    context: typer.Context,
    out: OutOption,
    object: Annotated[str, typer.Option("--object", help="What is masked, as the prompt will say it: 'socks'.")],
    photographs: Annotated[
        Path | None, typer.Option("--photographs", help="Folder of photographs; the catalog by default.")
    ] = None,
    masks: Annotated[Path | None, typer.Option("--masks", help="Folder of their masks, of the same names.")] = None,
    painted: Annotated[
        bool, typer.Option("--painted", help="The masks are photographs with the mask painted green.")
    ] = False,
    mask: Annotated[str, typer.Option("--mask", help="Of the catalog: masks of this name, such as 'garment'.")] = "",
    which: ChosenOption = Chosen.BOTH,
    batch: BatchOption = "",
    caption: Annotated[str, typer.Option("--caption", help="With {object}; the published one by default.")] = "",
    held_out: HeldOutOption = 0.2,
    seed: SeedOption = 0,
    split_by: SplitByOption = SplitBy.ARTICLE,
    catalog: ExistingCatalogOption = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Photographs, and the same with the mask painted green: from approved results, or from folders.

    Exit code 1 when a photograph was left out or nothing could be held out; the set is written all the same.
    """
    from engine.services.datasets.mask_sets import CAPTION, MaskRecipe, mask_set_from_catalog, mask_set_from_folders

    recipe = MaskRecipe(object, caption or CAPTION, held_out, seed, split_by)
    order = _Order(context, out, overwrite, json, _Results(catalog, which, batch))
    if (photographs is None) != (masks is None):
        raise UsageError("photographs and masks come together", remedy="Give --photographs and --masks, or neither.")
    if photographs is not None and masks is not None:
        order.from_folders(partial(mask_set_from_folders, photographs, masks, recipe=recipe, painted=painted))
    else:
        order.from_catalog(partial(mask_set_from_catalog, recipe=recipe, mask_name=mask))


@build.command("color")
def build_color(
    context: typer.Context,
    out: OutOption,
    pictures: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FOLDER|FILE...", help="True on-model photographs and their flatlays."),
    ] = None,
    labels: LabelsOption = None,
    pair_list: Annotated[
        list[Path] | None, typer.Option("--pairs", help="CSV with the columns on_model,flatlay,sku,garment.")
    ] = None,
    mask_source: Annotated[
        MaskSource,
        typer.Option(
            "--mask-source",
            help="What names and masks garments: classical, or grounded (Grounding DINO and SAM 2); auto is grounded "
            "where its weights are.",
        ),
    ] = MaskSource.AUTO,
    least: Annotated[float, typer.Option("--delta-e-from", help="Least mean ΔE00 of the wrong colours.")] = 7.0,
    most: Annotated[float, typer.Option("--delta-e-to", help="Greatest mean ΔE00 of the wrong colours.")] = 30.0,
    loss: Annotated[LossRegion, typer.Option("--loss", help="Where the loss counts.")] = LossRegion.RIGHT_HALF,
    whole: Annotated[
        bool, typer.Option("--whole", help="Whole photographs, as published, instead of the garment with a margin.")
    ] = False,
    trigger: Annotated[str, typer.Option("--trigger", help="Word that the LoRA shall answer to.")] = TRIGGER,
    caption: Annotated[str, typer.Option("--caption", help="With {trigger} and {garment}.")] = "",
    confidence: Annotated[
        float, typer.Option("--least-confidence", help="Leave out pairs whose mask is less sure of itself; 0: none.")
    ] = 0.5,
    true: Annotated[
        float, typer.Option("--true-within", help="Leave out pairs farther from their flatlay, ΔE00 of the means.")
    ] = 25.0,
    which: ChosenOption = Chosen.BOTH,
    batch: BatchOption = "",
    held_out: HeldOutOption = 0.2,
    seed: SeedOption = 0,
    split_by: SplitByOption = SplitBy.ARTICLE,
    catalog: ExistingCatalogOption = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
    progress: Annotated[
        bool, typer.Option("--progress-json", help="From folders: each pair as a line of JSON on standard error.")
    ] = False,
) -> None:
    """Flatlay beside the photograph in a wrong colour, and beside the true one: made without a hand.

    Without pictures, approved colour matches of the catalog are taken. Exit code 1 when a pair was left out or nothing
    could be held out; the set is written all the same.
    """
    from engine.services.datasets.color_sets import CAPTION, ColorRecipe, color_set_from_catalog, color_set_from_folders
    from engine.services.garment_labels import read_garments

    recipe = ColorRecipe(
        least_delta_E=least,
        most_delta_E=most,
        trigger=trigger,
        caption=caption or CAPTION,
        loss=loss,
        cropped=not whole,
        least_confidence=confidence,
        most_true_delta_E=true,
        held_out=held_out,
        seed=seed,
        split_by=split_by,
    )
    order = _Order(context, out, overwrite, json, _Results(catalog, which, batch), progress)
    if pictures or pair_list:
        order.from_folders(
            partial(
                color_set_from_folders,
                pictures or [],
                recipe=recipe,
                mask_source=mask_source,
                labels=read_garments(labels) if labels is not None else None,
                pair_lists=pair_list or [],
            )
        )
    else:
        order.from_catalog(partial(color_set_from_catalog, recipe=recipe))


def _batch_id(catalog: Catalog, wanted: str) -> int | None:
    from engine.services.review import find_batch

    if not wanted:
        return None
    batch = find_batch(catalog, wanted)
    if batch is None:
        raise UsageError(f"there is no batch '{wanted}'", remedy="Give its number or name, or 'last'.")
    return batch.id


def tell_built(built: Built, *, as_json: bool, more: dict[str, Any] | None = None) -> NoReturn:
    """Say what was built, and leave."""
    if as_json:
        answer_json({**summary(built.folder, built.manifest), "findings": rows(built.findings), **(more or {})})
    else:
        for finding in built.findings:
            say(str(finding))
        answer(f"{sentence(built.folder, built.manifest)}. Look it through: chromask dataset check {built.folder}")
    raise typer.Exit(SOME_FAILED if built.findings else DONE)


def summary(folder: Path, manifest: Manifest) -> dict[str, Any]:
    return {
        "dataset": folder,
        "kind": manifest.kind.value,
        "pairs": len(manifest.examples),
        "training": len(manifest.of(Split.TRAIN)),
        "held_out": len(manifest.of(Split.HELD_OUT)),
        "parameters": manifest.parameters,
    }


def sentence(folder: Path, manifest: Manifest) -> str:
    held_out = len(manifest.of(Split.HELD_OUT))
    return f"{folder}: {len(manifest.examples)} pairs of a {manifest.kind.value} set, {held_out} of them held out"


def rows(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [asdict(finding) for finding in findings]
