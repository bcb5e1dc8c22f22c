"""`chromask color match`: one photograph, one flatlay, no catalog."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import answer_json, no_steps, say
from engine.cli.options import BrandOption, JsonOption, LabelOption, OverwriteOption, TolerancesOption
from engine.domain.errors import KnownError, UsageError

app = typer.Typer(help="Colour of one photograph.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Colour of one photograph."""


@app.command("match")
def match(
    on_model: Annotated[Path, typer.Argument(help="The photograph to correct; it is not written to.")],
    flatlay: Annotated[Path, typer.Argument(help="The same garment in its true colour.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Result; .png, .tif or .jpg.")],
    mask: Annotated[
        Path | None, typer.Option("--mask", help="Garment mask; found automatically when left out.")
    ] = None,
    guide: Annotated[
        Path | None,
        typer.Option("--guide", help="Kontext's picture: the whole side-by-side output or its on-model part."),
    ] = None,
    label: LabelOption = "",
    tolerances: TolerancesOption = None,
    brand: BrandOption = "",
    save_mask: Annotated[Path | None, typer.Option("--save-mask", help="Write the mask that was used.")] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write the measurements as JSON.")] = None,
    depth: Annotated[
        int | None, typer.Option("--depth", help="Bits of each channel of the result, 8 or 16; by default ON_MODEL's.")
    ] = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Give the garment on ON_MODEL the colour it has on FLATLAY, and change nothing else."""
    from engine.cli.pictures import read_guide, read_mask, write_by_suffix, write_json, write_mask_file
    from engine.domain.picture import PaintedMask
    from engine.domain.requests import EngineName, MaskRequest
    from engine.imaging.raster.decode import read_picture
    from engine.imaging.raster.depth import with_bit_depth
    from engine.inference.classical import ClassicalBackend
    from engine.services.report import palette_line_text, tolerance_text
    from engine.services.tolerances import load_tolerances
    from engine.worker.pipeline import match_pair, with_garment_alpha

    if out.suffix.lower() not in (".png", ".tif", ".tiff", ".jpg", ".jpeg"):
        raise UsageError("results are .png, .tif or .jpg", remedy="Choose another suffix.", path=out)
    if depth not in (None, 8, 16):
        raise UsageError(f"there is no depth of {depth} bits", remedy="Choose 8 or 16.")
    if depth == 16 and out.suffix.lower() in (".jpg", ".jpeg"):
        raise UsageError("a JPEG holds 8 bits", remedy="Name a .tif or .png for 16 bits.", path=out)
    tolerance = load_tolerances(tolerances).tolerance(label, brand=brand)
    photo = read_picture(on_model)
    reference = with_garment_alpha(read_picture(flatlay))
    if mask is not None:
        painted = PaintedMask(read_mask(mask, photo.extent), 1.0, {"engine": "given"})
    else:
        request = MaskRequest(EngineName.CLASSICAL, garment=label)
        painted = _with_path(ClassicalBackend().make_mask, on_model, photo, reference, request)
    color_guide = read_guide(guide, photo) if guide is not None else None
    if depth is not None:
        photo = with_bit_depth(photo, depth)
    result = match_pair(photo, reference, painted.alpha, color_guide, tolerance)
    write_by_suffix(replace(photo, pixels=result.matched.pixels), out, overwrite=overwrite)
    if save_mask is not None:
        write_mask_file(painted.alpha, save_mask, overwrite=overwrite)
    document = {
        "on_model": on_model,
        "flatlay": flatlay,
        "result": out,
        "before": asdict(result.before),
        "after": asdict(result.after),
        "outside_max_change": result.matched.outside_max_change,
        "texture": result.matched.texture,
        "mask_confidence": painted.confidence,
        "provenance": {**painted.provenance, **result.matched.provenance},
        "notices": [*photo.notices, *reference.notices, *painted.notices, *result.matched.notices],
    }
    if report is not None:
        write_json(document, report)
    if json:
        answer_json(document)
        return
    for notice in document["notices"]:
        say(notice)
    say(
        f"ΔE00 of the garment to its flatlay: {result.before.delta_E:.2f} before, {result.after.delta_E:.2f} after"
        f" ({result.after.verdict.value}; {tolerance_text(tolerance)})."
        f" Left: ΔL {result.after.dL:+.2f}, ΔC {result.after.dC:+.2f}, ΔH {result.after.dH:+.2f}."
    )
    if len(result.after.palette) > 1:
        for line in result.after.palette:
            say(f"  {palette_line_text(line)}")
    say(f"Largest change of a channel value outside the mask: {result.matched.outside_max_change}.")


def _with_path(make_mask, path: Path, photo, reference, request):
    try:
        return make_mask(photo, reference, request, no_steps)
    except KnownError as error:
        error.path = error.path or path
        raise
