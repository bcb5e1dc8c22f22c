"""A hundred thousand results, sorted and filtered by their columns. GUI thread only.

Going through the rows themselves takes several frames; through columns, one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from engine.domain.review import Decision, ReviewRow
from gui.review.filter import ReviewFilter, SortOrder
from gui.review.row_columns import PREFIX, RowColumns

_BLOCK = 256  # rows whose words are one text: a word that none of them has is looked for once


class ResultColumns:
    """The results by job, in the order in which they came; sorted orders are kept until a result changes."""

    def __init__(self) -> None:
        self._rows = RowColumns()
        self._texts: list[str] = []
        self._stale: set[int] = set()  # blocks whose texts are not up to date
        self._orders: dict[SortOrder, np.ndarray] = {}

    def keep(self, rows: Sequence[ReviewRow]) -> None:
        """Take over rows that are new or have changed."""
        if not rows:
            return
        self._orders.clear()
        given = dict(zip(self._rows.keep(rows), rows, strict=True))
        self._stale |= {slot // _BLOCK for slot in given}
        if len(rows) >= _BLOCK:
            self._refresh_texts(given)  # a long list is being read; a few that change wait until a text is looked for

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[ReviewRow]:
        return iter(self._rows)

    def __getitem__(self, job_id: int) -> ReviewRow:
        row = self.get(job_id)
        if row is None:
            raise KeyError(job_id)
        return row

    def get(self, job_id: int) -> ReviewRow | None:
        """The result of that job, if it is there."""
        slot = self._rows.slot(job_id)
        return self._rows.row(slot) if slot is not None else None

    def rows(self, job_ids: Iterable[int]) -> list[ReviewRow]:
        """The results of these jobs, which are there."""
        return self._rows.rows([slot for job_id in job_ids if (slot := self._rows.slot(job_id)) is not None])

    def undecided(self, job_ids: Iterable[int]) -> Iterator[tuple[int, int]]:
        """Those of these jobs on which nobody has decided, each with its place among them."""
        pending = self._rows.has("decision", Decision.PENDING).tolist()
        for place, job_id in enumerate(job_ids):
            slot = self._rows.slot(job_id)
            if slot is not None and pending[slot]:
                yield place, job_id

    def arranged(self, order: SortOrder, filter: ReviewFilter) -> list[int]:
        """The job ids of those that the filter admits, in the order of `filter.sort_key`."""
        slots = self._order(order)
        admitted = self._admitted(filter)
        if admitted is not None:
            slots = slots[admitted[slots]]
        return self._rows.jobs[slots].tolist()

    # -- inside -------------------------------------------------------------------------------------------------

    def _refresh_texts(self, given: Mapping[int, ReviewRow]) -> None:
        """Bring the texts up to date; of the slots that are given the rows are known."""
        for block in sorted(self._stale):
            slots = range(block * _BLOCK, min((block + 1) * _BLOCK, len(self._rows)))
            lines = (_words(given.get(slot) or self._rows.row(slot)) for slot in slots)
            self._texts[block : block + 1] = ["\0".join(lines)]
        self._stale.clear()

    def _order(self, order: SortOrder) -> np.ndarray:
        """Slots in that order, (N,) int64. Results that are alike in it come in the order of their jobs."""
        kept = self._orders.get(order)
        if kept is not None:
            return kept
        count = len(self._rows)
        if order is SortOrder.FINISHED:
            found = np.argsort(self._rows.column("job_id"))
        else:
            places = np.empty(count, np.int64)
            places[self._order(SortOrder.FINISHED)] = np.arange(count)
            ranks = self._name_ranks() if order is SortOrder.NAME else _ranks(_keys(self._rows, order))
            found = np.argsort(ranks * count + places)
        self._orders[order] = found
        return found

    def _name_ranks(self) -> np.ndarray:
        """The place of each slot's name among all of them, (N,) int64; eight bytes are compared at a time."""
        prefixes = self._rows.column("name_prefix")
        ranks = np.zeros(len(prefixes), np.int64)
        for part in np.ascontiguousarray(prefixes).view(">u8").reshape(-1, PREFIX // 8).T:
            if (part != part[:1]).any():
                ranks = _ranks(ranks * len(ranks) + _ranks(part.astype(np.uint64)))
        alike = np.bincount(ranks)[ranks] > 1
        if alike.any():  # the same name, or one that differs further on
            rest = np.flatnonzero(alike).tolist()
            names = {slot: self._rows.names[slot].casefold() for slot in rest}
            places = {name: place for place, name in enumerate(sorted(set(names.values())))}
            further = np.zeros(len(ranks), np.int64)
            further[rest] = [places[names[slot]] for slot in rest]
            ranks = _ranks(ranks * len(ranks) + further)
        return ranks

    def _admitted(self, filter: ReviewFilter) -> np.ndarray | None:
        """(N,) bool by slot; None where the filter excludes nothing."""
        rows, low, high = self._rows, filter.delta_E_from, filter.delta_E_to
        tests: list[np.ndarray] = []
        if not filter.superseded and (superseded := rows.column("superseded_by") > 0).any():
            tests.append(~superseded)
        if filter.decision is not None:
            tests.append(rows.has("decision", filter.decision))
        if filter.rating > 0:
            tests.append(rows.column("rating") >= filter.rating)
        if filter.garment is not None:
            tests.append(rows.has("garment", filter.garment))
        if low > 0 or high < math.inf:
            delta_E = rows.column("delta_E_after")
            tests.append((delta_E >= low) & (delta_E <= high))  # NaN is neither
        if filter.finding is not None:
            tests.append(rows.found(filter.finding))
        sku, words = filter.sku.casefold(), filter.text.casefold().split()
        if sku or words:
            tests.append(self._with_words(sku, sorted(words, key=len, reverse=True)))
        return np.logical_and.reduce(tests) if tests else None

    def _with_words(self, sku: str, words: Sequence[str]) -> np.ndarray:
        """Whose SKU begins so, and in whose text all words occur, (N,) bool; best with the rarest word first."""
        self._refresh_texts({})
        found = np.zeros(len(self._rows), bool)
        for block, text in enumerate(self._texts):
            if sku not in text or not all(word in text for word in words):
                continue
            lines = text.split("\0")
            hits: Iterable[int] = range(len(lines))
            if sku:
                hits = [i for i in hits if lines[i].startswith(sku)]
            for word in words:
                hits = [i for i in hits if word in lines[i]]
            found[block * _BLOCK + np.fromiter(hits, np.int64)] = True
        return found


def _ranks(values: np.ndarray) -> np.ndarray:
    """The place of each value among the different ones, (N,) int64. Plain sorts take a fifth of a stable one."""
    return np.unique(values, return_inverse=True)[1]


def _keys(rows: RowColumns, order: SortOrder) -> np.ndarray:
    """What `filter.sort_key` sorts by, as a column of numbers."""
    match order:
        case SortOrder.WORST_FIRST:
            # Masks have no ΔE; the unsure ones come first among them, after every colour match.
            delta_E = rows.column("delta_E_after")
            return np.where(np.isnan(delta_E), 1000 + rows.column("confidence"), -delta_E)
        case SortOrder.UNSURE_FIRST:
            return rows.column("confidence")
        case SortOrder.BEST_RATED:
            return -rows.column("rating")
        case SortOrder.NAME | SortOrder.FINISHED:
            raise AssertionError(f"{order} is no figure")


def _words(row: ReviewRow) -> str:
    """What a text filter looks through; the SKU comes first."""
    return f"{row.sku}\n{row.name}\n{row.view}\n{row.garment}\n{row.note}".casefold().replace("\0", " ")
