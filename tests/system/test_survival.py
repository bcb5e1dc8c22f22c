"""SIGKILL of the worker and of the application, in turn, in the middle of a run (20 rounds: bench/survival.py)."""

from __future__ import annotations

from pathlib import Path

from bench.survival import torment
from engine.domain.geometry import Extent
from engine.imaging.drawn import write_demo_set


def test_nothing_is_lost_doubled_or_left_lying_about(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    write_demo_set(pictures, 8, extent=Extent(320, 400))
    outcome = torment(pictures, tmp_path / "out", tmp_path / "catalog" / "c.db", rounds=4, longest=2.0)
    assert outcome.faults == []
    assert outcome.jobs == 8
    assert outcome.succeeded >= 6, outcome.failures  # a picture may be refused, with its reason; none may be lost
    assert outcome.kills_of_application >= 1
