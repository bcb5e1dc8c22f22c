"""What jobs yielded: `JobOutcome` taken apart into rows, and put together again exactly."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.domain.artifacts import ArtifactRef
from engine.domain.errors import BugError
from engine.domain.geometry import Box, Extent
from engine.domain.results import DeltaEReport, EditedTurn, EditResult, JobOutcome, MaskResult, MatchResult, Previews
from storage.assets import chunks
from storage.tables import (
    ArtifactRow,
    ColorMatchRow,
    DeltaEReportRow,
    EditedTurnRow,
    EditRow,
    MaskRow,
    ResultRow,
    Slot,
    Stage,
)

# -- writing ------------------------------------------------------------------------------------------------------


def store(session: Session, job_id: int, outcome: JobOutcome) -> None:
    """Write the outcome's rows; the caller commits them together with the SUCCEEDED state.

    Raises
    ------
    BugError
        A figure is NaN or infinite.
    """
    # Parents before children: the tables have no ORM relationships that would sort them.
    session.add(ResultRow(job_id=job_id, notices=outcome.notices))
    session.flush()
    session.add(_mask_row(job_id, outcome.mask))
    for slot, ref in _slots(outcome).items():
        session.add(
            ArtifactRow(
                job_id=job_id,
                slot=slot,
                kind=ref.kind,
                sha256=ref.sha256,
                suffix=ref.suffix,
                size_bytes=int(ref.size_bytes),
            )
        )
    if outcome.match is not None:
        match = outcome.match
        session.add(
            ColorMatchRow(
                job_id=job_id,
                outside_max_change=int(match.outside_max_change),
                texture=_finite("texture", match.texture),
                provenance=match.provenance,
            )
        )
        session.flush()
        session.add(_report_row(job_id, Stage.BEFORE, match.before))
        session.add(_report_row(job_id, Stage.AFTER, match.after))
    if outcome.edit is not None:
        session.add(EditRow(job_id=job_id, outside_max_change=int(outcome.edit.outside_max_change)))
        session.flush()
        session.add_all(_turn_row(job_id, number, turn) for number, turn in enumerate(outcome.edit.turns, start=1))
    session.flush()


def _finite(name: str, value: float) -> float:
    """A Python float (NumPy's scalars are no SQLite values). SQLite would store NaN as NULL."""
    number = float(value)
    if not math.isfinite(number):
        raise BugError(f"the outcome's {name} is {number}")
    return number


def _slots(outcome: JobOutcome) -> dict[Slot, ArtifactRef]:
    refs = {
        Slot.MASK_ALPHA: outcome.mask.alpha,
        Slot.MATCHED_PICTURE: outcome.match.picture if outcome.match else None,
        Slot.EDITED_PICTURE: outcome.edit.picture if outcome.edit else None,
        Slot.RETOUCH: outcome.retouch,
        Slot.PREVIEW_ON_MODEL: outcome.previews.on_model,
        Slot.PREVIEW_FLATLAY: outcome.previews.flatlay,
        Slot.PREVIEW_MATCHED: outcome.previews.matched,
        Slot.PREVIEW_MASK: outcome.previews.mask,
        Slot.PREVIEW_DISAGREEMENT: outcome.previews.disagreement,
        Slot.PREVIEW_PAINTED: outcome.previews.painted,
    }
    return {slot: ref for slot, ref in refs.items() if ref is not None}


def _mask_row(job_id: int, mask: MaskResult) -> MaskRow:
    return MaskRow(
        job_id=job_id,
        name=mask.name,
        width=int(mask.extent.width),
        height=int(mask.extent.height),
        box_left=int(mask.box.left),
        box_top=int(mask.box.top),
        box_right=int(mask.box.right),
        box_bottom=int(mask.box.bottom),
        coverage=_finite("coverage", mask.coverage),
        confidence=_finite("confidence", mask.confidence),
        provenance=mask.provenance,
    )


def _report_row(job_id: int, stage: Stage, report: DeltaEReport) -> DeltaEReportRow:
    return DeltaEReportRow(
        job_id=job_id,
        stage=stage,
        region=report.region,
        delta_E=_finite("delta_E", report.delta_E),
        mean=_finite("mean", report.mean),
        median=_finite("median", report.median),
        p95=_finite("p95", report.p95),
        dL=_finite("dL", report.dL),
        dC=_finite("dC", report.dC),
        dH=_finite("dH", report.dH),
        n_pixels=int(report.n_pixels),
        tolerance=report.tolerance,
        verdict=report.verdict,
        illuminant=report.illuminant,
        observer=report.observer,
        palette=report.palette,
    )


def _turn_row(job_id: int, number: int, turn: EditedTurn) -> EditedTurnRow:
    return EditedTurnRow(
        job_id=job_id,
        turn=number,
        mask_kind=turn.mask.kind,
        mask_sha256=turn.mask.sha256,
        mask_suffix=turn.mask.suffix,
        mask_size_bytes=int(turn.mask.size_bytes),
        box_left=int(turn.box.left),
        box_top=int(turn.box.top),
        box_right=int(turn.box.right),
        box_bottom=int(turn.box.bottom),
        painted=turn.painted,
        provenance=turn.provenance,
    )


# -- reading ------------------------------------------------------------------------------------------------------


def outcomes(session: Session, job_ids: Iterable[int]) -> dict[int, JobOutcome]:
    """The outcomes of those of the jobs that have one; seven queries at most for 500 jobs, not seven for each."""
    found: dict[int, JobOutcome] = {}
    for ids in chunks(dict.fromkeys(job_ids)):
        masks = {row.job_id: row for row in session.scalars(select(MaskRow).where(MaskRow.job_id.in_(ids)))}
        matches = {
            row.job_id: row for row in session.scalars(select(ColorMatchRow).where(ColorMatchRow.job_id.in_(ids)))
        }
        refs: dict[int, dict[Slot, ArtifactRef]] = defaultdict(dict)
        for file in session.scalars(select(ArtifactRow).where(ArtifactRow.job_id.in_(ids))):
            refs[file.job_id][file.slot] = ArtifactRef(file.kind, file.sha256, file.suffix, file.size_bytes)
        reports: dict[int, dict[Stage, DeltaEReport]] = defaultdict(dict)
        for report in session.scalars(select(DeltaEReportRow).where(DeltaEReportRow.job_id.in_(ids))):
            reports[report.job_id][report.stage] = _report(report)
        edits = {row.job_id: row for row in session.scalars(select(EditRow).where(EditRow.job_id.in_(ids)))}
        turns: dict[int, dict[int, EditedTurn]] = defaultdict(dict)
        if edits:
            for row in session.scalars(select(EditedTurnRow).where(EditedTurnRow.job_id.in_(list(edits)))):
                turns[row.job_id][row.turn] = _turn(row)
        for result in session.scalars(select(ResultRow).where(ResultRow.job_id.in_(ids))):
            try:
                found[result.job_id] = _outcome(
                    result,
                    masks[result.job_id],
                    matches.get(result.job_id),
                    refs[result.job_id],
                    reports[result.job_id],
                    edits.get(result.job_id),
                    tuple(turn for _, turn in sorted(turns[result.job_id].items())),
                )
            except KeyError as error:
                raise BugError(f"the outcome of job {result.job_id} lacks {error}") from error
    return found


def _outcome(
    result: ResultRow,
    mask: MaskRow,
    match: ColorMatchRow | None,
    refs: dict[Slot, ArtifactRef],
    reports: dict[Stage, DeltaEReport],
    edit: EditRow | None,
    turns: tuple[EditedTurn, ...],
) -> JobOutcome:
    return JobOutcome(
        mask=MaskResult(
            name=mask.name,
            alpha=refs[Slot.MASK_ALPHA],
            extent=Extent(mask.width, mask.height),
            box=Box(mask.box_left, mask.box_top, mask.box_right, mask.box_bottom),
            coverage=mask.coverage,
            confidence=mask.confidence,
            provenance=mask.provenance,
        ),
        match=None
        if match is None
        else MatchResult(
            picture=refs[Slot.MATCHED_PICTURE],
            before=reports[Stage.BEFORE],
            after=reports[Stage.AFTER],
            outside_max_change=match.outside_max_change,
            texture=match.texture,
            provenance=match.provenance,
        ),
        previews=Previews(
            on_model=refs[Slot.PREVIEW_ON_MODEL],
            flatlay=refs.get(Slot.PREVIEW_FLATLAY),
            matched=refs.get(Slot.PREVIEW_MATCHED),
            mask=refs.get(Slot.PREVIEW_MASK),
            disagreement=refs.get(Slot.PREVIEW_DISAGREEMENT),
            painted=refs.get(Slot.PREVIEW_PAINTED),
        ),
        notices=result.notices,
        edit=None if edit is None else EditResult(refs[Slot.EDITED_PICTURE], edit.outside_max_change, turns),
        retouch=refs.get(Slot.RETOUCH),
    )


def _turn(row: EditedTurnRow) -> EditedTurn:
    return EditedTurn(
        mask=ArtifactRef(row.mask_kind, row.mask_sha256, row.mask_suffix, row.mask_size_bytes),
        box=Box(row.box_left, row.box_top, row.box_right, row.box_bottom),
        painted=row.painted,
        provenance=row.provenance,
    )


def _report(row: DeltaEReportRow) -> DeltaEReport:
    return DeltaEReport(
        region=row.region,
        delta_E=row.delta_E,
        mean=row.mean,
        median=row.median,
        p95=row.p95,
        dL=row.dL,
        dC=row.dC,
        dH=row.dH,
        n_pixels=row.n_pixels,
        tolerance=row.tolerance,
        verdict=row.verdict,
        illuminant=row.illuminant,
        observer=row.observer,
        palette=row.palette,
    )
