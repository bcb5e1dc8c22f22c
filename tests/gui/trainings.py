"""How tests of the window start a training, and wait for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.domain.training import TrainingSettings
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from tests.gui.studio import Studio

LEFT = Qt.MouseButton.LeftButton
LONG = 180_000  # ms; a process of torch starts in some seconds, on a busy machine in a minute
TINY = replace(
    TrainingSettings(), rank=2, steps=6, resolutions=(64,), learning_rate=1e-2, caption_dropout=0.0, sample_every=3,
    samples=1, sample_steps=1, evaluate_every=3, iou_steps=0, save_every=3, checkpoint_every=2,
)  # fmt: skip


def rest(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.bridge.is_busy, timeout=LONG)


def show(window: MainWindow, qtbot: QtBot) -> None:
    window.show_page(PageName.TRAINING)
    rest(window, qtbot)


def at_rest(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: window.training.runs.live is None, timeout=LONG)
    rest(window, qtbot)


def start(window: MainWindow, qtbot: QtBot, name: str, settings: TrainingSettings) -> None:
    page = window.training
    page.settings.name.setText(name)
    page.settings.apply(settings)
    qtbot.waitUntil(window.actions_table["train"].isEnabled, timeout=LONG)
    window.actions_table["train"].trigger()
    qtbot.waitUntil(lambda: page.runs.live is not None, timeout=LONG)


def paused(window: MainWindow, studio: Studio, qtbot: QtBot, *, steps: int) -> Path:
    """The folder of a run that was started in the window, and paused there after some steps."""
    show(window, qtbot)
    start(window, qtbot, "slow", replace(TINY, steps=steps))
    qtbot.waitUntil(lambda: window.training.progress()[0] >= 3, timeout=LONG)
    window.actions_table["pause_training"].trigger()
    at_rest(window, qtbot)
    return studio.folder / "training" / "slow-training"


def lingering(window: MainWindow, studio: Studio, qtbot: QtBot) -> Path:
    """The folder of a run whose sixth step waits until a file ``go on`` lies there."""
    show(window, qtbot)
    start(window, qtbot, "lingers", replace(TINY, steps=5000))
    qtbot.waitUntil(lambda: window.training.progress()[0] == 5, timeout=LONG)
    return studio.folder / "training" / "lingers-training"
