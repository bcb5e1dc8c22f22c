"""Strips that a run painted at one step: control, target and what the model made of it, side by side."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, QUrl, Signal
from PySide6.QtGui import (
    QColor,
    QDesktopServices,
    QFocusEvent,
    QHelpEvent,
    QImage,
    QImageReader,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from engine.domain.errors import KnownError
from gui.bridge import Bridge
from gui.lane import Errand, Lane
from gui.look import theme

HIGHEST, LOWEST = 230, 90
"""Of a strip, in view pixels."""

_WIDEST = 1536  # device pixels of a strip that are kept
_CAPTION = 20
_KEPT = 96
_OPENS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


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
        return min(HIGHEST, int((width - (beside - 1) * theme.LARGE) / beside / aspect))

    def fitting(beside: int) -> int:
        rows = -(-number // beside)
        return min(high(beside), (height - rows * _CAPTION - (rows - 1) * theme.MEDIUM) // rows)

    choices = range(1, number + 1)
    best = max(choices, key=fitting)
    if fitting(best) >= LOWEST:
        return best, fitting(best)
    # The most beside each other that are not too low, in rows of one length; one a row where even that is too low.
    rows = -(-number // max((many for many in choices if high(many) >= LOWEST), default=1))
    beside = -(-number // rows)
    return beside, max(1, high(beside))


class SampleStrips(QWidget):
    """Strips in rows; a click opens the file, as do Return and Space on the one that the arrow keys have gone to."""

    laid_out = Signal()
    """It has another height."""

    went_to = Signal(QRect)
    """The keys have gone to the strip that is here."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lane = Lane(bridge, 2, quick=True)
        self._strips: list[tuple[str, Path]] = []
        self._step = self._expected = self._current = 0
        self._room = HIGHEST
        self._images: OrderedDict[Path, QImage | None] = OrderedDict()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Samples of the step")

    def show_strips(self, strips: list[tuple[str, Path]], step: int, expected: int) -> None:
        """Show these files, each with its example's name; so many of the step are painted sooner or later."""
        if (strips, step) == (self._strips, self._step):
            return
        self._strips, self._step, self._expected = list(strips), step, expected
        self._current = max(0, min(self._current, len(strips) - 1))
        self._describe()
        absent = [path for _, path in strips if path not in self._images]
        self._lane.want([self._errand(path) for path in absent])
        self._lay_out()

    def forget(self) -> None:
        """Another run is shown, whose files may have the same names."""
        self._images.clear()
        self._current = 0
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

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() is not Qt.FocusReason.MouseFocusReason:
            self._go_to(self._current)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last, beside = len(self._strips) - 1, self._beside()
        ways = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -beside, Qt.Key.Key_Down: beside,
            Qt.Key.Key_Home: -self._current, Qt.Key.Key_End: last - self._current,
        }  # fmt: skip
        if not self._strips or event.key() not in (*ways, *_OPENS):
            super().keyPressEvent(event)
        elif event.key() in _OPENS:
            self._open(self._current)
        elif 0 <= self._current + ways[Qt.Key(event.key())] <= last:
            self._go_to(self._current + ways[Qt.Key(event.key())])

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self._at(event.position().toPoint())
        if found is not None and event.button() == Qt.MouseButton.LeftButton:
            self._go_to(found)
            self._open(found)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        is_on = self._at(event.position().toPoint()) is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if is_on else Qt.CursorShape.ArrowCursor)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            found = self._at(event.pos())
            QToolTip.showText(event.globalPos(), self._tip(found), self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setFont(theme.sized(self.font(), theme.CAPTION))
        c = theme.colors()
        for strip, ((name, path), rect) in enumerate(zip(self._strips, self._places(), strict=True)):
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
            else:
                painter.drawImage(picture, image)
                for number in (1, 2):  # a seam, so that one picture ends where the next begins
                    seam = QRect(picture.x() + number * third - 1, picture.y(), 2, picture.height())
                    painter.fillRect(seam, QColor(c.sunken))
            if strip == self._current and self.hasFocus():
                for inside, ink in ((3, c.sunken), (1, c.accent)):  # apart from whatever the picture shows there
                    painter.setPen(QPen(QColor(ink), 2))
                    painter.drawRect(picture.adjusted(inside, inside, -inside, -inside))

    # -- inside -------------------------------------------------------------------------------------------------

    def _go_to(self, strip: int) -> None:
        if self._strips:
            self._current = strip
            self._describe()
            self.went_to.emit(self._places()[strip])
            self.update()

    def _describe(self) -> None:
        """Say which strip the keys are on, to who cannot see it."""
        text = ""
        if self._strips:
            place = f"{self._current + 1} of {len(self._strips)}"
            text = f"{self._strips[self._current][0]}, step {self._step:,}, {place}. Return opens the picture."
        self.setAccessibleDescription(text)

    def _open(self, strip: int) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._strips[strip][1])))

    def _tip(self, strip: int | None) -> str:
        return f"{self._strips[strip][0]}\nA click opens the picture." if strip is not None else ""

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

    def _aspect(self) -> float:
        """Width by height of one strip; all of a run have the same area, and mostly the same shape."""
        image = next((i for _, path in self._strips if (i := self._images.get(path)) is not None), None)
        return image.width() / max(1, image.height()) if image is not None else 3.0

    def _beside(self) -> int:
        """How many strips are in a row."""
        return self._arranged()[0]

    def _arranged(self) -> tuple[int, int]:
        number = max(1, len(self._strips), self._expected)
        return arrangement(number, self._aspect(), self._width(), self._room)

    def _width(self) -> int:
        return max(60, self.width())

    def _places(self) -> list[QRect]:
        beside, height = self._arranged()
        width = round(height * self._aspect())
        apart = width + theme.LARGE
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

    def _at(self, point: QPoint) -> int | None:
        return next((strip for strip, rect in enumerate(self._places()) if rect.contains(point)), None)
