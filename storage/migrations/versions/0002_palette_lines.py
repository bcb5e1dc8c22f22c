"""ΔE reports hold a line for each main colour of the garment; reports from before have none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A plain ADD COLUMN: SQLite takes a constant default for a new NOT NULL column, so no table is copied.
    op.add_column("delta_e_report", sa.Column("palette", sa.Text(), server_default="[]", nullable=False))
