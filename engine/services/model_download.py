"""Gets a base model's files from the Hugging Face Hub, after its licence was shown and accepted.

This is the one command of Chromask that contacts a server.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from engine.domain.errors import KnownError, UsageError
from engine.domain.files import complete_file
from engine.inference.kontext.availability import models_folder
from engine.inference.kontext.hub import Hub, RemoteFile, fetch, listing, network_errors, online, partial_bytes
from engine.inference.kontext.source import find_source
from engine.services.registries import ModelEntry

ReportBytes = Callable[[int, int, str], None]
"""``report(bytes done, bytes in all, file)``; what it raises ends the download, which can be continued."""

ACCEPTANCE = "licence-accepted.json"
"""Lies in the model's folder: which licence was accepted, and when."""

_SPARE_BYTES = 1 << 30  # that a full disk leaves to the operating system


def licence_terms(model: ModelEntry) -> str:
    """What is to be shown before the download."""
    use = "" if model.commercial_use else " Commercial use needs another licence."
    size = f"The download has {model.size_gb:.0f} GB."
    return f"{model.name} is published under the {model.licence}.{use} {model.terms} {size}"


def download_model(
    model: ModelEntry,
    report: ReportBytes,
    *,
    accepted: bool,
    folder: Path | None = None,
    token: str | None = None,
    endpoint: str | None = None,
) -> Path:
    """Download what is missing of a model, continuing where an earlier download broke off.

    Where the model is complete no server is contacted.

    Parameters
    ----------
    model : ModelEntry
        From the registry.
    report : callable
        Progress.
    accepted : bool
        Whether the operator has seen `licence_terms` and agreed.
    folder : Path, optional
        By default the models folder.
    token : str, optional
        The account's access token; by default the one that huggingface_hub's own login stored.
    endpoint : str, optional
        Another server, such as a studio's mirror.

    Returns
    -------
    Path
        The model's folder.

    Raises
    ------
    UsageError
        The licence was not accepted.
    KnownError
        No connection, no permission, the disk is too small, or a checksum is wrong; says what to do.
    """
    target = (folder if folder is not None else models_folder()) / model.name
    if is_complete(target):
        return target
    if not accepted:
        raise UsageError(
            f"the {model.licence} was not accepted",
            remedy="Read it on the model's page, then add --accept-license if you agree.",
        )
    hub = Hub(model.model_id, token, endpoint)
    with online(), network_errors(hub, target):
        commit, files = listing(hub, model.files)
        missing = [file for file in files if not file.is_at(target / file.name)]
        _require_space(target, missing)
        _record(model, target)
        total = sum(file.size_bytes for file in files)
        done = total - sum(file.size_bytes for file in missing)
        for file in missing:

            def advance(count: int, before: int = done, name: str = file.name) -> None:
                report(before + count, total, name)

            fetch(hub, commit, file, target, advance)
            done += file.size_bytes
        report(total, total, "done")
    find_source(target)
    return target


def is_complete(folder: Path) -> bool:
    """Whether a model in this folder has all its files, none of them cut short."""
    try:
        find_source(folder)
    except KnownError:
        return False
    return True


def _require_space(target: Path, missing: list[RemoteFile]) -> None:
    parent = next(folder for folder in (target, *target.parents) if folder.exists())
    needed = sum(file.size_bytes - partial_bytes(file, target) for file in missing)
    free = shutil.disk_usage(parent).free
    if free < needed + _SPARE_BYTES:
        raise KnownError(
            f"{needed / 1e9:.1f} GB are still to come and {free / 1e9:.1f} GB are free",
            remedy="Free some space, or set CHROMASK_MODELS to a folder on another disk.",
            path=parent,
            retryable=True,
        )


def _record(model: ModelEntry, target: Path) -> None:
    record = {"model": model.model_id, "licence": model.licence, "accepted": datetime.now(UTC).isoformat()}
    with complete_file(target / ACCEPTANCE, overwrite=True) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
