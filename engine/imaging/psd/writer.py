"""Write a layered document as PSD or PSB, plane by plane."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import Struct
from typing import BinaryIO

from engine.imaging.psd.channels import write_rle, write_zip
from engine.imaging.psd.document import LayeredDocument, StoredLayer, merged_planes, needs_psb, stored_layers
from engine.imaging.psd.records import PSB, PSD, SIGNATURE, FileFormat, file_header, layer_records
from engine.imaging.psd.resources import image_resources

_UINT32 = Struct(">I")
_LAYER_COUNT = Struct(">h")
_MAX_32_BIT = 0xFFFFFFFF


def write_psd(path: Path, document: LayeredDocument, *, force_psb: bool = False) -> Path:
    """Write ``document`` at ``path``, in bounded memory beside the document itself.

    The same document always gives the same bytes. Layers of 8-bit files are packed with PackBits, layers of 16-bit
    files with deflate and prediction; the merged image always with PackBits, because many readers know no other
    compression there.

    Parameters
    ----------
    path : Path
        A temporary name: wrap the call in `engine.domain.files.complete_file` and check with
        `engine.imaging.psd.verify.verify_psd` before the file gets its final name, which ends in ``.psb`` where
        `needs_psb` says so.
    force_psb : bool
        Write the large document format whatever the size.

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    OSError
        From the disk; `complete_file` gives it its sentence.
    """
    file_format = PSB if force_psb or needs_psb(document) else PSD
    layers = stored_layers(document)
    with open(path, "wb") as file:
        file.write(file_header(document, file_format))
        file.write(_UINT32.pack(0))  # color mode data: none for RGB
        resources = image_resources(document)
        file.write(_UINT32.pack(len(resources)))
        file.write(resources)
        with length_before(file, file_format.length):
            if document.bit_depth == 8:
                with length_before(file, file_format.length):
                    write_layers(file, layers, document, file_format)
                file.write(_UINT32.pack(0))  # global layer mask info: none
            else:
                # Photoshop looks for the layers of a 16-bit document in this block and leaves the layer info empty.
                file.write(file_format.length.pack(0))
                file.write(_UINT32.pack(0))
                file.write(SIGNATURE + b"Lr16")
                with length_before(file, file_format.length):
                    write_layers(file, layers, document, file_format)
        write_rle(file, merged_planes(document), document.bit_depth, file_format)
    return path


def write_layers(
    file: BinaryIO, layers: tuple[StoredLayer, ...], document: LayeredDocument, file_format: FileFormat
) -> None:
    """Write the layer count, the records and the channels of all layers at the file's position, padded to four bytes.

    Parameters
    ----------
    layers : tuple of StoredLayer
        `engine.imaging.psd.document.stored_layers` of the document.

    Raises
    ------
    OverflowError
        The file has grown past the 32-bit lengths and offsets of its format; never in a PSB.
    """
    start = file.tell()
    # A negative count would declare the first alpha channel to be the transparency of the merged image.
    file.write(_LAYER_COUNT.pack(len(layers)))
    records_position = file.tell()
    unknown = [[0] * len(layer.channels) for layer in layers]
    file.write(layer_records(layers, unknown, document.extent, file_format))
    lengths: list[list[int]] = []
    for layer in layers:
        layer_lengths: list[int] = []
        for _, plane in layer.channels:
            channel_start = file.tell()
            if document.bit_depth == 8:
                write_rle(file, (plane,), 8, file_format)
            else:
                write_zip(file, plane, 16)
            layer_lengths.append(file.tell() - channel_start)
            if file_format.length.size == 4 and file.tell() > _MAX_32_BIT:
                raise OverflowError("the layers take more than 4 GB")
        lengths.append(layer_lengths)
    file.write(bytes(-(file.tell() - start) % 4))
    end = file.tell()
    file.seek(records_position)
    file.write(layer_records(layers, lengths, document.extent, file_format))
    file.seek(end)


@contextmanager
def length_before(file: BinaryIO, length: Struct) -> Iterator[None]:
    """Reserve a length field and fill it in with the number of bytes written in the body."""
    position = file.tell()
    file.write(length.pack(0))
    yield
    end = file.tell()
    file.seek(position)
    file.write(length.pack(end - position - length.size))
    file.seek(end)
