"""Theme, the grey around pictures and the screen's profile."""

from __future__ import annotations

from math import log2
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QPushButton, QWidget

from gui.look import appearance, theme
from gui.look.appearance import Theme
from gui.phrases import at_home
from gui.settings.card import SettingsCard
from gui.viewer import settings as viewer_settings
from gui.widgets.elided_label import ElidedLabel

_THEMES = {Theme.DARK: "Dark", Theme.LIGHT: "Light", Theme.SYSTEM: "As the desktop has it"}


class AppearanceCard(SettingsCard):
    """What is chosen holds at once."""

    viewer_changed = Signal()
    """The grey around pictures or the profile of this screen is another one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Appearance", parent)
        self.theme = QComboBox()
        for choice, text in _THEMES.items():
            self.theme.addItem(text, choice)
        self.theme.setToolTip("Pictures are judged best in a dark room with a dark window")
        self.add_choice("Theme", self.theme)
        self.surround, self._swatch = QComboBox(), _Swatch()
        for reflectance in viewer_settings.SURROUNDS:
            self.surround.addItem(_surround_text(reflectance), reflectance)
        self.surround.setToolTip("ISO 3664 judges prints and screens on a grey; 18 % is the photographer's middle grey")
        self.add_choice("Around pictures", self.surround, (self._swatch,))
        self.profile = ElidedLabel()
        self.profile.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.choose_profile, self.forget_profile = QPushButton("Choose…"), QPushButton("Forget")
        self.choose_profile.setAccessibleName("Choose the display profile")
        self.choose_profile.setToolTip("Choose the ICC profile of this screen")
        self.forget_profile.setAccessibleName("Forget the display profile")
        self.forget_profile.setToolTip("Take the desktop's profile for this screen again, or none")
        self.add_choice("Display profile", self.profile, (self.choose_profile, self.forget_profile))
        self.add_note("Each screen has its own; this is the one that the window is on.")
        self.follow()
        self.theme.currentIndexChanged.connect(self._on_theme)
        self.surround.currentIndexChanged.connect(self._on_surround)
        self.choose_profile.clicked.connect(self._choose_profile)
        self.forget_profile.clicked.connect(lambda: self._set_profile(None))

    def follow(self) -> None:
        """Show what was chosen elsewhere meanwhile, and the screen that the window is on now."""
        for box, value in ((self.theme, appearance.chosen()), (self.surround, viewer_settings.surround())):
            box.blockSignals(True)
            box.setCurrentIndex(box.findData(value))
            box.blockSignals(False)
        self._swatch.update()
        chosen = viewer_settings.display_profile(self.screen().name())
        self.profile.show_text(at_home(str(chosen)) if chosen is not None else "The desktop's")
        self.forget_profile.setEnabled(chosen is not None)

    # -- inside -------------------------------------------------------------------------------------------------

    def _on_theme(self) -> None:
        application = QApplication.instance()
        if isinstance(application, QApplication):
            appearance.choose(Theme(self.theme.currentData()), application)

    def _on_surround(self) -> None:
        viewer_settings.set_surround(float(self.surround.currentData()))
        self._swatch.update()
        self.viewer_changed.emit()

    def _choose_profile(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Profile of this screen", "", "ICC profiles (*.icc *.icm)")
        if name:
            self._set_profile(Path(name))

    def _set_profile(self, path: Path | None) -> None:
        viewer_settings.set_display_profile(self.screen().name(), path)
        self.follow()
        self.viewer_changed.emit()


class _Swatch(QWidget):
    """The grey itself."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(40, 26)
        self.setAccessibleName("The grey around pictures")

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), theme.grey(viewer_settings.surround()))


def _surround_text(reflectance: float) -> str:
    """``18 %, middle grey`` or ``36 %, one stop lighter``."""
    stops = round(log2(reflectance / 0.18))
    how = {
        -2: "two stops darker",
        -1: "one stop darker",
        0: "middle grey",
        1: "one stop lighter",
        2: "two stops lighter",
    }
    return f"{reflectance * 100:g} %, {how[stops]}"
