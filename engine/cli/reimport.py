"""`chromask reimport`: takes back what a retoucher saved, once or as it is saved into a folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.composition import Composition, composition_of
from engine.cli.console import DONE, INTERRUPTED, SOME_FAILED, answer, answer_json, say
from engine.cli.options import ExistingCatalogOption, JsonOption
from engine.cli.working import tell_event, work_off
from engine.dispatch.session import Session, open_session
from engine.domain.errors import KnownError, UsageError
from engine.domain.files import absolute_path
from engine.domain.jobs import BatchCounts, JobState

if TYPE_CHECKING:
    from engine.services.reimport import Returned, ReturnedFiles


def reimport(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="PSD, PSB and TIFF files that Chromask wrote and somebody changed; folders of them."),
    ] = None,
    take: Annotated[
        bool,
        typer.Option("--take", help="Take a file back in spite of a conflict; other versions stay in the history."),
    ] = False,
    watch: Annotated[
        Path | None, typer.Option("--watch", help="Take back whatever is saved in this folder, until Ctrl+C.")
    ] = None,
    settle: Annotated[
        float, typer.Option("--settle", help="With --watch, seconds that a file must stay as it is.")
    ] = 10.0,
    catalog: ExistingCatalogOption = None,
    json: JsonOption = False,
) -> None:
    """Take back masks and painted pixels from exported files: new versions, whose colour is matched again.

    Conflicts are shown and nothing is overwritten, neither files nor versions.
    """
    if watch is not None:
        if files or take or json:
            raise UsageError("--watch goes with a folder alone", remedy="Leave out files, --take and --json.")
        if not settle >= 0:
            raise UsageError(f"{settle:g} seconds to settle are not possible", remedy="Give 0 or more.")
        if not watch.is_dir():
            raise KnownError("there is no such folder", remedy="Create it first, or check the path.", path=watch)
        _watch(composition_of(context), watch, settle, catalog)
        return
    if not files:
        raise UsageError("there is nothing to take back", remedy="Name files or folders, or --watch a folder.")
    _take(composition_of(context), files, catalog, take=take, json=json)


def _take(composition: Composition, files: list[Path], catalog: Path | None, *, take: bool, json: bool) -> None:
    from engine.services.reimport import Conflict, Reimported, ReturnedFiles, returned_list

    interrupted = False
    with open_session(composition.location, catalog) as session:
        returned = ReturnedFiles(returned_list(session.path))
        found = [_taken(session, path, returned, is_listed, take=take) for path, is_listed in _listed(files)]
        jobs = [job.id for each in found if isinstance(each, Reimported) for job in each.jobs]
        if not json:
            for each in found:
                _tell(each)
        if any(not session.catalog.job(job).state.is_final for job in jobs):
            interrupted = work_off(composition, session, _counted(session, jobs), quiet=json)
        rows = [_row(session, each) for each in found if each is not None]
        failed = any(session.catalog.job(job).state is JobState.FAILED for job in jobs)
    if json:
        answer_json(rows)
    elif not rows:
        say("Nothing to take back: there is no PSD, PSB or TIFF here that Chromask has exported.")
    elif jobs and not interrupted:
        answer(f"{len(jobs)} new {'version' if len(jobs) == 1 else 'versions'}; exported once approved.")
    failed = failed or any(isinstance(each, Conflict | KnownError) for each in found)
    raise typer.Exit(INTERRUPTED if interrupted else SOME_FAILED if failed else DONE)


def _taken(
    session: Session, path: Path, returned: ReturnedFiles, is_listed: bool, *, take: bool
) -> Returned | KnownError | None:
    """What came of one file; None for one that a folder holds beside ours."""
    from engine.services.reimport import ForeignFileError, reimport

    try:
        return reimport(session.catalog, session.artifacts, path, returned, take=take)
    except ForeignFileError as error:
        return error if is_listed else None
    except KnownError as error:
        return error


def _listed(files: Iterable[Path]) -> list[tuple[Path, bool]]:
    """Files in order, and whether each was named itself."""
    from engine.domain.files import TEMPORARY_PREFIX
    from engine.services.reimport import SUFFIXES

    found: dict[Path, bool] = {}
    for path in files:
        if not path.is_dir():
            found[path] = True
            continue
        for file in sorted(path.rglob("*")):
            if file.suffix.lower() in SUFFIXES and file.is_file() and not file.name.startswith((".", TEMPORARY_PREFIX)):
                found.setdefault(file, False)
    return list(found.items())


def _tell(found: Returned | KnownError | None) -> None:
    from engine.services.reimport import Conflict, Reimported, Unchanged

    match found:
        case None:
            return
        case KnownError():
            say(f"  {found}")
            return
        case Unchanged():
            say(f"{found.path.name}: {found.why}")
        case Reimported():
            versions = ", ".join(f"version {job.version} (job {job.id})" for job in found.jobs)
            say(f"{found.path.name}: {' '.join(found.changes)} Taken back as {versions}.")
        case Conflict():
            say(f"{found.path.name}: not taken back. {' '.join(found.why)}")
            say(f"  {' '.join(found.changes)} Take it all the same with --take: other versions stay in the history.")
    for notice in found.notices:
        say(f"  {notice}")


def _row(session: Session, found: Returned | KnownError) -> dict[str, Any]:
    from engine.services.reimport import Conflict, Reimported

    if isinstance(found, KnownError):
        return {"file": found.path, "outcome": "failed", "why": [str(found)]}
    row: dict[str, Any] = {"file": found.path, "notices": found.notices}
    match found:
        case Reimported():
            versions = [session.catalog.job(job.id) for job in found.jobs]
            row |= {
                "outcome": "taken",
                "changes": found.changes,
                "versions": [
                    {
                        "job": job.id,
                        "version": job.version,
                        "state": job.state.value,
                        "message": job.failure.message if job.failure is not None else None,
                    }
                    for job in versions
                ],
            }
        case Conflict():
            row |= {"outcome": "conflict", "why": found.why, "changes": found.changes}
        case _:
            row |= {"outcome": "unchanged", "why": [found.why]}
    return row


def _counted(session: Session, jobs: list[int]) -> Callable[[], BatchCounts]:
    def counts() -> BatchCounts:
        states = [session.catalog.job(job).state.value for job in jobs]
        return BatchCounts(**{state: states.count(state) for state in set(states)})

    return counts


def _watch(composition: Composition, folder: Path, settle: float, catalog: Path | None) -> None:
    from engine.services.given_files import GivenFiles
    from engine.services.reimport import ReturnedFiles, returned_list, take_settled
    from engine.services.watch_folders import LOOK_EVERY, FolderWatch, WatchFolder

    folder = absolute_path(folder)
    with open_session(composition.location, catalog) as session:
        returned = ReturnedFiles(returned_list(session.path))
        watch = FolderWatch(WatchFolder(folder, settle), GivenFiles(None))
        dispatcher = session.dispatcher(composition.worker_command)
        dispatcher.subscribe(tell_event)
        dispatcher.start()
        say(f"Watching {folder}. Ctrl+C ends it.")
        problem = ""
        try:
            while True:
                look = watch.look(time.monotonic())
                if look.problem != problem:
                    problem = look.problem
                    say(f"The folder is not within reach: {problem}." if problem else "The folder is back.")
                if look.arrival is not None:
                    settled = take_settled(session.catalog, session.artifacts, look.arrival.files, returned)
                    for found in (*settled.taken, *settled.conflicts, *settled.failures):
                        _tell(found)
                    if settled.taken:
                        dispatcher.wake()
                dispatcher.require_running()
                time.sleep(LOOK_EVERY)
        except KeyboardInterrupt:
            say("Stopping. What is not finished goes on next time.")
        finally:
            dispatcher.stop()
