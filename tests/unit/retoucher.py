"""A retoucher: opens what Chromask exported, changes it through psd-tools as Photoshop would, and saves it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
from psd_tools.constants import Compression, Resource, Tag
from psd_tools.psd import PSD
from psd_tools.psd.layer_and_mask import ChannelData, ChannelDataList, ChannelInfo

TRANSPARENCY, MASK = -1, -2


class Retoucher:
    """One document that is open. Planes are in the file's own depth."""

    def __init__(self, path: Path) -> None:
        with open(path, "rb") as file:
            self.psd = PSD.read(file)
        header = self.psd.header
        self.width, self.height, self.depth = header.width, header.height, header.depth
        self.top = 2**self.depth - 1
        info = self.psd._get_layer_info()
        assert info is not None
        self.info = info

    # -- looking ------------------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        return [str(record.tagged_blocks.get_data(Tag.UNICODE_LAYER_NAME)) for record in self.info.layer_records]

    def plane(self, layer: str, channel: int) -> np.ndarray:
        data, record = self._channel(layer, channel)
        width, height = record.channel_sizes[[int(info.id) for info in record.channel_info].index(channel)]
        return self._array(data.get_data(width, height, self.depth, self.psd.header.version), width, height)

    def channel_names(self) -> list[str]:
        return [name.rstrip("\0") for name in self.psd.image_resources.get_data(Resource.ALPHA_NAMES_UNICODE)]

    def merged(self) -> list[np.ndarray]:
        """R, G, B of the composite and the alpha channels."""
        planes = self.psd.image_data.get_data(self.psd.header)
        return [self._array(plane, self.width, self.height) for plane in planes]

    def flattened(self) -> np.ndarray:
        """What the visible layers give, computed in double precision."""
        result = np.zeros((self.height, self.width, 3))
        for name, record in zip(self.names(), self.info.layer_records, strict=True):
            if not record.flags.visible:
                continue
            ids = [int(info.id) for info in record.channel_info]
            box = slice(record.top, record.bottom), slice(record.left, record.right)
            share = np.ones((record.height, record.width))
            if TRANSPARENCY in ids:
                share *= self.plane(name, TRANSPARENCY) / self.top
            if MASK in ids:
                share *= self.plane(name, MASK)[box] / self.top
            colors = np.dstack([self.plane(name, channel) for channel in range(3)]).astype(float)
            result[box] = np.rint(result[box] + (colors - result[box]) * (record.opacity / 255 * share)[..., None])
        return result.astype(np.uint8 if self.depth == 8 else np.uint16)

    # -- working ------------------------------------------------------------------------------------------------

    def set_plane(self, layer: str, channel: int, plane: np.ndarray) -> None:
        data, record = self._channel(layer, channel)
        width, height = record.channel_sizes[[int(info.id) for info in record.channel_info].index(channel)]
        assert plane.shape == (height, width)
        data.set_data(self._bytes(plane), width, height, self.depth, self.psd.header.version)

    def paint(self, layer: str, where: np.ndarray, color: tuple[int, int, int], share: float = 1.0) -> None:
        """Paint on a layer's own pixels; colours in levels of 255."""
        for channel in range(3):
            plane = self.plane(layer, channel).astype(float)
            value = color[channel] * (self.top // 255)
            plane[where] += (value - plane[where]) * share
            self.set_plane(layer, channel, np.rint(plane))

    def apply_mask(self, layer: str) -> None:
        """Layer > Layer Mask > Apply: the mask becomes the layer's transparency, cut to what is left of it."""
        mask, record = self.plane(layer, MASK), self.record(layer)
        planes = [mask, *(self.plane(layer, channel) for channel in range(3))]
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
        record.top, record.bottom, record.left, record.right = box[0].start, box[0].stop, box[1].start, box[1].stop
        record.mask_data = None
        record.channel_info = [ChannelInfo(id=number, length=0) for number in (TRANSPARENCY, 0, 1, 2)]
        channels = [ChannelData(Compression.RLE) for _ in planes]
        self.info.channel_image_data[self.names().index(layer)] = ChannelDataList(channels)
        for number, plane in zip((TRANSPARENCY, 0, 1, 2), planes, strict=True):
            self.set_plane(layer, number, plane[box])

    def add_layer(self, name: str, pixels: np.ndarray, alpha: np.ndarray, left: int, top: int) -> None:
        """A new layer on top of all, smaller than the document as Photoshop's are; ``alpha`` in levels of 255."""
        height, width = alpha.shape
        record = copy.deepcopy(self.info.layer_records[-1])
        record.tagged_blocks.set_data(Tag.UNICODE_LAYER_NAME, name)
        record.name, record.mask_data = name, None
        record.top, record.left, record.bottom, record.right = top, left, top + height, left + width
        record.opacity, record.flags.visible = 255, True
        planes = [alpha * (self.top // 255), *(pixels[..., channel] for channel in range(3))]
        channels = []
        for plane in planes:
            data = ChannelData(Compression.RLE)
            data.set_data(self._bytes(plane), width, height, self.depth, self.psd.header.version)
            channels.append(data)
        record.channel_info = [ChannelInfo(id=number, length=0) for number in (TRANSPARENCY, 0, 1, 2)]
        self.info.layer_records.append(record)
        self.info.channel_image_data.append(ChannelDataList(channels))
        self.info.layer_count += 1

    def remove_layer(self, name: str) -> None:
        at = self.names().index(name)
        del self.info.layer_records[at]
        del self.info.channel_image_data[at]
        self.info.layer_count -= 1

    def record(self, name: str) -> Any:
        return self.info.layer_records[self.names().index(name)]

    def set_merged(self, planes: list[np.ndarray]) -> None:
        self.psd.image_data.set_data([self._bytes(plane) for plane in planes], self.psd.header)

    def set_alpha_channel(self, name: str, plane: np.ndarray) -> None:
        planes = self.merged()
        planes[3 + self.channel_names().index(name)] = plane
        self.set_merged(planes)

    def save(self, path: Path, *, maximize_compatibility: bool = True) -> Path:
        """Save as Photoshop does: with the flattened picture made anew, or with a placeholder in its place."""
        planes = self.merged()
        if maximize_compatibility:
            flat = self.flattened()
            self.set_merged([*(flat[..., channel] for channel in range(3)), *planes[3:]])
        else:
            white = np.full((self.height, self.width), self.top)
            self.set_merged([white, white, white, *planes[3:]])
            self.psd.image_resources.get_data(Resource.VERSION_INFO).has_composite = False
        # Photoshop, too, writes beside the file and then puts it in its place: who watches it never sees a half.
        part = path.with_name(f"{path.name}.part")
        with open(part, "wb") as file:
            self.psd.write(file)
        return part.replace(path)

    def round_to_15_bits(self) -> None:
        """What Photoshop does to every 16-bit document: it computes in 0 to 32,768."""
        for name, record in zip(self.names(), self.info.layer_records, strict=True):
            for info in record.channel_info:
                self.set_plane(name, int(info.id), _in_15_bits(self.plane(name, int(info.id))))
        self.set_merged([_in_15_bits(plane) for plane in self.merged()])

    # -- inside -------------------------------------------------------------------------------------------------

    def _channel(self, layer: str, channel: int) -> tuple[ChannelData, Any]:
        at = self.names().index(layer)
        record = self.info.layer_records[at]
        ids = [int(info.id) for info in record.channel_info]
        return self.info.channel_image_data[at][ids.index(channel)], record

    def _array(self, data: bytes, width: int, height: int) -> np.ndarray:
        dtype = np.uint8 if self.depth == 8 else ">u2"
        return np.frombuffer(data, dtype).reshape(height, width).astype(np.uint8 if self.depth == 8 else np.uint16)

    def _bytes(self, plane: np.ndarray) -> bytes:
        return plane.astype(np.uint8 if self.depth == 8 else ">u2").tobytes()


def _in_15_bits(plane: np.ndarray) -> np.ndarray:
    return np.rint(np.rint(plane / 65535 * 32768) / 32768 * 65535)
