"""The ΔE table of a batch as CSV, and a small HTML page with before and after pictures."""

from __future__ import annotations

import base64
import csv
import html
from collections.abc import Sequence
from pathlib import Path

from engine.domain.assets import AssetPair
from engine.domain.files import complete_file
from engine.domain.jobs import Job
from engine.domain.results import ArtifactRef, DeltaEReport
from engine.domain.review import ReviewItem
from engine.ports import ArtifactStore

COLUMNS = (
    "sku", "view", "on_model", "flatlay", "garment", "mask", "state", "dE00_before", "dE00_after", "verdict",
    "dL", "dC", "dH", "p95_after", "texture", "outside_max_change", "coverage", "confidence", "decision", "message",
)  # fmt: skip


def write_delta_e_table(path: Path, jobs: Sequence[tuple[Job, AssetPair]], items: Sequence[ReviewItem]) -> None:
    """Write one line for every job of a batch, finished or not; replaces an earlier table of the same name."""
    by_job = {item.job.id: item for item in items}
    with complete_file(path, overwrite=True) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for job, pair in jobs:
            row = _row(job, pair, by_job.get(job.id))
            table.writerow([row.get(column, "") for column in COLUMNS])


def _row(job: Job, pair: AssetPair, item: ReviewItem | None) -> dict[str, object]:
    row: dict[str, object] = {
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
            "p95_after": f"{match.after.p95:.2f}",
            "texture": f"{match.texture:.4f}",
            "outside_max_change": match.outside_max_change,
        }
    return row


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; background: #2b2b2b; color: #e6e6e6;
  margin: 32px auto; max-width: 1180px; }
h1 { font-size: 24px; font-weight: 600; } p { color: #b8b8b8; max-width: 70ch; }
article { display: grid; grid-template-columns: repeat(3, 1fr) 220px; gap: 12px; margin: 24px 0; align-items: start; }
figure { margin: 0; background: #767676; padding: 8px; } img { width: 100%; display: block; }
figcaption { font-size: 13px; color: #141414; padding-top: 6px; }
dl { margin: 0; font-size: 14px; } dt { color: #a0a0a0; } dd { margin: 0 0 8px; font-variant-numeric: tabular-nums; }
.pass { color: #7bd88f; } .warn { color: #f2c14e; } .fail { color: #ff8a80; }
"""


def write_html_report(
    path: Path, title: str, introduction: str, items: Sequence[ReviewItem], artifacts: ArtifactStore,
    truth: dict[int, tuple[float, float]] | None = None,
) -> None:  # fmt: skip
    """Write one self-contained page: flatlay, original and result with their ΔE00.

    Parameters
    ----------
    truth : dict, optional
        Job id -> (mean ΔE00 of the photograph, of the result) to a known truth, where there is one.
    """
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(title)}</title><style>{_STYLE}</style>",
        f"<h1>{html.escape(title)}</h1><p>{html.escape(introduction)}</p>",
    ]
    parts += [_article(item, artifacts, (truth or {}).get(item.job.id)) for item in items]
    with complete_file(path, overwrite=True) as temporary:
        temporary.write_text("\n".join(parts) + "</html>\n", encoding="utf-8")


def _article(item: ReviewItem, artifacts: ArtifactStore, truth: tuple[float, float] | None) -> str:
    previews, match = item.outcome.previews, item.outcome.match
    figures = [
        _figure(artifacts, previews.flatlay, "Flatlay"),
        _figure(artifacts, previews.on_model, "Photograph"),
        _figure(artifacts, previews.matched or previews.mask, "Matched" if match else "Mask"),
    ]
    name = html.escape(item.pair.on_model.path.name)
    facts = [f"<dt>Photograph</dt><dd>{name}</dd>"]
    if match is not None:
        facts += [_measure("ΔE00 before", match.before), _measure("ΔE00 after", match.after)]
    if truth is not None:
        facts.append(f"<dt>ΔE00 to the truth</dt><dd>{truth[0]:.2f} → {truth[1]:.2f}</dd>")
    facts.append(f"<dt>Mask confidence</dt><dd>{item.outcome.mask.confidence:.2f}</dd>")
    return f"<article>{''.join(figures)}<dl>{''.join(facts)}</dl></article>"


def _measure(label: str, report: DeltaEReport) -> str:
    verdict = report.verdict.value
    return f"<dt>{label}</dt><dd class={verdict}>{report.delta_E:.2f} {verdict}</dd>"


def _figure(artifacts: ArtifactStore, ref: ArtifactRef | None, caption: str) -> str:
    if ref is None:
        return f"<figure><figcaption>{caption}: none</figcaption></figure>"
    kind = "image/png" if ref.suffix == ".png" else "image/jpeg"
    data = base64.b64encode(artifacts.read(ref)).decode()
    return f'<figure><img src="data:{kind};base64,{data}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
