"""What an operator has dropped and decided so far: an unchanging state, so that every step can be taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from engine.domain.assets import Role
from engine.services.intake import Advance, IntakeReport, pair_by_hand, scan, with_photographs_alone
from engine.services.pairing import ProposedPair, ScannedPicture

_EMPTY = IntakeReport((), (), ())


@dataclass(frozen=True, slots=True)
class IntakeList:
    """The list of the Intake page.

    Attributes
    ----------
    dropped : tuple of Path
        Files and folders, in the order in which they came.
    roots : tuple of Path
        Folders by which single files are named, see `engine.services.intake.scan`.
    scanned : IntakeReport
        What was found in them, with the operator's pairs.
    report : IntakeReport
        The same for the work that was chosen: where it needs no flatlays, photographs without one are pairs as well.
    by_hand : tuple of (Path, Path)
        On-model photographs with the flatlays that a person gave them.
    left_out : frozenset of Path
        On-model photographs that are not to be processed.
    garments : mapping
        On-model photograph -> the garment that a person typed.
    needs_flatlays : bool
        See `engine.services.plan.BatchPlan`.
    """

    dropped: tuple[Path, ...] = ()
    roots: tuple[Path, ...] = ()
    scanned: IntakeReport = _EMPTY
    report: IntakeReport = _EMPTY
    by_hand: tuple[tuple[Path, Path], ...] = ()
    left_out: frozenset[Path] = frozenset()
    garments: Mapping[Path, str] = field(default_factory=lambda: MappingProxyType({}))
    needs_flatlays: bool = True

    @property
    def is_empty(self) -> bool:
        return not self.report.pictures and not self.report.problems

    @property
    def folder_name(self) -> str:
        """Of the first folder that was dropped, or in which the first file lies; empty where nothing was dropped."""
        if not self.dropped:
            return ""
        first = self.dropped[0]
        is_file = any(picture.path == first for picture in self.scanned.pictures)
        return first.parent.name if is_file else first.name

    @property
    def pairs(self) -> list[ProposedPair]:
        """Every pair with its typed garment, those that are left out as well."""
        return [
            replace(pair, garment=self.garments.get(pair.on_model.path, pair.garment)) for pair in self.report.pairs
        ]

    def chosen(self) -> list[ProposedPair]:
        """The pairs that will be processed."""
        return [pair for pair in self.pairs if pair.on_model.path not in self.left_out]

    def with_dropped(
        self,
        paths: Sequence[Path],
        *,
        roots: Sequence[Path] = (),
        leave_out: Sequence[Path] = (),
        advance: Advance | None = None,
    ) -> IntakeList:
        """The list with these files and folders read into it; reads headers, so not on the window's thread."""
        dropped, roots = tuple(dict.fromkeys([*self.dropped, *paths])), tuple(dict.fromkeys([*self.roots, *roots]))
        report = scan(dropped, leave_out=leave_out, roots=roots, advance=advance)
        known = {picture.path for picture in report.pictures}
        kept = tuple(pair for pair in self.by_hand if known.issuperset(pair))
        for on_model, flatlay in kept:
            report = pair_by_hand(report, on_model, flatlay)
        return replace(self, dropped=dropped, roots=roots, by_hand=kept)._with_scanned(report)

    def with_pairs(self, pairs: Sequence[tuple[Path, Path]]) -> IntakeList:
        """The list with these (on-model, flatlay) paired by hand.

        Raises
        ------
        KnownError
            From `engine.services.intake.pair_by_hand`.
        """
        report, by_hand = self.scanned, self.by_hand
        for on_model, flatlay in pairs:
            report = pair_by_hand(report, on_model, flatlay)
            by_hand = (*(pair for pair in by_hand if pair[0] != on_model), (on_model, flatlay))
        return replace(self, by_hand=by_hand)._with_scanned(report)

    def for_work(self, *, needs_flatlays: bool) -> IntakeList:
        """The list for work that does or does not need flatlays; the same one where it is that already."""
        if needs_flatlays == self.needs_flatlays:
            return self
        return replace(self, needs_flatlays=needs_flatlays)._with_scanned(self.scanned)

    def with_left_out(self, on_models: Sequence[Path], left_out: bool) -> IntakeList:
        """The list with these left out, or taken in."""
        changed = self.left_out.union(on_models) if left_out else self.left_out.difference(on_models)
        return replace(self, left_out=changed)

    def with_garment(self, on_model: Path, garment: str) -> IntakeList:
        """The list with a garment typed for a pair; empty finds it out."""
        return replace(self, garments=MappingProxyType({**self.garments, on_model: garment.strip()}))

    def _with_scanned(self, scanned: IntakeReport) -> IntakeList:
        return replace(
            self, scanned=scanned, report=scanned if self.needs_flatlays else with_photographs_alone(scanned)
        )


def meant_pairs(one: ScannedPicture, others: Sequence[ScannedPicture]) -> list[tuple[Path, Path]] | None:
    """The (on-model, flatlay) pairs that a person means who puts a picture to some others; None where it is open.

    One flatlay serves several photographs, but a photograph has one flatlay.
    """
    roles = {other.role for other in others}
    if one.role is Role.FLATLAY and Role.FLATLAY not in roles:
        return [(other.path, one.path) for other in others]
    if len(others) != 1 or one.role in roles:
        return None
    (other,) = others
    is_flatlay = other.role is Role.FLATLAY or one.role is Role.ON_MODEL
    return [(one.path, other.path) if is_flatlay else (other.path, one.path)]


class History:
    """The states of the list that a person can go back to, and forward again."""

    def __init__(self) -> None:
        self.now = IntakeList()
        self._past: list[tuple[str, IntakeList]] = []
        self._future: list[tuple[str, IntakeList]] = []

    def do(self, what: str, state: IntakeList) -> None:
        """Go on to a new state; ``what`` names the step, such as ``pairing``."""
        self._past.append((what, self.now))
        self._future.clear()
        self.now = state

    def forget(self) -> None:
        """Begin a new list that has no past."""
        self.now = IntakeList()
        self._past.clear()
        self._future.clear()

    def undo(self) -> None:
        """Take the last step back; nothing happens where there is none."""
        self._step(self._past, self._future)

    def redo(self) -> None:
        """Take the step that was taken back again."""
        self._step(self._future, self._past)

    @property
    def undoes(self) -> str:
        """What `undo` would take back; empty: nothing."""
        return self._past[-1][0] if self._past else ""

    @property
    def redoes(self) -> str:
        """What `redo` would do again; empty: nothing."""
        return self._future[-1][0] if self._future else ""

    def _step(self, here: list[tuple[str, IntakeList]], there: list[tuple[str, IntakeList]]) -> None:
        if here:
            what, state = here.pop()
            there.append((what, self.now))
            self.now = state
