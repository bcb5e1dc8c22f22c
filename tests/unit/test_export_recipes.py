"""Recipes: size, profile, sharpening, outlines, and what happens where a file is in the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path

import colour
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from engine.domain.errors import UsageError
from engine.domain.export import Collision, ExportFormat, ExportRecipe, PathUse
from engine.domain.geometry import Extent
from engine.domain.picture import Picture
from engine.imaging.raster.decode import read_picture
from engine.imaging.raster.icc import converted, is_srgb, srgb_profile
from engine.imaging.raster.xmp import read_provenance
from engine.services.export import ExportPlan, export_items
from engine.services.export.flat import finished_picture, reduced_extent, sharpened
from tests.unit.export_studio import ExportStudio, changed_inside, drawn_alpha

PSD, TIFF, PNG, JPEG, MASK = (
    ExportFormat.PSD,
    ExportFormat.TIFF,
    ExportFormat.PNG,
    ExportFormat.JPEG,
    ExportFormat.MASK,
)
ADOBE_RGB = [0.64, 0.33, 0.21, 0.71, 0.15, 0.06]


@cache  # LittleCMS stamps the time into it
def adobe_rgb() -> bytes:
    return imagecodecs.cms_profile("rgb", whitepoint=[0.3127, 0.329, 1.0], primaries=ADOBE_RGB, gamma=563 / 256)


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[ExportStudio]:
    with ExitStack() as stack:
        studio = ExportStudio(tmp_path, stack)
        alpha = drawn_alpha(10, 30)
        studio.match(changed_inside(studio.original, alpha, 9_000), alpha)
        yield studio


def test_the_longest_side_and_never_larger() -> None:
    assert reduced_extent(Extent(6000, 8000), 2000) == Extent(1500, 2000)
    assert reduced_extent(Extent(8000, 3), 2000) == Extent(2000, 1)
    assert reduced_extent(Extent(600, 800), 2000) == Extent(600, 800)
    assert reduced_extent(Extent(600, 800), 0) == Extent(600, 800)


def test_flat_files_are_reduced_and_documents_and_masks_are_not(studio: ExportStudio) -> None:
    report = studio.export(PSD, TIFF, PNG, JPEG, MASK, max_side=20)
    assert report.failures == ()
    sizes = {path.name: read_picture(path).extent for path in report.written}
    small, full = Extent(15, 20), Extent(30, 40)
    assert sizes == {
        "A1_model.psd": full, "A1_model_matched.tif": small, "A1_model_matched.png": small,
        "A1_model_matched.jpg": small, "A1_model_garment-mask.png": full,
    }  # fmt: skip
    # Two by two pixels become their mean, in the picture and in the mask.
    matched = changed_inside(studio.original, drawn_alpha(10, 30), 9_000).astype(float)
    samples = tifffile.imread(studio.folder / "out" / "A1_model_matched.tif").astype(float)
    mean = matched.reshape(20, 2, 15, 2, 3).mean(axis=(1, 3))
    assert np.abs(samples[..., :3] - mean).max() <= 1
    mask = drawn_alpha(10, 30).reshape(20, 2, 15, 2).mean(axis=(1, 3))
    assert np.abs(samples[..., 3] / 257 - mask).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_conversion_agrees_with_the_published_formulas(dtype: type) -> None:
    rng = np.random.default_rng(4)
    top = np.iinfo(dtype).max
    pixels = rng.integers(0, top, (40, 50, 3)).astype(dtype)
    linear = colour.RGB_COLOURSPACES["sRGB"].cctf_decoding(pixels / top)
    space = colour.RGB_COLOURSPACES["Adobe RGB (1998)"]
    wide = colour.RGB_to_RGB(linear, "sRGB", space, chromatic_adaptation_transform=None)
    expected = np.clip(wide, 0, 1) ** (256 / 563) * top
    found = converted(pixels, None, adobe_rgb())
    assert found.dtype == dtype
    # Above the toe of the curves, where 15-bit fixed point and published rounding of primaries agree.
    bright = expected > top * 0.1
    assert np.abs(found - expected)[bright].max() <= top / 255


def test_flat_files_get_the_profile_and_documents_keep_theirs(tmp_path: Path) -> None:
    alpha = drawn_alpha(10, 30)
    with ExitStack() as stack:
        studio = ExportStudio(tmp_path, stack, icc=adobe_rgb())
        matched = changed_inside(studio.original, alpha, 9_000)
        studio.match(matched, alpha)
        report = studio.export(PSD, TIFF, JPEG, profile="srgb")
        pictures = {path.suffix: read_picture(path) for path in report.written}
    assert pictures[".psd"].icc == adobe_rgb()
    for suffix in (".tif", ".jpg"):
        icc = pictures[suffix].icc
        assert icc is not None
        assert is_srgb(icc)
    np.testing.assert_array_equal(pictures[".tif"].pixels, converted(matched, adobe_rgb(), srgb_profile()))


def test_a_profile_of_the_studio_and_one_that_is_none(studio: ExportStudio) -> None:
    file = studio.folder / "Studio.icc"
    file.write_bytes(adobe_rgb())
    (path,) = studio.export(PNG, profile=str(file)).written
    assert read_picture(path).icc == adobe_rgb()
    cmyk = studio.folder / "none.icc"
    cmyk.write_bytes(b"no profile")
    for profile in (cmyk, studio.folder / "missing.icc"):
        with pytest.raises(UsageError, match="profile") as caught:
            studio.export(PNG, profile=str(profile))
        assert profile.name in str(caught.value)


def test_exif_follows_the_size_and_the_profile() -> None:
    exif = Image.Exif()
    exif[274] = 1
    exif.get_ifd(34665).update({40961: 1, 40962: 30, 40963: 40})  # ColorSpace sRGB, PixelXDimension, PixelYDimension
    picture = Picture(np.zeros((40, 30, 3), np.uint8), exif=exif.tobytes().removeprefix(b"Exif\0\0"))

    def written(recipe: ExportRecipe, profile: bytes | None) -> dict[int, int]:
        block = finished_picture(picture, recipe, profile).exif
        assert block is not None
        read = Image.Exif()
        read.load(b"Exif\0\0" + block)
        return dict(read.get_ifd(34665))

    assert written(ExportRecipe(max_side=20), None) == {40961: 1, 40962: 15, 40963: 20}
    assert written(ExportRecipe(), adobe_rgb()) == {40961: 65535, 40962: 30, 40963: 40}
    assert written(ExportRecipe(), srgb_profile()) == {40961: 1, 40962: 30, 40963: 40}


def test_a_long_packet_leaves_room_for_where_a_jpeg_comes_from(tmp_path: Path) -> None:
    alpha = drawn_alpha(10, 30)
    history = "".join(f"<rdf:li>xmp.did:{number:032x}</rdf:li>" for number in range(2_000))
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/">'
        f"<photoshop:DocumentAncestors><rdf:Bag>{history}</rdf:Bag></photoshop:DocumentAncestors>"
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()
    assert len(packet) > 65_533
    with ExitStack() as stack:
        studio = ExportStudio(tmp_path, stack, xmp=packet)
        studio.match(changed_inside(studio.original, alpha, 9_000), alpha)
        report = studio.export(JPEG, PSD)
    assert report.failures == ()
    assert any("DocumentAncestors" in notice for notice in report.notices)
    for path in report.written:
        assert read_provenance(read_picture(path).xmp) is not None, path.name


def test_sharpening_is_off_by_default_lifts_edges_and_leaves_flat_parts(studio: ExportStudio) -> None:
    assert ExportRecipe().sharpening == 0
    edge = np.full((20, 40, 3), (90, 120, 60), np.uint8)
    edge[:, 20:] = (150, 180, 120)
    sharp = sharpened(edge, 1.0).astype(int)
    assert sharp[10, 19, 0] < 90
    assert sharp[10, 20, 0] > 150
    np.testing.assert_array_equal(sharp[:, :15], edge[:, :15])
    difference = sharp - edge
    assert np.ptp(difference, axis=2).max() <= 1, "lightness alone: no coloured rims"


def test_a_changed_recipe_writes_its_own_file_anew_and_the_same_one_keeps_it(studio: ExportStudio) -> None:
    (path,) = studio.export(JPEG).written
    assert studio.export(JPEG).kept == (path,)
    assert studio.export(JPEG, max_side=20).written == (path,)
    assert read_picture(path).extent == Extent(15, 20)
    assert studio.export(JPEG, max_side=20, jpeg_quality=50).written == (path,)
    assert studio.export(JPEG, max_side=20, jpeg_quality=50).kept == (path,)
    assert studio.export(PNG, max_side=20, jpeg_quality=50).written
    assert studio.export(PNG, max_side=20, jpeg_quality=60).kept, "a PNG has no quality"


def test_folders_by_tokens(studio: ExportStudio) -> None:
    (path,) = studio.export(PSD, name_pattern="{sku}/{verdict}/{sku}_{stem}").written
    assert path == studio.folder / "out" / "A1" / "pass" / "A1_A1_model.psd"
    assert studio.export(PSD, name_pattern="{sku}/{verdict}/{sku}_{stem}").kept == (path,)
    # Another pattern is another file; the first stays where it is.
    (other,) = studio.export(PSD).written
    assert other.name == "A1_model.psd"
    assert path.exists()


@pytest.mark.parametrize("use", list(PathUse))
def test_outlines(studio: ExportStudio, use: PathUse) -> None:
    report = studio.export(PSD, TIFF, JPEG, path=use)
    assert report.failures == ()
    for path in report.written:
        data = path.read_bytes()
        saved, clipping = b"8BIM\x07\xd0" in data, b"8BIM\x0b\xb7" in data
        assert saved == (use is not PathUse.NONE), path.name
        assert clipping == (use is PathUse.CLIPPING and path.suffix == ".jpg"), path.name


def test_every_file_says_where_it_comes_from(studio: ExportStudio) -> None:
    report = studio.export(PSD, TIFF, PNG, JPEG, MASK)
    (item,) = studio.items()
    for path in report.written:
        provenance = read_provenance(read_picture(path).xmp)
        assert provenance is not None, path.name
        assert provenance.photograph == ("A1_model.tif", item.pair.on_model.sha256)
        assert provenance.results == (item.job.id,)
        assert [mask.sha256 for mask in provenance.masks] == [item.outcome.mask.alpha.sha256]


# -- a file in the way --------------------------------------------------------------------------------------------


def test_collisions(studio: ExportStudio) -> None:
    target = studio.folder / "out" / "A1_model_matched.png"
    target.parent.mkdir()
    target.write_bytes(b"somebody's work")
    refused = studio.export(PNG)
    assert "a file of this name exists already" in refused.failures[0]
    skipped = studio.export(PNG, collision=Collision.SKIP)
    assert (skipped.written, skipped.failures, skipped.skipped) == ((), (), (target,))
    (numbered,) = studio.export(PNG, collision=Collision.NUMBER).written
    assert numbered.name == "A1_model_matched-2.png"
    assert studio.export(PNG, collision=Collision.NUMBER).kept == (numbered,), "no third one"
    assert studio.export(PNG).kept == (numbered,), "it is the very file"
    assert studio.export(PNG, collision=Collision.OVERWRITE).kept == (numbered,), "never two of one result"
    assert target.read_bytes() == b"somebody's work"
    numbered.unlink()
    assert studio.export(PNG, collision=Collision.OVERWRITE).written == (target,)
    with Image.open(target) as picture:
        assert picture.size == (30, 40)


def test_a_file_that_was_changed_is_numbered_or_overwritten_only_when_asked(studio: ExportStudio) -> None:
    (path,) = studio.export(PSD).written
    path.write_bytes(b"retouched")
    assert "was changed since" in studio.export(PSD).failures[0]
    assert studio.export(PSD, collision=Collision.SKIP).skipped == (path,)
    (other,) = studio.export(PSD, collision=Collision.NUMBER).written
    assert other.name == "A1_model-2.psd"
    assert path.read_bytes() == b"retouched"
    other.unlink()
    assert studio.export(PSD, collision=Collision.OVERWRITE).written == (path,)


@pytest.mark.parametrize("collision", list(Collision))
def test_an_original_is_never_written_to(studio: ExportStudio, collision: Collision) -> None:
    before = studio.photo.read_bytes()
    # An edit's flat file would have the photograph's own name here.
    recipe = {"name_pattern": "{mask}/{stem}", "collision": collision}
    alpha = drawn_alpha(0, 9)
    edit = studio.edit(changed_inside(studio.original, alpha, 5), alpha)
    studio.photo.parent.rename(studio.folder / "edit")
    items = [item for item in studio.items() if item.job.id == edit]
    moved = replace(items[0].pair.on_model, path=studio.folder / "edit" / "A1_model.tif")
    items = [replace(item, pair=replace(item.pair, on_model=moved)) for item in items]
    plan = ExportPlan(studio.folder, ExportRecipe((TIFF,), approved_only=False, **recipe))
    report = export_items(studio.catalog, studio.artifacts, items, plan)
    assert (studio.folder / "edit" / "A1_model.tif").read_bytes() == before
    if collision in (Collision.REFUSE, Collision.OVERWRITE):
        assert "an original photograph" in report.failures[0]


@pytest.mark.parametrize(
    "wrong",
    [{"max_side": -1}, {"max_side": 3}, {"sharpening": -0.1}, {"sharpening": 9}, {"jpeg_quality": 0},
     {"jpeg_quality": 101}],
)  # fmt: skip
def test_what_a_recipe_cannot_ask_for(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="not possible"):
        ExportRecipe(**wrong)  # pyright: ignore[reportArgumentType]
