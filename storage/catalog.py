"""`engine.ports.Catalog` on SQLite: every method is one transaction on `storage.database.Database`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from engine.domain.assets import AssetPair, NewPair
from engine.domain.export import ExportFormat, ExportRecord
from engine.domain.jobs import Batch, BatchCounts, Job, JobFailure, JobState, Origin, QueueRow
from engine.domain.requests import MaskRequest, Request, View
from engine.domain.results import JobOutcome
from engine.domain.review import Decision, Review, ReviewItem, ReviewRow, TrainingMark
from storage import assets, job_queue, job_rows, outcomes, queue_rows, review_rows, reviews, run_order, upkeep, versions
from storage.database import Database, copy_database


class SqlCatalog:
    """The catalog in one SQLite file; `engine.ports.Catalog` says what each method means. Any thread.

    Readers see whole transactions and never wait; writers wait for each other. `storage.location` opens it, under the
    lock and at the newest revision.

    Parameters
    ----------
    path : Path
        An up-to-date catalog file.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path)

    @property
    def path(self) -> Path:
        """The catalog's file."""
        return self._database.path

    # -- batches and jobs -------------------------------------------------------------------------------------------

    def create_batch(self, name: str) -> Batch:
        with self._database.write() as session:
            return assets.create_batch(session, name, _now())

    def batches(self) -> list[Batch]:
        with self._database.read() as session:
            return assets.batches(session)

    def add_pairs(self, pairs: Sequence[NewPair]) -> list[AssetPair]:
        with self._database.write() as session:
            return assets.add_pairs(session, pairs)

    def add_jobs(
        self,
        batch_id: int,
        jobs: Sequence[tuple[int, Request]],
        priority: int = 0,
        origins: Sequence[Origin] = (),
    ) -> list[Job]:
        with self._database.write() as session:
            added = job_queue.add_jobs(session, batch_id, jobs, priority, _now())
            return versions.append(session, added, origins, priority) if origins else added

    def jobs(
        self,
        batch_id: int | None = None,
        states: Iterable[JobState] | None = None,
        after_id: int = 0,
        limit: int = 1000,
    ) -> list[Job]:
        with self._database.read() as session:
            return job_rows.jobs(session, batch_id, states, after_id, limit)

    def queue_rows(self, batch_id: int | None = None, after_id: int = 0, limit: int = 1000) -> list[QueueRow]:
        with self._database.read() as session:
            return queue_rows.queue_rows(session, batch_id, after_id, limit)

    def job(self, job_id: int) -> Job:
        with self._database.read() as session:
            return job_rows.job(session, job_id)

    def pair(self, pair_id: int) -> AssetPair:
        return self.pairs([pair_id])[pair_id]

    def pairs(self, ids: Sequence[int]) -> dict[int, AssetPair]:
        with self._database.read() as session:
            return assets.pairs_by_id(session, ids)

    def pair_jobs(self, pair_id: int) -> list[Job]:
        with self._database.read() as session:
            return versions.pair_jobs(session, pair_id)

    def versions(self, job_id: int) -> list[Job]:
        with self._database.read() as session:
            return versions.versions(session, job_id)

    def superseded(self, job_ids: Sequence[int]) -> set[int]:
        with self._database.read() as session:
            return versions.superseded_ids(session, job_ids)

    def find_pairs(self, views: Sequence[View]) -> list[int | None]:
        with self._database.read() as session:
            return versions.find_pairs(session, views)

    def corrected_masks(self, pair_ids: Sequence[int]) -> dict[int, MaskRequest]:
        with self._database.read() as session:
            return versions.corrected_masks(session, pair_ids)

    def counts(self, batch_id: int | None = None) -> BatchCounts:
        with self._database.read() as session:
            return job_rows.counts(session, batch_id)

    def claim(self, worker_id: str, now: datetime, *, without_networks: bool = False) -> Job | None:
        with self._database.write() as session:
            return job_queue.claim(session, worker_id, now, without_networks=without_networks)

    def heartbeat(self, job_id: int, worker_id: str, now: datetime) -> bool:
        with self._database.write() as session:
            return job_queue.heartbeat(session, job_id, worker_id, now)

    def succeed(self, job_id: int, worker_id: str, outcome: JobOutcome, now: datetime) -> bool:
        with self._database.write() as session:
            if not job_queue.succeed(session, job_id, worker_id, now):
                return False
            outcomes.store(session, job_id, outcome)
            return True

    def fail(self, job_id: int, worker_id: str, failure: JobFailure, now: datetime) -> bool:
        with self._database.write() as session:
            return job_queue.fail(session, job_id, worker_id, failure, now)

    def release(self, job_id: int, worker_id: str, *, count_attempt: bool) -> bool:
        with self._database.write() as session:
            return job_queue.release(session, job_id, worker_id, count_attempt=count_attempt)

    def recover(self, lost_before: datetime) -> list[int]:
        with self._database.write() as session:
            return job_queue.recover(session, lost_before)

    def cancel(self, job_ids: Sequence[int]) -> list[int]:
        with self._database.write() as session:
            return job_queue.cancel(session, job_ids, _now())

    def retry(self, job_ids: Sequence[int]) -> list[int]:
        with self._database.write() as session:
            return job_queue.retry(session, job_ids)

    def set_priority(self, job_ids: Sequence[int], priority: int) -> None:
        with self._database.write() as session:
            job_queue.set_priority(session, job_ids, priority)

    def reorder(self, job_ids: Sequence[int], before: int | None) -> dict[int, tuple[int, int]]:
        with self._database.write() as session:
            return run_order.reorder(session, job_ids, before)

    # -- results and verdicts ---------------------------------------------------------------------------------------

    def outcome(self, job_id: int) -> JobOutcome | None:
        with self._database.read() as session:
            job_rows.require_job(session, job_id)
            return outcomes.outcomes(session, [job_id]).get(job_id)

    def review_items(self, batch_id: int | None = None, after_id: int = 0, limit: int = 1000) -> list[ReviewItem]:
        with self._database.read() as session:
            return reviews.review_items(session, batch_id, after_id, limit)

    def review_item(self, job_id: int) -> ReviewItem:
        return self.review_items_by_id([job_id])[0]

    def review_items_by_id(self, job_ids: Sequence[int]) -> list[ReviewItem]:
        with self._database.read() as session:
            return reviews.review_items_by_id(session, job_ids)

    def review_rows(self, batch_id: int | None = None, after: int = 0, limit: int = 1000) -> list[ReviewRow]:
        with self._database.read() as session:
            return review_rows.review_rows(session, batch_id, after, limit)

    def decision_counts(self, batch_id: int | None = None) -> dict[Decision, int]:
        with self._database.read() as session:
            return review_rows.decision_counts(session, batch_id)

    def export_counts(self, batch_id: int | None = None) -> dict[Decision, int]:
        with self._database.read() as session:
            return review_rows.export_counts(session, batch_id)

    def add_reviews(self, given: Sequence[Review]) -> None:
        with self._database.write() as session:
            reviews.add_reviews(session, given)

    def reviews(self, job_id: int) -> list[Review]:
        with self._database.read() as session:
            return reviews.reviews(session, job_id)

    # -- training pairs ---------------------------------------------------------------------------------------------

    def mark_for_training(self, job_ids: Sequence[int], author: str, now: datetime) -> None:
        with self._database.write() as session:
            versions.mark_for_training(session, job_ids, author, now)

    def unmark_for_training(self, job_ids: Sequence[int]) -> None:
        with self._database.write() as session:
            versions.unmark_for_training(session, job_ids)

    def training_marks(self, after_id: int = 0, limit: int = 1000) -> list[TrainingMark]:
        with self._database.read() as session:
            return versions.training_marks(session, after_id, limit)

    # -- exports ----------------------------------------------------------------------------------------------------

    def record_export(
        self,
        job_ids: Sequence[int],
        format: ExportFormat,
        path: Path,
        sha256: str,
        now: datetime,
        former_sha256: str = "",
        settings: str = "",
    ) -> list[ExportRecord]:
        with self._database.write() as session:
            return reviews.record_export(session, job_ids, format, path, sha256, now, former_sha256, settings)

    def exports(self, job_id: int) -> list[ExportRecord]:
        with self._database.read() as session:
            return reviews.exports(session, job_id)

    def exports_of_pair(self, pair_id: int) -> list[ExportRecord]:
        with self._database.read() as session:
            return reviews.exports_of_pair(session, pair_id)

    def exports_at(self, path: Path) -> list[ExportRecord]:
        with self._database.read() as session:
            return reviews.exports_at(session, path)

    # -- upkeep -----------------------------------------------------------------------------------------------------

    def identity(self) -> str:
        with self._database.read() as session:
            return upkeep.identity(session)

    def log(self, kind: str, message: str, job_id: int | None = None) -> None:
        with self._database.write() as session:
            upkeep.log(session, kind, message, job_id, _now())

    def referenced_artifacts(self) -> set[str]:
        with self._database.read() as session:
            return upkeep.referenced_artifacts(session)

    def check(self) -> list[str]:
        with self._database.read() as session:
            return upkeep.check(session)

    def backup(self, to: Path) -> Path:
        return copy_database(self.path, to)

    def close(self) -> None:
        self._database.close()


def _now() -> datetime:
    return datetime.now(UTC)
