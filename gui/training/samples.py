"""What the model painted while it learnt: control, target and its own picture side by side, for any step."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSlider, QVBoxLayout, QWidget

from gui.bridge import Bridge
from gui.look import theme
from gui.training.sample_strips import HIGHEST, LOWEST, SampleStrips
from gui.training.story import RunStory

_HEAD = 34


class SamplesView(QWidget):
    """The strips of one step, and a slider through the steps; it stays at the newest unless it was moved."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._story: RunStory | None = None
        self._folder = Path()
        self._steps: list[int] = []
        self._follows = True
        self.strips = SampleStrips(bridge)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Step of the samples")
        self.slider.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.slider.setPageStep(1)
        self.slider.setMaximumWidth(320)
        self.slider.valueChanged.connect(self._on_slider)
        self.step = theme.label("", "caption")
        self.none = theme.label("", "quiet")
        self.none.setWordWrap(True)
        head = QHBoxLayout()
        head.setSpacing(theme.MEDIUM)
        head.addWidget(theme.label("Samples", "heading"))
        head.addWidget(self.slider, 1)
        head.addWidget(self.step)
        head.addStretch()
        self.area = QScrollArea()
        self.area.setWidget(self.strips)
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the strips take it, and scroll into sight
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.SMALL)
        layout.addLayout(head)
        layout.addWidget(self.none)
        layout.addWidget(self.area)
        self._room = HIGHEST
        self.strips.laid_out.connect(self._fit)
        self.strips.went_to.connect(self._reveal)
        self.show_story(None, Path())

    def set_room(self, height: int) -> None:
        """Take no more than this, in view pixels; what does not fit is scrolled to."""
        self._room = max(LOWEST, height - _HEAD)
        self.strips.set_room(self._room)
        self._fit()

    def _fit(self) -> None:
        self.area.setFixedHeight(min(self._room, max(1, self.strips.minimumHeight())))

    def _reveal(self, strip: QRect) -> None:
        self.area.ensureVisible(0, strip.center().y(), 0, strip.height() // 2 + 1)

    def show_story(self, story: RunStory | None, folder: Path) -> None:
        """Show this run's samples as they are now; call it again when it has told something."""
        if story is not self._story:
            self._follows = True
            self.strips.forget()
        self._story, self._folder = story, folder
        steps = sorted(story.samples) if story is not None else []
        self._steps = steps
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(steps) - 1))
        if self._follows:
            self.slider.setValue(self.slider.maximum())
        self.slider.blockSignals(False)
        self.slider.setVisible(len(steps) > 1)
        self.area.setVisible(bool(steps))
        self.none.setVisible(not steps)
        self.none.setText(self._why_none())
        self._show_step()

    def _why_none(self) -> str:
        if self._story is None:
            return ""
        every = self._story.job.settings.sample_every
        if not every or not self._story.job.settings.samples:
            return "This run paints no samples."
        return f"The first samples are painted at step {every:,}."

    def _on_slider(self, value: int) -> None:
        self._follows = value == self.slider.maximum()
        self._show_step()

    def _show_step(self) -> None:
        if self._story is None or not self._steps:
            self.strips.show_strips([], 0, 0)
            self.step.setText("")
            return
        step = self._steps[min(self.slider.value(), len(self._steps) - 1)]
        self.step.setText(f"Step {step:,}")
        strips = [(name, self._folder / path) for name, path in self._story.samples[step]]
        job = self._story.job
        self.strips.show_strips(strips, step, min(job.settings.samples, len(job.examples)))
