"""Locks that the operating system drops with their process: a second process holds them, and is ended in every way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.domain.errors import KnownError
from engine.domain.locks import LockState, Owner, exclusive_lock, forget_dead, lock_state

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys
from pathlib import Path
from engine.domain.errors import KnownError
from engine.domain.locks import exclusive_lock
with exclusive_lock(Path(sys.argv[1]), lambda owner: KnownError(f"{owner} has it", remedy="Wait.")):
    print("held", flush=True)
    sys.stdin.read()
"""


def taken(owner: Owner) -> KnownError:
    return KnownError(f"{owner} has it", remedy="Wait.", retryable=True)


@contextmanager
def holding(path: Path) -> Generator[subprocess.Popen[bytes]]:
    """A second process that has the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"held\n"
        yield process
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def test_a_lock_is_had_by_one_process_which_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    assert lock_state(path) == LockState()
    with holding(path) as other:
        owner = Owner(other.pid, Owner.this().host)
        assert lock_state(path) == LockState(holder=owner)
        with pytest.raises(KnownError, match=f"process {other.pid} has it"), exclusive_lock(path, taken):
            pass
        assert lock_state(path) == LockState(holder=owner), "asking and failing took nothing"
    assert lock_state(path) == LockState()
    with exclusive_lock(path, taken):
        assert lock_state(path).holder == Owner.this()
        with pytest.raises(KnownError, match=f"process {os.getpid()} has it"), exclusive_lock(path, taken):
            pass
    assert lock_state(path) == LockState()


def test_sigkill_frees_a_lock_and_leaves_the_name_of_the_dead(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with holding(path) as other:
        other.kill()
        other.wait()
        assert lock_state(path) == LockState(dead=Owner(other.pid, Owner.this().host))
    with exclusive_lock(path, taken):
        assert lock_state(path) == LockState(holder=Owner.this())
    assert lock_state(path) == LockState(), "given back: nobody died with it"


def test_one_that_was_ended_on_purpose_is_forgotten_and_one_at_work_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with holding(path) as other:
        forget_dead(path)
        assert lock_state(path).holder is not None
        other.kill()
        other.wait()
        forget_dead(path)
        assert lock_state(path) == LockState()


def test_an_owner_on_another_computer_is_named_with_it() -> None:
    assert str(Owner(7, Owner.this().host)) == "process 7"
    assert str(Owner(7, "studio-2")) == "process 7 on studio-2"
    assert str(Owner(0, "")) == "process"


def test_a_lock_in_a_folder_that_is_gone_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "a.lock"
    assert lock_state(path) == LockState()
    with pytest.raises(KnownError) as refused, exclusive_lock(path, taken):
        pass
    assert refused.value.path == path
