"""Narrows the list of results: words, what the figures say, garment, article number, ΔE."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.domain.review import HIGHEST_RATING, Decision
from gui.look import theme
from gui.review.filter import Finding, ReviewFilter
from gui.widgets.number_box import NumberBox

_HIGHEST = 100.0  # ΔE00; black against white, and the top of the scale


class ReviewFilters(QWidget):
    """Fields that make up a `ReviewFilter`; the rarer ones can be folded away.

    Attributes
    ----------
    changed : Signal
        A field was changed.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text, self.sku = QLineEdit(), QLineEdit()
        self.finding, self.garment, self.rating = QComboBox(), QComboBox(), QComboBox()
        self.superseded = QCheckBox("Older versions too")
        self.delta_E_from, self.delta_E_to = _delta_E_field(0.0), _delta_E_field(_HIGHEST)
        self._told = theme.label("", "caption")
        self._clear = QToolButton()
        self._more = QWidget()
        self._fill()
        self._build_layout()
        for field in (self.text, self.sku):
            field.textChanged.connect(self._tell)
        for box in (self.finding, self.garment, self.rating):
            box.currentIndexChanged.connect(self._tell)
        self.superseded.toggled.connect(self._tell)
        for number in (self.delta_E_from, self.delta_E_to):
            number.valueChanged.connect(self._tell)
        self._clear.clicked.connect(self.clear)
        self.show_count(0, 0)

    def filter(self, decision: Decision | None) -> ReviewFilter:
        """What the fields say, together with a person's verdict."""
        highest, finding = self.delta_E_to.value(), self.finding.currentData()
        return ReviewFilter(
            decision,
            Finding(finding) if finding is not None else None,  # Qt hands a StrEnum back as plain text
            self.garment.currentData(),
            self.sku.text().strip(),
            self.delta_E_from.value(),
            math.inf if highest >= _HIGHEST else highest,
            self.text.text().strip(),
            self.rating.currentData(),
            self.superseded.isChecked(),
        )

    def set_garments(self, garments: Sequence[str]) -> None:
        """Offer these garments; the chosen one stays chosen where it is among them."""
        if [self.garment.itemData(row) for row in range(1, self.garment.count())] == list(garments):
            return
        chosen = self.garment.currentData()
        self.garment.blockSignals(True)
        self.garment.clear()
        self.garment.addItem("Any garment", None)
        for garment in garments:
            self.garment.addItem(garment, garment)
        self.garment.setCurrentIndex(max(0, self.garment.findData(chosen)))
        self.garment.blockSignals(False)
        if self.garment.currentData() != chosen:
            self.changed.emit()

    def set_folded(self, folded: bool) -> None:
        """Show the field of words only; what the others say holds, and the line below tells so."""
        self._more.setVisible(not folded)

    def show_count(self, shown: int, of: int) -> None:
        """Tell how many results are shown."""
        is_narrowed = self.filter(None) != ReviewFilter()
        self._told.setText(f"{shown:,} of {of:,} shown")
        self._told.setVisible(is_narrowed)
        self._clear.setVisible(is_narrowed)

    def clear(self) -> None:
        """Every field as it was at first."""
        self.blockSignals(True)
        self.text.clear()
        self.sku.clear()
        self.finding.setCurrentIndex(0)
        self.garment.setCurrentIndex(0)
        self.rating.setCurrentIndex(0)
        self.superseded.setChecked(False)
        self.delta_E_from.setValue(0.0)
        self.delta_E_to.setValue(_HIGHEST)
        self.blockSignals(False)
        self.changed.emit()

    # -- inside -------------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        self.changed.emit()

    def _fill(self) -> None:
        self.text.setPlaceholderText("Name, SKU, garment or note")
        self.text.setAccessibleName("Words to look for")
        self.text.setClearButtonEnabled(True)
        self.sku.setPlaceholderText("Begins with")
        self.sku.setAccessibleName("Article number")
        self.finding.setAccessibleName("What the figures say")
        self.garment.setAccessibleName("Garment")
        self.delta_E_from.setAccessibleName("Lowest ΔE")
        self.delta_E_to.setAccessibleName("Highest ΔE")
        self.finding.addItem("Any", None)
        for each in Finding:
            self.finding.addItem(each.value, each)
        self.garment.addItem("Any garment", None)
        self.rating.setAccessibleName("Stars")
        self.rating.addItem("Any", 0)
        for stars in range(1, HIGHEST_RATING + 1):
            self.rating.addItem("★" * stars + (" or more" if stars < HIGHEST_RATING else ""), stars)
        self.superseded.setToolTip("Show also the results that a newer version has taken the place of")
        self._clear.setText("Show all")
        self._clear.setProperty("quiet", True)

    def _build_layout(self) -> None:
        between = QHBoxLayout()
        between.setSpacing(theme.SMALL)
        between.addWidget(self.delta_E_from, 1)
        between.addWidget(theme.label("to", "quiet"))
        between.addWidget(self.delta_E_to, 1)
        form = QGridLayout(self._more)
        form.setContentsMargins(0, theme.TIGHT, 0, 0)
        form.setHorizontalSpacing(theme.MEDIUM)
        form.setVerticalSpacing(theme.SMALL)
        form.setColumnStretch(1, 1)
        fields = ("Figures", self.finding), ("Garment", self.garment), ("Stars", self.rating), ("SKU", self.sku)
        for row, (text, field) in enumerate(fields):
            form.addWidget(theme.label(text, "quiet"), row, 0)
            form.addWidget(field, row, 1)
        form.addWidget(theme.label("ΔE00", "quiet"), len(fields), 0)
        form.addLayout(between, len(fields), 1)
        form.addWidget(self.superseded, len(fields) + 1, 1)
        told = QHBoxLayout()
        told.addWidget(self._told, 1)
        told.addWidget(self._clear)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.TIGHT)
        layout.addWidget(self.text)
        layout.addWidget(self._more)
        layout.addLayout(told)


def _delta_E_field(value: float) -> NumberBox:
    field = NumberBox(0.0, _HIGHEST, 1, step=0.5)
    field.setValue(value)
    field.setKeyboardTracking(False)
    return field
