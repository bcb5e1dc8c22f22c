"""Crops on a part of the person: they hold what may be worn there, and say where there is no such part."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest

from engine.domain.geometry import Extent
from engine.domain.requests import BodyRegion
from engine.imaging.drawn.scene import DrawnScene, Framing, draw_scene
from engine.imaging.person_crop import shown_part
from engine.imaging.placement import KONTEXT_BUCKETS, place

SMALL = (Extent(128, 128), Extent(112, 144), Extent(96, 160))
WORN = {
    "hat": BodyRegion.HEAD,
    "glasses": BodyRegion.FACE,
    "sweatshirt": BodyRegion.TORSO,
    "socks": BodyRegion.LOWER_LEGS,
}


@cache
def scene(seed: int, framing: Framing) -> DrawnScene:
    return draw_scene(seed, Extent(240, 300), framing=framing)


@pytest.mark.parametrize("framing", list(Framing))
@pytest.mark.parametrize("name", list(WORN))
def test_a_crop_holds_the_whole_place_of_what_is_worn(name, framing):
    held = []
    for seed in range(95_000_000, 95_000_005):
        mask = scene(seed, framing).region_masks[name] > 127
        if mask.mean() < 0.0005:
            continue
        part = shown_part(scene(seed, framing).on_model, WORN[name], SMALL)
        assert part.crop is not None
        assert (part.region, part.notice) == (WORN[name], "")
        outside = mask.copy()
        outside[part.crop.top : part.crop.bottom, part.crop.left : part.crop.right] = False
        held.append(not outside.any())
    # Of 200 figures 99 % (sweatshirts 97 %) lie wholly in their crop; one of a handful may not.
    assert sum(held) >= len(held) - 1


@pytest.mark.parametrize(
    "region", [BodyRegion.HEAD, BodyRegion.FACE, BodyRegion.TORSO, BodyRegion.LEGS, BodyRegion.LOWER_LEGS]
)
def test_a_crop_has_a_canvas_own_aspect_and_brings_detail(region):
    rgb = scene(95_000_000, Framing.FULL).on_model
    source = Extent(rgb.shape[1], rgb.shape[0])
    for canvases in (SMALL, KONTEXT_BUCKETS):
        crop = shown_part(rgb, region, canvases).crop
        assert crop is not None
        placed = place(source, crop, canvases)
        filled = crop.extent.pixels * placed.scale**2 / placed.canvas.pixels
        assert filled > 0.94, "hardly any padding"
        assert placed.scale > 1.3 * place(source, buckets=canvases).scale


def test_legs_reach_from_the_hips_and_lower_legs_from_the_knees():
    rgb = scene(95_000_001, Framing.FULL).on_model
    boxes = {region: shown_part(rgb, region, SMALL).crop for region in WORN.values()}
    legs = shown_part(rgb, BodyRegion.LEGS, SMALL).crop
    lower, torso, head = (boxes[r] for r in (BodyRegion.LOWER_LEGS, BodyRegion.TORSO, BodyRegion.HEAD))
    assert legs is not None and lower is not None and torso is not None and head is not None  # noqa: PT018
    assert head.top < torso.top < legs.top < lower.top
    assert head.bottom < torso.bottom < legs.bottom == lower.bottom


@pytest.mark.parametrize(
    ("framing", "region"),
    [
        (Framing.LOWER, BodyRegion.HEAD),
        (Framing.UPPER, BodyRegion.LEGS),
        (Framing.UPPER, BodyRegion.LOWER_LEGS),
        (Framing.PORTRAIT, BodyRegion.LOWER_LEGS),
    ],
)
def test_what_the_framing_does_not_show_falls_back_to_the_whole_person_with_a_notice(framing, region):
    for seed in range(95_000_000, 95_000_003):
        rgb = scene(seed, framing).on_model
        part = shown_part(rgb, region, SMALL)
        assert part.region is BodyRegion.WHOLE
        assert part.crop == shown_part(rgb, BodyRegion.WHOLE, SMALL).crop
        assert region.value.replace("-", " ") in part.notice
        assert "the framing does not show it" in part.notice


def test_without_a_plain_background_no_region_is_guessed():
    noise = np.random.default_rng(3).integers(0, 255, (30, 40, 3), np.uint8)
    busy = np.asarray(cv2.resize(noise, (800, 600), interpolation=cv2.INTER_CUBIC), np.uint8)
    part = shown_part(busy, BodyRegion.HEAD, SMALL)
    assert (part.crop, part.region) == (None, BodyRegion.WHOLE)
    assert "plain background" in part.notice
