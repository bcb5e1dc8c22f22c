"""Which folders a studio has watched, in a TOML file beside its catalog, and how their pairs get into the queue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import cast

from engine.domain.errors import KnownError
from engine.domain.files import complete_file
from engine.ports import Catalog
from engine.services.intake import is_unicode
from engine.services.plan import BatchPlan
from engine.services.queue import Submission, submit
from engine.services.studio_files import beside_catalog
from engine.services.toml_files import read_rows, toml_value
from engine.services.watch_folders import SETTLE, Arrival, State, WatchFolder

WATCH_NAME = "watch-folders.toml"

_KEYS = {"path": "a text", "settle": "a number", "preset": "a text", "starts": "true or false"}


def user_watch_folders(catalog: Path | None = None) -> Path:
    """Where a studio's watch folders are listed: beside its catalog, by default the account's. It need not exist."""
    return beside_catalog(catalog, WATCH_NAME)


def load_watch_folders(path: Path) -> tuple[WatchFolder, ...]:
    """The folders of a file; none where there is no such file.

    Raises
    ------
    KnownError
        The file cannot be read, is no TOML, or holds an unknown key or value.
    """
    folders: list[WatchFolder] = []
    for row in read_rows(path, "folder", _KEYS):
        settle = float(cast("float", row.get("settle", SETTLE)))
        if not 0 <= settle < math.inf:
            raise KnownError(f"'settle' is {settle:g}", remedy="Give seconds from 0 on.", path=path)
        folder = Path(str(row["path"])).expanduser()
        if not folder.is_absolute():
            raise KnownError(f"the folder '{folder}' is no absolute path", remedy="Give all of it.", path=path)
        folders.append(WatchFolder(folder, settle, str(row.get("preset", "")), bool(row.get("starts", False))))
    return tuple({folder.path: folder for folder in folders}.values())


def save_watch_folders(path: Path, folders: Sequence[WatchFolder]) -> None:
    """Write the list, in place of the earlier one.

    Raises
    ------
    KnownError
        It cannot be written, or a folder's name is not valid Unicode.
    """
    for folder in folders:
        if not is_unicode(str(folder.path)):
            raise KnownError("its name is not valid Unicode", remedy="Rename the folder first.", path=folder.path)
    blocks = ["# The folders that Chromask watches; set on the Intake page.\n"]
    for folder in folders:
        values = (str(folder.path), folder.settle, folder.preset, folder.starts)
        rows = "".join(f"{key} = {toml_value(value)}\n" for key, value in zip(_KEYS, values, strict=True))
        blocks.append(f"[[folder]]\n{rows}")
    with complete_file(path, overwrite=True) as temporary:
        temporary.write_text("\n".join(blocks), encoding="utf-8")


def submit_arrival(catalog: Catalog, arrival: Arrival, plan: BatchPlan, at: datetime) -> Submission:
    """Put a watch folder's pairs into the queue: those of one day and folder are one batch, however they trickle in.

    Raises
    ------
    KnownError
        From `engine.services.queue.submit`.
    """
    name = f"{arrival.folder.path.name or 'watched'} {at:%Y-%m-%d}, watched"
    return submit(catalog, name, arrival.pairs, plan, joins=True)


def taken_in(arrival: Arrival, submission: Submission) -> dict[Path, State]:
    """The files that need not be given again: all but those that could not be hashed, which the next session offers."""
    failed = {problem.path for problem in submission.problems}
    return {path: state for path, state in arrival.files.items() if path not in failed}
