"""The menus: every command of the table is in one of them."""

from __future__ import annotations

from PySide6.QtWidgets import QMenuBar

from gui.actions import Actions


def fill(bar: QMenuBar, actions: Actions) -> None:
    """Add the table's menus, each with a letter of its own that opens it together with Alt."""
    letters: set[str] = set()
    for title, rows in actions.by_menu():
        at = next(index for index, letter in enumerate(title) if letter.casefold() not in letters)
        letters.add(title[at].casefold())
        menu = bar.addMenu(f"{title[:at]}&{title[at:]}")
        for _, action in rows:
            menu.addAction(action)
