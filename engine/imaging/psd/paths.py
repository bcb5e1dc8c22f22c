"""Vector paths of Photoshop files: cubic Bezier subpaths and the image resources that hold them.

Follows the Adobe Photoshop File Formats Specification (November 2019), "Path resource format", and for what it leaves
out (the operation of a subpath, the clipping path's fill rule) what Photoshop itself writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING

import numpy as np

from engine.domain.errors import BugError, KnownError
from engine.imaging.psd.records import mac_roman, pascal_string

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST_PATH, LAST_PATH = 2000, 2997
"""Ids of saved paths; 2998 is left free, and 1025 is the work path that is lost on the next click."""

CLIPPING_PATH_NAME = 2999

RECORD_BYTES = 26

MAX_KNOTS = 65_535
"""Knots of one subpath: its length record counts them in 16 bits."""

_CLOSED_LENGTH, _CLOSED_LINKED, _CLOSED_UNLINKED = 0, 1, 2
_OPEN_LENGTH, _OPEN_LINKED, _OPEN_UNLINKED = 3, 4, 5
_FILL_RULE, _CLIPBOARD, _INITIAL_FILL = 6, 7, 8
_KNOTS = {_CLOSED_LINKED, _CLOSED_UNLINKED, _OPEN_LINKED, _OPEN_UNLINKED}

# Selector, number of knots, operation, 1, 0, number of the shape the subpath came from.
_LENGTH_RECORD = Struct(">HHhHII10x")
_UNITE, _EXCLUDE = 1, 0

_FIXED_POINT = 1 << 24
"""8 bits before the point and 24 behind it: 8,000 pixels are told apart to 1/2,000 of a pixel."""

_SMOOTH_SINE = 1e-3
"""Sine of the largest angle between two handles that still count as one straight line: one sixteenth of a degree, far
below what a person can set and above what rounding to fixed point bends a handle of a few pixels."""

_EVEN_ODD = 1


@dataclass(frozen=True, slots=True, eq=False)
class Subpath:
    """One outline of cubic Bezier curves.

    Attributes
    ----------
    knots : ndarray
        ``(N, 3, 2)`` float64: of every knot the control point of the incoming curve, the anchor, and the control point
        of the outgoing curve, each ``(x, y)`` as a share of the picture's width and height: 0 is the left or upper edge
        of the first pixel, 1 the right or lower edge of the last. -128 to below 128.
    closed : bool
        Whether a curve leads from the last knot back to the first.

    Raises
    ------
    BugError
        The array has another shape, no knot, more than 65,535 of them, or a value that fixed point cannot hold.
    """

    knots: NDArray[np.float64]
    closed: bool = True

    def __post_init__(self) -> None:
        if self.knots.ndim != 3 or self.knots.shape[1:] != (3, 2):
            raise BugError(f"knots are (N, 3, 2), not {self.knots.shape}")
        if not 1 <= len(self.knots) <= MAX_KNOTS:
            raise BugError(f"a subpath has 1 to {MAX_KNOTS:,} knots, not {len(self.knots):,}")
        if not (np.abs(self.knots) < 127.5).all():  # false for NaN, too
            raise BugError("a knot lies more than 127 pictures outside the picture")


@dataclass(frozen=True, slots=True)
class VectorPath:
    """A saved path: subpaths of which every one takes out what the ones before it cover (even-odd, so holes are holes).

    Attributes
    ----------
    name : str
        Any Unicode text; a file keeps what MacRoman has of it.
    subpaths : tuple of Subpath
    """

    name: str
    subpaths: tuple[Subpath, ...]


def encode_path(path: VectorPath) -> bytes:
    """The path as records of 26 bytes, the data of one image resource 2000 to 2997."""
    records = [_FILL_RULE.to_bytes(2, "big") + bytes(24), _INITIAL_FILL.to_bytes(2, "big") + bytes(24)]
    for number, subpath in enumerate(path.subpaths):
        length, linked, unlinked = (
            (_CLOSED_LENGTH, _CLOSED_LINKED, _CLOSED_UNLINKED)
            if subpath.closed
            else (_OPEN_LENGTH, _OPEN_LINKED, _OPEN_UNLINKED)
        )
        operation = _UNITE if number == 0 else _EXCLUDE
        records.append(_LENGTH_RECORD.pack(length, len(subpath.knots), operation, 1, 0, number))
        knots = np.empty(len(subpath.knots), _KNOT)
        knots["selector"] = np.where(_is_smooth(subpath.knots), linked, unlinked)
        knots["points"] = np.round(subpath.knots[:, :, ::-1] * _FIXED_POINT)  # y before x
        records.append(knots.tobytes())
    return b"".join(records)


_KNOT = np.dtype([("selector", ">u2"), ("points", ">i4", (3, 2))])


def decode_path(data: bytes) -> tuple[Subpath, ...]:
    """Read the records of one path resource.

    Clipboard and fill records are passed over; so are the bytes that pad a vector mask.

    Raises
    ------
    KnownError
        The records do not follow the specification.
    """
    return tuple(_subpaths(data))


def path_resources(paths: Sequence[VectorPath], clipping: str | None = None) -> list[tuple[int, str, bytes]]:
    """The image resources of saved paths, in ascending order of their ids.

    Parameters
    ----------
    paths : sequence of VectorPath
    clipping : str, optional
        Name of the path that cuts the picture out where it is placed in a layout.

    Returns
    -------
    list of (int, str, bytes)
        Id, name and data of every resource. Names are as the file can hold them: in MacRoman, at most 255 bytes, and
        no two alike, because the clipping path is found by its name.

    Raises
    ------
    BugError
        There are more than 998 paths, or ``clipping`` is none of them.
    """
    if len(paths) > LAST_PATH - FIRST_PATH + 1:
        raise BugError(f"a file holds {LAST_PATH - FIRST_PATH + 1} paths, not {len(paths)}")
    names = _stored_names([path.name for path in paths])
    resources = [
        (FIRST_PATH + number, name, encode_path(path))
        for number, (name, path) in enumerate(zip(names, paths, strict=True))
    ]
    if clipping is not None:
        for name, path in zip(names, paths, strict=True):
            if path.name == clipping:
                resources.append((CLIPPING_PATH_NAME, "", _clipping_path(name)))
                break
        else:
            raise BugError(f"the clipping path {clipping!r} is none of the paths")
    return resources


def _clipping_path(name: str) -> bytes:
    """Name, flatness as 16.16 fixed point (0: the printer's own), fill rule.

    The name is padded to two bytes. A reader that does not expect this finds the same flatness and the fill rule 0, "as
    the path says", which is even-odd as well.
    """
    return pascal_string(name, padding=2) + bytes(4) + _EVEN_ODD.to_bytes(2, "big")


def _stored_names(names: Sequence[str]) -> list[str]:
    """What a file keeps of the names, no two alike; a name of which nothing is left becomes "Path 1", "Path 2", ..."""
    stored: list[str] = []
    for number, name in enumerate(names, start=1):
        kept = mac_roman(name.replace("\0", "")).decode("mac_roman")
        if not kept.replace("?", "").strip():
            kept = f"Path {number}"
        unique, count = kept, 1
        while unique in stored:
            count += 1
            ending = f" {count}"
            unique = kept[: 255 - len(ending)] + ending
        stored.append(unique)
    return stored


def _is_smooth(knots: NDArray[np.float64]) -> NDArray[np.bool_]:
    """``(N,)``, whether the two handles lie on one line through the anchor, so that an editor should move them as one.

    A linear map keeps lines, so shares of width and height serve as well as pixels.
    """
    incoming, outgoing = knots[:, 1] - knots[:, 0], knots[:, 2] - knots[:, 1]
    lengths = np.hypot(*incoming.T) * np.hypot(*outgoing.T)
    sine = np.abs(incoming[:, 0] * outgoing[:, 1] - incoming[:, 1] * outgoing[:, 0])
    forward = (incoming * outgoing).sum(axis=1) > 0
    return forward & (sine <= _SMOOTH_SINE * lengths)


def _subpaths(data: bytes) -> Iterator[Subpath]:
    at, end = 0, len(data) - RECORD_BYTES
    while at <= end:
        selector = int.from_bytes(data[at : at + 2], "big")
        at += RECORD_BYTES
        if selector in (_FILL_RULE, _CLIPBOARD, _INITIAL_FILL):
            continue
        if selector not in (_CLOSED_LENGTH, _OPEN_LENGTH):
            raise _damaged(f"a record of the kind {selector} stands where a subpath should begin")
        count = int.from_bytes(data[at - RECORD_BYTES + 2 : at - RECORD_BYTES + 4], "big")
        if at + count * RECORD_BYTES > len(data):
            raise _damaged("a subpath is cut off")
        records = np.frombuffer(data, _KNOT, count, at)
        at += count * RECORD_BYTES
        if not np.isin(records["selector"], list(_KNOTS)).all():
            raise _damaged("a subpath has fewer knots than it says")
        if count:
            yield Subpath(records["points"][:, :, ::-1] / _FIXED_POINT, closed=selector == _CLOSED_LENGTH)


def _damaged(detail: str) -> KnownError:
    return KnownError(f"a path in the file is damaged: {detail}", remedy="Save the file again in Photoshop.")
