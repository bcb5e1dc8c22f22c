"""`chromask mask garment` and `chromask mask extract`: masks of one photograph, no catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import answer_json, say
from engine.cli.options import JsonOption, LabelOption, LabelsOption, MaskSourceOption, OverwriteOption
from engine.domain.errors import KnownError
from engine.services.plan import MaskSource

app = typer.Typer(help="Masks of one photograph.", no_args_is_help=True)

OutMask = Annotated[Path, typer.Option("-o", "--out", help="The mask, an 8-bit PNG of the photograph's size.")]


@app.command("garment")
def garment(
    on_model: Annotated[Path, typer.Argument(help="The photograph.")],
    flatlay: Annotated[Path, typer.Argument(help="The same garment as a still life.")],
    out: OutMask,
    label: LabelOption = "",
    labels: LabelsOption = None,
    mask_source: MaskSourceOption = MaskSource.AUTO,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Mask the garment of FLATLAY on ON_MODEL."""
    from engine.cli.pictures import PNG, garment_masks, notices_of, require_free_names, require_suffix, write_mask_file
    from engine.imaging.masks.cleanup import mask_coverage
    from engine.imaging.raster.decode import read_picture
    from engine.worker.matching import flatlay_to_mask

    require_free_names([on_model, flatlay, *([labels] if labels is not None else [])], [out], overwrite=overwrite)
    require_suffix(out, PNG)
    masks = garment_masks(flatlay, label, labels, mask_source)
    photo = read_picture(on_model)
    reference = flatlay_to_mask(read_picture(flatlay), masks.request)
    painted = masks.make(photo, reference)
    write_mask_file(painted.alpha, out, overwrite=overwrite)
    coverage = mask_coverage(painted.alpha)
    if json:
        answer_json(
            {
                "mask": out,
                "coverage": coverage,
                "confidence": painted.confidence,
                "provenance": painted.provenance,
                "notices": [*photo.notices, *reference.notices, *painted.notices],
            }
        )
        return
    for notice in (*notices_of(photo, reference), *painted.notices):
        say(notice)
    say(f"{out}: {coverage:.1%} of the photograph, confidence {painted.confidence:.2f}.")


@app.command("extract")
def extract(
    original: Annotated[Path, typer.Argument(help="The photograph.")],
    painted: Annotated[Path, typer.Argument(help="The model's picture with the green mask painted on it.")],
    out: OutMask,
    hard: Annotated[bool, typer.Option("--hard", help="Only 0 and 255, instead of a soft edge.")] = False,
    min_piece: Annotated[
        int | None,
        typer.Option("--min-piece", min=0, metavar="PX", help="Drop pieces of fewer pixels; 0 keeps every speck."),
    ] = None,
    max_hole: Annotated[
        int | None, typer.Option("--max-hole", min=0, metavar="PX", help="Fill holes of up to this many; 0 fills none.")
    ] = None,
    save_registered: Annotated[
        Path | None,
        typer.Option("--save-registered", help="The model's picture in the photograph's place, size and colours."),
    ] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write the measurements as JSON.")] = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Bring a painted green mask back to the photograph as a soft alpha."""
    from engine.cli.pictures import (
        PNG,
        extraction_figures,
        require_free_names,
        require_suffix,
        write_by_suffix,
        write_json,
        write_mask_file,
    )
    from engine.domain.picture import Picture
    from engine.imaging.painted import Reading
    from engine.imaging.painted import extract as extract_mask
    from engine.imaging.raster.decode import read_picture
    from engine.imaging.raster.icc import to_srgb8

    outputs = [out, save_registered] if save_registered is not None else [out]
    reports = [report] if report is not None else []
    require_free_names([original, painted], outputs, replaced=reports, overwrite=overwrite)
    require_suffix(out, PNG)
    if save_registered is not None:
        require_suffix(save_registered)
    photo, paint = read_picture(original), read_picture(painted)
    reading = Reading(min_piece=min_piece, max_hole=max_hole, hard=hard)
    try:
        found = extract_mask(to_srgb8(photo.pixels, photo.icc), to_srgb8(paint.pixels, paint.icc), reading)
    except KnownError as error:
        error.path = error.path or painted
        raise
    mask = found.mask
    write_mask_file(mask.alpha, out, overwrite=overwrite)
    document = {"mask": out, **extraction_figures(mask)}
    if save_registered is not None:
        write_by_suffix(Picture(found.registered()), save_registered, overwrite=overwrite)
        document["registered"] = save_registered
    if report is not None:
        write_json(document, report)
    if json:
        answer_json(document)
        return
    for notice in mask.notices:
        say(notice)
    say(f"{out}: {mask.coverage:.1%} of the photograph, confidence {mask.confidence:.2f}.")
    say(
        f"Registration: {mask.registration}, {mask.shift:.1f} px at the mask's edge; difference outside the paint "
        f"{mask.residual_before:.1f} before, {mask.residual_after:.1f} after, in 8-bit levels."
    )
