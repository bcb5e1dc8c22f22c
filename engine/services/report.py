"""The ΔE table of a batch as CSV, and a small HTML page with before and after pictures."""

from __future__ import annotations

import base64
import csv
import html
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from engine.domain.artifacts import ArtifactRef
from engine.domain.assets import AssetPair
from engine.domain.files import complete_file
from engine.domain.jobs import Job
from engine.domain.requests import Tolerance
from engine.domain.results import DeltaEReport, LabColor, PaletteLine
from engine.domain.review import ReviewItem
from engine.ports import ArtifactStore
from engine.services.articles import article_key, article_spreads
from engine.services.versions import newest_of_each

COLUMNS = (
    "job", "version", "sku", "view", "on_model", "flatlay", "garment", "mask", "state",
    "dE00_before", "dE00_after", "verdict",
    "dL", "dC", "dH", "p50_after", "p95_after", "palette", "pass", "warn", "k_L", "k_C", "k_H",
    "view_spread_before", "view_spread_after",
    "texture", "outside_max_change", "coverage", "confidence", "decision", "message",
)  # fmt: skip


def write_delta_e_table(path: Path, jobs: Sequence[tuple[Job, AssetPair]], items: Sequence[ReviewItem]) -> None:
    """Write one line for every job of a batch, finished or not; replaces an earlier table of the same name.

    Earlier versions of a result have lines of their own; the spread of an article's views is that of the newest ones.
    """
    by_job = {item.job.id: item for item in items}
    spreads = article_spreads(newest_of_each(items).values())
    with complete_file(path, overwrite=True) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for job, pair in jobs:
            row = _row(job, pair, by_job.get(job.id))
            spread = spreads.get(article_key(pair))
            if spread is not None:
                row |= {"view_spread_before": f"{spread.before:.2f}", "view_spread_after": f"{spread.after:.2f}"}
            table.writerow([row.get(column, "") for column in COLUMNS])


def _row(job: Job, pair: AssetPair, item: ReviewItem | None) -> dict[str, object]:
    row: dict[str, object] = {
        "job": job.id,
        "version": job.version,
        "sku": pair.sku,
        "view": pair.view,
        "on_model": str(pair.on_model.path),
        "flatlay": str(pair.flatlay.path) if pair.flatlay else "",
        "garment": pair.garment,
        "state": job.state.value,
        "message": job.failure.message if job.failure else "",
    }
    if item is None:
        return row
    mask, match = item.outcome.mask, item.outcome.match
    row |= {
        "mask": mask.name,
        "coverage": f"{mask.coverage:.4f}",
        "confidence": f"{mask.confidence:.2f}",
        "decision": item.decision.value,
        "message": " ".join(item.outcome.notices),
    }
    if match is not None:
        row |= {
            "dE00_before": f"{match.before.delta_E:.2f}",
            "dE00_after": f"{match.after.delta_E:.2f}",
            "verdict": match.after.verdict.value,
            "dL": f"{match.after.dL:+.2f}",
            "dC": f"{match.after.dC:+.2f}",
            "dH": f"{match.after.dH:+.2f}",
            "p50_after": f"{match.after.median:.2f}",
            "p95_after": f"{match.after.p95:.2f}",
            "palette": "; ".join(palette_line_text(line) for line in match.after.palette),
            "pass": f"{match.after.tolerance.passes:g}",
            "warn": f"{match.after.tolerance.warns:g}",
            "k_L": f"{match.after.tolerance.k_L:g}",
            "k_C": f"{match.after.tolerance.k_C:g}",
            "k_H": f"{match.after.tolerance.k_H:g}",
            "texture": f"{match.texture:.4f}",
            "outside_max_change": match.outside_max_change,
        }
    if item.outcome.edit is not None:
        row["outside_max_change"] = item.outcome.edit.outside_max_change
    return row


def tolerance_text(tolerance: Tolerance) -> str:
    """The limits and parametric factors a verdict rests on."""
    return (
        f"pass up to {tolerance.passes:g}, warn up to {tolerance.warns:g},"
        f" k_L {tolerance.k_L:g}, k_C {tolerance.k_C:g}, k_H {tolerance.k_H:g}"
    )


def palette_line_text(line: PaletteLine) -> str:
    """One main colour in words: its sRGB value on the flatlay, its share on either side, ΔE00."""
    if line.reference_color is None:
        assert line.color is not None
        return f"{srgb_hex(line.color)} {line.share:.0%} of the photograph: not on the flatlay"
    flat = f"{srgb_hex(line.reference_color)} {line.reference_share:.0%} of the flatlay"
    if line.delta_E is None or line.verdict is None:
        return f"{flat}: not on the photograph"
    return f"{flat}, {line.share:.0%} of the photograph: ΔE00 {line.delta_E:.2f} {line.verdict.value}"


@lru_cache(maxsize=4096)  # the window asks for a colour at every painting, and for the first time in the background
def srgb_hex(color: LabColor) -> str:
    """``#rrggbb`` of a CIELAB colour, as near as sRGB comes to it."""
    import numpy as np

    from engine.imaging.color.spaces import lab_to_pixels

    return "#" + lab_to_pixels(np.array([[color]]), None, np.uint8).tobytes().hex()


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; background: #2b2b2b; color: #e6e6e6;
  margin: 32px auto; max-width: 1180px; }
h1 { font-size: 24px; font-weight: 600; } p { color: #b8b8b8; max-width: 70ch; }
article { display: grid; grid-template-columns: repeat(3, 1fr) 220px; gap: 12px; margin: 24px 0; align-items: start; }
figure { margin: 0; background: #767676; padding: 8px; } img { width: 100%; display: block; }
figcaption { font-size: 13px; color: #141414; padding-top: 6px; }
dl { margin: 0; font-size: 14px; } dt { color: #a0a0a0; } dd { margin: 0 0 8px; font-variant-numeric: tabular-nums; }
.swatch { display: inline-block; width: 12px; height: 12px; margin-right: 4px; vertical-align: -1px; }
section { display: grid; grid-template-columns: repeat(3, 1fr) 220px; gap: 12px; margin: 24px 0; align-items: start; }
.pass { color: #7bd88f; } .warn { color: #f2c14e; } .fail { color: #ff8a80; }
"""


def write_html_report(
    path: Path, title: str, introduction: str, items: Sequence[ReviewItem], artifacts: ArtifactStore,
    truth: dict[int, tuple[float, float]] | None = None, more: str = "",
) -> None:  # fmt: skip
    """Write one self-contained page: flatlay, original and result with their ΔE00.

    Parameters
    ----------
    truth : dict, optional
        Job id -> (mean ΔE00 of the photograph, of the result) to a known truth, where there is one.
    more : str
        HTML that follows the results.
    """
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(title)}</title><style>{_STYLE}</style>",
        f"<h1>{html.escape(title)}</h1><p>{html.escape(introduction)}</p>",
    ]
    parts += [_article(item, artifacts, (truth or {}).get(item.job.id)) for item in items]
    with complete_file(path, overwrite=True) as temporary:
        temporary.write_text("\n".join([*parts, more]) + "</html>\n", encoding="utf-8")


def _article(item: ReviewItem, artifacts: ArtifactStore, truth: tuple[float, float] | None) -> str:
    previews, match, edit = item.outcome.previews, item.outcome.match, item.outcome.edit
    figures = [
        figure_html(artifacts, previews.flatlay, "Flatlay"),
        figure_html(artifacts, previews.on_model, "Photograph"),
        figure_html(artifacts, previews.matched or previews.mask, "Matched" if match else "Edited" if edit else "Mask"),
    ]
    name = html.escape(item.pair.on_model.path.name)
    facts = [f"<dt>Photograph</dt><dd>{name}</dd>"]
    if match is not None:
        facts += [_measure("ΔE00 before", match.before), _measure("ΔE00 after", match.after)]
        after = match.after
        facts.append(f"<dt>ΔL, ΔC, ΔH</dt><dd>{after.dL:+.1f}, {after.dC:+.1f}, {after.dH:+.1f}</dd>")
        facts.append(f"<dt>Half and 95 % of pixels within</dt><dd>{after.median:.1f}, {after.p95:.1f}</dd>")
        if len(after.palette) > 1:
            facts.append(f"<dt>Colours of the flatlay</dt><dd>{'<br>'.join(map(_swatches, after.palette))}</dd>")
        facts.append(f"<dt>Judged by</dt><dd>{tolerance_text(after.tolerance)}</dd>")
        facts.append(f"<dt>Largest change outside the mask</dt><dd>{match.outside_max_change}</dd>")
    if edit is not None:
        prompts = "<br>".join(html.escape(str(turn.provenance["prompt"])) for turn in edit.turns if turn.painted)
        facts.append(f"<dt>Painted</dt><dd>{prompts}</dd>")
        facts.append(f"<dt>Largest change outside the mask</dt><dd>{edit.outside_max_change}</dd>")
    if truth is not None:
        facts.append(f"<dt>ΔE00 to the truth</dt><dd>{truth[0]:.2f} → {truth[1]:.2f}</dd>")
    facts.append(f"<dt>Mask confidence</dt><dd>{item.outcome.mask.confidence:.2f}</dd>")
    return f"<article>{''.join(figures)}<dl>{''.join(facts)}</dl></article>"


def _measure(label: str, report: DeltaEReport) -> str:
    verdict = report.verdict.value
    return f"<dt>{label}</dt><dd class={verdict}>{report.delta_E:.2f} {verdict}</dd>"


def _swatches(line: PaletteLine) -> str:
    colors = [srgb_hex(color) for color in (line.reference_color, line.color) if color is not None]
    patches = "".join(f'<span class=swatch style="background:{color}"></span>' for color in colors)
    if line.delta_E is None or line.verdict is None:
        where = "flatlay" if line.color is None else "photograph"
        return f"{patches}{max(line.share, line.reference_share):.0%}, only on the {where}"
    figure = f"<span class={line.verdict.value}>{line.delta_E:.2f}</span>"
    return f"{patches}{line.reference_share:.0%} {figure}"


def figure_html(artifacts: ArtifactStore, ref: ArtifactRef | None, caption: str) -> str:
    """A picture of the artifact store with its caption, the picture in the text itself."""
    if ref is None:
        return f"<figure><figcaption>{caption}: none</figcaption></figure>"
    return picture_html(artifacts.read(ref), ref.suffix, caption)


def picture_html(encoded: bytes, suffix: str, caption: str) -> str:
    """A picture file's bytes, PNG or JPEG by their suffix, with its caption."""
    kind = "image/png" if suffix == ".png" else "image/jpeg"
    data = base64.b64encode(encoded).decode()
    return f'<figure><img src="data:{kind};base64,{data}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
