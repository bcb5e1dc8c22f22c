"""The catalog's tables. Every change here needs a revision in `storage.migrations`; ``alembic check`` compares them.

Rows never leave this package: the modules that read them turn them into the domain's frozen dataclasses. There are no
ORM relationships, so that no attribute access can hide a query.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import REAL, CheckConstraint, ForeignKey, Index, Integer, MetaData, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from engine.domain.artifacts import ArtifactKind
from engine.domain.assets import Role
from engine.domain.export import ExportFormat
from engine.domain.jobs import JobState, Reason
from engine.domain.requests import Tolerance
from engine.domain.results import PaletteLine, Verdict
from engine.domain.review import Decision
from storage.columns import (
    EnumText,
    Notices,
    NoticesText,
    PaletteText,
    PathText,
    PlainText,
    Provenance,
    ProvenanceText,
    ToleranceText,
    Truth,
    UtcTime,
)

STRICT = {"sqlite_strict": True}


class Slot(StrEnum):
    """Which place of a `JobOutcome` an artifact fills."""

    MASK_ALPHA = "mask_alpha"
    MATCHED_PICTURE = "matched_picture"
    EDITED_PICTURE = "edited_picture"
    RETOUCH = "retouch"
    PREVIEW_ON_MODEL = "preview_on_model"
    PREVIEW_FLATLAY = "preview_flatlay"
    PREVIEW_MATCHED = "preview_matched"
    PREVIEW_MASK = "preview_mask"
    PREVIEW_DISAGREEMENT = "preview_disagreement"
    PREVIEW_PAINTED = "preview_painted"


class Stage(StrEnum):
    """Which picture a ΔE report measured against the flatlay: the photograph or the result."""

    BEFORE = "before"
    AFTER = "after"


class Base(DeclarativeBase):
    """Shared metadata: constraint names, so that migrations can drop what they did not create, and column types."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: PlainText(),
        int: Integer(),
        float: REAL(),
        bool: Truth(),
        datetime: UtcTime(),
        Path: PathText(),
        **{
            enum: EnumText(enum)
            for enum in (Role, JobState, Reason, ArtifactKind, Verdict, Decision, ExportFormat, Slot, Stage)
        },
    }


class IdentityRow(Base):
    """One row: who this catalog is, wherever its file lies. A copy of the file is the same catalog."""

    __tablename__ = "identity"
    __table_args__ = (STRICT,)

    catalog_id: Mapped[str] = mapped_column(primary_key=True)


class AssetRow(Base):
    """A photograph, known by where it lies and what it holds."""

    __tablename__ = "asset"
    __table_args__ = (UniqueConstraint("path", "sha256"), STRICT)

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[Path]
    sha256: Mapped[str]
    size_bytes: Mapped[int]
    role: Mapped[Role]
    width: Mapped[int]
    height: Mapped[int]
    format: Mapped[str]
    mode: Mapped[str]
    bit_depth: Mapped[int]
    icc: Mapped[str | None]
    notices: Mapped[Notices] = mapped_column(NoticesText())


class PairRow(Base):
    """An on-model photograph and its flatlay, if it has one."""

    __tablename__ = "pair"
    __table_args__ = (
        UniqueConstraint("on_model_id", "flatlay_id"),
        # NULLs are all different to a UNIQUE constraint: pairs without a flatlay need an index of their own.
        Index("uq_pair_on_model_id_alone", "on_model_id", unique=True, sqlite_where=text("flatlay_id IS NULL")),
        STRICT,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(index=True)
    view: Mapped[str]
    garment: Mapped[str]
    on_model_id: Mapped[int] = mapped_column(ForeignKey("asset.id"))
    flatlay_id: Mapped[int | None] = mapped_column(ForeignKey("asset.id"), index=True)


class BatchRow(Base):
    """What was dropped together."""

    __tablename__ = "batch"
    __table_args__ = (STRICT,)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime]


class JobRow(Base):
    """One request for one pair, and where it stands."""

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("pair_id", "request_hash"),
        CheckConstraint("state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="state"),
        CheckConstraint("(state = 'running') = (worker_id IS NOT NULL AND heartbeat_at IS NOT NULL)", name="lease"),
        CheckConstraint("(state = 'failed') = (failure_message IS NOT NULL)", name="failure"),
        CheckConstraint(
            "(supersedes IS NULL) = (reason IS NULL) AND (supersedes IS NULL) = (author IS NULL)", name="origin"
        ),
        # An index ends in the row id, so these two also page by key within a state, and within a batch's state.
        Index(None, "state"),
        Index(None, "batch_id", "state"),
        Index(None, "position"),
        Index(None, "chain_id", "version"),
        STRICT,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    pair_id: Mapped[int] = mapped_column(ForeignKey("pair.id"))
    request_json: Mapped[str]
    request_hash: Mapped[str]
    state: Mapped[JobState]
    attempt: Mapped[int]
    priority: Mapped[int]
    position: Mapped[int]
    worker_id: Mapped[str | None]
    heartbeat_at: Mapped[datetime | None]
    failure_message: Mapped[str | None]
    failure_remedy: Mapped[str | None]
    failure_retryable: Mapped[bool | None]
    failure_detail: Mapped[str | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    # The versions of a result: `engine.domain.jobs.Origin`, and the job's place in its chain, which is named after its
    # first job. Plain numbers make "is there a newer one" a look into an index, whatever was undone and brought back.
    supersedes: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    reason: Mapped[Reason | None]
    author: Mapped[str | None]
    chain_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    version: Mapped[int] = mapped_column(server_default=text("1"))


# What claim() reads: the queued jobs in the order in which they run. (A partial index on the queued jobs would be
# smaller, but SQLite prefers ix_job_state and a sort to it.)
Index("ix_job_queue", JobRow.state, JobRow.priority.desc(), JobRow.position, JobRow.id)


class JobCountRow(Base):
    """How many jobs of a batch are in a state; kept by triggers on ``job`` (counting a million rows takes 0.3 s)."""

    __tablename__ = "job_count"
    __table_args__ = ({**STRICT, "sqlite_with_rowid": False},)

    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), primary_key=True)
    state: Mapped[JobState] = mapped_column(primary_key=True)
    jobs: Mapped[int]


class ResultRow(Base):
    """What every SUCCEEDED job has exactly once; mask, colour match, reports and artifacts hang on it."""

    __tablename__ = "result"
    __table_args__ = (STRICT,)

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), primary_key=True)
    notices: Mapped[Notices] = mapped_column(NoticesText())


class MaskRow(Base):
    """`engine.domain.results.MaskResult` without its file."""

    __tablename__ = "mask"
    __table_args__ = (STRICT,)

    job_id: Mapped[int] = mapped_column(ForeignKey("result.job_id"), primary_key=True)
    name: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    box_left: Mapped[int]
    box_top: Mapped[int]
    box_right: Mapped[int]
    box_bottom: Mapped[int]
    coverage: Mapped[float]
    confidence: Mapped[float]
    provenance: Mapped[Provenance] = mapped_column(ProvenanceText())


class ColorMatchRow(Base):
    """`engine.domain.results.MatchResult` without its file and its reports."""

    __tablename__ = "color_match"
    __table_args__ = (STRICT,)

    job_id: Mapped[int] = mapped_column(ForeignKey("result.job_id"), primary_key=True)
    outside_max_change: Mapped[int]
    texture: Mapped[float]
    provenance: Mapped[Provenance] = mapped_column(ProvenanceText())


class DeltaEReportRow(Base):
    """`engine.domain.results.DeltaEReport` before or after the match."""

    __tablename__ = "delta_e_report"
    __table_args__ = (STRICT,)

    job_id: Mapped[int] = mapped_column(ForeignKey("color_match.job_id"), primary_key=True)
    stage: Mapped[Stage] = mapped_column(primary_key=True)
    region: Mapped[str]
    delta_E: Mapped[float]
    mean: Mapped[float]
    median: Mapped[float]
    p95: Mapped[float]
    dL: Mapped[float]
    dC: Mapped[float]
    dH: Mapped[float]
    n_pixels: Mapped[int]
    tolerance: Mapped[Tolerance] = mapped_column(ToleranceText())
    verdict: Mapped[Verdict]
    illuminant: Mapped[str]
    observer: Mapped[str]
    palette: Mapped[tuple[PaletteLine, ...]] = mapped_column(PaletteText(), server_default="[]")


class EditRow(Base):
    """`engine.domain.results.EditResult` without its file and its turns."""

    __tablename__ = "edit"
    __table_args__ = (STRICT,)

    job_id: Mapped[int] = mapped_column(ForeignKey("result.job_id"), primary_key=True)
    outside_max_change: Mapped[int]


class EditedTurnRow(Base):
    """`engine.domain.results.EditedTurn`; its mask's file is here, because an outcome has as many as turns."""

    __tablename__ = "edited_turn"
    __table_args__ = (STRICT,)

    job_id: Mapped[int] = mapped_column(ForeignKey("edit.job_id"), primary_key=True)
    turn: Mapped[int] = mapped_column(primary_key=True)
    mask_kind: Mapped[ArtifactKind]
    mask_sha256: Mapped[str] = mapped_column(index=True)
    mask_suffix: Mapped[str]
    mask_size_bytes: Mapped[int]
    box_left: Mapped[int]
    box_top: Mapped[int]
    box_right: Mapped[int]
    box_bottom: Mapped[int]
    painted: Mapped[bool]
    provenance: Mapped[Provenance] = mapped_column(ProvenanceText())


class ArtifactRow(Base):
    """A file an outcome refers to, and as what."""

    __tablename__ = "artifact"
    __table_args__ = (STRICT,)

    job_id: Mapped[int] = mapped_column(ForeignKey("result.job_id"), primary_key=True)
    slot: Mapped[Slot] = mapped_column(primary_key=True)
    kind: Mapped[ArtifactKind]
    sha256: Mapped[str] = mapped_column(index=True)
    suffix: Mapped[str]
    size_bytes: Mapped[int]


class ReviewRow(Base):
    """One verdict of a person; never changed, the latest of a job counts."""

    __tablename__ = "review"
    __table_args__ = (CheckConstraint("rating BETWEEN 0 AND 5", name="rating"), STRICT)

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), index=True)
    decision: Mapped[Decision]
    reviewer: Mapped[str]
    note: Mapped[str]
    at: Mapped[datetime]
    rating: Mapped[int] = mapped_column(server_default="0")
    reason: Mapped[Reason | None]


class ReviewChangeRow(Base):
    """When a result's row in the lists changed last, counted and not timed; kept by triggers on what the row tells.

    Every change deletes the result's record and inserts one with a greater key, so that whoever remembers the greatest
    key that was read finds by it what is new. Writers follow each other, so keys are committed in their order;
    AUTOINCREMENT never gives a key twice, not even that of a record that was deleted.
    """

    __tablename__ = "review_change"
    __table_args__ = (Index(None, "batch_id"), {**STRICT, "sqlite_autoincrement": True})

    change: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), unique=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"))


class GivenArtifactRow(Base):
    """A file that a request takes as given, such as a mask drawn by hand; kept whatever becomes of the job."""

    __tablename__ = "given_artifact"
    __table_args__ = (STRICT,)

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True, index=True)


class TrainingMarkRow(Base):
    """`engine.domain.review.TrainingMark`."""

    __tablename__ = "training_mark"
    __table_args__ = (STRICT,)

    job_id: Mapped[int] = mapped_column(ForeignKey("result.job_id"), primary_key=True)
    author: Mapped[str]
    at: Mapped[datetime]


class ExportRow(Base):
    """A file that was written, and a result that is in it."""

    __tablename__ = "export"
    __table_args__ = (UniqueConstraint("job_id", "format", "path"), STRICT)

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    format: Mapped[ExportFormat]
    path: Mapped[Path] = mapped_column(index=True)
    sha256: Mapped[str]
    at: Mapped[datetime]
    former_sha256: Mapped[str] = mapped_column(server_default="")
    settings: Mapped[str] = mapped_column(server_default="")


class EventRow(Base):
    """The journal: what happened, for people and for support."""

    __tablename__ = "event"
    __table_args__ = (STRICT,)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str]
    message: Mapped[str]
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"), index=True)
