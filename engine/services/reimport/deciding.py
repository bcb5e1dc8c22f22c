"""What a person decides about a file that came back: the retoucher's work, or the versions that there are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.domain.errors import KnownError
from engine.domain.jobs import Job, JobState, Origin, Reason
from engine.ports import ArtifactStore, Catalog
from engine.services.reimport.returned_files import ReturnedFiles
from engine.services.reimport.taking import Conflict, Returned, reimport
from engine.services.versions import SOON

_UNFINISHED = (JobState.QUEUED, JobState.RUNNING)


def take_theirs(catalog: Catalog, artifacts: ArtifactStore, path: Path, returned: ReturnedFiles) -> Returned:
    """Take a file back in spite of a conflict, or once more after it was put back; see `reimport`.

    Raises
    ------
    KnownError
        As `reimport`.
    """
    returned.look_anew(path)
    return reimport(catalog, artifacts, path, returned, take=True)


def keep_ours(conflict: Conflict, returned: ReturnedFiles) -> None:
    """Leave the results as they are, and the file as it is. Saved once more, it is compared once more.

    Raises
    ------
    KnownError
        The note cannot be written.
    """
    returned.add(conflict.path, conflict.sha256, conflict.state, [])


def put_back(catalog: Catalog, job_ids: Sequence[int], *, author: str) -> tuple[Job, ...]:
    """Let the versions stand again in whose place a file's were taken; both stay in the history.

    What is not made yet is not made. Where it is, the version before it is asked for again and so becomes the newest.

    Parameters
    ----------
    job_ids : sequence of int
        The versions that were taken from the file.

    Returns
    -------
    tuple of Job
        The versions that stand now.

    Raises
    ------
    KnownError
        A still newer version was made since; nothing is changed.
    """
    chains = [catalog.versions(job_id) for job_id in job_ids]
    for job_id, chain in zip(job_ids, chains, strict=True):
        if chain[0].id != job_id:
            raise KnownError(
                f"version {chain[0].version} was made since",
                remedy="Choose the version that shall stand in the history on the Review page.",
            )
    catalog.cancel([chain[0].id for chain in chains if chain[0].state in _UNFINISHED])
    return tuple(_standing(catalog, chain, author) for chain in chains)


def _standing(catalog: Catalog, chain: Sequence[Job], author: str) -> Job:
    taken = catalog.job(chain[0].id)
    before = next((job for job in chain[1:] if job.state in (*_UNFINISHED, JobState.SUCCEEDED)), None)
    if before is None or taken.state is JobState.CANCELLED:
        return before or taken
    reason = taken.origin.reason if taken.origin is not None else Reason.OTHER
    (job,) = catalog.add_jobs(
        taken.batch_id, [(taken.pair_id, before.request)], max(SOON, taken.priority), [Origin(taken.id, reason, author)]
    )
    return job
