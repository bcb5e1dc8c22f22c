"""Work leaves the GUI thread and comes back to it."""

from __future__ import annotations

import logging
import threading
import time

import pytest
from pytestqt.qtbot import QtBot

from engine.domain.errors import KnownError
from engine.domain.jobs import Idle, JobEvent
from gui.bridge import Bridge


@pytest.fixture
def bridge(qtbot: QtBot):
    bridge = Bridge()
    yield bridge
    bridge.close()
    bridge.deleteLater()


def unexpected(value: object) -> None:
    raise AssertionError(value)


def test_work_runs_elsewhere_and_its_result_arrives_here(bridge: Bridge, qtbot: QtBot) -> None:
    threads: list[threading.Thread] = []
    results: list[int] = []

    def work() -> int:
        threads.append(threading.current_thread())
        return 42

    def done(result: int) -> None:
        threads.append(threading.current_thread())
        results.append(result)

    bridge.run_in_background(work, done, unexpected)
    assert bridge.is_busy
    qtbot.waitUntil(lambda: results == [42])
    assert threads[0] is not threading.main_thread()
    assert threads[1] is threading.main_thread()
    assert not bridge.is_busy


def test_a_known_error_arrives_as_it_is(bridge: Bridge, qtbot: QtBot) -> None:
    errors: list[Exception] = []

    def work() -> None:
        raise KnownError("the disk is full", remedy="Free some space.")

    bridge.run_in_background(work, unexpected, errors.append)
    qtbot.waitUntil(lambda: len(errors) == 1)
    assert isinstance(errors[0], KnownError)


def test_a_fault_is_logged_with_its_traceback(bridge: Bridge, qtbot: QtBot, caplog: pytest.LogCaptureFixture) -> None:
    errors: list[Exception] = []
    with caplog.at_level(logging.ERROR):
        bridge.run_in_background(lambda: 1 // 0, unexpected, errors.append)
        qtbot.waitUntil(lambda: len(errors) == 1)
    assert isinstance(errors[0], ZeroDivisionError)
    assert caplog.records[0].exc_info is not None


def test_ordered_work_keeps_its_order(bridge: Bridge, qtbot: QtBot) -> None:
    seen: list[int] = []
    for number in range(50):
        bridge.run_in_background(lambda n=number: n, seen.append, unexpected, in_order=True)
    qtbot.waitUntil(lambda: len(seen) == 50)
    assert seen == list(range(50))


def test_engine_events_are_heard_on_the_gui_thread(bridge: Bridge, qtbot: QtBot) -> None:
    heard: list[tuple[JobEvent, threading.Thread]] = []
    hear = bridge.listener(lambda event: heard.append((event, threading.current_thread())))
    engine = threading.Thread(target=lambda: [hear(Idle()) for _ in range(1000)])
    engine.start()
    engine.join()
    assert not heard, "the engine thread itself must not touch the window"
    qtbot.waitUntil(lambda: len(heard) == 1000)
    assert {thread for _, thread in heard} == {threading.main_thread()}


def test_closing_writes_what_was_ordered_and_delivers_nothing_more(qtbot: QtBot) -> None:
    bridge = Bridge()
    written: list[int] = []
    for number in range(5):
        bridge.run_in_background(
            lambda n=number: (time.sleep(0.01), written.append(n)), unexpected, unexpected, in_order=True
        )
    bridge.close()
    assert written == [0, 1, 2, 3, 4]
    bridge.run_in_background(lambda: written.append(9), unexpected, unexpected)
    qtbot.wait(30)
    assert len(written) == 5
    bridge.deleteLater()
