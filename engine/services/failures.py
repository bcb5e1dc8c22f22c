"""Jobs that failed to find a mask: what is known of it all the same, for a person who draws it."""

from __future__ import annotations

from collections.abc import Iterable

from engine.domain.artifacts import ArtifactRef
from engine.domain.errors import KnownError
from engine.domain.jobs import Job, JobState, repeated
from engine.domain.requests import EditRequest, MaskRequest
from engine.domain.results import MaskResult
from engine.domain.review import FailedItem
from engine.ports import Catalog


def can_be_drawn(job: Job) -> bool:
    """Whether a person can draw the mask of a job that failed; an edit's masks belong to its turns."""
    return job.state is JobState.FAILED and not isinstance(job.request, EditRequest)


def standing_failures(jobs: Iterable[Job]) -> list[Job]:
    """Those that failed, without those in whose place a newer version stands; ``jobs`` holds whole chains."""
    given = list(jobs)
    chains: dict[int, list[Job]] = {}
    for job in given:
        if job.chain is not None:
            chains.setdefault(job.chain, []).append(job)
    again = {job_id for chain in chains.values() for job_id in repeated(chain)}
    return [job for job in given if job.state is JobState.FAILED and job.id not in again]


def failed_item(catalog: Catalog, job_id: int) -> FailedItem:
    """A failed job with its photographs.

    Raises
    ------
    KnownError
        The job has not failed, or is an edit; names the photograph.
    """
    job = catalog.job(job_id)
    pair = catalog.pair(job.pair_id)
    if not can_be_drawn(job):
        is_edit = isinstance(job.request, EditRequest)
        what = "an edit paints inside the masks of its turns" if is_edit else f"this job is {job.state.value}"
        remedy = "Ask for the edit again, with another mask." if is_edit else "See what becomes of it first."
        raise KnownError(what, remedy=remedy, path=pair.on_model.path)
    return FailedItem(job, pair)


def best_guess(catalog: Catalog, item: FailedItem) -> ArtifactRef | None:
    """The mask to begin drawing with: the job's own where a person drew it before, else the newest that any job of the
    photograph has; None where there is none.
    """
    mask = mask_request(item)
    if mask.corrected is not None:
        return mask.corrected
    made = _made(catalog, item)
    return made.alpha if made is not None else None


def known_garment(catalog: Catalog, item: FailedItem) -> str:
    """The garment by which a match under the drawn mask is judged: as it was found by another job of the photograph,
    else as it was named; empty where nobody knows.
    """
    mask, made = mask_request(item), _made(catalog, item)
    return (made.garment if made is not None else "") or mask.found or mask.garment or item.pair.garment


def mask_request(item: FailedItem) -> MaskRequest:
    """How the mask was to be made.

    Raises
    ------
    KnownError
        The job is an edit.
    """
    request = item.job.request
    if isinstance(request, EditRequest):
        raise KnownError(
            "an edit paints inside the masks of its turns",
            remedy="Ask for the edit again, with another mask.",
            path=item.pair.on_model.path,
        )
    return request if isinstance(request, MaskRequest) else request.mask


def _made(catalog: Catalog, item: FailedItem) -> MaskResult | None:
    """The newest mask of the same name that a job of the pair has made."""
    name, extent = mask_request(item).name, item.pair.on_model.extent
    for job in reversed(catalog.pair_jobs(item.pair.id)):
        outcome = catalog.outcome(job.id) if job.state is JobState.SUCCEEDED else None
        if outcome is not None and outcome.mask.name == name and outcome.mask.extent == extent:
            return outcome.mask
    return None
