"""The small model that ships, with its LoRAs, through the product's own path on drawn figures that it never saw.

The bounds lie well below what bench/nano.py and bench/nano_color.py measure on forty figures: here are a few, and what
has to show is that the files fit each other and do their work.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.domain.picture import PaintedMask, Picture
from engine.domain.requests import ColorMatchRequest, DiffusionSettings, EngineName, MaskRequest
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.spaces import pixels_to_lab
from engine.imaging.drawn import ColorCast
from engine.imaging.drawn.scene import DrawnScene, Framing, draw_scene
from engine.imaging.drawn.shapes import generator
from engine.imaging.metrics.masks import iou
from engine.inference.kontext.availability import nano_folder
from engine.inference.kontext.backend import KontextBackend
from engine.inference.kontext.description import read_description
from engine.services.painting import diffusion_settings_for
from engine.services.registries import COLOR_TASK
from engine.training.nano.lessons_set import SHAPES
from engine.training.nano.pair_lessons import CANVASES
from tests.kontext_jobs import Reports

FIRST_SEED = 94_000_000
EXTENT = Extent(448, 560)


@pytest.fixture(scope="module")
def backend(tmp_path_factory) -> KontextBackend:
    return KontextBackend(tmp_path_factory.mktemp("prompts"))


@pytest.fixture(scope="module")
def figures() -> list[DrawnScene]:
    """Whole figures; the garment of each has a wrong colour."""
    seeds = range(FIRST_SEED, FIRST_SEED + 5)
    return [
        draw_scene(seed, EXTENT, cast=ColorCast.random(generator(seed, 900)), framing=Framing.FULL) for seed in seeds
    ]


def test_the_files_say_the_canvases_that_were_taught() -> None:
    shipped = read_description(nano_folder())
    assert shipped is not None
    assert shipped.canvases == SHAPES
    assert shipped.side_by_side == CANVASES


@pytest.mark.parametrize(("region", "least"), [("hat", 0.7), ("glasses", 0.5), ("socks", 0.4), ("sweatshirt", 0.65)])
def test_a_mask_lora_dreams_what_the_base_was_never_taught(
    backend: KontextBackend, figures: list[DrawnScene], region: str, least: float
) -> None:
    settings = diffusion_settings_for(region, "", nano_folder())
    with_lora = mean_iou(backend, figures, region, settings)
    assert with_lora > least
    assert with_lora > 1.5 * mean_iou(backend, figures, region, replace(settings, lora=None))


def mean_iou(backend: KontextBackend, figures: list[DrawnScene], region: str, settings: DiffusionSettings) -> float:
    scores: list[float] = []
    for figure in figures:
        truth = figure.region_masks[region] > 127
        if truth.mean() < 0.0005:
            continue
        picture = Picture(figure.on_model, path=Path("figure.png"))
        request = MaskRequest(EngineName.KONTEXT, region, diffusion=settings)
        try:
            scores.append(iou(backend.make_mask(picture, None, request, Reports()).alpha > 127, truth))
        except KnownError:  # no green was painted
            scores.append(0.0)
    assert len(scores) >= 3
    return float(np.mean(scores))


def test_the_color_lora_paints_the_garment_in_the_flatlays_color(
    backend: KontextBackend, figures: list[DrawnScene]
) -> None:
    settings = diffusion_settings_for(COLOR_TASK, "garment", nano_folder())
    with_lora, without = (
        np.mean([color_distance(backend, figure, some) for figure in figures])
        for some in (settings, replace(settings, lora=None))
    )
    assert with_lora < 14
    assert with_lora < 0.7 * without


def color_distance(backend: KontextBackend, figure: DrawnScene, settings: DiffusionSettings) -> float:
    """ΔE00 of the garment's mean colour on the model's picture to the true one."""
    request = ColorMatchRequest(EngineName.KONTEXT, MaskRequest(EngineName.CLASSICAL, "garment"), diffusion=settings)
    on_model = Picture(figure.on_model, path=Path("figure.png"))
    flatlay = Picture(figure.flatlay, alpha=figure.flatlay_mask, path=Path("flatlay.png"))
    guide = backend.color_guide(on_model, flatlay, PaintedMask(figure.garment_mask, 1.0, {}), request, Reports())
    assert guide is not None
    assert guide.pixels.shape == figure.truth.shape
    inside = figure.garment_mask > 127
    found, true = (
        pixels_to_lab(rgb[inside][None], None).mean(1, keepdims=True) for rgb in (guide.pixels, figure.truth)
    )
    return float(delta_E_2000(found, true).mean())
