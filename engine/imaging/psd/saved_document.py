"""What a document holds as it was found on disk, whatever its format; large planes are decoded when looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from psd_tools.constants import AlphaChannelMode
from psd_tools.psd.image_resources import ImageResources

from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.imaging.psd import resources as ids
from engine.imaging.psd.saved_layers import SavedLayer

if TYPE_CHECKING:
    from engine.domain.picture import Alpha, Pixels


class StoredPlane(Protocol):
    """A plane where it lies."""

    def decoded(self) -> Alpha:
        """``(H, W)`` uint8.

        Raises
        ------
        KnownError
            The file is damaged, or was saved again since its structure was read.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class SavedChannel:
    """A saved selection as it was found on disk."""

    name: str
    plane: StoredPlane

    @property
    def alpha(self) -> Alpha:
        """``(H, W)`` uint8, 255 = selected; decoded whenever it is asked for."""
        return self.plane.decoded()


@dataclass(frozen=True, slots=True, eq=False)
class SavedDocument:
    """A document as it was found on disk.

    Attributes
    ----------
    extent : Extent
    bit_depth : int
        8 or 16, of all pixels.
    layers : tuple of SavedLayer
        From the bottom up; empty in a flat file. Groups are dissolved, layers without any pixels left out.
    alpha_channels : tuple of SavedChannel
        Saved selections; neither transparency nor spot colours.
    composite : ndarray or None
        ``(H, W, 3)`` uint8 or uint16, the flattened picture, over white where the document is transparent. None where
        the file was saved without one ("Maximize Compatibility" off).
    icc, xmp : bytes or None
        Profile and XMP packet, byte for byte.
    is_cut_out : bool
        It has no layers, and its picture is transparent somewhere all the same.
    """

    extent: Extent
    bit_depth: int
    layers: tuple[SavedLayer, ...]
    alpha_channels: tuple[SavedChannel, ...]
    composite: Pixels | None
    icc: bytes | None = None
    xmp: bytes | None = None
    is_cut_out: bool = False


def require_rgb(mode: str, bit_depth: int, path: Path) -> None:
    """Refuse a document whose colours are not those of the photograph any more.

    Raises
    ------
    KnownError
        ``mode`` is not ``RGB``, or the depth neither 8 nor 16.
    """
    if mode != "RGB":
        raise KnownError(
            f"the document was converted from RGB to {mode}",
            remedy="Convert it back to RGB in Photoshop, or start again from the exported file, and save it again.",
            path=path,
        )
    if bit_depth not in (8, 16):
        raise KnownError(
            f"the document has {bit_depth} bits per channel",
            remedy="Set it to 8 or 16 bits per channel in Photoshop (Image, Mode) and save it again.",
            path=path,
        )


def channels_of(
    planes: Sequence[StoredPlane], transparency: int | None, resources: ImageResources
) -> list[SavedChannel]:
    """The saved selections among the extra channels, by their names.

    Parameters
    ----------
    planes : sequence of StoredPlane
        All extra channels.
    transparency : int or None
        Which of them is the picture's transparency.
    """
    numbers = [number for number in range(len(planes)) if number != transparency]
    stored = resources.get_data(ids.ALPHA_NAMES_UNICODE) or resources.get_data(ids.ALPHA_NAMES) or ()
    names = [name.rstrip("\0") for name in stored]
    shown = getattr(resources.get_data(ids.DISPLAY_INFO), "alpha_channels", ())
    found: list[SavedChannel] = []
    for position, number in enumerate(numbers):
        # Photoshop lists the transparency with the others, some programs do not.
        named = number if len(names) == len(planes) else position
        looks = number if len(shown) == len(planes) else position
        if looks < len(shown) and shown[looks].mode == AlphaChannelMode.SPOT:
            continue
        name = names[named] if named < len(names) else ""
        found.append(SavedChannel(name or f"Alpha {position + 1}", planes[number]))
    return found


def is_blank(composite: Pixels, layers: Sequence[SavedLayer]) -> bool:
    """Whether the flattened picture is a placeholder of one colour, as Photoshop writes it without Maximize
    Compatibility.
    """
    if not layers or not (composite[0] == composite[0, 0]).all() or not (composite == composite[0, 0]).all():
        return False
    return any(layer.is_visible and _has_several_colours(layer) for layer in layers)


def _has_several_colours(layer: SavedLayer) -> bool:
    pixels = layer.pixels
    return pixels is not None and bool((pixels != pixels[0, 0]).any())
