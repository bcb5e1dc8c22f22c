"""The figures of a benchmark as words."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from engine.domain.benchmark import BenchCategory, BenchOutput, BenchRun, Drift
from engine.services.evaluation.pages import Table

DRIFT_MEANS = (
    "Drift of each round's picture from the first one, as the model was shown it, at the model's size. ΔE00: mean over "
    "all pixels. Left alone: the same over the places that the first round left as they were (within ΔE00 5, blurred "
    "by 2 pixels). SSIM: structural similarity of L*, 1 for the same picture. None of them says whether an instruction "
    "was followed."
)


def drift_table(run: BenchRun) -> Table:
    """Means for each category and round."""
    rows: list[tuple[str, ...]] = []
    for category in BenchCategory:
        rounds = sorted({output.round for output in run.outputs if output.category is category})
        for round_ in rounds:
            rows.append(
                _line(category, round_, [o for o in run.outputs if (o.category, o.round) == (category, round_)])
            )
    return ("category", "round", "pictures", "ΔE00", "left alone", "SSIM", "failed"), tuple(rows)


def drift_caption(drift: Drift | None) -> tuple[str, ...]:
    """What stands under a round's picture."""
    if drift is None:
        return ()
    alone = "" if drift.untouched is None else f", left alone {drift.untouched:.2f}"
    return f"ΔE00 {drift.delta_E:.2f}{alone}", f"SSIM {drift.structure:.3f}"


def _line(category: BenchCategory, round_: int, outputs: Sequence[BenchOutput]) -> tuple[str, ...]:
    drifts = [output.drift for output in outputs if output.drift is not None]
    failed = str(len(outputs) - len(drifts))
    if not drifts:
        return category.value, str(round_), "0", "", "", "", failed
    alone = [drift.untouched for drift in drifts if drift.untouched is not None]
    return (
        category.value,
        str(round_),
        str(len(drifts)),
        f"{fmean(drift.delta_E for drift in drifts):.2f}",
        f"{fmean(alone):.2f}" if alone else "",
        f"{fmean(drift.structure for drift in drifts):.3f}",
        failed,
    )
