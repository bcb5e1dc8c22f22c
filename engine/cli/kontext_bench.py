"""`chromask eval bench`: KontextBench, over several rounds where asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import DONE, INTERRUPTED, SOME_FAILED, answer_json, progress_bar, say, stopping
from engine.cli.evaluate import (
    STOPPING,
    GuidanceOption,
    ScaleOption,
    SeedOption,
    StepsOption,
    print_table,
    warn_of,
)
from engine.cli.options import JsonOption, ModelOption, VramTierOption
from engine.domain.benchmark import BenchCategory, BenchOutput
from engine.domain.requests import Sampling


def bench(
    folder: Annotated[Path, typer.Argument(help="KontextBench, or a folder with one for each category.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the outputs; what is there is not made again.")],
    rounds: Annotated[int, typer.Option("--rounds", help="Edit the output again, so many times in all.")] = 1,
    category: Annotated[
        list[BenchCategory] | None, typer.Option("--category", help="Only this one; may be given several times.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="So many of each category at most; 0: all.")] = 0,
    model: ModelOption = None,
    lora: Annotated[Path | None, typer.Option("--lora", help="A LoRA file; none by default.")] = None,
    lora_scale: ScaleOption = 1.0,
    steps: StepsOption = 28,
    guidance: GuidanceOption = 2.5,
    seed: SeedOption = 0,
    again: Annotated[bool, typer.Option("--again", help="Make outputs anew that are there.")] = False,
    vram_tier: VramTierOption = 0,
    json: JsonOption = False,
) -> None:
    """Edit the pictures of KontextBench by their instructions, and measure how they drift from round to round.

    Exit code 1 when a picture could not be edited. After Ctrl+C the same command goes on.
    """
    from dataclasses import asdict

    from engine.services.evaluation.bench import run_bench
    from engine.services.evaluation.bench_sheets import drift_table
    from engine.services.evaluation.requests import bench_request

    request = bench_request(
        folder,
        model,
        rounds=rounds,
        categories=category or (),
        limit=limit,
        lora=lora,
        lora_scale=lora_scale,
        sampling=Sampling(steps, guidance, seed),
        vram_tier=vram_tier,
    )

    warn_of(request.model)

    def tell(output: BenchOutput) -> None:
        if output.problem:
            say(f"  {output.category.value} {output.key}, round {output.round}: {output.problem}")

    with stopping(STOPPING) as stop, progress_bar("Editing", quiet=json) as advance:
        run = run_bench(request, out, again=again, advance=advance, made=tell, stop=stop)
    if json:
        answer_json({"folder": out, **asdict(run)})
    else:
        print_table(drift_table(run))
        if not run.is_complete:
            say("Stopped before the end; the same command goes on.")
        say(f"Outputs: {out}")
    if not run.is_complete:
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(SOME_FAILED if any(output.problem for output in run.outputs) else DONE)
