"""Versions: where a job comes from, its place in its chain, what its request takes as given; and training marks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


# Plain ADD COLUMNs, so that the table on which everything hangs is not copied. SQLite takes references and conditions
# with a new column as long as the rows there are meet them; Alembic does not know that.
_JOB_COLUMNS = (
    "supersedes INTEGER CONSTRAINT fk_job_supersedes_job REFERENCES job (id)",
    "reason TEXT",
    "author TEXT CONSTRAINT ck_job_origin"
    " CHECK ((supersedes IS NULL) = (reason IS NULL) AND (supersedes IS NULL) = (author IS NULL))",
    "chain_id INTEGER CONSTRAINT fk_job_chain_id_job REFERENCES job (id)",
    "version INTEGER NOT NULL DEFAULT 1",
)


def upgrade() -> None:
    for column in _JOB_COLUMNS:
        op.execute(f"ALTER TABLE job ADD COLUMN {column}")
    op.create_index("ix_job_chain_id_version", "job", ["chain_id", "version"])

    op.create_table(
        "given_artifact",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_given_artifact_job_id_job"),
        sa.PrimaryKeyConstraint("job_id", "sha256", name="pk_given_artifact"),
        sqlite_strict=True,
    )
    op.create_index("ix_given_artifact_sha256", "given_artifact", ["sha256"])
    op.create_table(
        "training_mark",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["result.job_id"], name="fk_training_mark_job_id_result"),
        sa.PrimaryKeyConstraint("job_id", name="pk_training_mark"),
        sqlite_strict=True,
    )
