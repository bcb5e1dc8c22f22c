"""What a retoucher painted, laid over pictures: the arithmetic, the file, and the jobs that show it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.domain.artifacts import ArtifactKind
from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.domain.jobs import JobState, Origin, Reason
from engine.domain.requests import ColorMatchRequest
from engine.imaging.psd.document import PixelLayer
from engine.imaging.raster.decode import read_picture
from engine.imaging.retouch import (
    decode_retouch,
    encode_retouch,
    flattened,
    laid_over,
    retouch_layer,
)
from tests.unit.studio import Studio, open_studio


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with open_studio(tmp_path) as studio:
        yield studio


def noise(shape: tuple[int, ...], dtype: type, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_layers_are_laid_over_one_another_as_their_formula_says(dtype: type) -> None:
    height, width = 37, 23
    below, first, second = (noise((height, width, 3), dtype, seed) for seed in (1, 2, 3))
    mask, transparency = noise((height, width), np.uint8, 4), noise((height, width), np.uint8, 5)
    mask[:5], transparency[:, :5], mask[5:9] = 0, 255, 255
    layers = [
        PixelLayer("one", first, mask=mask),
        PixelLayer("hidden", second, is_hidden=True),
        PixelLayer("two", second, mask=mask[::-1], transparency=transparency),
    ]
    share = (mask / 255)[..., None]
    wanted = np.rint(below + (first.astype(float) - below) * share)
    share = (mask[::-1] / 255 * transparency / 255)[..., None]
    wanted = np.rint(wanted + (second.astype(float) - wanted) * share)
    found = flattened(below, layers)
    assert found.dtype == dtype
    # float32 may fall to the other side of a half.
    assert np.abs(found - wanted).max() <= 1
    assert np.mean(found != wanted) < 0.01
    np.testing.assert_array_equal(flattened(below, layers[:1])[:5], below[:5])
    np.testing.assert_array_equal(flattened(below, layers[:1])[5:9], first[5:9])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_retouch_is_stored_whole_and_shows_alike_as_an_overlay_and_as_a_layer(dtype: type) -> None:
    pixels, retouch = noise((31, 45, 3), dtype), noise((31, 45, 4), dtype, 1)
    retouch[..., 3] = retouch[..., 3] // (np.iinfo(dtype).max // 255) * (np.iinfo(dtype).max // 255)
    retouch[:10, :, 3] = 0
    shown = laid_over(pixels, retouch)
    np.testing.assert_array_equal(shown[:10], pixels[:10])
    np.testing.assert_array_equal(shown, flattened(pixels, [retouch_layer(retouch)]))
    data = encode_retouch(retouch)
    bits = np.dtype(dtype).itemsize * 8
    np.testing.assert_array_equal(decode_retouch(data, Extent(45, 31), bits), retouch)
    for extent, depth in ((Extent(31, 45), bits), (Extent(45, 31), 24 - bits)):
        with pytest.raises(KnownError, match=r"painted in Photoshop has 45 × 31"):
            decode_retouch(data, extent, depth)
    with pytest.raises(KnownError, match="cannot be read"):
        decode_retouch(data[:-40], Extent(45, 31), bits)


def test_a_match_with_a_retouch_shows_it_and_is_measured_with_it(studio: Studio) -> None:
    (item,) = studio.submit(pairs=1)
    assert isinstance(item.job.request, ColorMatchRequest)
    alpha, matched = studio.alpha(item), studio.pixels(item)
    retouch = np.zeros((*alpha.shape, 4), np.uint8)
    retouch[alpha > 0] = (255, 0, 0, 255)
    retouch[:8, :8] = (0, 0, 255, 255)  # outside of the garment
    ref = studio.artifacts.put(ArtifactKind.RETOUCH, encode_retouch(retouch), ".png")
    request = replace(item.job.request, retouch=ref)
    origin = Origin(item.job.id, Reason.RETOUCHED, "Photoshop")
    (job,) = studio.catalog.add_jobs(item.job.batch_id, [(item.pair.id, request)], origins=[origin])
    assert studio.artifacts.sweep(studio.catalog.referenced_artifacts()) == 0, "it is needed before the job has run"
    assert [done.state for done in studio.work()] == [JobState.SUCCEEDED]
    new = studio.item(job.id)
    assert new.outcome.retouch == ref
    assert ref in new.outcome.artifacts()
    # The match itself is what it was.
    np.testing.assert_array_equal(studio.pixels(new), matched)
    assert new.outcome.match is not None
    assert item.outcome.match is not None
    assert new.outcome.match.outside_max_change == 0
    assert new.outcome.match.texture == item.outcome.match.texture
    assert new.outcome.match.before == item.outcome.match.before
    # Red is far from every garment of the drawn set.
    assert new.outcome.match.after.delta_E > item.outcome.match.after.delta_E + 10
    assert new.outcome.previews.matched is not None
    preview = np.asarray(Image.open(studio.artifacts.path(new.outcome.previews.matched))).astype(int)
    assert preview[2, 2, 2] > 240
    row, column = np.argwhere(alpha == 255).mean(axis=0).astype(int)
    assert preview[row, column, 0] - preview[row, column, 1] > 200


def test_a_retouch_that_is_gone_or_of_another_photograph_fails_with_a_remedy(studio: Studio) -> None:
    (item,) = studio.submit(pairs=1)
    photograph = read_picture(item.pair.on_model.path)
    for extent in (photograph.extent, Extent(9, 8)):
        retouch = np.full((extent.height, extent.width, 4), 255, np.uint8)
        ref = studio.artifacts.put(ArtifactKind.RETOUCH, encode_retouch(retouch), ".png")
        assert isinstance(item.job.request, ColorMatchRequest)
        studio.catalog.add_jobs(item.job.batch_id, [(item.pair.id, replace(item.job.request, retouch=ref))])
        if extent == photograph.extent:
            studio.artifacts.path(ref).unlink()
    gone, small = studio.work()
    for job, says in ((gone, "missing"), (small, "9 × 8")):
        assert job.failure is not None
        assert item.pair.on_model.path.name in job.failure.message
        assert says in job.failure.message
        assert job.failure.remedy
