"""A layered document in memory, and the order in which a Photoshop file stores its planes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.domain.errors import BugError, KnownError
from engine.domain.geometry import Extent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain.picture import Alpha, Pixels
    from engine.imaging.psd.paths import VectorPath

    Plane = NDArray[np.uint8 | np.uint16]

BACKGROUND_NAME = "Background"
"""What Photoshop itself calls the locked bottom layer."""

BACKGROUND_ID, FIRST_LAYER_ID = 1, 2
"""Layer ids in a document as Chromask writes it: the background's, and that of the lowest layer over it."""

MAX_CHANNELS = 56
"""Channels in the merged image, colours included (Adobe Photoshop File Formats Specification, file header)."""

MAX_PATHS = 998
"""Saved paths: resources 2000 to 2997 (same specification)."""

MAX_PSD_SIDE = 30_000
MAX_PSB_SIDE = 300_000
"""Longest side in pixels of a PSD and of a PSB (same specification)."""

MAX_PSD_BYTES = 2_000_000_000
"""Photoshop saves nothing above 2 GB as PSD: its lengths have 32 bits, and many readers take them as signed."""

TRANSPARENCY, MASK = -1, -2
"""Channel ids of a layer beside 0, 1, 2 for R, G, B."""


@dataclass(frozen=True, slots=True, eq=False)
class PixelLayer:
    """A layer of the document's size.

    Attributes
    ----------
    name : str
        Any Unicode text without NUL.
    pixels : ndarray
        ``(H, W, 3)`` uint8 or uint16 as the document's bit depth says, R G B, in the document's colour space, straight
        (not premultiplied).
    mask : ndarray or None
        Layer mask, ``(H, W)`` uint8, 255 = shown. Stored as ``x * 257`` in a 16-bit document, which is exact.
    transparency : ndarray or None
        Of the layer's own pixels, ``(H, W)`` uint8, 255 = opaque; None is opaque everywhere.
    is_hidden : bool
        The layer's eye is closed; it counts for nothing in the composite.
    """

    name: str
    pixels: Pixels
    mask: Alpha | None = None
    transparency: Alpha | None = None
    is_hidden: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class AlphaChannel:
    """A saved selection: an extra channel of the document.

    Attributes
    ----------
    name : str
        Any Unicode text without NUL.
    alpha : ndarray
        ``(H, W)`` uint8, 255 = selected. Stored as ``x * 257`` in a 16-bit document.
    """

    name: str
    alpha: Alpha


@dataclass(frozen=True, slots=True, eq=False)
class LayeredDocument:
    r"""What a PSD file will hold.

    Attributes
    ----------
    extent : Extent
        Size of the document and of every plane in it.
    bit_depth : int
        8 or 16; decides the dtype of ``background``, of the layers and of ``composite``.
    background : ndarray
        ``(H, W, 3)``, the locked bottom layer: the photograph as it came.
    layers : tuple of PixelLayer
        From the bottom up, over the background.
    alpha_channels : tuple of AlphaChannel
        Saved selections, at most 53.
    composite : ndarray
        ``(H, W, 3)``, the flattened picture, shown by programs that do not read layers.
    icc : bytes or None
        RGB profile of every picture in the document, stored byte for byte.
    dpi : tuple of float or None
        Horizontal and vertical resolution in pixels per inch.
    exif : bytes or None
        EXIF block without the ``Exif\0\0`` prefix.
    xmp : bytes or None
        XMP packet.
    paths : tuple of VectorPath
        Saved paths, at most 998. None of them clips the document.

    Raises
    ------
    BugError
        A plane has another size or dtype than the document, or a name is empty or cannot be written as UTF-16.
    KnownError
        The picture is larger than 300,000 pixels on a side, or there are too many alpha channels or paths.
    """

    extent: Extent
    bit_depth: int
    background: Pixels
    layers: tuple[PixelLayer, ...]
    alpha_channels: tuple[AlphaChannel, ...]
    composite: Pixels
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    paths: tuple[VectorPath, ...] = ()

    def __post_init__(self) -> None:
        if self.bit_depth not in (8, 16):
            raise BugError(f"a layered document has 8 or 16 bits per channel, not {self.bit_depth}")
        if min(self.extent.width, self.extent.height) < 1:
            raise BugError(f"a layered document has at least one pixel, not {self.extent}")
        if max(self.extent.width, self.extent.height) > MAX_PSB_SIDE:
            raise KnownError(
                f"{self.extent} pixels are too many for a Photoshop file, which ends at {MAX_PSB_SIDE:,} on a side",
                remedy="Make the picture smaller.",
            )
        if len(self.alpha_channels) > MAX_CHANNELS - 3:
            raise KnownError(
                f"{len(self.alpha_channels)} masks are too many for one Photoshop file, which holds {MAX_CHANNELS - 3}",
                remedy="Export fewer masks at a time.",
            )
        if len(self.paths) > MAX_PATHS:
            raise KnownError(
                f"{len(self.paths)} paths are too many for one Photoshop file, which holds {MAX_PATHS}",
                remedy="Export fewer masks at a time.",
            )
        self._check_pixels("background", self.background)
        self._check_pixels("composite", self.composite)
        for layer in self.layers:
            _check_name(layer.name)
            self._check_pixels(f"layer {layer.name!r}", layer.pixels)
            if layer.mask is not None:
                self._check_alpha(f"mask of layer {layer.name!r}", layer.mask)
            if layer.transparency is not None:
                self._check_alpha(f"transparency of layer {layer.name!r}", layer.transparency)
        for channel in self.alpha_channels:
            _check_name(channel.name)
            self._check_alpha(f"alpha channel {channel.name!r}", channel.alpha)
        for path in self.paths:
            _check_name(path.name)

    def _check_pixels(self, what: str, pixels: Pixels) -> None:
        shape = (self.extent.height, self.extent.width, 3)
        dtype = np.dtype(np.uint16 if self.bit_depth == 16 else np.uint8)
        if pixels.shape != shape or pixels.dtype != dtype:
            raise BugError(f"the {what} is {pixels.shape} {pixels.dtype}, the document needs {shape} {dtype}")

    def _check_alpha(self, what: str, alpha: Alpha) -> None:
        shape = (self.extent.height, self.extent.width)
        if alpha.shape != shape or alpha.dtype != np.uint8:
            raise BugError(f"the {what} is {alpha.shape} {alpha.dtype}, the document needs {shape} uint8")

    @property
    def resolution(self) -> tuple[float, float] | None:
        """``dpi`` where Photoshop can hold it."""
        return photoshop_resolution(self.dpi)


def photoshop_resolution(dpi: tuple[float, float] | None) -> tuple[float, float] | None:
    """``dpi`` where 16.16 fixed point of at least 1 can hold it; cameras also write 0 and nonsense."""
    return dpi if dpi is not None and all(1 <= axis < 30_000 for axis in dpi) else None


@dataclass(frozen=True, slots=True, eq=False)
class StoredLayer:
    """One layer as the file stores it.

    Attributes
    ----------
    channels : tuple
        Channel id and ``(H, W)`` plane, in the order of the file. uint8 planes are scaled by 257 on the way into a
        16-bit file.
    """

    name: str
    is_background: bool
    is_hidden: bool
    channels: tuple[tuple[int, Plane], ...]

    @property
    def has_mask(self) -> bool:
        return any(channel_id == MASK for channel_id, _ in self.channels)


def stored_layers(document: LayeredDocument) -> tuple[StoredLayer, ...]:
    """The layers from the bottom up, background first.

    The background has no transparency channel: that, together with its flags, is what makes Photoshop show a true,
    locked Background instead of an ordinary layer of that name.
    """
    opaque = np.broadcast_to(np.uint8(255), (document.extent.height, document.extent.width))
    stored = [StoredLayer(BACKGROUND_NAME, True, False, _rgb_planes(document.background))]
    for layer in document.layers:
        mask = () if layer.mask is None else ((MASK, layer.mask),)
        transparency = opaque if layer.transparency is None else layer.transparency
        channels = ((TRANSPARENCY, transparency), *_rgb_planes(layer.pixels), *mask)
        stored.append(StoredLayer(layer.name, False, layer.is_hidden, channels))
    return tuple(stored)


def merged_planes(document: LayeredDocument) -> tuple[Plane, ...]:
    """R, G, B of the composite and then the alpha channels, the planes of the merged image."""
    return (
        *(plane for _, plane in _rgb_planes(document.composite)),
        *(channel.alpha for channel in document.alpha_channels),
    )


def needs_psb(document: LayeredDocument) -> bool:
    """Whether the document must be written as a large document (``.psb``) because a PSD cannot hold it.

    Decided by the largest size the file could have, so that the name is known before the first byte is written.
    """
    if max(document.extent.width, document.extent.height) > MAX_PSD_SIDE:
        return True
    planes = sum(len(layer.channels) for layer in stored_layers(document)) + len(merged_planes(document))
    row_bytes = document.extent.width * document.bit_depth // 8
    # Noise grows by about one byte in 125 under psd-tools' PackBits encoder, and by less under deflate; a row's byte
    # count takes two more.
    worst_row = row_bytes + row_bytes // 64 + 4
    blocks = sum(len(block) for block in (document.icc, document.exif, document.xmp) if block is not None)
    blocks += sum(26 * (4 + sum(1 + len(subpath.knots) for subpath in path.subpaths)) for path in document.paths)
    return planes * document.extent.height * worst_row + blocks + 1_000_000 > MAX_PSD_BYTES


def _rgb_planes(pixels: Pixels) -> tuple[tuple[int, Plane], ...]:
    return tuple((channel, pixels[:, :, channel]) for channel in range(3))


def _check_name(name: str) -> None:
    if not name:
        raise BugError("a layer, an alpha channel or a path has no name")
    if "\0" in name:
        raise BugError(f"the name {name!r} contains NUL, which ends a name in a Photoshop file")
    try:
        name.encode("utf-16-be")
    except UnicodeEncodeError as error:
        raise BugError(f"the name {name!r} cannot be written as UTF-16") from error
