"""Asks what shall be painted into a photograph, and where; shows what was asked for before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import (
    QDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from gui.look import theme
from gui.phrases import at_home
from gui.review.edit_facts import PREVIEW_SIDE, EarlierTurn, EditFacts
from gui.widgets.file_choice import FileChoice
from gui.widgets.number_box import NumberBox

_FORM_WIDTH = 440
_PROMPT_HEIGHT = 74
_TURNS_HEIGHT = 128
_LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class EditWish:
    """What the operator asked for.

    Attributes
    ----------
    mask : Path or None
        None means the result's own.
    reference : Path or None
        None means none.
    """

    prompt: str
    mask: Path | None
    reference: Path | None
    strength: float
    steps: int
    seed: int


class EditDialog(QDialog):
    """Stays open until the edit is in the queue, so that a refusal costs no typing."""

    submitted = Signal(object)
    """An `EditWish`."""

    mask_chosen = Signal(object)
    """The file, or None for the result's own; whoever answers calls `show_mask` or `refuse_mask`."""

    models_wanted = Signal()
    """The operator wants to see what is missing."""

    drawing_wanted = Signal()
    """The operator wants to draw the mask; whoever answers hides the dialog meanwhile and sets `area`."""

    def __init__(self, facts: EditFacts, parent: QWidget) -> None:
        super().__init__(parent)
        self._turn = len(facts.turns) + 1
        self._can_paint = facts.kontext.available
        self._mask_is_read = True
        pair = facts.item.pair
        self.setObjectName("edit_dialog")
        self.setWindowTitle("Edit")
        self.picture = QLabel()
        self.picture.setFixedSize(PREVIEW_SIDE // 2, PREVIEW_SIDE // 2)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.picture.setAccessibleName("The photograph, dark where nothing is changed")
        self.prompt = QPlainTextEdit()
        self.prompt.setPlaceholderText("All that shall be seen there: a blue shirt with SALE in white on its chest")
        self.prompt.setFixedHeight(_PROMPT_HEIGHT)
        self.prompt.setTabChangesFocus(True)
        self.prompt.setAccessibleName("Prompt")
        own = "The last turn's" if facts.turns else "The mask of this result"
        self.area = FileChoice([(own, None)], "Mask: white where the photograph may change", "Draw one…")
        flatlay = [("The flatlay", pair.flatlay.path)] if pair.flatlay is not None else []
        self.reference = FileChoice([("None", None), *flatlay], "A picture of what to paint")
        self.reference.setToolTip("A garment or a banner that the model looks at in place of the photograph")
        self.strength = _number(0.05, 1.0, 0.05, 1.0, 2)
        self.strength.setToolTip("Below 1, what is under the mask shines through; 1 paints it anew")
        self.steps, self.seed = _number(1, 100, 1, 28, 0), _number(0, _LARGEST_SEED, 1, 0, 0)
        self.steps.setToolTip("Denoising steps; FLUX.1 Kontext's own examples take 28")
        self.seed.setToolTip("Another seed is another painting")
        self.state = theme.label("", "caption")
        self.state.setWordWrap(True)
        self.message = theme.label("", "caption")
        self.message.setWordWrap(True)
        self.models, cancel = QPushButton("Models"), QPushButton("Cancel")
        self.queue = QPushButton(f"Queue turn {self._turn}" if facts.turns else "Queue")
        self.queue.setObjectName("queue_edit")
        self.queue.setProperty("primary", True)
        self.queue.setDefault(True)
        self._build_layout(facts, cancel)
        self.show_mask(facts.preview)
        self._show_state(facts)
        self.prompt.textChanged.connect(self._refresh)
        self.area.changed.connect(self._on_mask)
        self.area.asked.connect(self.drawing_wanted)
        self.queue.clicked.connect(self._submit)
        self.models.clicked.connect(self.models_wanted)
        cancel.clicked.connect(self.reject)
        self._refresh()
        self.prompt.setFocus()

    def wish(self) -> EditWish:
        """What is asked for now."""
        return EditWish(
            prompt=self.prompt.toPlainText().strip(),
            mask=self.area.chosen(),
            reference=self.reference.chosen(),
            strength=round(self.strength.value(), 2),
            steps=round(self.steps.value()),
            seed=round(self.seed.value()),
        )

    def show_mask(self, preview: QImage) -> None:
        """Show where the chosen mask lets the photograph change."""
        image = QPixmap.fromImage(preview)
        image.setDevicePixelRatio(2.0)
        self.picture.setPixmap(image)
        self._mask_is_read = True
        self._tell("")
        self._refresh()

    def refuse_mask(self, sentence: str) -> None:
        """Say why the chosen mask cannot be used."""
        self._tell(sentence)

    def refuse(self, sentence: str) -> None:
        """Say why the edit was not queued, and let the operator correct it."""
        self._tell(sentence)
        self._refresh()

    # -- inside -------------------------------------------------------------------------------------------------

    def _show_state(self, facts: EditFacts) -> None:
        status = facts.kontext
        self.models.setVisible(not status.available)
        if status.available:
            self.state.setText(status.warning or f"Painted by FLUX.1 Kontext, {at_home(str(status.model))}.")
            theme.set_ink(self.state, "warn" if status.warning else None)
            return
        self.state.setText(
            at_home(
                f"FLUX.1 Kontext cannot run here: {status.reason}. The page Models gets it, or uses a file you have."
            )
        )
        self.state.setToolTip(at_home(status.remedy))
        theme.set_ink(self.state, "warn")
        self.queue.setToolTip("Needs FLUX.1 Kontext")

    def _on_mask(self) -> None:
        self._mask_is_read = False
        self._tell("")
        self._refresh()
        self.mask_chosen.emit(self.area.chosen())

    def _refresh(self) -> None:
        is_said = bool(self.prompt.toPlainText().strip())
        self.queue.setEnabled(self._can_paint and self._mask_is_read and is_said)

    def _tell(self, sentence: str) -> None:
        self.message.setText(sentence)
        theme.set_ink(self.message, "fail" if sentence else None)

    def _submit(self) -> None:
        self._tell("")
        self.queue.setEnabled(False)
        self.submitted.emit(self.wish())

    # -- layout -------------------------------------------------------------------------------------------------

    def _build_layout(self, facts: EditFacts, cancel: QPushButton) -> None:
        pair = facts.item.pair
        left = QVBoxLayout()
        left.setSpacing(theme.SMALL)
        left.addWidget(self.picture)
        told = theme.label("What lies dark is copied, bit for bit.", "caption")
        told.setWordWrap(True)
        left.addWidget(told)
        left.addStretch()
        right = QVBoxLayout()
        right.setSpacing(theme.MEDIUM)
        names = QVBoxLayout()
        names.setSpacing(theme.TIGHT)
        names.addWidget(theme.label(pair.on_model.path.name, "heading"))
        start = theme.label("Painted on the original photograph, whatever was made of it since.", "caption")
        start.setWordWrap(True)
        names.addWidget(start)
        right.addLayout(names)
        if facts.turns:
            right.addWidget(_turns(facts.turns))
        right.addWidget(theme.label(f"Turn {self._turn}" if facts.turns else "What to paint", "quiet"))
        right.addWidget(self.prompt)
        right.addLayout(self._build_fields())
        right.addWidget(self.state)
        body = QHBoxLayout()
        body.setSpacing(theme.WIDE)
        body.addLayout(left)
        body.addLayout(right, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SMALL)
        buttons.addWidget(self.message, 1)
        buttons.addWidget(self.models)
        buttons.addWidget(cancel)
        buttons.addWidget(self.queue)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.WIDE, theme.WIDE, theme.WIDE, theme.LARGE)
        layout.setSpacing(theme.LARGE)
        layout.addLayout(body)
        layout.addLayout(buttons)
        self.setFixedWidth(2 * theme.WIDE + PREVIEW_SIDE // 2 + theme.WIDE + _FORM_WIDTH)

    def _build_fields(self) -> QFormLayout:
        fields = QFormLayout()
        fields.setHorizontalSpacing(theme.MEDIUM)
        fields.setVerticalSpacing(theme.SMALL)
        fields.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for text, choice in (("Mask", self.area), ("Reference", self.reference)):
            choice.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            choice.setAccessibleName(text)
            fields.addRow(_caption(text), choice)
        numbers = QHBoxLayout()
        numbers.setSpacing(theme.SMALL)
        for text, field in (("", self.strength), ("Steps", self.steps), ("Seed", self.seed)):
            field.setMinimumWidth(68)
            field.setAccessibleName(text or "Strength")
            if text:
                numbers.addSpacing(theme.SMALL)
                numbers.addWidget(theme.label(text, "quiet"))
            numbers.addWidget(field, 2 if field is self.seed else 1)
        fields.addRow(_caption("Strength"), numbers)
        return fields


def _caption(text: str) -> QLabel:
    """A row's name, at the height of the field's own text."""
    label = theme.label(text, "quiet")
    label.setMinimumHeight(28)
    return label


def _number(least: float, most: float, step: float, value: float, decimals: int) -> NumberBox:
    field = NumberBox(least, most, decimals, step=step)
    field.setValue(value)
    return field


def _turns(turns: tuple[EarlierTurn, ...]) -> QScrollArea:
    """What was asked for before, in order."""
    content = QWidget()
    column = QVBoxLayout(content)
    column.setContentsMargins(0, 0, theme.SMALL, 0)
    column.setSpacing(theme.SMALL)
    for number, earlier in enumerate(turns, start=1):
        turn, sampling = earlier.turn, earlier.turn.diffusion.sampling
        said = theme.label(f"{number}  {turn.diffusion.prompt}", "quiet" if earlier.is_covered else "body")
        said.setWordWrap(True)
        facts = [f"seed {sampling.seed}", f"{sampling.num_inference_steps} steps", f"strength {turn.strength:g}"]
        if turn.reference is not None:
            facts.append(f"reference {turn.reference.path.name}")
        if earlier.is_covered:
            facts.append("covered by a later turn, not painted")
        figures = theme.label(" · ".join(facts), "caption")
        figures.setWordWrap(True)
        row = QVBoxLayout()
        row.setSpacing(2)
        row.addWidget(said)
        row.addWidget(figures)
        column.addLayout(row)
    column.addStretch()
    scroll = QScrollArea()
    scroll.setObjectName("earlier_turns")
    scroll.setWidget(content)
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setFixedHeight(min(_TURNS_HEIGHT, column.heightForWidth(_FORM_WIDTH)))
    return scroll
