"""What the model painted while it learnt: control, target and its own picture side by side, for any step."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, QUrl, Signal
from PySide6.QtGui import (
    QColor,
    QDesktopServices,
    QHelpEvent,
    QImage,
    QImageReader,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSlider, QToolTip, QVBoxLayout, QWidget

from engine.domain.errors import KnownError
from gui.bridge import Bridge
from gui.lane import Errand, Lane
from gui.look import theme
from gui.training.story import RunStory

_HIGHEST, _LOWEST = 230, 90
_WIDEST = 1536  # device pixels of a strip that are kept
_CAPTION, _HEAD = 20, 34
_KEPT = 96


def arrangement(number: int, aspect: float, width: int, height: int) -> tuple[int, int]:
    """How many strips stand beside each other, and how high each is: as large as they all can be in the room there is.

    Parameters
    ----------
    number : int
        Of strips, 1 at least.
    aspect : float
        Width by height of one.
    width, height : int
        The room, in view pixels. Where the strips would get too small in it, they take more height.
    """

    def high(beside: int) -> int:
        return min(_HIGHEST, int((width - (beside - 1) * theme.LARGE) / beside / aspect))

    def fitting(beside: int) -> int:
        rows = -(-number // beside)
        return min(high(beside), (height - rows * _CAPTION - (rows - 1) * theme.MEDIUM) // rows)

    choices = range(1, number + 1)
    best = max(choices, key=fitting)
    if fitting(best) >= _LOWEST:
        return best, fitting(best)
    # The most beside each other that are not too low, in rows of one length; one a row where even that is too low.
    rows = -(-number // max((many for many in choices if high(many) >= _LOWEST), default=1))
    beside = -(-number // rows)
    return beside, max(1, high(beside))


class SampleStrips(QWidget):
    """Strips in rows; a click opens the file."""

    laid_out = Signal()
    """It has another height."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lane = Lane(bridge, 2, quick=True)
        self._strips: list[tuple[str, Path]] = []
        self._step = self._expected = 0
        self._room = _HIGHEST
        self._images: OrderedDict[Path, QImage | None] = OrderedDict()
        self.setMouseTracking(True)

    def show_strips(self, strips: list[tuple[str, Path]], step: int, expected: int) -> None:
        """Show these files, each with its example's name; so many of the step are painted sooner or later."""
        if (strips, step) == (self._strips, self._step):
            return
        self._strips, self._step, self._expected = list(strips), step, expected
        self.setAccessibleDescription(", ".join(name for name, _ in strips))
        absent = [path for _, path in strips if path not in self._images]
        self._lane.want([self._errand(path) for path in absent])
        self._lay_out()

    def forget(self) -> None:
        """Another run is shown, whose files may have the same names."""
        self._images.clear()
        self.show_strips([], 0, 0)

    def set_room(self, height: int) -> None:
        """Be no higher than this, unless the strips would be too small."""
        if height != self._room:
            self._room = height
            self._lay_out()

    def is_complete(self) -> bool:
        """Whether every strip is on the screen."""
        return all(self._images.get(path) is not None for _, path in self._strips)

    # -- Qt -----------------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self._at(event.position().toPoint())
        if found is not None and event.button() == Qt.MouseButton.LeftButton:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(found[1])))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        is_on = self._at(event.position().toPoint()) is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if is_on else Qt.CursorShape.ArrowCursor)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            found = self._at(event.pos())
            QToolTip.showText(event.globalPos(), f"{found[0]}\nA click opens the picture." if found else "", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setFont(theme.sized(self.font(), theme.CAPTION))
        c = theme.colors()
        for (name, path), rect in zip(self._strips, self._places(), strict=True):
            if not rect.intersects(event.rect()):
                continue
            picture = rect.adjusted(0, _CAPTION, 0, 0)
            third = picture.width() // 3
            whole = f"{name} · control"
            fits = painter.fontMetrics().horizontalAdvance(whole) <= third - 6
            texts = (whole if fits else name, "target", f"now, step {self._step:,}")
            for number, text in enumerate(texts):
                place = QRect(picture.x() + number * third, rect.y(), third - 6, _CAPTION - 4)
                shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, place.width())
                painter.setPen(QColor(c.text if number == 2 else c.text_quiet))
                painter.drawText(place, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), shown)
            image = self._images.get(path)
            if image is None:
                painter.fillRect(picture, QColor(c.panel))
                continue
            painter.drawImage(picture, image)
            for number in (1, 2):  # a seam, so that one picture ends where the next begins
                painter.fillRect(
                    QRect(picture.x() + number * third - 1, picture.y(), 2, picture.height()), QColor(c.sunken)
                )

    # -- inside -------------------------------------------------------------------------------------------------

    def _errand(self, path: Path) -> Errand:
        def work() -> QImage:
            reader = QImageReader(str(path))
            size = reader.size()
            if size.width() > _WIDEST:
                reader.setScaledSize(size.scaled(QSize(_WIDEST, _WIDEST), Qt.AspectRatioMode.KeepAspectRatio))
            image = reader.read()
            if image.isNull():
                raise KnownError("the sample cannot be read", remedy="Go on with the run to paint others.", path=path)
            return image

        def done(image: QImage) -> None:
            self._images[path] = image
            while len(self._images) > _KEPT:
                self._images.popitem(last=False)
            self._lay_out()

        def failed(_: Exception) -> None:
            self._images[path] = None  # an empty field says as much; the run itself is not concerned
            self.update()

        return Errand(path, work, done, failed)

    def _shape(self) -> QSize:
        """Of one strip; all of a run have the same area, and mostly the same shape."""
        image = next((i for _, path in self._strips if (i := self._images.get(path)) is not None), None)
        return image.size() if image is not None else QSize(3, 1)

    def _places(self) -> list[QRect]:
        shape, room = self._shape(), max(60, self.width())
        aspect = shape.width() / max(1, shape.height())
        beside, height = arrangement(max(1, len(self._strips), self._expected), aspect, room, self._room)
        width, apart = round(height * aspect), (room + theme.LARGE) // beside
        return [
            QRect(
                (number % beside) * apart,
                (number // beside) * (height + _CAPTION + theme.MEDIUM),
                width,
                height + _CAPTION,
            )
            for number in range(len(self._strips))
        ]

    def _lay_out(self) -> None:
        places = self._places()
        self.setMinimumHeight(places[-1].bottom() + 1 if places else 0)
        self.update()
        self.laid_out.emit()

    def _at(self, point: QPoint) -> tuple[str, Path] | None:
        return next((s for s, rect in zip(self._strips, self._places(), strict=True) if rect.contains(point)), None)


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
        self.area.setAccessibleName("Samples of the step")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.SMALL)
        layout.addLayout(head)
        layout.addWidget(self.none)
        layout.addWidget(self.area)
        self._room = _HIGHEST
        self.strips.laid_out.connect(self._fit)
        self.show_story(None, Path())

    def set_room(self, height: int) -> None:
        """Take no more than this, in view pixels; what does not fit is scrolled to."""
        self._room = max(_LOWEST, height - _HEAD)
        self.strips.set_room(self._room)
        self._fit()

    def _fit(self) -> None:
        self.area.setFixedHeight(min(self._room, max(1, self.strips.minimumHeight())))

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
