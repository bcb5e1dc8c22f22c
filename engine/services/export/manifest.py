"""The list of an export's layered documents, beside them, for the script in Photoshop that goes through them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import cast

from engine.domain.errors import KnownError
from engine.domain.files import complete_file, known_os_error
from engine.domain.results import Verdict
from engine.domain.review import Decision, ReviewItem
from engine.services.names import spelled_sku

MANIFEST = "chromask-batch.json"

_KEY, _VERSION = "chromask-batch", 1
_DECISIONS = (Decision.APPROVED, Decision.PENDING, Decision.REJECTED)
_VERDICTS = (Verdict.PASS, Verdict.WARN, Verdict.FAIL)


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
        What a person said: approved where every result in it is, pending otherwise.
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
        f"{catalog}-{pair.id}",
        spelled_sku(pair.sku, pair.on_model.path),
        pair.view,
        max(verdicts, key=_VERDICTS.index).value if verdicts else "",
        max((item.decision for item in items), key=_DECISIONS.index).value,
    )


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
    before = _read(path)
    lines = {line.picture: line for line in before if (folder / line.file).is_file()}
    lines |= {line.picture: line for line in sorted(documents, key=_is_photoshop)}
    now = sorted(lines.values(), key=lambda line: line.file)
    if now == before:
        return
    text = json.dumps({_KEY: _VERSION, "files": [asdict(line) for line in now]}, ensure_ascii=True, indent=1)
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
