"""Verdicts have stars and a reason, and every result a number that grows with each change of its row in the lists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # As statements: Alembic would copy the table for the sake of the constraint.
    op.execute(
        "ALTER TABLE review ADD COLUMN rating INTEGER DEFAULT '0' NOT NULL"
        " CONSTRAINT ck_review_rating CHECK (rating BETWEEN 0 AND 5)"
    )
    op.add_column("review", sa.Column("reason", sa.Text(), nullable=True))
    op.create_table(
        "review_change",
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name="fk_review_change_batch_id_batch"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_review_change_job_id_job"),
        sa.PrimaryKeyConstraint("change", name="pk_review_change"),
        sa.UniqueConstraint("job_id", name="uq_review_change_job_id"),
        sqlite_strict=True,
        sqlite_autoincrement=True,
    )
    op.create_index("ix_review_change_batch_id", "review_change", ["batch_id"])
    op.execute(
        "INSERT INTO review_change (job_id, batch_id)"
        " SELECT id, batch_id FROM job WHERE state = 'succeeded' ORDER BY id"
    )
    for name, (event, when, jobs) in FOLLOWED.items():
        op.execute(
            f"""
            CREATE TRIGGER review_change_{name} AFTER {event} {f"WHEN {when}" if when else ""} BEGIN
                DELETE FROM review_change WHERE job_id IN ({jobs});
                INSERT INTO review_change (job_id, batch_id)
                    SELECT id, batch_id FROM job WHERE id IN ({jobs}) AND state = 'succeeded';
            END
            """
        )


_OF_CHAIN = "SELECT NEW.id UNION SELECT id FROM job WHERE chain_id = NEW.chain_id"
FOLLOWED = {
    "success": ("UPDATE OF state ON job", "NEW.state = 'succeeded' AND OLD.state != NEW.state", _OF_CHAIN),
    "version": (
        "UPDATE OF chain_id, version ON job",
        "OLD.chain_id IS NOT NEW.chain_id OR OLD.version != NEW.version",
        _OF_CHAIN,
    ),
    "batch": ("UPDATE OF batch_id ON job", "OLD.batch_id != NEW.batch_id", "NEW.id"),
    "pair": (
        "UPDATE OF sku, view, garment ON pair",
        "(OLD.sku, OLD.view, OLD.garment) != (NEW.sku, NEW.view, NEW.garment)",
        "SELECT id FROM job WHERE pair_id = NEW.id",
    ),
    "review": ("INSERT ON review", "", "NEW.job_id"),
    "marked": ("INSERT ON training_mark", "", "NEW.job_id"),
    "unmarked": ("DELETE ON training_mark", "", "OLD.job_id"),
}
"""Which event changes the rows of which jobs: name -> (event, condition, ids). Only succeeded jobs have a row."""
