"""An exported file's record says by which settings it was made and what it took the place of, and is found by path."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Plain ADD COLUMNs, so that the table is not copied.
    for name in ("former_sha256", "settings"):
        op.execute(f"ALTER TABLE export ADD COLUMN {name} TEXT NOT NULL DEFAULT ''")
    op.create_index("ix_export_path", "export", ["path"])
    # An export that was cut off had a record without a hash, which would now be of a file that is not known.
    op.execute("DELETE FROM export WHERE sha256 = ''")
