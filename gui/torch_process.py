"""Asks what only torch can answer in processes of their own: torch never enters the window's process."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from engine.domain.errors import Cancelled, KnownError, printable_path
from engine.services.doctor import CARD_QUESTION, GraphicsCard, graphics_card
from engine.services.lora_files import LoraReport

_PREFIX = "chromask: "


class TorchProcess:
    """Starts a process for each question. Questions on pool threads, `stop` on the GUI thread.

    Parameters
    ----------
    program : sequence of str
        Starts Chromask's command line; the arguments are appended.
    """

    def __init__(self, program: Sequence[str]) -> None:
        self._program = tuple(program)
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._is_stopped = False

    def check_lora(self, path: Path) -> LoraReport:
        """Examine a LoRA file as ``chromask lora check`` does; takes some seconds.

        Raises
        ------
        KnownError
            The file is refused; says why.
        Cancelled
            The window is being closed.
        """
        answer = self._ask([*self._program, "lora", "check", str(path), "--json"])
        if answer.returncode != 0:
            raise _refusal(answer.stderr, path)
        row = json.loads(answer.stdout)
        return LoraReport(
            **row | {"path": Path(row["path"]), "ranks": tuple(row["ranks"]), "notices": tuple(row["notices"])}
        )

    def graphics_card(self) -> GraphicsCard | None:
        """The card that torch computes on; None where there is none. Takes some seconds.

        Raises
        ------
        KnownError
            torch does not start.
        Cancelled
            The window is being closed.
        """
        return graphics_card(self._ask([sys.executable, "-c", CARD_QUESTION]))

    def stop(self) -> None:
        """End what is running, and answer nothing more."""
        with self._lock:
            self._is_stopped = True
            for process in self._running:
                process.kill()

    def _ask(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        with self._lock:
            if self._is_stopped:
                raise Cancelled
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self._running.add(process)
        try:
            output, errors = process.communicate()
        finally:
            with self._lock:
                self._running.discard(process)
        if self._is_stopped:
            raise Cancelled
        return subprocess.CompletedProcess(command, process.returncode, output, errors)


def _refusal(errors: str, path: Path) -> KnownError:
    """The command line's sentence as the error it was: ``chromask: PATH: what. remedy`` (`KnownError.__str__`)."""
    lines = [line for line in errors.splitlines() if line.startswith(_PREFIX)]
    if not lines:
        last = (errors.strip().splitlines() or ["no message"])[-1]
        return KnownError(f"the check broke off ({last[:160]})", remedy="Run chromask doctor.", path=path)
    what, _, remedy = lines[-1].removeprefix(_PREFIX).removeprefix(f"{printable_path(path)}: ").partition(". ")
    return KnownError(what.rstrip("."), remedy=remedy, path=path)
