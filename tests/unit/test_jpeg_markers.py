"""Whether a JPEG's end is there, in files longer than what is searched at once."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from engine.domain.errors import KnownError
from engine.imaging.raster import jpeg
from engine.imaging.raster.decode import decode_picture


@pytest.mark.parametrize("at", [-2, -1, 0, 1])
def test_a_marker_is_found_wherever_it_lies_beside_a_windows_edge(at: int) -> None:
    begin = jpeg._WINDOW + at
    data = bytearray(b"\x11" * (2 * jpeg._WINDOW))
    data[100:102], data[300:302], data[500:503] = b"\xff\x00", b"\xff\xd3", b"\xff\xff\x00"  # no markers of segments
    data[begin : begin + 2] = b"\xff\xd9"
    assert jpeg._next_marker(bytes(data), 0) == begin
    assert jpeg._next_marker(bytes(data), begin + 2) is None


def test_a_long_scan_is_read_to_its_end_and_refused_without_one() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (1200, 1600, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    data = buffer.getvalue()
    assert len(data) > 2 * jpeg._WINDOW
    assert jpeg._has_end(data)
    reference = np.asarray(Image.open(io.BytesIO(data)))
    assert np.abs(decode_picture(data).pixels.astype(int) - reference).max() <= 2
    assert not jpeg._has_end(data[:-2])
    with pytest.raises(KnownError, match="cut off"):
        decode_picture(data[: len(data) * 2 // 3])
