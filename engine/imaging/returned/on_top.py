"""Layers that lie on top of a saved document, read a few rows at a time: their soft edges are kept as they are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, cast

import numpy as np

from engine.imaging.color.spaces import row_chunks
from engine.imaging.psd.saved_document import SavedDocument
from engine.imaging.psd.saved_layers import LayerRows, SavedLayer
from engine.imaging.retouch import lay_transparent
from engine.imaging.returned.pictures import in_depth

if TYPE_CHECKING:
    from engine.domain.picture import Pixels


def plain_above(saved: SavedDocument, below: Collection[SavedLayer]) -> list[SavedLayer]:
    """The plain visible layers above all of these, from the bottom up, as far as no other kind lies between them."""
    places = [at for at, layer in enumerate(saved.layers) if layer.is_background or any(layer is one for one in below)]
    found: list[SavedLayer] = []
    for layer in saved.layers[places[-1] + 1 if places else 0 :]:
        if not layer.is_visible:
            continue
        if not layer.is_plain or not layer.has_pixels:
            break
        found.append(layer)
    return found


class LayersOnTop:
    """Layers as one retouch (`engine.imaging.retouch`), a few rows of which are in memory at a time.

    Parameters
    ----------
    layers : sequence of SavedLayer
        From the bottom up, with pixels.
    like : ndarray
        ``(H, W, 3)``, a picture of the size and type that the retouch shall have.
    """

    def __init__(self, layers: Sequence[SavedLayer], like: Pixels) -> None:
        self._layers, self._like = layers, like

    def __bool__(self) -> bool:
        return bool(self._layers)

    @contextmanager
    def opened(self) -> Iterator[OpenedOnTop]:
        """For one pass from the top down.

        Raises
        ------
        KnownError
            The file is damaged, or was saved again.
        """
        with ExitStack() as stack:
            yield OpenedOnTop([(layer, stack.enter_context(layer.opened())) for layer in self._layers], self._like)

    def whole(self) -> Pixels:
        """``(H, W, 4)``."""
        result = cast("Pixels", np.empty((*self._like.shape[:2], 4), self._like.dtype))
        with self.opened() as opened:
            for rows in row_chunks(result.shape):
                result[rows] = opened.rows(rows)
        return result


class OpenedOnTop:
    """See `LayersOnTop.opened`."""

    def __init__(self, layers: Sequence[tuple[SavedLayer, LayerRows]], like: Pixels) -> None:
        self._layers, self._like = layers, like

    def rows(self, rows: slice) -> Pixels:
        """``(h, W, 4)``."""
        result = cast("Pixels", np.zeros((rows.stop - rows.start, self._like.shape[1], 4), self._like.dtype))
        for layer, opened in self._layers:
            box = layer.box
            first, last = max(rows.start, box.top), min(rows.stop, box.bottom)
            if first >= last:
                continue
            pixels, transparency, mask = opened.read(first - box.top, last - box.top)
            share = np.ones(pixels.shape[:2], np.float32)
            for plane in (transparency, mask):
                if plane is not None:
                    share *= plane.astype(np.float32) / np.float32(255)
            part = result[first - rows.start : last - rows.start, box.left : box.right]
            lay_transparent(part, in_depth(pixels, result.dtype.itemsize * 8), share)
        return result
