"""Rows of results, held as columns of numbers: a fifth of a kilobyte each, where tuples of objects take a whole one."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from engine.domain.review import ReviewRow
from gui.review.filter import Finding, finding

PREFIX = 24
"""Bytes of a name that are compared as numbers."""

_ROOM = 1024  # rows at first
_PAGE = 2000  # rows that are made at a time, where all are looked through
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_NEVER = np.iinfo(np.int64).min

# A number for each field of `ReviewRow` in its order, without the two texts that nearly every row has of its own; of
# what many rows have in common, its place among the values that were seen.
_SHARED = (
    "kind", "view", "garment", "folder", "mask_name", "verdict", "tolerance", "picture_suffix", "decision", "reason",
    "note", "reviewer",
)  # fmt: skip
_NUMBERS = {
    "change": "i8", "job_id": "i8", "batch_id": "i8", "pair_id": "i8", "confidence": "f8",
    "delta_E_before": "f8", "delta_E_after": "f8",  # NaN without a colour match
    "picture_sha256": "V32", "picture_bytes": "i8", "has_disagreement": "?",
    "finished_at": "i8", "reviewed_at": "i8",  # microseconds since 1970, UTC
    "rating": "i1", "marked_for_training": "?", "version": "i4", "superseded_by": "i8",  # 0: by nothing
}  # fmt: skip
_TEXTS = ("sku", "name")
_FIELDS = [(name, _NUMBERS.get(name, "i4")) for name in ReviewRow._fields if name not in _TEXTS]
_OWN = [("finding", "i1"), ("name_prefix", f"S{PREFIX}")]  # a name as UTF-8 in lower case, which sorts like the text
_FINDINGS = {each: code for code, each in enumerate(Finding)}


class RowColumns:
    """`ReviewRow` by place, in the order in which the results came. GUI thread only."""

    def __init__(self) -> None:
        self._table = np.empty(_ROOM, np.dtype(_FIELDS + _OWN))
        self._slots: dict[int, int] = {}
        self.names: list[str] = []
        self._skus: list[str] = []
        self._shared = {name: _Shared() for name in _SHARED}

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[ReviewRow]:
        for begin in range(0, len(self), _PAGE):
            yield from self.rows(range(begin, min(begin + _PAGE, len(self))))

    @property
    def jobs(self) -> np.ndarray:
        """The job ids by place, (N,) object: the ones that `slot` looks up, so that a list of them takes no memory."""
        return np.fromiter(self._slots, object, len(self._slots))

    def slot(self, job_id: int) -> int | None:
        """The place of that job's result, if it is there."""
        return self._slots.get(job_id)

    def row(self, slot: int) -> ReviewRow:
        """The result at that place."""
        return self._row(self.names[slot], self._skus[slot], self._table[slot].item())

    def rows(self, slots: Sequence[int]) -> list[ReviewRow]:
        """The results at these places."""
        values = self._table[list(slots)].tolist()
        return [self._row(self.names[s], self._skus[s], v) for s, v in zip(slots, values, strict=True)]

    def column(self, name: str) -> np.ndarray:
        """A field of every row, (N,), coded where rows have it in common; or ``finding``, ``name_prefix``."""
        return self._table[name][: len(self)]

    def has(self, name: str, value: Hashable) -> np.ndarray:
        """Whose field, one of those that rows have in common, is that value, (N,) bool."""
        return self.column(name) == self._shared[name].codes.get(value, -1)

    def found(self, what: Finding) -> np.ndarray:
        """Whose finding it is, (N,) bool."""
        return self.column("finding") == _FINDINGS[what]

    def keep(self, rows: Sequence[ReviewRow]) -> list[int]:
        """Take over rows that are new or have changed; their places."""
        slots = self._slots_for(rows)
        is_run = slots == list(range(slots[0], slots[0] + len(slots)))  # as those of a page of new rows
        where = slice(slots[0], slots[0] + len(slots)) if is_run else np.array(slots)
        if len(self) > len(self._table):
            # What is not written yet takes no memory.
            wider = np.empty(max(len(self), 2 * len(self._table)), self._table.dtype)
            wider[: len(self._table)] = self._table
            self._table = wider
        table, columns = self._table, dict(zip(ReviewRow._fields, zip(*rows, strict=True), strict=True))
        for name in _SHARED:
            table[name][where] = self._shared[name].code_all(columns[name])
        for name in ("change", "job_id", "batch_id", "pair_id", "confidence", "picture_bytes", "has_disagreement"):
            table[name][where] = columns[name]
        for name in ("rating", "marked_for_training", "version"):
            table[name][where] = columns[name]
        for name in ("delta_E_before", "delta_E_after"):
            table[name][where] = [math.nan if value is None else value for value in columns[name]]
        for name in ("finished_at", "reviewed_at"):
            table[name][where] = [_NEVER if at is None else (at - _EPOCH) // _TICK for at in columns[name]]
        table["superseded_by"][where] = [newer or 0 for newer in columns["superseded_by"]]
        table["picture_sha256"][where] = np.array([bytes.fromhex(text) for text in columns["picture_sha256"]], "V32")
        table["finding"][where] = [_FINDINGS[finding(row)] for row in rows]
        table["name_prefix"][where] = [
            name.casefold().encode("utf-8", "surrogatepass")[:PREFIX] for name in columns["name"]
        ]
        return slots

    # -- inside -------------------------------------------------------------------------------------------------

    def _slots_for(self, rows: Sequence[ReviewRow]) -> list[int]:
        """Where the rows belong; their texts are there then."""
        slots: list[int] = []
        known, names, skus = self._slots, self.names, self._skus
        for row in rows:
            slot = known.get(row.job_id)
            if slot is None:
                slot = known[row.job_id] = len(names)
                names.append(row.name)
                skus.append(row.sku)
            else:
                names[slot], skus[slot] = row.name, row.sku
            slots.append(slot)
        return slots

    def _row(self, name: str, sku: str, values: tuple[Any, ...]) -> ReviewRow:
        (
            change, job_id, batch_id, pair_id, kind, view, garment, folder, mask_name, confidence, before, after,
            verdict, tolerance, sha256, suffix, size, disagrees, finished_at, decision, rating, reason, note, reviewer,
            reviewed_at, marked, version, superseded_by, _, _,
        ) = values  # fmt: skip
        shared = self._shared
        return ReviewRow(
            change, job_id, batch_id, pair_id, shared["kind"].values[kind], sku, shared["view"].values[view],
            shared["garment"].values[garment], name, shared["folder"].values[folder],
            shared["mask_name"].values[mask_name], confidence, _known(before), _known(after),
            shared["verdict"].values[verdict], shared["tolerance"].values[tolerance],
            sha256.hex(), shared["picture_suffix"].values[suffix], size, disagrees, _moment(finished_at),
            shared["decision"].values[decision], rating, shared["reason"].values[reason], shared["note"].values[note],
            shared["reviewer"].values[reviewer], None if reviewed_at == _NEVER else _moment(reviewed_at), marked,
            version, superseded_by or None,
        )  # fmt: skip


class _Shared:
    """Values that many rows have in common, numbered as they come."""

    def __init__(self) -> None:
        self.codes: dict[Hashable, int] = {}
        self.values: list[Any] = []

    def code_all(self, values: Sequence[Hashable]) -> list[int]:
        codes = self.codes
        try:
            return [codes[value] for value in values]
        except KeyError:  # seldom: a value that was never seen
            for value in values:
                if codes.setdefault(value, len(codes)) == len(self.values):
                    self.values.append(value)
        return [codes[value] for value in values]


def _known(number: float) -> float | None:
    return None if math.isnan(number) else number


def _moment(ticks: int) -> datetime:
    return _EPOCH + timedelta(microseconds=ticks)
