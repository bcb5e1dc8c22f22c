"""Commands of the Settings page, and how each is tried."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox

from gui.actions import PageName
from tests.gui.hand import Case, Hand, command


def _keys_of(name: str, *keys: str) -> Callable[[Hand], None]:
    """On the settings page, a command chosen that has these keys."""

    def there(hand: Hand) -> None:
        hand.show(PageName.SETTINGS)
        hand.window.actions_table.set_keys(command(name), keys)
        hand.window.settings.shortcuts.select(name)

    return there


def _press_j(hand: Hand) -> None:
    dialog = hand.window.settings.shortcuts.dialog
    assert dialog is not None
    hand.qtbot.keyClick(dialog.field, Qt.Key.Key_J)
    dialog.use.click()


def _reset_all(hand: Hand) -> None:
    box = hand.window.findChild(QMessageBox, "reset_question")
    assert isinstance(box, QMessageBox)
    next(button for button in box.buttons() if button.text() == "Reset all").click()


def _keys_of_approve(hand: Hand) -> tuple[str, ...]:
    return hand.window.actions_table.keys(command("approve"))


def _thumbnail_kept(hand: Hand) -> None:
    assert hand.studio.services.thumbnails is not None
    hand.studio.services.thumbnails.put("a", b"jpeg")
    hand.show(PageName.SETTINGS)


def _thumbnail(hand: Hand) -> bytes | None:
    assert hand.studio.services.thumbnails is not None
    return hand.studio.services.thumbnails.get("a")


def _settings(hand: Hand) -> None:
    hand.show(PageName.SETTINGS)


SETTINGS = {
    "change_shortcut": Case(_keys_of("approve", "P"), _keys_of_approve, ("J",), _press_j),
    "reset_shortcut": Case(_keys_of("approve", "J"), _keys_of_approve, ("P",)),
    "reset_shortcuts": Case(
        _keys_of("approve", "J"), lambda hand: hand.window.actions_table.has_changed_keys, False, _reset_all
    ),
    "backup_catalog": Case(_settings, lambda hand: len(list(hand.studio.folder.glob("*.backup-*.db"))), 1),
    "check_catalog": Case(
        _settings, lambda hand: hand.window.settings.catalog.result.text(), "The catalog is sound."
    ),
    "clear_thumbnails": Case(_thumbnail_kept, _thumbnail, None),
}  # fmt: skip
