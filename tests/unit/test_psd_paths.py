"""Path records are read back by this program and by psd-tools, which knows the format on its own."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from psd_tools import PSDImage
from psd_tools.constants import PathResourceID
from psd_tools.psd.vector import Path as ToolsPath
from psd_tools.psd.vector import Subpath as ToolsSubpath

from engine.domain.errors import BugError, KnownError
from engine.domain.geometry import Extent
from engine.imaging.psd.document import LayeredDocument
from engine.imaging.psd.paths import Subpath, VectorPath, decode_path, encode_path, path_resources
from engine.imaging.psd.writer import write_psd


def square(left: float, top: float, right: float, bottom: float) -> Subpath:
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64)
    return Subpath(np.repeat(corners[:, None], 3, axis=1))


def wavy(seed: int, knots: int, *, closed: bool = True) -> Subpath:
    return Subpath(np.random.default_rng(seed).uniform(-0.1, 1.1, (knots, 3, 2)), closed=closed)


def test_psd_tools_reads_the_same_records() -> None:
    path = VectorPath("Dress", (wavy(1, 7), square(0.25, 0.5, 0.75, 0.9), wavy(2, 3, closed=False)))
    records = list(ToolsPath.read(io.BytesIO(encode_path(path))))
    assert [record.selector for record in records[:2]] == [PathResourceID.PATH_FILL, PathResourceID.INITIAL_FILL]
    assert records[1].value == 0  # the fill does not begin with everything selected
    outlines = records[2:]
    # The first unites with nothing, the others exclude: an inner outline is a hole.
    assert [outline.operation for outline in outlines] == [1, 0, 0]
    assert [outline.is_closed() for outline in outlines] == [True, True, False]
    assert [outline.index for outline in outlines] == [0, 1, 2]
    for outline, subpath in zip(outlines, path.subpaths, strict=True):
        found = [(knot.preceding[::-1], knot.anchor[::-1], knot.leaving[::-1]) for knot in outline]
        np.testing.assert_allclose(found, subpath.knots, atol=2**-25)


def test_psd_tools_finds_the_path_in_a_psd(tmp_path: Path) -> None:
    picture = np.full((61, 83, 3), 90, np.uint8)
    vector = VectorPath("Ärmel", (wavy(8, 12), square(0.4, 0.4, 0.6, 0.6)))
    document = LayeredDocument(Extent(83, 61), 8, picture, (), (), picture, paths=(vector,))
    resources = PSDImage.open(write_psd(tmp_path / "a.psd", document)).image_resources
    block = resources[2000]
    assert block.name == "Ärmel"
    outlines = [record for record in ToolsPath.read(io.BytesIO(block.data)) if isinstance(record, ToolsSubpath)]
    assert [len(outline) for outline in outlines] == [12, 4]
    np.testing.assert_allclose(outlines[0][3].anchor[::-1], vector.subpaths[0].knots[3, 1], atol=2**-25)
    assert 2999 not in resources  # a retoucher's file must not arrive cut out in a layout


def test_records_are_the_specifications_bytes() -> None:
    data = encode_path(VectorPath("p", (square(0.5, 0.25, 1.0, 1.5),)))
    assert len(data) == 7 * 26
    assert data[:2] == b"\0\6"
    assert data[26:28] == b"\0\10"
    assert data[52:62] == bytes.fromhex("0000 0004 0001 0001 0000")
    assert data[62:78] == bytes(16)
    y, x = b"\x00\x40\x00\x00", b"\x00\x80\x00\x00"
    assert data[78:104] == b"\0\2" + (y + x) * 3  # a corner: unlinked, vertical before horizontal
    assert data[-4:] == b"\x00\x80\x00\x00"
    assert data[-8:-4] == b"\x01\x80\x00\x00"


def test_round_trip_is_exact_to_fixed_point() -> None:
    subpaths = (wavy(3, 1), wavy(4, 2000), wavy(5, 4, closed=False))
    back = decode_path(encode_path(VectorPath("x", subpaths)) + b"\0\0")  # a vector mask is padded to four bytes
    assert [subpath.closed for subpath in back] == [True, True, False]
    for found, wanted in zip(back, subpaths, strict=True):
        np.testing.assert_allclose(found.knots, wanted.knots, atol=2**-25)
    assert encode_path(VectorPath("x", back)) == encode_path(VectorPath("x", subpaths))


def test_handles_on_one_line_are_linked() -> None:
    anchor = np.array([0.5, 0.5])
    handles = [
        ((-0.1, -0.2), (0.05, 0.1)),  # one line, unequal lengths
        ((-0.1, -0.2), (0.05, 0.12)),  # bent
        ((-0.1, 0.0), (-0.1, 0.0)),  # back on itself: a cusp
        ((0.0, 0.0), (0.1, 0.0)),  # a straight line comes in
    ]
    knots = np.array([(anchor + back, anchor, anchor + ahead) for back, ahead in handles])
    data = encode_path(VectorPath("x", (Subpath(knots),)))
    selectors = [struct.unpack_from(">H", data, at)[0] for at in range(78, len(data), 26)]
    assert selectors == [1, 2, 2, 2]


def test_resources_carry_the_names_and_the_clipping_path() -> None:
    paths = [VectorPath("Ärmel", (square(0, 0, 1, 1),)), VectorPath("ドレス", (square(0, 0, 0.5, 1),))]
    resources = path_resources(paths, clipping="ドレス")
    assert [(number, name) for number, name, _ in resources] == [(2000, "Ärmel"), (2001, "Path 2"), (2999, "")]
    assert resources[1][2] == encode_path(paths[1])
    # Pascal string padded to two bytes, flatness 0, even-odd fill.
    assert resources[2][2] == b"\6Path 2\0" + bytes(4) + b"\0\1"
    assert path_resources(paths[:1], clipping="Ärmel")[1][2] == b"\5\x80rmel" + bytes(4) + b"\0\1"
    assert [number for number, _, _ in path_resources(paths)] == [2000, 2001]


def test_names_are_unique_in_the_file() -> None:
    long = "n" * 300
    paths = [VectorPath(name, (square(0, 0, 1, 1),)) for name in ("a", "a", "シャツa", "パンツa", long, long, "a 2")]
    names = [name for _, name, _ in path_resources(paths)]
    assert names == ["a", "a 2", "???a", "???a 2", "n" * 255, "n" * 253 + " 2", "a 2 2"]


def test_impossible_paths_are_refused() -> None:
    with pytest.raises(BugError, match="none of the paths"):
        path_resources([VectorPath("a", ())], clipping="b")
    with pytest.raises(BugError, match="998"):
        path_resources([VectorPath("a", ())] * 999)
    for knots in (np.zeros((4, 2)), np.zeros((0, 3, 2)), np.full((2, 3, 2), np.nan), np.full((2, 3, 2), 128.0)):
        with pytest.raises(BugError):
            Subpath(knots)


def test_damaged_records_are_a_sentence() -> None:
    data = bytearray(encode_path(VectorPath("x", (wavy(6, 5), wavy(7, 5)))))
    with pytest.raises(KnownError, match="cut off"):
        decode_path(bytes(data[:-26]))
    data[55] = 4  # one knot fewer than there are
    with pytest.raises(KnownError, match="where a subpath should begin"):
        decode_path(bytes(data))
    data[55] = 6  # one more: the next length record stands among the knots
    with pytest.raises(KnownError, match="fewer knots"):
        decode_path(bytes(data))
