"""Where one thumbnail comes from: the store, the camera's own small picture, or the photograph. Pool threads only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, Qt
from PySide6.QtGui import QImage, QImageWriter

from engine.domain.errors import KnownError
from engine.domain.files import known_os_error
from engine.ports import ThumbnailStore
from gui.pictures.pixels import read_thumbnail

_QUALITY = 85


@dataclass(frozen=True, slots=True)
class ThumbnailSource:
    """A picture whose thumbnail is wanted.

    Attributes
    ----------
    path : Path
    content : str
        The file's hash where it is known; empty knows a file by path, time and size.
    """

    path: Path
    content: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What was there at once.

    Attributes
    ----------
    image : QImage or None
    is_final : bool
        False asks for the photograph to be decoded as well.
    """

    image: QImage | None
    is_final: bool


def find_thumbnail(source: ThumbnailSource, side: int, store: ThumbnailStore | None) -> Found:
    """The stored thumbnail, or else the camera's; the latter is final where it has ``side`` pixels.

    Raises
    ------
    KnownError
        The file is not there or is no picture.
    """
    stored = store.get(_key(source, side)) if store is not None else None
    if stored is not None:
        image = QImage.fromData(stored)
        if not image.isNull():
            return Found(image, True)
    if source.content:
        return Found(None, False)  # a preview that Chromask wrote has no thumbnail inside
    from engine.imaging.raster.embedded import read_embedded_thumbnail

    pixels = read_embedded_thumbnail(source.path)
    if pixels is None:
        return Found(None, False)
    import numpy as np

    height, width = pixels.shape[:2]
    # Copied, since the image would not keep the array's buffer.
    image = QImage(np.ascontiguousarray(pixels).data, width, height, width * 3, QImage.Format.Format_RGB888).copy()
    if max(width, height) < side:
        return Found(image, False)
    modes = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    return Found(image.scaled(side, side, *modes), True)


def make_thumbnail(source: ThumbnailSource, side: int, store: ThumbnailStore | None) -> QImage:
    """Decode the picture, reduced, and keep the result in the store.

    Raises
    ------
    KnownError
        The file is not there or is no picture.
    """
    image = read_thumbnail(source.path, side)
    if image.isNull():
        raise KnownError("no thumbnail could be made", remedy="Open the file in another program.", path=source.path)
    if store is not None:
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        writer = QImageWriter(buffer, QByteArray(b"jpeg"))
        writer.setQuality(_QUALITY)
        writer.write(image)
        store.put(_key(source, side), bytes(buffer.data().data()))
    return image


def _key(source: ThumbnailSource, side: int) -> str:
    if source.content:
        return f"{source.content}@{side}"
    try:
        stat = source.path.stat()
    except OSError as error:
        raise known_os_error(error, source.path) from error
    return f"{source.path}|{stat.st_mtime_ns}|{stat.st_size}@{side}"
