"""Which palette the window is painted in: dark, light, or as the desktop has it. GUI thread only."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from gui.look import theme
from gui.look.palette import DARK, LIGHT, Palette
from gui.look.style_sheet import style_sheet

_CHOICE = "window/theme"


class Theme(StrEnum):
    """What can be chosen; dark unless another was, as pictures are judged in dark rooms."""

    DARK = "dark"
    LIGHT = "light"
    SYSTEM = "system"


def chosen() -> Theme:
    """The operator's choice."""
    text = str(QSettings().value(_CHOICE, Theme.DARK))
    return Theme(text) if text in list(Theme) else Theme.DARK


def choose(choice: Theme, application: QApplication) -> None:
    """Remember a choice, and paint everything in it at once."""
    QSettings().setValue(_CHOICE, str(choice))
    repaint(application)


def apply(application: QApplication) -> None:
    """Give the application its style, the font size and the chosen palette, and follow the desktop from now on."""
    application.setStyle("Fusion")
    application.setFont(theme.sized(application.font(), theme.BODY))
    repaint(application)
    application.styleHints().colorSchemeChanged.connect(lambda _scheme: _on_desktop(application))


def repaint(application: QApplication) -> None:
    """Paint everything in the palette of the choice; nothing is done where it is painted so already."""
    palette = _palette_of(chosen(), application)
    sheet = style_sheet(palette)
    if palette is theme.colors() and application.styleSheet() == sheet:
        return
    theme.use(palette)
    application.setPalette(_qt_palette(palette))
    application.setStyleSheet(sheet)
    # What paints itself (rows, grids, legends) reads neither of the two.
    for widget in application.allWidgets():
        widget.update()


def desktop_scheme(application: QApplication) -> Qt.ColorScheme:
    """What the desktop says of itself."""
    return application.styleHints().colorScheme()


def _on_desktop(application: QApplication) -> None:
    if chosen() is Theme.SYSTEM:
        repaint(application)


def _palette_of(choice: Theme, application: QApplication) -> Palette:
    if choice is Theme.SYSTEM:
        # A desktop that does not say which it has counts as dark.
        return LIGHT if desktop_scheme(application) is Qt.ColorScheme.Light else DARK
    return LIGHT if choice is Theme.LIGHT else DARK


def _qt_palette(c: Palette) -> QPalette:
    """The same for what Qt draws without the style sheet."""
    result = QPalette()
    role = QPalette.ColorRole
    colors = {
        role.Window: c.window, role.WindowText: c.text, role.Base: c.sunken, role.AlternateBase: c.panel,
        role.Text: c.text, role.Button: c.raised, role.ButtonText: c.text, role.BrightText: c.text_strong,
        role.Highlight: c.selection, role.HighlightedText: c.text_strong, role.ToolTipBase: c.raised,
        role.ToolTipText: c.text, role.PlaceholderText: c.text_faint, role.Link: c.accent, role.Light: c.hover,
        role.Mid: c.line, role.Dark: c.sunken, role.Midlight: c.raised, role.Shadow: c.mark_dark,
    }  # fmt: skip
    for which, color in colors.items():
        result.setColor(which, QColor(color))
    for which in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, which, QColor(c.text_disabled))
    return result
