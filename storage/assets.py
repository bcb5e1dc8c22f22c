"""Photographs, pairs and batches: rows to domain and back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session, aliased

from engine.domain.assets import Asset, AssetPair, NewAsset, NewPair
from engine.domain.errors import BugError
from engine.domain.geometry import Extent
from engine.domain.jobs import Batch
from storage.tables import AssetRow, BatchRow, PairRow

T = TypeVar("T")

AssetKey = tuple[Path, str]
PairKey = tuple[int, int | None]


def chunks(items: Iterable[T], size: int = 500) -> Iterator[list[T]]:
    """The items in runs that fit into one ``IN (...)``."""
    whole = list(items)
    for start in range(0, len(whole), size):
        yield whole[start : start + size]


# -- batches ------------------------------------------------------------------------------------------------------


def create_batch(session: Session, name: str, now: datetime) -> Batch:
    row = BatchRow(name=name, created_at=now)
    session.add(row)
    session.flush()
    return _batch(row)


def batches(session: Session) -> list[Batch]:
    return [_batch(row) for row in session.scalars(select(BatchRow).order_by(BatchRow.id.desc()))]


def require_batch(session: Session, batch_id: int | None) -> None:
    if batch_id is not None and session.get(BatchRow, batch_id) is None:
        raise BugError(f"there is no batch {batch_id}")


def _batch(row: BatchRow) -> Batch:
    return Batch(id=row.id, name=row.name, created_at=row.created_at)


# -- pairs --------------------------------------------------------------------------------------------------------


def add_pairs(session: Session, pairs: Sequence[NewPair]) -> list[AssetPair]:
    """Insert what is new, in order, and update what is known. The session holds the write lock: nobody races."""
    asset_ids = _add_assets(session, [asset for pair in pairs for asset in _assets(pair)])
    keys: list[PairKey] = [
        (asset_ids[_key(pair.on_model)], None if pair.flatlay is None else asset_ids[_key(pair.flatlay)])
        for pair in pairs
    ]
    wanted = dict(zip(keys, pairs, strict=True))  # of two entries for the same pair, the later one's words count
    known = _pair_ids(session, wanted)
    new = [
        {"on_model_id": key[0], "flatlay_id": key[1], "sku": pair.sku, "view": pair.view, "garment": pair.garment}
        for key, pair in wanted.items()
        if key not in known
    ]
    if new:
        session.execute(insert(PairRow), new)
    if known:
        session.execute(
            update(PairRow),
            [
                {"id": pair_id, "sku": wanted[key].sku, "view": wanted[key].view, "garment": wanted[key].garment}
                for key, pair_id in known.items()
            ],
        )
    ids = _pair_ids(session, wanted)
    stored = pairs_by_id(session, ids.values())
    return [stored[ids[key]] for key in keys]


def pairs_by_id(session: Session, ids: Collection[int]) -> dict[int, AssetPair]:
    """The pairs with their assets.

    Raises
    ------
    BugError
        One of them does not exist.
    """
    on_model, flatlay = aliased(AssetRow), aliased(AssetRow)
    found: dict[int, AssetPair] = {}
    for some in chunks(dict.fromkeys(ids)):
        rows = session.execute(
            select(PairRow, on_model, flatlay)
            .join(on_model, PairRow.on_model_id == on_model.id)
            .outerjoin(flatlay, PairRow.flatlay_id == flatlay.id)
            .where(PairRow.id.in_(some))
        )
        for pair, front, flat in rows:
            found[pair.id] = _pair(pair, front, flat)
    missing = set(ids) - found.keys()
    if missing:
        raise BugError(f"there are no pairs {sorted(missing)}")
    return found


def _assets(pair: NewPair) -> tuple[NewAsset, ...]:
    return (pair.on_model,) if pair.flatlay is None else (pair.on_model, pair.flatlay)


def _key(asset: NewAsset) -> AssetKey:
    return asset.path, asset.sha256


def _add_assets(session: Session, assets: Sequence[NewAsset]) -> dict[AssetKey, int]:
    wanted = {_key(asset): asset for asset in assets}
    known = _asset_ids(session, wanted)
    new = [
        {
            "path": asset.path,
            "sha256": asset.sha256,
            "size_bytes": asset.size_bytes,
            "role": asset.role,
            "width": asset.header.extent.width,
            "height": asset.header.extent.height,
            "format": asset.header.format,
            "mode": asset.header.mode,
            "bit_depth": asset.header.bit_depth,
            "icc": asset.header.icc,
            "notices": asset.header.notices,
        }
        for key, asset in wanted.items()
        if key not in known
    ]
    if not new:
        return known
    session.execute(insert(AssetRow), new)
    return _asset_ids(session, wanted)


def _asset_ids(session: Session, keys: Iterable[AssetKey]) -> dict[AssetKey, int]:
    wanted = set(keys)
    found: dict[AssetKey, int] = {}
    for paths in chunks(dict.fromkeys(path for path, _ in wanted)):
        query = select(AssetRow.path, AssetRow.sha256, AssetRow.id).where(AssetRow.path.in_(paths))
        for path, sha256, asset_id in session.execute(query):
            if (path, sha256) in wanted:
                found[path, sha256] = asset_id
    return found


def _pair_ids(session: Session, keys: Iterable[PairKey]) -> dict[PairKey, int]:
    wanted = set(keys)
    found: dict[PairKey, int] = {}
    for on_models in chunks(dict.fromkeys(on_model for on_model, _ in wanted)):
        query = select(PairRow.on_model_id, PairRow.flatlay_id, PairRow.id).where(PairRow.on_model_id.in_(on_models))
        for on_model, flatlay, pair_id in session.execute(query):
            if (on_model, flatlay) in wanted:
                found[on_model, flatlay] = pair_id
    return found


def _pair(pair: PairRow, on_model: AssetRow, flatlay: AssetRow | None) -> AssetPair:
    return AssetPair(
        id=pair.id,
        sku=pair.sku,
        view=pair.view,
        garment=pair.garment,
        on_model=_asset(on_model),
        flatlay=None if flatlay is None else _asset(flatlay),
    )


def _asset(row: AssetRow) -> Asset:
    return Asset(
        id=row.id,
        path=row.path,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        role=row.role,
        extent=Extent(row.width, row.height),
        bit_depth=row.bit_depth,
        mode=row.mode,
        icc=row.icc,
    )
