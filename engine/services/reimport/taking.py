"""Taking a file back: what differs from what was written becomes new versions, and nothing is written over."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.domain.errors import KnownError
from engine.domain.files import absolute_path, file_sha256, known_os_error
from engine.domain.jobs import Job
from engine.ports import ArtifactStore, Catalog
from engine.services.given_files import State
from engine.services.reimport.comparison import Comparison
from engine.services.reimport.returned_files import ReturnedFiles

PHOTOSHOP = "Photoshop"
"""Author of the versions that come back, whatever program saved them."""


@dataclass(frozen=True, slots=True)
class Reimported:
    """A file that was taken back.

    Attributes
    ----------
    jobs : tuple of Job
        The new versions, in the queue; or there already, where the file brings an earlier version back.
    changes : tuple of str
        What was changed, one sentence each.
    notices : tuple of str
        What the operator should know of it, one sentence each.
    """

    path: Path
    jobs: tuple[Job, ...]
    changes: tuple[str, ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A file with nothing to take back.

    Attributes
    ----------
    why : str
        One sentence.
    """

    path: Path
    why: str
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conflict:
    """A file that contradicts the catalog or itself; nothing was queued.

    Attributes
    ----------
    why : tuple of str
        One sentence each.
    changes : tuple of str
        What would be taken back.
    sha256 : str
    state : State
        Of the file as it was compared.
    """

    path: Path
    why: tuple[str, ...]
    changes: tuple[str, ...]
    notices: tuple[str, ...]
    sha256: str
    state: State


Returned = Reimported | Unchanged | Conflict


def reimport(
    catalog: Catalog, artifacts: ArtifactStore, path: Path, returned: ReturnedFiles, *, take: bool = False
) -> Returned:
    """Take back what a retoucher changed in an exported file: masks, and painted pixels.

    A changed layer mask or alpha channel becomes the mask of a new version, under which a colour match is made again.
    What was painted, on whatever layer, is laid over it. The new versions' author is `PHOTOSHOP`. The file itself is
    only read.

    Parameters
    ----------
    path : Path
        A PSD, PSB or TIFF.
    returned : ReturnedFiles
        What was taken back before.
    take : bool
        Queue it in spite of a conflict: the file then stands above what was made since it was written, and its layer
        mask above its alpha channel. The versions that it takes the place of stay in the history.

    Raises
    ------
    KnownError
        It is no file of this catalog, cannot be read, or does not fit its photograph any more; names the file.
    """
    path = absolute_path(path)
    state, earlier, records = _state(path), returned.of(path), catalog.exports_at(path)
    taken = "It was taken back already, as it is."
    if earlier is not None and earlier.state == state:
        return Unchanged(path, taken)
    digest = file_sha256(path)
    if any(record.sha256 == digest for record in records):
        return Unchanged(path, "It is as Chromask wrote it.")
    if earlier is not None and earlier.sha256 == digest:
        return Unchanged(path, taken)
    try:
        found = Comparison(catalog, artifacts, path, earlier)
    except KnownError as error:
        error.path = error.path or path
        raise
    if not found.is_changed:
        returned.add(path, digest, state, [])
        what = "No mask and no pixel" if found.is_whole else "No mask"
        return Unchanged(path, f"{what} of it was changed.", found.notices)
    if found.is_known:
        returned.add(path, digest, state, [])
        return Unchanged(path, taken, found.notices)
    conflicts = found.conflicts()
    if conflicts and not take:
        return Conflict(path, conflicts, found.changes, found.notices, digest, state)
    jobs = found.queue(PHOTOSHOP)
    returned.add(path, digest, state, [job.id for job in jobs])
    for job in jobs:
        catalog.log("reimport", f"version {job.version} from {path}", job.id)
    return Reimported(path, jobs, found.changes, found.notices)


def _state(path: Path) -> State:
    try:
        status = path.stat()
    except OSError as error:
        raise known_os_error(error, path) from error
    return status.st_size, status.st_mtime_ns
