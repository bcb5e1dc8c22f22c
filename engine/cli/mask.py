"""`chromask mask garment` and `chromask mask extract`: masks of one photograph, no catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import answer_json, no_steps, say
from engine.cli.options import JsonOption, LabelOption, OverwriteOption
from engine.domain.errors import KnownError

app = typer.Typer(help="Masks of one photograph.", no_args_is_help=True)

OutMask = Annotated[Path, typer.Option("-o", "--out", help="The mask, an 8-bit PNG of the photograph's size.")]


@app.command("garment")
def garment(
    on_model: Annotated[Path, typer.Argument(help="The photograph.")],
    flatlay: Annotated[Path, typer.Argument(help="The same garment as a still life.")],
    out: OutMask,
    label: LabelOption = "",
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Mask the garment of FLATLAY on ON_MODEL."""
    from engine.cli.pictures import write_mask_file
    from engine.domain.requests import EngineName, MaskRequest
    from engine.imaging.masks.cleanup import mask_coverage
    from engine.imaging.raster.decode import read_picture
    from engine.inference.classical import ClassicalBackend
    from engine.worker.pipeline import with_garment_alpha

    photo = read_picture(on_model)
    reference = with_garment_alpha(read_picture(flatlay))
    try:
        request = MaskRequest(EngineName.CLASSICAL, garment=label)
        painted = ClassicalBackend().make_mask(photo, reference, request, no_steps)
    except KnownError as error:
        error.path = error.path or on_model
        raise
    write_mask_file(painted.alpha, out, overwrite=overwrite)
    coverage = mask_coverage(painted.alpha)
    notices = [*photo.notices, *reference.notices, *painted.notices]
    if json:
        answer_json(
            {
                "mask": out,
                "coverage": coverage,
                "confidence": painted.confidence,
                "provenance": painted.provenance,
                "notices": notices,
            }
        )
        return
    for notice in notices:
        say(notice)
    say(f"{out}: {coverage:.1%} of the photograph, confidence {painted.confidence:.2f}.")


@app.command("extract")
def extract(
    original: Annotated[Path, typer.Argument(help="The photograph.")],
    painted: Annotated[Path, typer.Argument(help="The model's picture with the green mask painted on it.")],
    out: OutMask,
    report: Annotated[Path | None, typer.Option("--report", help="Write the measurements as JSON.")] = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Bring a painted green mask back to the photograph as a soft alpha."""
    from engine.cli.pictures import extraction_figures, write_json, write_mask_file
    from engine.imaging.painted import extract_painted_mask
    from engine.imaging.raster.decode import read_picture
    from engine.imaging.raster.icc import to_srgb8

    photo, paint = read_picture(original), read_picture(painted)
    try:
        found = extract_painted_mask(to_srgb8(photo.pixels, photo.icc), to_srgb8(paint.pixels, paint.icc))
    except KnownError as error:
        error.path = error.path or painted
        raise
    write_mask_file(found.alpha, out, overwrite=overwrite)
    document = {"mask": out, **extraction_figures(found)}
    if report is not None:
        write_json(document, report)
    if json:
        answer_json(document)
        return
    say(f"{out}: {found.coverage:.1%} of the photograph, confidence {found.confidence:.2f}.")
