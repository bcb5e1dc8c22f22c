"""Written documents as GIMP opens them, without its window. GIMP is large and slow to start: ``.ci/slow`` installs it,
and elsewhere these tests are skipped where it is not there.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.imaging.psd.document import BACKGROUND_NAME
from engine.imaging.psd.writer import write_psd
from tests.layered_documents import layered_document
from tests.readers import programs

pytestmark = pytest.mark.slow


def planes(path: Path) -> NDArray[np.uint8 | np.uint16]:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def as_stored(samples: NDArray[np.uint8 | np.uint16]) -> NDArray[np.float64]:
    """Levels of 255, before GIMP took them for light and put the curve of sRGB (IEC 61966-2-1) over them."""
    share = samples / np.iinfo(samples.dtype).max
    return 255 * np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


# Not PSB: GIMP 2.10 does not read it.
@pytest.mark.parametrize("bits", [8, 16])
def test_gimp_opens_layers_masks_channels_and_paths(tmp_path: Path, bits: int) -> None:
    document = layered_document(101, 67, bits)
    seen = programs.gimp(write_psd(tmp_path / "a.psd", document), tmp_path)
    pixels = [document.background, *(layer.pixels for layer in document.layers)]
    assert [seen["layer"][n] for n in sorted(seen["layer"], reverse=True)] == [
        BACKGROUND_NAME,
        *(layer.name for layer in document.layers),
    ]
    for number, wanted in enumerate(reversed(pixels)):
        found = planes(tmp_path / f"layer {number}.png")
        assert np.array_equal(found[:, :, 2::-1], wanted), number
    # From the top down: the third layer has transparency, the two below it masks.
    levels = 257 if bits == 16 else 1
    transparency = document.layers[2].transparency
    assert transparency is not None
    assert np.array_equal(planes(tmp_path / "layer 0.png")[:, :, 3], transparency.astype(np.uint16) * levels)
    for number, layer in ((1, document.layers[1]), (2, document.layers[0])):
        assert layer.mask is not None
        # WORKAROUND for GIMP 2.10: it takes a mask's samples for linear light, and gives them out with the curve of
        # sRGB: half a mask is 188 there. At 8 bits the curve's steep foot cannot be undone to the level.
        found = as_stored(planes(tmp_path / f"layer {number} mask.png"))
        assert np.abs(found - layer.mask).max() <= (1.1 if bits == 8 else 0.01)
    assert [seen["channel"][n] for n in sorted(seen["channel"])] == [c.name for c in document.alpha_channels]
    for number, channel in enumerate(document.alpha_channels):
        found = planes(tmp_path / f"channel {number}.png")
        if bits == 8:
            assert np.array_equal(found, channel.alpha)
        else:  # WORKAROUND for GIMP 2.10: the same at 16 bits
            assert np.abs(as_stored(found) - channel.alpha).max() <= 0.01
    assert len(seen["path"]) == len(document.paths)  # their names GIMP shows as invalid, since they are in MacRoman
