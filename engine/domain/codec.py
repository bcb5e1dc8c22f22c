"""Strict JSON for the domain's dataclasses: an unknown key is an error, and so is a missing one without a default."""

from __future__ import annotations

import hashlib
import json
import threading
from functools import lru_cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, TypeVar, cast

from engine.domain.errors import BugError, KnownError
from engine.domain.files import known_os_error

if TYPE_CHECKING:
    from cattrs import Converter

    from engine.domain.requests import Request

T = TypeVar("T")


# Two threads that ask first would each build a converter, as those of a worker that starts do, and what the one that is
# thrown away was told of would be lost.
_BUILDING = threading.Lock()


def _converter() -> Converter:
    with _BUILDING:
        return _built()


@lru_cache(maxsize=1)
def _built() -> Converter:
    # Imported here: cattrs takes 0.1 s, and `chromask --version` needs none of it.
    from cattrs.gen import make_dict_unstructure_fn, override
    from cattrs.preconf.json import make_converter

    from engine.domain import jobs, requests

    converter = make_converter(forbid_extra_keys=True)
    converter.register_unstructure_hook_func(lambda t: isinstance(t, type) and issubclass(t, PurePath), str)
    converter.register_structure_hook(Path, lambda text, _: Path(text))
    # A field that requests got after the first catalogs is left out at its default: an older request's hash must stay
    # what it is, or all that was ever done would be done again. Parts come before what they are in.
    later = override(omit_if_default=True)
    for part, fields in (
        (requests.DiffusionSettings, ("region",)),
        (requests.MaskRequest, ("corrected", "found")),
        (requests.View, ("corrected",)),
        (requests.ColorMatchRequest, ("lightness", "retouch")),
        (requests.EditRequest, ("retouch",)),
    ):
        overrides: Any = dict.fromkeys(fields, later)
        converter.register_unstructure_hook(part, make_dict_unstructure_fn(part, converter, **overrides))
    for union in (requests.Request, jobs.JobEvent):
        _configure_union(converter, union)
    return converter


def _configure_union(converter: Converter, union: Any) -> None:
    from cattrs.strategies import configure_tagged_union

    configure_tagged_union(union, converter, tag_name="type")


@lru_cache(maxsize=16)
def _told(union: Any) -> None:
    _configure_union(_built(), union)


def register_union(union: Any) -> None:
    """Make a union of dataclasses known, whose members are told apart by a ``type`` key with the class's name.

    Any thread; the second time it costs nothing.
    """
    with _BUILDING:
        _told(union)


def to_json(value: object, as_type: object | None = None) -> str:
    """Canonical JSON: sorted keys, no spaces, so that equal values have equal text.

    Parameters
    ----------
    value : object
        A dataclass of the domain.
    as_type : type or union, optional
        Required for unions (`Request`, `JobEvent`), whose members are told apart by a ``type`` key.
    """
    plain = _converter().unstructure(value, unstructure_as=as_type if as_type is not None else type(value))
    return json.dumps(plain, sort_keys=True, separators=(",", ":"))


def from_json(text: str | bytes, as_type: Any) -> Any:
    """Parse what `to_json` wrote.

    Raises
    ------
    BugError
        It is no JSON, a key is unknown or missing, or a value has the wrong type.
    """
    from cattrs.errors import BaseValidationError

    try:
        return _converter().structure(json.loads(text), as_type)
    except (BaseValidationError, ValueError, KeyError) as error:
        raise BugError(f"not a stored {as_type}: {error!r}: {text[:200]!r}") from error


def read_versioned(path: Path, newest: int, what: str, *, missing: KnownError, remedy: str) -> dict[str, object]:
    """The JSON object in a file that states which version of its form it is in.

    Parameters
    ----------
    newest : int
        Version that is known.
    what : str
        What the file is, for messages.
    missing : KnownError
        Raised where there is no such file.
    remedy : str
        For a file that cannot be used.

    Raises
    ------
    KnownError
        It is not there, cannot be read, is no JSON object, states no version or a newer one; names it.
    """
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise missing from error
    except OSError as error:
        raise known_os_error(error, path) from error
    except ValueError as error:
        raise KnownError(f"{what} cannot be used: it is no JSON ({error})", remedy=remedy, path=path) from error
    version = cast("dict[str, object]", content).get("version") if isinstance(content, dict) else None
    if not isinstance(version, int):
        raise KnownError(f"{what} cannot be used: it states no version", remedy=remedy, path=path)
    if version > newest:
        raise KnownError(
            f"a newer Chromask wrote {what} (version {version}, known is {newest})",
            remedy=f"Use that one. {remedy}",
            path=path,
        )
    return cast("dict[str, object]", content)


def request_hash(request: Request) -> str:
    """SHA-256 of the request's canonical JSON, hexadecimal."""
    from engine.domain.requests import Request as RequestUnion

    return hashlib.sha256(to_json(request, RequestUnion).encode()).hexdigest()
