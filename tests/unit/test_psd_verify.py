"""The check after writing: it sees every change, names the place, and needs little memory."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from psd_tools import PSDImage

from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.imaging.psd.document import AlphaChannel, LayeredDocument, PixelLayer
from engine.imaging.psd.paths import Subpath, VectorPath
from engine.imaging.psd.verify import verify_psd
from engine.imaging.psd.writer import write_psd

PROJECT = Path(__file__).resolve().parents[2]


def a_document(width: int = 5, height: int = 4, bit_depth: int = 8, seed: int = 5) -> LayeredDocument:
    random = np.random.default_rng(seed)

    def pixels() -> Any:
        return random.integers(0, 2**bit_depth, (height, width, 3), np.uint16 if bit_depth == 16 else np.uint8)

    def alpha() -> NDArray[np.uint8]:
        return random.integers(0, 256, (height, width), np.uint8)

    return LayeredDocument(
        Extent(width, height),
        bit_depth,
        pixels(),
        (PixelLayer("matched", pixels(), alpha(), transparency=alpha()),),
        (AlphaChannel("garment", alpha()), AlphaChannel("socks", alpha())),
        pixels(),
        icc=b"a profile",
        dpi=(300.0, 300.0),
        exif=b"MM\0*",
        xmp=b"<x/>",
        paths=(VectorPath("outline", (Subpath(random.random((3, 3, 2))),)),),
    )


def one_off(array: Any, *index: int) -> Any:
    """A copy in which a single sample differs by one."""
    changed = array.copy()
    changed[index] ^= 1
    return changed


Change = Callable[[LayeredDocument], LayeredDocument]

CHANGES: dict[str, tuple[str, Change]] = {
    "background": (
        r"layer 'Background', channel 2: pixels of the rows 0 to 3 differ",
        lambda d: replace(d, background=one_off(d.background, 3, 4, 2)),
    ),
    "layer": (
        r"layer 'matched', channel 0: pixels",
        lambda d: replace(d, layers=(replace(d.layers[0], pixels=one_off(d.layers[0].pixels, 0, 0, 0)),)),
    ),
    "mask": (
        r"layer 'matched', channel -2: pixels",
        lambda d: replace(d, layers=(replace(d.layers[0], mask=one_off(d.layers[0].mask, 1, 1)),)),
    ),
    "no mask": (r"channels of layer 'matched'", lambda d: replace(d, layers=(replace(d.layers[0], mask=None),))),
    "layer name": (r"name of layer 'other'", lambda d: replace(d, layers=(replace(d.layers[0], name="other"),))),
    "transparency": (
        r"layer 'matched', channel -1: pixels",
        lambda d: replace(d, layers=(replace(d.layers[0], transparency=one_off(d.layers[0].transparency, 3, 2)),)),
    ),
    "hidden": (r"visibility of layer 'matched'", lambda d: replace(d, layers=(replace(d.layers[0], is_hidden=True),))),
    "path": (
        r"the path 'outline' differs",
        lambda d: replace(d, paths=(replace(d.paths[0], subpaths=(Subpath(np.zeros((3, 3, 2))),)),)),
    ),
    "path name": (r"name of a path", lambda d: replace(d, paths=(replace(d.paths[0], name="other"),))),
    "no path": (r"number of paths: 1 instead of 0", lambda d: replace(d, paths=())),
    "fewer layers": (r"number of layers: 2 instead of 1", lambda d: replace(d, layers=())),
    "alpha": (
        r"merged image, channel 4: pixels",
        lambda d: replace(
            d, alpha_channels=(d.alpha_channels[0], AlphaChannel("socks", one_off(d.alpha_channels[1].alpha, 2, 0)))
        ),
    ),
    "alpha names": (
        r"names of the alpha channels",
        lambda d: replace(d, alpha_channels=(replace(d.alpha_channels[0], name="Garment"), d.alpha_channels[1])),
    ),
    "alpha order": (r"names of the alpha channels", lambda d: replace(d, alpha_channels=d.alpha_channels[::-1])),
    "fewer alphas": (r"number of channels", lambda d: replace(d, alpha_channels=d.alpha_channels[:1])),
    "composite": (r"merged image, channel 1: pixels", lambda d: replace(d, composite=one_off(d.composite, 0, 0, 1))),
    "profile": (r"the ICC profile differs", lambda d: replace(d, icc=b"another")),
    "no profile": (r"the ICC profile differs", lambda d: replace(d, icc=None)),
    "resolution": (r"resolution", lambda d: replace(d, dpi=(300.0, 300.1))),
    "no resolution": (r"resolution", lambda d: replace(d, dpi=None)),
    "exif": (r"the EXIF block differs", lambda d: replace(d, exif=b"MM\0+")),
    "xmp": (r"the XMP packet differs", lambda d: replace(d, xmp=None)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("bit_depth", [8, 16])
def test_every_difference_is_found_and_named(tmp_path: Path, change: str, bit_depth: int) -> None:
    document = a_document(bit_depth=bit_depth)
    path = write_psd(tmp_path / "a.psd", document)
    verify_psd(path, document)
    place, changed = CHANGES[change]
    with pytest.raises(KnownError, match=f"the written file does not read back \\({place}") as caught:
        verify_psd(path, changed(document), shown_as=Path("shoot/final.psd"))
    assert caught.value.retryable
    assert str(caught.value).startswith("shoot/final.psd: ")
    assert "export again" in str(caught.value)


def test_a_file_of_another_size_or_depth_is_refused(tmp_path: Path) -> None:
    path = write_psd(tmp_path / "a.psd", a_document())
    for other in (a_document(width=6), a_document(height=5), a_document(bit_depth=16)):
        with pytest.raises(KnownError, match="instead of"):
            verify_psd(path, other)


@pytest.mark.parametrize("bit_depth", [8, 16])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, bit_depth: int) -> None:
    document = a_document(bit_depth=bit_depth)
    path = write_psd(tmp_path / "a.psd", document)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(KnownError, match="does not read back"):
            verify_psd(path, document)
    for wrong in (whole[:-1], whole + b"\0"):
        path.write_bytes(wrong)
        with pytest.raises(KnownError, match="does not read back"):
            verify_psd(path, document)


@pytest.mark.parametrize("bit_depth", [8, 16])
def test_damage_is_refused_or_harmless(tmp_path: Path, bit_depth: int) -> None:
    """Flip each byte in turn: either the check says so, or psd-tools' own loader still finds every pixel and name."""
    document = a_document(3, 2, bit_depth)
    path = write_psd(tmp_path / "a.psd", document)
    whole = path.read_bytes()
    thumbnail = whole.index(b"\xff\xd8\xff")  # not compared: it is lossy
    unseen = 0
    for position in (*range(thumbnail), *range(whole.index(b"\xff\xd9", thumbnail), len(whole))):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            verify_psd(path, document)
        except KnownError:
            continue
        unseen += 1
        read = PSDImage.open(path)
        assert [layer.name for layer in read] == ["Background", "matched"]
        top = 2**bit_depth - 1
        for layer, pixels in zip(read, (document.background, document.layers[0].pixels), strict=True):
            scaled = layer.numpy("color")
            assert scaled is not None
            np.testing.assert_array_equal(np.rint(scaled.astype(np.float64) * top), pixels)
        merged = np.rint(np.asarray(read.numpy()).astype(np.float64) * top)
        np.testing.assert_array_equal(merged[:, :, :3], document.composite)
        np.testing.assert_array_equal(merged[:, :, 3] * 255 // top, document.alpha_channels[0].alpha)
    assert unseen < 0.4 * len(whole)  # reserved fields, blending ranges, ids and the writer's name


def test_a_missing_file_is_the_operating_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        verify_psd(tmp_path / "none.psd", a_document())


@pytest.mark.parametrize("bit_depth", [8, 16])
def test_writing_and_checking_need_no_copy_of_a_plane(tmp_path: Path, bit_depth: int) -> None:
    width, height = 6000, 1500
    document = a_document(width, height, bit_depth)
    plane_bytes = width * height * bit_depth // 8
    tracemalloc.start()
    try:
        path = write_psd(tmp_path / "a.psd", document)
        _, written_peak = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        verify_psd(path, document)
        _, checked_peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert written_peak < plane_bytes
    assert checked_peak < plane_bytes


WRITE_WITH_LITTLE_ROOM = """
import sys
from pathlib import Path
import numpy as np
from engine.domain.errors import KnownError
from engine.domain.files import complete_file
from engine.domain.geometry import Extent
from engine.imaging.psd.document import LayeredDocument
from engine.imaging.psd.writer import write_psd

target, limit = Path(sys.argv[1]), int(sys.argv[2])
if limit:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
pixels = np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)
try:
    with complete_file(target) as temporary:
        write_psd(temporary, LayeredDocument(Extent(300, 300), 8, pixels, (), (), pixels))
except KnownError as error:
    print(error, error.retryable, [path.name for path in target.parent.iterdir()])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a process's files")
def test_a_file_that_cannot_grow_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "out" / "a.psd"
    ran = subprocess.run(
        [sys.executable, "-c", WRITE_WITH_LITTLE_ROOM, str(target), "200000"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert ran.stdout.startswith(f"{target.as_posix()}: the file is too large for this disk.")
    assert ran.stdout.rstrip().endswith("False []")


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's unshare and tmpfs")
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    tiny = f"mount -t tmpfs -o size=256k tmpfs '{disk}'"
    try:
        subprocess.run([*mount, tiny], capture_output=True, check=True, timeout=30)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this machine mounts no tmpfs for a plain user: {error}")
    ran = subprocess.run(
        [*mount, f'{tiny} && exec "$@"', "sh", sys.executable, "-c", WRITE_WITH_LITTLE_ROOM, str(disk / "a.psd"), "0"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert ran.stdout.startswith(f"{(disk / 'a.psd').as_posix()}: the disk is full. Free some space and retry.")
    assert ran.stdout.rstrip().endswith("True []")
