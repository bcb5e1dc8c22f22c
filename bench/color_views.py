"""What solving the views of an article together gains, on drawn articles whose truth is exact.

Each article is drawn in several poses; each photograph has an exposure and (in every second article) a colour cast of
its own. Prints a Markdown table: the spread of the views' mean colours, and the mean distance to the truth.

    python -m bench.color_views [--articles 16]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from engine.domain.geometry import Extent
from engine.domain.picture import Picture
from engine.domain.requests import Tolerance
from engine.imaging.color.correction import Correction, fit_correction, held_back
from engine.imaging.color.difference import delta_E_2000
from engine.imaging.color.icc import Floats, rgb_space
from engine.imaging.color.light import lightness_credibility
from engine.imaging.color.samples import garment_samples, robust_mean
from engine.imaging.color.views import ViewColors, solve_views, spread
from engine.imaging.drawn import CATEGORIES, ColorCast, Framing, draw_scene
from engine.imaging.drawn.shapes import generator

EXPOSURES = (1.0, 0.88, 1.1, 1.0)
FRAMINGS = {
    "dress": (Framing.FULL,) * 4,
    "bottom": (Framing.FULL, Framing.LOWER) * 2,
}
UPPER = (Framing.FULL, Framing.UPPER) * 2
JUDGE = Tolerance(k_L=2.0)


@dataclass(frozen=True)
class View:
    colors: ViewColors
    truth: Floats


def drawn_views(article: int) -> list[View]:
    kinds = tuple(CATEGORIES)
    kind = kinds[article % len(kinds)]
    framings = FRAMINGS.get(CATEGORIES[kind], UPPER)
    views: list[View] = []
    for pose, (framing, light) in enumerate(zip(framings, EXPOSURES, strict=True)):
        cast = ColorCast.random(generator(article, pose if article % 2 else 0))
        scene = draw_scene(10_000 + article, Extent(480, 600), kind, cast, framing=framing, pose=pose)
        space, flat = rgb_space(None, None), scene.on_model.reshape(-1, 3)
        exposed = space.encode(space.decode(flat) * light, flat.dtype).reshape(scene.on_model.shape)
        worn, truth = (
            garment_samples(Picture(pixels), scene.garment_mask, "garment").lab for pixels in (exposed, scene.truth)
        )
        reference = garment_samples(Picture(scene.flatlay), scene.flatlay_mask, "flatlay").lab
        views.append(View(ViewColors(worn, reference), truth))
    return views


def measured(views: list[View], corrections: list[Correction | None]) -> tuple[float, float]:
    """Spread of the garments' mean colours, and mean ΔE00 to the truth."""
    labs = [
        correction(view.colors.worn) if correction else view.colors.worn
        for view, correction in zip(views, corrections, strict=True)
    ]
    distances = [float(delta_E_2000(lab, view.truth).mean()) for lab, view in zip(labs, views, strict=True)]
    return spread([robust_mean(lab) for lab in labs]), float(np.mean(distances))


def corrections_of(views: list[View], *, together: bool) -> list[Correction | None]:
    agreement = solve_views([view.colors for view in views], JUDGE) if together else None
    found: list[Correction | None] = []
    for worn, flat in ((view.colors.worn, view.colors.flat) for view in views):
        if agreement is None:
            correction = fit_correction(worn, flat, lightness_credibility(worn, flat))
        else:
            correction = agreement.joined(fit_correction(worn, flat, agreement.credibility), worn)
        found.append(held_back(correction, worn, flat))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--articles", type=int, default=16)
    rows: list[tuple[tuple[float, float], ...]] = []
    for article in range(parser.parse_args().articles):
        views = drawn_views(article)
        corrections = [
            [None] * len(views), corrections_of(views, together=False), corrections_of(views, together=True),
        ]  # fmt: skip
        rows.append(
            (*(measured(views, part) for part in corrections), (spread([robust_mean(v.truth) for v in views]), 0))
        )
    means, largest = np.mean(rows, axis=0), np.max(rows, axis=0)
    print(f"{len(rows)} drawn articles of {len(EXPOSURES)} views\n")
    print("| | spread of the views' means, ΔE00 | largest | ΔE00 to the truth |\n| --- | --- | --- | --- |")
    for name, mean, most in zip(
        ("as photographed", "each by itself", "solved together", "truth"), means, largest, strict=True
    ):
        print(f"| {name} | {mean[0]:.2f} | {most[0]:.2f} | {mean[1]:.2f} |")


if __name__ == "__main__":
    main()
