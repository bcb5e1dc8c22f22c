"""The line above the pages: the way through the work, and the batch that is looked at."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from engine.domain.jobs import Batch
from gui.actions import Actions, PageName
from gui.look import theme
from gui.widgets.icon_label import IconLabel

TITLES = {page: page.capitalize() for page in PageName}
_EVERY_BATCH = "All batches"
_BATCH_LETTERS, _LEAST_BATCH = 32, 170


class Header(QWidget):
    """One step for each page, and the list of batches once there is one."""

    batch_chosen = Signal()

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("header")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.steps = {page: QToolButton() for page in PageName}
        for page, button in self.steps.items():
            action = actions[f"show_{page}"]
            button.setText(TITLES[page])
            button.setProperty("step", True)
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(action.trigger)
            button.setToolTip(action.toolTip())
            actions.keys_changed.connect(lambda button=button, action=action: button.setToolTip(action.toolTip()))
        self.batches = QComboBox()
        self.batches.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.batches.setMinimumContentsLength(_BATCH_LETTERS)
        self.batches.setMinimumWidth(_LEAST_BATCH)  # beside seven pages with their numbers in the smallest window
        self.batches.setToolTip("Which batch the queue, the review and the export show")
        self.batches.setAccessibleName("Batch")
        self.batches.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.batches.currentIndexChanged.connect(self.batch_chosen)
        self._batch_box = QWidget()
        self._build_layout()

    def show_page(self, page: PageName) -> None:
        """Mark the page that is at the front. The steps are no button group: Tab would pass over all but one."""
        for each, button in self.steps.items():
            button.setChecked(each is page)

    @property
    def batch(self) -> int | None:
        """The batch that is looked at; None is all of them."""
        return self.batches.currentData()

    def show_batches(self, batches: Sequence[Batch], chosen: int | None) -> None:
        """List these batches, and choose one without telling so; None chooses the first."""
        self.batches.blockSignals(True)
        self.batches.clear()
        self.batches.addItem(_EVERY_BATCH, None)
        for batch in batches:
            self.batches.addItem(batch.name, batch.id)
        wanted = chosen if chosen is not None else (batches[0].id if batches else None)
        self.batches.setCurrentIndex(max(0, self.batches.findData(wanted)))
        self.batches.blockSignals(False)
        self._batch_box.setVisible(bool(batches))

    def show_numbers(self, queue: str, review: str) -> None:
        """Put what is left to do beside the names of these pages; empty puts nothing."""
        for page, number in ((PageName.QUEUE, queue), (PageName.REVIEW, review)):
            self.steps[page].setText(f"{TITLES[page]}  {number}" if number else TITLES[page])

    def show_training(self, progress: str) -> None:
        """Put how far a training is beside the name of its page; empty puts nothing."""
        title = TITLES[PageName.TRAINING]
        self.steps[PageName.TRAINING].setText(f"{title}  {progress}" if progress else title)

    def _build_layout(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, 0, theme.LARGE, 0)
        layout.setSpacing(0)
        layout.addWidget(IconLabel("app", 20, "text"))
        layout.addSpacing(theme.SMALL)
        layout.addWidget(theme.label("Chromask", "heading"))
        layout.addSpacing(theme.WIDE)
        for button in self.steps.values():
            layout.addWidget(button)
        layout.addStretch()
        box = QHBoxLayout(self._batch_box)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(theme.SMALL)
        name = theme.label("Batch", "caption")
        name.setBuddy(self.batches)
        box.addWidget(name)
        box.addWidget(self.batches)
        self._batch_box.hide()
        layout.addWidget(self._batch_box)
