"""Requests and catalogs of earlier revisions: read as they are, under the hashes that they had."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.codec import from_json, request_hash, to_json
from engine.domain.jobs import Origin, Reason
from engine.domain.requests import (
    ColorMatchRequest,
    EngineName,
    LightnessRule,
    Request,
    View,
)
from storage.location import SqliteLocation
from storage.upgrade import MIGRATIONS, upgrade
from tests.contract.factories import edit_request, kontext_request, mask_request, match_outcome

if TYPE_CHECKING:
    pass


OLD_MASK = (
    '{"detection":null,"diffusion":null,"engine":"classical","garment":"shirt","name":"garment","type":"MaskRequest"}',
    "83c4291fae8b1994bbc6ff89450c4f30d16a901a762a2bc3377e01b08fd6544c",
)
OLD_MATCH = (
    '{"diffusion":null,"engine":"classical","mask":{"detection":null,"diffusion":null,"engine":"classical",'
    '"garment":"shirt","name":"garment"},"tolerance":{"k_C":1.0,"k_H":1.0,"k_L":1.0,"passes":3.0,"warns":5.0},'
    '"tolerance_by_garment":[],"type":"ColorMatchRequest","views":[{"flatlay":"/studio/bf.jpg","flatlay_sha256":'
    '"bfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbf","on_model":"/studio/b.jpg",'
    '"on_model_sha256":"b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1"}]}',
    "62be70f5d06c24728d01f5aaa2415cb0a89b55964e5ff447247141860a4645b9",
)


def test_requests_of_older_catalogs_are_read_and_keep_their_hashes() -> None:
    view = View(Path("/studio/b.jpg"), "b1" * 32, Path("/studio/bf.jpg"), "bf" * 32)
    match = ColorMatchRequest(EngineName.CLASSICAL, mask_request(), views=(view,))
    for (text, digest), request in ((OLD_MASK, mask_request()), (OLD_MATCH, match)):
        assert from_json(text, Request) == request
        assert to_json(request, Request) == text
        assert request_hash(request) == digest
    assert request_hash(kontext_request()) == "46384096a1f1343e8c1324dbc1aa3cf34c2dec5120edb16e34fe5203efd8effd"
    assert request_hash(edit_request(1)) == "106f3d92908f63dde6355d3632e116b537c1f3398776d867d2626f094c0f4ef8"


def test_what_is_new_in_a_request_is_in_its_hash() -> None:
    ref = match_outcome().mask.alpha
    view = View(Path("/studio/b.jpg"), "b1" * 32, Path("/studio/bf.jpg"), "bf" * 32)
    match = ColorMatchRequest(EngineName.CLASSICAL, mask_request(), views=(view,))
    requests: tuple[Request, ...] = (
        match,
        replace(match, mask=replace(match.mask, corrected=ref)),
        replace(match, mask=replace(match.mask, corrected=replace(ref, sha256="0" * 64))),
        replace(match, views=(replace(view, corrected=ref),)),
        replace(match, lightness=LightnessRule.FLATLAY),
        replace(match, retouch=ref),
        edit_request(1),
        replace(edit_request(1), retouch=ref),
        replace(mask_request(), corrected=ref),
    )
    assert len({request_hash(request) for request in requests}) == len(requests)
    for request in requests:
        assert from_json(to_json(request, Request), Request) == request


def test_a_catalog_of_the_third_revision_knows_its_jobs_and_takes_versions_of_them(tmp_path: Path) -> None:
    path, third = tmp_path / "catalog.db", tmp_path / "third"
    (third / "versions").mkdir(parents=True)
    for file in MIGRATIONS.rglob("*.py"):
        if file.parent != MIGRATIONS / "versions" or file.name <= "0003_z":
            (third / file.relative_to(MIGRATIONS)).write_bytes(file.read_bytes())
    upgrade(path, migrations=third, head="0003")
    asset = "(path, sha256, size_bytes, role, width, height, format, mode, bit_depth, notices)"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            f"INSERT INTO asset {asset} VALUES ('/a.jpg', 'a', 1, 'on_model', 4, 5, 'JPEG', 'RGB', 8, '[]')"
        )
        connection.execute("INSERT INTO pair (sku, view, garment, on_model_id) VALUES ('A1', '', 'shirt', 1)")
        connection.execute("INSERT INTO batch (name, created_at) VALUES ('old', '2026-03-29T12:00:00.123456Z')")
        job = "(batch_id, pair_id, request_json, request_hash, state, attempt, priority, position, created_at)"
        values = (*OLD_MASK, "queued", 0, 0, 0, "2026-03-29T12:00:00.123456Z")
        connection.execute(f"INSERT INTO job {job} VALUES (1, 1, ?, ?, ?, ?, ?, ?, ?)", values)
        connection.commit()
    with SqliteLocation().open(path) as (catalog, _):
        assert catalog.check() == []
        (old,) = catalog.jobs()
        assert (old.request, old.origin, old.chain, old.version) == (mask_request(), None, None, 1)
        (again,) = catalog.add_jobs(1, [(1, mask_request())])
        assert again == old, "what an older version queued or did is not queued again"
        corrected = replace(mask_request(), corrected=match_outcome().mask.alpha)
        (new,) = catalog.add_jobs(1, [(1, corrected)], origins=[Origin(old.id, Reason.MASK_EDITED, "ada")])
        assert [job.id for job in catalog.versions(old.id)] == [new.id, old.id]
        assert catalog.check() == []
