"""What an export writes: which results may leave, which version of each, and which files they make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.domain.export import ExportRecipe
from engine.domain.files import absolute_path
from engine.domain.jobs import JobState
from engine.domain.review import Decision, ReviewItem
from engine.ports import Catalog
from engine.services.versions import newest_of_each


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """Where an export goes, and what it writes there."""

    folder: Path
    recipe: ExportRecipe = field(default_factory=ExportRecipe)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", absolute_path(self.folder))


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export did.

    Attributes
    ----------
    written : tuple of Path
        Files written by this call.
    kept : tuple of Path
        Files that an earlier call had written already, unchanged since.
    failures : tuple of str
        One sentence each.
    skipped : tuple of Path
        Files in the way that were left alone, as the recipe wanted it.
    notices : tuple of str
        What a format could not keep, one sentence each.
    """

    written: tuple[Path, ...]
    kept: tuple[Path, ...]
    failures: tuple[str, ...]
    skipped: tuple[Path, ...] = ()
    notices: tuple[str, ...] = ()


def items_to_export(items: Sequence[ReviewItem]) -> list[ReviewItem]:
    """Of each result the newest approved version, or else the newest one, in the order of the items.

    A version that nobody has looked at does not take the place of one that a person approved.
    """
    approved = newest_of_each(item for item in items if item.decision is Decision.APPROVED)
    return [approved.get(chain, item) for chain, item in newest_of_each(items).items()]


def may_leave(item: ReviewItem, *, approved_only: bool) -> bool:
    """Whether a result may be exported as things stand; a rejected one never."""
    return item.decision is Decision.APPROVED or (item.decision is Decision.PENDING and not approved_only)


def photographs(items: Iterable[ReviewItem]) -> list[list[ReviewItem]]:
    """The results by their pair, each pair's from the bottom layer up: matches, edits, and what is a mask only."""
    by_pair: dict[int, list[ReviewItem]] = {}
    for item in items:
        by_pair.setdefault(item.pair.id, []).append(item)
    return [from_the_bottom_up(results) for results in by_pair.values()]


def from_the_bottom_up(items: Iterable[ReviewItem]) -> list[ReviewItem]:
    return sorted(items, key=lambda item: (_height(item), item.job.id))


def _height(item: ReviewItem) -> int:
    outcome = item.outcome
    return 0 if outcome.match is not None else 1 if outcome.edit is not None else 2


def with_held(
    catalog: Catalog, items: Sequence[ReviewItem], held: Iterable[int], *, approved_only: bool
) -> list[ReviewItem]:
    """The results of a document that is written anew: those of this export, and those of other batches that the
    document held, in the version that may leave now.

    Parameters
    ----------
    held : iterable of int
        Job ids of the document that there is.
    """
    found = {item.job.chain or item.job.id: item for item in items}
    for job_id in held:
        versions = catalog.versions(job_id)
        if (versions[0].chain or versions[0].id) in found:
            continue
        finished = [job.id for job in versions if job.state is JobState.SUCCEEDED]
        for item in items_to_export(catalog.review_items_by_id(finished)):
            if may_leave(item, approved_only=approved_only):
                found[item.job.chain or item.job.id] = item
    return from_the_bottom_up(found.values())
