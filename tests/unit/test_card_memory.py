"""What a worker says of the graphics card, on the way from torch to the window."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from engine.worker.loop import card_memory
from engine.worker.protocol import CardMemory, Heartbeat, decode_report, encode_report


def test_without_torch_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert card_memory() is None


def test_a_torch_that_is_still_being_imported_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))
    assert card_memory() is None


@pytest.mark.parametrize(
    ("has_card", "is_used", "said"),
    [(False, False, CardMemory(0, 0)), (True, False, None), (True, True, CardMemory(7, 24))],
)
def test_the_whole_card_counts_once_it_is_used(
    monkeypatch: pytest.MonkeyPatch, has_card: bool, is_used: bool, said: CardMemory | None
) -> None:
    """No card is here, so torch's three questions are answered for it."""
    cuda = SimpleNamespace(is_available=lambda: has_card, is_initialized=lambda: is_used, mem_get_info=lambda: (17, 24))
    torch = ModuleType("torch")
    monkeypatch.setattr(torch, "cuda", cuda, raising=False)
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert card_memory() == said


def test_a_card_that_does_not_answer_ends_no_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that lives would be killed as a silent one."""

    def refuse() -> tuple[int, int]:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    torch = ModuleType("torch")
    cuda = SimpleNamespace(is_available=lambda: True, is_initialized=lambda: True, mem_get_info=refuse)
    monkeypatch.setattr(torch, "cuda", cuda, raising=False)
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert card_memory() is None


def test_the_heartbeat_carries_it() -> None:
    for beat in (Heartbeat(), Heartbeat(CardMemory(3, 4))):
        assert decode_report(encode_report(beat)) == beat
