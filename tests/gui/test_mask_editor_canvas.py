"""The edited mask at screen resolution: what is renewed in a box is what it would be anew."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.geometry import Box
from gui.mask_editor.canvas import MaskLevels


@settings(max_examples=40, deadline=None)
@given(
    st.integers(300, 900),
    st.integers(300, 900),
    st.lists(st.tuples(*[st.floats(0, 1)] * 4), min_size=1, max_size=4),
    st.integers(0, 2**31),
)
def test_renewed_levels_are_those_of_the_whole(
    width: int, height: int, shares: list[tuple[float, float, float, float]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    alpha = rng.integers(0, 256, (height, width), dtype=np.uint8)
    levels = MaskLevels(alpha)
    for x0, y0, x1, y1 in shares:
        left, right = sorted((int(x0 * (width - 1)), int(x1 * (width - 1))))
        top, bottom = sorted((int(y0 * (height - 1)), int(y1 * (height - 1))))
        box = Box(left, top, right + 1, bottom + 1)
        alpha[box.top : box.bottom, box.left : box.right] = rng.integers(0, 256)
        levels.renew(box)
    anew = MaskLevels(alpha.copy())
    for scale in (1.0, 0.5, 0.25, 0.1, 0.01):
        (ours, step), (theirs, same) = levels.level_for(scale), anew.level_for(scale)
        assert step == same
        assert np.array_equal(ours, theirs)


def test_the_level_is_the_smallest_that_need_not_be_magnified() -> None:
    levels = MaskLevels(np.zeros((1200, 1600), np.uint8))
    assert [levels.level_for(scale)[1] for scale in (3.0, 1.0, 0.9, 0.5, 0.3, 0.25, 0.01)] == [1, 1, 1, 2, 2, 4, 8]
    assert levels.level_for(0.25)[0].shape == (300, 400)
