"""What a run told, put together; the axes and the mean of its curve; and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.domain.datasets import DatasetKind
from engine.domain.locks import Owner
from engine.domain.training import (
    BaseWeights,
    Broken,
    Evaluated,
    Finished,
    Optimiser,
    Paused,
    Prepared,
    Preparing,
    Sampled,
    Saved,
    StepDone,
    TrainingJob,
    TrainingPlan,
    TrainingSettings,
)
from engine.services.training import RunState, RunStatus
from gui.training.curve import LossCurve
from gui.training.curve_scale import loss_range, smoothed, ticks
from gui.training.run_words import live_words, resting_words, without_options
from gui.training.sample_strips import arrangement
from gui.training.story import RunStory

SETTINGS = replace(TrainingSettings(), steps=10, evaluate_every=2, sample_every=5)
JOB = TrainingJob("hat", DatasetKind.MASK, "/model", "/set", "0" * 64, (), SETTINGS)
PLAN = TrainingPlan("cuda", "bfloat16", BaseWeights.FP8, Optimiser.ADAMW)


def told(to: int) -> RunStory:
    story = RunStory.of(JOB, [Preparing("captions", 0, 2), Prepared(PLAN, 0, 100, 8, 2)])
    for step in range(1, to + 1):
        story.tell(StepDone(step, 10, 1 / step, 1e-4, 2.0, 2.0 * (10 - step)))
        if step % 2 == 0:
            story.tell(Evaluated(step, 0.5, min(step, 4), 0.4, 0))
            story.tell(Sampled(step, "a", f"samples/{step}.png"))
            story.tell(Saved(step, f"checkpoints/{step}"))
    return story


def test_a_run_that_goes_on_has_each_step_once() -> None:
    story = told(7)
    story.tell(Paused(7))
    assert story.best is not None
    assert story.best.step == 4, "the run itself judges which is the best"
    story.begin()
    assert story.ending is None
    story.tell(Prepared(PLAN, 5, 100, 8, 2))  # from the checkpoint of step 5
    assert story.steps == [1, 2, 3, 4, 5]
    assert len(story.losses) == 5
    assert list(story.samples) == [2, 4]
    assert [event.step for event in story.evaluations] == [2, 4]
    story.tell(StepDone(6, 10, 0.1, 1e-4, 2.0, 8.0))
    assert story.step == 6


def test_what_a_run_does_is_said_at_each_moment() -> None:
    story = RunStory(JOB)
    assert live_words(story, is_pausing=False, is_stopping=False).state == "Starting"
    story.tell(Preparing("pictures", 3, 12))
    assert live_words(story, is_pausing=False, is_stopping=False).doing == "Encoding the pictures · 3 of 12"
    story = told(4)
    words = live_words(story, is_pausing=False, is_stopping=False)
    assert (words.state, words.doing, words.left) == (
        "Training", "Step 4 of 10, now measuring on the held-out pairs", "12 s left",
    )  # fmt: skip
    assert words.share == pytest.approx(0.4)
    assert live_words(story, is_pausing=True, is_stopping=False).state == "Pausing"
    assert resting_words(story, None).state == "Stopped"
    holder = RunStatus(JOB, RunState.AT_WORK, 4, Owner(77, "studio-2"), None)
    words = resting_words(story, holder)
    assert (words.state, words.left) == ("At work elsewhere", "12 s left")
    remedy = "Train at a lower resolution or rank (--resolution, --rank)."
    broken = RunStatus(JOB, RunState.BROKEN, 4, None, Broken("the card is full", remedy, "", True))
    words = resting_words(story, broken)
    assert (words.state, words.doing) == ("Broken off", "Step 4 of 10; it goes on from its last checkpoint")
    assert words.problem == "The card is full. Train at a lower resolution or rank."
    assert resting_words(RunStory(JOB), broken).doing == "Before the first step"
    story.tell(Paused(4))
    assert resting_words(story, None).state == "Paused"
    story.tell(Finished(10, "hat.safetensors", 4, True))
    assert "no longer got better" in resting_words(story, None).doing
    taken = "Give another name or mask type, or add --replace to put this one in its place."
    assert without_options(taken) == "Give another name or mask type."
    assert without_options("Go on from its last checkpoint with --resume.") == "Go on from its last checkpoint."


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 1000, [0, 200, 400, 600, 800, 1000]),
        (0.031, 0.048, [0.035, 0.04, 0.045]),
        (0, 5200, [0, 1000, 2000, 3000, 4000, 5000]),
    ],
)
def test_axes_have_few_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high, 6) == pytest.approx(expected)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 7.3, 1e4])
def test_axes_never_have_more_numbers_than_asked_nor_hardly_any(scale: float) -> None:
    for high in np.linspace(1.1, 12, 50):
        found = ticks(scale, scale * high, 5)
        assert 1 <= len(found) <= 5
        assert scale * 0.999 <= found[0]
        assert found[-1] <= scale * high * 1.001


def test_the_mean_of_a_constant_is_that_constant_from_the_first_step_on() -> None:
    assert smoothed([0.3] * 200) == pytest.approx(0.3)
    assert smoothed([]).size == 0
    noise = np.random.default_rng(0).normal(0.5, 0.2, 1000)
    assert smoothed(noise.tolist())[100:].std() < noise.std() / 4


def test_one_bad_step_does_not_press_the_curve_flat() -> None:
    raw = np.full(500, 0.3)
    raw[250] = 90.0
    low, high = loss_range(raw, np.full(500, 0.3), np.array([0.25, 0.31]))
    assert 0 <= low < 0.25
    assert 0.31 < high < 1


def test_the_curve_can_be_painted_while_the_run_goes_on(qtbot: QtBot) -> None:
    curve, story = LossCurve(), told(6)
    qtbot.addWidget(curve)
    curve.resize(700, 240)
    curve.show_story(story)
    before = curve.grab().toImage()
    story.tell(StepDone(7, 10, 0.1, 1e-4, 2.0, 6.0))  # before the window has shown it
    assert curve.grab().toImage() == before
    curve.show_story(story)
    assert curve.grab().toImage() != before
    curve.read_at(9)
    assert curve.reading() == f"Step 7   loss 0.1000   mean {smoothed(story.losses)[-1]:.4f}   held out 0.5000 at 6"
    for key, step in ((Qt.Key.Key_Left, "Step 6 "), (Qt.Key.Key_Left, "Step 5 "), (Qt.Key.Key_Right, "Step 6 ")):
        qtbot.keyClick(curve, key)
        assert curve.reading().startswith(step)


def test_samples_are_as_large_as_they_all_can_be() -> None:
    assert arrangement(1, 2.33, 1150, 360) == (1, 230), "one is not blown up"
    assert arrangement(4, 2.33, 1150, 360) == (2, 154), "two rows, and none has to be scrolled to"
    assert arrangement(4, 5.0, 1150, 360) == (2, 113)
    assert arrangement(4, 2.33, 660, 200) == (2, 138), "scrolled to, where they would be stamps otherwise"
    assert arrangement(2, 5.0, 400, 100) == (1, 80), "there is no more width"
    for number in range(1, 13):
        for width in range(300, 1800, 90):
            beside, height = arrangement(number, 2.33, width, 300)
            assert 1 <= beside <= number
            assert beside * height * 2.33 <= width + beside
