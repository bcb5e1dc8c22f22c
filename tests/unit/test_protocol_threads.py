"""A worker's threads read and write their first lines at the same time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]

FIRST_LINES = """
import threading
import time
from cattrs.preconf import json

made = []
make_converter = json.make_converter

def slow(**options):
    made.append(options)
    time.sleep(0.2)  # long enough for the other threads to ask as well
    return make_converter(**options)

json.make_converter = slow
from engine.worker.protocol import CancelJob, Ready, decode_command, decode_report, encode_command, encode_report

gate, got = threading.Barrier(3), {}

def first(name, call):
    gate.wait()
    got[name] = call()

calls = {
    "read": lambda: decode_command(b'{"job_id":3,"type":"CancelJob"}'),
    "write": lambda: encode_report(Ready(1)),
    "send": lambda: encode_command(CancelJob(3)),
}
threads = [threading.Thread(target=first, args=call) for call in calls.items()]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert got["read"] == CancelJob(3), got
assert decode_report(got["write"]) == Ready(1), got
assert decode_command(got["send"]) == CancelJob(3), got
assert len(made) == 1, f"{len(made)} converters were made, and each was told a part"
"""


def test_threads_that_speak_first_at_the_same_time_use_one_converter() -> None:
    """What the converter that is thrown away was told is lost: a worker that starts could end on its first job."""
    run = subprocess.run(
        [sys.executable, "-c", FIRST_LINES], cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
