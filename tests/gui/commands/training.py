"""Commands of the Training page, and how each is tried; a script plays the runs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from engine.domain.datasets import DatasetKind
from gui import preferences
from gui.actions import PageName
from gui.training.builds import SetOrder
from gui.training.figures_dialog import FiguresDialog
from gui.training.register_form import RegisterForm
from gui.training.set_dialog import SetDialog
from gui.training.set_list import Check
from tests.gui.hand import Case, Hand
from tests.hollow_kontext import hollow_kontext
from tests.tiny_training import build_tiny_set

_LONG = 120_000  # ms: a process starts, and a set is checked


def _model(hand: Hand) -> Path:
    folder = hand.studio.folder / "base model"
    return folder if folder.exists() else hollow_kontext(folder)


def _training(hand: Hand) -> None:
    """A checked set, a model, and no run at work."""
    page = hand.window.training
    if page.runs.live is not None:
        page.runs.live.stop()
        hand.qtbot.waitUntil(lambda: page.runs.live is None, timeout=_LONG)
    preferences.set_training_folder(None)
    shutil.rmtree(hand.studio.folder / "training" / "bars-set", ignore_errors=True)
    build_tiny_set(hand.studio.folder / "training" / "bars-set", count=8, held_out=2)
    preferences.set_training_model(_model(hand))
    hand.show(PageName.EXPORT)
    hand.show(PageName.TRAINING)
    row = page.sets.sets.row_of(hand.studio.folder / "training" / "bars-set")
    page.sets.list.setCurrentIndex(page.sets.sets.index(row or 0))
    page.sets.check_again()
    hand.qtbot.waitUntil(lambda: page.sets.check_state() is Check.WARNED, timeout=_LONG)
    hand.opened.clear()
    page.sets.list.setFocus()


def _at_work(hand: Hand) -> None:
    """A run that takes a while."""
    _training(hand)
    page = hand.window.training
    page.settings.name.setText("slow")
    page.settings.apply(replace(page.settings.settings(), steps=2000, save_every=5, evaluate_every=5, sample_every=5))
    page.train()
    hand.qtbot.waitUntil(lambda: page.progress()[0] > 5, timeout=_LONG)


def _paused(hand: Hand) -> None:
    _at_work(hand)
    hand.window.actions_table["pause_training"].trigger()
    hand.qtbot.waitUntil(lambda: hand.window.training.runs.live is None, timeout=_LONG)
    hand.rest()
    hand.opened.clear()


def _set_is_hurt(hand: Hand) -> None:
    _training(hand)
    (hand.studio.folder / "training" / "bars-set" / "control" / "bar-0.png").write_bytes(b"no picture")


def _building(hand: Hand) -> None:
    """A build that takes seconds."""
    _training(hand)
    folders = [hand.studio.folder / "many" / name for name in ("photographs", "masks")]
    for folder in folders:
        if not folder.exists():
            folder.mkdir(parents=True)
            noise = np.random.default_rng(1).integers(0, 255, (900, 600, 3)).astype(np.uint8)
            Image.fromarray(noise if folder.name == "photographs" else noise[..., 0]).save(folder / "0.png")
            for number in range(1, 200):
                shutil.copyfile(folder / "0.png", folder / f"{number}.png")
    hand.window.banner.hide()
    order = SetOrder(
        DatasetKind.MASK, hand.window.training.folder / "many-set", "noise", photographs=folders[0], masks=folders[1]
    )
    hand.window.training.sets.build(order)


def _came(hand: Hand) -> None:
    _training(hand)
    build_tiny_set(hand.studio.folder / "training" / "new-set")


def _other_folder(hand: Hand) -> None:
    _training(hand)
    hand.choose(hand.studio.folder / "drop")


def _other_model(hand: Hand) -> None:
    _training(hand)
    preferences.set_training_model(None)
    hand.choose(_model(hand))


def _opened(hand: Hand) -> list[str]:
    return [path.name for path in hand.opened]


def _state(hand: Hand) -> str:
    words = hand.window.training.panel.words()
    return words.state if words is not None else ""


def _is_live(hand: Hand) -> bool:
    return hand.window.training.runs.live is not None


TRAINING = {
    "new_set": Case(_training, lambda hand: hand.is_shown(SetDialog), True),
    "stop_build": Case(_building, lambda hand: "build was stopped" in hand.window.banner.text(), True),
    "check_set": Case(_set_is_hurt, lambda hand: hand.window.training.sets.check_state(), Check.WRONG),
    "open_set": Case(_training, _opened, ["bars-set"]),
    "train": Case(_training, _is_live, True),
    "pause_training": Case(_at_work, _state, "Paused"),
    "stop_training": Case(_at_work, _state, "Stopped"),
    "go_on_training": Case(_paused, _is_live, True),
    "register_run": Case(_paused, lambda hand: hand.is_shown(RegisterForm), True),
    "run_figures": Case(_paused, lambda hand: hand.is_shown(FiguresDialog), True),
    "open_run": Case(_paused, lambda hand: len(_opened(hand)), 1),
    "training_model": Case(_other_model, lambda hand: preferences.training_model() == _model(hand), True),
    "usual_training_model": Case(_training, lambda _: preferences.training_model(), None),
    "training_folder": Case(_other_folder, lambda hand: hand.window.training.folder.name, "drop"),
    "read_training": Case(_came, lambda hand: hand.window.training.sets.sets.rowCount(), 2),
}
