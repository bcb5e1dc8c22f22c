"""A run that is at work in a process of its own, followed on a thread. Use it on the GUI thread."""

from __future__ import annotations

import threading
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from engine.domain.errors import KnownError
from engine.domain.training import Prepared, TrainingEvent
from engine.services.training import TrainingProcess
from gui.bridge import Bridge
from gui.torch_process import TorchProcess


class LiveRun(QObject):
    """Begins the process at once.

    Attributes
    ----------
    is_learning : bool
        It has told that its steps begin.
    is_pausing : bool
        It was asked to leave with a checkpoint after the step that it is at.
    is_stopping : bool
        It is being ended at once.
    """

    told = Signal(object)
    """A `TrainingEvent`."""

    ended = Signal(object)
    """The process is gone: None, or the error that it ended on."""

    def __init__(self, folder: Path, torch: TorchProcess, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder = folder
        self.is_learning = self.is_pausing = self.is_stopping = False
        self._torch, self._bridge = torch, bridge
        self._process: TrainingProcess | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._follow, name="chromask-training", daemon=True)
        self._thread.start()

    def pause(self) -> None:
        """Ask it to leave with a checkpoint after the step that it is at."""
        with self._lock:
            self.is_pausing = True
            if self._process is not None:
                self._process.pause()

    def stop(self) -> None:
        """End it at once; what was learnt since the last checkpoint is learnt again when it goes on."""
        with self._lock:
            self.is_stopping = True
            process = self._process
        if process is not None:
            self._bridge.run_in_background(process.kill, lambda _: None, lambda _: None)

    def leave(self) -> None:
        """The window closes: have it end, and lose nothing; `ended` tells when, where somebody waits for it.

        A run that learns is paused: it goes on from a checkpoint bit for bit after it was killed as well, but the steps
        since then may have taken an hour. Before its first step there is nothing to lose, and it need not be waited
        for. Where nobody waits it pauses by itself, because the end of its standard input says as much.
        """
        if self.is_learning:
            self.pause()
        else:
            self.stop()

    @property
    def is_alive(self) -> bool:
        """Whether the process is still followed."""
        return self._thread.is_alive()

    # -- its thread ---------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        error: Exception | None = None
        process: TrainingProcess | None = None
        try:
            process = self._torch.train(self.folder)
            with self._lock:
                self._process = process
                if self.is_pausing:
                    process.pause()
                if self.is_stopping:
                    process.kill()
            for event in process.events():
                self._bridge.call(self._tell, event)
        except KnownError as broken:
            error = broken
        except OSError as broken:
            error = KnownError(f"the training process did not start ({broken})", remedy="Run chromask doctor.")
        except Exception as fault:  # noqa: BLE001 - whatever it is: nobody would follow the process any more
            error = fault
            if process is not None:
                process.kill()
        self._bridge.call(self._end, error)

    # -- GUI thread ---------------------------------------------------------------------------------------------

    def _tell(self, event: TrainingEvent) -> None:
        self.is_learning = self.is_learning or isinstance(event, Prepared)
        self.told.emit(event)

    def _end(self, error: Exception | None) -> None:
        self._thread.join()
        self.ended.emit(error)
