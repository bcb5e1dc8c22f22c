"""What assistive technology and the keyboard need, and that no text is cut off: on every page, with work on it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QApplication,
    QComboBox,
    QLabel,
    QMenu,
    QMenuBar,
    QScrollArea,
    QStyle,
    QStyleOptionComboBox,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from engine.domain.jobs import JobFailure
from gui.actions import COMMANDS, PageName
from gui.frame.main_window import MainWindow
from gui.widgets.elided_label import ElidedLabel
from tests.gui.studio import Studio

SMALLEST = (1120, 700)


@pytest.fixture
def busy_window(studio: Studio, open_window: Callable[[], MainWindow], qtbot: QtBot) -> MainWindow:
    """A window with something on every page."""
    from datetime import UTC, datetime

    studio.finish({"A1": 1.0, "B2": 4.0, "C3": 9.0})
    failing = studio.queue("D4", color_match=False)[0]
    now = datetime.now(UTC)
    assert studio.catalog.claim("test", now) is not None
    studio.catalog.fail(
        failing.id,
        "test",
        JobFailure("D4_model.jpg: it is damaged.", "Export it from the camera again.", False, ""),
        now,
    )
    studio.queue("E5", color_match=False)
    window = open_window()
    window.resize(*SMALLEST)
    window.header.batches.setCurrentIndex(0)
    window.intake.add([studio.shoot("F6", "G7"), studio.folder / "drop" / "A1_model.jpg"])
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    return window


def shown(window: MainWindow, page: PageName, qtbot: QtBot) -> list[QWidget]:
    """Every widget that can be seen on a page, the frame around it included."""
    window.show_page(page)
    qtbot.waitUntil(lambda: not window.bridge.is_busy)
    QApplication.processEvents()
    return [widget for widget in window.findChildren(QWidget) if widget.isVisible() and not widget.isWindow()]


def name_of(widget: QWidget) -> str:
    """What assistive technology reads out."""
    interface = QAccessible.queryAccessibleInterface(widget)
    return interface.text(QAccessible.Text.Name) if interface is not None else ""


def spoken(widget: QWidget) -> str:
    """A widget in a failure's message."""
    text = widget.text() if isinstance(widget, QLabel | QAbstractButton) else ""
    what = widget.objectName() or text or widget.toolTip()
    return f"{type(widget).__name__}({what!r}) in {type(widget.parent()).__name__}"


def takes_tab(widget: QWidget) -> bool:
    return bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus) and widget.isEnabled() and widget.focusProxy() is None


def test_everything_that_takes_the_focus_says_what_it_is(busy_window: MainWindow, qtbot: QtBot) -> None:
    nameless: dict[PageName, list[str]] = {}
    for page in PageName:
        takers = [w for w in shown(busy_window, page, qtbot) if w.focusPolicy() != Qt.FocusPolicy.NoFocus]
        assert len(takers) > 5, page
        nameless[page] = [spoken(w) for w in takers if not name_of(w) and w.focusProxy() is None and not _is_inner(w)]
    assert not any(nameless.values()), nameless


def test_every_button_without_text_explains_itself(busy_window: MainWindow, qtbot: QtBot) -> None:
    mute: dict[PageName, list[str]] = {}
    for page in PageName:
        buttons = [w for w in shown(busy_window, page, qtbot) if isinstance(w, QAbstractButton) and not _is_inner(w)]
        mute[page] = [spoken(b) for b in buttons if not _is_written(b) and not (b.toolTip() and name_of(b))]
    assert not any(mute.values()), mute


def test_tab_reaches_everything(busy_window: MainWindow, qtbot: QtBot) -> None:
    missed: dict[PageName, list[str]] = {}
    for page in PageName:
        wanted = {w for w in shown(busy_window, page, qtbot) if takes_tab(w) and not _is_inner(w)}
        busy_window.header.steps[page].setFocus()
        reached: set[QWidget] = set()
        for _ in range(len(wanted) + 20):
            focused = QApplication.focusWidget()
            assert focused is not None
            reached.add(focused)
            qtbot.keyClick(focused, Qt.Key.Key_Tab)
        # The rest of an exclusive group is reached with the arrow keys.
        groups = {button.group() for button in reached if isinstance(button, QAbstractButton)} - {None}
        left = [w for w in wanted - reached if not (isinstance(w, QAbstractButton) and w.group() in groups)]
        missed[page] = [spoken(w) for w in left]
    assert not any(missed.values()), missed


def test_no_text_is_cut_off_in_the_smallest_window(busy_window: MainWindow, qtbot: QtBot) -> None:
    cut: dict[PageName, list[str]] = {}
    for page in PageName:
        widgets = shown(busy_window, page, qtbot)
        assert (busy_window.width(), busy_window.height()) == SMALLEST, page

        def is_whole(page: PageName = page, widgets: list[QWidget] = widgets) -> bool:
            cut[page] = [f"{spoken(w)}: {why}" for w in widgets for why in _cuts(w, busy_window)]
            return not cut[page]

        # A card's answer may just have come: nested layouts take another turn of the event loop each for its height.
        with contextlib.suppress(qtbot.TimeoutError):
            qtbot.waitUntil(is_whole, timeout=10_000)
    assert not any(cut.values()), cut


def test_every_command_can_be_reached_from_a_menu_with_the_keyboard(window: MainWindow) -> None:
    bar = window.menuBar()
    assert isinstance(bar, QMenuBar)
    in_menus = {action.objectName() for menu in bar.findChildren(QMenu) for action in menu.actions()}
    assert {command.name for command in COMMANDS} <= in_menus
    for menu in bar.actions():
        assert "&" in menu.text(), f"{menu.text()} has no access key"
    letters = [menu.text().partition("&")[2][:1].casefold() for menu in bar.actions()]
    assert len(letters) == len(set(letters))


def test_the_smallest_window_fits_a_4k_screen_at_250_percent(window: MainWindow) -> None:
    assert window.minimumWidth() * 2.5 <= 3840
    assert window.minimumHeight() * 2.5 <= 2160
    hint = window.minimumSizeHint()
    assert hint.width() <= SMALLEST[0]
    assert hint.height() <= SMALLEST[1]


# -- inside -----------------------------------------------------------------------------------------------------------


def _is_inner(widget: QWidget) -> bool:
    """Parts that Qt makes for a control itself: a spin box's field, a combo box's, a table's headers and corner."""
    parent = widget.parentWidget()
    return (
        widget.objectName().startswith("qt_")
        or isinstance(parent, QComboBox)
        or (isinstance(parent, QAbstractItemView) and not isinstance(widget, QAbstractButton | QComboBox))
        or (isinstance(parent, QAbstractItemView) and not widget.objectName())
        or type(widget).__name__ in ("QScrollBar", "QTabBar")
    )


def _is_written(button: QAbstractButton) -> bool:
    is_icon = isinstance(button, QToolButton) and button.toolButtonStyle() is Qt.ToolButtonStyle.ToolButtonIconOnly
    return bool(button.text().strip()) and not (is_icon and not button.icon().isNull())


def _cuts(widget: QWidget, window: MainWindow) -> Iterator[str]:
    """Why a widget's text cannot be read whole."""
    if isinstance(widget, ElidedLabel):
        return
    if isinstance(widget, QLabel) and widget.text():
        if widget.wordWrap():
            needed = widget.heightForWidth(widget.width())
            if needed > widget.height():
                yield f"{widget.height()} of {needed} px high"
        elif widget.sizeHint().width() > widget.width():
            yield f"{widget.width()} of {widget.sizeHint().width()} px wide"
    elif isinstance(widget, QAbstractButton) and widget.text():
        if widget.sizeHint().width() > widget.width() or widget.sizeHint().height() > widget.height():
            yield f"{widget.size()} of {widget.sizeHint()}"
    elif isinstance(widget, QComboBox):
        option = QStyleOptionComboBox()
        widget.initStyleOption(option)
        part = QStyle.SubControl.SC_ComboBoxEditField
        room = widget.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, widget).width()
        needed = widget.fontMetrics().horizontalAdvance(widget.currentText())
        if needed > room:
            yield f"{room} of {needed} px wide"
    else:
        return
    if not _scrolls(widget):
        visible = QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())
        if not window.rect().contains(visible) or widget.visibleRegion().boundingRect().size() != widget.size():
            yield f"only {widget.visibleRegion().boundingRect().size()} of {widget.size()} is inside its parent"


def _scrolls(widget: QWidget) -> bool:
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, QScrollArea | QAbstractScrollArea):
            return True
        parent = parent.parentWidget()
    return False
