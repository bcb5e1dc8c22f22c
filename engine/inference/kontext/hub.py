"""Reads a model's list of files and the files themselves from the Hugging Face Hub. No torch in here.

The requests are huggingface_hub's own. What is ours is the partial file: since version 2 the library deletes it when a
download breaks off, and the largest file of FLUX.1 Kontext has ten gigabytes. A file gets its name only once its
checksum is right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from engine.domain.errors import KnownError
from engine.domain.files import known_os_error


@dataclass(frozen=True, slots=True)
class Hub:
    """A server, an account, and a model on it.

    Attributes
    ----------
    token : str or None
        The account's access token; None takes the one that huggingface_hub's own login stored.
    endpoint : str or None
        Another server, such as a studio's mirror.
    """

    model_id: str
    token: str | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class RemoteFile:
    r"""A file on the server.

    Attributes
    ----------
    digest : str
        SHA-256 of large files; of small ones git's blob hash, which is SHA-1 over ``blob <size>\0`` and the content.
    """

    name: str
    size_bytes: int
    digest: str

    def is_at(self, path: Path) -> bool:
        """Whether the file lies there, whole and unchanged."""
        if not path.is_file() or path.stat().st_size != self.size_bytes:
            return False
        if len(self.digest) == 40:
            content = path.read_bytes()
            return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest() == self.digest
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.digest


@contextmanager
def online() -> Generator[None]:
    """Let huggingface_hub reach the network for the length of the block.

    It reads its switch once, when it is first imported, and Chromask leaves it off (`engine.inference.kontext`).
    """
    from huggingface_hub import constants

    former, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, False
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = former


@contextmanager
def network_errors(hub: Hub, target: Path) -> Generator[None]:
    """Turn the library's errors inside the block into an operator's.

    Parameters
    ----------
    target : Path
        The model's folder.
    """
    from httpx2 import HTTPError
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    try:
        yield
    except GatedRepoError as error:
        raise KnownError(
            f"the server does not let this account download {hub.model_id}",
            remedy="Accept the licence on the model's page with the account whose token is used, then retry.",
        ) from error
    except RepositoryNotFoundError as error:
        raise KnownError(
            f"the server shows no {hub.model_id} to this account",
            remedy="Give an access token with --token, or log in with 'hf auth login'.",
        ) from error
    except (HfHubHTTPError, HTTPError) as error:
        # A sentence of the library may go on for many lines.
        detail = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise KnownError(
            f"the download broke off ({detail[:160]})",
            remedy="Check the connection and run the command again: it continues where it stopped.",
            retryable=True,
        ) from error
    except OSError as error:
        raise known_os_error(error, target) from error


def listing(hub: Hub, names: tuple[str, ...]) -> tuple[str, list[RemoteFile]]:
    """The commit that is current, and some files in it.

    Raises
    ------
    KnownError
        The server lacks one of them.
    """
    from huggingface_hub import HfApi

    info = HfApi(endpoint=hub.endpoint, token=hub.token).model_info(hub.model_id, files_metadata=True)
    there = {item.rfilename: item for item in info.siblings or ()}
    absent = [name for name in names if name not in there]
    if absent or info.sha is None:
        raise KnownError(
            f"the server's {hub.model_id} has no {', '.join(absent[:3]) or 'commit'}",
            remedy="It may have been changed: see whether a newer Chromask knows its files.",
        )
    files: list[RemoteFile] = []
    for name in names:
        item = there[name]
        digest = item.lfs.sha256 if item.lfs is not None else item.blob_id
        if item.size is None or digest is None:
            raise KnownError(f"the server gives no checksum of {name}", remedy="Retry later.", retryable=True)
        files.append(RemoteFile(name, item.size, digest))
    return info.sha, files


def _partial(file: RemoteFile, target: Path) -> Path:
    # With its digest: a partial file of another version is not continued.
    return target / f"{file.name}.{file.digest[:8]}.part"


def partial_bytes(file: RemoteFile, target: Path) -> int:
    """What an earlier download left of a file."""
    path = _partial(file, target)
    return path.stat().st_size if path.is_file() else 0


def fetch(hub: Hub, commit: str, file: RemoteFile, target: Path, report: Callable[[int], None]) -> None:
    """Download a file into a model's folder, from where an earlier download of it broke off.

    Parameters
    ----------
    commit : str
        Of `listing`.
    report : callable
        ``report(bytes of this file)``; what it raises ends the download, whose part is kept.

    Raises
    ------
    KnownError
        The checksum is wrong.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(hub.model_id, file.name, revision=commit, endpoint=hub.endpoint)
    location = get_hf_file_metadata(url, token=hub.token, endpoint=hub.endpoint).location
    headers = build_hf_headers(token=hub.token)
    if urlparse(location).netloc != urlparse(url).netloc:
        headers.pop("authorization", None)  # a storage server has its own signature in the address
    partial = _partial(file, target)
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.touch()
    with open(partial, "r+b") as output:
        begun = output.seek(0, 2)
        if begun < file.size_bytes:
            bar = _progress(report)
            http_get(
                location, output, resume_size=begun, headers=headers, expected_size=file.size_bytes, tqdm_class=bar
            )
    if not file.is_at(partial):
        partial.unlink()
        raise KnownError(
            "the checksum of the downloaded file is wrong",
            remedy="Run the command again; if that repeats, the connection or the disk changes data.",
            path=target / file.name,
            retryable=True,
        )
    partial.replace(target / file.name)


def _progress(report: Callable[[int], None]) -> Any:
    """The class of progress bar that huggingface_hub wants; it draws nothing and counts bytes of one file."""
    from tqdm import tqdm

    class Counted(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            self._counted = int(options.get("initial", 0))
            super().__init__(disable=True)

        def update(self, n: float | None = 1) -> bool | None:
            self._counted += int(n or 0)
            report(self._counted)

    return Counted
