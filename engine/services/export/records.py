"""Where a file goes: what Chromask left there, what was changed since, and what happens where one is in the way."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from engine.domain.errors import KnownError
from engine.domain.export import Collision, ExportRecord
from engine.domain.files import file_sha256
from engine.ports import Catalog
from engine.services.export.names import Names, Subject, same
from engine.services.export.settings import is_of

_MOST_NUMBERS = 999


@dataclass(frozen=True, slots=True)
class Kept:
    """An earlier export left this very file, and nobody has touched it since."""

    path: Path


@dataclass(frozen=True, slots=True)
class Skipped:
    """Another file is in the way, and stays."""

    path: Path


@dataclass(frozen=True, slots=True)
class Place:
    """Where to write.

    Attributes
    ----------
    former_sha256 : str
        Of Chromask's own file whose place is taken; empty where there is none.
    overwrite : bool
        Whether a file may be there.
    """

    path: Path
    former_sha256: str = ""
    overwrite: bool = False

    def require_unchanged(self) -> None:
        """See that nobody has saved the file while its successor was being written.

        Raises
        ------
        KnownError
            Somebody has.
        """
        if self.former_sha256 and self.path.exists() and file_sha256(self.path) != self.former_sha256:
            raise _changed(self.path)


class Shelf:
    """The folder of an export, with what the catalog knows of it.

    Parameters
    ----------
    originals : iterable of Path
        Photographs, which are never written to whatever the recipe says.
    """

    def __init__(
        self, catalog: Catalog, folder: Path, names: Names, collision: Collision, originals: Iterable[Path]
    ) -> None:
        self._catalog, self._folder, self._names, self._collision = catalog, folder.absolute(), names, collision
        self._originals = {_same(path) for path in originals}
        self._taken: set[str] = set()

    def place(self, subject: Subject, settings: str) -> Kept | Skipped | Place:
        """What to do about one file.

        A file that holds these very results, made by the same settings and untouched since, is kept, under whatever
        name the pattern gave it. One that Chromask wrote of another version of them, or with fewer of them, and that
        nobody has touched, gives its place. Anything else that is in the way is none of Chromask's to replace.

        Raises
        ------
        KnownError
            A file is in the way and the recipe refuses to touch it, or it is an original or another result's.
        """
        found = self._find(subject, settings)
        if not isinstance(found, Skipped):
            self._taken.add(_same(found.path))
        return found

    def held(self, subject: Subject) -> set[int]:
        """The job ids in the layered document that there is of this photograph, whether or not it was changed since."""
        return {record.job_id for records in self._earlier(subject).values() for record in records}

    def _find(self, subject: Subject, settings: str) -> Kept | Skipped | Place:
        wanted = {item.job.id for item in subject.items}
        renewable: Place | None = None
        changed: set[Path] = set()
        for path, records in self._earlier(subject).items():
            if not path.exists():
                continue
            digest, record = file_sha256(path), records[0]
            if digest == record.sha256 and record.settings == settings and {r.job_id for r in records} == wanted:
                return Kept(path)
            if digest in (record.sha256, record.former_sha256):
                renewable = renewable or Place(path, digest, overwrite=True)
            else:
                changed.add(path)
        if renewable is not None:
            return renewable
        path = self._folder.joinpath(self._names.name(subject))
        if not self._is_in_the_way(path):
            return Place(path)
        return self._collided(path, path in changed)

    def _collided(self, path: Path, is_changed: bool) -> Skipped | Place:
        key = _same(path)
        if self._collision is Collision.NUMBER:
            for number in range(2, _MOST_NUMBERS + 1):
                other = path.with_name(f"{path.stem}-{number}{path.suffix}")
                if not self._is_in_the_way(other):
                    return Place(other)
        if self._collision is Collision.SKIP:
            return Skipped(path)
        if key in self._originals:
            raise KnownError(
                "this is an original photograph, which is never written to", remedy="Choose another folder.", path=path
            )
        if key in self._taken:
            raise KnownError(
                "another result of this export has the same name",
                remedy="Put {stem} or {mask} into the name pattern.",
                path=path,
            )
        if self._collision is Collision.OVERWRITE:
            return Place(path, overwrite=True)
        raise _changed(path) if is_changed else _in_the_way(path)

    def _is_in_the_way(self, path: Path) -> bool:
        key = _same(path)
        return key in self._taken or key in self._originals or os.path.lexists(path)

    def _earlier(self, subject: Subject) -> dict[Path, list[ExportRecord]]:
        """Files of this photograph that may be an earlier state of this one, the newest first, with their records."""
        files: dict[Path, list[ExportRecord]] = {}
        for record in self._catalog.exports_of_pair(subject.pair.id):
            files.setdefault(record.path, []).append(record)
        return {
            path: records
            for path, records in sorted(files.items(), key=lambda file: file[1][0].at, reverse=True)
            if records[0].format is subject.format
            and is_of(subject, records[0].settings)
            and self._is_named(path, subject, records[0].at)
        }

    def _is_named(self, path: Path, subject: Subject, at: datetime) -> bool:
        if not path.is_relative_to(self._folder):
            return False
        name = PurePosixPath(path.relative_to(self._folder).as_posix())
        return self._names.is_name_of(name, subject, at.astimezone().date())


def _same(path: Path) -> str:
    return same(PurePosixPath(path.absolute().as_posix()))


def _in_the_way(path: Path) -> KnownError:
    return KnownError(
        "a file of this name exists already, and it is none that Chromask wrote of this result",
        remedy="Choose another folder, or what shall become of it: leave it (--collision skip), write beside it"
        " (--collision number), or replace it (--collision overwrite).",
        path=path,
    )


def _changed(path: Path) -> KnownError:
    return KnownError(
        "this file was changed since Chromask wrote it; layers and channels of the retoucher's own, and whatever else"
        " was not taken back, would be lost",
        remedy="Take the changes back with 'chromask reimport'. Then choose another folder, write beside it with"
        " numbers (--collision number), or replace it (--collision overwrite).",
        path=path,
    )
