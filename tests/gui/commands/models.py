"""Commands of the Models page, and how each is tried."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import rmtree

from engine.services.registries import load_registry
from gui import preferences
from gui.actions import PageName
from gui.models.licence_dialog import LicenceDialog
from tests.gui.hand import Case, Hand
from tests.hollow_kontext import hollow_kontext
from tests.model_hub import TOKEN, ModelHub

KONTEXT = "FLUX.1-Kontext-dev"


def _models(hand: Hand) -> Path:
    hand.show(PageName.MODELS)
    hand.opened.clear()
    return hand.studio.folder / "models"


def _kontext_came(hand: Hand) -> None:
    folder = _models(hand) / KONTEXT
    rmtree(folder, ignore_errors=True)  # what a stopped download has left
    hand.window.models.reload()
    hand.rest()
    hollow_kontext(folder)


def _other_model(hand: Hand) -> Path:
    folder = hand.studio.folder / "other kontext"
    if not folder.exists():
        hollow_kontext(folder)
    return folder


def _choose_model(hand: Hand) -> None:
    hand.choose(_other_model(hand) / "model_index.json")
    _models(hand)


def _chosen_model(hand: Hand) -> None:
    preferences.set_kontext_model(_other_model(hand))
    hand.show(PageName.EXPORT)
    _models(hand)


def _choose_lora(hand: Hand) -> None:
    hand.choose(hand.studio.folder / "Our Scarf.safetensors")
    hand.show(PageName.QUEUE)


def _registered(hand: Hand) -> None:
    _models(hand)
    hand.window.models.add([hand.studio.folder / "Our Scarf.safetensors"])
    loras = hand.window.models.loras
    hand.qtbot.waitUntil(lambda: loras.form is not None)
    assert loras.form is not None
    loras.form.task.setCurrentText("scarf")
    loras.form.add_button.click()
    hand.qtbot.waitUntil(lambda: loras.form is None)
    hand.rest()
    hand.window.activateWindow()
    hand.qtbot.waitUntil(hand.window.isActiveWindow)
    loras.table.selectRow(loras.loras.row_of("our-scarf") or 0)
    loras.table.setFocus()
    hand.qtbot.waitUntil(loras.table.hasFocus)


def _downloading(hub: ModelHub) -> Callable[[Hand], None]:
    def there(hand: Hand) -> None:
        _models(hand)
        hand.window.banner.hide()
        hand.window.models.kontext.download(TOKEN, hub.url)

    return there


def _found(hand: Hand) -> str:
    return hand.window.models.kontext.state.text()


def models_of(hub: ModelHub) -> dict[str, Case]:
    return {
        "download_model": Case(_models, lambda hand: hand.is_shown(LicenceDialog), True),
        "stop_download": Case(_downloading(hub), lambda hand: "was stopped" in hand.window.banner.text(), True),
        "choose_model": Case(_choose_model, lambda hand: preferences.kontext_model() == _other_model(hand), True),
        "default_model": Case(_chosen_model, lambda _: preferences.kontext_model(), None),
        "add_lora": Case(
            _choose_lora,
            lambda hand: (hand.window.page, hand.window.models.loras.form is not None),
            (PageName.MODELS, True),
        ),
        "remove_lora": Case(
            _registered, lambda _: "scarf" in load_registry().mask_types(), False, lambda hand: hand.press("remove_now")
        ),
        "open_models_folder": Case(_models, lambda hand: [path.name for path in hand.opened], ["models"]),
        "look_again": Case(_kontext_came, _found, "Found"),
    }
