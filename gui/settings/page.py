"""Settings: how the window looks and works, the catalog, and the keyboard."""

from __future__ import annotations

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from gui.context import WindowContext
from gui.look import theme
from gui.settings.appearance_card import AppearanceCard
from gui.settings.catalog_card import CatalogCard
from gui.settings.shortcut_panel import ShortcutPanel
from gui.settings.work_card import WorkCard
from gui.widgets.card_column import card_column

_CARDS_WIDTH = 480


class SettingsPage(QWidget):
    """Cards at the left, the keyboard shortcuts at the right. Nothing needs to be saved: a choice holds at once."""

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.appearance, self.work = AppearanceCard(), WorkCard(context)
        self.catalog, self.shortcuts = CatalogCard(context), ShortcutPanel(context)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.LARGE, theme.LARGE, theme.LARGE)
        layout.setSpacing(theme.LARGE)
        layout.addWidget(card_column((self.appearance, self.work, self.catalog), _CARDS_WIDTH))
        layout.addWidget(self.shortcuts, 1)

    def refresh_actions(self) -> None:
        """Switch this page's commands on where they make sense."""
        is_here = self.isVisible()
        self.catalog.refresh_actions(is_here)
        self.shortcuts.refresh_actions(is_here)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.appearance.follow()
        self.catalog.follow()
