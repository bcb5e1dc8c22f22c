"""The drawn demo pictures: repeatable, and true to what their masks say."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from PIL.JpegImagePlugin import JpegImageFile

from engine.domain.errors import KnownError, UsageError
from engine.domain.geometry import Extent
from engine.imaging.drawn import (
    CATEGORIES,
    REGIONS,
    ColorCast,
    DrawnScene,
    Framing,
    draw_scene,
    truth_folder,
    write_demo_set,
)
from engine.imaging.drawn.shapes import SUPERSAMPLE, cover, ellipse
from engine.imaging.drawn.tone import encode, from_lab, linear_of

PROJECT = Path(__file__).resolve().parents[2]
SMALL = Extent(224, 280)
CAST = ColorCast(dL=-6, chroma=1.1, dh=15, da=9, db=-8)


def digest(scene: DrawnScene) -> str:
    planes = [scene.on_model, scene.truth, scene.garment_mask, scene.flatlay, scene.flatlay_mask]
    planes += [scene.region_masks[name] for name in sorted(scene.region_masks)]
    return hashlib.sha256(b"".join(np.ascontiguousarray(p).tobytes() for p in planes)).hexdigest()


def lab(srgb: np.ndarray) -> np.ndarray:
    return cv2.cvtColor((srgb / 255).astype(np.float32), cv2.COLOR_RGB2Lab)


def robust_mean_lab(srgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.median(lab(srgb)[mask == 255], axis=0)


def test_same_seed_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "import sys; sys.path[:0] = [sys.argv[1], sys.argv[2]]\n"
        "from test_drawn import CAST, SMALL, digest, draw_scene\n"
        "print(digest(draw_scene(5, SMALL, 'shirt', CAST)))"
    )
    command = [sys.executable, "-c", code, str(PROJECT), str(Path(__file__).parent)]
    other = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout.strip()
    assert other == digest(draw_scene(5, SMALL, "shirt", CAST))


def test_seeds_and_poses_differ() -> None:
    scenes = [draw_scene(1, SMALL, "dress"), draw_scene(2, SMALL, "dress"), draw_scene(1, SMALL, "dress", pose=1)]
    assert len({digest(s) for s in scenes}) == 3
    assert np.array_equal(scenes[0].flatlay, scenes[2].flatlay)  # another view, the same article


@pytest.mark.parametrize("kind", sorted(CATEGORIES))
def test_every_garment_draws_with_consistent_masks(kind: str) -> None:
    for seed in (11, 12):
        scene = draw_scene(seed, SMALL, kind, CAST)
        shape = (SMALL.height, SMALL.width)
        assert scene.on_model.shape == scene.truth.shape == (*shape, 3)
        assert scene.garment_mask.shape == shape
        assert scene.on_model.dtype == scene.garment_mask.dtype == scene.flatlay_mask.dtype == np.uint8
        assert scene.flatlay.shape[:2] == scene.flatlay_mask.shape
        assert (scene.garment, scene.category) == (kind, CATEGORIES[kind])
        # Enough garment to match a colour on, and a mask that is both solid and soft-edged.
        assert 0.02 < (scene.garment_mask == 255).mean() < 0.7
        assert 0.1 < (scene.flatlay_mask == 255).mean() < 0.8
        assert ((scene.garment_mask > 0) & (scene.garment_mask < 255)).any()
        outside = scene.garment_mask == 0
        assert np.array_equal(scene.on_model[outside], scene.truth[outside])
        inside = scene.garment_mask == 255
        assert np.abs(lab(scene.on_model)[inside] - lab(scene.truth)[inside]).sum(-1).mean() > 5


@pytest.mark.parametrize("kind", ["t-shirt", "jacket", "trousers", "dress"])
def test_flatlay_has_the_colour_of_the_truth_and_not_of_the_cast(kind: str) -> None:
    for seed in (21, 22, 23):
        scene = draw_scene(seed, SMALL, kind, CAST)
        flat = robust_mean_lab(scene.flatlay, scene.flatlay_mask)
        right = robust_mean_lab(scene.truth, scene.garment_mask)
        wrong = robust_mean_lab(scene.on_model, scene.garment_mask)
        assert np.hypot(*(flat - right)[1:]) < 8
        assert abs(flat[0] - right[0]) < 14
        assert np.hypot(*(flat - right)[1:]) < np.hypot(*(flat - wrong)[1:])


def test_without_a_cast_the_picture_is_the_truth() -> None:
    scene = draw_scene(3, SMALL)
    assert scene.cast is None
    assert np.array_equal(scene.on_model, scene.truth)


def test_cast_shifts_lab_by_what_it_says() -> None:
    grey = np.broadcast_to(encode(np.array(from_lab(50, 0, 0), np.float32)), (4, 4, 3))
    shifted = cv2.cvtColor(ColorCast(dL=5, da=10, db=-4).applied(grey), cv2.COLOR_RGB2Lab)[0, 0]
    assert shifted == pytest.approx([55, 10, -4], abs=0.4)
    red = np.broadcast_to(encode(np.array(from_lab(50, 30, 0), np.float32)), (4, 4, 3))
    turned = cv2.cvtColor(ColorCast(chroma=0.5, dh=90).applied(red), cv2.COLOR_RGB2Lab)[0, 0]
    assert turned == pytest.approx([50, 0, 15], abs=0.4)


def test_srgb_encoding_round_trips_all_8_bit_values() -> None:
    for value in range(256):
        assert round(float(encode(np.array(linear_of(value, value, value), np.float32))[0]) * 255) == value


def test_coverage_of_a_disc_is_its_area() -> None:
    patch = cover([ellipse((40.3, 37.8), 20, 20)], Extent(80, 80))
    assert patch is not None
    assert patch.alpha.sum() == pytest.approx(np.pi * 400, rel=0.02)
    assert patch.alpha.min() >= 0
    assert patch.alpha.max() <= 1
    assert len(np.unique(patch.alpha)) > SUPERSAMPLE
    assert cover([ellipse((-50, 10), 20, 20)], Extent(80, 80)) is None


def test_absent_objects_lie_where_the_body_would_wear_them() -> None:
    scene = draw_scene(31, SMALL, "shorts", framing=Framing.FULL)
    assert set(scene.region_masks) == set(REGIONS)
    rows = {}
    for name, mask in scene.region_masks.items():
        assert mask.shape == scene.garment_mask.shape
        assert (mask == 255).any(), name
        rows[name] = np.average(np.arange(SMALL.height), weights=mask.sum(1).astype(float)) / SMALL.height
    assert rows["hat"] < rows["glasses"] < rows["sweatshirt"] < rows["socks"]
    assert rows["hat"] < 0.2
    assert rows["socks"] > 0.7
    # Two lenses stand side by side, two calves too.
    for name in ("glasses", "socks"):
        columns = np.flatnonzero(scene.region_masks[name].any(0))
        middle = (columns[0] + columns[-1]) // 2
        share = (scene.region_masks[name][:, :middle] > 0).sum() / (scene.region_masks[name] > 0).sum()
        assert 0.3 < share < 0.7
    hat, glasses = (scene.region_masks[n] == 255 for n in ("hat", "glasses"))
    assert not (hat & glasses).any()


def test_glasses_lie_on_the_face_and_socks_on_skin() -> None:
    scene = draw_scene(31, Extent(448, 560), "shorts", framing=Framing.FULL)
    paper = scene.truth[5:25, 5:25].reshape(-1, 3).mean(0)
    for name in ("glasses", "socks"):
        inside = scene.truth[scene.region_masks[name] == 255].astype(float)
        assert (np.abs(inside - paper).max(1) > 20).mean() > 0.8


def test_socks_are_absent_where_the_legs_are_out_of_frame_or_covered() -> None:
    assert not draw_scene(4, SMALL, "t-shirt", framing=Framing.PORTRAIT).region_masks["socks"].any()
    bare = draw_scene(4, SMALL, "shorts", framing=Framing.FULL).region_masks["socks"]
    covered = draw_scene(4, SMALL, "trousers", framing=Framing.FULL).region_masks["socks"]
    assert covered.astype(int).sum() < 0.5 * bare.astype(int).sum()


def test_picture_is_studio_like() -> None:
    """A bright even border and no clipped figure: what the classical masks and the intake checks assume of a studio."""
    scene = draw_scene(6, SMALL, "dress")
    border = np.concatenate([scene.truth[:6].reshape(-1, 3), scene.truth[:, :6].reshape(-1, 3)]).astype(float)
    assert border.std(0).max() < 30
    assert border.mean() > 100


@pytest.mark.parametrize("extent", [Extent(112, 144), Extent(333, 401)])
def test_any_extent(extent: Extent) -> None:
    scene = draw_scene(8, extent, "jacket")
    assert scene.truth.shape == (extent.height, extent.width, 3)
    assert (scene.garment_mask > 127).any()


def test_refuses_what_it_cannot_draw() -> None:
    with pytest.raises(UsageError, match="no garment 'hat' can be drawn"):
        draw_scene(0, SMALL, "hat")
    with pytest.raises(UsageError, match="too few"):
        draw_scene(0, Extent(16, 400))


def test_demo_set_writes_what_it_says(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    pairs = write_demo_set(folder, count=6, seed=1, extent=SMALL)
    assert len(pairs) == 6
    # Only originals lie in the folder that an operator drops.
    originals = {p.on_model for p in pairs} | {p.flatlay for p in pairs}
    assert set(folder.iterdir()) == originals
    assert truth_folder(folder) == tmp_path / "demo-truth"
    # Two views share one flatlay; one original is 16-bit, one is a PNG.
    assert len({p.flatlay for p in pairs}) < len(pairs)
    assert {p.suffix for p in originals} == {".jpg", ".png", ".tif"}
    for pair in pairs:
        assert pair.on_model.stem == f"{pair.sku}_{pair.view}_on-model_01"
        assert pair.flatlay.stem == f"{pair.sku}_flatlay_01"
        mask = np.asarray(Image.open(pair.garment_mask))
        truth = np.asarray(Image.open(pair.truth))
        if pair.on_model.suffix == ".tif":
            deep = tifffile.imread(pair.on_model)
            assert deep.dtype == np.uint16
            picture = (deep // 257).astype(np.uint8)
        else:
            with Image.open(pair.on_model) as opened:
                profile = ImageCms.ImageCmsProfile(io.BytesIO(opened.info["icc_profile"]))
                assert "sRGB" in ImageCms.getProfileDescription(profile)
                if isinstance(opened, JpegImageFile):
                    assert [(component[1], component[2]) for component in opened.layer] == [(1, 1)] * 3
                picture = np.asarray(opened.convert("RGB"))
        assert picture.shape == truth.shape == (*mask.shape, 3)
        difference = np.abs(picture.astype(int) - truth).mean(-1)
        # JPEG errors spread over 8 × 8 blocks, so look a block away from the garment.
        far = cv2.dilate(mask, np.ones((17, 17), np.uint8)) == 0
        assert difference[far].mean() < 2
        assert (difference[mask == 255].mean() > 3) == (pair.cast is not None)
        flat = np.asarray(Image.open(pair.flatlay_mask))
        with Image.open(pair.flatlay) as opened:
            assert opened.size == (flat.shape[1], flat.shape[0])
    assert any(p.cast is None for p in pairs)
    listing = json.loads((truth_folder(folder) / "truth.json").read_text("utf-8"))
    assert [p["sku"] for p in listing["pairs"]] == [p.sku for p in pairs]
    for pair in listing["pairs"]:
        named = [pair["on_model"], pair["flatlay"], pair["truth"], pair["garment_mask"], *pair["region_masks"].values()]
        assert all((tmp_path / name).is_file() for name in named)


def test_demo_set_is_repeatable(tmp_path: Path) -> None:
    tiny = Extent(96, 120)
    first = write_demo_set(tmp_path / "a", count=3, extent=tiny)
    second = write_demo_set(tmp_path / "b", count=3, extent=tiny)
    again = write_demo_set(tmp_path / "a", count=3, extent=tiny)  # replaces, does not refuse
    for one, two, three in zip(first, second, again, strict=True):
        assert one.on_model.read_bytes() == two.on_model.read_bytes() == three.on_model.read_bytes()


def test_demo_set_refuses_a_folder_it_cannot_make(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(KnownError, match="taken"):
        write_demo_set(tmp_path / "taken", count=1, extent=SMALL)
    with pytest.raises(UsageError):
        write_demo_set(tmp_path / "none", count=0)
