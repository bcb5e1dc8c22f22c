"""The first catalog: photographs, pairs, jobs, outcomes, verdicts, exports, journal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

REAL: sa.REAL[float] = sa.REAL()


def upgrade() -> None:
    op.create_table(
        "asset",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("bit_depth", sa.Integer(), nullable=False),
        sa.Column("icc", sa.Text(), nullable=True),
        sa.Column("notices", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_asset"),
        sa.UniqueConstraint("path", "sha256", name="uq_asset_path_sha256"),
        sqlite_strict=True,
    )
    op.create_table(
        "batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_batch"),
        sqlite_strict=True,
    )
    op.create_table(
        "job_count",
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("jobs", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name="fk_job_count_batch_id_batch"),
        sa.PrimaryKeyConstraint("batch_id", "state", name="pk_job_count"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pair",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("view", sa.Text(), nullable=False),
        sa.Column("garment", sa.Text(), nullable=False),
        sa.Column("on_model_id", sa.Integer(), nullable=False),
        sa.Column("flatlay_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["flatlay_id"], ["asset.id"], name="fk_pair_flatlay_id_asset"),
        sa.ForeignKeyConstraint(["on_model_id"], ["asset.id"], name="fk_pair_on_model_id_asset"),
        sa.PrimaryKeyConstraint("id", name="pk_pair"),
        sa.UniqueConstraint("on_model_id", "flatlay_id", name="uq_pair_on_model_id_flatlay_id"),
        sqlite_strict=True,
    )
    op.create_index("ix_pair_flatlay_id", "pair", ["flatlay_id"])
    op.create_index("ix_pair_sku", "pair", ["sku"])
    op.create_index(
        "uq_pair_on_model_id_alone", "pair", ["on_model_id"], unique=True, sqlite_where=sa.text("flatlay_id IS NULL")
    )

    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("pair_id", sa.Integer(), nullable=False),
        sa.Column("request_json", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("worker_id", sa.Text(), nullable=True),
        sa.Column("heartbeat_at", sa.Text(), nullable=True),
        sa.Column("failure_message", sa.Text(), nullable=True),
        sa.Column("failure_remedy", sa.Text(), nullable=True),
        sa.Column("failure_retryable", sa.Integer(), nullable=True),
        sa.Column("failure_detail", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.Text(), nullable=True),
        sa.CheckConstraint("(state = 'failed') = (failure_message IS NOT NULL)", name="ck_job_failure"),
        sa.CheckConstraint(
            "(state = 'running') = (worker_id IS NOT NULL AND heartbeat_at IS NOT NULL)", name="ck_job_lease"
        ),
        sa.CheckConstraint("state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="ck_job_state"),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name="fk_job_batch_id_batch"),
        sa.ForeignKeyConstraint(["pair_id"], ["pair.id"], name="fk_job_pair_id_pair"),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
        sa.UniqueConstraint("pair_id", "request_hash", name="uq_job_pair_id_request_hash"),
        sqlite_strict=True,
    )
    op.create_index("ix_job_batch_id", "job", ["batch_id"])
    op.create_index("ix_job_batch_id_state", "job", ["batch_id", "state"])
    op.create_index("ix_job_position", "job", ["position"])
    op.create_index("ix_job_queue", "job", ["state", sa.literal_column("priority DESC"), "position", "id"])
    op.create_index("ix_job_state", "job", ["state"])

    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_event_job_id_job"),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
        sqlite_strict=True,
    )
    op.create_index("ix_event_job_id", "event", ["job_id"])

    op.create_table(
        "export",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_export_job_id_job"),
        sa.PrimaryKeyConstraint("id", name="pk_export"),
        sa.UniqueConstraint("job_id", "format", "path", name="uq_export_job_id_format_path"),
        sqlite_strict=True,
    )
    op.create_table(
        "result",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("notices", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_result_job_id_job"),
        sa.PrimaryKeyConstraint("job_id", name="pk_result"),
        sqlite_strict=True,
    )
    op.create_table(
        "review",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_review_job_id_job"),
        sa.PrimaryKeyConstraint("id", name="pk_review"),
        sqlite_strict=True,
    )
    op.create_index("ix_review_job_id", "review", ["job_id"])

    op.create_table(
        "artifact",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("suffix", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["result.job_id"], name="fk_artifact_job_id_result"),
        sa.PrimaryKeyConstraint("job_id", "slot", name="pk_artifact"),
        sqlite_strict=True,
    )
    op.create_index("ix_artifact_sha256", "artifact", ["sha256"])

    op.create_table(
        "color_match",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("outside_max_change", sa.Integer(), nullable=False),
        sa.Column("texture", REAL, nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["result.job_id"], name="fk_color_match_job_id_result"),
        sa.PrimaryKeyConstraint("job_id", name="pk_color_match"),
        sqlite_strict=True,
    )
    op.create_table(
        "mask",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("box_left", sa.Integer(), nullable=False),
        sa.Column("box_top", sa.Integer(), nullable=False),
        sa.Column("box_right", sa.Integer(), nullable=False),
        sa.Column("box_bottom", sa.Integer(), nullable=False),
        sa.Column("coverage", REAL, nullable=False),
        sa.Column("confidence", REAL, nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["result.job_id"], name="fk_mask_job_id_result"),
        sa.PrimaryKeyConstraint("job_id", name="pk_mask"),
        sqlite_strict=True,
    )
    op.create_table(
        "delta_e_report",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("delta_E", REAL, nullable=False),
        sa.Column("mean", REAL, nullable=False),
        sa.Column("median", REAL, nullable=False),
        sa.Column("p95", REAL, nullable=False),
        sa.Column("dL", REAL, nullable=False),
        sa.Column("dC", REAL, nullable=False),
        sa.Column("dH", REAL, nullable=False),
        sa.Column("n_pixels", sa.Integer(), nullable=False),
        sa.Column("tolerance", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("illuminant", sa.Text(), nullable=False),
        sa.Column("observer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["color_match.job_id"], name="fk_delta_e_report_job_id_color_match"),
        sa.PrimaryKeyConstraint("job_id", "stage", name="pk_delta_e_report"),
        sqlite_strict=True,
    )

    # Marks the file as Chromask's, so that another application's SQLite file is never taken for a catalog.
    op.execute("PRAGMA application_id = 0x4368726D")  # "Chrm"
    for trigger in COUNTERS:
        op.execute(trigger)


COUNTERS = (
    """
    CREATE TRIGGER job_count_insert AFTER INSERT ON job BEGIN
        INSERT INTO job_count (batch_id, state, jobs) VALUES (NEW.batch_id, NEW.state, 1)
            ON CONFLICT (batch_id, state) DO UPDATE SET jobs = jobs + 1;
    END
    """,
    """
    CREATE TRIGGER job_count_update AFTER UPDATE OF batch_id, state ON job
    WHEN OLD.batch_id != NEW.batch_id OR OLD.state != NEW.state BEGIN
        UPDATE job_count SET jobs = jobs - 1 WHERE batch_id = OLD.batch_id AND state = OLD.state;
        INSERT INTO job_count (batch_id, state, jobs) VALUES (NEW.batch_id, NEW.state, 1)
            ON CONFLICT (batch_id, state) DO UPDATE SET jobs = jobs + 1;
    END
    """,
    """
    CREATE TRIGGER job_count_delete AFTER DELETE ON job BEGIN
        UPDATE job_count SET jobs = jobs - 1 WHERE batch_id = OLD.batch_id AND state = OLD.state;
    END
    """,
)
"""``job_count`` follows ``job`` whoever writes, in the same transaction."""
