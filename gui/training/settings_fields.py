"""The settings of a training as fields: what each is called, what it means, and how it is typed."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, SignalInstance
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from engine.domain.errors import UsageError
from engine.domain.training import BaseWeights, LoraLayers, Optimiser
from gui.widgets.choice_box import ChoiceBox
from gui.widgets.number_box import NumberBox

_LAYERS = (
    (LoraLayers.ALL, "All linear layers", "The modulation as well, as AI-Toolkit does"),
    (LoraLayers.BLOCKS, "Attention and feed-forward", "Without the modulation"),
    (LoraLayers.ATTENTION, "Attention", "The smallest file"),
)
_BASE = (
    (BaseWeights.AUTO, "Automatic, by the card", "The most exact that fits"),
    (BaseWeights.WHOLE, "16 bit", "bfloat16"),
    (BaseWeights.FP8, "8 bit", "fp8; nothing more to install"),
    (BaseWeights.NF4, "4 bit", "nf4 (QLoRA); needs bitsandbytes"),
)
_OPTIMISERS = (
    (Optimiser.AUTO, "Automatic", "8-bit AdamW where bitsandbytes is there"),
    (Optimiser.ADAMW, "AdamW", "Moments of 32 bits"),
    (Optimiser.ADAMW_8BIT, "8-bit AdamW", "Needs bitsandbytes and a CUDA card"),
)
CHOICES = {"layers": _LAYERS, "base_weights": _BASE, "optimiser": _OPTIMISERS}


@dataclass(frozen=True, slots=True)
class NumberOf:
    """A number's limits.

    Attributes
    ----------
    special : str
        What the least value means; empty where it is a number like the others.
    """

    least: float
    most: float
    digits: int = 0
    special: str = ""


@dataclass(frozen=True, slots=True)
class FieldOf:
    """One field of `TrainingSettings`; without ``number`` it is a choice, or typed."""

    name: str
    text: str
    tip: str
    number: NumberOf | None = None


VISIBLE = (
    FieldOf("rank", "Rank", "Size of the LoRA: more can learn more, and takes more memory", NumberOf(1, 512)),
    FieldOf("steps", "Steps", "In all; a finished run can be given more", NumberOf(1, 1_000_000)),
    FieldOf("resolutions", "Resolution", "Sides in pixels; each pair is trained at all of them"),
    FieldOf("learning_rate", "Learning rate", "Of AdamW; 1e-4 for nearly every LoRA"),
)
FOLDED = (
    (
        "Learning",
        (
            FieldOf("alpha", "Alpha", "The strength is alpha / rank", NumberOf(0, 1024, special="As the rank")),
            FieldOf("layers", "Layers", "Which linear layers learn"),
            FieldOf("batch", "Batch", "Pairs that are learnt from at once", NumberOf(1, 64)),
            FieldOf("accumulation", "Accumulation", "Batches of which a step takes the mean", NumberOf(1, 256)),
            FieldOf("warmup", "Warm-up", "Steps until the full learning rate", NumberOf(0, 10_000)),
            FieldOf("weight_decay", "Weight decay", "AdamW's", NumberOf(0, 1, 4)),
            FieldOf("ema", "Moving average", "Of the weights, 0.99 for example", NumberOf(0, 0.9999, 4, "None")),
            FieldOf("seed", "Seed", "Everything random follows from it", NumberOf(0, 2**31 - 1)),
        ),
    ),
    (
        "Pairs",
        (
            FieldOf("variants", "Variations", "Mirrored, cropped and newly exposed ones of each pair", NumberOf(0, 64)),
            FieldOf(
                "mask_min_value", "Outside the mask", "What counts where the loss mask is black", NumberOf(0, 1, 2)
            ),
            FieldOf(
                "caption_dropout", "Without caption", "Share of the pairs that are shown without it", NumberOf(0, 1, 2)
            ),
        ),
    ),
    (
        "Watching",
        (
            FieldOf("evaluate_every", "Measure every", "Steps", NumberOf(0, 100_000, special="Never")),
            FieldOf(
                "iou_steps",
                "Painted in",
                "Denoising steps of held-out masks, to measure IoU",
                NumberOf(0, 100, special="Loss alone"),
            ),
            FieldOf(
                "patience", "Stop early after", "Measurements without a better one", NumberOf(0, 1000, special="Never")
            ),
            FieldOf("sample_every", "Samples every", "Steps", NumberOf(0, 100_000, special="Never")),
            FieldOf("samples", "Samples", "Pictures each time", NumberOf(0, 64)),
            FieldOf("sample_steps", "Sample steps", "Denoising steps of a sample", NumberOf(1, 100)),
            FieldOf("save_every", "Keep a LoRA every", "Steps", NumberOf(0, 100_000, special="Never")),
            FieldOf("checkpoint_every", "Checkpoint every", "Steps; a run goes on from there", NumberOf(1, 100_000)),
        ),
    ),
    (
        "Machine",
        (
            FieldOf("base_weights", "Model kept in", "How the weights that do not learn are kept"),
            FieldOf("optimiser", "Optimiser", "Its moments take as much memory as the LoRA, twice"),
        ),
    ),
)


class NumberField(NumberBox):
    """A number that the wheel changes only once it has the focus: the column around it is scrolled with the wheel."""

    def __init__(self, of: NumberOf, parent: QWidget | None = None) -> None:
        super().__init__(of.least, of.most, of.digits, step=10.0**-of.digits, parent=parent)
        self.setSpecialValueText(of.special)
        self.setGroupSeparatorShown(True)
        self.setMinimumWidth(56)  # Qt would make room for the longest number there is
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def textFromValue(self, val: float) -> str:
        """Without the noughts behind the last digit that counts."""
        text = super().textFromValue(val)
        point = self.locale().decimalPoint()
        return text.rstrip("0").removesuffix(point) if self.decimals() and point in text else text

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class QuietChoice(ChoiceBox[object]):
    """As `NumberField`, a choice."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class SettingField:
    """The widget of a setting, and its value as the setting has it."""

    def __init__(self, of: FieldOf) -> None:
        self.of = of
        self.widget: NumberField | QuietChoice | QLineEdit
        if of.number is not None:
            self.widget = NumberField(of.number)
        elif of.name in CHOICES:
            self.widget = QuietChoice(CHOICES[of.name])
        else:
            self.widget = QLineEdit()
        self.widget.setAccessibleName(of.text)
        self.widget.setToolTip(of.tip)

    @property
    def changed(self) -> SignalInstance:
        """Emitted with each change."""
        if isinstance(self.widget, NumberField):
            return self.widget.valueChanged
        return self.widget.currentIndexChanged if isinstance(self.widget, QuietChoice) else self.widget.textChanged

    def show(self, value: object) -> None:
        """Show a setting's value."""
        match self.widget:
            case NumberField():
                self.widget.setValue(float(value) if isinstance(value, int | float) else 0.0)
            case QuietChoice():
                self.widget.choose(value)
            case _ if isinstance(value, tuple):
                self.widget.setText(", ".join(str(side) for side in value))
            case _:
                self.widget.setText(f"{value:g}")

    def value(self) -> object:
        """What was chosen or typed.

        Raises
        ------
        UsageError
            It cannot be read.
        """
        if isinstance(self.widget, QuietChoice):
            return self.widget.choice()
        if isinstance(self.widget, NumberField):
            number = self.widget.value()
            if self.of.name == "alpha":
                return round(number) or None
            return number if self.widget.decimals() else round(number)
        text = self.widget.text()
        try:
            if self.of.name == "resolutions":
                return tuple(int(word) for word in text.replace(" ", ",").split(",") if word)
            return float(text)
        except ValueError:
            raise UsageError(f"{self.of.text.lower()}: '{text}' cannot be read", remedy=_HOW[self.of.name]) from None


_HOW = {
    "resolutions": "Give sides in pixels, such as 512, 768, 1024.",
    "learning_rate": "Give a number, such as 1e-4.",
}
