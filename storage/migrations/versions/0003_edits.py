"""Edits: what was painted into a photograph, turn by turn."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "edit",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("outside_max_change", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["result.job_id"], name="fk_edit_job_id_result"),
        sa.PrimaryKeyConstraint("job_id", name="pk_edit"),
        sqlite_strict=True,
    )
    op.create_table(
        "edited_turn",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("mask_kind", sa.Text(), nullable=False),
        sa.Column("mask_sha256", sa.Text(), nullable=False),
        sa.Column("mask_suffix", sa.Text(), nullable=False),
        sa.Column("mask_size_bytes", sa.Integer(), nullable=False),
        sa.Column("box_left", sa.Integer(), nullable=False),
        sa.Column("box_top", sa.Integer(), nullable=False),
        sa.Column("box_right", sa.Integer(), nullable=False),
        sa.Column("box_bottom", sa.Integer(), nullable=False),
        sa.Column("painted", sa.Integer(), nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["edit.job_id"], name="fk_edited_turn_job_id_edit"),
        sa.PrimaryKeyConstraint("job_id", "turn", name="pk_edited_turn"),
        sqlite_strict=True,
    )
    op.create_index("ix_edited_turn_mask_sha256", "edited_turn", ["mask_sha256"])
