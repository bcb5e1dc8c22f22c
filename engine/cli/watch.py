"""`chromask watch`: takes in what is put into a folder, and processes it, until it is interrupted."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.composition import Composition, composition_of, default_export_folder
from engine.cli.console import say
from engine.cli.options import CatalogOption, ModelOption, VramTierOption
from engine.cli.working import tell_event
from engine.dispatch.session import open_session
from engine.domain.errors import KnownError

if TYPE_CHECKING:
    from engine.services.plan import BatchPlan
    from engine.services.watch_folders import WatchFolder


def watch(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The folder; what lies below it counts too.")],
    settle: Annotated[float, typer.Option("--settle", help="Seconds that a file must stay as it is.")] = 10.0,
    preset: Annotated[str, typer.Option("--preset", help="Choices saved on the Intake page.")] = "",
    model: ModelOption = None,
    vram_tier: VramTierOption = 0,
    catalog: CatalogOption = None,
) -> None:
    """Take in what arrives in a folder as soon as both halves of a pair are there. Ctrl+C ends it.

    Nothing in the folder is changed. Results are reviewed and exported in the window, or with 'chromask export'.
    """
    from engine.domain.errors import UsageError
    from engine.services.plan import require_runnable
    from engine.services.presets import Preset, find_preset, user_presets
    from engine.services.tolerances import load_tolerances
    from engine.services.watch_folders import WatchFolder

    if not folder.is_dir():
        raise KnownError("there is no such folder", remedy="Create it first, or check the path.", path=folder)
    if not settle >= 0:
        raise UsageError(f"{settle:g} seconds to settle are not possible", remedy="Give 0 or more.")
    choices = find_preset(user_presets(catalog), preset) if preset else Preset()
    rules = load_tolerances(catalog=catalog)
    rules.require_brand(choices.brand)
    plan = choices.plan(model=model, vram_tier=vram_tier, tolerances=rules)
    # Whoever goes home after this command is not to find in the morning that the first pair ended it.
    if notice := require_runnable(plan):
        say(notice)
    watched = WatchFolder(folder.absolute(), settle, preset, starts=True, needs_flatlays=plan.needs_flatlays)
    _watch(composition_of(context), watched, plan, catalog)


def _watch(composition: Composition, folder: WatchFolder, plan: BatchPlan, catalog: Path | None) -> None:
    from engine.services.given_files import GivenFiles, given_file
    from engine.services.watch_folders import LOOK_EVERY, FolderWatch
    from engine.services.watch_settings import submit_arrival, taken_in

    with open_session(composition.location, catalog) as session:
        given = GivenFiles(given_file(session.path))
        watched = FolderWatch(folder, given, [default_export_folder()])
        dispatcher = session.dispatcher(composition.worker_command)
        dispatcher.subscribe(tell_event)
        dispatcher.start()
        say(f"Watching {folder.path}. Ctrl+C ends it.")
        problem, told = "", frozenset[str]()
        try:
            while True:
                look = watched.look(time.monotonic())
                if look.problem != problem:
                    problem = look.problem
                    say(f"The folder is not within reach: {problem}." if problem else "The folder is back.")
                if not problem:
                    waiting = [str(trouble) for trouble in look.waiting]
                    for sentence in waiting:
                        if sentence not in told:
                            say(f"  {sentence}")
                    told = frozenset(waiting)
                if look.arrival is not None:
                    submission = submit_arrival(session.catalog, look.arrival, plan, datetime.now())
                    given.add(taken_in(look.arrival, submission))
                    dispatcher.wake()
                    for trouble in submission.problems:
                        say(f"  {trouble}")
                    say(f"{len(look.arrival.pairs)} photographs arrived, {len(submission.jobs)} jobs.")
                dispatcher.require_running()
                time.sleep(LOOK_EVERY)
        except KeyboardInterrupt:
            say("Stopping. What is not finished goes on next time.")
        finally:
            dispatcher.stop()
