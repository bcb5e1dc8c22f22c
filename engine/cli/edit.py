"""`chromask edit`: repaints what a mask covers on one photograph, no catalog."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import answer_json, progress_bar, say
from engine.cli.options import JsonOption, ModelOption, OverwriteOption
from engine.domain.errors import KnownError, UsageError
from engine.domain.requests import EngineName, Sampling


def edit(
    photo: Annotated[Path, typer.Argument(help="The original; it is not written to.")],
    mask: Annotated[Path, typer.Option("--mask", help="White where the photograph may change, of its size.")],
    prompt: Annotated[str, typer.Option("--prompt", help="What to paint there, in full.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Result; .png, .tif or .jpg.")],
    reference: Annotated[
        Path | None, typer.Option("--reference", help="A picture of what to paint, such as a garment or a banner.")
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option("--history", help="JSON file that keeps the turns; where it exists, this is one more of them."),
    ] = None,
    strength: Annotated[
        float, typer.Option("--strength", help="Below 1, what is under the mask shines through; 1 paints it anew.")
    ] = 1.0,
    steps: Annotated[int, typer.Option("--steps", help="Denoising steps.")] = 28,
    seed: Annotated[int, typer.Option("--seed", help="Another seed is another painting.")] = 0,
    lora: Annotated[
        str, typer.Option("--lora", help="A LoRA by its name in 'chromask lora list'; none by default.")
    ] = "",
    model: ModelOption = None,
    vram_tier: Annotated[
        int, typer.Option("--vram-tier", help="Run FLUX.1 Kontext as on a card of so many GB; 0 asks the card.")
    ] = 0,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Repaint what MASK covers on PHOTO with FLUX.1 Kontext, and change nothing else.

    With --history, every earlier turn is painted again as well, each on the original photograph.
    """
    from engine.cli.pictures import require_free_names, write_by_suffix
    from engine.imaging.raster.decode import read_picture
    from engine.services.editing import edit_turn, input_file, read_history, with_turn, write_history
    from engine.services.painting import Painting, lora_ref
    from engine.services.plan import choose_engine
    from engine.services.registries import load_registry
    from engine.worker.backends import Backends
    from engine.worker.editing import edit_picture

    if out.suffix.lower() not in (".png", ".tif", ".tiff", ".jpg", ".jpeg"):
        raise UsageError("results are .png, .tif or .jpg", remedy="Choose another suffix.", path=out)
    require_free_names(
        [photo, mask, *([reference] if reference is not None else [])],
        [out],
        replaced=[history] if history is not None else [],
        overwrite=overwrite,
    )
    painting = Painting(Sampling(num_inference_steps=steps, seed=seed), vram_tier=vram_tier)
    engine = choose_engine(EngineName.KONTEXT, model)
    assert engine.model is not None
    original = input_file(photo)
    earlier = read_history(history, original) if history is not None else None
    chosen = lora_ref(load_registry().lora(lora), engine.model) if lora else None
    turn = edit_turn(prompt, mask, reference, engine.model, painting=painting, lora=chosen, strength=strength)
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
