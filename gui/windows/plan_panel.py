"""What shall be done with the pairs: tasks, engine, and the start button."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QCheckBox, QComboBox, QFrame, QScrollArea, QVBoxLayout, QWidget

from engine.domain.requests import EngineName
from engine.services.plan import BatchPlan
from gui import preferences, theme
from gui.context import WindowContext
from gui.model_facts import EngineFacts, read_engine_facts
from gui.phrases import count
from gui.widgets.drop_zone import button_for
from gui.windows.plan_options import PlanOptions

_WIDTH = 288
_ENGINES = (
    (EngineName.AUTO, "Automatic"),
    (EngineName.CLASSICAL, "Classical, on the processor"),
    (EngineName.KONTEXT, "FLUX.1 Kontext"),
)


class PlanPanel(QFrame):
    """The operator's choice for the batch."""

    changed = Signal()

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._facts: EngineFacts | None = None
        self._looks = 0
        self._why = ""
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
        self.options = PlanOptions()
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
        self.look()

    def look(self) -> None:
        """Find out what can run here, in the background."""
        chosen = preferences.kontext_model()
        self._looks += 1
        look = self._looks

        def done(facts: EngineFacts) -> None:
            if look == self._looks:
                self.set_facts(facts)

        self._context.bridge.run_in_background(lambda: read_engine_facts(chosen), done, self._context.report)

    def plan(self) -> BatchPlan:
        """The choice as the queue takes it."""
        return BatchPlan(
            garment_mask=self.garment_mask.isChecked(),
            color_match=self.color_match.isChecked(),
            dreamed=tuple(name for name, box in self.dreamed.items() if box.isEnabled() and box.isChecked()),
            engine=EngineName(self.engine.currentData()),
            model=preferences.kontext_model(),
            mask_source=self.options.mask_source(),
            painting=self.options.painting(),
        )

    def has_task(self) -> bool:
        """Whether anything is to be done."""
        plan = self.plan()
        return plan.garment_mask or plan.color_match or bool(plan.dreamed)

    def set_pairs(self, number: int) -> None:
        """Say how much Start will begin."""
        self._start_hint.setText(count(number, "pair") if number else "Drop photographs to begin")

    def set_facts(self, facts: EngineFacts) -> None:
        """Show what can run here; what was chosen stays chosen where it still can."""
        self._facts = facts
        self._why = "" if facts.has_kontext else f"FLUX.1 Kontext is not available: {facts.reason}. {facts.remedy}"
        for name in [name for name in self.dreamed if name not in facts.mask_types]:
            self.dreamed.pop(name).deleteLater()
        for name in facts.mask_types:
            if name not in self.dreamed:
                box = self.dreamed[name] = QCheckBox(f"{name.capitalize()}")
                box.toggled.connect(self._on_task)
                self._dreamed_box.addWidget(box)
        self.notice.setToolTip(self._why)
        self._dreamed_reason.setToolTip(self._why)
        row = self.engine.findData(EngineName.KONTEXT)
        self.engine.setItemData(row, self._why, Qt.ItemDataRole.ToolTipRole)
        model = self.engine.model()
        assert isinstance(model, QStandardItemModel)
        model.item(row).setEnabled(facts.has_kontext)
        if not facts.has_kontext and self.engine.currentData() == EngineName.KONTEXT:
            self.engine.setCurrentIndex(self.engine.findData(EngineName.AUTO))
        self.options.set_grounded(facts.grounded)
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
        has_kontext = self._facts is not None and self._facts.has_kontext
        can_dream = has_kontext and wanted is not EngineName.CLASSICAL
        for name, box in self.dreamed.items():
            has_lora = self._facts is not None and name not in self._facts.without_lora
            box.setEnabled(can_dream and has_lora)
            tip = "A mask of something that may not be in the picture, painted by FLUX.1 Kontext"
            box.setToolTip(tip if has_lora else f"The LoRA for {name} is not installed; see the Models page")
        why = self._why or ("" if can_dream else "The classical engine cannot dream masks.")
        self.options.set_can_dream(can_dream, why)
        if has_kontext:
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
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(theme.LARGE, theme.LARGE, theme.LARGE, theme.SMALL)
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
        layout.addSpacing(theme.MEDIUM)
        layout.addWidget(self.options)
        layout.addStretch()
        scroll = QScrollArea()
        scroll.setWidget(content)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # After the layout has made room: on a small screen the options unfold below the edge.
        self.options.fold.toggled.connect(
            lambda: QTimer.singleShot(0, self, lambda: scroll.ensureWidgetVisible(self.options))
        )
        start = QVBoxLayout()
        start.setContentsMargins(theme.LARGE, theme.SMALL, theme.LARGE, theme.LARGE)
        start.setSpacing(theme.SMALL)
        start.addWidget(self._start_hint)
        start.addWidget(self.start_button)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(scroll, 1)
        outer.addLayout(start)
        self._on_engine()
