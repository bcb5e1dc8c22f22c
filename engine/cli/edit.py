"""`chromask edit`: repaints what a mask covers on one photograph, no catalog."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import answer_json, progress_bar, say
from engine.cli.options import (
    EditLoraOption,
    EditPromptOption,
    EditReferenceOption,
    EditSeedOption,
    EditStepsOption,
    EditStrengthOption,
    JsonOption,
    ModelOption,
    OverwriteOption,
    VramTierOption,
)
from engine.domain.errors import KnownError


def edit(
    photo: Annotated[Path, typer.Argument(help="The original; it is not written to.")],
    mask: Annotated[Path, typer.Option("--mask", help="White where the photograph may change, of its size.")],
    prompt: EditPromptOption,
    out: Annotated[Path, typer.Option("-o", "--out", help="Result; .png, .tif or .jpg.")],
    reference: EditReferenceOption = None,
    history: Annotated[
        Path | None,
        typer.Option("--history", help="JSON file that keeps the turns; where it exists, this is one more of them."),
    ] = None,
    strength: EditStrengthOption = 1.0,
    steps: EditStepsOption = 28,
    seed: EditSeedOption = 0,
    lora: EditLoraOption = "",
    model: ModelOption = None,
    vram_tier: VramTierOption = 0,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Repaint what MASK covers on PHOTO with FLUX.1 Kontext, and change nothing else.

    With --history, every earlier turn is painted again as well, each on the original photograph.
    """
    from engine.cli.pictures import require_free_names, require_suffix, write_by_suffix
    from engine.imaging.raster.decode import read_picture
    from engine.services.editing import edit_settings, edit_turn, input_file, read_history, with_turn, write_history
    from engine.worker.backends import Backends
    from engine.worker.editing import edit_picture

    require_suffix(out)
    require_free_names(
        [photo, mask, *([reference] if reference is not None else [])],
        [out],
        replaced=[history] if history is not None else [],
        overwrite=overwrite,
    )
    settings = edit_settings(prompt, model, steps=steps, seed=seed, lora=lora, vram_tier=vram_tier)
    original = input_file(photo)
    earlier = read_history(history, original) if history is not None else None
    turn = edit_turn(settings, input_file(mask), reference, strength=strength)
    request = with_turn(earlier, turn)
    picture = read_picture(photo, sha256=original.sha256)
    try:
        with progress_bar("Editing", quiet=json) as advance:
            edited = edit_picture(picture, request.turns, Backends().get(request.engine), advance)
    except KnownError as error:
        error.path = error.path or photo
        raise
    write_by_suffix(replace(picture, pixels=edited.pixels), out, overwrite=overwrite)
    if history is not None:
        write_history(history, original, request)
    notices = [*picture.notices, *edited.notices]
    if json:
        answer_json(
            {
                "photograph": photo,
                "result": out,
                "outside_max_change": edited.outside_max_change,
                "turns": [{"painted": turn.painted, **turn.provenance} for turn in edited.turns],
                "notices": notices,
            }
        )
        return
    for notice in notices:
        say(notice)
    painted = sum(turn.painted for turn in edited.turns)
    say(f"{out}: {painted} of {len(edited.turns)} turn{'s' if len(edited.turns) > 1 else ''} painted.")
    say(f"Largest change of a channel value outside the mask: {edited.outside_max_change}.")
