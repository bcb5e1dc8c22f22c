"""A catalog with many finished results in one batch, for benchmarks: one is made through the engine's own doors and
copied by SQL, with a name, a ΔE and a confidence of its own, and one of a few hundred drawn pictures."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import cv2

from engine.domain.artifacts import ArtifactKind
from storage.location import SqliteLocation
from tests.contract.factories import color_match_request, match_outcome, new_pair
from tests.gui.studio import jpeg, picture

PICTURES = 200
BATCH = "large"


def write_large_catalog(path: Path, rows: int) -> None:
    """Write the catalog file and its artifact folder; 100,000 rows take about half a minute."""
    now = datetime.now(UTC)
    with SqliteLocation().open(path) as (catalog, artifacts):
        previews = [
            artifacts.put(ArtifactKind.PREVIEW, jpeg(cv2.resize(picture(n), (480, 720))), ".jpg")
            for n in range(PICTURES)
        ]
        batch = catalog.create_batch(BATCH)
        (pair,) = catalog.add_pairs([new_pair(1)])
        catalog.add_jobs(batch.id, [(pair.id, color_match_request())])
        job = catalog.claim("bench", now)
        assert job is not None
        assert catalog.succeed(job.id, "bench", match_outcome(), now)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        numbers = "WITH RECURSIVE c (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM c WHERE n < ?) SELECT n FROM c"
        connection.execute(f"CREATE TEMP TABLE n AS {numbers}", (rows,))
        connection.execute("CREATE TEMP TABLE preview (n INTEGER PRIMARY KEY, sha256, size)")
        connection.executemany(
            "INSERT INTO preview VALUES (?, ?, ?)", [(n, p.sha256, p.size_bytes) for n, p in enumerate(previews)]
        )
        flatlay = "(SELECT flatlay_id FROM pair WHERE id = 1)"
        on_model = "(SELECT on_model_id FROM pair WHERE id = 1)"
        first = {row[1] for row in connection.execute("SELECT * FROM asset")}
        assert len(first) == 2
        _copy(connection, "asset", on_model, {
            "id": "10 + n.n", "path": "'/studio/' || printf('%03d/%06d_model.jpg', n.n / 1000, n.n)",
            "sha256": "printf('%064d', n.n)",
        })  # fmt: skip
        _copy(connection, "pair", "1", {
            "id": "n.n", "sku": "printf('SKU%06d', n.n / 4)", "on_model_id": "10 + n.n", "flatlay_id": flatlay,
            "garment": "CASE n.n % 3 WHEN 0 THEN 'shirt' WHEN 1 THEN 'coat' ELSE 'dress' END",
        })  # fmt: skip
        _copy(connection, "job", "1", {"id": "n.n", "pair_id": "n.n", "position": "n.n"})
        connection.execute("INSERT INTO review_change (job_id, batch_id) SELECT id, batch_id FROM job WHERE id > 1")
        for table in ("result", "mask", "color_match", "delta_e_report", "artifact"):
            own = {
                "mask": {"confidence": "0.3 + 0.7 * (abs(random()) % 1000) / 1000.0"},
                "delta_e_report": {"delta_E": "delta_E * (abs(random()) % 1000) / 400.0"},
            }
            _copy(connection, table, "1", {"job_id": "n.n"} | own.get(table, {}), "job_id")
        connection.execute(f"""
            UPDATE artifact SET
                sha256 = (SELECT sha256 FROM preview WHERE n = job_id % {PICTURES}),
                size_bytes = (SELECT size FROM preview WHERE n = job_id % {PICTURES})
            WHERE slot IN ('preview_on_model', 'preview_matched')
        """)
        connection.execute("UPDATE artifact SET suffix = '.jpg' WHERE slot = 'preview_disagreement'")
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _copy(connection: sqlite3.Connection, table: str, of: str, own: dict[str, str], key: str = "id") -> None:
    """Copy the rows ``of`` a table once for each n, with columns of their own."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(own.get(column, f"t.{column}") for column in columns)
    connection.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} AS t, n"
        f" WHERE t.{key} = {of} ORDER BY n.n"
    )
