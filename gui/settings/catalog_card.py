"""Where the catalog lies, its backup and its check, and the stored thumbnails."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from gui.context import WindowContext
from gui.look import theme
from gui.look.palette import Ink
from gui.phrases import at_home, count, megabytes, sentence
from gui.settings.card import SettingsCard
from gui.widgets.drop_zone import button_for
from gui.widgets.elided_label import ElidedLabel


class CatalogCard(SettingsCard):
    """Backup and check run in the background, and say here what they found."""

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__("Catalog", parent)
        self._context, self._is_busy = context, False
        actions, path = context.actions, context.services.catalog_path
        self.place = ElidedLabel()
        self.place.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.place.show_text(at_home(str(path)) if path is not None else "The account's own place")
        self.add_choice("Lies in", self.place)
        self.add_buttons([button_for(actions[name]) for name in ("backup_catalog", "check_catalog")])
        self.result = self.add_note("A backup has every verdict and figure; pictures and masks stay where they are.")
        self.result.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.thumbnails = theme.label("")
        self.add_choice("Thumbnails", self.thumbnails, (button_for(actions["clear_thumbnails"]),))
        actions.on("backup_catalog", self.back_up)
        actions.on("check_catalog", self.check)
        actions.on("clear_thumbnails", self.clear_thumbnails)

    def follow(self) -> None:
        """Read how much room the thumbnails take."""
        store = self._context.services.thumbnails
        if store is None:
            self.thumbnails.setText("Not stored")
            return
        self._context.bridge.run_in_background(store.size, self._show_size, self._context.report)

    def refresh_actions(self, is_here: bool) -> None:
        """Switch the commands of this card on where they make sense."""
        actions, services = self._context.actions, self._context.services
        actions["backup_catalog"].setEnabled(is_here and not self._is_busy and services.catalog_path is not None)
        actions["check_catalog"].setEnabled(is_here and not self._is_busy)
        actions["clear_thumbnails"].setEnabled(is_here and services.thumbnails is not None)

    def back_up(self) -> None:
        """Write a consistent copy beside the catalog, with the time in its name."""
        path, catalog = self._context.services.catalog_path, self._context.services.catalog
        if path is None:
            return
        to = path.with_name(f"{path.stem}.backup-{datetime.now():%Y%m%d-%H%M%S}.db")
        self._begin("Writing the copy…")
        self._context.bridge.run_in_background(lambda: catalog.backup(to), self._on_backup, self._on_failure)

    def check(self) -> None:
        """Look for damage."""
        self._begin("Checking…")
        self._context.bridge.run_in_background(self._context.services.catalog.check, self._on_check, self._on_failure)

    def clear_thumbnails(self) -> None:
        """Forget the stored thumbnails."""
        store = self._context.services.thumbnails
        if store is not None:
            self._context.bridge.run_in_background(store.clear, lambda _none: self.follow(), self._context.report)

    # -- inside -------------------------------------------------------------------------------------------------

    def _begin(self, what: str) -> None:
        self._is_busy = True
        self._say(what)
        self.refresh_actions(self.isVisible())

    def _end(self) -> None:
        self._is_busy = False
        self.refresh_actions(self.isVisible())

    def _on_backup(self, written: Path) -> None:
        self._end()
        self._say(f"Backed up as {written.name}.", "pass_")

    def _on_check(self, problems: list[str]) -> None:
        self._end()
        if not problems:
            self._say("The catalog is sound.", "pass_")
            return
        self._say(f"{count(len(problems), 'problem')}: {problems[0]}", "fail")
        self.result.setToolTip("\n".join(problems))

    def _on_failure(self, error: Exception) -> None:
        self._end()
        self._say(" ".join(sentence(error)), "fail")

    def _say(self, text: str, ink: Ink = "text_quiet") -> None:
        theme.set_ink(self.result, ink)
        self.result.setText(text)
        self.result.setToolTip("")

    def _show_size(self, size: int) -> None:
        self.thumbnails.setText(f"{megabytes(size)} kept")
