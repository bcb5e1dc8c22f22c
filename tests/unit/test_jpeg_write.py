"""A JPEG keeps profile, metadata and paths, for this program and for independent readers."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
from PIL import Image

from engine.domain.errors import BugError, KnownError
from engine.domain.geometry import Extent
from engine.domain.picture import Picture
from engine.imaging.drawn.scene import draw_scene
from engine.imaging.outline import outline
from engine.imaging.psd.paths import Subpath, VectorPath, decode_path
from engine.imaging.raster.decode import read_picture
from engine.imaging.raster.jpeg_write import write_jpeg

ADOBE_RGB = imagecodecs.cms_profile("adobergb")
XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta><?xpacket end="w"?>'
)


def exif_block() -> bytes:
    """With everything in it that exiftool's validation asks of a JPEG."""
    block = Image.Exif()
    block[271], block[272] = "Studio Make", "Model X"
    block[282], block[283], block[296], block[531] = 72.0, 72.0, 2, 1
    return block.tobytes().removeprefix(b"Exif\0\0")


def noise(height: int = 61, width: int = 83) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)


def resources(path: Path) -> dict[int, bytes]:
    """The image resources as Pillow reads them out of APP13."""
    with Image.open(path) as image:
        return dict(image.info["photoshop"])


def exiftool(path: Path, *options: str) -> dict[str, str]:
    program = shutil.which("exiftool")
    if program is None:
        pytest.skip("exiftool is not installed")
    run = subprocess.run([program, "-j", "-G1", "-s", *options, str(path)], check=True, capture_output=True)
    return json.loads(run.stdout)[0]


def clipped_by_image_magick(path: Path, extent: Extent) -> np.ndarray:
    """``(H, W)`` bool, what ImageMagick's own drawing leaves inside the clipping path."""
    program = shutil.which("convert-im6.q16") or shutil.which("magick")
    if program is None:
        pytest.skip("ImageMagick is not installed")
    options = "-alpha transparent -clip -alpha opaque +clip -alpha extract -depth 8 gray:-"
    run = subprocess.run([program, str(path), *options.split()], check=True, capture_output=True)
    return np.frombuffer(run.stdout, np.uint8).reshape(extent.height, extent.width) > 127


def wavy(seed: int, knots: int) -> Subpath:
    """An outline around the middle of the picture that no coarser one can follow."""
    angle = np.linspace(0, 2 * np.pi, knots, endpoint=False)
    radius = np.random.default_rng(seed).uniform(0.3, 0.45, knots)
    anchors = 0.5 + radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return Subpath(np.repeat(anchors[:, None], 3, axis=1))


def test_jpeg_keeps_profile_metadata_and_chroma(tmp_path: Path) -> None:
    y, x = np.mgrid[0:64, 0:96]
    smooth = np.dstack([x * 600, y * 900, (x + y) * 400]).astype(np.uint16)
    source = Picture(smooth, icc=ADOBE_RGB, exif=exif_block(), xmp=XMP, dpi=(240.4, 240.4))
    path = tmp_path / "out.jpg"
    assert write_jpeg(path, source) == ("The JPEG has 8 bits per channel; the 16-bit values were rounded.",)
    with Image.open(path) as image:
        assert image.info["icc_profile"] == ADOBE_RGB
        assert image.info["xmp"] == XMP
        assert (image.info["jfif_density"], image.info["jfif_unit"]) == ((240, 240), 1)
        assert image.getexif()[282] == image.getexif()[283] == 240
        assert [(c[1], c[2]) for c in getattr(image, "layer", ())] == [(1, 1)] * 3  # 4:4:4
        error = np.asarray(image).astype(float) - smooth / 257
    assert np.abs(error).max() < 6
    assert abs(error.mean()) < 0.1  # rounded, not cut


def test_jpeg_lays_transparency_over_white(tmp_path: Path) -> None:
    alpha = np.zeros((32, 32), np.uint8)
    alpha[:, 16:] = 255
    path = tmp_path / "out.jpg"
    notices = write_jpeg(path, Picture(np.full((32, 32, 3), 40, np.uint8), alpha=alpha))
    assert notices == ("A JPEG has no transparency; the picture was laid over white.",)
    pixels = read_picture(path).pixels
    assert pixels[:, :8].min() >= 253
    assert np.abs(pixels[:, 24:].astype(int) - 40).max() <= 2


def test_long_metadata_does_not_stop_a_jpeg(tmp_path: Path) -> None:
    block = Image.Exif()
    block[271] = "Studio Make"
    block.get_ifd(34665)[37500] = bytes(70_000)
    raw = block.tobytes().removeprefix(b"Exif\0\0")
    path = tmp_path / "out.jpg"
    notices = write_jpeg(path, Picture(noise(), exif=raw, xmp=b"<x/>" + b" " * 70_000))
    assert len(notices) == 2
    with Image.open(path) as image:
        assert image.getexif()[271] == "Studio Make"


@pytest.mark.parametrize("seed", [3, 6])
def test_image_magick_cuts_out_the_garment(tmp_path: Path, seed: int) -> None:
    """At 12 megapixels. ImageMagick counts from the centres of pixels where Photoshop counts from their corners, and
    includes what it touches: half a pixel all around, which alone is more than 0.5 % of a garment below about two
    megapixels.
    """
    extent = Extent(3001, 3999)
    small = draw_scene(seed, Extent(751, 1000)).garment_mask
    alpha = np.asarray(cv2.resize(small, (extent.width, extent.height), interpolation=cv2.INTER_CUBIC), np.uint8)
    picture = Picture(np.full((extent.height, extent.width, 3), 128, np.uint8))
    path = tmp_path / "clipped.jpg"
    assert write_jpeg(path, picture, paths=[VectorPath("Garment", outline(alpha))], clipping="Garment") == ()
    found, wanted = clipped_by_image_magick(path, extent), alpha > 127
    assert (found & wanted).sum() / (found | wanted).sum() >= 0.995


def test_image_magick_cuts_out_holes_and_islands(tmp_path: Path) -> None:
    extent = Extent(2001, 1501)
    y, x = np.mgrid[0:1501, 0:2001] + 0.5
    ring = np.minimum(500 - np.hypot(x - 700, y - 750), np.hypot(x - 650, y - 800) - 250)
    lone = 200 - np.hypot((x - 1600) / 1.5, y - 500)
    button = 60 - np.hypot(x - 650, y - 800)
    alpha = np.round(np.clip(np.maximum.reduce([ring, lone, button]) / 9 + 0.5, 0, 1) * 255).astype(np.uint8)
    path = tmp_path / "clipped.jpg"
    vector = VectorPath("ring", outline(alpha))
    assert len(vector.subpaths) == 4
    write_jpeg(path, Picture(np.full((1501, 2001, 3), 9, np.uint8)), paths=[vector], clipping="ring")
    found, wanted = clipped_by_image_magick(path, extent), alpha > 127
    assert (found & wanted).sum() / (found | wanted).sum() >= 0.995


def test_exiftool_finds_nothing_wrong_and_one_resolution(tmp_path: Path) -> None:
    path = tmp_path / "out.jpg"
    source = Picture(noise(), icc=ADOBE_RGB, exif=exif_block(), xmp=XMP, dpi=(300.2, 299.8))
    write_jpeg(path, source, paths=[VectorPath("Kleid für Ä", (wavy(1, 20),))], clipping="Kleid für Ä")
    # The old names of a Photoshop file are in MacRoman; exiftool takes them for Latin unless told.
    tags = exiftool(path, "-charset", "photoshop=MacRoman", "-a", "-validate", "-warning", "-error", "-all")
    assert tags["Photoshop:ClippingPathName"] == "Kleid für Ä"
    resolution = {name: value for name, value in tags.items() if name.endswith(("XResolution", "YResolution"))}
    assert {name.split(":")[0] for name in resolution} == {"JFIF", "IFD0", "Photoshop"}
    assert set(resolution.values()) == {300}
    assert {name: tags[name] for name in tags if name.endswith((":Warning", ":Error"))} == {}
    assert tags["IFD0:Model"] == "Model X"


def test_paths_come_back_and_nothing_else_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "out.jpg"
    source = Picture(noise(), icc=ADOBE_RGB, exif=exif_block(), xmp=XMP, dpi=(240.0, 240.0))
    paths = [VectorPath("one", (wavy(1, 20), wavy(2, 7))), VectorPath("two", (wavy(3, 9),))]
    assert write_jpeg(path, source, paths=paths) == ()
    found = resources(path)
    assert sorted(found) == [1005, 2000, 2001]  # saved, none clips
    for data, wanted in zip((found[2000], found[2001]), paths, strict=True):
        for subpath, original in zip(decode_path(data), wanted.subpaths, strict=True):
            np.testing.assert_allclose(subpath.knots, original.knots, atol=2**-24)
    back = read_picture(path)
    assert (back.icc, back.xmp, back.dpi) == (ADOBE_RGB, XMP, (240.0, 240.0))


def test_path_with_too_many_knots_is_drawn_more_coarsely(tmp_path: Path) -> None:
    path = tmp_path / "out.jpg"
    angle = np.linspace(0, 2 * np.pi, 4000, endpoint=False)
    radius = 480 + 2.0 * np.cos(np.pi * np.arange(4000))  # a fringe of 2,000 threads, each four pixels long
    anchors = 0.5 + radius[:, None] * np.column_stack([np.cos(angle) / 1200, np.sin(angle) / 1500])
    fine = VectorPath("fringe", (Subpath(np.repeat(anchors[:, None], 3, axis=1)),))
    (notice,) = write_jpeg(path, Picture(noise(1500, 1200)), paths=[fine], clipping="fringe")
    assert notice.startswith("The path has too many knots for a JPEG; it was drawn again to within ")
    found = resources(path)
    (subpath,) = decode_path(found[2000])
    distance = np.hypot(*((subpath.knots[:, 1] - 0.5) * (1200, 1500)).T)
    assert np.abs(distance - 480).max() < 8
    assert sum(len(data) for data in found.values()) < 65_533


def test_path_that_never_fits_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "out.jpg"
    many = tuple(
        Subpath(np.repeat(np.array([(x, y), (x + 0.01, y), (x, y + 0.01)])[:, None], 3, axis=1))
        for x in np.linspace(0, 0.98, 50)
        for y in np.linspace(0, 0.98, 50)
    )
    notices = write_jpeg(path, Picture(noise(64, 64)), paths=[VectorPath("dust", many)], clipping="dust")
    assert len(notices) == 1
    with Image.open(path) as image:
        assert image.size == (64, 64)


def test_impossible_wishes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BugError, match="none of the paths"):
        write_jpeg(tmp_path / "a.jpg", Picture(noise()), paths=[VectorPath("a", (wavy(1, 5),))], clipping="b")
    with pytest.raises(KnownError, match="does not fit into a JPEG"):
        write_jpeg(tmp_path / "a.jpg", Picture(np.zeros((1, 70_000, 3), np.uint8)))
    assert not (tmp_path / "a.jpg").exists()
