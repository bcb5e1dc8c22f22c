"""One type scale, one spacing scale, one accent: the look of every widget.

Every grey is neutral (R = G = B), because a tinted frame shifts how colours inside it are seen; pictures lie on 18 %
grey. The accent marks what is selected or comes next; green, amber and red are kept for verdicts, always with a word.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from engine.domain.jobs import JobState
from engine.domain.results import Verdict
from engine.domain.review import Decision

# Type, in pixels.
CAPTION: Final = 11
BODY: Final = 12
HEADING: Final = 14
TITLE: Final = 20
FIGURE: Final = 26

# Space, in pixels.
TIGHT: Final = 4
SMALL: Final = 8
MEDIUM: Final = 12
LARGE: Final = 16
WIDE: Final = 24
RADIUS: Final = 4

# Greys.
SUNKEN: Final = "#181818"
WINDOW: Final = "#212121"
PANEL: Final = "#292929"
RAISED: Final = "#333333"
HOVER: Final = "#3d3d3d"
LINE: Final = "#3a3a3a"
ROW_LINE: Final = "#242424"
OUTLINE: Final = "#4a4a4a"
TEXT: Final = "#e6e6e6"
TEXT_QUIET: Final = "#a8a8a8"
TEXT_FAINT: Final = "#7a7a7a"
SURROUND: Final = "#767676"
"""18 % reflectance: 1.055 * 0.18 ** (1 / 2.4) - 0.055 = 0.461 in sRGB."""

ACCENT: Final = "#5a9be6"
ACCENT_DEEP: Final = "#2f6fbd"
SELECTION: Final = "#33485f"
PASS: Final = "#5fba7d"
WARN: Final = "#e0ab4a"
FAIL: Final = "#e8756a"
OVERLAY: Final = "#ff2d9b"
"""The mask overlay: a hue that cloth and skin hardly ever have."""

VERDICT_COLORS: Final = {Verdict.PASS: PASS, Verdict.WARN: WARN, Verdict.FAIL: FAIL}
VERDICT_TEXTS: Final = {Verdict.PASS: "Pass", Verdict.WARN: "Check", Verdict.FAIL: "Fail"}
DECISION_COLORS: Final = {Decision.PENDING: TEXT_FAINT, Decision.APPROVED: PASS, Decision.REJECTED: FAIL}
DECISION_TEXTS: Final = {
    Decision.PENDING: "Pending", Decision.APPROVED: "Approved", Decision.REJECTED: "Rejected",
}  # fmt: skip
STATE_COLORS: Final = {
    JobState.QUEUED: TEXT_FAINT, JobState.RUNNING: ACCENT, JobState.SUCCEEDED: PASS, JobState.FAILED: FAIL,
    JobState.CANCELLED: TEXT_FAINT,
}  # fmt: skip
STATE_TEXTS: Final = {
    JobState.QUEUED: "Waiting", JobState.RUNNING: "Running", JobState.SUCCEEDED: "Done", JobState.FAILED: "Failed",
    JobState.CANCELLED: "Cancelled",
}  # fmt: skip


def apply(application: QApplication) -> None:
    """Give the application the palette, the font size and the style sheet."""
    application.setStyle("Fusion")
    application.setPalette(_palette())
    application.setFont(sized(application.font(), BODY))
    application.setStyleSheet(_STYLE)


def sized(font: QFont, pixels: int, *, bold: bool = False) -> QFont:
    """The font at a size of the scale."""
    result = QFont(font)
    result.setPixelSize(pixels)
    result.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return result


def grey(reflectance: float) -> QColor:
    """The neutral grey that reflects this share of the light, in sRGB (IEC 61966-2-1)."""
    encoded = 12.92 * reflectance if reflectance <= 0.0031308 else 1.055 * reflectance ** (1 / 2.4) - 0.055
    value = round(255 * encoded)
    return QColor(value, value, value)


def text_on(ground: QColor) -> QColor:
    """Black or white, whichever is read better on a neutral grey: their contrasts are equal at 17.9 % reflectance."""
    return QColor("#101010" if ground.red() > grey(0.179).red() else "#f0f0f0")


def label(text: str = "", role: str = "body", parent: QWidget | None = None) -> QLabel:
    """A label in a role of the type scale: ``title``, ``heading``, ``body``, ``quiet``, ``caption`` or ``figure``."""
    result = QLabel(text, parent)
    result.setProperty("role", role)
    return result


def icon_file(name: str) -> Path:
    """Where an icon of ``resources/icons`` lies."""
    return Path(str(files("resources").joinpath("icons", f"{name}.svg")))


def _palette() -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    colors = {
        role.Window: WINDOW, role.WindowText: TEXT, role.Base: SUNKEN, role.AlternateBase: PANEL, role.Text: TEXT,
        role.Button: RAISED, role.ButtonText: TEXT, role.BrightText: "#ffffff", role.Highlight: SELECTION,
        role.HighlightedText: "#ffffff", role.ToolTipBase: RAISED, role.ToolTipText: TEXT,
        role.PlaceholderText: TEXT_FAINT, role.Link: ACCENT, role.Light: HOVER, role.Mid: LINE, role.Dark: SUNKEN,
        role.Midlight: RAISED, role.Shadow: "#000000",
    }  # fmt: skip
    for which, color in colors.items():
        palette.setColor(which, QColor(color))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(TEXT_FAINT))
    return palette


def _url(name: str) -> str:
    return icon_file(name).as_posix()


_STYLE = f"""
QLabel[role="title"] {{ font-size: {TITLE}px; font-weight: 600; }}
QLabel[role="heading"] {{ font-size: {HEADING}px; font-weight: 600; }}
QLabel[role="quiet"] {{ color: {TEXT_QUIET}; }}
QLabel[role="caption"] {{ color: {TEXT_QUIET}; font-size: {CAPTION}px; }}
QLabel[role="reading"] {{ font-size: {CAPTION}px; }}
QLabel[role="figure"] {{ font-size: {FIGURE}px; font-weight: 600; }}
QLabel:disabled {{ color: {TEXT_FAINT}; }}

QFrame[panel="true"] {{ background: {PANEL}; border: none; }}
QScrollArea, QScrollArea > QWidget > QWidget {{ background: transparent; }}
QFrame[rule="true"] {{ background: {LINE}; border: none; max-height: 1px; min-height: 1px; }}

QMenuBar {{ background: {WINDOW}; border: none; padding: 2px {SMALL}px; }}
QMenuBar::item {{ padding: 4px 8px; border-radius: {RADIUS}px; background: transparent; color: {TEXT_QUIET}; }}
QMenuBar::item:selected {{ background: {RAISED}; color: {TEXT}; }}
QMenu {{ background: {RAISED}; border: 1px solid {OUTLINE}; padding: {TIGHT}px; }}
QMenu::item {{ padding: 5px 28px 5px 22px; border-radius: 3px; }}
QMenu::item:selected {{ background: {ACCENT_DEEP}; }}
QMenu::item:disabled {{ color: {TEXT_FAINT}; background: transparent; }}
QMenu::separator {{ height: 1px; background: {OUTLINE}; margin: {TIGHT}px {SMALL}px; }}
QToolTip {{ background: {RAISED}; color: {TEXT}; border: 1px solid {OUTLINE}; padding: 4px 6px; }}

QPushButton, QToolButton {{
    background: {RAISED}; border: 1px solid {OUTLINE}; border-radius: {RADIUS}px; padding: 5px {MEDIUM}px; }}
QPushButton {{ min-height: 18px; }}
QPushButton:hover, QToolButton:hover {{ background: {HOVER}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {SUNKEN}; }}
QPushButton:focus, QToolButton:focus {{ border-color: {ACCENT}; }}
QPushButton:disabled, QToolButton:disabled {{ color: {TEXT_FAINT}; background: {PANEL}; border-color: {LINE}; }}
QPushButton[primary="true"] {{ background: {ACCENT_DEEP}; border-color: {ACCENT_DEEP}; color: white;
    font-weight: 600; }}
QPushButton[primary="true"]:hover {{ background: #3a7dcf; }}
QPushButton[primary="true"]:focus {{ border-color: #a9cdf5; }}
QPushButton[primary="true"]:disabled {{ background: {PANEL}; border-color: {LINE}; color: {TEXT_FAINT}; }}
QToolButton:checked {{ background: {SELECTION}; border-color: {ACCENT}; color: white; }}
QToolButton[compact="true"] {{ padding: 5px 6px; }}
QToolButton[quiet="true"] {{ background: transparent; border: 1px solid transparent; padding: 4px; }}
QToolButton[quiet="true"]:hover {{ background: {HOVER}; }}
QPushButton[disclosure="true"] {{ background: transparent; border: none; text-align: left; padding: 4px 0;
    font-size: {HEADING}px; font-weight: 600; }}
QPushButton[disclosure="true"]:hover, QPushButton[disclosure="true"]:focus {{ color: white; }}
QToolButton::menu-indicator {{ image: none; }}
QToolButton[step="true"] {{
    background: transparent; border: none; border-bottom: 2px solid transparent; border-radius: 0;
    padding: 0 {LARGE}px; min-height: 42px; font-size: 13px; color: {TEXT_QUIET}; }}
QToolButton[step="true"]:hover {{ color: {TEXT}; background: {PANEL}; }}
QToolButton[step="true"]:checked {{ color: {TEXT}; border-bottom: 2px solid {ACCENT}; font-weight: 600; }}
QToolButton[step="true"]:focus {{ color: {TEXT}; }}
QToolButton[decision="approve"]:checked {{ background: #2c4a36; border-color: {PASS}; color: white; }}
QToolButton[decision="reject"]:checked {{ background: #54302d; border-color: {FAIL}; color: white; }}

QLineEdit, QPlainTextEdit, QComboBox, QDoubleSpinBox {{
    background: {SUNKEN}; border: 1px solid {OUTLINE}; border-radius: {RADIUS}px; padding: 4px 6px;
    selection-background-color: {ACCENT_DEEP}; }}
QComboBox {{ background: {RAISED}; padding: 4px {SMALL}px; min-height: 18px; }}
QComboBox:editable {{ background: {SUNKEN}; }}
QLineEdit:focus, QPlainTextEdit:focus, QComboBox:focus, QDoubleSpinBox:focus {{ border-color: {ACCENT}; }}
QComboBox:disabled {{ color: {TEXT_FAINT}; background: {PANEL}; border-color: {LINE}; }}
QComboBox::drop-down {{ border: none; width: 22px; }}
QComboBox::down-arrow {{ image: url({_url("chevron-down")}); width: 12px; height: 12px; }}
QComboBox QAbstractItemView {{ background: {RAISED}; border: 1px solid {OUTLINE}; outline: none;
    selection-background-color: {ACCENT_DEEP}; }}

QDoubleSpinBox {{ padding: 4px 18px 4px 6px; }}
QDoubleSpinBox::up-button, QDoubleSpinBox::down-button {{ subcontrol-origin: border; width: 20px; border: none; }}
QDoubleSpinBox::up-button {{ subcontrol-position: top right; margin: 3px 0 0 0; }}
QDoubleSpinBox::down-button {{ subcontrol-position: bottom right; margin: 0 0 3px 0; }}
QDoubleSpinBox::up-arrow {{ image: url({_url("chevron-up")}); width: 10px; height: 10px; }}
QDoubleSpinBox::down-arrow {{ image: url({_url("chevron-down")}); width: 10px; height: 10px; }}
QDoubleSpinBox QLineEdit {{ background: transparent; border: none; padding: 0; }}

QCheckBox {{ spacing: {SMALL}px; }}
QCheckBox:disabled {{ color: {TEXT_FAINT}; }}
QCheckBox::indicator, QTableView::indicator {{ width: 14px; height: 14px; border: 1px solid #6a6a6a; border-radius: 3px;
    background: {SUNKEN}; }}
QCheckBox::indicator:hover {{ border-color: {ACCENT}; }}
QCheckBox::indicator:checked, QTableView::indicator:checked {{ background: {ACCENT_DEEP}; border-color: {ACCENT_DEEP};
    image: url({_url("check-small")}); }}
QCheckBox::indicator:focus {{ border-color: {ACCENT}; }}
QCheckBox::indicator:disabled {{ border-color: {LINE}; background: {PANEL}; }}

QTableView, QListView, QListWidget {{
    background: {SUNKEN}; border: none; outline: none; gridline-color: transparent;
    selection-background-color: {SELECTION}; selection-color: white; }}
QTableView::item {{ padding: 0 {SMALL}px; border: none; border-bottom: 1px solid {ROW_LINE}; }}
QTableView::item:selected {{ background: {SELECTION}; color: white; }}
QHeaderView {{ background: {PANEL}; }}
QHeaderView::section {{ background: {PANEL}; color: {TEXT_QUIET}; border: none; border-bottom: 1px solid {LINE};
    padding: 6px 11px; font-size: {CAPTION}px; }}
QTableCornerButton::section {{ background: {PANEL}; border: none; }}

QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle {{ background: #505050; border-radius: 3px; margin: 2px; min-height: 28px; min-width: 28px; }}
QScrollBar::handle:hover {{ background: #6a6a6a; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QSplitter::handle {{ background: {WINDOW}; }}
QSplitter::handle:hover {{ background: {ACCENT_DEEP}; }}

QStatusBar {{ background: {WINDOW}; border-top: 1px solid {LINE}; color: {TEXT_QUIET}; }}
QStatusBar::item {{ border: none; }}
QStatusBar QLabel {{ font-size: {CAPTION}px; color: {TEXT_QUIET}; }}
"""
