"""Written documents as independent readers see them: exact pixels, masks and names, the profile byte for byte.

Small files of odd size with soft masks; every reader sees 8 and 16 bits, PSD and PSB (large document), and the three
profiles of the trade. A reader that is not installed is skipped; ``.ci/run`` installs all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.domain.export import ExportFormat
from engine.domain.picture import Picture
from engine.imaging.psd.document import BACKGROUND_NAME, LayeredDocument
from engine.imaging.psd.records import mac_roman
from engine.imaging.psd.writer import write_psd
from engine.imaging.raster.decode import read_picture
from engine.imaging.raster.tiff_write import write_layered_tiff, write_tiff
from tests.layered_documents import SPACES, layered_document, profile
from tests.readers import packages, programs
from tests.readers.seen import Seen, require_same, require_same_picture
from tests.unit.export_studio import ExportStudio, changed_inside, drawn_alpha

SIZES = [(101, 67), (33, 17)]

CASES = [
    pytest.param((bits, psb, size, space), id=f"{bits}-bit-{'psb' if psb else 'psd'}-{space}")
    for (bits, psb), size, space in zip(
        [(8, False), (8, True), (16, False), (16, True)],
        SIZES * 2,
        ["sRGB", "AdobeRGB-compatible", "ProPhoto", "sRGB"],
        strict=True,
    )
]


@pytest.fixture(params=CASES)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, LayeredDocument]:
    bits, psb, (width, height), space = request.param
    document = layered_document(width, height, bits, space)
    return write_psd(tmp_path / f"a.{'psb' if psb else 'psd'}", document, force_psb=psb), document


@pytest.mark.parametrize("read", [packages.psd_tools, packages.psdparse, programs.ag_psd])
def test_everything_is_seen_as_it_was_written(
    written: tuple[Path, LayeredDocument], read: Callable[[Path], Seen]
) -> None:
    path, document = written
    seen = read(path)
    assert seen.layers
    assert seen.composite is not None or read is programs.ag_psd
    assert seen.alphas is not None
    require_same(seen, document)


def with_short_names(document: LayeredDocument) -> LayeredDocument:
    layers = tuple(replace(layer, name=layer.name[:251]) for layer in document.layers)
    return replace(document, layers=layers)


def test_photoshopapi_sees_every_layer(written: tuple[Path, LayeredDocument], tmp_path: Path) -> None:
    path, document = written
    # WORKAROUND for PhotoshopAPI 0.9.1: it keeps the size of a MacRoman name in one byte with its length byte and
    # padding, so that 252 to 255 bytes become 0 and it reads on in the middle of the name. Goes when it can do that.
    document = with_short_names(document)
    write_psd(path, document, force_psb=path.suffix == ".psb")
    require_same(packages.photoshopapi(path), document)


def as_image_magick_shows(document: LayeredDocument) -> LayeredDocument:
    """A layer's transparency in place of its mask, and the MacRoman names."""
    names = programs.as_image_magick_names([layer.name for layer in document.layers])
    layers = tuple(
        replace(layer, name=name, mask=layer.transparency if layer.mask is None else layer.mask, transparency=None)
        for layer, name in zip(document.layers, names, strict=True)
    )
    return replace(document, layers=layers)


def test_image_magick_sees_every_layer_and_flattens_them_to_the_composite(
    written: tuple[Path, LayeredDocument],
) -> None:
    path, document = written
    seen = programs.image_magick(path)
    assert seen.flattened is not None
    require_same(seen, as_image_magick_shows(document))


def test_exiftool_sees_the_names_and_finds_nothing_wrong(written: tuple[Path, LayeredDocument]) -> None:
    path, document = written
    assert programs.exiftool("-validate", "-warning", "-a", "-s3", path).split(b"\n") == [b"OK", b""]
    (tags,) = json.loads(programs.exiftool("-json", "-n", "-Photoshop:all", path))
    assert tags["LayerUnicodeNames"] == [BACKGROUND_NAME, *(layer.name for layer in document.layers)]
    assert (tags["XResolution"], tags["YResolution"], tags["BitDepth"]) == (300, 300, document.bit_depth)
    assert tags["NumChannels"] == 3 + len(document.alpha_channels)
    assert programs.exiftool("-b", "-icc_profile", path) == document.icc


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("bits", [8, 16])
class TestLayeredTiff:
    @pytest.fixture
    def written(self, tmp_path: Path, bits: int, space: str) -> tuple[Path, LayeredDocument]:
        document = layered_document(101, 67, bits, space)
        path = tmp_path / "a.tif"
        write_layered_tiff(path, document)
        return path, document

    def test_psdtags_sees_the_layers_and_tifffile_the_picture(self, written: tuple[Path, LayeredDocument]) -> None:
        require_same(packages.psdtags(written[0]), written[1])

    def test_image_magick_sees_every_layer_and_flattens_them_to_the_composite(
        self, written: tuple[Path, LayeredDocument]
    ) -> None:
        path, document = written
        seen = programs.image_magick(path)
        background = seen.layers[0]
        if background.mask is not None:  # it gives every picture of a TIFF with extra samples an alpha
            assert (background.mask == 2**seen.bits - 1).all()
            background.mask = None
        assert seen.flattened is not None
        require_same(seen, as_image_magick_shows(document))

    def test_exiftool_sees_the_profile_and_the_names(self, written: tuple[Path, LayeredDocument]) -> None:
        path, document = written
        assert programs.exiftool("-b", "-icc_profile", path) == document.icc
        (tags,) = json.loads(programs.exiftool("-json", "-n", "-G1", path))
        assert (tags["IFD0:XResolution"], tags["Photoshop:XResolution"]) == (300, 300)
        assert tags["Photoshop:LayerUnicodeNames"] == [BACKGROUND_NAME, *(layer.name for layer in document.layers)]


@pytest.mark.parametrize("bits", [8, 16])
class TestFlatTiff:
    """The composite with the alpha channels, without layers."""

    @pytest.fixture
    def written(self, tmp_path: Path, bits: int) -> tuple[Path, LayeredDocument]:
        document = layered_document(33, 17, bits, "ProPhoto")
        path = tmp_path / "a.tif"
        picture = Picture(document.composite, icc=document.icc, dpi=document.dpi)
        assert write_tiff(path, picture, document.alpha_channels, document.paths) == ()
        return path, document

    def test_tifffile_and_psdtags_see_picture_channels_and_names(self, written: tuple[Path, LayeredDocument]) -> None:
        path, document = written
        require_same_picture(packages.psdtags(path), document)

    def test_image_magick_sees_the_picture(self, written: tuple[Path, LayeredDocument]) -> None:
        path, document = written
        seen = programs.image_magick(path)
        assert seen.layers == []
        require_same_picture(seen, document)

    def test_exiftool_sees_the_names(self, written: tuple[Path, LayeredDocument]) -> None:
        path, document = written
        assert programs.exiftool("-b", "-icc_profile", path) == document.icc
        # The old names are in MacRoman, which ExifTool takes for Latin unless told.
        (tags,) = json.loads(programs.exiftool("-json", "-n", "-G1", "-charset", "photoshop=MacRoman", path))
        assert tags["IFD0:SamplesPerPixel"] == 3 + len(document.alpha_channels)
        names = [mac_roman(channel.name).decode("mac_roman") for channel in document.alpha_channels]
        assert tags["Photoshop:AlphaChannelsNames"] == ", ".join(names)


@pytest.mark.parametrize("format", [ExportFormat.PSD, ExportFormat.TIFF_LAYERS])
@pytest.mark.parametrize("icc", ["sRGB", "AdobeRGB-compatible", "ProPhoto"])
def test_the_layers_of_an_export_flatten_to_its_composite(tmp_path: Path, format: ExportFormat, icc: str) -> None:
    """A match, an edit over it and a retouch over both, as the export puts them together."""
    with ExitStack() as stack:
        studio = ExportStudio(tmp_path, stack, profile(icc))
        band, lower = drawn_alpha(10, 30), drawn_alpha(25, 38, 130)
        painted = np.random.default_rng(1).integers(0, 65_535, (40, 30, 4), np.uint16, endpoint=True)
        painted[12:, :, 3] = 0
        studio.match(changed_inside(studio.original, band, 9_000), band, retouch=painted)
        studio.edit(changed_inside(studio.original, lower, 60_000), lower)
        report = studio.export(format)
    assert report.failures == ()
    (path,) = report.written
    for seen in [programs.image_magick(path), *([packages.psd_tools(path)] if format is ExportFormat.PSD else [])]:
        assert [layer.name for layer in seen.layers] == ["Background", "Matched colour", "Edit", "Retouch"]
        assert seen.composite is not None
        assert seen.flattened is not None
        assert np.array_equal(seen.composite, read_picture(path).pixels)
        assert np.abs(seen.flattened.astype(np.float64) - seen.composite).max() <= 1
        assert seen.icc == profile(icc)
