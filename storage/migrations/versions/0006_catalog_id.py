"""A catalog has an id, by which an exported file knows it again wherever either of them was moved."""

from __future__ import annotations

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    identity = op.create_table(
        "identity",
        sa.Column("catalog_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("catalog_id", name="pk_identity"),
        sqlite_strict=True,
    )
    op.bulk_insert(identity, [{"catalog_id": uuid4().hex}])
