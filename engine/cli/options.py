"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engine.domain.errors import UsageError
from engine.domain.export import Collision, ExportFormat, PathUse
from engine.domain.requests import EngineName
from engine.services.plan import MaskSource

CatalogOption = Annotated[Path | None, typer.Option("--catalog", help="Catalog file; by default the account's own.")]


def _existing(path: Path | None) -> Path | None:
    if path is not None and not path.expanduser().exists():
        remedy = "Check the path; 'chromask run' makes a new one."
        raise UsageError("there is no such catalog", remedy=remedy, path=path)
    return path


ExistingCatalogOption = Annotated[
    Path | None, typer.Option("--catalog", callback=_existing, help="Catalog file; by default the account's own.")
]


class RunEngine(StrEnum):
    """What can run whole jobs; the detector makes masks only, and is a mask source."""

    AUTO = EngineName.AUTO.value
    CLASSICAL = EngineName.CLASSICAL.value
    KONTEXT = EngineName.KONTEXT.value


EngineOption = Annotated[RunEngine, typer.Option("--engine", help="auto takes Kontext where its weights are.")]
MaskSourceOption = Annotated[
    MaskSource,
    typer.Option(
        "--mask-source",
        help="Garment masks: classical, or grounded (Grounding DINO and SAM 2); auto is classical where it has a zone.",
    ),
]
LabelsOption = Annotated[
    Path | None, typer.Option("--labels", help="garments.json of 'chromask detect': a label for each flatlay.")
]
ModelOption = Annotated[
    Path | None, typer.Option("--model", help="FLUX.1 Kontext as a diffusers folder, .safetensors or .gguf file.")
]
VramTierOption = Annotated[
    int, typer.Option("--vram-tier", help="Run FLUX.1 Kontext as on a card of so many GB; 0 asks the card.")
]
EditPromptOption = Annotated[str, typer.Option("--prompt", help="What to paint there, in full.")]
EditReferenceOption = Annotated[
    Path | None, typer.Option("--reference", help="A picture of what to paint, such as a garment or a banner.")
]
EditStrengthOption = Annotated[
    float, typer.Option("--strength", help="Below 1, what is under the mask shines through; 1 paints it anew.")
]
EditStepsOption = Annotated[int, typer.Option("--steps", help="Denoising steps.")]
EditSeedOption = Annotated[int, typer.Option("--seed", help="Another seed is another painting.")]
EditLoraOption = Annotated[
    str, typer.Option("--lora", help="A LoRA by its name in 'chromask lora list'; none by default.")
]
FormatOption = Annotated[
    str, typer.Option("--format", help="Any of psd,tiff-layers,tiff,png,jpeg,mask; the mask is always among them.")
]
NameOption = Annotated[
    str,
    typer.Option(
        "--name",
        help="Pattern of the file names, with {sku} {view} {stem} {garment} {date} {verdict} {mask}; / makes folders.",
    ),
]
MaxSideOption = Annotated[
    int, typer.Option("--max-side", help="Longest side of flat files in pixels; 0 keeps the photograph's size.")
]
ProfileOption = Annotated[
    str, typer.Option("--profile", help="Of flat files: srgb, or an RGB profile's .icc; else the photograph's own.")
]
SharpenOption = Annotated[
    float, typer.Option("--sharpen", help="Of flat files, after they were reduced: 0 (off) to 3.")
]
QualityOption = Annotated[int, typer.Option("--quality", help="Of JPEGs, 1 to 100.")]
CollisionOption = Annotated[
    Collision, typer.Option("--collision", help="What to do where a file is in the way that is not Chromask's own.")
]
PathOption = Annotated[
    PathUse, typer.Option("--path", help="The mask's outline: none, a saved path, or the clipping path of JPEGs.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]
LabelOption = Annotated[str, typer.Option("--label", help="What the garment is, e.g. shirt; found out when left out.")]
TolerancesOption = Annotated[
    Path | None,
    typer.Option("--tolerances", help="The studio's own colour limits; by default tolerances.toml beside the catalog."),
]
BrandOption = Annotated[str, typer.Option("--brand", help="Judge by this brand's limits in the tolerances.")]


def parse_formats(text: str) -> tuple[ExportFormat, ...]:
    """Read ``psd,tiff`` into formats; the mask PNG is added.

    Raises
    ------
    UsageError
        A format does not exist.
    """
    formats: list[ExportFormat] = []
    for word in (word.strip().lower() for word in text.split(",") if word.strip()):
        word = {"tif": "tiff", "jpg": "jpeg"}.get(word, word)
        try:
            formats.append(ExportFormat(word))
        except ValueError:
            known = ", ".join(format.value for format in ExportFormat)
            raise UsageError(f"there is no format '{word}'", remedy=f"Choose from: {known}.") from None
    return tuple(dict.fromkeys([*formats, ExportFormat.MASK]))
