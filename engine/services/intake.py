"""Intake: turns dropped files and folders into pairs and problems. Reads headers only; nothing is copied or moved."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from engine.domain.assets import NewAsset, NewPair, Role
from engine.domain.errors import KnownError
from engine.domain.files import TEMPORARY_PREFIX, absolute_path, file_sha256, known_os_error
from engine.services.names import parse_name
from engine.services.pairing import (
    IntakeProblem,
    PairListRow,
    ProposedPair,
    ScannedPicture,
    is_pair_list,
    pair_pictures,
    read_pair_list,
    real_path,
)

Advance = Callable[[int, int], None]
"""``advance(done, total)``, called now and then while reading."""

# Files that lie beside photographs in every studio and are no news to anybody.
_SIDECARS = {".xmp", ".ini", ".db", ".ds_store", ".cos", ".lrcat", ".json", ".md5", ".html", ".pdf", ".txt", ".csv"}
_RAW = {".cr2", ".cr3", ".nef", ".arw", ".raf", ".dng", ".rw2", ".orf", ".iiq", ".3fr", ".pef"}


@dataclass(frozen=True, slots=True)
class IntakeReport:
    """What a drop contained.

    Attributes
    ----------
    pictures : tuple of ScannedPicture
        Every readable picture.
    pairs : tuple of ProposedPair
        What will be processed.
    problems : tuple of IntakeProblem
        Pictures and folders that will not be processed, and why.
    left_aside : tuple of Path
        Files that are no pictures (side-cars, lists, texts).
    notices : tuple of str
        What the operator should know, such as duplicates of a flatlay; one sentence each.
    """

    pictures: tuple[ScannedPicture, ...]
    pairs: tuple[ProposedPair, ...]
    problems: tuple[IntakeProblem, ...]
    left_aside: tuple[Path, ...] = ()
    notices: tuple[str, ...] = ()


def scan(
    dropped: Sequence[Path],
    *,
    pair_lists: Sequence[Path] = (),
    leave_out: Sequence[Path] = (),
    roots: Sequence[Path] = (),
    advance: Advance | None = None,
) -> IntakeReport:
    """Read the headers of everything that was dropped, and pair it.

    May be called from any thread; touches no catalog.

    Parameters
    ----------
    dropped : sequence of Path
        Files and folders. Folders are walked to the bottom.
    pair_lists : sequence of Path
        CSV pair lists; lists found in the folders are used as well.
    leave_out : sequence of Path
        Folders that are not walked, such as the output folder.
    roots : sequence of Path
        Absolute folders: a file that is given by itself and lies below one is named by its folders from there on, as if
        that folder had been dropped.
    """
    walk = _Walk(frozenset(path.resolve() for path in leave_out), tuple(roots))
    files = list(walk.files(dropped))
    problems, left_aside, rows = walk.problems, list[Path](), list[PairListRow]()
    candidates: list[tuple[Path, Path]] = []
    for path, root in files:
        suffix = path.suffix.lower()
        if suffix == ".csv" and is_pair_list(path):
            pair_lists = [*pair_lists, path]
        elif suffix in _RAW:
            problems.append(
                IntakeProblem(path, "camera raw files are not read", "Develop it to TIFF or JPEG, and drop that.")
            )
        elif suffix in _SIDECARS or path.name.startswith("."):
            left_aside.append(path)
        else:
            candidates.append((path, root))
    for pair_list in dict.fromkeys(pair_lists):
        try:
            rows += read_pair_list(pair_list)
        except KnownError as error:
            problems.append(_problem(error, pair_list))
    pictures = list[ScannedPicture]()
    for result in _read_headers(candidates, advance):
        if isinstance(result, ScannedPicture):
            pictures.append(result)
        else:
            problems.append(result)
    pictures, duplicates, notices = _without_duplicates(pictures, {real_path(row.on_model) for row in rows})
    pairs, decided, unpaired = pair_pictures(pictures, rows)
    return IntakeReport(
        tuple(decided), tuple(pairs), (*problems, *duplicates, *unpaired), tuple(left_aside), tuple(notices)
    )


def pair_by_hand(report: IntakeReport, on_model: Path, flatlay: Path, garment: str = "") -> IntakeReport:
    """The report with the operator's pair in it, in place of what was found for that photograph.

    Raises
    ------
    KnownError
        One of the two is not among the readable pictures, or both are the same.
    """
    known = {picture.path: picture for picture in report.pictures}
    for path in (on_model, flatlay):
        if path not in known:
            raise KnownError("it is not among the readable pictures", remedy="Drop it first.", path=path)
    if on_model == flatlay:
        raise KnownError("a picture cannot be its own flatlay", remedy="Choose two pictures.", path=on_model)
    worn, lying = replace(known[on_model], role=Role.ON_MODEL), replace(known[flatlay], role=Role.FLATLAY)
    pair = ProposedPair(worn, lying, worn.sku, worn.name.view, garment, "hand")
    kept = [p for p in report.pairs if p.on_model.path not in (on_model, flatlay)]
    return replace(
        report,
        pictures=tuple({**known, on_model: worn, flatlay: lying}.values()),
        pairs=tuple(sorted([*kept, pair], key=lambda p: p.on_model.path)),
        problems=tuple(p for p in report.problems if p.path not in (on_model, flatlay)),
    )


def with_photographs_alone(report: IntakeReport) -> IntakeReport:
    """The report for work that needs no flatlay: every photograph that is in no pair is processed by itself.

    A picture of which neither name nor folder tells what it is counts as a photograph: who asks for dreamed masks alone
    may have no flatlays, and no names that tell them apart. Flatlays without a photograph stay problems.
    """
    paired = {picture.path for pair in report.pairs for picture in (pair.on_model, pair.flatlay) if picture is not None}
    alone = [p for p in report.pictures if p.role is not Role.FLATLAY and p.path not in paired]
    settled = {picture.path for picture in alone}
    pairs = [*report.pairs, *(ProposedPair(p, None, p.sku, p.name.view, "", "") for p in alone)]
    return replace(
        report,
        pairs=tuple(sorted(pairs, key=lambda pair: pair.on_model.path)),
        problems=tuple(problem for problem in report.problems if problem.path not in settled),
    )


def hashed_pairs(
    pairs: Iterable[ProposedPair], advance: Advance | None = None
) -> tuple[list[NewPair], list[IntakeProblem]]:
    """Hash the files of the pairs, which makes them ready for the catalog; files that vanished become problems."""
    pairs = list(pairs)
    pictures = {p.path: p for pair in pairs for p in (pair.on_model, pair.flatlay) if p is not None}
    hashes: dict[Path, str | KnownError] = {}
    with ThreadPoolExecutor(4) as pool:
        for done, (path, digest) in enumerate(zip(pictures, pool.map(_hash_or_error, pictures.values()), strict=True)):
            hashes[path] = digest
            if advance:
                advance(done + 1, len(pictures))
    ready, problems = list[NewPair](), list[IntakeProblem]()
    for pair in pairs:
        faults = [h for p in (pair.on_model, pair.flatlay) if p and isinstance(h := hashes[p.path], KnownError)]
        if faults:
            problems.append(_problem(faults[0], pair.on_model.path))
            continue
        flatlay = _new_asset(pair.flatlay, hashes, Role.FLATLAY) if pair.flatlay else None
        ready.append(
            NewPair(_new_asset(pair.on_model, hashes, Role.ON_MODEL), flatlay, pair.sku, pair.view, pair.garment)
        )
    return ready, problems


def _new_asset(picture: ScannedPicture, hashes: dict[Path, str | KnownError], role: Role) -> NewAsset:
    digest = hashes[picture.path]
    assert isinstance(digest, str)
    return NewAsset(picture.path, digest, picture.size_bytes, role, picture.header)


def _hash_or_error(picture: ScannedPicture) -> str | KnownError:
    if picture.sha256:
        return picture.sha256
    try:
        return file_sha256(picture.path)
    except KnownError as error:
        return error


@dataclass
class _Walk:
    """Walks folders; collects what cannot be read."""

    leave_out: frozenset[Path]
    roots: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        self.problems: list[IntakeProblem] = []

    def files(self, dropped: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
        """Every file once, with the dropped folder it came from, in path order."""
        seen: set[Path] = set()
        for given in dropped:
            path = absolute_path(given.expanduser())
            is_folder = path.is_dir()
            found = self._below(path) if is_folder else [path]
            root = path if is_folder else self._root_of(path)
            for file in sorted(found):
                if file in seen or file.name.startswith(TEMPORARY_PREFIX):
                    continue
                seen.add(file)
                if not is_unicode(file.name):
                    self.problems.append(
                        IntakeProblem(file, "its name is not valid Unicode", "Rename it, and drop it again.")
                    )
                elif not file.exists():
                    self.problems.append(_problem(known_os_error(FileNotFoundError(2, "missing"), file), file))
                else:
                    yield file, root

    def _root_of(self, file: Path) -> Path:
        return next((root for root in self.roots if file.is_relative_to(root)), file.parent)

    def _below(self, folder: Path) -> Iterator[Path]:
        for current, folders, files in os.walk(folder, onerror=self._unreadable):
            here = Path(current)
            folders[:] = sorted(f for f in folders if (here / f).resolve() not in self.leave_out)
            yield from (here / file for file in files)

    def _unreadable(self, error: OSError) -> None:
        folder = Path(error.filename)
        self.problems.append(_problem(known_os_error(error, folder), folder))


def is_unicode(name: str) -> bool:
    """Whether a name can be written as text; one from an old file server may be bytes that mean none."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _problem(error: KnownError, path: Path) -> IntakeProblem:
    return IntakeProblem(error.path or path, error.what, error.remedy)


def _read_headers(
    candidates: Sequence[tuple[Path, Path]], advance: Advance | None
) -> Iterator[ScannedPicture | IntakeProblem]:
    from engine.imaging.raster.headers import read_header

    for done, (path, root) in enumerate(candidates, start=1):
        try:
            header = read_header(path)
            name = parse_name(path, root)
            yield ScannedPicture(path, path.stat().st_size, header, name, name.role)
        except KnownError as error:
            yield _problem(error, path)
        except OSError as error:
            yield _problem(known_os_error(error, path), path)
        if advance and (done % 50 == 0 or done == len(candidates)):
            advance(done, len(candidates))


def _without_duplicates(
    pictures: Sequence[ScannedPicture], listed: set[Path]
) -> tuple[list[ScannedPicture], list[IntakeProblem], list[str]]:
    """Hash the files that share their size; of equal on-model photographs only the first is processed.

    A flatlay may lie in several folders, one for each SKU that it serves: those stay, with a notice.
    """
    by_size: dict[int, list[ScannedPicture]] = defaultdict(list)
    for picture in pictures:
        by_size[picture.size_bytes].append(picture)
    first: dict[str, ScannedPicture] = {}
    kept, problems, notices = list[ScannedPicture](), list[IntakeProblem](), list[str]()
    for picture in pictures:
        if len(by_size[picture.size_bytes]) > 1:
            digest = _hash_or_error(picture)
            if isinstance(digest, KnownError):
                problems.append(_problem(digest, picture.path))
                continue
            picture = replace(picture, sha256=digest)
            original = first.setdefault(digest, picture)
            if original is not picture and picture.role is Role.FLATLAY:
                notices.append(f"{picture.path.name} is the same picture as {original.path}.")
            elif original is not picture and real_path(picture.path) not in listed:
                what = f"it is the same picture as {original.path}"
                problems.append(IntakeProblem(picture.path, what, "Nothing to do: the other one is used."))
                continue
        kept.append(picture)
    return kept, problems, notices
