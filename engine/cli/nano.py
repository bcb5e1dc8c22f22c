"""`chromask nano build`: trains the small model that ships, from nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.composition import composition_of
from engine.cli.console import INTERRUPTED, answer, progress_bar, say, stopping
from engine.domain.errors import Cancelled
from engine.services.nano import LoraRecipe
from engine.training.nano.plan import Recipe

_BASE, _LORAS = Recipe(), LoraRecipe()

app = typer.Typer(help="Nano Kontext, the small model for drawn figures.", no_args_is_help=True)


@app.callback()
def nano() -> None:
    """Nano Kontext, the small model for drawn figures."""


@app.command("build")
def build(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Keeps every stage, some 3 GB; a build that stopped goes on here.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Receives the model and its LoRAs.")],
    figures: Annotated[int, typer.Option("--figures", min=1, help="Drawn in each of two parts.")] = _BASE.figures,
    decoder_steps: Annotated[
        int, typer.Option("--decoder-steps", min=1, help="Of the VAE's decoder.")
    ] = _BASE.decoder_steps,
    base_steps: Annotated[
        int, typer.Option("--base-steps", min=1, help="Of the base; more make it go on.")
    ] = _BASE.base_steps,
    pairs: Annotated[int, typer.Option("--pairs", min=10, help="Of each LoRA.")] = _LORAS.pairs,
    ungated: Annotated[
        bool, typer.Option("--ungated", help="Go on with a stage that is worse than it must be.")
    ] = False,
) -> None:
    """Draw figures, fit the autoencoder, train base model and LoRAs. Hours on two cores; Ctrl+C pauses."""
    from engine.services.nano import build_nano

    recipe = Recipe(figures=figures, decoder_steps=decoder_steps, base_steps=base_steps)
    if ungated:
        recipe = replace(recipe, least_decoded=0.0, must_beat_guessing=False)
    with stopping("Pausing after this step ...") as stop, progress_bar("nano", quiet=False) as advance:
        try:
            build_nano(
                folder,
                out,
                recipe,
                LoraRecipe(pairs=pairs),
                composition_of(context).trainer_command,
                lambda stage, done, total, note: advance(done, total, f"{stage} {note}"),
                stop,
            )
        except Cancelled:
            say("Paused; the same command goes on.")
            raise typer.Exit(INTERRUPTED) from None
    answer(str(out))
