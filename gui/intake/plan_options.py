"""What most batches leave as it is: mask source, painting, tolerances and the files of the export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.domain.export import ExportFormat, ExportRecipe
from engine.services.detection import GroundedStatus
from engine.services.plan import MaskSource
from engine.services.presets import Preset
from gui.look import theme
from gui.look.icons import icon
from gui.widgets.choice_box import ChoiceBox, Reason
from gui.widgets.number_box import NumberBox

_SOURCES = (
    (MaskSource.AUTO, "Automatic", "Classical; what is worn on the head or carried is detected"),
    (MaskSource.CLASSICAL, "Classical", "From outline and colour, without networks"),
    (MaskSource.GROUNDED, "Detected", "Found by name with Grounding DINO, masked with SAM 2"),
)
_SEEDS = (
    (1, "Painted once", "One painting is the mask"),
    (3, "Painted three times", "The mean is the mask, and how far they agree says how sure it is"),
    (5, "Painted five times", "As with three, and surer"),
)
_SEEDS_TIP = "Several paintings agree or not: the mean is the mask, and the confidence says how sure it is"
_DRAFT_TIP = "8 steps at 512 × 512 first, in full only where that is not sure enough"
_FORMATS = (
    (ExportFormat.PSD, "PSD"), (ExportFormat.TIFF, "TIFF"), (ExportFormat.PNG, "PNG"), (ExportFormat.JPEG, "JPEG"),
    (ExportFormat.MASK, "Mask"), (ExportFormat.TIFF_LAYERS, "Layered TIFF"),
)  # fmt: skip


class PlanOptions(QWidget):
    """Folded away until it is wanted."""

    changed = Signal()

    def __init__(self, labels: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fold = QPushButton(" Options")
        self.fold.setProperty("disclosure", True)
        self.fold.setObjectName("plan_options")  # by which it is remembered whether it is unfolded
        self.fold.setCheckable(True)
        self.fold.setIconSize(QSize(14, 14))
        self.source = ChoiceBox[MaskSource](_SOURCES)
        self._reason = Reason()
        self.seeds = ChoiceBox[int](_SEEDS)
        self.draft = QCheckBox("Draft first")
        self.steps, self.seed = NumberBox(1, 100), NumberBox(0, 2**31 - 1)
        for field in (self.steps, self.seed):
            field.setMinimumWidth(56)  # Qt would make room for the longest number there is
        self.garment, self.brand = QComboBox(), QComboBox()
        self.garment.setEditable(True)
        self.garment.addItems(["", *labels])
        self.formats = {format: QCheckBox(text) for format, text in _FORMATS}
        self.approved_only = QCheckBox("Approved results only")
        self._guidance = Preset().guidance
        self._recipe = ExportRecipe()
        self._build_layout()
        self.set_brands(())
        self.set_can_dream(False, "")
        self.apply(Preset())
        self._connect()

    def apply(self, choices: Preset) -> None:
        """Show these choices; what is not possible here falls back to the usual."""
        self.source.choose(choices.mask_source)
        self.seeds.choose(choices.seeds)
        self.draft.setChecked(choices.draft)
        self.steps.setValue(choices.steps)
        self.seed.setValue(choices.seed)
        self._guidance = choices.guidance
        self.garment.setCurrentText(choices.garment)
        if choices.brand and self.brand.findText(choices.brand) < 0:
            self.brand.addItem(choices.brand)  # its limits are looked up when the batch starts
        self.brand.setCurrentIndex(max(0, self.brand.findText(choices.brand)) if choices.brand else 0)
        self._recipe = choices.export
        for format, box in self.formats.items():
            box.setChecked(format in choices.export.formats)
        self.approved_only.setChecked(choices.export.approved_only)

    def choices(self, base: Preset) -> Preset:
        """The choices of another part of the panel with these over them."""
        formats = tuple(format for format, box in self.formats.items() if box.isChecked())
        return replace(
            base,
            mask_source=self.source.choice(),
            seeds=self.seeds.choice(),
            draft=self.draft.isChecked(),
            steps=round(self.steps.value()),
            seed=round(self.seed.value()),
            guidance=self._guidance,
            garment=self.garment.currentText().strip(),
            brand=self.brand.currentText() if self.brand.currentIndex() > 0 else "",
            export=replace(self._recipe, formats=formats, approved_only=self.approved_only.isChecked()),
        )

    def set_brands(self, brands: Sequence[str]) -> None:
        """Offer these brands' limits."""
        chosen = self.brand.currentText() if self.brand.currentIndex() > 0 else ""
        self.brand.clear()
        self.brand.addItem("By article number")
        self.brand.addItems(list(dict.fromkeys([*brands, *([chosen] if chosen else [])])))
        self.brand.setCurrentIndex(max(0, self.brand.findText(chosen)) if chosen else 0)

    def set_grounded(self, status: GroundedStatus) -> None:
        """Offer the detected masks where their models are there."""
        is_there = status.settings is not None
        why = "" if is_there else f"Grounding DINO and SAM 2 are not available: {status.reason}. {status.remedy}"
        self.source.set_available(MaskSource.GROUNDED, why)
        self.source.setToolTip(why)
        self._reason.say("" if is_there else "Detected masks need Grounding DINO and SAM 2.", why)

    def set_can_dream(self, can_dream: bool, why: str) -> None:
        """Offer what belongs to painting where masks can be dreamed."""
        tips = {self.seeds: _SEEDS_TIP, self.draft: _DRAFT_TIP, self.steps: "Denoising steps", self.seed: "First seed"}
        for widget, tip in tips.items():
            widget.setEnabled(can_dream)
            widget.setToolTip(tip if can_dream else why)

    # -- inside -------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        for box in (self.source, self.seeds, self.garment, self.brand):
            box.currentTextChanged.connect(self.changed)
        for box in (self.draft, self.approved_only, *self.formats.values()):
            box.toggled.connect(self.changed)
        for field in (self.steps, self.seed):
            field.valueChanged.connect(self.changed)
        self.fold.toggled.connect(self._unfold)
        self._unfold(False)

    def _unfold(self, unfolded: bool) -> None:
        self.content.setVisible(unfolded)
        self.fold.setIcon(icon("chevron-down" if unfolded else "chevron-right", "text_quiet"))

    def _build_layout(self) -> None:
        self.content = QWidget()
        column = QVBoxLayout(self.content)
        column.setContentsMargins(0, theme.TIGHT, 0, 0)
        column.setSpacing(theme.TIGHT)
        numbers = QHBoxLayout()
        numbers.setSpacing(theme.SMALL)
        for text, field in (("Steps", self.steps), ("Seed", self.seed)):
            field.setAccessibleName(text)
            numbers.addWidget(theme.label(text, "caption"))
            numbers.addWidget(field, 1)
        boxes = QGridLayout()
        boxes.setSpacing(theme.TIGHT)
        for place, box in enumerate(self.formats.values()):
            boxes.addWidget(box, place // 3, place % 3)
        self.garment.lineEdit().setPlaceholderText("Find out for each")  # pyright: ignore[reportOptionalMemberAccess]
        for title, parts in (
            ("Garment masks", (self.source, self._reason)),
            ("Garment of every pair", (self.garment,)),
            ("Dreamed masks", (self.seeds, numbers, self.draft)),
            ("Colour limits", (self.brand,)),
            ("Export", (boxes, self.approved_only)),
        ):
            column.addWidget(theme.label(title, "quiet"))
            for part in parts:
                if isinstance(part, QWidget):
                    part.setAccessibleName(part.accessibleName() or title)
                    column.addWidget(part)
                else:
                    column.addLayout(part)
            column.addSpacing(theme.SMALL)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.fold)
        layout.addWidget(self.content)
