"""`chromask qc`: CIEDE2000 between two versions of a picture, or of a garment against its flatlay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.console import DONE, SOME_FAILED, answer, answer_json, say
from engine.cli.options import (
    BrandOption,
    JsonOption,
    LabelOption,
    LabelsOption,
    MaskSourceOption,
    OverwriteOption,
    TolerancesOption,
)
from engine.domain.results import DeltaEReport, Verdict
from engine.services.plan import MaskSource

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.cli.pictures import GarmentMasks
    from engine.domain.picture import Picture
    from engine.domain.requests import Tolerance


def qc(
    a: Annotated[Path, typer.Argument(help="The picture that is judged.")],
    b: Annotated[Path, typer.Argument(help="The reference: of the same size, or the flatlay with --flatlay.")],
    flatlay: Annotated[
        bool, typer.Option("--flatlay", help="B is the flatlay of the garment on A: compare the garments' colours.")
    ] = False,
    mask: Annotated[
        Path | None,
        typer.Option("--mask", help="Measure only where this mask is above one half; with --flatlay, A's garment."),
    ] = None,
    heatmap: Annotated[Path | None, typer.Option("--heatmap", help="Write a ΔE00 map with its legend (PNG).")] = None,
    label: LabelOption = "",
    labels: LabelsOption = None,
    mask_source: MaskSourceOption = MaskSource.AUTO,
    tolerances: TolerancesOption = None,
    brand: BrandOption = "",
    passes: Annotated[float | None, typer.Option("--pass", help="Up to this ΔE00 the verdict is pass.")] = None,
    warns: Annotated[float | None, typer.Option("--warn", help="Up to this ΔE00 the verdict is warn.")] = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Measure ΔE00 between A and B, pixel by pixel or garment against flatlay. Exit code 1 when the verdict is fail.

    With --mask, two versions of one photograph are also compared outside it: 0 proves that nothing else changed.
    """
    from engine.cli.pictures import (
        PNG,
        garment_masks,
        notices_of,
        require_free_names,
        require_suffix,
        write_png_file,
    )
    from engine.imaging.color.heat_map import heat_map
    from engine.imaging.masks.given import read_mask
    from engine.imaging.raster.decode import read_picture
    from engine.services.tolerances import load_tolerances, with_limits

    rules = load_tolerances(tolerances)

    def judge(garment: str) -> Tolerance:
        return with_limits(rules.tolerance(garment, brand=brand), passes, warns)

    tolerance = judge(label)
    given = [path for path in (mask, labels, tolerances) if path is not None]
    require_free_names([a, b, *given], [path for path in (heatmap,) if path is not None], overwrite=overwrite)
    if heatmap is not None:
        require_suffix(heatmap, PNG)
    first, second = read_picture(a), read_picture(b)
    alpha = read_mask(mask, first.extent) if mask is not None else None
    document: dict[str, Any] = {"a": a, "b": b}
    if flatlay:
        masks = garment_masks(b, label, labels, mask_source)
        report, values = _against_flatlay(first, second, alpha, masks, judge, heatmap is not None)
    else:
        report, values, outside = _version_against_version(first, second, alpha, tolerance, heatmap is not None)
        if alpha is not None:
            document["outside_max_change"] = outside
    if heatmap is not None and values is not None:
        write_png_file(heat_map(values), heatmap, overwrite=overwrite)
    document |= asdict(report)
    if json:
        answer_json(document)
    else:
        for notice in notices_of(first, second):
            say(notice)
        for line in _lines(report, document):
            answer(line)
    raise typer.Exit(SOME_FAILED if report.verdict is Verdict.FAIL else DONE)


def _version_against_version(
    first: Picture, second: Picture, mask: NDArray[np.uint8] | None, tolerance: Tolerance, with_map: bool
) -> tuple[DeltaEReport, NDArray[np.float32] | None, int | None]:
    import numpy as np

    from engine.imaging.color.quality import compare_pictures, largest_change_outside

    values = np.empty(first.pixels.shape[:2], np.float32) if with_map else None
    report = compare_pictures(first, second, mask, tolerance, out=values)
    outside = largest_change_outside(first, second, mask) if mask is not None else None
    return report, values, outside


def _against_flatlay(
    photo: Picture,
    flatlay: Picture,
    mask: NDArray[np.uint8] | None,
    masks: GarmentMasks,
    judge: Callable[[str], Tolerance],
    with_map: bool,
) -> tuple[DeltaEReport, NDArray[np.float32] | None]:
    from engine.cli.pictures import judged_garment
    from engine.domain.picture import PaintedMask
    from engine.imaging.color.quality import garment_map, garment_report
    from engine.imaging.color.samples import require_color

    require_color(photo, "on-model")
    require_color(flatlay, "flatlay")
    flatlay = masks.to_match(flatlay)
    assert flatlay.alpha is not None
    painted = masks.make(photo, flatlay) if mask is None else PaintedMask(mask, 1.0, {"engine": "given"})
    mask, tolerance = painted.alpha, judge(judged_garment(masks.label, painted))
    report = garment_report(photo, mask, flatlay, flatlay.alpha, tolerance, "garment / flatlay")
    values = garment_map(photo, mask, flatlay, flatlay.alpha, tolerance) if with_map else None
    return report, values


def _lines(report: DeltaEReport, document: dict[str, Any]) -> list[str]:
    from engine.services.report import palette_line_text, tolerance_text

    figure = f"ΔE00 mean {report.mean:.2f}"
    if report.palette:
        figure = f"ΔE00 {report.delta_E:.2f} between the mean colours; pixels: mean {report.mean:.2f}"
    lines = [
        f"{figure}, median {report.median:.2f}, p95 {report.p95:.2f}"
        f" over {report.n_pixels} pixels: {report.verdict.value}"
        f" (ΔL {report.dL:+.2f}, ΔC {report.dC:+.2f}, ΔH {report.dH:+.2f};"
        f" {tolerance_text(report.tolerance)}; {report.illuminant}, {report.observer})"
    ]
    lines += [f"  {palette_line_text(line)}" for line in report.palette if len(report.palette) > 1]
    if "outside_max_change" in document:
        change = document["outside_max_change"]
        if change is None:
            lines.append("Outside the mask: not compared, because bit depth or profile differ.")
        else:
            lines.append(f"Largest change of a channel value outside the mask: {change}.")
    return lines
