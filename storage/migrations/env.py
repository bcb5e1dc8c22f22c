"""What Alembic runs: with the connection `storage.upgrade` hands over, or by itself from the command line.

On the command line, ``alembic check`` and ``alembic revision --autogenerate`` compare the tables with a new, empty
database that all revisions were run on. ``alembic -x catalog=PATH ...`` takes a file instead, a copy of a catalog for
example; Chromask's own catalogs upgrade themselves, after a backup.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from alembic import context
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from sqlalchemy.types import TypeDecorator

from storage.tables import Base


def plain_type(kind: str, item: object, _: object) -> str | Literal[False]:
    """A revision must stay true when `storage.columns` changes: it names what SQLite stores, not the Python type."""
    return f"sa.{type(item.impl_instance).__name__}()" if kind == "type" and isinstance(item, TypeDecorator) else False


def run(connection: Connection) -> None:
    # Batch mode: SQLite cannot alter a column, so Alembic copies the table.
    context.configure(
        connection=connection, target_metadata=Base.metadata, render_as_batch=True, render_item=plain_type
    )
    with context.begin_transaction():
        context.run_migrations()


def run_all_revisions(connection: Connection) -> None:
    script = ScriptDirectory.from_config(context.config)
    steps = MigrationContext.configure(
        connection,
        opts={"fn": lambda revision, _: script._upgrade_revs("head", revision)},  # pyright: ignore
    )
    with Operations.context(steps):
        steps.run_migrations()


handed_over: Connection | None = context.config.attributes.get("connection")
if handed_over is not None:
    run(handed_over)
else:
    catalog = context.get_x_argument(as_dictionary=True).get("catalog")
    engine = create_engine(f"sqlite:///{Path(catalog).as_posix()}" if catalog else "sqlite://")
    with engine.connect() as connection:
        if not catalog:
            run_all_revisions(connection)
        run(connection)
        connection.commit()
    engine.dispose()
