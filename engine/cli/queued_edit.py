"""`chromask catalog edit` and `chromask catalog work`: edits that wait in a catalog, and whoever runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.composition import composition_of
from engine.cli.console import DONE, INTERRUPTED, SOME_FAILED, answer_json, say
from engine.cli.options import (
    EditLoraOption,
    EditPromptOption,
    EditReferenceOption,
    EditSeedOption,
    EditStepsOption,
    EditStrengthOption,
    ExistingCatalogOption,
    JsonOption,
    ModelOption,
    VramTierOption,
)
from engine.domain.errors import KnownError, UsageError


def queue_edit(
    context: typer.Context,
    result: Annotated[str, typer.Argument(help="A finished job's number, or its on-model photograph.")],
    prompt: EditPromptOption,
    mask: Annotated[
        Path | None, typer.Option("--mask", help="White where the photograph may change; the result's own otherwise.")
    ] = None,
    reference: EditReferenceOption = None,
    flatlay: Annotated[bool, typer.Option("--flatlay", help="The photograph's own flatlay is the reference.")] = False,
    strength: EditStrengthOption = 1.0,
    steps: EditStepsOption = 28,
    seed: EditSeedOption = 0,
    lora: EditLoraOption = "",
    model: ModelOption = None,
    vram_tier: VramTierOption = 0,
    catalog: ExistingCatalogOption = None,
    json: JsonOption = False,
) -> None:
    """Queue an edit of a result's photograph, or one more turn of an edit.

    It is run by 'chromask catalog work', or by the window, and reviewed and exported like every other result.
    """
    from engine.dispatch.session import open_session
    from engine.domain.requests import EditRequest
    from engine.services.editing import edit_settings, edit_turn, edited_result, input_file, own_mask, submit_edit

    if flatlay and reference is not None:
        raise UsageError("there are two references", remedy="Give either --reference or --flatlay.")
    settings = edit_settings(prompt, model, steps=steps, seed=seed, lora=lora, vram_tier=vram_tier)
    with open_session(composition_of(context).location, catalog) as session:
        item = session.catalog.review_item(edited_result(session.catalog, result).job_id)
        if flatlay:
            if item.pair.flatlay is None:
                what = "it has no flatlay to show the model"
                raise KnownError(what, remedy="Give a --reference.", path=item.pair.on_model.path)
            reference = item.pair.flatlay.path
        area = input_file(mask) if mask is not None else own_mask(session.artifacts, item.outcome)
        turn = edit_turn(settings, area, reference, strength=strength)
        job = submit_edit(session.catalog, item.job, turn)
    assert isinstance(job.request, EditRequest)
    turns = [each.diffusion.prompt for each in job.request.turns]
    if json:
        answer_json({"job": job.id, "state": job.state.value, "photograph": item.pair.on_model.path, "turns": turns})
        return
    for number, each in enumerate(turns, start=1):
        say(f"  turn {number}: {each}")
    if job.state.is_final:
        say(f"{item.pair.on_model.path.name}: these very turns were painted before, as job {job.id}.")
    else:
        say(f"{item.pair.on_model.path.name}: queued as job {job.id}. 'chromask catalog work' or the window runs it.")


def work(context: typer.Context, catalog: ExistingCatalogOption = None, json: JsonOption = False) -> None:
    """Run everything that is queued in the catalog, whoever queued it. Exit code 1 when a job failed."""
    from engine.cli.working import work_off
    from engine.dispatch.session import open_session

    composition = composition_of(context)
    with open_session(composition.location, catalog) as session:
        before = session.catalog.counts()
        interrupted = work_off(composition, session, session.catalog.counts, quiet=json) if before.queued else False
        after = session.catalog.counts()
    failed = after.failed - before.failed
    if json:
        answer_json({"succeeded": after.succeeded - before.succeeded, "failed": failed, "queued": after.queued})
    elif not before.queued:
        say("Nothing is queued.")
    raise typer.Exit(INTERRUPTED if interrupted else SOME_FAILED if failed > 0 else DONE)
