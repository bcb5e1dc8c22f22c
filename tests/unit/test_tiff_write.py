"""TIFF files with named channels and with layers, as tifffile, psd-tools, ImageMagick and exiftool see them."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms
from psd_tools.psd.image_resources import ImageResources
from psd_tools.psd.tagged_blocks import TaggedBlocks

from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.domain.picture import Picture
from engine.imaging.psd.document import AlphaChannel, LayeredDocument, PixelLayer
from engine.imaging.psd.paths import Subpath, VectorPath, decode_path
from engine.imaging.raster.decode import read_picture
from engine.imaging.raster.tiff_verify import verify_tiff
from engine.imaging.raster.tiff_write import LAYER_DATA_MARK, write_layered_tiff, write_tiff

PROJECT = Path(__file__).resolve().parents[2]
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"


def exif_block(order: str) -> bytes:
    block = Image.Exif()
    block.endian = order
    block[271], block[306], block[282], block[283] = "Studio Make", "2024:05:06 07:08:09", 72.0, 72.0
    inner = block.get_ifd(34665)
    inner[36867], inner[34855] = "2024:05:06 07:08:09", (100, 200)
    block.get_ifd(34853)[2] = (51.0, 30.5, 0.25)
    return block.tobytes().removeprefix(b"Exif\0\0")


def a_document(width: int = 101, height: int = 67, bit_depth: int = 8, order: str = "<") -> LayeredDocument:
    random = np.random.default_rng(width + height + bit_depth)

    def pixels() -> NDArray[np.uint8] | NDArray[np.uint16]:
        return random.integers(0, 2**bit_depth, (height, width, 3), np.uint16 if bit_depth == 16 else np.uint8)

    def alpha() -> NDArray[np.uint8]:
        return random.integers(0, 256, (height, width), np.uint8)

    return LayeredDocument(
        Extent(width, height),
        bit_depth,
        pixels(),
        (PixelLayer("Größe 靴下", pixels(), mask=alpha()), PixelLayer("Retouch", pixels(), transparency=alpha())),
        (AlphaChannel("Größe", alpha()), AlphaChannel("靴下" * 150, alpha())),
        pixels(),
        icc=ICC,
        dpi=(300.0, 150.5),
        exif=exif_block(order),
        xmp=XMP,
        paths=(VectorPath("outline", (Subpath(random.random((3, 3, 2))),)),),
    )


def resources_of(path: Path) -> ImageResources:
    with tifffile.TiffFile(path) as tiff:
        tag = tiff.pages.first.tags[34377]
        assert tag.dtype == tifffile.DATATYPE.BYTE
        data = bytes(tag.value)
    return ImageResources.read(io.BytesIO(len(data).to_bytes(4, "big") + data))


@pytest.mark.parametrize("bit_depth", [8, 16])
@pytest.mark.parametrize("has_alpha", [False, True])
def test_a_flat_tiff_has_named_channels(tmp_path: Path, bit_depth: int, has_alpha: bool) -> None:
    document = a_document(bit_depth=bit_depth)
    alpha = document.alpha_channels[0].alpha[::-1].copy() if has_alpha else None
    picture = Picture(document.composite, ICC, alpha, exif_block("<"), XMP, (300.0, 300.0))
    path = tmp_path / "a.tif"
    assert write_tiff(path, picture, document.alpha_channels, document.paths) == ()
    step = 257 if bit_depth == 16 else 1
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        assert [int(kind) for kind in page.extrasamples] == [2] * has_alpha + [0, 0]
        samples = page.asarray()
    np.testing.assert_array_equal(samples[..., :3], document.composite)
    wanted = [alpha] * has_alpha + [channel.alpha for channel in document.alpha_channels]
    for number, plane in enumerate(wanted, start=3):
        assert plane is not None
        np.testing.assert_array_equal(samples[..., number], plane.astype(np.uint16) * step)
    resources = resources_of(path)
    names = ["Transparency"] * has_alpha + ["Größe", "靴下" * 150]
    assert [name.rstrip("\0") for name in resources.get_data(1045)] == names
    assert list(resources.get_data(1006))[-2:] == ["Größe", "?" * 255]
    assert resources.get_data(1005).horizontal == 300 * 65536
    assert resources[2000].name == "outline"
    assert len(decode_path(resources[2000].data)) == 1
    read = read_picture(path)
    np.testing.assert_array_equal(read.pixels, document.composite)
    assert (read.icc, read.xmp, read.dpi) == (ICC, XMP, (300.0, 300.0))
    assert (read.alpha is None) is not has_alpha
    if alpha is not None:
        np.testing.assert_array_equal(read.alpha, alpha)


def test_a_flat_tiff_without_channels_has_no_resources(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write_tiff(path, Picture(a_document().composite))
    with tifffile.TiffFile(path) as tiff:
        assert 34377 not in tiff.pages.first.tags


@pytest.mark.parametrize("bit_depth", [8, 16])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (33, 17), (1501, 301)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_layered_tiff_comes_back(tmp_path: Path, bit_depth: int, width: int, height: int, order: str) -> None:
    document = a_document(width, height, bit_depth, order)
    path = tmp_path / "a.tif"
    write_layered_tiff(path, document)
    verify_tiff(path, document)
    assert path.read_bytes()[:4] == b"MM\0*"
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        assert len(tiff.pages) == 1
        layers = page.tags[37724]
        assert layers.dtype == tifffile.DATATYPE.UNDEFINED
        assert layers.value.startswith(LAYER_DATA_MARK + (b"8BIMLayr" if bit_depth == 8 else b"8BIMLr16"))
        np.testing.assert_array_equal(page.asarray()[..., :3], document.composite)
    read = read_picture(path)
    np.testing.assert_array_equal(read.pixels, document.composite)
    assert (read.alpha, read.icc, read.xmp, read.dpi) == (None, ICC, XMP, (300.0, 150.5))
    assert read.exif is not None
    stored = Image.Exif()
    stored.load(b"Exif\0\0" + read.exif)
    assert stored[271] == "Studio Make"
    assert stored.get_ifd(34665)[36867] == "2024:05:06 07:08:09"
    assert stored.get_ifd(34665)[34855] == (100, 200)  # SHORT values survive the change of byte order
    assert [float(part) for part in stored.get_ifd(34853)[2]] == [51.0, 30.5, 0.25]


@pytest.mark.parametrize("bit_depth", [8, 16])
def test_psd_tools_reads_the_layers(tmp_path: Path, bit_depth: int) -> None:
    document = a_document(bit_depth=bit_depth)
    path = tmp_path / "a.tif"
    write_layered_tiff(path, document)
    with tifffile.TiffFile(path) as tiff:
        data = tiff.pages.first.tags[37724].value[len(LAYER_DATA_MARK) :]
    blocks = TaggedBlocks.read(io.BytesIO(data), version=1, padding=4)
    key = b"Layr" if bit_depth == 8 else b"Lr16"
    assert list(blocks) == [key]
    if bit_depth == 16:  # psd-tools knows this block only
        info = blocks.get_data(key)
        assert [record.name for record in info.layer_records][0::2] == ["Background", "Retouch"]
        raw = info.channel_image_data[1][4].get_data(101, 67, 16)
        mask = document.layers[0].mask
        assert mask is not None
        np.testing.assert_array_equal(np.frombuffer(raw, ">u2").reshape(67, 101), mask.astype(np.uint16) * 257)


@pytest.mark.parametrize("bit_depth", [8, 16])
def test_image_magick_reads_the_picture_and_the_layers(tmp_path: Path, bit_depth: int) -> None:
    convert = shutil.which("convert-im6.q16") or shutil.which("magick")
    if convert is None:
        pytest.skip("ImageMagick is not installed")
    document = replace(a_document(bit_depth=bit_depth), alpha_channels=())
    path = tmp_path / "a.tif"
    write_layered_tiff(path, document)
    dtype = ">u2" if bit_depth == 16 else "u1"
    # The picture comes first, then the layers. One is picked by deleting the others, since `a.tif[1]` is read as the
    # second page of the TIFF by some versions of ImageMagick.
    for number, pixels in ((0, document.composite), (1, document.background), (2, document.layers[0].pixels)):
        others = ",".join(str(other) for other in range(4) if other != number)
        command = [convert, str(path), "-delete", others, "+profile", "*", "-alpha", "off", "-depth", str(bit_depth)]
        ran = subprocess.run([*command, "-endian", "MSB", "rgb:-"], capture_output=True, check=True, timeout=60)
        np.testing.assert_array_equal(np.frombuffer(ran.stdout, dtype).reshape(pixels.shape), pixels)


def test_exiftool_finds_one_resolution_and_every_name(tmp_path: Path) -> None:
    program = shutil.which("exiftool")
    if program is None:
        pytest.skip("exiftool is not installed")
    path = tmp_path / "a.tif"
    write_layered_tiff(path, a_document())
    ran = subprocess.run([program, "-j", "-G1", "-a", str(path)], capture_output=True, check=True, timeout=60)
    found = json.loads(ran.stdout)[0]
    assert (found["IFD0:XResolution"], found["IFD0:YResolution"]) == (300, 150.5)
    assert (found["Photoshop:XResolution"], found["Photoshop:YResolution"]) == (300, 150.5)
    assert found["Photoshop:LayerCount"] == 3
    assert found["Photoshop:LayerUnicodeNames"] == ["Background", "Größe 靴下", "Retouch"]
    assert not [value for key, value in found.items() if key.endswith("Warning")]


def one_off(array: NDArray, *index: int) -> NDArray:
    changed = array.copy()
    changed[index] ^= 1
    return changed


Change = Callable[[LayeredDocument], LayeredDocument]
CHANGES: dict[str, tuple[str, Change]] = {
    "composite": ("composite: pixels of the rows", lambda d: replace(d, composite=one_off(d.composite, 66, 100, 2))),
    "background": ("layer 'Background', channel 0", lambda d: replace(d, background=one_off(d.background, 0, 0, 0))),
    "mask": (
        "channel -2: pixels",
        lambda d: replace(
            d, layers=(replace(d.layers[0], mask=one_off(np.asarray(d.layers[0].mask), 3, 3)), d.layers[1])
        ),
    ),
    "alpha": (
        "composite: pixels",
        lambda d: replace(
            d, alpha_channels=(d.alpha_channels[0], replace(d.alpha_channels[1], alpha=d.alpha_channels[0].alpha))
        ),
    ),
    "name": ("names of the alpha channels", lambda d: replace(d, alpha_channels=d.alpha_channels[::-1])),
    "fewer channels": ("(?:size|names)", lambda d: replace(d, alpha_channels=())),
    "profile": ("the ICC profile differs", lambda d: replace(d, icc=None)),
    "xmp": ("the XMP packet differs", lambda d: replace(d, xmp=b"<y/>")),
    "exif": ("the EXIF block differs", lambda d: replace(d, exif=exif_block("<").replace(b"Studio", b"Atelie"))),
    "inner exif": ("the EXIF block differs", lambda d: replace(d, exif=exif_block("<").replace(b"07:08", b"08:08"))),
    "resolution": ("resolution", lambda d: replace(d, dpi=(300.0, 150.0))),
    "path": ("number of paths", lambda d: replace(d, paths=())),
    "fewer layers": ("number of layers", lambda d: replace(d, layers=d.layers[:1])),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("bit_depth", [8, 16])
def test_every_difference_is_found_and_named(tmp_path: Path, change: str, bit_depth: int) -> None:
    document = a_document(bit_depth=bit_depth)
    path = tmp_path / "a.tif"
    write_layered_tiff(path, document)
    place, changed = CHANGES[change]
    with pytest.raises(KnownError, match=f"the written file does not read back \\({place}|\\(.*{place}") as caught:
        verify_tiff(path, changed(document), shown_as=Path("shoot/final.tif"))
    assert str(caught.value).startswith("shoot/final.tif: ")


@pytest.mark.parametrize("bit_depth", [8, 16])
def test_a_tiff_that_was_cut_off_is_refused(tmp_path: Path, bit_depth: int) -> None:
    document = a_document(7, 5, bit_depth)
    path = tmp_path / "a.tif"
    write_layered_tiff(path, document)
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(KnownError, match="does not read back"):
            verify_tiff(path, document)


def test_the_same_document_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.tif", "b.tif"):
        write_layered_tiff(tmp_path / name, a_document(bit_depth=16))
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_layers_above_4_gb_are_refused_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import engine.imaging.psd.writer as writer

    monkeypatch.setattr(writer, "_MAX_32_BIT", 20_000)
    with pytest.raises(KnownError, match=r"more than the 4 GB a TIFF can hold\. Export it as PSD"):
        write_layered_tiff(tmp_path / "a.tif", a_document())


@pytest.mark.parametrize("bit_depth", [8, 16])
def test_writing_and_checking_need_no_copy_of_a_plane(tmp_path: Path, bit_depth: int) -> None:
    document = a_document(6000, 1000, bit_depth)
    composite_bytes = 6000 * 1000 * 5 * bit_depth // 8
    tracemalloc.start()
    try:
        write_layered_tiff(tmp_path / "a.tif", document)
        _, written_peak = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        verify_tiff(tmp_path / "a.tif", document)
        _, checked_peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Sixteen strips of a megabyte are on their way through the threads.
    assert written_peak < max(30_000_000, composite_bytes / 2)
    assert checked_peak < 12_000_000


WRITE_WITH_LITTLE_ROOM = """
import resource, sys
from pathlib import Path
import numpy as np
from engine.domain.errors import KnownError
from engine.domain.files import complete_file
from engine.domain.geometry import Extent
from engine.imaging.psd.document import LayeredDocument
from engine.imaging.raster.tiff_write import write_layered_tiff

target = Path(sys.argv[1])
pixels = np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)
document = LayeredDocument(Extent(300, 300), 8, pixels, (), (), pixels)
for limit in (200_000, 400_000):  # within the picture, within the layers
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        with complete_file(target) as temporary:
            write_layered_tiff(temporary, document)
    except KnownError as error:
        print(error, [path.name for path in target.parent.iterdir()])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a process's files")
def test_a_file_that_cannot_grow_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "out" / "a.tif"
    command = [sys.executable, "-c", WRITE_WITH_LITTLE_ROOM, str(target)]
    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=300)
    lines = ran.stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert line.startswith(f"{target.as_posix()}: the file is too large for this disk.")
        assert line.endswith("[]")
