"""TIFFs that a retoucher saved are read: flat and layered, in either byte order and in every coding of Photoshop's."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from psd_tools.constants import Compression

from engine.domain.picture import Picture
from engine.imaging.psd.read import read_document
from engine.imaging.raster.tiff_write import write_tiff
from tests.unit.test_psd_read import HEIGHT, WIDTH, a_document, data_of, written


@pytest.mark.parametrize("bit_depth", [8, 16])
def test_a_flat_tiff_is_read_with_its_channels(tmp_path: Path, bit_depth: int) -> None:
    document = a_document(bit_depth)
    alpha = document.alpha_channels[0].alpha
    for transparency in (None, alpha[::-1].copy()):
        path = tmp_path / "a.tif"
        write_tiff(path, Picture(document.composite, b"a profile", transparency), document.alpha_channels)
        saved = read_document(path)
        assert saved.layers == ()
        assert [channel.name for channel in saved.alpha_channels] == ["靴下", "Größe"]
        np.testing.assert_array_equal(saved.alpha_channels[0].alpha, alpha)
        assert saved.composite is not None
        if transparency is None:
            np.testing.assert_array_equal(saved.composite, document.composite)
        else:  # what shows on white
            top = 2**bit_depth - 1
            share = transparency[..., None] / 255
            shown = top - (top - document.composite.astype(float)) * share
            assert np.abs(saved.composite - shown).max() <= 0.51


@pytest.mark.parametrize("options", [{}, {"planarconfig": "separate"}, {"compression": "lzw"}, {"byteorder": "<"}])
def test_tiffs_of_other_programs_are_read(tmp_path: Path, options: dict[str, Any]) -> None:
    document = a_document(16)
    samples = np.dstack([document.composite, document.alpha_channels[0].alpha.astype(np.uint16) * 257])
    order = options.pop("byteorder", ">")
    if "planarconfig" in options:
        samples = np.ascontiguousarray(np.moveaxis(samples, -1, 0))
    with tifffile.TiffWriter(tmp_path / "a.tif", byteorder=order) as tiff:
        tiff.write(samples, photometric="rgb", extrasamples=["unspecified"], metadata=None, **options)
    saved = read_document(tmp_path / "a.tif")
    np.testing.assert_array_equal(saved.composite, document.composite)
    (channel,) = saved.alpha_channels
    assert channel.name == "Alpha 1"
    np.testing.assert_array_equal(channel.alpha, document.alpha_channels[0].alpha)


@pytest.mark.parametrize("bit_depth", [8, 16])
@pytest.mark.parametrize("compression", list(Compression))
@pytest.mark.parametrize("wide", [False, True], ids=["32 bit", "64 bit"])
def test_layers_of_little_endian_tiffs_are_read(
    tmp_path: Path, bit_depth: int, compression: Compression, wide: bool
) -> None:
    """Built by hand after psdtags 2026.1: numbers and keys turned, text UTF-16LE, samples big-endian all the same."""
    mark, length_format, version = (b"46B8", "Q", 2) if wide else (b"MIB8", "I", 1)
    document = a_document(bit_depth)
    dtype = np.uint16 if bit_depth == 16 else np.uint8
    mask = document.alpha_channels[0].alpha
    planes = [*document.composite.transpose(2, 0, 1), mask.astype(dtype) * dtype(257 if bit_depth == 16 else 1)]
    coded: list[bytes] = []
    for plane in planes:
        data = data_of(plane, compression, version).data
        if compression == Compression.RLE:
            size = 2 * version
            counts = np.frombuffer(data, f">u{size}", HEIGHT).astype(f"<u{size}")
            data = counts.tobytes() + data[size * HEIGHT :]
        coded.append(struct.pack("<H", compression.value) + data)
    name = "靴下 é".encode("utf-16-le")
    blocks = b"MIB8inul" + struct.pack("<II", 4 + len(name), len(name) // 2) + name
    blocks += b"MIB8apOi" + struct.pack("<I", 4) + b"\x80\0\0\0"  # iOpa: half the fill opacity
    extra = struct.pack("<IiiiiBBxx", 20, 0, 0, HEIGHT, WIDTH, 0, 0)
    extra += struct.pack("<I10I", 40, *[0xFFFF] * 10) + b"\x02??\0" + blocks
    record = struct.pack("<iiiiH", 0, 0, HEIGHT, WIDTH, 4)
    infos = zip((0, 1, 2, -2), coded, strict=True)
    record += b"".join(struct.pack(f"<h{length_format}", key, len(data)) for key, data in infos)
    record += b"MIB8mron" + bytes([255, 0, 8, 0]) + struct.pack("<I", len(extra)) + extra
    layers = struct.pack("<h", 1) + record + b"".join(coded)
    key = b"ryaL" if bit_depth == 8 else b"61rL"
    data = b"Adobe Photoshop Document Data Block\0"
    data += mark + b"ksML" + struct.pack(f"<{length_format}", 14) + bytes(16)  # another block comes first
    data += mark + key + struct.pack(f"<{length_format}", len(layers)) + layers
    with tifffile.TiffWriter(tmp_path / "a.tif", byteorder="<") as tiff:
        tiff.write(document.composite, photometric="rgb", metadata=None, extratags=[(37724, 7, len(data), data, True)])
    (layer,) = read_document(tmp_path / "a.tif").layers
    assert layer.name == "靴下 é"
    np.testing.assert_array_equal(layer.pixels, document.composite)
    np.testing.assert_array_equal(layer.mask, mask)
    assert not layer.is_plain
    assert layer.is_visible


@pytest.mark.parametrize("bit_depth", [8, 16])
def test_64_bit_blocks_of_tiffs_are_read(tmp_path: Path, bit_depth: int) -> None:
    """The layers of a PSB, whose lengths and row counts they share, under the signature 8B64."""
    document = a_document(bit_depth)
    psb = written(tmp_path / "a.psb", document).read_bytes()
    if bit_depth == 16:
        at = psb.index(b"8BIMLr16") + 8
    else:  # behind the length of the layer and mask section
        at = 26 + 4
        at += 4 + int.from_bytes(psb[at : at + 4], "big") + 8
    length = int.from_bytes(psb[at : at + 8], "big")
    key = b"Lr16" if bit_depth == 16 else b"Layr"
    data = b"Adobe Photoshop Document Data Block\0" + b"8B64" + b"Mt16" + struct.pack(">Q", 0)
    data += b"8B64" + key + psb[at : at + 8] + psb[at + 8 : at + 8 + length]
    with tifffile.TiffWriter(tmp_path / "a.tif", byteorder=">", bigtiff=True) as tiff:
        tiff.write(document.composite, photometric="rgb", metadata=None, extratags=[(37724, 7, len(data), data, True)])
    _, matched, retouch = read_document(tmp_path / "a.tif").layers
    np.testing.assert_array_equal(matched.pixels, document.layers[0].pixels)
    np.testing.assert_array_equal(matched.mask, document.layers[0].mask)
    np.testing.assert_array_equal(retouch.transparency, document.layers[1].transparency)


@pytest.mark.parametrize("bit_depth", [8, 16])
@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_the_picture_of_a_tiff_is_read_however_photoshop_stored_it(
    tmp_path: Path, bit_depth: int, predictor: bool, compression: str | None, planar: Any
) -> None:
    """Its options: none, LZW or ZIP, interleaved or per channel, either byte order; written by tifffile."""
    if predictor and compression in (None, "packbits"):
        return
    document = a_document(bit_depth)
    scale = 257 if bit_depth == 16 else 1
    alpha = document.alpha_channels[0].alpha
    samples = np.dstack([document.composite, alpha.astype(document.composite.dtype) * scale])
    stored = np.ascontiguousarray(np.moveaxis(samples, -1, 0)) if planar == "separate" else samples
    for order in ("<", ">"):
        with tifffile.TiffWriter(tmp_path / "a.tif", byteorder=order) as tiff:
            tiff.write(
                stored, photometric="rgb", extrasamples=["unspecified"], planarconfig=planar, compression=compression,
                predictor=predictor or None, rowsperstrip=7, metadata=None,
            )  # fmt: skip
        saved = read_document(tmp_path / "a.tif")
        np.testing.assert_array_equal(saved.composite, document.composite)
        np.testing.assert_array_equal(saved.alpha_channels[0].alpha, alpha)
