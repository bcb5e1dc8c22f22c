"""`chromask lora` and `chromask models`: what the Kontext engine paints with, and how it is run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import answer, answer_json, progress_bar, say
from engine.cli.options import JsonOption, ModelOption
from engine.domain.errors import UsageError
from engine.domain.requests import BodyRegion

lora = typer.Typer(help="LoRAs for FLUX.1 Kontext.", no_args_is_help=True)
models = typer.Typer(help="FLUX.1 Kontext itself.", no_args_is_help=True)

LoraFile = Annotated[Path, typer.Argument(help="A LoRA as .safetensors.")]


@lora.command("check")
def check(file: LoraFile, json: JsonOption = False) -> None:
    """Say whether FILE is a LoRA that FLUX.1 Kontext takes completely, without touching a model."""
    from engine.services.lora_files import check_lora_file

    report = check_lora_file(file)
    if json:
        answer_json(asdict(report))
        return
    answer(f"{file}: {report.sentence()}.")
    answer(f"SHA-256 {report.sha256}")
    for notice in report.notices:
        say(notice)


@lora.command("add")
def add(
    file: LoraFile,
    mask_type: Annotated[
        str, typer.Option("--mask-type", help="What it paints green, e.g. hat: the task's name.")
    ] = "",
    color: Annotated[
        bool, typer.Option("--color", help="It matches colours to the flatlay beside the photograph.")
    ] = False,
    name: Annotated[str, typer.Option("--name", help="By default the file's own.")] = "",
    prompt: Annotated[str, typer.Option("--prompt", help="By default the mask type's known one.")] = "",
    trigger: Annotated[str, typer.Option("--trigger", help="The word it was trained to answer to.")] = "",
    scale: Annotated[float, typer.Option("--scale", help="1 is the strength of its training.")] = 1.0,
    licence: Annotated[str, typer.Option("--licence", help="A note for your colleagues.")] = "not stated",
    note: Annotated[str, typer.Option("--note", help="A note for your colleagues.")] = "",
    region: Annotated[
        BodyRegion, typer.Option("--region", help="The part of the person that it was trained on and is shown.")
    ] = BodyRegion.WHOLE,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of your own one for this mask type.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Check FILE, copy it into the models folder and enter it in your registry."""
    from engine.services.lora_files import NewLora, add_lora

    if bool(mask_type) == color:
        raise UsageError(
            "it must be said what the LoRA is for", remedy="Give either --mask-type, e.g. hat, or --color."
        )
    new = NewLora(mask_type.strip().lower(), name, trigger, prompt, scale, licence, note, region=region)
    entry, report = add_lora(file, new, replace=replace)
    if json:
        answer_json({"entry": asdict(entry), "report": asdict(report)})
        return
    answer(f"{entry.name}: {report.sentence()}.")
    answer(f"Prompt: {entry.prompt}")
    for notice in report.notices:
        say(notice)


@lora.command("remove")
def remove(name: Annotated[str, typer.Argument(help="As in chromask lora list.")]) -> None:
    """Take NAME out of your registry; its file stays."""
    from engine.services.lora_files import remove_lora

    remove_lora(name)
    say(f"'{name}' is no longer registered.")


@lora.command("list")
def list_loras(model: ModelOption = None, json: JsonOption = False) -> None:
    """List the known LoRAs and whether their files are there."""
    from engine.inference.kontext.availability import resolve_model
    from engine.services.lora_files import lora_states

    states = lora_states(resolve_model(model))
    if json:
        answer_json([asdict(state) for state in states])
        return
    for state in states:
        task = state.entry.mask_type or state.entry.kind.value
        whose = "own" if state.own else "shipped"
        answer(f"{task:<12} {state.entry.name:<28} {whose:<8} {state.problem or state.file}")


@models.command("download")
def download(
    name: Annotated[str, typer.Argument(help="The model's name in the registry.")] = "FLUX.1-Kontext-dev",
    accept_license: Annotated[
        bool, typer.Option("--accept-license", help="You have read the model's licence and agree to it.")
    ] = False,
    token: Annotated[
        str | None, typer.Option("--token", envvar="HF_TOKEN", help="Access token of the account that accepted it.")
    ] = None,
    endpoint: Annotated[str | None, typer.Option("--endpoint", help="Another server, such as a mirror.")] = None,
) -> None:
    """Download FLUX.1 Kontext into the models folder; a download that broke off is continued."""
    from engine.inference.kontext.availability import models_folder
    from engine.services.model_download import download_model, is_complete, licence_terms
    from engine.services.registries import load_registry

    model = load_registry().model(name)
    folder = models_folder()
    if is_complete(folder / model.name):
        answer(f"{folder / model.name}: complete. No server was contacted.")
        return
    say(licence_terms(model))
    with progress_bar("download", quiet=False) as advance:
        path = download_model(
            model,
            lambda done, total, file: advance(done // 1_000_000, total // 1_000_000, file),
            accepted=accept_license,
            token=token,
            endpoint=endpoint,
        )
    answer(f"{path}: complete.")


@models.command("tiers")
def tiers(model: ModelOption = None, json: JsonOption = False) -> None:
    """Show how the model would be run on graphics cards of each size."""
    from engine.services.model_tiers import tier_table

    table = tier_table(model)
    if json:
        answer_json([asdict(tier) for tier in table])
        return
    sizes = " ".join(f"{part:>6}" for part in ("model", "LoRA", "step", "VAE", "peak"))
    answer(f"{'card':>5}  {'weights':<8} {'offloaded':<11} {'VAE':<8} {sizes} GiB")
    for tier in table:
        sizes = (tier.transformer_bytes, tier.lora_bytes, tier.activation_bytes, tier.vae_bytes, tier.peak_bytes)
        figures = " ".join(f"{size / 2**30:6.1f}" for size in sizes)
        tiles = "in tiles" if tier.vae_tiling else "whole"
        answer(f"{tier.gib:>2} GB  {tier.weights.value:<8} {tier.offload.value:<11} {tiles:<8} {figures}")
    say("Computed from the model's configuration. CHROMASK_VRAM_TIER or --vram-tier name one; else the card decides.")
