"""`chromask nano build`: trains the small model that ships, from nothing."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.composition import composition_of
from engine.cli.console import INTERRUPTED, answer, progress_bar, say
from engine.domain.errors import Cancelled

app = typer.Typer(help="Nano Kontext, the small model for drawn figures.", no_args_is_help=True)

_DECODER_STEPS, _BASE_STEPS, _FIGURES, _PAIRS = 1_000, 9_000, 2_000, 20


@app.callback()
def nano() -> None:
    """Nano Kontext, the small model for drawn figures."""


@app.command("build")
def build(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Keeps every stage, some 3 GB; a build that stopped goes on here.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Receives the model and its LoRAs.")],
    figures: Annotated[int, typer.Option("--figures", min=1, help="Drawn in each of two parts.")] = _FIGURES,
    decoder_steps: Annotated[
        int, typer.Option("--decoder-steps", min=1, help="Of the VAE's decoder.")
    ] = _DECODER_STEPS,
    base_steps: Annotated[
        int, typer.Option("--base-steps", min=1, help="Of the base; more make it go on.")
    ] = _BASE_STEPS,
    pairs: Annotated[int, typer.Option("--pairs", min=10, help="Of each LoRA.")] = _PAIRS,
    ungated: Annotated[
        bool, typer.Option("--ungated", help="Go on with a stage that is worse than it must be.")
    ] = False,
) -> None:
    """Draw figures, fit the autoencoder, train base model and LoRAs. Hours on two cores; Ctrl+C pauses."""
    from engine.services.nano import LoraRecipe, build_nano
    from engine.training.nano.recipe import Recipe

    gate = {"least_decoded": 0.0, "must_beat_guessing": False} if ungated else {}
    recipe = Recipe(figures=figures, decoder_steps=decoder_steps, base_steps=base_steps, **gate)
    asked: list[int] = []
    with _noting(asked), progress_bar("nano", quiet=False) as advance:
        try:
            build_nano(
                folder,
                out,
                recipe,
                LoraRecipe(pairs=pairs),
                composition_of(context).trainer_command,
                lambda stage, done, total, note: advance(done, total, f"{stage} {note}"),
                lambda: bool(asked),
            )
        except Cancelled:
            say("Paused; the same command goes on.")
            raise typer.Exit(INTERRUPTED) from None
    answer(str(out))


@contextmanager
def _noting(asked: list[int]) -> Generator[None]:
    """Within it Ctrl+C is noted, and a second one ends the program."""

    def interrupted(number: int, _: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        say("Pausing after this step ...")

    former: Callable[..., object] | int | None = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)
