"""Asks what only torch can answer in processes of their own: torch never enters the window's process."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.errors import Cancelled, KnownError, printable_path
from engine.services.doctor import CARD_QUESTION, GraphicsCard, graphics_card
from engine.services.lora_files import LoraReport

if TYPE_CHECKING:
    from engine.domain.datasets import Finding, SplitBy
    from engine.domain.training import TrainingJob
    from engine.services.training import TrainingProcess

_PREFIX = "chromask: "
_STEP = '{"done": '  # of a line that tells progress (`engine.cli.console.progress_lines`)
_STOP_S = 0.3


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

    def train(self, folder: Path) -> TrainingProcess:
        """Start the process of the run in a folder; the caller follows it, and `stop` leaves it alone.

        Raises
        ------
        OSError
            It does not start.
        """
        from engine.services.training import TrainingProcess

        return TrainingProcess([*self._program, "trainer", str(folder)], folder)

    def register_run(self, run: Path, which: Sequence[str], name: str, mask_type: str, *, replace: bool) -> str:
        """Enter what a run made in the registry as ``chromask train register`` does; the LoRA's name. Takes seconds.

        Parameters
        ----------
        which : sequence of str
            Options that choose one of its files; empty for the finished one.

        Raises
        ------
        KnownError
            The file is refused, or the name is taken; says why.
        Cancelled
            The window is being closed.
        """
        options = [*which, "--name", name, "--mask-type", mask_type, *(["--replace"] if replace else [])]
        answer = self._ask([*self._program, "train", "register", str(run), *options, "--json"])
        if answer.returncode != 0:
            raise _refusal(answer.stderr, run)
        return str(json.loads(answer.stdout)["name"])

    def build_color_set(
        self,
        pictures: Path,
        folder: Path,
        held_out: float,
        split_by: SplitBy,
        told: Callable[[int, int], None],
        stop: threading.Event,
    ) -> list[Finding]:
        """Build a colour set from photographs as ``chromask dataset build color`` does; what was left out, and why.

        Takes seconds for each pair. In a process because garments are detected by networks where those are there.

        Parameters
        ----------
        told : callable
            ``told(done, total)`` after each pair, on another thread.
        stop : threading.Event
            Ends it.

        Raises
        ------
        KnownError
            Nothing is left for the set, or it cannot be written.
        Cancelled
            It was stopped, or the window is being closed.
        """
        from engine.domain.datasets import Finding, Severity

        options = ["-o", str(folder), "--held-out", str(held_out), "--split-by", split_by.value]
        options += ["--json", "--progress-json"]

        def heard(line: str) -> None:
            if line.startswith(_STEP) and line.endswith("}\n"):  # a process that is killed may break off in one
                step = json.loads(line)
                told(step["done"], step["total"])

        answer = self._ask([*self._program, "dataset", "build", "color", str(pictures), *options], stop, heard)
        if not answer.stdout.strip():
            raise _refusal(answer.stderr, pictures)
        rows = json.loads(answer.stdout)["findings"]
        return [Finding(Severity(row["severity"]), row["subject"], row["what"], row["remedy"]) for row in rows]

    def evaluate_run(self, run: Path, job: TrainingJob, folder: Path, vram_tier: int, stop: threading.Event) -> None:
        """Measure every checkpoint of a run on its held-out pairs as ``chromask eval`` does, into a folder.

        Parameters
        ----------
        stop : threading.Event
            Ends it; what was measured until some seconds before stays.

        Raises
        ------
        KnownError
            Nothing can be measured; says why.
        Cancelled
            It was stopped, or the window is being closed.
        """
        what = "masks" if job.kind.value == "mask" else "color"
        options = ["--dataset", job.dataset, "--model", job.model, "--checkpoints", str(run), "-o", str(folder)]
        options += ["--steps", str(job.settings.sample_steps), "--vram-tier", str(vram_tier), "--json"]
        answer = self._ask([*self._program, "eval", what, *options], stop)
        if not answer.stdout.strip():
            raise _refusal(answer.stderr, run)

    def stop(self) -> None:
        """End what is running, and answer nothing more."""
        with self._lock:
            self._is_stopped = True
            for process in self._running:
                process.kill()

    def _ask(
        self,
        command: Sequence[str],
        stop: threading.Event | None = None,
        heard: Callable[[str], None] = lambda _: None,
    ) -> subprocess.CompletedProcess[str]:
        """What a process says; ``heard`` gets each line of its standard error as it comes, on another thread."""
        with self._lock:
            if self._is_stopped:
                raise Cancelled
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self._running.add(process)
        try:
            output, errors = _heard(process, stop, heard)
        finally:
            with self._lock:
                self._running.discard(process)
        if self._is_stopped or (stop is not None and stop.is_set()):
            raise Cancelled
        return subprocess.CompletedProcess(command, process.returncode, output, errors)


def _heard(
    process: subprocess.Popen[str], stop: threading.Event | None, heard: Callable[[str], None]
) -> tuple[str, str]:
    """Everything a process says; it is killed as soon as ``stop`` is set."""
    output, errors = process.stdout, process.stderr
    assert output is not None
    assert errors is not None
    said: list[str] = []
    lines: list[str] = []

    def read_errors() -> None:
        for line in errors:
            lines.append(line)
            heard(line)

    readers = [threading.Thread(target=read) for read in (lambda: said.append(output.read()), read_errors)]
    with output, errors:
        for reader in readers:
            reader.start()
        while process.poll() is None:
            try:
                process.wait(None if stop is None else _STOP_S)
            except subprocess.TimeoutExpired:
                if stop is not None and stop.is_set():
                    process.kill()
        for reader in readers:
            reader.join()
    return "".join(said), "".join(lines)


def _refusal(errors: str, path: Path) -> KnownError:
    """The command line's sentence as the error it was: ``chromask: PATH: what. remedy`` (`KnownError.__str__`)."""
    lines = [line for line in errors.splitlines() if line.startswith(_PREFIX)]
    if not lines:
        last = (errors.strip().splitlines() or ["no message"])[-1]
        return KnownError(f"Chromask broke off ({last[:160]})", remedy="Run chromask doctor.", path=path)
    what, _, remedy = lines[-1].removeprefix(_PREFIX).removeprefix(f"{printable_path(path)}: ").partition(". ")
    return KnownError(what.rstrip("."), remedy=remedy, path=path)
