"""Versions of a result: a mask corrected by hand, another try for a stated reason, the history, and training pairs.

A version is a job of its own, of the same pair, which takes the place of what it was made from as soon as it has
succeeded. What it took the place of stays in the catalog, with its verdicts and its files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.domain.artifacts import ArtifactKind, ArtifactRef
from engine.domain.errors import KnownError
from engine.domain.jobs import Job, JobState, Origin, Reason
from engine.domain.requests import ColorMatchRequest, DetectionSettings, EditRequest, MaskRequest, Request
from engine.domain.review import ReviewItem, Viewed
from engine.ports import ArtifactStore, Catalog
from engine.services.corrections import with_corrected_views
from engine.services.failures import known_garment
from engine.services.review import current_reviewer

if TYPE_CHECKING:
    from engine.domain.picture import Alpha

SOON = 10
"""Least priority of a version: whoever corrected something wants to see it before the rest of the batch is done."""

_UNFINISHED = (JobState.QUEUED, JobState.RUNNING)

_WORDS = {
    Reason.COLOR: "its colour",
    Reason.MASK: "its mask",
    Reason.DRIFT: "drift",
    Reason.OTHER: "another reason",
}

_BY_HAND = {
    Reason.COLOR: "Correct the mask by hand where it takes in other colours, or match the colour in Photoshop.",
    Reason.OTHER: "Name the reason (colour, mask or drift), or correct the mask by hand.",
}


@dataclass(frozen=True, slots=True)
class NextTry:
    """Another try that is in the queue.

    Attributes
    ----------
    what : str
        What is different this time, one sentence for the operator.
    """

    job: Job
    what: str


def correct_mask(
    catalog: Catalog, artifacts: ArtifactStore, item: Viewed, alpha: Alpha, *, author: str | None = None
) -> Job:
    """Queue a new version with this mask, exactly as it is; a colour match is made again under it.

    A mask that the result or an earlier version of it had brings that version back instead: an edit that is taken back
    does no work twice. Any thread but the window's: a large mask takes a while to be written.

    Parameters
    ----------
    item : ReviewItem or FailedItem
        The result whose mask was corrected, whichever of the versions it is; or the job that failed to find one.
    alpha : ndarray
        ``(H, W)`` uint8 of the photograph's size, 255 = inside.
    author : str, optional
        Who corrected it; the account's name otherwise.

    Raises
    ------
    KnownError
        The mask is empty or of another size, the result is an edit, or the store cannot be written to.
    """
    ref = _stored_mask(artifacts, item, alpha)
    chain = catalog.versions(item.job.id)
    found = item.outcome.mask.garment if item.outcome is not None else known_garment(catalog, item)
    request = _corrected(catalog, item.job.request, found, ref)
    return _queue(catalog, item, chain, _earlier(catalog, chain, request, ref), Reason.MASK_EDITED, author)


def retouched_request(
    catalog: Catalog,
    artifacts: ArtifactStore,
    item: ReviewItem,
    alpha: Alpha | None,
    retouch: ArtifactRef | None,
) -> Request:
    """What a version with a retoucher's work would be: a colour match is made again, and retouched.

    Parameters
    ----------
    alpha : ndarray or None
        ``(H, W)`` uint8, the mask as it shall be; None keeps the result's own.
    retouch : ArtifactRef or None
        What lies over the result now, see `engine.imaging.retouch`; None for a mask alone.

    Raises
    ------
    KnownError
        As `correct_mask`.
    """
    request = item.job.request
    if not isinstance(request, MaskRequest):
        request = replace(request, retouch=retouch)
    if alpha is None:
        return request
    ref = _stored_mask(artifacts, item, alpha)
    request = _corrected(catalog, request, item.outcome.mask.garment, ref)
    return _earlier(catalog, catalog.versions(item.job.id), request, ref)


def queue_retouched(catalog: Catalog, item: ReviewItem, request: Request, *, author: str) -> Job:
    """Queue what `retouched_request` gave as the result's newest version."""
    is_painted = _retouch_of(request) != _retouch_of(item.job.request)
    reason = Reason.RETOUCHED if is_painted else Reason.MASK_EDITED
    return _queue(catalog, item, catalog.versions(item.job.id), request, reason, author)


def _retouch_of(request: Request) -> ArtifactRef | None:
    return None if isinstance(request, MaskRequest) else request.retouch


def _stored_mask(artifacts: ArtifactStore, item: Viewed, alpha: Alpha) -> ArtifactRef:
    """The mask in the store, once it is sure that the result can have it.

    Raises
    ------
    KnownError
        As `correct_mask`.
    """
    from engine.imaging.raster.encode import encode_mask

    photograph = item.pair.on_model.path
    extent = item.outcome.mask.extent if item.outcome is not None else item.pair.on_model.extent
    if isinstance(item.job.request, EditRequest):
        raise _masks_of_turns(item)
    height, width = alpha.shape
    if (width, height) != (extent.width, extent.height):
        raise KnownError(
            f"the mask is {width} × {height}, the photograph {extent} pixels",
            remedy="Make the mask for this photograph.",
            path=photograph,
        )
    if not alpha.any():
        raise KnownError("the corrected mask is empty", remedy="Paint the garment, or reject it.", path=photograph)
    return artifacts.put(ArtifactKind.MASK, encode_mask(alpha), ".png")


def remask(catalog: Catalog, item: Viewed, mask: MaskRequest, *, author: str | None = None) -> Job:
    """Queue a new version whose mask is made in another way; a colour match is made again under it.

    What was made so before is given back as it is, and stays in its place.

    Raises
    ------
    KnownError
        The result is an edit.
    """
    request = item.job.request
    if isinstance(request, EditRequest):
        raise _masks_of_turns(item)
    wanted = mask
    if isinstance(request, ColorMatchRequest):
        wanted = with_corrected_views(catalog, replace(request, mask=mask))
    made = (job for job in catalog.pair_jobs(item.pair.id) if job.request == wanted)
    if (job := next(made, None)) is not None and job.state is JobState.SUCCEEDED:
        return job
    return _queue(catalog, item, catalog.versions(item.job.id), wanted, Reason.MASK, author)


def try_again(catalog: Catalog, item: ReviewItem, reason: Reason, *, author: str | None = None) -> NextTry:
    """Queue what is likeliest to answer the reason and was not tried on this pair yet.

    While a newer version is still in the queue nothing is added to it: that one is the next try. Any thread but the
    window's: it may look for model weights on the disk.

    Parameters
    ----------
    reason : Reason
        ``COLOR``, ``MASK``, ``DRIFT`` or ``OTHER``; see `engine.services.tries.tries` for what each leads to.
    author : str, optional
        Who rejected it; the account's name otherwise.

    Raises
    ------
    KnownError
        Nothing else can be tried; names the photograph and says what a person can do.
    """
    from engine.services.tries import tries

    if reason not in _WORDS:
        raise ValueError(f"{reason} is no reason to try again")
    chain = catalog.versions(item.job.id)
    waiting = next((job for job in chain if job.version > item.job.version and job.state in _UNFINISHED), None)
    if waiting is not None:
        return NextTry(waiting, f"Version {waiting.version} is in the queue already.")
    # What was cancelled before it ran was not tried.
    known = {job.request for job in catalog.pair_jobs(item.pair.id) if job.state is not JobState.CANCELLED}
    for request, what in tries(item.job.request, item.outcome, reason, _detection):
        if isinstance(request, ColorMatchRequest):
            request = with_corrected_views(catalog, request)
        if request not in known:
            job = _queue(catalog, item, chain, request, reason, author)
            return NextTry(job, f"Queued again {what}.")
    raise KnownError(
        f"nothing else can be tried for {_WORDS[reason]}",
        remedy=_BY_HAND.get(reason, "Correct the mask by hand."),
        path=item.pair.on_model.path,
    )


def withdraw_try(catalog: Catalog, job_id: int) -> Job | None:
    """Cancel the other try that a rejection of this result has queued, now that the rejection is taken back.

    Returns
    -------
    Job or None
        The try: CANCELLED, or as it is where it was too late; None where there is none.
    """
    job = _try_of(catalog, job_id)
    if job is None or job.state is not JobState.QUEUED:
        return job
    catalog.cancel([job.id])
    return catalog.job(job.id)


def renew_try(catalog: Catalog, job_id: int) -> Job | None:
    """Queue the try again that `withdraw_try` has cancelled; None where there is none."""
    job = _try_of(catalog, job_id)
    if job is None or job.state is not JobState.CANCELLED:
        return None
    catalog.retry([job.id])
    return catalog.job(job.id)


def _try_of(catalog: Catalog, job_id: int) -> Job | None:
    """The newest version that was asked for because this result was rejected."""
    chain = catalog.versions(job_id)
    return next((j for j in chain if j.origin and j.origin.supersedes == job_id and j.origin.reason in _WORDS), None)


def history(catalog: Catalog, job_id: int) -> list[ReviewItem]:
    """Every version of a result that there is to see, newest first; the result alone where it has no other version."""
    return [catalog.review_item(job.id) for job in catalog.versions(job_id) if job.state is JobState.SUCCEEDED]


def newest_of_each(items: Iterable[ReviewItem]) -> dict[int, ReviewItem]:
    """Of each result the newest version among the items, by its chain (or its only job), at the place of the first."""
    found: dict[int, ReviewItem] = {}
    for item in items:
        chain = item.job.chain or item.job.id
        if chain not in found or item.job.version > found[chain].job.version:
            found[chain] = item
    return found


def mark_for_training(catalog: Catalog, job_id: int, marked: bool, *, author: str | None = None) -> None:
    """Mark a result as a training pair, or take the mark away. The result keeps it whatever version follows."""
    if marked:
        catalog.mark_for_training([job_id], author or current_reviewer(), datetime.now(UTC))
    else:
        catalog.unmark_for_training([job_id])


def _queue(
    catalog: Catalog,
    item: Viewed,
    chain: Sequence[Job],
    request: Request,
    reason: Reason,
    author: str | None,
) -> Job:
    """The request as the newest version, in the batch where the chain is now."""
    newest = chain[0]
    if newest.request == request and newest.state is JobState.SUCCEEDED:
        return newest
    if newest.id == item.job.id and newest.request == request:  # it failed, and is no other version of itself
        catalog.retry([newest.id])
        return catalog.job(newest.id)
    # What is brought back itself cannot be what it was made from.
    made_from = next(job for job in chain if job.id == item.job.id)
    origin = Origin((newest if made_from.request == request else made_from).id, reason, author or current_reviewer())
    (job,) = catalog.add_jobs(
        newest.batch_id, [(item.pair.id, request)], max(SOON, made_from.priority + 1), origins=[origin]
    )
    catalog.log("version", f"version {job.version}, {reason.value}, of job {origin.supersedes}", job.id)
    if job.state in (JobState.FAILED, JobState.CANCELLED):
        catalog.retry([job.id])
        job = catalog.job(job.id)
    return job


def _corrected(catalog: Catalog, request: Request, found: str, ref: ArtifactRef) -> Request:
    """The request with a mask by hand, and with what its making would have found out: the garment, by which a match is
    judged.
    """
    if isinstance(request, ColorMatchRequest):
        mask = replace(request.mask, corrected=ref, found=found)
        return with_corrected_views(catalog, replace(request, mask=mask))
    assert not isinstance(request, EditRequest)
    return replace(request, corrected=ref, found=found)


def _earlier(catalog: Catalog, chain: Sequence[Job], wanted: Request, ref: ArtifactRef) -> Request:
    """The request of the newest version that has this mask and is otherwise what is wanted; else what is wanted."""
    for job in chain:
        outcome = catalog.outcome(job.id)
        if outcome is None or outcome.mask.alpha.sha256 != ref.sha256:
            continue
        if _corrected(catalog, job.request, outcome.mask.garment, ref) == wanted:
            return job.request
    return wanted


def _masks_of_turns(item: Viewed) -> KnownError:
    return KnownError(
        "an edit paints inside the masks of its turns",
        remedy="Edit it once more with another mask.",
        path=item.pair.on_model.path,
    )


def _detection() -> DetectionSettings | None:
    from engine.services.detection import grounded_status

    return grounded_status().settings
