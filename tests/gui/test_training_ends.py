"""Trainings that are paused, break off or are left behind, with a scripted trainer in a process of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from engine.domain.training import Paused, StepDone
from engine.services.training import RunState, run_status
from engine.training.job import read_events
from gui.frame.main_window import MainWindow
from tests.gui.studio import Studio
from tests.gui.trainings import LEFT, LONG, TINY, at_rest, lingering, paused, rest, show, start


def test_the_focus_stays_with_what_pauses_a_run_and_goes_on_with_it(
    studio: Studio, scripted: Path, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    """It went on to *Stop at once*, so that a second press of the space bar threw away what was learnt."""
    window = open_window()
    page, run = window.training, lingering(window, studio, qtbot)
    pause, go_on = (page.panel._buttons[name] for name in ("pause_training", "go_on_training"))
    window.activateWindow()
    qtbot.waitUntil(pause.isVisible, timeout=LONG)
    pause.setFocus()
    qtbot.waitUntil(pause.hasFocus, timeout=LONG)
    qtbot.keyClick(pause, Qt.Key.Key_Space)
    qtbot.waitUntil(page.panel.curve.hasFocus, timeout=LONG)
    (run / "go on").touch()
    qtbot.waitUntil(go_on.hasFocus, timeout=LONG)
    assert page.runs.live is None
    assert read_events(run)[-1] == Paused(6)
    rest(window, qtbot)


@pytest.mark.parametrize(
    ("name", "says", "remains"),
    [
        ("dies", "killed by SIGKILL", "it was killed"),
        ("refused", "The graphics card is full. Train at a lower", "The graphics card is full. Train at a lower"),
    ],
)
def test_a_run_that_broke_off_says_why_also_after_a_restart_and_can_go_on(
    studio: Studio, scripted: Path, open_window: Callable[[], MainWindow], qtbot: QtBot,
    name: str, says: str, remains: str,
) -> None:  # fmt: skip
    window = open_window()
    show(window, qtbot)
    start(window, qtbot, name, replace(TINY, steps=8))
    qtbot.waitUntil(lambda: window.training.runs.live is None, timeout=LONG)
    assert says in window.banner.text()
    window.close()
    window = open_window()
    show(window, qtbot)
    page = window.training
    words = page.panel.words()
    assert words is not None
    assert words.state == "Broken off"
    assert words.doing.startswith("Step 5 of 8, ")
    assert remains in words.problem
    assert "--" not in words.problem, "no options of the command line in the window"
    assert page.panel.choice.currentText() == f"{name}-training · Broken off at 5"
    window.actions_table["go_on_training"].trigger()
    qtbot.waitUntil(lambda: page.runs.story is not None and page.runs.story.is_finished, timeout=LONG)
    at_rest(window, qtbot)
    words = page.panel.words()
    assert words is not None
    assert (words.state, words.problem) == ("Finished", "")


def test_a_run_that_another_program_has_at_work_is_followed_and_left_alone(
    studio: Studio, scripted: Path, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = open_window()
    page, run = window.training, paused(window, studio, qtbot, steps=1000)
    assert window.actions_table["go_on_training"].isEnabled()
    other = studio.services.torch.train(run)  # as a terminal does
    try:
        follow = threading.Thread(target=lambda: list(other.events()), name="other program")
        follow.start()
        qtbot.waitUntil(lambda: page.panel.words().state == "At work elsewhere", timeout=LONG)  # pyright: ignore
        before = page.runs.story.step  # pyright: ignore
        said = f"Process {other.pid} has it at work"
        qtbot.waitUntil(lambda: page.panel.shared.text().startswith(said), timeout=LONG)
        assert not window.actions_table["go_on_training"].isEnabled()
        assert not page.panel._buttons["run_figures"].isVisible()
        page.runs.go_on()  # though nothing offers it
        qtbot.waitUntil(window.banner.isVisible, timeout=LONG)
        assert f"process {other.pid} has this run at work" in window.banner.text()
        assert page.runs.live is None
        qtbot.waitUntil(lambda: page.runs.story.step > before + 20, timeout=LONG)  # pyright: ignore
    finally:
        other.pause()
        follow.join(30)
    qtbot.waitUntil(lambda: page.panel.words().state == "Paused", timeout=LONG)  # pyright: ignore
    qtbot.waitUntil(window.actions_table["go_on_training"].isEnabled, timeout=LONG)


def test_a_trainer_that_says_what_nobody_understands_is_ended_and_told(
    studio: Studio, scripted: Path, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = open_window()
    show(window, qtbot)
    start(window, qtbot, "babbles", TINY)
    qtbot.waitUntil(lambda: window.training.runs.live is None, timeout=LONG)
    assert "A fault inside Chromask stopped this step" in window.banner.text()
    rest(window, qtbot)
    assert window.actions_table["train"].isEnabled()


def agree_to_close(window: MainWindow, qtbot: QtBot) -> None:
    """Close the window, and press what ends the training."""
    assert not window.close()
    question = window.closing.question
    assert question is not None
    assert "A training is at step" in question.text()
    assert "keeps a checkpoint" in question.informativeText()
    button = question.findChild(QPushButton, "stop_and_close")
    assert isinstance(button, QPushButton)
    assert button.text() == "Pause and close"
    qtbot.mouseClick(button, LEFT)


def test_closing_asks_says_what_it_waits_for_and_closes_when_the_run_is_paused(
    studio: Studio, scripted: Path, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = open_window()
    run = lingering(window, studio, qtbot)
    agree_to_close(window, qtbot)
    notice = window.closing.notice
    assert notice is not None, "the window's thread is free while it waits"
    assert notice.isVisible()
    assert notice.text() == "The training finishes the step that it is at, and keeps a checkpoint."
    assert not window.close(), "once is enough"
    assert window.closing.notice is notice
    (run / "go on").touch()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=LONG)
    assert read_events(run)[-1] == Paused(6)
    again = open_window()
    show(again, qtbot)
    words = again.training.panel.words()
    assert words is not None
    assert words.state == "Paused"


def test_a_window_that_does_not_wait_leaves_a_run_that_pauses_by_itself(
    studio: Studio, scripted: Path, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = open_window()
    page, run = window.training, lingering(window, studio, qtbot)
    live = page.runs.live
    assert live is not None
    agree_to_close(window, qtbot)
    assert window.closing.notice is not None
    qtbot.mouseClick(window.closing.notice.findChild(QPushButton, "close_now"), LEFT)
    assert not window.isVisible()
    assert isinstance(read_events(run)[-1], StepDone), "it still learns"
    (run / "go on").touch()
    qtbot.waitUntil(lambda: not live.is_alive, timeout=LONG)
    assert read_events(run)[-1] == Paused(6)


def test_a_run_that_has_not_begun_to_learn_is_not_waited_for(
    studio: Studio, scripted: Path, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = open_window()
    show(window, qtbot)
    start(window, qtbot, "prepares", TINY)
    page, run = window.training, studio.folder / "training" / "prepares-training"
    qtbot.waitUntil(lambda: page.panel.words().state == "Preparing", timeout=LONG)  # pyright: ignore
    page.runs.leave()
    at_rest(window, qtbot)
    assert page.panel.words().state == "Not begun"  # pyright: ignore
    assert not window.banner.isVisible(), "ended on purpose is no error"
    assert run_status(run).state is RunState.WAITING
