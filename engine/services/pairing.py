"""Finds the flatlay of every on-model photograph by names, folders and pair lists."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.domain.assets import PictureHeader, Role
from engine.domain.errors import KnownError
from engine.domain.files import known_os_error
from engine.services.names import NameParts


@dataclass(frozen=True, slots=True)
class ScannedPicture:
    """A readable picture found at intake; only its header was read.

    Attributes
    ----------
    role : Role
        From the names, or as decided by its company or by hand.
    sha256 : str
        Known early only for files that share their size with another; empty otherwise.
    """

    path: Path
    size_bytes: int
    header: PictureHeader
    name: NameParts
    role: Role
    sha256: str = ""

    @property
    def sku(self) -> str:
        """Its article: from its name, or from its folder where the name says nothing."""
        return self.name.folder if self.name.is_silent else self.name.sku


@dataclass(frozen=True, slots=True)
class ProposedPair:
    """An on-model photograph and the flatlay that intake found for it.

    Attributes
    ----------
    flatlay : ScannedPicture or None
        None where none was found, and the work needs none.
    because : str
        What they were paired by, for the operator: ``names``, ``folder``, ``pair list`` or ``hand``; empty where the
        photograph stands alone.
    """

    on_model: ScannedPicture
    flatlay: ScannedPicture | None
    sku: str
    view: str
    garment: str
    because: str


@dataclass(frozen=True, slots=True)
class IntakeProblem:
    """A file or folder that will not be processed, and why; one sentence and what to do."""

    path: Path
    what: str
    remedy: str

    def __str__(self) -> str:
        return str(KnownError(self.what, remedy=self.remedy, path=self.path))


@dataclass(frozen=True, slots=True)
class PairListRow:
    """One line of a pair list (CSV with the columns ``on_model,flatlay,sku,garment``)."""

    on_model: Path
    flatlay: Path
    sku: str
    garment: str


def read_pair_list(path: Path) -> list[PairListRow]:
    """Read a CSV pair list; relative paths start at the list's folder, sku and garment may be empty or absent.

    Raises
    ------
    KnownError
        The list cannot be read, has no ``on_model`` and ``flatlay`` columns, or a line lacks one of the two.
    """
    remedy = "The first line must be: on_model,flatlay,sku,garment."
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise known_os_error(error, path) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise KnownError(
            "this is not a UTF-8 text file with comma-separated columns", remedy=remedy, path=path
        ) from error
    if rows and not {"on_model", "flatlay"} <= set(rows[0]):
        raise KnownError("the columns on_model and flatlay are missing", remedy=remedy, path=path)
    pairs: list[PairListRow] = []
    for number, row in enumerate(rows, start=2):
        on_model, flatlay = (row["on_model"] or "").strip(), (row["flatlay"] or "").strip()
        if "\0" in on_model + flatlay:
            raise KnownError(f"line {number} has a file name that no disk can hold", remedy=remedy, path=path)
        if not on_model or not flatlay:
            raise KnownError(f"line {number} lacks a file name", remedy="Fill in both columns.", path=path)
        pairs.append(
            PairListRow(
                path.parent / on_model, path.parent / flatlay, (row.get("sku") or "").strip(),
                (row.get("garment") or "").strip(),
            )
        )  # fmt: skip
    return pairs


def real_path(path: Path) -> Path:
    """The path with every link followed; unlike `Path.resolve` it takes one that leads round in a circle as it is."""
    return Path(os.path.realpath(path))


def is_pair_list(path: Path) -> bool:
    """Whether the CSV file's first line names the columns of a pair list."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            first = file.readline(4096)
    except OSError:
        return False  # the walk reports unreadable files itself
    return {"on_model", "flatlay"} <= {column.strip().strip('"') for column in first.split(",")}


def pair_pictures(
    pictures: Sequence[ScannedPicture], listed: Sequence[PairListRow] = ()
) -> tuple[list[ProposedPair], list[ScannedPicture], list[IntakeProblem]]:
    """Pair on-model photographs with flatlays.

    A pair list goes first; then, for every on-model photograph, the flatlays whose key is the same, whose SKU is the
    same, or that lie in the same article folder, the first of these groups that holds exactly one (or exactly one of
    the same view). One flatlay may serve many photographs.

    Returns
    -------
    pairs : list of ProposedPair
        In path order.
    pictures : list of ScannedPicture
        All pictures, with the roles that were decided by their company.
    problems : list of IntakeProblem
        Every picture that is in no pair, and why.
    """
    by_path = {real_path(picture.path): picture for picture in pictures}
    pairs: list[ProposedPair] = []
    problems: list[IntakeProblem] = []
    for row in listed:
        found = [by_path.get(real_path(path)) for path in (row.on_model, row.flatlay)]
        if found[0] is None or found[1] is None:
            missing = row.on_model if found[0] is None else row.flatlay
            problems.append(
                IntakeProblem(
                    missing, "the pair list names it, but it is not among the pictures", "Check the name in the list."
                )
            )
            continue
        on_model, flatlay = replace(found[0], role=Role.ON_MODEL), replace(found[1], role=Role.FLATLAY)
        by_path[real_path(on_model.path)], by_path[real_path(flatlay.path)] = on_model, flatlay
        sku = row.sku or on_model.name.sku or on_model.name.folder
        pairs.append(ProposedPair(on_model, flatlay, sku, on_model.name.view, row.garment, "pair list"))
    done = {pair.on_model.path for pair in pairs}
    decided = _decide_roles(list(by_path.values()))
    flatlays = [picture for picture in decided if picture.role is Role.FLATLAY]
    groups = _Groups.of(flatlays, decided)
    for picture in decided:
        if picture.role is not Role.ON_MODEL or picture.path in done:
            continue
        flatlay, because, reason = groups.flatlay_of(picture)
        if flatlay is None:
            problems.append(IntakeProblem(picture.path, reason, "Pair it by hand, or add it to a pair list."))
        else:
            pairs.append(ProposedPair(picture, flatlay, picture.sku, picture.name.view, "", because))
    used = {pair.flatlay.path for pair in pairs if pair.flatlay}
    for picture in decided:
        if picture.role is Role.FLATLAY and picture.path not in used:
            what = "this flatlay has no on-model photograph"
            problems.append(IntakeProblem(picture.path, what, "Pair it by hand, or add the on-model photograph."))
        elif picture.role is Role.UNKNOWN:
            what = "neither its name nor its folder tells whether it is a flatlay or an on-model photograph"
            remedy = "Pair it by hand, or put 'flat' or 'model' into the file's or the folder's name."
            problems.append(IntakeProblem(picture.path, what, remedy))
    return sorted(pairs, key=lambda pair: pair.on_model.path), decided, problems


def _decide_roles(pictures: Sequence[ScannedPicture]) -> list[ScannedPicture]:
    """A picture without a role word takes the role that its company leaves open.

    Beside an explicit flatlay of the same article it is on-model; beside explicit on-model photographs a single one
    is the flatlay.
    """
    company: dict[tuple[str, str], list[ScannedPicture]] = defaultdict(list)
    for picture in pictures:
        company[_article(picture)].append(picture)
    decided: list[ScannedPicture] = []
    for picture in sorted(pictures, key=lambda p: p.path):
        if picture.role is Role.UNKNOWN:
            others = company[_article(picture)]
            roles = [other.role for other in others]
            if Role.FLATLAY in roles:
                picture = replace(picture, role=Role.ON_MODEL)
            elif Role.ON_MODEL in roles and roles.count(Role.UNKNOWN) == 1:
                picture = replace(picture, role=Role.FLATLAY)
        decided.append(picture)
    return decided


def _article(picture: ScannedPicture) -> tuple[str, str]:
    return ("folder", picture.name.folder) if picture.name.is_silent else ("sku", picture.name.sku)


@dataclass(frozen=True, slots=True)
class _Groups:
    """Flatlays by key, SKU and folder, and which numbers each folder's on-model photographs carry."""

    by_key: Mapping[str, list[ScannedPicture]]
    by_sku: Mapping[str, list[ScannedPicture]]
    by_folder: Mapping[str, list[ScannedPicture]]
    numbers: Mapping[str, set[str]]

    @classmethod
    def of(cls, flatlays: Sequence[ScannedPicture], pictures: Sequence[ScannedPicture]) -> _Groups:
        key: dict[str, list[ScannedPicture]] = defaultdict(list)
        sku: dict[str, list[ScannedPicture]] = defaultdict(list)
        folder: dict[str, list[ScannedPicture]] = defaultdict(list)
        numbers: dict[str, set[str]] = defaultdict(set)
        for picture in flatlays:
            folder[picture.name.folder].append(picture)
            if not picture.name.is_silent:
                key[picture.name.key].append(picture)
                sku[picture.name.sku].append(picture)
        for picture in pictures:
            if picture.role is Role.ON_MODEL:
                numbers[picture.name.folder].add(picture.name.key)
        return cls(key, sku, folder, numbers)

    def flatlay_of(self, picture: ScannedPicture) -> tuple[ScannedPicture | None, str, str]:
        """The flatlay, what it was found by, and the reason where there is none."""
        reason = "no flatlay has its number or its folder"
        if not picture.name.is_silent:
            reason = f"no flatlay of the article '{picture.name.sku}' was found"
            for group in (self.by_key.get(picture.name.key, []), self.by_sku.get(picture.name.sku, [])):
                group = self._nearest(self._own(group, picture), picture)
                if len(group) == 1:
                    return group[0], "names", ""
                if group:
                    reason = f"{len(group)} flatlays fit it: " + ", ".join(sorted(f.path.name for f in group)[:4])
        shared = self.by_folder.get(picture.name.folder, [])
        if len(shared) == 1 and self._is_article_folder(shared[0], picture):
            return shared[0], "folder", ""
        return None, "", reason

    def _own(self, group: list[ScannedPicture], picture: ScannedPicture) -> list[ScannedPicture]:
        """A bare number means something only inside its own article folder, where that has a flatlay at all."""
        if picture.name.is_number and self.by_folder.get(picture.name.folder):
            return [flatlay for flatlay in group if flatlay.name.folder == picture.name.folder]
        return group

    def _nearest(self, group: list[ScannedPicture], picture: ScannedPicture) -> list[ScannedPicture]:
        """Narrow a group that is too large by view, then by folder."""
        for narrower in (
            [flatlay for flatlay in group if flatlay.name.view == picture.name.view],
            [flatlay for flatlay in group if flatlay.name.folder == picture.name.folder],
        ):
            if len(group) > 1 and narrower:
                group = narrower
        return group

    def _is_article_folder(self, flatlay: ScannedPicture, picture: ScannedPicture) -> bool:
        """Whether a folder's only flatlay serves a photograph whose name does not match it.

        Yes when either name says nothing (``flat.jpg``, ``IMG_0042.jpg``). When both are numbers (``flat_1``,
        ``model_2``) only if the flatlay's number occurs among the photographs too: then the numbers count pictures;
        otherwise they name articles, and the right flatlay is missing.
        """
        if flatlay.name.is_silent or picture.name.is_silent:
            return True
        if flatlay.name.is_number and picture.name.is_number:
            return flatlay.name.key in self.numbers[picture.name.folder]
        return False
