"""The worker processes: which of them takes the next job, and which jobs it may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from engine.dispatch.worker_process import WorkerMessage, WorkerProcess
from engine.domain.jobs import Job
from engine.domain.requests import uses_networks
from engine.worker.protocol import CardMemory


@dataclass
class Slot:
    """One worker process and the job it is on. Times are of the monotonic clock."""

    worker_id: str
    process: WorkerProcess
    last_sign: float
    job: Job | None = None
    is_up: bool = False
    last_lease: float = 0.0
    cancelled_at: float | None = None
    card: CardMemory | None = None

    def begin(self, job: Job) -> None:
        """Note that it is on a job from now on."""
        now = time.monotonic()
        self.job, self.last_sign, self.last_lease, self.cancelled_at = job, now, now, None


class Slots:
    """However many processes there are, jobs that need networks go to one of them: the model is loaded once, and no two
    share a graphics card. A process is started with the first job that it gets. Engine thread only, but for
    `card_memory` and `most`.

    Parameters
    ----------
    command : sequence of str
        Starts a worker process.
    deliver : callable
        As `WorkerProcess`.
    most : int
        How many may be on a job at once.
    """

    def __init__(self, command: Sequence[str], deliver: Callable[[str, WorkerMessage], None], most: int) -> None:
        self._command, self._deliver, self.most = tuple(command), deliver, most
        self._slots: dict[str, Slot] = {}
        self._started = 0
        self._network_worker: str | None = None
        self._rest_needs_networks = False

    def __iter__(self) -> Iterator[Slot]:
        return iter(list(self._slots.values()))

    def get(self, worker_id: str) -> Slot | None:
        return self._slots.get(worker_id)

    @property
    def card_memory(self) -> CardMemory | None:
        """The graphics card's memory as the worker that uses it has told; None: none does. Any thread."""
        return next((slot.card for slot in self if slot.card is not None), None)

    @property
    def is_idle(self) -> bool:
        """Whether none is on a job."""
        return all(slot.job is None for slot in self)

    def free_worker(self) -> str | None:
        """A worker id without a job: one that runs, the one with the networks first, or a new one while there is room.

        None as well while every queued job waits for the one with the networks.
        """
        free = [slot.worker_id for slot in self if slot.job is None]
        if len(self._slots) - len(free) >= self.most:
            return None
        if self._network_worker in free:
            return self._network_worker
        if self._network_worker is not None and self._rest_needs_networks:
            return None
        return free[0] if free else f"worker-{self._started + 1}"

    def may_use_networks(self, worker_id: str) -> bool:
        """Whether that worker may take jobs that need them: no other one has."""
        return self._network_worker in (None, worker_id)

    def found_nothing(self, worker_id: str) -> None:
        """No job was queued that this worker may take."""
        self._rest_needs_networks = not self.may_use_networks(worker_id)

    def look_again(self) -> None:
        """What is queued may have changed."""
        self._rest_needs_networks = False

    def begin(self, worker_id: str, job: Job) -> Slot:
        """Have a free worker be on a job.

        Raises
        ------
        OSError
            Its process cannot be started.
        """
        slot = self._slots.get(worker_id) or self._start(worker_id)
        if uses_networks(job.request):
            self._network_worker = worker_id
        self._rest_needs_networks = False
        slot.begin(job)
        return slot

    def remove(self, slot: Slot) -> None:
        """Forget a worker whose process is gone."""
        del self._slots[slot.worker_id]
        self._rest_needs_networks = False
        if slot.worker_id == self._network_worker:
            self._network_worker = None

    def _start(self, worker_id: str) -> Slot:
        process = WorkerProcess(self._command, worker_id, self._deliver)
        self._started += 1
        slot = self._slots[worker_id] = Slot(worker_id, process, time.monotonic())
        return slot
