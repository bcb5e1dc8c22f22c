"""Kill Chromask again and again during a run, and see that nothing is lost, doubled or left lying about.

    python bench/survival.py ../shared/data/colour-pairs/train/input --rounds 20

Starts `chromask run`, kills the application or its worker process with SIGKILL at random moments, in turn, starts it
again, and lets the last start finish. Then every pair must be finished exactly once, finished work must never have been
done again, the catalog must be sound, and no temporary or unreferenced file may be left.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

MAIN = Path(__file__).resolve().parent.parent / "main.py"


@dataclass
class Outcome:
    """What happened; ``faults`` is empty when everything held."""

    kills_of_application: int = 0
    kills_of_worker: int = 0
    jobs: int = 0
    succeeded: int = 0
    failed: int = 0
    failures: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def torment(pictures: Path, out: Path, catalog: Path, rounds: int, longest: float, seed: int = 0) -> Outcome:
    """Kill ``rounds`` times, each after at most ``longest`` seconds of work, then let the run finish."""
    rng = random.Random(seed)
    outcome = Outcome()
    finished: dict[int, str] = {}
    command = [sys.executable, str(MAIN), "run", str(pictures), "--out", str(out), "--catalog", str(catalog)]
    command += ["--engine", "classical", "--format", "psd,tiff", "--json"]
    application: subprocess.Popen[bytes] | None = None
    for number in range(rounds):
        if application is None or application.poll() is not None:
            application = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(1.5)  # let it open the catalog and start its worker
        time.sleep(rng.uniform(0.2, longest))
        if number % 2 == 0:
            workers = psutil.Process(application.pid).children() if application.poll() is None else []
            for worker in workers:
                with contextlib.suppress(psutil.NoSuchProcess):  # it has just left by itself
                    worker.kill()
                    outcome.kills_of_worker += 1
        else:
            application.kill()
            outcome.kills_of_application += application.wait() == -9
            application = None
        finished = _still_finished(catalog, finished, outcome)
    if application is not None:
        application.wait()
    last = subprocess.run(command, capture_output=True, text=True)
    _still_finished(catalog, finished, outcome)
    _inspect(last, out, catalog, outcome)
    return outcome


def _still_finished(catalog: Path, before: dict[int, str], outcome: Outcome) -> dict[int, str]:
    """Jobs that are finished now, with their time; one that was finished before must not have changed."""
    if not catalog.exists():
        return before
    with sqlite3.connect(f"file:{catalog}?mode=ro", uri=True, timeout=10) as connection:
        try:
            rows = connection.execute("SELECT id, finished_at FROM job WHERE state = 'succeeded'").fetchall()
        except sqlite3.OperationalError:  # killed before the tables were there
            return before
    now = {int(id): str(at) for id, at in rows}
    outcome.faults += [f"job {id} was done twice or lost" for id, at in before.items() if now.get(id) != at]
    return now


def _inspect(last: subprocess.CompletedProcess[str], out: Path, catalog: Path, outcome: Outcome) -> None:
    summary = json.loads(last.stdout)
    outcome.succeeded, outcome.failed = summary["jobs"]["succeeded"], summary["jobs"]["failed"]
    outcome.failures = summary["failures"]
    outcome.faults += summary["export_failures"]
    with (out / "delta_e.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    outcome.jobs = len(rows)
    if outcome.jobs != summary["pairs"] or len({row["on_model"] for row in rows}) != summary["pairs"]:
        outcome.faults.append(f"{summary['pairs']} pairs became {outcome.jobs} jobs")
    if outcome.succeeded + outcome.failed != outcome.jobs:
        outcome.faults.append(f"unfinished jobs: {summary['jobs']}")
    wanted = {"delta_e.csv", "chromask-batch.json"}
    for row in rows:
        if row["state"] == "succeeded":
            stem = Path(row["on_model"]).stem
            wanted |= {f"{stem}.psd", f"{stem}_matched.tif", f"{stem}_garment-mask.png"}
    there = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    outcome.faults += [f"missing: {name}" for name in sorted(wanted - there)]
    outcome.faults += [f"stray: {name}" for name in sorted(there - wanted)]
    check = [sys.executable, str(MAIN), "catalog", "check", "--catalog", str(catalog), "--json"]
    found = json.loads(subprocess.run(check, capture_output=True, text=True).stdout)
    outcome.faults += found["problems"] + [f"stray artifact: {path}" for path in found["stray_files"]]


def main() -> int:
    """Run from the command line; exit code 1 when something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--longest", type=float, default=15.0, help="seconds of work before a kill, at most")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out, catalog = Path(folder) / "out", Path(folder) / "catalog" / "catalog.db"
        outcome = torment(options.pictures, out, catalog, options.rounds, options.longest)
    print(
        f"{outcome.kills_of_application} kills of the application, {outcome.kills_of_worker} of its worker:"
        f" {outcome.succeeded} of {outcome.jobs} jobs done, {outcome.failed} refused"
    )
    for line in (*outcome.failures, *(f"FAULT: {fault}" for fault in outcome.faults)):
        print(f"  {line}")
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
