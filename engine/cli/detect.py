"""`chromask detect`: names the garments of flatlays, no catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.console import DONE, SOME_FAILED, answer_json, progress_bar, say
from engine.cli.options import JsonOption, OverwriteOption
from engine.domain.errors import KnownError


def detect(
    pictures: Annotated[list[Path], typer.Argument(metavar="FOLDER|FILE...", help="Flatlays, or folders with them.")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="The labels: a JSON object, file name of the flatlay -> garment.")
    ] = Path("garments.json"),
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Name the garment on each flatlay with Grounding DINO, for 'chromask run --labels'.

    Exit code 1 when a picture could not be named; the others are written all the same.
    """
    from engine.inference.grounded.backend import GroundedBackend
    from engine.services.detection import flatlays_among, name_flatlay, require_grounded
    from engine.services.garment_labels import garment_keys, write_garments

    settings = require_grounded()
    for path in pictures:
        if not path.exists():
            raise KnownError("it does not exist", remedy="Check the path.", path=path)
    if out.exists() and not overwrite:
        raise KnownError("a file of this name exists already", remedy="Choose another, or --overwrite.", path=out)
    flatlays, problems = flatlays_among(pictures)
    failures = [str(problem) for problem in problems]
    keys = garment_keys(flatlays)
    garments: dict[str, str] = {}
    details: dict[str, Any] = {}
    backend = GroundedBackend()
    with progress_bar("Detecting", quiet=json) as advance:
        for done, path in enumerate(flatlays, start=1):
            try:
                choice = name_flatlay(backend, path, settings)
            except KnownError as error:
                error.path = error.path or path
                failures.append(str(error))
            else:
                garments[keys[path]] = choice.label.garment
                details[keys[path]] = {
                    "box": choice.detection.box,
                    "score": choice.detection.score,
                    "certainty": choice.certainty,
                    "scores": choice.scores,
                }
            advance(done, len(flatlays), path.name)
    if garments:
        write_garments(garments, out, overwrite=overwrite)
    if json:
        answer_json({"garments": garments, "detections": details, "failures": failures, "written": out})
    else:
        for failure in failures:
            say(failure)
        say(f"{len(garments)} of {len(flatlays)} flatlays named" + (f", written to {out}." if garments else "."))
    raise typer.Exit(SOME_FAILED if failures or not garments else DONE)
