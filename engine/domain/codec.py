"""Strict JSON for the domain's dataclasses: an unknown key is an error, and so is a missing one without a default."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, TypeVar

from engine.domain.errors import BugError

if TYPE_CHECKING:
    from cattrs import Converter

    from engine.domain.requests import Request

T = TypeVar("T")


@lru_cache(maxsize=1)
def _converter() -> Converter:
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


def register_union(union: Any) -> None:
    """Make a union of dataclasses known, whose members are told apart by a ``type`` key with the class's name."""
    _configure_union(_converter(), union)


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


def from_json(text: str, as_type: Any) -> Any:
    """Parse what `to_json` wrote.

    Raises
    ------
    BugError
        A key is unknown or missing, or a value has the wrong type.
    """
    from cattrs.errors import BaseValidationError

    try:
        return _converter().structure(json.loads(text), as_type)
    except (BaseValidationError, ValueError, KeyError) as error:
        raise BugError(f"not a stored {as_type}: {error!r}: {text[:200]}") from error


def request_hash(request: Request) -> str:
    """SHA-256 of the request's canonical JSON, hexadecimal."""
    from engine.domain.requests import Request as RequestUnion

    return hashlib.sha256(to_json(request, RequestUnion).encode()).hexdigest()
