"""The Training page: sets from the catalog and folders, settings, a real run on the tiny pipeline, and its figures."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.domain.datasets import DatasetKind, SplitBy
from engine.domain.geometry import Extent
from engine.domain.review import Decision, Review
from engine.domain.training import COLOR_SETTINGS, Finished, Paused, StepDone, TrainingSettings
from engine.imaging.drawn.scene import draw_scene
from engine.imaging.raster.encode import encode_png
from engine.inference.kontext.tiers import GIB
from engine.services.datasets.manifest import read_manifest
from engine.services.doctor import GraphicsCard
from engine.services.registries import load_registry
from engine.training.job import read_events, read_job
from gui import preferences
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from gui.training.builds import SetOrder
from gui.training.set_list import Check
from gui.training.settings_fields import FOLDED, VISIBLE
from tests.gui.studio import Studio
from tests.gui.torchless import run_alone
from tests.gui.trainings import LEFT, LONG, TINY, at_rest, paused, rest, show, start
from tests.tiny_kontext import build_tiny_kontext

# -- data sets -------------------------------------------------------------------------------------------------------


def test_an_empty_page_says_what_to_do(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(window, Qt.Key.Key_6, Qt.KeyboardModifier.ControlModifier)
    assert window.page is PageName.TRAINING
    rest(window, qtbot)
    page = window.training
    assert "at least ten photographs" in page.sets.empty.text()
    assert page.why_not.text() == "Choose or build a data set."
    assert page.sets.new_button.hasFocus(), "what comes first here"
    assert page.panel.empty.isVisible()
    assert page.model.state.text() == "Missing"
    window.actions_table["new_set"].trigger()
    rest(window, qtbot)
    assert page.dialog is not None
    assert "No masks were approved" in page.dialog.message.text()
    assert not page.dialog.build_button.isEnabled()


def test_a_mask_set_is_built_of_approved_results_and_its_errors_forbid_training(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = studio.finish({"A1": 1.0, "B2": 2.0, "C3": 3.0})
    now = datetime.now(UTC)
    studio.catalog.add_reviews([Review(job.id, Decision.APPROVED, "Ada", "", now) for job in jobs[:2]])
    window = open_window()
    show(window, qtbot)
    window.actions_table["new_set"].trigger()
    dialog = window.training.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.masks.count() == 1, timeout=LONG)
    assert dialog.masks.currentText() == "Garment · 2"
    qtbot.keyClicks(dialog.object, "a shirt")
    assert dialog.name.placeholderText() == "shirt-set"
    assert "at least 10" in dialog.message.text()
    qtbot.mouseClick(dialog.build_button, LEFT)
    folder = studio.folder / "training" / "shirt-set"
    qtbot.waitUntil(lambda: window.training.sets.check_state() is Check.WRONG, timeout=LONG)
    rest(window, qtbot)
    manifest = read_manifest(folder)
    assert (manifest.kind, len(manifest.examples)) == (DatasetKind.MASK, 2)
    assert manifest.examples[0].caption == "put a green mask for a shirt on the person"
    sets = window.training.sets
    assert sets.sets.data(sets.sets.index(0)) == "shirt-set"
    assert "2 pairs" in sets.findings.item(0).text()
    assert not window.actions_table["train"].isEnabled()
    assert "has errors" in window.training.why_not.text()
    opened: list[Path] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(Path(QUrl(url).toLocalFile())))
    for row in range(sets.findings.count()):
        place = sets.findings.visualItemRect(sets.findings.item(row)).center()
        sets.findings.scrollToItem(sets.findings.item(row))
        place = sets.findings.visualItemRect(sets.findings.item(row)).center()
        qtbot.mouseClick(sets.findings.viewport(), LEFT, pos=QPoint(place))
    assert opened[0] == folder
    assert all(path.exists() for path in opened)


@pytest.fixture
def articles(studio: Studio) -> Path:
    """Three drawn shirts, each with its flatlay."""
    drop = studio.folder / "articles"
    drop.mkdir()
    for seed in range(3):
        scene = draw_scene(seed, Extent(240, 300), "shirt")
        (drop / f"CM{seed}_model.png").write_bytes(encode_png(scene.truth))
        (drop / f"CM{seed}_flat.png").write_bytes(encode_png(scene.flatlay))
    return drop


def test_a_colour_set_is_built_of_folders_by_the_command_line(
    studio: Studio, articles: Path, window: MainWindow, qtbot: QtBot
) -> None:
    show(window, qtbot)
    window.actions_table["new_set"].trigger()
    dialog, sets = window.training.dialog, window.training.sets
    assert dialog is not None
    # With the keys alone, as somebody goes who has no mouse.
    qtbot.waitUntil(dialog.kind.hasFocus, timeout=LONG)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Tab, *[Qt.Key.Key_Down] * 3, Qt.Key.Key_Tab):
        qtbot.keyClick(QApplication.focusWidget(), key)
    assert dialog.message.text() == "Choose the folder."
    qtbot.keyClicks(QApplication.focusWidget(), str(articles))
    dialog.split_by.choose(SplitBy.PICTURE)
    assert dialog.name.placeholderText() == "colour-set"
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: sets.check_state() is Check.WRONG, timeout=LONG)
    rest(window, qtbot)
    manifest = read_manifest(studio.folder / "training" / "colour-set")
    assert manifest.kind is DatasetKind.COLOR
    assert manifest.split_by is SplitBy.PICTURE
    assert {example.name for example in manifest.examples} <= {"CM0_model", "CM1_model", "CM2_model"}
    texts = [sets.findings.item(row).text() for row in range(sets.findings.count())]
    assert len(manifest.examples) + sum("left out" in text for text in texts) == 3
    assert "10 are the least" in texts[0]
    assert window.training.settings.settings() == COLOR_SETTINGS


def test_a_colour_set_tells_its_pairs_while_it_is_built_and_can_be_stopped(
    studio: Studio, articles: Path, window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.services.torch.asks_outside = True  # pyright: ignore
    show(window, qtbot)
    sets, folder = window.training.sets, studio.folder / "training" / "colour-set"
    told: list[tuple[tuple[int, int], str]] = []
    advance = sets.busy.advance

    def stop_at_the_first(step: tuple[int, int]) -> None:
        advance(step)
        told.append((step, sets.busy.text()))
        window.actions_table["stop_build"].trigger()

    monkeypatch.setattr(sets.busy, "advance", stop_at_the_first)
    sets.build(SetOrder(DatasetKind.COLOR, folder, photographs=articles))
    assert sets.busy.text() == "Building colour-set…"
    rest(window, qtbot)
    assert told[0] == ((1, 3), "Building colour-set… 1 of 3")
    assert "build was stopped" in window.banner.text()
    assert not folder.exists(), "a part of a set is none"
    assert not sets.busy.isVisible()


def test_a_build_that_is_stopped_leaves_nothing(studio: Studio, window: MainWindow, qtbot: QtBot) -> None:
    from engine.domain.errors import Cancelled
    from gui.training.builds import build_set

    drop, stop, seen = studio.shoot("A1", "B2"), threading.Event(), []

    def told(done: int, total: int) -> None:
        seen.append(done)
        stop.set()

    order = SetOrder(DatasetKind.MASK, studio.folder / "training" / "x", "x", photographs=drop, masks=drop / "masks")
    (drop / "masks").mkdir()
    for path in drop.glob("*_model.jpg"):
        (drop / "masks" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(Cancelled):
        build_set(order, studio.catalog, studio.artifacts, studio.services.torch, told, stop)
    show(window, qtbot)
    window.training.sets.build(order)
    window.actions_table["stop_build"].trigger()
    rest(window, qtbot)
    assert seen == [1]


# -- settings --------------------------------------------------------------------------------------------------------


def test_the_settings_begin_as_the_command_lines_and_follow_the_kind(
    studio: Studio, scripted: Path, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    from engine.domain.training import MASK_SETTINGS
    from gui.training.facts import SetFacts

    names = {of.name for of in (*VISIBLE, *(of for _, group in FOLDED for of in group))}
    assert names <= set(TrainingSettings.__dataclass_fields__)
    studio.services.torch.card = GraphicsCard("Test card", 40 * GIB, 48 * GIB)  # pyright: ignore
    window = open_window()
    show(window, qtbot)
    assert window.training.sets.list.hasFocus()
    card = window.training.settings
    assert card.settings() == MASK_SETTINGS
    assert card.lora_name() == "bars"
    assert card.memory.text() == "A small model; memory is not estimated for it."
    card.set_model(replace(window.training.model.facts, is_flux=True))  # pyright: ignore
    assert "Test card: the model is kept in 16 bit" in card.memory.text()
    card._fields["resolutions"].widget.setText("2048")  # pyright: ignore
    assert "Test card: the model is kept in 8 bit" in card.memory.text(), "16 bit would not fit any more"
    card._fields["resolutions"].widget.setText("4096")  # pyright: ignore
    assert "a card of 48 offers 43.2. Lower resolution or rank" in card.warning.text()
    card._fields["learning_rate"].widget.setText("much")  # pyright: ignore
    assert "cannot be read" in window.training.why_not.text()
    card.set_dataset(SetFacts(Path("colour-set"), DatasetKind.COLOR, 20, 4, "x"))
    assert card.settings() == COLOR_SETTINGS
    assert card.lora_name() == "colour"
    card._fields["alpha"].widget.setValue(8)  # pyright: ignore
    assert card.settings() == replace(COLOR_SETTINGS, alpha=8)


# -- runs ------------------------------------------------------------------------------------------------------------


def test_a_real_run_is_trained_followed_and_registered(
    studio: Studio, bars: Path, open_window: Callable[[], MainWindow], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(studio.folder / "cache"))
    preferences.set_training_model(build_tiny_kontext(studio.folder / "tiny"))
    studio.services.torch.trains = True  # pyright: ignore
    window = open_window()
    show(window, qtbot)
    start(window, qtbot, "bars", TINY)
    page, run = window.training, studio.folder / "training" / "bars-training"
    assert read_job(run).settings == TINY
    assert not window.actions_table["train"].isEnabled(), "one at a time"
    states: set[str] = set()
    finished: list[Path | None] = []
    page.runs.finished.connect(lambda _: finished.append(page.runs.folder))
    page.runs.changed.connect(lambda: states.add(page.panel.words().state))  # pyright: ignore
    at_rest(window, qtbot)
    assert {"Preparing", "Training"} <= states
    assert finished == [page.runs.folder]
    events, story = read_events(run), page.runs.story
    assert story is not None
    assert isinstance(events[-1], Finished)
    assert story.losses == [event.loss for event in events if isinstance(event, StepDone)]
    words = page.panel.words()
    assert words is not None
    assert (words.state, words.share) == ("Finished", 1.0)
    page.panel.curve.read_at(4)
    qtbot.waitUntil(lambda: page.panel.curve.reading().startswith(f"Step 4   loss {story.losses[3]:.4f}"))
    assert page.panel.samples.slider.maximum() == 1
    assert page.panel.samples.step.text() == "Step 6"
    qtbot.waitUntil(page.panel.samples.strips.is_complete, timeout=LONG)
    page.panel.samples.slider.setValue(0)
    assert page.panel.samples.step.text() == "Step 3"
    # The result, in the registry and on the page of the models.
    window.actions_table["register_run"].trigger()
    qtbot.waitUntil(lambda: page.registering.form is not None, timeout=LONG)
    form = page.registering.form
    assert form is not None
    texts = [form.file.itemText(row) for row in range(form.file.count())]
    assert texts[0] == "The finished LoRA, step 6"
    assert texts[1].startswith("Best on the held-out pairs")
    assert texts[2:] == ["Checkpoint, step 3", "Checkpoint, step 6"]
    form.file.setCurrentIndex(2)
    form.task.setCurrentText("bar")
    qtbot.mouseClick(form.register_button, LEFT)
    qtbot.waitUntil(lambda: page.registering.form is None, timeout=LONG)
    entry = load_registry().lora_for("bar")
    assert (entry.name, entry.prompt) == ("bars", "put a green mask for bar")
    saved = run / "checkpoints" / "bars-000003.safetensors"
    assert (studio.folder / "models" / "loras" / entry.file).read_bytes() == saved.read_bytes()
    window.actions_table["register_run"].trigger()
    qtbot.waitUntil(lambda: page.registering.form is not None, timeout=LONG)
    again = page.registering.form
    assert again is not None
    assert (again.register_button.text(), again.task.itemText(again.task.count() - 1)) == ("Replace", "bar")
    assert "Takes the place of your bars" in again.message.text()
    again.name.setText("bars-2")
    again.task.setCurrentText("another bar")
    assert again.register_button.text() == "Register"
    again.reject()
    # How good its checkpoints are, painted and measured by the tiny pipeline.
    window.activateWindow()
    window.actions_table["run_figures"].trigger()
    figures = page.figures
    assert figures is not None
    rest(window, qtbot)
    assert figures.none.isVisible()
    qtbot.mouseClick(figures.measure, LEFT)
    assert page.measuring.run == run
    qtbot.waitUntil(lambda: page.measuring.run is None, timeout=LONG)
    rest(window, qtbot)
    names = {figures.table.item(row, 0).text().removesuffix(" · best") for row in range(figures.table.rowCount())}  # pyright: ignore
    assert names == {"Base", "Step 3", "Step 6"}
    assert {figures.table.item(row, 1).text() for row in range(3)} == {"2"}, "both held-out pairs of each"  # pyright: ignore
    assert figures._figures.sheet is not None
    assert figures._figures.sheet.is_file()
    figures.reject()
    show_models(window, qtbot)
    assert window.models.loras.loras.row_of("bars") is not None


def test_samples_are_walked_and_opened_with_the_keys(
    studio: Studio, scripted: Path, open_window: Callable[[], MainWindow], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window()
    show(window, qtbot)
    start(window, qtbot, "seen", replace(TINY, samples=3))
    at_rest(window, qtbot)
    samples, opened = window.training.panel.samples, list[str]()
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(Path(QUrl(url).toLocalFile()).name))
    qtbot.waitUntil(samples.strips.is_complete, timeout=LONG)
    window.activateWindow()
    samples.slider.setFocus()
    qtbot.keyClick(samples.slider, Qt.Key.Key_Tab)
    qtbot.waitUntil(samples.strips.hasFocus, timeout=LONG)
    assert samples.strips.accessibleDescription() == "bar-0, step 6, 1 of 3. Return opens the picture."
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Right, Qt.Key.Key_Space, Qt.Key.Key_End, Qt.Key.Key_Right):
        qtbot.keyClick(samples.strips, key)
    assert opened == ["step-000006-bar-0.png", "step-000006-bar-1.png"]
    assert samples.strips.accessibleDescription().startswith("bar-2, step 6, 3 of 3"), "it ends where they end"
    qtbot.keyClick(samples.slider, Qt.Key.Key_Left)
    qtbot.keyClick(samples.strips, Qt.Key.Key_Return)
    assert opened[2:] == ["step-000003-bar-2.png"], "the same example at another step"


def show_models(window: MainWindow, qtbot: QtBot) -> None:
    window.show_page(PageName.MODELS)
    rest(window, qtbot)


def test_a_run_is_paused_gone_on_with_and_trained_longer(
    studio: Studio, scripted: Path, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = open_window()
    page, run = window.training, paused(window, studio, qtbot, steps=40)
    assert isinstance(read_events(run)[-1], Paused)
    assert page.panel.choice.currentText().startswith("slow-training · Paused at")
    window.actions_table["go_on_training"].trigger()
    qtbot.waitUntil(lambda: page.runs.story is not None and page.runs.story.is_finished, timeout=LONG)
    at_rest(window, qtbot)
    story = page.runs.story
    assert story is not None
    assert story.steps == list(range(1, 41)), "each step once"
    assert window.actions_table["go_on_training"].text() == "Train longer…"
    window.actions_table["go_on_training"].trigger()
    question = page.longer
    assert question is not None
    assert question.steps.value() == 60, "half as many again"
    question.steps.setValue(45)
    qtbot.mouseClick(question.go_on_button, LEFT)
    qtbot.waitUntil(lambda: page.runs.story is not None and page.runs.story.step == 45, timeout=LONG)
    at_rest(window, qtbot)
    assert read_job(run).settings.steps == 45


def test_the_page_and_its_estimates_never_bring_torch_into_the_window(tmp_path: Path) -> None:
    code = """
from gui.actions import PageName
from tests.tiny_training import build_tiny_set

build_tiny_set(folder / "training" / "bars-set", count=8, held_out=2)
with window_alone(folder) as (window, rest):
    window.show_page(PageName.TRAINING)
    rest()
    window.actions_table["new_set"].trigger()
    rest()
    assert window.training.sets.check_state() == "Look", window.training.sets.check_state()
    memory = window.training.settings.memory.text()
    assert "33\u00a0GiB in 16\u00a0bit" in memory, memory
"""
    run_alone(code, tmp_path)


def test_the_figures_of_the_checkpoints_are_shown_as_they_were_measured(
    studio: Studio, scripted: Path, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    from engine.domain.evaluation import Evaluation, MaskFigures, Measured
    from engine.services.evaluation.records import run_folder, write_records
    from engine.services.evaluation.requests import run_contenders

    window = open_window()
    show(window, qtbot)
    start(window, qtbot, "bars", TINY)
    at_rest(window, qtbot)
    run = studio.folder / "training" / "bars-training"
    contenders = run_contenders(run)
    overlaps = dict(zip((contender.name for contender in contenders), (0.1, 0.8, 0.7), strict=True))
    rows = tuple(Measured(name, "bar-8", MaskFigures(iou, 0.5, 0.01)) for name, iou in overlaps.items())
    run_folder(run).mkdir()
    write_records(Evaluation(DatasetKind.MASK, "bars", contenders, rows), run_folder(run))
    window.actions_table["run_figures"].trigger()
    dialog = window.training.figures
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 3, timeout=LONG)
    cells = [[dialog.table.item(row, column).text() for column in (0, 2)] for row in range(3)]  # pyright: ignore
    assert cells == [["Base", "0.100"], ["Step 3 · best", "0.800"], ["Step 6", "0.700"]]
    assert dialog.measure.text() == "Measure again"
