"""The Models page on a models folder of the test's own, with tiny models and real LoRA files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from engine.domain.requests import Draft, EngineName, MaskRequest
from engine.inference.kontext.description import DESCRIPTION
from engine.inference.kontext.tiers import GIB
from engine.services.doctor import GraphicsCard
from engine.services.model_download import ACCEPTANCE
from engine.services.painting import Painting
from engine.services.plan import MaskSource
from engine.services.registries import load_registry
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from gui.models.lora_model import LoraColumn, Readiness, readiness
from tests.gui.studio import Studio
from tests.gui.torchless import run_alone
from tests.model_hub import TOKEN, ModelHub, serve

NAME = "FLUX.1-Kontext-dev"
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tiny_kontext import build_tiny_kontext

    return build_tiny_kontext(tmp_path_factory.mktemp("tiny") / NAME)


@pytest.fixture(scope="session")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA at FLUX.1's real widths, on one double and one single block."""
    from tests.lora_dialects import PublishedLora, saved, spelled

    folder = tmp_path_factory.mktemp("loras")
    return saved(
        spelled(PublishedLora(1, 1, rank=2).original, "lora_unet_", "down", "_"), folder / "Our Scarf.safetensors"
    )


@pytest.fixture
def models(studio: Studio) -> Path:
    folder = studio.folder / "models"
    (folder / "loras").mkdir(parents=True)
    return folder


def show(window: MainWindow, qtbot: QtBot) -> None:
    window.show_page(PageName.MODELS)
    rest(window, qtbot)


def rest(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.bridge.is_busy)


def drop(window: MainWindow, *paths: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    where, none = QPointF(900, 450), Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(window, QDragEnterEvent(where.toPoint(), Qt.DropAction.CopyAction, mime, LEFT, none))
    QApplication.sendEvent(window, QDropEvent(where, Qt.DropAction.CopyAction, mime, LEFT, none))


def state(window: MainWindow, name: str) -> Readiness:
    row = window.models.loras.loras.row_of(name)
    assert row is not None
    return readiness(window.models.loras.loras.state(row))


def add(window: MainWindow, qtbot: QtBot, file: Path, task: str) -> None:
    drop(window, file)
    qtbot.waitUntil(lambda: window.models.loras.form is not None)
    form = window.models.loras.form
    assert form is not None
    form.task.setCurrentText(task)
    qtbot.mouseClick(form.add_button, LEFT)
    qtbot.waitUntil(lambda: window.models.loras.form is None)
    rest(window, qtbot)


# -- what is there -----------------------------------------------------------------------------------------------


def test_an_empty_models_folder_says_what_is_missing_and_where_it_belongs(
    window: MainWindow, studio: Studio, qtbot: QtBot
) -> None:
    qtbot.keyClick(window, Qt.Key.Key_5, Qt.KeyboardModifier.ControlModifier)
    assert window.page is PageName.MODELS
    rest(window, qtbot)
    page = window.models
    assert page.kontext.state.text() == "Missing"
    assert str(studio.folder / "models" / NAME) in page.kontext.where.whole_text()
    assert "no commercial use without another licence" in page.kontext.licence.text()
    assert page.detection.state.text() == "Missing"
    assert "IDEA-Research/grounding-dino-base" in page._detection_remedy.text()
    assert "No graphics card" in page.memory.card.text()
    assert page.loras.loras.rowCount() == 5
    assert {state(window, s.entry.name) for s in page.loras.loras.states()} == {Readiness.MISSING}
    assert page.loras.loras.index(0, LoraColumn.TASK).data() == "Socks"
    page.loras.table.selectRow(0)
    assert "Put kontext-mask-socks.safetensors into" in page.loras.why.text()
    assert not window.actions_table["remove_lora"].isEnabled(), "a shipped entry cannot be removed"


def test_what_lies_in_the_folder_is_found(
    window: MainWindow, models: Path, tiny: Path, lora: Path, qtbot: QtBot
) -> None:
    from tests.tiny_grounded import build_tiny_detector, build_tiny_segmenter

    shutil.copytree(tiny, models / NAME)
    shutil.copy(lora, models / "loras" / "kontext-mask-hat.safetensors")
    (models / "loras" / "kontext-mask-glasses.safetensors").write_bytes(lora.read_bytes()[:-10])
    build_tiny_detector(models / "grounding-dino-tiny")
    build_tiny_segmenter(models / "sam2.1-hiera-tiny")
    show(window, qtbot)
    assert window.models.kontext.state.text() == "Found"
    assert window.models.kontext.what.text().startswith("A diffusers folder, 0 MB of weights")
    assert not window.actions_table["download_model"].isEnabled()
    assert "grounding-dino-tiny and sam2.1-hiera-tiny" in window.models._detected.text()
    assert state(window, "kontext-mask-hat") is Readiness.READY
    assert state(window, "kontext-mask-glasses") is Readiness.DAMAGED
    window.models.loras.table.selectRow(window.models.loras.loras.row_of("kontext-mask-glasses") or 0)
    assert "cut short" in window.models.loras.why.text()


def test_a_gguf_file_is_used_when_it_is_dropped_and_remembered(
    window: MainWindow, open_window: Callable[[], MainWindow], models: Path, tiny: Path, qtbot: QtBot
) -> None:
    from tests.tiny_kontext import build_tiny_gguf

    shutil.copytree(tiny, models / NAME)
    file = build_tiny_gguf(models / "kontext-q8.gguf", tiny)
    show(window, qtbot)
    drop(window, file)
    qtbot.waitUntil(lambda: window.models.kontext.what.text().startswith("A GGUF file"))
    rest(window, qtbot)
    assert window.intake.plan.plan().model == file
    assert open_window().intake.plan.plan().model == file
    window.show_page(PageName.MODELS)
    window.actions_table["default_model"].trigger()
    rest(window, qtbot)
    assert window.models.kontext.what.text().startswith("A diffusers folder")
    assert window.intake.plan.plan().model is None
    drop(window, models / "none.gguf")
    qtbot.waitUntil(window.banner.isVisible)
    assert "no such model folder or file" in window.banner.text()


# -- graphics memory ---------------------------------------------------------------------------------------------


def test_the_card_decides_until_a_tier_is_chosen_and_the_choice_reaches_the_requests(
    studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    studio.services.torch.card = GraphicsCard("Test card", 22 * GIB, 24 * GIB)  # pyright: ignore
    window = open_window()
    show(window, qtbot)
    memory = window.models.memory
    assert memory.card.text() == "Test card, 22.0 of 24.0 GiB are free."
    assert memory.effect.text().startswith("24 GB tier, by what is free on the card: 8-bit weights, all on the card.")
    assert window.intake.plan.plan().painting == Painting()
    assert [memory.tier.itemData(row) for row in range(memory.tier.count())] == [0, 8, 12, 16, 24, 48, 80]
    memory.tier.setCurrentIndex(memory.tier.findData(8))
    assert "block by block" in memory.effect.text()
    assert memory.warning.isHidden()
    assert window.intake.plan.plan().painting.vram_tier == 8
    memory.tier.setCurrentIndex(memory.tier.findData(80))
    assert "More than is free" in memory.warning.text()
    assert memory.warning.isVisible()
    QSettings().sync()
    again = open_window()
    assert again.models.memory.tier.currentData() == 80
    assert again.intake.plan.plan().painting.vram_tier == 80


def test_a_card_that_is_too_small_is_told(studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot) -> None:
    studio.services.torch.card = GraphicsCard("Small card", 1 * GIB, 4 * GIB)  # pyright: ignore
    window = open_window()
    show(window, qtbot)
    assert "GiB of graphics memory at least" in window.models.memory.warning.text()


# -- LoRAs -------------------------------------------------------------------------------------------------------


def test_a_dropped_lora_is_checked_asked_about_and_registered(
    window: MainWindow, models: Path, lora: Path, qtbot: QtBot
) -> None:
    window.show_page(PageName.EXPORT)
    drop(window, lora)
    assert window.page is PageName.MODELS
    assert "Checking Our Scarf.safetensors" in window.models.loras.strip.text.text()
    qtbot.waitUntil(lambda: window.models.loras.form is not None)
    form = window.models.loras.form
    assert form is not None
    assert form.name.text() == "our-scarf"
    assert not form.add_button.isEnabled(), "what it is for is not said yet"
    qtbot.keyClicks(form.task.lineEdit(), "scarf")
    assert form.prompt.text() == "put a green mask for scarf on the person"
    form.scale.setValue(0.8)
    form.licence.setText("our own")
    qtbot.mouseClick(form.add_button, LEFT)
    qtbot.waitUntil(lambda: window.models.loras.form is None)
    rest(window, qtbot)
    entry = load_registry().lora_for("scarf")
    assert (entry.name, entry.scale, entry.rank, entry.licence) == ("our-scarf", 0.8, 2, "our own")
    assert (models / "loras" / entry.file).read_bytes() == lora.read_bytes()
    assert state(window, "our-scarf") is Readiness.READY
    assert window.models.loras.what.text().startswith("our-scarf: "), "the new one is shown"
    assert "scarf" in window.intake.plan.dreamed


def test_a_refused_file_is_one_sentence_and_the_next_one_follows(
    window: MainWindow, models: Path, lora: Path, qtbot: QtBot
) -> None:
    bad = models.parent / "bad.safetensors"
    bad.write_bytes(b"\x80\x04pickle")
    show(window, qtbot)
    drop(window, bad, lora)
    qtbot.waitUntil(window.banner.isVisible)
    assert window.banner.text().startswith("bad.safetensors: ")
    assert "Traceback" not in window.banner.text()
    qtbot.waitUntil(lambda: window.models.loras.form is not None)
    assert not (models / "loras.toml").exists()
    form = window.models.loras.form
    assert form is not None
    form.reject()
    assert window.models.loras.form is None
    assert not (models / "loras.toml").exists(), "cancelled, nothing was written"


def test_another_one_for_a_mask_type_says_what_it_replaces(
    window: MainWindow, models: Path, lora: Path, qtbot: QtBot
) -> None:
    show(window, qtbot)
    add(window, qtbot, lora, "hat")
    assert load_registry().lora_for("hat").prompt == "put a green mask for a hat on the person"
    drop(window, lora)
    qtbot.waitUntil(lambda: window.models.loras.form is not None)
    form = window.models.loras.form
    assert form is not None
    form.name.setText("newer")
    form.task.setCurrentText("Hat")
    assert form.add_button.text() == "Replace"
    assert "Takes the place of your our-scarf" in form.message.text()
    qtbot.mouseClick(form.add_button, LEFT)
    qtbot.waitUntil(lambda: window.models.loras.form is None)
    assert load_registry().lora_for("hat").name == "newer"


def test_what_the_registry_refuses_can_be_corrected_in_the_form(
    window: MainWindow, models: Path, lora: Path, qtbot: QtBot
) -> None:
    show(window, qtbot)
    drop(window, lora)
    qtbot.waitUntil(lambda: window.models.loras.form is not None)
    form = window.models.loras.form
    assert form is not None
    form.task.setCurrentText("scarf")
    form.prompt.clear()
    qtbot.keyClicks(form.prompt, "a scarf")
    form.trigger.setText("zzscarf")
    qtbot.mouseClick(form.add_button, LEFT)
    qtbot.waitUntil(lambda: "lacks the trigger" in form.message.text())
    assert form.isVisible()
    qtbot.keyClicks(form.prompt, " zzscarf")
    qtbot.mouseClick(form.add_button, LEFT)
    qtbot.waitUntil(lambda: window.models.loras.form is None)
    assert load_registry().lora_for("scarf").prompt == "a scarf zzscarf"


def test_removing_asks_first_and_keeps_the_file(window: MainWindow, models: Path, lora: Path, qtbot: QtBot) -> None:
    show(window, qtbot)
    add(window, qtbot, lora, "scarf")
    file = models / "loras" / load_registry().lora_for("scarf").file
    assert window.actions_table["remove_lora"].isEnabled()
    for button, is_there in (("Keep", True), ("Remove", False)):
        window.activateWindow()  # as a window manager does when a dialog is closed
        qtbot.waitUntil(window.isActiveWindow)
        qtbot.keyClick(window.models.loras.table, Qt.Key.Key_Delete)
        box = window.findChild(QMessageBox, "remove_question")
        assert box is not None
        qtbot.mouseClick(next(b for b in box.buttons() if b.text() == button), LEFT)
        rest(window, qtbot)
        qtbot.waitUntil(lambda: window.models.loras._question is None)
        assert ("scarf" in load_registry().mask_types()) is is_there
    assert file.is_file()
    qtbot.waitUntil(lambda: "scarf" not in window.intake.plan.dreamed)


def test_a_broken_registry_is_told_calmly(window: MainWindow, models: Path, qtbot: QtBot) -> None:
    (models / "loras.toml").write_text("[[lora]]\nname = 3\n")
    show(window, qtbot)
    assert window.banner.isVisible()
    assert window.banner.text().startswith("loras.toml: ")


# -- the download ------------------------------------------------------------------------------------------------


@pytest.fixture
def hub(tiny: Path, models: Path) -> Iterator[ModelHub]:
    """A server with the tiny model, and the registry's entry with its files."""
    files = sorted(path.relative_to(tiny).as_posix() for path in tiny.rglob("*") if path.is_file())
    entry = load_registry().model(NAME)
    rows = {field: getattr(entry, field) for field in ("name", "model_id", "source", "size_gb", "licence", "note")}
    rows |= {"commercial_use": False, "terms": entry.terms, "files": files}
    text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in rows.items())
    (models / "loras.toml").write_text(f"[[model]]\n{text}\n")
    with serve(tiny, entry.model_id) as hub:
        yield hub


def agree(window: MainWindow, qtbot: QtBot, hub: ModelHub, token: str = TOKEN) -> None:
    qtbot.mouseClick(window.models.kontext._buttons["download_model"], LEFT)
    dialog = window.models.kontext._dialog
    assert dialog is not None
    assert not dialog.download.isEnabled(), "the licence must be agreed to first"
    qtbot.mouseClick(dialog.agree, LEFT, pos=dialog.agree.rect().center() / 10)
    dialog.agree.setChecked(True)
    dialog.token.setText(token)
    dialog.mirror.setText(hub.url)
    qtbot.mouseClick(dialog.download, LEFT)


def test_the_model_is_downloaded_after_the_licence_was_agreed_to(
    window: MainWindow, models: Path, hub: ModelHub, qtbot: QtBot
) -> None:
    show(window, qtbot)
    assert not window.intake.plan.engine.model().item(2).isEnabled()  # pyright: ignore
    window.actions_table["download_model"].trigger()
    dialog = window.models.kontext._dialog
    assert dialog is not None
    dialog.reject()
    assert hub.requests == []
    agree(window, qtbot, hub)
    assert window.models.kontext.is_busy
    assert window.actions_table["stop_download"].isEnabled()
    qtbot.waitUntil(lambda: not window.models.kontext.is_busy)
    rest(window, qtbot)
    assert window.models.kontext.state.text() == "Found"
    assert json.loads((models / NAME / ACCEPTANCE).read_text())["licence"].startswith("FLUX.1 [dev]")
    assert window.intake.plan.engine.model().item(2).isEnabled(), "the intake page knows it"  # pyright: ignore


def test_a_stopped_download_is_resumed(
    window: MainWindow, models: Path, hub: ModelHub, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(window, qtbot)
    card = window.models.kontext
    agree(window, qtbot, hub)
    window.actions_table["stop_download"].trigger()
    qtbot.waitUntil(lambda: not card.is_busy)
    rest(window, qtbot)
    assert "was stopped" in window.banner.text()
    assert card.state.text() == "Incomplete"
    assert window.actions_table["download_model"].text() == "Resume the download…"
    agree(window, qtbot, hub)
    qtbot.waitUntil(lambda: not card.is_busy)
    rest(window, qtbot)
    assert card.state.text() == "Found"


def test_a_server_that_refuses_is_a_sentence_and_the_window_lives_on(
    window: MainWindow, hub: ModelHub, qtbot: QtBot
) -> None:
    show(window, qtbot)
    agree(window, qtbot, hub, token="hf_someoneElse")
    qtbot.waitUntil(window.banner.isVisible)
    assert "does not let this account download" in window.banner.text()
    rest(window, qtbot)
    assert window.models.kontext.state.text() == "Missing"
    assert window.actions_table["download_model"].isEnabled()


def test_closing_during_a_download_asks(window: MainWindow, hub: ModelHub, qtbot: QtBot) -> None:
    import threading

    show(window, qtbot)
    window.models.kontext._stop = threading.Event()
    window.close()
    box = window.findChild(QMessageBox, "close_question")
    assert box is not None
    assert "still being downloaded" in box.text()
    qtbot.mouseClick(box.findChild(QPushButton, "keep_running"), LEFT)
    assert window.isVisible()
    window.models.kontext._stop = None


# -- intake ------------------------------------------------------------------------------------------------------


def test_without_models_the_options_say_why_they_are_off(window: MainWindow, qtbot: QtBot) -> None:
    options = window.intake.plan.options
    assert not options.content.isVisible(), "folded away"
    qtbot.mouseClick(options.fold, LEFT)
    assert options.content.isVisible()
    assert not options.source.model().item(2).isEnabled()  # pyright: ignore
    assert "grounding-dino-base" in options.source.itemData(2, Qt.ItemDataRole.ToolTipRole)
    assert not options.seeds.isEnabled()
    assert not options.draft.isEnabled()
    assert "FLUX.1 Kontext is not available" in options.seeds.toolTip()
    options.source.setCurrentIndex(1)
    plan = window.intake.plan.plan()
    assert plan.mask_source is MaskSource.CLASSICAL
    assert plan.painting == Painting()


def test_seeds_draft_tier_and_mask_source_reach_the_queued_jobs(
    studio: Studio, models: Path, tiny: Path, lora: Path, open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    from tests.tiny_grounded import build_tiny_detector, build_tiny_segmenter

    shutil.copytree(tiny, models / NAME)
    (models / NAME / DESCRIPTION).unlink()  # with FLUX.1 Kontext's own canvases, which are larger than a draft's
    shutil.copy(lora, models / "loras" / "kontext-mask-hat.safetensors")
    build_tiny_detector(models / "grounding-dino-tiny")
    build_tiny_segmenter(models / "sam2.1-hiera-tiny")
    window = open_window()
    panel, options = window.intake.plan, window.intake.plan.options
    assert panel.dreamed["hat"].isEnabled()
    assert not panel.dreamed["socks"].isEnabled()
    assert "not installed" in panel.dreamed["socks"].toolTip()
    window.models.memory.tier.setCurrentIndex(window.models.memory.tier.findData(12))
    options.fold.click()
    options.source.choose(MaskSource.GROUNDED)
    options.seeds.choose(3)
    options.draft.setChecked(True)
    panel.color_match.setChecked(False)
    panel.dreamed["hat"].setChecked(True)
    drop(window, studio.shoot("A100"))
    qtbot.waitUntil(lambda: window.intake.pairs.rowCount() == 1 and not window.intake.is_busy)
    window.actions_table["start"].trigger()
    qtbot.waitUntil(lambda: window.page is PageName.QUEUE)
    masks = {job.request.name: job.request for job in studio.catalog.jobs() if isinstance(job.request, MaskRequest)}
    assert masks["garment"].engine is EngineName.GROUNDED
    diffusion = masks["hat"].diffusion
    assert diffusion is not None
    assert (diffusion.seeds, diffusion.draft, diffusion.vram_tier) == (3, Draft(), 12)
    panel.engine.choose(EngineName.CLASSICAL)
    assert not options.seeds.isEnabled()
    assert options.seeds.toolTip() == "The classical engine cannot dream masks."
    assert panel.plan().dreamed == ()


def test_the_page_its_download_and_its_dialogs_never_bring_torch_into_the_window(tmp_path: Path) -> None:
    code = """
from gui.actions import PageName

with window_alone(folder) as (window, rest):
    window.show_page(PageName.MODELS)
    rest()
    window.actions_table["download_model"].trigger()
    window.models.kontext.download("token", "http://127.0.0.1:9")
    rest()
    assert "broke off" in window.banner.text(), window.banner.text()
"""
    run_alone(code, tmp_path)
