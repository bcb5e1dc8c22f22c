"""What most batches leave as it is: where garment masks come from, and how dreamed ones are painted."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QCheckBox, QComboBox, QPushButton, QVBoxLayout, QWidget

from engine.domain.requests import Draft
from engine.services.detection import GroundedStatus
from engine.services.painting import Painting
from engine.services.plan import MaskSource
from gui import preferences, theme
from gui.icons import icon

_SOURCES = (
    (MaskSource.AUTO, "Automatic", "Classical; what is worn on the head or carried is detected"),
    (MaskSource.CLASSICAL, "Classical", "From outline and colour, without networks"),
    (MaskSource.GROUNDED, "Detected", "Found by name with Grounding DINO, masked with SAM 2"),
)
_SEEDS = ((1, "Painted once"), (3, "Painted three times"))


class PlanOptions(QWidget):
    """Folded away until it is wanted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fold = QPushButton(" Options")
        self.fold.setProperty("disclosure", True)
        self.fold.setCheckable(True)
        self.fold.setIconSize(QSize(14, 14))
        self.source, self.seeds = QComboBox(), QComboBox()
        for source, text, tip in _SOURCES:
            self.source.addItem(text, source)
            self.source.setItemData(self.source.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        for number, text in _SEEDS:
            self.seeds.addItem(text, number)
        self.draft = QCheckBox("Draft first")
        self._reason = theme.label("", "caption")
        self._reason.setWordWrap(True)
        self.content = QWidget()
        column = QVBoxLayout(self.content)
        column.setContentsMargins(0, theme.TIGHT, 0, 0)
        column.setSpacing(theme.TIGHT)
        column.addWidget(theme.label("Garment masks", "quiet"))
        column.addWidget(self.source)
        column.addWidget(self._reason)
        column.addSpacing(theme.SMALL)
        column.addWidget(theme.label("Dreamed masks", "quiet"))
        column.addWidget(self.seeds)
        column.addSpacing(theme.TIGHT)
        column.addWidget(self.draft)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.fold)
        layout.addWidget(self.content)
        self.fold.toggled.connect(self._unfold)
        self._unfold(False)
        self.set_can_dream(False, "")

    def mask_source(self) -> MaskSource:
        """Where the masks of garments that are there come from."""
        return MaskSource(self.source.currentData())

    def painting(self) -> Painting:
        """How dreamed masks are painted, on the graphics memory that the Models page says."""
        can_dream = self.seeds.isEnabled()
        return Painting(
            seeds=int(self.seeds.currentData()) if can_dream else 1,
            draft=Draft() if can_dream and self.draft.isChecked() else None,
            vram_tier=preferences.vram_tier(),
        )

    def set_grounded(self, status: GroundedStatus) -> None:
        """Offer the detected masks where their models are there."""
        row = self.source.findData(MaskSource.GROUNDED)
        model = self.source.model()
        assert isinstance(model, QStandardItemModel)
        is_there = status.settings is not None
        model.item(row).setEnabled(is_there)
        why = f"Grounding DINO and SAM 2 are not available: {status.reason}. {status.remedy}"
        self.source.setItemData(row, _SOURCES[row][2] if is_there else why, Qt.ItemDataRole.ToolTipRole)
        self.source.setToolTip("" if is_there else why)
        self._reason.setText("" if is_there else "Detected masks need Grounding DINO and SAM 2.")
        self._reason.setToolTip("" if is_there else why)
        self._reason.setVisible(not is_there)
        if not is_there and self.mask_source() is MaskSource.GROUNDED:
            self.source.setCurrentIndex(self.source.findData(MaskSource.AUTO))

    def set_can_dream(self, can_dream: bool, why: str) -> None:
        """Offer seeds and draft where masks can be dreamed."""
        tips = {
            self.seeds: "Three paintings agree or not: the mean is the mask, and the confidence says how sure it is",
            self.draft: "8 steps at 512 × 512 first, in full only where that is not sure enough",
        }
        for widget, tip in tips.items():
            widget.setEnabled(can_dream)
            widget.setToolTip(tip if can_dream else why)

    def _unfold(self, unfolded: bool) -> None:
        self.content.setVisible(unfolded)
        self.fold.setIcon(icon("chevron-down" if unfolded else "chevron-right", theme.TEXT_QUIET))
