"""What shall be done with the pairs: tasks, engine, and the start button."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QCheckBox, QComboBox, QFrame, QVBoxLayout, QWidget

from engine.domain.requests import EngineName
from engine.services.plan import BatchPlan
from gui import theme
from gui.context import WindowContext
from gui.phrases import count
from gui.widgets.drop_zone import button_for

_WIDTH = 288
_ENGINES = (
    (EngineName.AUTO, "Automatic"),
    (EngineName.CLASSICAL, "Classical, on the processor"),
    (EngineName.KONTEXT, "FLUX.1 Kontext"),
)


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What can run here.

    Attributes
    ----------
    reason, remedy : str
        Why Kontext cannot; empty where it can.
    mask_types : tuple of str
        Dreamed masks that the registry knows.
    """

    has_kontext: bool
    reason: str
    remedy: str
    mask_types: tuple[str, ...]


def read_engine_facts() -> EngineFacts:
    """Look at the models folder. Pool threads only: it opens files."""
    from engine.inference.kontext.availability import kontext_status
    from engine.services.registries import load_registry

    status = kontext_status()
    reason = "" if status.available else status.reason
    return EngineFacts(status.available, reason, status.remedy, load_registry().mask_types())


class PlanPanel(QFrame):
    """The operator's choice for the batch."""

    changed = Signal()

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._has_kontext, self._why = False, ""
        self.setProperty("panel", True)
        self.setFixedWidth(_WIDTH)
        self.garment_mask, self.color_match = QCheckBox("Garment mask"), QCheckBox("Colour match to the flatlay")
        self.garment_mask.setChecked(True)
        self.color_match.setChecked(True)
        self.color_match.setToolTip("Gives the worn garment the flatlay's colour; needs the garment mask, and makes it")
        self.dreamed: dict[str, QCheckBox] = {}
        self.engine = QComboBox()
        for name, text in _ENGINES:
            self.engine.addItem(text, name)
        self.notice = theme.label("", "caption")
        self.notice.setWordWrap(True)
        self._dreamed_reason = theme.label("", "caption")
        self._dreamed_reason.setWordWrap(True)
        self._dreamed_box = QVBoxLayout()
        self._dreamed_box.setSpacing(theme.SMALL)
        self.start_button = button_for(context.actions["start"], primary=True)
        self.start_button.setMinimumHeight(34)
        self._start_hint = theme.label("", "caption")
        self._start_hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._build_layout()
        for box in (self.garment_mask, self.color_match):
            box.toggled.connect(self._on_task)
        self.engine.currentIndexChanged.connect(self._on_engine)
        context.bridge.run_in_background(read_engine_facts, self.set_facts, context.report)

    def plan(self) -> BatchPlan:
        """The choice as the queue takes it."""
        return BatchPlan(
            garment_mask=self.garment_mask.isChecked(),
            color_match=self.color_match.isChecked(),
            dreamed=tuple(name for name, box in self.dreamed.items() if box.isEnabled() and box.isChecked()),
            engine=EngineName(self.engine.currentData()),
        )

    def has_task(self) -> bool:
        """Whether anything is to be done."""
        plan = self.plan()
        return plan.garment_mask or plan.color_match or bool(plan.dreamed)

    def set_pairs(self, number: int) -> None:
        """Say how much Start will begin."""
        self._start_hint.setText(count(number, "pair") if number else "Drop photographs to begin")

    def set_facts(self, facts: EngineFacts) -> None:
        """Show what can run here."""
        self._has_kontext = facts.has_kontext
        for name in facts.mask_types:
            box = QCheckBox(f"{name.capitalize()}")
            box.setToolTip("A mask of something that may not be in the picture, painted by FLUX.1 Kontext")
            box.toggled.connect(self._on_task)
            self._dreamed_box.addWidget(box)
            self.dreamed[name] = box
        if not facts.has_kontext:
            why = f"FLUX.1 Kontext is not available: {facts.reason}. {facts.remedy}"
            self.notice.setToolTip(why)
            self._dreamed_reason.setToolTip(why)
            row = self.engine.findData(EngineName.KONTEXT)
            self.engine.setItemData(row, why, Qt.ItemDataRole.ToolTipRole)
            model = self.engine.model()
            assert isinstance(model, QStandardItemModel)
            model.item(row).setEnabled(False)
            self._why = why
        self._on_engine()

    # -- inside -------------------------------------------------------------------------------------------------

    def _on_task(self) -> None:
        # A colour match works inside the garment mask, so the mask cannot be left out.
        self.garment_mask.setEnabled(not self.color_match.isChecked())
        if self.color_match.isChecked():
            self.garment_mask.setChecked(True)
        self.changed.emit()

    def _on_engine(self) -> None:
        wanted = EngineName(self.engine.currentData())
        can_dream = self._has_kontext and wanted is not EngineName.CLASSICAL
        for box in self.dreamed.values():
            box.setEnabled(can_dream)
        if self._has_kontext:
            texts = {
                EngineName.AUTO: "Kontext guides the colours; every pixel of the result stays the photograph's.",
                EngineName.CLASSICAL: "Masks and colours are computed on the processor.",
                EngineName.KONTEXT: "Kontext guides the colours; every pixel of the result stays the photograph's.",
            }
            self.notice.setText(texts[wanted])
            self._dreamed_reason.setText("" if can_dream else "The classical engine cannot dream masks.")
        else:
            self.notice.setText("Runs on the processor. No Kontext model is installed here.")
            self._dreamed_reason.setText(
                "Needs FLUX.1 Kontext, whose weights are not installed here." if self._why else ""
            )
        self._dreamed_reason.setVisible(bool(self._dreamed_reason.text()))
        self._on_task()

    def _build_layout(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.LARGE, theme.LARGE, theme.LARGE)
        layout.setSpacing(theme.SMALL)
        layout.addWidget(theme.label("What to do", "heading"))
        layout.addSpacing(theme.TIGHT)
        layout.addWidget(self.garment_mask)
        layout.addWidget(self.color_match)
        layout.addSpacing(theme.LARGE)
        layout.addWidget(theme.label("Dreamed masks", "heading"))
        layout.addWidget(self._dreamed_reason)
        layout.addLayout(self._dreamed_box)
        layout.addSpacing(theme.LARGE)
        layout.addWidget(theme.label("Engine", "heading"))
        layout.addSpacing(theme.TIGHT)
        layout.addWidget(self.engine)
        layout.addWidget(self.notice)
        layout.addStretch()
        layout.addWidget(self._start_hint)
        layout.addWidget(self.start_button)
        self._on_engine()
