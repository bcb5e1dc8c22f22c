"""The bar below the pictures: viewing commands in groups, with short names; what finds no room is in a menu."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLayout, QMenu, QToolButton, QWidget

from gui.actions import Actions
from gui.look import theme

Tools = Sequence[Sequence[tuple[str, str]]]

TOOLS: Tools = (
    (("grid", "Grid"),),
    (("actual_size", "100 %"), ("split", "Split"), ("wipe", "Wipe"), ("compare", "Blink")),
    (("mask", "Mask"), ("heat_map", "ΔE map"), ("disagreement", "Disagreement")),
    (("loupe", "Loupe"), ("eyedropper", "Eyedropper")),
    (("edit_mask", "Edit mask"), ("edit", "Edit…")),
)
"""Groups of commands, and the short names that fit on their buttons."""

_YIELD = ("edit", "disagreement", "eyedropper", "loupe", "split", "wipe", "heat_map", "compare")
"""Who leaves the bar for the menu where it is too narrow, the first first."""

_IN_MENU_ONLY = ("fit", "zoom_in", "zoom_out", "soft_proof", "display_profile", "cheat_sheet")


class ReviewBar(QFrame):
    """A button for each of the tools, as many as there is room for.

    Attributes
    ----------
    more : QToolButton
        Opens the menu with every tool that has no button now, and with the rarer commands.
    """

    def __init__(self, actions: Actions, tools: Tools = TOOLS, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self.setProperty("panel", True)
        self._buttons: dict[str, QToolButton] = {}
        self._groups: list[tuple[list[str], QWidget]] = []  # names, and the gap behind them
        line = QHBoxLayout(self)
        line.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)  # the buttons yield, not the window
        line.setContentsMargins(theme.SMALL, theme.TIGHT, theme.SMALL, theme.TIGHT)
        line.setSpacing(theme.TIGHT)
        for group in tools:
            for name, text in group:
                actions[name].setIconText(text)
                self._buttons[name] = button = self._tool_button()
                button.setDefaultAction(actions[name])
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
                line.addWidget(button)
            gap = QWidget()
            gap.setFixedWidth(theme.TIGHT)
            line.addWidget(gap)
            self._groups.append(([name for name, _ in group], gap))
        line.addStretch()
        self.more = self._tool_button()
        self.more.setText("More ▾")
        self.more.setToolTip("Every other way to look at the pictures")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self.more)
        self._menu.aboutToShow.connect(self._fill_menu)
        self.more.setMenu(self._menu)
        self.more.setVisible(tools is TOOLS)
        line.addWidget(self.more)

    def has_button(self, name: str) -> bool:
        """Whether there is room for that command's button."""
        return not self._buttons[name].isHidden()

    def minimumSizeHint(self) -> QSize:
        return QSize(self._width([name for name in self._buttons if name not in _YIELD]), self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        shown = list(self._buttons)
        for name in _YIELD:
            if self._width(shown) <= self.width():
                break
            if name in shown:
                shown.remove(name)
        for name, button in self._buttons.items():
            button.setVisible(name in shown)
        for names, gap in self._groups:
            gap.setVisible(not set(names).isdisjoint(shown))

    # -- inside -------------------------------------------------------------------------------------------------

    def _tool_button(self) -> QToolButton:
        button = QToolButton()
        button.setProperty("compact", True)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return button

    def _width(self, names: Sequence[str]) -> int:
        """Pixels of a bar with these buttons."""
        gaps = 2 * theme.SMALL + sum(2 * theme.TIGHT for group, _ in self._groups if not set(group).isdisjoint(names))
        more = self.more.sizeHint().width() if not self.more.isHidden() else 0
        return gaps + more + sum(self._buttons[name].sizeHint().width() + theme.TIGHT for name in names)

    def _fill_menu(self) -> None:
        """List what has no button now."""
        self._menu.clear()
        for name, button in self._buttons.items():
            if button.isHidden():
                self._menu.addAction(self._actions[name])
        self._menu.addSeparator()
        for name in _IN_MENU_ONLY:
            self._menu.addAction(self._actions[name])
