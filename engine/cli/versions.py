"""`chromask correct`, `again` and `history`: another version of a result, and what there is of one."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.composition import Composition, composition_of
from engine.cli.console import DONE, INTERRUPTED, SOME_FAILED, answer, answer_json, say
from engine.cli.options import ExistingCatalogOption, JsonOption
from engine.cli.working import work_off
from engine.dispatch.session import Session, open_session
from engine.domain.errors import UsageError
from engine.domain.jobs import BatchCounts, Job, JobState, Reason
from engine.domain.review import FailedItem, ReviewItem
from engine.services.failures import failed_item

JobArgument = Annotated[
    int, typer.Argument(metavar="JOB", help="Number of the result, as delta_e.csv and 'chromask history' give it.")
]


class RejectedFor(StrEnum):
    """The reasons for which a result can be tried again."""

    COLOR = Reason.COLOR.value
    MASK = Reason.MASK.value
    DRIFT = Reason.DRIFT.value
    OTHER = Reason.OTHER.value


def correct(
    context: typer.Context,
    job: JobArgument,
    mask: Annotated[
        Path, typer.Option("--mask", help="The mask as it shall be, white on black, of the photograph's size.")
    ],
    catalog: ExistingCatalogOption = None,
    json: JsonOption = False,
) -> None:
    """Give a result, or a job that found no mask, one made by hand, and match its colour under it as a new version."""
    from engine.imaging.masks.given import read_mask
    from engine.services.versions import correct_mask

    composition = composition_of(context)
    with open_session(composition.location, catalog) as session:
        item = _drawable(session, job)
        extent = item.outcome.mask.extent if item.outcome is not None else item.pair.on_model.extent
        alpha = read_mask(mask, extent)
        new = correct_mask(session.catalog, session.artifacts, item, alpha)
        _finish(composition, session, new, "", json)


def again(
    context: typer.Context,
    job: JobArgument,
    reason: Annotated[RejectedFor, typer.Option("--reason", help="What is wrong with it.")],
    catalog: ExistingCatalogOption = None,
    json: JsonOption = False,
) -> None:
    """Try a result again with what answers the reason: other seeds, another source of the mask, other lightness."""
    from engine.services.versions import try_again

    composition = composition_of(context)
    with open_session(composition.location, catalog) as session:
        following = try_again(session.catalog, _item(session, job), Reason(reason))
        _finish(composition, session, following.job, following.what, json)


def history(
    context: typer.Context, job: JobArgument, catalog: ExistingCatalogOption = None, json: JsonOption = False
) -> None:
    """List every version of a result, newest first, with who asked for it and why."""
    with open_session(composition_of(context).location, catalog) as session:
        _known(session, job)
        chain = session.catalog.versions(job)
        rows = [_row(session, version) for version in chain]
    if json:
        answer_json(rows)
        return
    for row in rows:
        parts = (
            f"version {row['version']}",
            f"job {row['job']}",
            str(row["state"]),
            f"{row['reason']} by {row['author']}".replace("_", " ", 1) if row["reason"] else "",
            f"ΔE00 {row['dE00_after']:.2f}" if row["dE00_after"] is not None else "",
            str(row["decision"] or ""),
        )
        answer(", ".join(part for part in parts if part))


def _row(session: Session, job: Job) -> dict[str, str | int | float | None]:
    item = session.catalog.review_item(job.id) if job.state is JobState.SUCCEEDED else None
    match = item.outcome.match if item is not None else None
    return {
        "version": job.version,
        "job": job.id,
        "state": job.state.value,
        "supersedes": job.origin.supersedes if job.origin is not None else None,
        "reason": job.origin.reason.value if job.origin is not None else None,
        "author": job.origin.author if job.origin is not None else None,
        "dE00_after": match.after.delta_E if match is not None else None,
        "decision": item.decision.value if item is not None else None,
        "message": job.failure.message if job.failure is not None else None,
    }


def _known(session: Session, job_id: int) -> Job:
    """The job, which an operator named."""
    found = next(iter(session.catalog.jobs(after_id=job_id - 1, limit=1)), None)
    if found is None or found.id != job_id:
        raise UsageError(f"there is no job {job_id}", remedy="See the column 'job' of delta_e.csv.")
    return found


def _item(session: Session, job_id: int) -> ReviewItem:
    job = _known(session, job_id)
    if job.state is not JobState.SUCCEEDED:
        raise UsageError(f"job {job_id} is {job.state.value} and has no result", remedy="Name one that has.")
    return session.catalog.review_item(job_id)


def _drawable(session: Session, job_id: int) -> ReviewItem | FailedItem:
    """A result whose mask can be corrected, or a failed job whose mask can be drawn."""
    is_failed = _known(session, job_id).state is JobState.FAILED
    return failed_item(session.catalog, job_id) if is_failed else _item(session, job_id)


def _finish(composition: Composition, session: Session, job: Job, what: str, quiet: bool) -> None:
    """Do the job, with what stands before it in the queue, and say what came of it."""
    if what:
        say(what)
    catalog, interrupted = session.catalog, False
    if not job.state.is_final:
        interrupted = work_off(composition, session, _counted(session, job.id), quiet=quiet)
    job = catalog.job(job.id)
    row = {**_row(session, job), "what": what}
    if quiet:
        answer_json(row)
    elif job.state is JobState.SUCCEEDED:
        answer(f"Version {job.version} is job {job.id}. It is exported once it is approved.")
    raise typer.Exit(INTERRUPTED if interrupted else DONE if job.state is JobState.SUCCEEDED else SOME_FAILED)


def _counted(session: Session, job_id: int) -> Callable[[], BatchCounts]:
    return lambda: BatchCounts(**{session.catalog.job(job_id).state.value: 1})
