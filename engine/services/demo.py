"""The demo: draws a batch, and measures what was made of it against the exact truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.files import absolute_path
from engine.domain.review import ReviewItem
from engine.ports import ArtifactStore

if TYPE_CHECKING:
    from engine.services.demo_dreams import Dream

_INTRODUCTION = (
    "Chromask drew these figures and flatlays itself, gave most garments on the model a wrong colour, found the "
    "garment masks and matched the colour to the flatlay. ΔE00 is CIEDE2000 between the robust mean colours of garment "
    "and flatlay; the figures to the truth are means over the garment's pixels against the picture as it was drawn "
    "before its colour was falsified."
)


@dataclass(frozen=True, slots=True)
class TruthOf:
    """Where the exact answers for one drawn photograph lie.

    Attributes
    ----------
    regions : dict
        Mask type -> mask of a garment that is not in the picture; only those whose place is.
    """

    picture: Path
    mask: Path
    regions: dict[str, Path] = field(default_factory=dict[str, Path])


@dataclass(frozen=True, slots=True)
class DemoSet:
    """A drawn batch.

    Attributes
    ----------
    pictures : Path
        The folder to drop.
    truth : dict
        File name of a photograph -> its truth.
    """

    pictures: Path
    truth: dict[str, TruthOf]


@dataclass(frozen=True, slots=True)
class TruthFigures:
    """How close a result came: mean ΔE00 over the true garment before and after, and the mask's IoU."""

    before: float
    after: float
    mask_iou: float


def draw_demo(folder: Path, count: int = 12) -> DemoSet:
    """Draw ``count`` photographs with their flatlays into ``folder/pictures``; the same ones every time."""
    from engine.imaging.drawn import write_demo_set

    pictures = absolute_path(folder) / "pictures"
    pairs = write_demo_set(pictures, count)
    truth = {pair.on_model.name: TruthOf(pair.truth, pair.garment_mask, pair.region_masks) for pair in pairs}
    return DemoSet(pictures, truth)


def measure_against_truth(
    items: Sequence[ReviewItem], artifacts: ArtifactStore, demo: DemoSet
) -> dict[int, TruthFigures]:
    """Job id -> distance to the drawn truth, for every matched photograph of the demo."""
    from dataclasses import replace

    from engine.imaging.color.quality import compare_pictures
    from engine.imaging.metrics.masks import iou
    from engine.imaging.raster.decode import read_picture
    from engine.imaging.raster.depth import with_bit_depth
    from engine.imaging.raster.encode import decode_mask

    figures: dict[int, TruthFigures] = {}
    for item in items:
        truth = demo.truth.get(item.pair.on_model.path.name)
        if truth is None or item.outcome.match is None:
            continue
        photo = read_picture(item.pair.on_model.path)
        right = read_picture(truth.picture)
        right = with_bit_depth(right, photo.bit_depth)
        wanted = decode_mask(truth.mask.read_bytes())
        found = decode_mask(artifacts.read(item.outcome.mask.alpha))
        result = replace(photo, pixels=read_picture(artifacts.path(item.outcome.match.picture)).pixels)
        figures[item.job.id] = TruthFigures(
            compare_pictures(photo, right, wanted).mean,
            compare_pictures(result, right, wanted).mean,
            iou(found > 127, wanted > 127),
        )
    return figures


def write_demo_report(
    path: Path,
    items: Sequence[ReviewItem],
    artifacts: ArtifactStore,
    figures: dict[int, TruthFigures],
    dreams: Sequence[Dream] = (),
) -> Path:
    """Write the HTML page with before and after pictures, ΔE00, the distance to the truth, and the dreamed masks."""
    from engine.services.demo_dreams import dreams_html
    from engine.services.report import write_html_report

    to_truth = {job_id: (f.before, f.after) for job_id, f in figures.items()}
    more = dreams_html(dreams, artifacts) if dreams else ""
    write_html_report(path, "Chromask demo", _INTRODUCTION, items, artifacts, to_truth, more)
    return path
