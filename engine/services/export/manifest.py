"""The list of an export's layered documents, beside them, for the script in Photoshop that goes through them."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import cast

from engine.domain.errors import KnownError
from engine.domain.files import complete_file, known_os_error
from engine.domain.results import Verdict
from engine.domain.review import Decision, ReviewItem
from engine.ports import Catalog
from engine.services.names import spelled_sku

MANIFEST = "chromask-batch.json"

_KEY, _VERSION = "chromask-batch", 1
_DECISIONS = (Decision.APPROVED, Decision.PENDING, Decision.REJECTED)
_VERDICTS = (Verdict.PASS, Verdict.WARN, Verdict.FAIL)
_MOST_FOLDERS = 8
"""A name pattern may put documents so deep below their list; the script looks as far up."""

_writing = threading.Lock()
"""A list is read and written again: an export and a verdict do so from threads of their own."""


@dataclass(frozen=True, slots=True)
class ListedDocument:
    """One line of the list.

    Attributes
    ----------
    file : str
        Path from the list's folder, with ``/``.
    picture : str
        Whose document it is: the same for every file of one photograph.
    verdict : str
        What the figures say of its colours, the worst of them: pass, warn, fail; empty without a colour match.
    decision : str
        What a person said: approved where every result in it is, rejected where one of them is, pending otherwise.
    """

    file: str
    picture: str
    sku: str
    view: str
    verdict: str
    decision: str


def listed(folder: Path, path: Path, items: Sequence[ReviewItem], catalog: str) -> ListedDocument:
    """The line of a document that holds these results.

    Parameters
    ----------
    catalog : str
        Its identity: exports of several catalogs may share a folder.
    """
    pair = items[0].pair
    verdicts = [item.outcome.match.after.verdict for item in items if item.outcome.match is not None]
    return ListedDocument(
        path.relative_to(folder).as_posix(),
        _picture(catalog, pair.id),
        spelled_sku(pair.sku, pair.on_model.path),
        pair.view,
        max(verdicts, key=_VERDICTS.index).value if verdicts else "",
        _decision(items),
    )


def _picture(catalog: str, pair_id: int) -> str:
    return f"{catalog}-{pair_id}"


def _decision(items: Iterable[ReviewItem]) -> str:
    return max((item.decision for item in items), key=_DECISIONS.index).value


def write_manifest(folder: Path, documents: Iterable[ListedDocument]) -> None:
    """Write the list, with what earlier exports have left in the folder and is still there.

    One document for each picture, for work in two of them would be a conflict: of those that are written now the
    Photoshop file rather than the TIFF, and rather than what was written before.

    Raises
    ------
    KnownError
        The list cannot be read or written, or another program's file has its name.
    """
    path = folder / MANIFEST
    with _writing:
        before = _read(path)
        lines = {line.picture: line for line in before if (folder / line.file).is_file()}
        lines |= {line.picture: line for line in sorted(documents, key=_is_photoshop)}
        now = sorted(lines.values(), key=lambda line: line.file)
        if now != before:
            _write(path, now)


def restate(catalog: Catalog, job_ids: Sequence[int]) -> None:
    """Write what is decided now of these results into the lists that name their documents, wherever those lie.

    A list would have a retoucher open what was rejected after it was exported.

    Raises
    ------
    KnownError
        A list cannot be read or written.
    """
    identity = catalog.identity()
    folders: dict[Path, set[str]] = {}
    for pair_id in {item.pair.id for item in catalog.review_items_by_id(job_ids)}:
        for record in catalog.exports_of_pair(pair_id):
            if record.format.is_layered:
                folder = _list_folder(record.path)
                if folder is not None:
                    folders.setdefault(folder, set()).add(_picture(identity, pair_id))
    for folder, pictures in folders.items():
        with _writing:
            before = _read(folder / MANIFEST)
            now = [_restated(catalog, folder, line) if line.picture in pictures else line for line in before]
            if now != before:
                _write(folder / MANIFEST, now)


def _list_folder(document: Path) -> Path | None:
    """Where the list is that names a document; None where there is none, or its disk is not connected."""
    above = islice(document.parents, _MOST_FOLDERS)
    return next(
        (folder for folder in above if os.path.isfile(folder / MANIFEST)), None
    )  # False also where it is denied


def _restated(catalog: Catalog, folder: Path, line: ListedDocument) -> ListedDocument:
    records = catalog.exports_at(folder / line.file)
    items = catalog.review_items_by_id([record.job_id for record in records])
    return replace(line, decision=_decision(items)) if items else line


def _write(path: Path, lines: Iterable[ListedDocument]) -> None:
    text = json.dumps({_KEY: _VERSION, "files": [asdict(line) for line in lines]}, ensure_ascii=True, indent=1)
    with complete_file(path, overwrite=True) as temporary:
        temporary.write_text(text + "\n", encoding="ascii")


def _is_photoshop(line: ListedDocument) -> bool:
    return PurePosixPath(line.file).suffix in (".psd", ".psb")


def _read(path: Path) -> list[ListedDocument]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise known_os_error(error, path) if isinstance(error, OSError) else _foreign(path) from error
    try:
        found = cast("dict[str, object]", json.loads(text))
        if found[_KEY] != _VERSION:
            raise _foreign(path)
        return [ListedDocument(**line) for line in cast("list[dict[str, str]]", found["files"])]
    except (ValueError, TypeError, KeyError) as error:
        raise _foreign(path) from error


def _foreign(path: Path) -> KnownError:
    return KnownError(
        "this is no list of Chromask's, so the documents beside it are not listed for Photoshop",
        remedy="Move it elsewhere, then export again; the documents themselves are complete.",
        path=path,
    )
