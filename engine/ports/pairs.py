"""A part of the catalog: photographs and their flatlays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.domain.assets import AssetPair, NewPair
from engine.domain.requests import View


class Pairs(Protocol):
    """Photographs and their flatlays.

    A part of `engine.ports.Catalog`, whose rules hold.
    """

    def add_pairs(self, pairs: Sequence[NewPair]) -> list[AssetPair]:
        """Insert pairs with their assets, in order. An asset known by (path, sha256) and a pair known by (on-model,
        flatlay) are re-used; sku, view and garment of a known pair are updated.
        """
        ...

    def pair(self, pair_id: int) -> AssetPair: ...

    def pairs(self, ids: Sequence[int]) -> dict[int, AssetPair]: ...

    def find_pairs(self, views: Sequence[View]) -> list[int | None]:
        """For each view the id of its pair, by path and hash of both photographs; None where it is not known."""
        ...
