"""What shall be done with the pairs: preset, tasks, engine, and the start button."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QScrollArea, QVBoxLayout, QWidget

from engine.domain.export import ExportRecipe
from engine.domain.requests import EngineName
from engine.services.plan import BatchPlan
from engine.services.presets import Preset
from engine.services.tolerances import load_tolerances
from gui import preferences
from gui.context import WindowContext
from gui.intake.plan_options import PlanOptions
from gui.intake.preset_bar import PresetBar
from gui.look import theme
from gui.models.facts import EngineFacts, read_engine_facts
from gui.phrases import count
from gui.widgets.choice_box import ChoiceBox, Reason, titled
from gui.widgets.drop_zone import button_for

_WIDTH = 288
_ENGINES = (
    (EngineName.AUTO, "Automatic", "FLUX.1 Kontext where it is installed, otherwise the processor"),
    (EngineName.CLASSICAL, "Classical, on the processor", "Masks and colours are computed without networks"),
    (EngineName.KONTEXT, "FLUX.1 Kontext", "Guides the colours, and dreams masks"),
)
_DREAMS = "A mask of something that may not be in the picture, painted by FLUX.1 Kontext"
_GUIDES = "Kontext guides the colours; every pixel of the result stays the photograph's."
_GUIDES_NOT = "Kontext dreams masks. Colours are matched without its guide: the colour LoRA is not installed."
_CLASSICAL_CANNOT = "The classical engine cannot dream masks."


@dataclass(frozen=True, slots=True)
class _Facts:
    engine: EngineFacts
    brands: Sequence[str]


class PlanPanel(QFrame):
    """The operator's choice for the batch; that of the last batch is remembered."""

    changed = Signal()

    def __init__(self, context: WindowContext, labels: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._facts: EngineFacts | None = None
        self._looks = 0
        self._wanted = preferences.last_choices()
        self.setProperty("panel", True)
        self.setFixedWidth(_WIDTH)
        self.presets = PresetBar(context, self.choices)
        self.garment_mask, self.color_match = QCheckBox("Garment mask"), QCheckBox("Colour match to the flatlay")
        self.color_match.setToolTip("Gives the worn garment the flatlay's colour; needs the garment mask, and makes it")
        self.dreamed: dict[str, QCheckBox] = {}
        self.engine = ChoiceBox[EngineName](_ENGINES)
        self.engine.setAccessibleName("Engine")
        self.options = PlanOptions(labels)
        self.notice, self._dreamed_reason = Reason(), Reason()
        self._dreamed_box = QVBoxLayout()
        self._dreamed_box.setSpacing(theme.SMALL)
        self.start_button = button_for(context.actions["start"], primary=True)
        self.start_button.setMinimumHeight(34)
        self._start_hint = theme.label("", "caption")
        self._start_hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._build_layout()
        self.apply(self._wanted)
        self.presets.set_current(self._wanted.name)
        for box in (self.garment_mask, self.color_match):
            box.toggled.connect(self._on_task)
        self.engine.currentIndexChanged.connect(self._on_engine)
        self.options.changed.connect(self._on_change)
        self.presets.chosen.connect(self.apply)
        self.look()
        self.presets.load()

    def look(self) -> None:
        """Find out what can run here and which brands there are, in the background."""
        chosen, catalog = preferences.kontext_model(), self._context.services.catalog_path
        self._looks += 1
        look = self._looks

        def read() -> _Facts:
            return _Facts(read_engine_facts(chosen), tuple(load_tolerances(catalog=catalog).brands))

        def done(facts: _Facts) -> None:
            if look == self._looks:
                self.options.set_brands(facts.brands)
                self.set_facts(facts.engine)

        self._context.bridge.run_in_background(read, done, self._context.report)

    def apply(self, choices: Preset) -> None:
        """Show these choices; what is not possible on this computer stays wanted, but is not done."""
        self._wanted = choices
        self.color_match.setChecked(choices.color_match)
        self.garment_mask.setChecked(choices.garment_mask)
        for name, box in self.dreamed.items():
            box.setChecked(name in choices.dreamed)
        self.engine.choose(choices.engine)
        self.options.apply(choices)
        self._on_task()

    def follow(self, preset: Preset) -> None:
        """Take over the files that were kept in a preset elsewhere."""
        if self.presets.current == preset.name:
            self.apply(replace(self.choices(), export=preset.export))
        self.presets.load()

    def choices(self) -> Preset:
        """The choices as a preset, under the name of the one that they began with."""
        boxes = tuple(name for name, box in self.dreamed.items() if box.isChecked())
        unknown = tuple(name for name in self._wanted.dreamed if name not in self.dreamed)
        tasks = Preset(
            name=self.presets.current,
            garment_mask=self.garment_mask.isChecked(),
            color_match=self.color_match.isChecked(),
            dreamed=(*boxes, *unknown),
            engine=self.engine.choice(),
        )
        return self.options.choices(tasks)

    def plan(self) -> BatchPlan:
        """The choice as the queue takes it: what is possible of it on this computer."""
        return self.possible(self.choices())

    def possible(self, choices: Preset) -> BatchPlan:
        """What can be done of these choices here, on this computer's model and graphics memory."""
        dreamed = tuple(name for name in choices.dreamed if self._can_dream(name, choices.engine))
        model, tier = preferences.kontext_model(), preferences.vram_tier()
        return replace(choices, dreamed=dreamed).plan(model=model, vram_tier=tier)

    def recipe(self) -> ExportRecipe:
        """Which files the export shall write."""
        return self.choices().export

    def has_task(self) -> bool:
        """Whether anything is to be done."""
        plan = self.plan()
        return plan.garment_mask or plan.color_match or bool(plan.dreamed)

    def set_pairs(self, number: int) -> None:
        """Say how much Start will begin."""
        noun = "pair" if self.plan().needs_flatlays else "photograph"
        self._start_hint.setText(count(number, noun) if number else "Drop photographs to begin")

    def set_facts(self, facts: EngineFacts) -> None:
        """Show what can run here; what was chosen stays chosen where it still can."""
        self._facts = facts
        for name in [name for name in self.dreamed if name not in facts.mask_types]:
            self.dreamed.pop(name).deleteLater()
        for name in facts.mask_types:
            if name not in self.dreamed:
                box = self.dreamed[name] = QCheckBox(f"{name.capitalize()}")
                box.setChecked(name in self._wanted.dreamed)
                box.toggled.connect(self._on_task)
                self._dreamed_box.addWidget(box)
        self.engine.set_available(EngineName.KONTEXT, self._why)
        if facts.has_kontext and self._looks == 1 and self._wanted.engine is EngineName.KONTEXT:
            self.engine.choose(EngineName.KONTEXT)
        self.options.set_grounded(facts.grounded)
        self._on_engine()

    # -- inside -------------------------------------------------------------------------------------------------

    @property
    def _why(self) -> str:
        """Why Kontext cannot run; empty where it can, or where nobody has looked yet."""
        facts = self._facts
        if facts is None or facts.has_kontext:
            return ""
        return f"FLUX.1 Kontext is not available: {facts.reason}. {facts.remedy}"

    def _can_dream(self, name: str, engine: EngineName) -> bool:
        facts = self._facts
        is_there = facts is not None and facts.has_kontext and name not in facts.without_lora
        return is_there and engine is not EngineName.CLASSICAL

    def _on_change(self) -> None:
        self.presets.refresh()
        self.changed.emit()

    def _on_task(self) -> None:
        # A colour match works inside the garment mask, so the mask cannot be left out.
        self.garment_mask.setEnabled(not self.color_match.isChecked())
        if self.color_match.isChecked():
            self.garment_mask.setChecked(True)
        self._on_change()

    def _on_engine(self) -> None:
        engine = self.engine.choice()
        has_kontext = self._facts is not None and self._facts.has_kontext
        has_engine = has_kontext and engine is not EngineName.CLASSICAL
        for name, box in self.dreamed.items():
            has_lora = self._facts is not None and name not in self._facts.without_lora
            box.setEnabled(self._can_dream(name, engine))
            box.setToolTip(_DREAMS if has_lora else f"The LoRA for {name} is not installed; see the Models page")
        self.options.set_can_dream(has_engine, self._why or ("" if has_engine else _CLASSICAL_CANNOT))
        if not has_kontext:
            self.notice.say("Runs on the processor. No Kontext model is installed here.", self._why)
            missing = "Needs FLUX.1 Kontext, whose weights are not installed here." if self._why else ""
            self._dreamed_reason.say(missing, self._why)
        elif has_engine:
            facts = self._facts
            guides = _GUIDES if facts is not None and facts.guides_colors else _GUIDES_NOT
            self.notice.say((facts.warning if facts is not None else "") or guides)
            self._dreamed_reason.say("")
        else:
            self.notice.say("Masks and colours are computed on the processor.")
            self._dreamed_reason.say(_CLASSICAL_CANNOT)
        self._on_task()

    def _build_layout(self) -> None:
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(theme.LARGE, theme.LARGE, theme.LARGE, theme.SMALL)
        layout.setSpacing(theme.SMALL)
        for title, parts in (
            ("Preset", (self.presets,)),
            ("What to do", (self.garment_mask, self.color_match)),
            ("Dreamed masks", (self._dreamed_reason, self._dreamed_box)),
            ("Engine", (self.engine, self.notice)),
            ("", (self.options,)),
        ):
            if title:
                layout.addWidget(titled(title))
                layout.addSpacing(theme.TIGHT)
            for part in parts:
                layout.addWidget(part) if isinstance(part, QWidget) else layout.addLayout(part)
            layout.addSpacing(theme.MEDIUM)
        layout.addStretch()
        scroll = QScrollArea()
        scroll.setWidget(content)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
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
