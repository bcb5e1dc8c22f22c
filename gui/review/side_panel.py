"""The right of the review page: the figures, the versions and the verdict of the result that is looked at."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.domain.jobs import Reason
from engine.domain.review import Decision, ReviewItem, ReviewRow
from gui.actions import Actions
from gui.look import theme
from gui.phrases import when
from gui.review.delta_e_panel import DeltaEPanel
from gui.review.history_list import HistoryList
from gui.review.items import History
from gui.review.note_field import NoteField
from gui.review.stars import StarField
from gui.widgets.drop_zone import button_for
from gui.widgets.elided_label import ElidedLabel

WIDTH = 288
_REASONS = {Reason.COLOR: "colour", Reason.MASK: "mask", Reason.DRIFT: "drift"}
_VERDICTS = (("approve", Decision.APPROVED), ("reject", Decision.REJECTED))


class ReviewSide(QFrame):
    """Figures and versions scroll; the verdict stays below them, in whatever height.

    Parameters
    ----------
    save_note : callable
        Called when the note was changed and left.
    """

    def __init__(self, actions: Actions, save_note: Callable[[], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self.setProperty("panel", True)
        self.setFixedWidth(WIDTH)
        self.name, self.sku = theme.label("", "heading"), ElidedLabel("caption")
        self.version, self.who = theme.label("", "caption"), theme.label("", "caption")
        for label in (self.name, self.version, self.who):
            label.setWordWrap(True)
        self.figures = DeltaEPanel()
        self.history = HistoryList()
        self.stars = StarField()
        self.note = NoteField(save_note)
        self.training = QCheckBox("Use as training pair")
        self.verdicts: dict[str, QToolButton] = {}
        self._row: ReviewRow | None = None
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self._build_figures(), 1)
        outer.addWidget(self._build_verdict())
        actions.keys_changed.connect(self._show_keys)

    def show_result(self, row: ReviewRow | None, item: ReviewItem | None) -> None:
        """Show a result; the figures follow when the whole item was read."""
        self._body.setVisible(row is not None)
        self._verdict.setVisible(row is not None)
        self.figures.show_outcome(item.outcome if item is not None else None)
        self.figures.setVisible(item is not None)
        if row is None:
            self.note.show_text("")
            return
        if self._row is None or row.job_id != self._row.job_id:
            self._scroll.verticalScrollBar().setValue(0)
        self._row = row
        for name, which in _VERDICTS:
            self.verdicts[name].setChecked(row.decision is which)
        self.stars.show_rating(row.rating)
        self.note.show_text(row.note)
        self._actions["training_pair"].setChecked(row.marked_for_training)
        self.name.setText(_breakable(row.name))
        self.name.setToolTip(str(row.path))
        self.sku.show_text(" · ".join(text for text in (row.sku, row.view, row.garment) if text))
        self.version.setText("A newer version has taken the place of this one." if row.superseded_by else "")
        self.version.setVisible(row.superseded_by is not None)
        self.who.setText(_who(row))

    def show_history(self, history: History, shown_id: int | None) -> None:
        """Show the versions of the result, and which of them is looked at."""
        self.history.show_history(history, shown_id)

    # -- layout -------------------------------------------------------------------------------------------------

    def _build_figures(self) -> QScrollArea:
        self._body = QWidget()
        body = QVBoxLayout(self._body)
        body.setContentsMargins(theme.LARGE, theme.LARGE, theme.LARGE, theme.SMALL)
        body.setSpacing(theme.SMALL)
        body.addWidget(self.name)
        body.addWidget(self.sku)
        body.addWidget(self.version)
        body.addSpacing(theme.TIGHT)
        body.addWidget(self.figures)
        body.addSpacing(theme.SMALL)
        body.addWidget(self.history)
        body.addStretch()
        self._scroll = QScrollArea()
        self._scroll.setWidget(self._body)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._scroll.setAccessibleName("Figures and versions")
        return self._scroll

    def _build_verdict(self) -> QWidget:
        self._verdict = QWidget()
        column = QVBoxLayout(self._verdict)
        column.setContentsMargins(0, 0, 0, theme.MEDIUM)
        column.setSpacing(theme.SMALL)
        rule = QFrame()
        rule.setProperty("rule", True)
        column.addWidget(rule)
        inner = QVBoxLayout()
        inner.setContentsMargins(theme.LARGE, theme.TIGHT, theme.LARGE, 0)
        inner.setSpacing(theme.SMALL)
        head = QHBoxLayout()
        head.addWidget(theme.label("Verdict", "heading"))
        head.addStretch()
        head.addWidget(self.stars)
        inner.addLayout(head)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SMALL)
        for name, _ in _VERDICTS:
            self.verdicts[name] = self._verdict_button(name)
            buttons.addWidget(self.verdicts[name])
        inner.addLayout(buttons)
        inner.addWidget(self.who)
        inner.addWidget(self.note)
        inner.addWidget(self._training_box())
        last = QHBoxLayout()
        last.setSpacing(theme.SMALL)
        last.addWidget(button_for(self._actions["undo"]))
        last.addWidget(button_for(self._actions["clear_verdict"]))
        last.addStretch()
        inner.addLayout(last)
        column.addLayout(inner)
        self._show_keys()
        return self._verdict

    def _verdict_button(self, name: str) -> QToolButton:
        # Not the action's own button: that one cannot be checked, and shows the verdict as well.
        button, action = QToolButton(), self._actions[name]
        button.setObjectName(f"{name}_button")
        button.setIcon(action.icon())
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setCheckable(True)
        button.setProperty("decision", name)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setMinimumHeight(34)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.clicked.connect(action.trigger)
        return button

    def _training_box(self) -> QCheckBox:
        action = self._actions["training_pair"]
        self.training.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.training.clicked.connect(action.trigger)
        action.toggled.connect(self.training.setChecked)
        return self.training

    def _show_keys(self) -> None:
        """Write the operator's own keys on what gives the same commands."""
        for name, button in self.verdicts.items():
            action = self._actions[name]
            button.setText(f"{action.text()}  {action.shortcut().toString()}")
            button.setToolTip(action.toolTip())
        self.training.setToolTip(self._actions["training_pair"].toolTip())
        key = self._actions["note"].shortcut().toString()
        self.note.setPlaceholderText("Note for the retoucher" + (f" ({key})" if key else ""))


def _who(row: ReviewRow) -> str:
    if row.reviewed_at is None:
        return "Nobody has decided yet."
    by = f"by {row.reviewer}, {when(row.reviewed_at)}"
    if row.decision is Decision.PENDING:
        return f"Rated {by}" if row.rating else f"Cleared {by}"
    why = f" for its {_REASONS[row.reason]}" if row.reason is not None and row.reason in _REASONS else ""
    return f"{theme.DECISION_TEXTS[row.decision]}{why} {by}"


def _breakable(name: str) -> str:
    """The name with places where a line may end, never before its suffix: file names have no spaces."""
    zero_width_space = "\u200b"
    return "".join(c + zero_width_space if c in "_-" else c for c in name)
