"""What the engine needs from the outside, and what it offers: the seams where implementations plug in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engine.domain.artifacts import ArtifactKind, ArtifactRef
from engine.domain.assets import AssetPair, NewPair
from engine.domain.jobs import Batch, BatchCounts, Job, JobFailure, JobState, Origin
from engine.domain.picture import ColorGuide, PaintedCrop, PaintedMask, Picture
from engine.domain.requests import ColorMatchRequest, EditTurn, MaskRequest, Request, View
from engine.domain.results import JobOutcome
from engine.domain.review import Decision, ExportFormat, ExportRecord, Review, ReviewItem, ReviewRow, TrainingMark

if TYPE_CHECKING:
    from engine.domain.picture import Alpha

ReportStep = Callable[[int, int, str], None]
"""``report(step, total, label)``; raises `engine.domain.errors.Cancelled` when the job was cancelled."""


class Backend(Protocol):
    """Makes masks and colour guides. Lives in the worker process; called from one thread only."""

    def make_mask(
        self, on_model: Picture, flatlay: Picture | None, request: MaskRequest, report: ReportStep
    ) -> PaintedMask:
        """Mask the garment (or the absent object) on the on-model photograph.

        Raises
        ------
        KnownError
            The picture, the model folder or the memory does not allow it.
        Cancelled
            From ``report``.
        """
        ...

    def mask_flatlay(self, flatlay: Picture, request: MaskRequest) -> PaintedMask | None:
        """Mask the garment on a flatlay whose background is not plain; None where the backend cannot.

        Raises
        ------
        KnownError
            The garment was not found on it, or the models do not load; names the file.
        """
        ...

    def color_guide(
        self, on_model: Picture, flatlay: Picture, mask: PaintedMask, request: ColorMatchRequest, report: ReportStep
    ) -> ColorGuide | None:
        """Paint the garment in the flatlay's colour; None where the backend has no such model."""
        ...

    def paint_edit(
        self, photograph: Picture, mask: Alpha, reference: Picture | None, turn: EditTurn, report: ReportStep
    ) -> PaintedCrop | None:
        """Paint one turn of an edit on the original photograph; None where the backend has no such model.

        Parameters
        ----------
        mask : ndarray
            ``(H, W)`` uint8 at the photograph's size, above 0 = may change.
        """
        ...


class ArtifactStore(Protocol):
    """Content-addressed files on disk. Any process; every method may be called from any thread.

    A file appears under its final name only after its bytes were written to a temporary name and fsynced.
    """

    def put(self, kind: ArtifactKind, data: bytes, suffix: str) -> ArtifactRef:
        """Store ``data`` and return its reference; storing the same bytes twice is one file.

        Raises
        ------
        KnownError
            Disk full or folder not writable (retryable).
        """
        ...

    def path(self, ref: ArtifactRef) -> Path:
        """Where the artifact's file lies; it may be missing if somebody deleted it."""
        ...

    def read(self, ref: ArtifactRef) -> bytes:
        """The artifact's bytes, checked against its hash.

        Raises
        ------
        KnownError
            The file is missing or damaged.
        """
        ...

    def sweep(self, keep: Iterable[str]) -> int:
        """Delete temporary files and artifacts whose hash is not in ``keep``; the number of files removed.

        Only while no worker runs.
        """
        ...

    def stray(self, keep: Iterable[str]) -> list[Path]:
        """What `sweep` would delete."""
        ...


class Catalog(Protocol):
    """The record of everything. Every method is one transaction and may be called from any thread.

    All `datetime` values are timezone-aware UTC. Methods that take an id raise `engine.domain.errors.BugError` for an
    id that does not exist.
    """

    # -- batches and jobs ---------------------------------------------------------------------------------------

    def create_batch(self, name: str) -> Batch:
        """A new, empty batch; names need not be unique."""
        ...

    def batches(self) -> list[Batch]:
        """Newest first."""
        ...

    def add_pairs(self, pairs: Sequence[NewPair]) -> list[AssetPair]:
        """Insert pairs with their assets, in order. An asset known by (path, sha256) and a pair known by (on-model,
        flatlay) are re-used; sku, view and garment of a known pair are updated.
        """
        ...

    def add_jobs(
        self,
        batch_id: int,
        jobs: Sequence[tuple[int, Request]],
        priority: int = 0,
        origins: Sequence[Origin] = (),
    ) -> list[Job]:
        """Insert one job per (pair id, request), in order. A pair whose very request (same `request_hash`) is known
        gets its existing job back, moved to this batch with all its versions, whatever its state: finished work is not
        done twice.

        Parameters
        ----------
        origins : sequence of Origin
            Empty, or one for each job, which becomes the newest version of the chain of ``supersedes`` and stays in
            that chain's batch. A known job does so as well, with the new origin and at least this priority: asking for
            what there was before brings it back. Is it of another chain, that whole chain comes along, before it.
        """
        ...

    def jobs(
        self,
        batch_id: int | None = None,
        states: Iterable[JobState] | None = None,
        after_id: int = 0,
        limit: int = 1000,
    ) -> list[Job]:
        """Jobs in id order, paged by key (``id > after_id``)."""
        ...

    def job(self, job_id: int) -> Job: ...

    def pair(self, pair_id: int) -> AssetPair: ...

    def pairs(self, ids: Sequence[int]) -> dict[int, AssetPair]: ...

    def pair_jobs(self, pair_id: int) -> list[Job]:
        """Every job of the pair, in id order."""
        ...

    def versions(self, job_id: int) -> list[Job]:
        """The job's chain, newest first, in whatever states; the job alone where it has no other version."""
        ...

    def superseded(self, job_ids: Sequence[int]) -> set[int]:
        """Those of the jobs that a SUCCEEDED job of a higher version has taken the place of."""
        ...

    def find_pairs(self, views: Sequence[View]) -> list[int | None]:
        """For each view the id of its pair, by path and hash of both photographs; None where it is not known."""
        ...

    def corrected_masks(self, pair_ids: Sequence[int]) -> dict[int, MaskRequest]:
        """Of those pairs whose garment mask a person corrected, the request with the mask as it is now: of the result
        that finished last, among the newest versions that succeeded.
        """
        ...

    def counts(self, batch_id: int | None = None) -> BatchCounts: ...

    def claim(self, worker_id: str, now: datetime, *, without_networks: bool = False) -> Job | None:
        """Take the next queued job (highest priority, lowest position, lowest id): RUNNING, ``attempt + 1``,
        heartbeat ``now``. None when nothing is queued. Two claimants never get the same job.

        ``without_networks`` passes over the jobs that `engine.domain.requests.uses_networks` says need model weights.
        """
        ...

    def heartbeat(self, job_id: int, worker_id: str, now: datetime) -> bool:
        """Renew the lease; False when the job is no longer this worker's."""
        ...

    def succeed(self, job_id: int, worker_id: str, outcome: JobOutcome, now: datetime) -> bool:
        """Commit masks, result, ΔE reports and the SUCCEEDED state in one transaction; False (and nothing written)
        when the job is no longer this worker's.
        """
        ...

    def fail(self, job_id: int, worker_id: str, failure: JobFailure, now: datetime) -> bool:
        """RUNNING -> FAILED; False when the job is no longer this worker's."""
        ...

    def release(self, job_id: int, worker_id: str, *, count_attempt: bool) -> bool:
        """RUNNING -> QUEUED at the end of its priority. ``count_attempt=False`` takes the claim's attempt back (the
        application stopped; the picture is not to blame).
        """
        ...

    def recover(self, lost_before: datetime) -> list[int]:
        """RUNNING jobs whose heartbeat is older go back to QUEUED, their attempt not counted; their ids."""
        ...

    def cancel(self, job_ids: Sequence[int]) -> list[int]:
        """QUEUED or RUNNING -> CANCELLED; the ids that changed."""
        ...

    def retry(self, job_ids: Sequence[int]) -> list[int]:
        """FAILED or CANCELLED -> QUEUED with attempt 0 and no failure; the ids that changed."""
        ...

    def set_priority(self, job_ids: Sequence[int], priority: int) -> None:
        """Only queued jobs feel it."""
        ...

    def reorder(self, job_ids: Sequence[int], before: int | None) -> dict[int, tuple[int, int]]:
        """Have queued jobs run in the order given, directly before another one and in its priority.

        None has them run after all others. Jobs that are no longer queued stay where they are, and one that left the
        queue itself still marks the place.

        Returns
        -------
        dict
            Job id -> (priority, position) of every job that now has another place.
        """
        ...

    # -- results and verdicts -----------------------------------------------------------------------------------

    def outcome(self, job_id: int) -> JobOutcome | None:
        """What a SUCCEEDED job yielded; None for any other state."""
        ...

    def review_items(self, batch_id: int | None = None, after_id: int = 0, limit: int = 1000) -> list[ReviewItem]:
        """SUCCEEDED jobs with pair, outcome and latest verdict, in job id order, paged by key."""
        ...

    def review_items_by_id(self, job_ids: Sequence[int]) -> list[ReviewItem]:
        """The items of these SUCCEEDED jobs, in the order of the ids."""
        ...

    def review_item(self, job_id: int) -> ReviewItem:
        """The item of one SUCCEEDED job."""
        ...

    def review_rows(self, batch_id: int | None = None, after: int = 0, limit: int = 1000) -> list[ReviewRow]:
        """What lists show of SUCCEEDED jobs, in the order of their last change, paged by it (``change > after``).

        From 0 on these are all results. From the greatest `ReviewRow.change` that was read on, they are those that
        finished, were reviewed or marked, whose pair was named anew, or that were superseded since (with
        `ReviewRow.superseded_by` set: what is not superseded has none). A result that moves to another batch is
        reported there.
        """
        ...

    def decision_counts(self, batch_id: int | None = None) -> dict[Decision, int]:
        """How many results that are not superseded have each decision."""
        ...

    def add_reviews(self, given: Sequence[Review]) -> None:
        """Record verdicts, in order: all of them or, where a job does not exist, none."""
        ...

    def reviews(self, job_id: int) -> list[Review]:
        """Every verdict on a job, oldest first."""
        ...

    # -- training pairs -----------------------------------------------------------------------------------------

    def mark_for_training(self, job_ids: Sequence[int], author: str, now: datetime) -> None:
        """Mark SUCCEEDED jobs; one that is marked already keeps its mark. BugError for a job without an outcome."""
        ...

    def unmark_for_training(self, job_ids: Sequence[int]) -> None: ...

    def training_marks(self, after_id: int = 0, limit: int = 1000) -> list[TrainingMark]:
        """In job id order, paged by key (``job_id > after_id``)."""
        ...

    # -- exports ------------------------------------------------------------------------------------------------

    def begin_export(self, job_id: int, format: ExportFormat, path: Path, now: datetime) -> ExportRecord:
        """Note that a file is about to be written; the same (job, format, path) re-uses its record."""
        ...

    def finish_export(self, export_id: int, sha256: str) -> None: ...

    def exports(self, job_id: int) -> list[ExportRecord]: ...

    # -- upkeep -------------------------------------------------------------------------------------------------

    def log(self, kind: str, message: str, job_id: int | None = None) -> None:
        """Append to the event journal."""
        ...

    def referenced_artifacts(self) -> set[str]:
        """Hashes of every artifact that any outcome refers to, or any request, whatever became of its job."""
        ...

    def check(self) -> list[str]:
        """Integrity problems, one sentence each; empty when the catalog is sound."""
        ...

    def backup(self, to: Path) -> Path:
        """A consistent copy while others read and write."""
        ...

    def close(self) -> None: ...


class ThumbnailStore(Protocol):
    """Small JPEGs by key, of bounded size: a cache that may forget and never raises. Any thread."""

    def get(self, key: str) -> bytes | None:
        """The JPEG stored under ``key``, or None."""
        ...

    def put(self, key: str, jpeg: bytes) -> None:
        """Keep the JPEG under ``key``, in place of an earlier one."""
        ...

    def size(self) -> int:
        """Bytes of JPEG data that are kept."""
        ...

    def clear(self) -> None:
        """Forget every thumbnail, and give the disk its room back."""
        ...


class CatalogLocation(Protocol):
    """Opens catalogs; built by the composition root, so that the engine knows no database."""

    def default_path(self) -> Path: ...

    def open(self, path: Path) -> AbstractContextManager[tuple[Catalog, ArtifactStore]]:
        """Open (or create, or upgrade after a backup) the catalog and hold its lock until the context ends.

        Raises
        ------
        KnownError
            Another Chromask holds it (says which process), the file is not a catalog, the disk refuses, or it was
            written by a newer Chromask.
        """
        ...

    def open_artifacts(self, catalog: Path) -> ArtifactStore:
        """The artifact store beside a catalog, without opening the catalog; for the worker process."""
        ...
