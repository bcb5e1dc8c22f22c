"""A hand that tries one command after the other: where it is given, and what must be different afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QKeySequence
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QMenu, QPushButton
from pytestqt.exceptions import TimeoutError as NotSeen
from pytestqt.qtbot import QtBot

from engine.domain.review import Decision, ReviewRow
from gui.actions import COMMANDS, Command, PageName
from gui.frame.main_window import MainWindow
from gui.mask_editor.editor import MaskEditor
from gui.pictures.parts import Part
from gui.viewer.picture_view import PictureView
from tests.gui.patience import PATIENCE
from tests.gui.studio import EXTENT, Studio

INSIDE = (slice(225, 675), slice(150, 450))
"""Where the mask is in a drawn photograph, and where its colour is another one."""

RESULTS = {"A1": 2.0, "B2": 7.5, "C3": 4.0, "D4": 0.5, "V9": 0.9}
"""ΔE00 of the results: the list begins with the worst, B2 C3 A1."""


def command(name: str) -> Command:
    """The table's row of that name."""
    return next(each for each in COMMANDS if each.name == name)


@dataclass
class Hand:
    """The window on a studio. ``opened`` collects folders that were shown to the desktop."""

    window: MainWindow
    studio: Studio
    qtbot: QtBot
    monkeypatch: pytest.MonkeyPatch
    opened: list[Path] = field(default_factory=list)
    noted: int = 0

    def __post_init__(self) -> None:
        self.monkeypatch.setattr(QDesktopServices, "openUrl", self._open)

    # -- giving commands ----------------------------------------------------------------------------------------

    def tried(self, command: Command, case: Case) -> list[str]:
        """Give a command by each of its keys, or from its menu where it has none; what was not as it must be."""
        return [text for key in command.shortcuts or ("",) if (text := self._try(command, key, case))]

    def _try(self, command: Command, key: str, case: Case) -> str:
        what = f"{command.name} by {key or 'its menu'}"
        self.front()
        case.there(self)
        before = case.seen(self)
        if before == case.becomes:
            return f"{what}: it is {before!r} already, so nothing would be seen"
        action = self.window.actions_table[command.name]
        if not action.isEnabled():
            return f"{what}: is switched off"
        if key:
            pressed = QKeySequence(key)[0]  # pyright: ignore[reportIndexIssue] - its stubs leave it out
            focus = QApplication.focusWidget() or self.window
            self.qtbot.keyClick(focus, pressed.key(), pressed.keyboardModifiers())
        else:
            menus = self.window.menuBar().findChildren(QMenu)
            next(entry for menu in menus for entry in menu.actions() if entry is action).trigger()
        try:
            case.then(self)
            self.qtbot.waitUntil(lambda: case.seen(self) == case.becomes, timeout=PATIENCE)
        except NotSeen:
            return f"{what}: {case.seen(self)!r} in place of {case.becomes!r}"
        return ""

    def front(self) -> None:
        """Close what is open over the window, leave the mask editor, and bring the window to the front."""
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, QDialog) and widget.isVisible():
                widget.reject()
        self.rest()
        editor = self.window.review.mask_editing.editor
        if editor is not None and editor.is_open and not editor.is_changed:
            editor.leave()
        QApplication.processEvents()
        self.window.activateWindow()
        self.qtbot.waitUntil(self.window.isActiveWindow)

    def rest(self) -> None:
        """Wait until nothing is worked out any more."""
        self.qtbot.waitUntil(lambda: not self.window.bridge.is_busy)
        QApplication.processEvents()

    def show(self, page: PageName) -> None:
        self.window.show_page(page)
        self.rest()

    def press(self, name: str) -> None:
        """Press a button, of whatever is open, by its object name."""

        def found() -> QPushButton | None:
            widgets = (w.findChild(QPushButton, name) for w in QApplication.topLevelWidgets() if w.isVisible())
            return next((button for button in widgets if isinstance(button, QPushButton)), None)

        self.qtbot.waitUntil(lambda: found() is not None)
        button = found()
        assert button is not None
        button.click()

    def choose(self, *paths: Path) -> None:
        """What the next file dialogs answer."""
        names = [str(path) for path in paths]
        self.monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: names[0])
        self.monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (names[0], ""))
        self.monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (names, ""))

    def is_shown(self, kind: type[QDialog]) -> bool:
        """Whether a dialog of this kind is open."""
        return any(isinstance(widget, kind) and widget.isVisible() for widget in QApplication.topLevelWidgets())

    # -- intake -------------------------------------------------------------------------------------------------

    def drop(self, *paths: Path) -> None:
        """Begin the intake anew with these."""
        self.show(PageName.INTAKE)
        self.window.intake.clear()
        self.window.intake.add(paths)
        self.qtbot.waitUntil(lambda: not self.window.intake.is_busy)
        self.rest()

    def skus(self) -> set[str]:
        return {pair.sku for pair in self.window.intake.pairs.chosen()}

    # -- review -------------------------------------------------------------------------------------------------

    def at(self, name: str) -> ReviewRow:
        """Look at a result in the viewer, on which nobody has decided yet."""
        review = self.window.review
        self.show(PageName.REVIEW)
        review.reasons.hide()
        review.show_grid(False)
        row = next(row for row in review.results.rows() if row.superseded_by is None and row.name.startswith(name))
        if row.decision is not Decision.PENDING:
            review.verdicts.decide([row], Decision.PENDING)
        if row.rating:
            review.verdicts.rate([row], 0)
        review.select(row.job_id)
        review.list.setFocus()
        self.qtbot.waitUntil(lambda: review.current() is not None and self.view(Part.RESULT).picture is not None)
        self.rest()
        return review.results.result(row.job_id)

    def name(self) -> str:
        row = self.window.review.current_row()
        return row.name.removesuffix("_model.jpg") if row is not None else ""

    def stored(self, name: str) -> ReviewRow:
        """What the catalog says of a result, once everything was written."""
        self.rest()
        rows = self.studio.catalog.review_rows()
        return next(row for row in rows if row.superseded_by is None and row.name.startswith(name))

    def view(self, part: Part) -> PictureView:
        return self.window.review.compare.panes[part].view

    # -- mask editor --------------------------------------------------------------------------------------------

    @property
    def editor(self) -> MaskEditor:
        editor = self.window.review.mask_editing.editor
        assert editor is not None
        return editor

    def draw(self, *, shrunk_by: int = 0) -> None:
        """Be in the mask editor, the mask a rectangle as large as the drawn garment, or smaller."""
        if self.window.review.mode is None:
            self.at("A1")
            self.window.actions_table["edit_mask"].trigger()
            self.qtbot.waitUntil(lambda: self.editor.session is not None)
        session = self.editor.session
        assert session is not None
        alpha = np.zeros((EXTENT.height, EXTENT.width), np.uint8)
        rows, columns = INSIDE
        edge = shrunk_by
        alpha[rows.start + edge : rows.stop - edge, columns.start + edge : columns.stop - edge] = 255
        session.replace("drawn", lambda: alpha)
        self.rest()
        self.window.review.compare.panes[Part.ORIGINAL].view.setFocus()

    def alpha(self) -> np.ndarray:
        session = self.editor.session
        assert session is not None
        return session.document.alpha

    # -- inside -------------------------------------------------------------------------------------------------

    def _open(self, url: QUrl) -> bool:
        self.opened.append(Path(url.toLocalFile()))
        return True


def _nothing(hand: Hand) -> None:
    """Most commands ask nothing back."""


@dataclass(frozen=True, slots=True)
class Case:
    """How one command is tried.

    Attributes
    ----------
    there : callable
        Leads to where the command makes sense, whatever was done before.
    seen : callable
        What the command changes.
    becomes : object
        What ``seen`` must be afterwards, and must not be before.
    then : callable
        Answers what the command asks.
    """

    there: Callable[[Hand], object]
    seen: Callable[[Hand], object]
    becomes: object
    then: Callable[[Hand], object] = _nothing
