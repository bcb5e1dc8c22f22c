"""The style sheet, written from a palette and the scales of `gui.look.theme`."""

from __future__ import annotations

from typing import get_args

from gui.look import theme
from gui.look.palette import Ink, Palette


def style_sheet(c: Palette) -> str:
    """The rules of every widget in the colours ``c``."""
    return f"""
QLabel[role="title"] {{ font-size: {theme.TITLE}px; font-weight: 600; }}
QLabel[role="heading"] {{ font-size: {theme.HEADING}px; font-weight: 600; }}
QLabel[role="quiet"] {{ color: {c.text_quiet}; }}
QLabel[role="caption"] {{ color: {c.text_quiet}; font-size: {theme.CAPTION}px; }}
QLabel[role="reading"] {{ font-size: {theme.CAPTION}px; }}
QLabel[role="figure"] {{ font-size: {theme.FIGURE}px; font-weight: 600; }}
QLabel:disabled {{ color: {c.text_disabled}; }}
{_inks(c)}
QLabel[emphasis="true"] {{ font-weight: 600; }}
QFrame#banner {{ background: {c.panel}; border-left: 3px solid {c.accent}; }}
QFrame#banner[ink="fail"] {{ border-left-color: {c.fail}; }}
QFrame[sheet="true"] {{ background: {c.panel}; border: 1px solid {c.outline}; }}
QLabel[key="true"] {{ background: {c.raised}; border: 1px solid {c.outline}; border-radius: 3px; padding: 1px 6px;
    color: {c.text}; }}
QFrame#header {{ border-bottom: 1px solid {c.line}; }}

QFrame[panel="true"] {{ background: {c.panel}; border: none; }}
QScrollArea, QScrollArea > QWidget > QWidget {{ background: transparent; }}
QFrame[rule="true"] {{ background: {c.line}; border: none; max-height: 1px; min-height: 1px; }}

QMenuBar {{ background: {c.window}; border: none; padding: 2px {theme.SMALL}px; }}
QMenuBar::item {{ padding: 4px 8px; border-radius: {theme.RADIUS}px; background: transparent; color: {c.text_quiet}; }}
QMenuBar::item:selected {{ background: {c.raised}; color: {c.text}; }}
QMenu {{ background: {c.raised}; border: 1px solid {c.outline}; padding: {theme.TIGHT}px; }}
QMenu::item {{ padding: 5px 28px 5px 22px; border-radius: 3px; }}
QMenu::item:selected {{ background: {c.accent_deep}; color: {c.on_accent}; }}
QMenu::item:disabled {{ color: {c.text_disabled}; background: transparent; }}
QMenu::separator {{ height: 1px; background: {c.outline}; margin: {theme.TIGHT}px {theme.SMALL}px; }}
QToolTip {{ background: {c.raised}; color: {c.text}; border: 1px solid {c.outline}; padding: 4px 6px; }}

QPushButton, QToolButton {{
    background: {c.raised}; border: 1px solid {c.outline}; border-radius: {theme.RADIUS}px;
    padding: 5px {theme.MEDIUM}px; }}
QPushButton {{ min-height: 18px; }}
QPushButton:hover, QToolButton:hover {{ background: {c.hover}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {c.sunken}; }}
QPushButton:focus, QToolButton:focus {{ border-color: {c.accent}; }}
QPushButton:disabled, QToolButton:disabled {{
    color: {c.text_disabled}; background: {c.panel}; border-color: {c.line}; }}
QPushButton[primary="true"] {{ background: {c.accent_deep}; border-color: {c.accent_deep}; color: {c.on_accent};
    font-weight: 600; }}
QPushButton[primary="true"]:hover {{ background: {c.accent_hover}; }}
QPushButton[primary="true"]:focus {{ border-color: {c.accent_focus}; }}
QPushButton[primary="true"]:disabled {{ background: {c.panel}; border-color: {c.line}; color: {c.text_disabled}; }}
QToolButton:checked {{ background: {c.selection}; border-color: {c.accent}; color: {c.text_strong}; }}
QToolButton[compact="true"] {{ padding: 5px 6px; }}
QToolButton[quiet="true"] {{ background: transparent; border: 1px solid transparent; padding: 4px; }}
QToolButton[quiet="true"]:hover {{ background: {c.hover}; }}
QPushButton[version="true"] {{ background: transparent; border: 1px solid transparent; padding: 4px 6px;
    text-align: left; }}
QPushButton[version="true"]:hover {{ background: {c.hover}; }}
QPushButton[version="true"]:checked {{ background: {c.selection}; border-color: {c.accent}; color: {c.text_strong}; }}
QPushButton[version="true"]:disabled {{ color: {c.text_faint}; }}
QPushButton[disclosure="true"] {{ background: transparent; border: none; text-align: left; padding: 4px 0;
    font-size: {theme.HEADING}px; font-weight: 600; }}
QPushButton[disclosure="true"]:hover, QPushButton[disclosure="true"]:focus {{ color: {c.text_strong}; }}
QToolButton::menu-indicator {{ image: none; }}
QToolButton[step="true"] {{
    background: transparent; border: none; border-bottom: 2px solid transparent; border-radius: 0;
    padding: 0 {theme.LARGE}px; min-height: 42px; font-size: 13px; color: {c.text_quiet}; }}
QToolButton[step="true"]:hover {{ color: {c.text}; background: {c.panel}; }}
QToolButton[step="true"]:checked {{ color: {c.text}; border-bottom: 2px solid {c.accent}; font-weight: 600; }}
QToolButton[step="true"]:focus {{ color: {c.text}; border-bottom: 2px solid {c.text_quiet}; }}
QToolButton[step="true"]:checked:focus {{ background: {c.panel}; border-bottom: 2px solid {c.accent}; }}
QToolButton[decision="approve"]:checked {{
    background: {c.approve_ground}; border-color: {c.pass_}; color: {c.text_strong}; }}
QToolButton[decision="reject"]:checked {{
    background: {c.reject_ground}; border-color: {c.fail}; color: {c.text_strong}; }}

QLineEdit, QPlainTextEdit, QComboBox, QDoubleSpinBox {{
    background: {c.sunken}; border: 1px solid {c.outline}; border-radius: {theme.RADIUS}px; padding: 4px 6px;
    selection-background-color: {c.accent_deep}; selection-color: {c.on_accent}; }}
QLineEdit, QComboBox {{ min-height: 18px; }}
QComboBox {{ background: {c.raised}; padding: 4px {theme.SMALL}px; }}
QComboBox:editable {{ background: {c.sunken}; }}
QLineEdit:focus, QPlainTextEdit:focus, QComboBox:focus, QDoubleSpinBox:focus {{ border-color: {c.accent}; }}
QComboBox:disabled {{ color: {c.text_disabled}; background: {c.panel}; border-color: {c.line}; }}
QComboBox::drop-down {{ border: none; width: 22px; }}
QComboBox::down-arrow {{ image: url({_url("chevron-down")}); width: 12px; height: 12px; }}
QComboBox QAbstractItemView {{ background: {c.raised}; border: 1px solid {c.outline}; outline: none;
    selection-background-color: {c.accent_deep}; selection-color: {c.on_accent}; }}

QDoubleSpinBox {{ padding: 1px 18px 1px 6px; min-height: 21px; }}
QDoubleSpinBox::up-button, QDoubleSpinBox::down-button {{ subcontrol-origin: border; width: 20px; border: none; }}
QDoubleSpinBox::up-button {{ subcontrol-position: top right; margin: 3px 0 0 0; }}
QDoubleSpinBox::down-button {{ subcontrol-position: bottom right; margin: 0 0 3px 0; }}
QDoubleSpinBox::up-arrow {{ image: url({_url("chevron-up")}); width: 10px; height: 10px; }}
QDoubleSpinBox::down-arrow {{ image: url({_url("chevron-down")}); width: 10px; height: 10px; }}
QDoubleSpinBox QLineEdit {{ background: transparent; border: none; padding: 0; min-height: 0; }}

QCheckBox {{ spacing: {theme.SMALL}px; }}
QCheckBox:disabled {{ color: {c.text_disabled}; }}
QCheckBox::indicator, QTableView::indicator {{
    width: 14px; height: 14px; border: 1px solid {c.indicator}; border-radius: 3px; background: {c.sunken}; }}
QCheckBox::indicator:hover {{ border-color: {c.accent}; }}
QCheckBox::indicator:checked, QTableView::indicator:checked {{
    background: {c.accent_deep}; border-color: {c.accent_deep}; image: url({_url("check-small")}); }}
QCheckBox::indicator:focus {{ border-color: {c.accent}; }}
QCheckBox::indicator:disabled {{ border-color: {c.line}; background: {c.panel}; }}

QTableView, QListView, QListWidget {{
    background: {c.sunken}; border: none; outline: none; gridline-color: transparent;
    selection-background-color: {c.selection}; selection-color: {c.text_strong}; }}
QTableView::item {{ padding: 0 {theme.SMALL}px; border: none; border-bottom: 1px solid {c.row_line}; }}
QTableView::item:selected {{ background: {c.selection}; color: {c.text_strong}; }}
QHeaderView {{ background: {c.panel}; }}
QHeaderView::section {{ background: {c.panel}; color: {c.text_quiet}; border: none; border-bottom: 1px solid {c.line};
    padding: 6px 11px; font-size: {theme.CAPTION}px; }}
QTableCornerButton::section {{ background: {c.panel}; border: none; }}

QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle {{ background: {c.handle}; border-radius: 3px; margin: 2px; min-height: 28px; min-width: 28px; }}
QScrollBar::handle:hover {{ background: {c.handle_hover}; }}
QScrollBar::handle:disabled {{ background: transparent; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QSplitter::handle {{ background: {c.window}; }}
QSplitter::handle:hover {{ background: {c.accent_deep}; }}

QStatusBar {{ background: {c.window}; border-top: 1px solid {c.line}; color: {c.text_quiet}; }}
QStatusBar::item {{ border: none; }}
QStatusBar QLabel {{ font-size: {theme.CAPTION}px; color: {c.text_quiet}; }}
"""


def _inks(c: Palette) -> str:
    """What `theme.set_ink` and `theme.set_dot` ask for."""
    rules = []
    for ink in get_args(Ink):
        color = getattr(c, ink)
        rules.append(f'QLabel[ink="{ink}"] {{ color: {color}; }}')
        rules.append(f'QLabel[dot="{ink}"] {{ background: {color}; border-radius: 4px; }}')
    return "\n".join(rules)


def _url(name: str) -> str:
    return theme.icon_file(name).as_posix()
