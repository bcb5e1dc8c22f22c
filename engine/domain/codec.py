"""Strict JSON for the domain's dataclasses: an unknown key is an error, and so is a missing one without a default."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from engine.domain.errors import BugError

if TYPE_CHECKING:
    from cattrs import Converter

    from engine.domain.requests import Request

T = TypeVar("T")


@lru_cache(maxsize=1)
def _converter() -> Converter:
    # Imported here: cattrs takes 0.1 s, and `chromask --version` needs none of it.
    from cattrs.preconf.json import make_converter
    from cattrs.strategies import configure_tagged_union

    from engine.domain import jobs, requests

    converter = make_converter(forbid_extra_keys=True)
    configure_tagged_union(requests.Request, converter, tag_name="type")
    configure_tagged_union(jobs.JobEvent, converter, tag_name="type")
    return converter


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
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


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
