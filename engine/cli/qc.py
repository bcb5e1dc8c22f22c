"""`chromask qc`: CIEDE2000 between two pictures."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import DONE, SOME_FAILED, answer, answer_json, say
from engine.cli.options import JsonOption, OverwriteOption
from engine.domain.results import Verdict


def qc(
    a: Annotated[Path, typer.Argument(help="The picture that is judged.")],
    b: Annotated[Path, typer.Argument(help="The reference, of the same size.")],
    mask: Annotated[Path | None, typer.Option("--mask", help="Measure only where this mask is above one half.")] = None,
    heatmap: Annotated[Path | None, typer.Option("--heatmap", help="Write a ΔE00 map with its legend (PNG).")] = None,
    passes: Annotated[float, typer.Option("--pass", help="Up to this mean ΔE00 the verdict is pass.")] = 3.0,
    warns: Annotated[float, typer.Option("--warn", help="Up to this mean ΔE00 the verdict is warn.")] = 5.0,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Measure ΔE00 pixel by pixel between A and B. Exit code 1 when the verdict is fail."""
    from engine.cli.pictures import read_mask, write_png_file
    from engine.domain.requests import Tolerance
    from engine.imaging.color.quality import compare_pictures, delta_E_map, heat_map
    from engine.imaging.raster.decode import read_picture

    first, second = read_picture(a), read_picture(b)
    region = read_mask(mask, first.extent) if mask is not None else None
    report = compare_pictures(first, second, region, Tolerance(passes=passes, warns=warns))
    if heatmap is not None:
        write_png_file(heat_map(delta_E_map(first, second)), heatmap, overwrite=overwrite)
    if json:
        answer_json({"a": a, "b": b, **asdict(report)})
    else:
        for notice in (*first.notices, *second.notices):
            say(notice)
        answer(
            f"ΔE00 mean {report.mean:.2f}, median {report.median:.2f}, p95 {report.p95:.2f}"
            f" over {report.n_pixels} pixels: {report.verdict.value}"
            f" (ΔL {report.dL:+.2f}, ΔC {report.dC:+.2f}, ΔH {report.dH:+.2f};"
            f" k_L {report.tolerance.k_L:g}, k_C {report.tolerance.k_C:g}, k_H {report.tolerance.k_H:g};"
            f" {report.illuminant}, {report.observer})"
        )
    raise typer.Exit(SOME_FAILED if report.verdict is Verdict.FAIL else DONE)
