"""What settles in an export folder: files that a retoucher saved are taken back, and the others left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.domain.errors import KnownError
from engine.domain.export import ExportRecord
from engine.ports import ArtifactStore, Catalog
from engine.services.given_files import State
from engine.services.reimport.returned_files import ReturnedFiles
from engine.services.reimport.source import ForeignFileError
from engine.services.reimport.taking import Conflict, Reimported, Unchanged, reimport

SUFFIXES = frozenset({".psd", ".psb", ".tif", ".tiff"})
"""Of the files that can be taken back."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of the files that have settled since the last look.

    Attributes
    ----------
    taken : tuple of Reimported
    conflicts : tuple of Conflict
    failures : tuple of KnownError
        Files of Chromask's that cannot be taken back.
    """

    taken: tuple[Reimported, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    failures: tuple[KnownError, ...] = ()


def take_settled(
    catalog: Catalog,
    artifacts: ArtifactStore,
    files: Mapping[Path, State],
    returned: ReturnedFiles,
    is_over: Callable[[], bool] = lambda: False,
) -> Settled:
    """Take back what a retoucher saved. Conflicts are told and wait for a person.

    Parameters
    ----------
    files : mapping of Path to State
        What `engine.services.watch_folders.Arrival` gives. Those that nobody has saved since Chromask wrote them are
        known by their time and are not read; those that are none of Chromask's are passed over.
    is_over : callable
        Asked before each file: True leaves the others alone.
    """
    settled = (
        path
        for path, state in files.items()
        if path.suffix.lower() in SUFFIXES and not _is_as_written(catalog.exports_at(path), state)
    )
    return _taken(catalog, artifacts, settled, returned, is_over)


def take_files(catalog: Catalog, artifacts: ArtifactStore, paths: Iterable[Path], returned: ReturnedFiles) -> Settled:
    """Take back files that a person has chosen: one that is none of Chromask's is a failure. Conflicts are told."""
    return _taken(catalog, artifacts, paths, returned, is_chosen=True)


def _taken(
    catalog: Catalog,
    artifacts: ArtifactStore,
    paths: Iterable[Path],
    returned: ReturnedFiles,
    is_over: Callable[[], bool] = lambda: False,
    *,
    is_chosen: bool = False,
) -> Settled:
    taken, conflicts, failures = list[Reimported](), list[Conflict](), list[KnownError]()
    for path in paths:
        if is_over():
            break
        try:
            found = reimport(catalog, artifacts, path, returned)
        except KnownError as error:
            if is_chosen or not isinstance(error, ForeignFileError):
                failures.append(error)
            continue
        match found:
            case Reimported():
                taken.append(found)
            case Conflict():
                conflicts.append(found)
            case Unchanged():
                pass
    return Settled(tuple(taken), tuple(conflicts), tuple(failures))


def _is_as_written(records: list[ExportRecord], state: State) -> bool:
    """Whether a file was not touched since it was exported, as far as its time says: its export was noted when it had
    been written. Where the disk's clock is ahead it is read in vain, and found to be unchanged.
    """
    return bool(records) and bool(records[0].sha256) and state[1] <= records[0].at.timestamp() * 1e9
