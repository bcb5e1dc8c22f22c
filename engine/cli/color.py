"""`chromask color match`: one photograph, one flatlay, no catalog."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import answer_json, say
from engine.cli.options import (
    BrandOption,
    JsonOption,
    LabelOption,
    LabelsOption,
    MaskSourceOption,
    OverwriteOption,
    TolerancesOption,
)
from engine.domain.errors import UsageError
from engine.services.plan import MaskSource

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
    view: Annotated[
        list[Path] | None,
        typer.Option("--view", help="Another view of the same article to agree with; may be given several times."),
    ] = None,
    label: LabelOption = "",
    labels: LabelsOption = None,
    mask_source: MaskSourceOption = MaskSource.AUTO,
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
    from engine.cli.pictures import (
        PNG,
        colors_of_view,
        garment_masks,
        judged_garment,
        notices_of,
        read_guide,
        require_free_names,
        require_suffix,
        write_by_suffix,
        write_json,
        write_mask_file,
    )
    from engine.domain.picture import PaintedMask
    from engine.imaging.color.samples import require_color
    from engine.imaging.masks.given import read_mask
    from engine.imaging.raster.decode import read_picture
    from engine.imaging.raster.depth import with_bit_depth
    from engine.services.report import palette_line_text, tolerance_text
    from engine.services.tolerances import load_tolerances
    from engine.worker.matching import match_pair

    require_suffix(out)
    if depth not in (None, 8, 16):
        raise UsageError(f"there is no depth of {depth} bits", remedy="Choose 8 or 16.")
    if depth == 16 and out.suffix.lower() in (".jpg", ".jpeg"):
        raise UsageError("a JPEG holds 8 bits", remedy="Name a .tif or .png for 16 bits.", path=out)
    require_free_names(
        [on_model, flatlay, *(path for path in (mask, guide, labels, tolerances, *(view or ())) if path is not None)],
        [out, *(path for path in (save_mask,) if path is not None)],
        replaced=[path for path in (report,) if path is not None],
        overwrite=overwrite,
    )
    if save_mask is not None:
        require_suffix(save_mask, PNG)
    if on_model.exists() and flatlay.exists() and on_model.samefile(flatlay):
        raise UsageError(
            "it is given as the photograph and as the flatlay",
            remedy="Name the photograph, then its flatlay.",
            path=on_model,
        )
    rules = load_tolerances(tolerances)
    rules.require_brand(brand)
    masks = garment_masks(flatlay, label, labels, mask_source)
    photo, reference = read_picture(on_model), read_picture(flatlay)
    require_color(photo, "on-model")
    require_color(reference, "flatlay")
    reference = masks.to_match(reference)
    if mask is not None:
        painted = PaintedMask(read_mask(mask, photo.extent), 1.0, {"engine": "given"})
    else:
        painted = masks.make(photo, reference)
    color_guide = read_guide(guide, photo) if guide is not None else None
    if depth is not None:
        photo = with_bit_depth(photo, depth)
    tolerance = rules.tolerance(judged_garment(masks.label, painted), brand=brand)
    others = [colors_of_view(read_picture(path), reference, masks) for path in view or ()]
    result = match_pair(photo, reference, painted.alpha, color_guide, tolerance, others)
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
    for notice in (*notices_of(photo, reference), *painted.notices, *result.matched.notices):
        say(notice)
    say(
        f"ΔE00 of the garment to its flatlay: {result.before.delta_E:.2f} before, {result.after.delta_E:.2f} after"
        f" ({result.after.verdict.value}; {tolerance_text(tolerance)})."
        f" Left: ΔL {result.after.dL:+.2f}, ΔC {result.after.dC:+.2f}, ΔH {result.after.dH:+.2f}."
    )
    if len(result.after.palette) > 1:
        for line in result.after.palette:
            say(f"  {palette_line_text(line)}")
    figures = result.matched.provenance
    if result.matched.guided:
        say(f"The colour guide was kept: {float(figures['guide_weight']):.0%} of the correction is its.")
    if "views_spread" in figures:
        say(
            f"Solved together with {len(others)} other view{'s' if len(others) > 1 else ''}: their colours lie within"
            f" ΔE00 {figures['views_spread']:.2f} of each other, {figures['views_spread_before']:.2f} before."
        )
    say(f"Largest change of a channel value outside the mask: {result.matched.outside_max_change}.")
