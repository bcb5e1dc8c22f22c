"""Every command of the window is given by each of its keys, or from its menu, and does what it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QDialog
from pytestqt.qtbot import QtBot

from engine.domain.artifacts import ArtifactKind
from engine.domain.jobs import JobFailure, Origin, Reason
from engine.domain.requests import EngineName, MaskRequest
from engine.services.registries import load_registry
from gui.actions import COMMANDS, PageName
from gui.frame.main_window import MainWindow
from storage.thumbnails import SqliteThumbnails
from tests.gui.commands.everywhere import EVERYWHERE
from tests.gui.commands.export import EXPORT
from tests.gui.commands.intake import INTAKE
from tests.gui.commands.looking import LOOKING
from tests.gui.commands.mask_editor import MASK
from tests.gui.commands.models import KONTEXT, models_of
from tests.gui.commands.queue import QUEUE
from tests.gui.commands.review import REVIEW
from tests.gui.commands.settings import SETTINGS
from tests.gui.commands.training import TRAINING
from tests.gui.hand import RESULTS, Case, Hand, command
from tests.gui.studio import Studio, png
from tests.hollow_kontext import hollow_kontext
from tests.lora_dialects import PublishedLora, saved, spelled
from tests.model_hub import ModelHub, serve


@pytest.fixture
def hand(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hand]:
    """The window on a filled studio: results, one in two versions, one with a doubtful mask, and jobs that wait."""
    with ExitStack() as stack:
        thumbnails = SqliteThumbnails(studio.folder / "thumbs.db")
        stack.callback(thumbnails.close)
        studio.services = replace(studio.services, thumbnails=thumbnails)
        *_, old = studio.finish(RESULTS)
        request = MaskRequest(EngineName.CLASSICAL, "another version", "shirt")
        origin = Origin(old.id, Reason.MASK_EDITED, "Ben")
        studio.catalog.add_jobs(old.batch_id, [(old.pair_id, request)], origins=[origin])
        _finish_next(studio, 0.8)
        studio.queue("E5")
        _finish_next(studio, 0.7, doubtful=True)
        studio.queue("W1", "W2", "W3", "W4")
        failed, now = studio.catalog.claim("test", datetime.now(UTC)), datetime.now(UTC)
        assert failed is not None
        failure = JobFailure("W1_model.jpg: no garment was found", "Draw the mask by hand.", True)
        assert studio.catalog.fail(failed.id, "test", failure, now)
        window = open_window()
        window.header.batches.setCurrentIndex(0)  # all batches
        made = Hand(window, studio, qtbot, monkeypatch)
        made.rest()
        yield made
        if window.isVisible():
            made.front()


def _finish_next(studio: Studio, delta_E: float, *, doubtful: bool = False) -> None:
    now = datetime.now(UTC)
    job = studio.catalog.claim("test", now)
    assert job is not None
    outcome = studio.outcome(job, delta_E, 0.9)
    if doubtful:
        doubt = studio.artifacts.put(ArtifactKind.PREVIEW, png(np.full((450, 300), 200, np.uint8)), ".png")
        outcome = replace(outcome, previews=replace(outcome.previews, disagreement=doubt))
    assert studio.catalog.succeed(job.id, "test", outcome, now)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelHub]:
    """A server with a model of a few bytes, and a registry that knows its files."""
    models = tmp_path / "models"
    (models / "loras").mkdir(parents=True)
    monkeypatch.setenv("CHROMASK_MODELS", str(models))
    served = hollow_kontext(tmp_path / "served")
    files = sorted(path.relative_to(served).as_posix() for path in served.rglob("*") if path.is_file())
    entry = load_registry().model(KONTEXT)
    rows = {name: getattr(entry, name) for name in ("name", "model_id", "source", "size_gb", "licence", "note")}
    rows |= {"commercial_use": False, "terms": entry.terms, "files": files}
    text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in rows.items())
    (models / "loras.toml").write_text(f"[[model]]\n{text}\n")
    saved(spelled(PublishedLora(1, 1, rank=2).original, "lora_unet_", "down", "_"), tmp_path / "Our Scarf.safetensors")
    with serve(served, entry.model_id) as hub:
        yield hub


def assert_each_does_what_it_says(hand: Hand, cases: dict[str, Case]) -> None:
    faults = [fault for name, case in cases.items() for fault in hand.tried(command(name), case)]
    assert not faults, "\n".join(faults)


def test_every_command_of_the_table_is_tried_once(tmp_path: Path) -> None:
    models = models_of(ModelHub(tmp_path, ""))
    tables = (EVERYWHERE, INTAKE, QUEUE, REVIEW, LOOKING, MASK, EXPORT, models, TRAINING, SETTINGS)
    assert sorted(name for table in tables for name in table) == sorted(each.name for each in COMMANDS)


def test_commands_that_are_on_everywhere(hand: Hand) -> None:
    assert_each_does_what_it_says(hand, EVERYWHERE)


def test_commands_of_the_intake(hand: Hand) -> None:
    assert_each_does_what_it_says(hand, INTAKE)


def test_commands_of_the_queue(hand: Hand) -> None:
    hand.studio.dispatcher.pause()
    hand.window.begin()
    assert_each_does_what_it_says(hand, QUEUE)


def test_commands_of_the_review(hand: Hand) -> None:
    assert_each_does_what_it_says(hand, REVIEW)


def test_commands_for_looking_at_pictures(hand: Hand) -> None:
    assert_each_does_what_it_says(hand, LOOKING)


def test_commands_of_the_mask_editor(hand: Hand) -> None:
    assert_each_does_what_it_says(hand, MASK)


def test_commands_of_the_export(hand: Hand) -> None:
    assert_each_does_what_it_says(hand, EXPORT)


def test_commands_of_the_models_page(hub: ModelHub, hand: Hand) -> None:
    assert_each_does_what_it_says(hand, models_of(hub))


def test_commands_of_the_training_page(hand: Hand) -> None:
    assert_each_does_what_it_says(hand, TRAINING)


def test_commands_of_the_settings(hand: Hand) -> None:
    assert_each_does_what_it_says(hand, SETTINGS)


def test_a_command_that_does_nothing_is_noticed(hand: Hand) -> None:
    """The oracle of all the others."""
    case = Case(lambda hand: hand.show(PageName.QUEUE), lambda hand: hand.is_shown(QDialog), True)
    hand.monkeypatch.setattr("tests.gui.hand.PATIENCE", 200)
    assert hand.tried(command("show_intake"), case) == ["show_intake by Ctrl+1: False in place of True"]
    assert hand.tried(command("approve"), case) == ["approve by P: is switched off"]
    assert "already" in hand.tried(command("show_queue"), replace(case, becomes=False))[0]
