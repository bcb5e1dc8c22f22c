"""Every kind of bad picture, in a batch and alone: one clear sentence, nothing is written over, the others are done."""

from __future__ import annotations

import csv
import io
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from main import main
from tests.system.conftest import Chromask, answer


def bomb() -> bytes:
    """A PNG of a few bytes that says it is 60,000 × 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def jpeg(picture: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=95, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


@pytest.fixture
def drop(tmp_path: Path, drawn_pairs: Path) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    photo = Image.open(drawn_pairs / "CM1001_detail_on-model_01.jpg")
    photo.load()
    flatlay = (drawn_pairs / "CM1001_flatlay_01.jpg").read_bytes()
    whole = jpeg(photo, icc_profile=photo.info["icc_profile"])
    photos: dict[str, bytes] = {
        "truncated_model.jpg": whole[: len(whole) // 2],
        "text_model.jpg": b"Dear colleague, the pictures follow on Monday.",
        "empty_model.jpg": b"",
        "bomb_model.png": bomb(),
        "noprofile_model.jpg": jpeg(photo, comment="no profile"),
        "brokenprofile_model.jpg": jpeg(photo, icc_profile=b"this is no profile" * 20),
        "grey_model.jpg": jpeg(photo.convert("L")),
        "cmyk_model.jpg": jpeg(photo.convert("CMYK")),
        "dress 👗\nsecond line_model.jpg": jpeg(photo, comment="emoji"),
        "n" * 240 + "_model.jpg": jpeg(photo, comment="long"),
    }
    for name, data in photos.items():
        (folder / name).write_bytes(data)
        # One flatlay for each, different by a trailing byte, so that none is a duplicate of another.
        (folder / f"{Path(name).stem.removesuffix('_model')}_flat.jpg").write_bytes(flatlay + name.encode())
    for name, mode in (("onebit", "1"), ("palette", "P"), ("alpha", "RGBA")):
        picture = photo.convert(mode)
        if mode == "RGBA":
            picture.putalpha(Image.fromarray(np.full((photo.height, photo.width), 200, np.uint8)))
        picture.save(folder / f"{name}_model.png")
        (folder / f"{name}_flat.jpg").write_bytes(flatlay + name.encode())
    for brand in ("north", "south"):
        (folder / brand).mkdir()
        (folder / brand / "look_7.jpg").write_bytes(jpeg(photo, comment=brand))
        (folder / brand / "flat_7.jpg").write_bytes(flatlay + brand.encode())
    return folder


def test_each_bad_picture_gives_one_sentence_and_the_batch_goes_on(
    chromask: Chromask, drop: Path, tmp_path: Path
) -> None:
    run = chromask(
        "run", drop, "--out", "out", "--catalog", "c.db", "--engine", "classical", "--format", "tiff", "--json"
    )
    summary = answer(run)
    assert run.returncode == 1, "some jobs failed"
    assert "Traceback" not in run.stderr
    sentences = [*summary["problems"], *summary["failures"]]

    def about(name: str) -> list[str]:
        return [sentence for sentence in sentences if f"/{name}_model." in sentence]

    expected = {
        "truncated": "cut off",
        "text": "not a picture",
        "empty": "empty",
        "bomb": "60000 × 60000",
        "grey": "no colour",
        "onebit": "no colour",
        "cmyk": "CMYK",
    }
    for name, words in expected.items():
        assert len(about(name)) == 1, (name, sentences)
        assert words in about(name)[0], about(name)
    with open(tmp_path / "out" / "delta_e.csv", encoding="utf-8") as file:
        rows = {Path(row["on_model"]): row for row in csv.DictReader(file)}
    done = {path.name for path, row in rows.items() if row["state"] == "succeeded"}
    assert {"noprofile_model.jpg", "brokenprofile_model.jpg", "palette_model.png", "alpha_model.png"} <= done
    assert "dress 👗\nsecond line_model.jpg" in done
    assert "n" * 240 + "_model.jpg" in done
    notice = {path.name: row["message"] for path, row in rows.items()}
    assert "sRGB is assumed" in notice["noprofile_model.jpg"]
    assert "profile" in notice["brokenprofile_model.jpg"]
    assert "palette" in notice["palette_model.png"].lower()
    written = sorted(path.name for path in (tmp_path / "out").glob("*.tif"))
    assert "north_look_7_matched.tif" in written
    assert "south_look_7_matched.tif" in written, "the same stem in two folders stays two files"
    assert len(written) == sum(row["state"] == "succeeded" for row in rows.values())
    check = answer(chromask("catalog", "check", "--catalog", "c.db", "--json"))
    assert (check["problems"], check["stray_files"]) == ([], [])


def test_picture_folder_that_vanishes_between_runs_loses_nothing(
    chromask: Chromask, drop: Path, tmp_path: Path
) -> None:
    for path in list(drop.iterdir()):
        if path.is_dir():
            continue
        path.unlink()
    arguments = ("--out", "out", "--catalog", "c.db", "--engine", "classical", "--format", "tiff", "--json")
    assert answer(chromask("run", drop, *arguments))["jobs"]["succeeded"] == 2
    shutil.rmtree(drop / "north")
    again = answer(chromask("run", drop, *arguments))
    assert again["pairs"] == 1
    assert len(list((tmp_path / "out").glob("*.tif"))) == 2


# -- one photograph at a time -------------------------------------------------------------------------------------

PHOTO, FLATLAY = "look.jpg", "flat.jpg"


@pytest.fixture(scope="module")
def bad_pictures(tmp_path_factory: pytest.TempPathFactory, drawn_pairs: Path) -> Path:
    """A sound pair, and everything that can be wrong with one of its pictures or with its mask."""
    folder = tmp_path_factory.mktemp("bad")
    shutil.copy(drawn_pairs / "CM1001_detail_on-model_01.jpg", folder / PHOTO)
    shutil.copy(drawn_pairs / "CM1001_flatlay_01.jpg", folder / FLATLAY)
    photo, flatlay = Image.open(folder / PHOTO), Image.open(folder / FLATLAY)
    profile = photo.info["icc_profile"]
    whole = (folder / PHOTO).read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "zero.jpg").write_bytes(b"")
    (folder / "letter.jpg").write_bytes(b"Dear colleague, the pictures follow on Monday.")
    (folder / "folder.jpg").mkdir()
    grey = photo.convert("L")
    grey.save(folder / "grey.jpg")
    grey.convert("RGB").save(folder / "equal.jpg", icc_profile=profile)
    grey.convert("LA").save(folder / "grey_alpha.png", icc_profile=profile)  # which libpng finds worth a warning
    photo.convert("CMYK").save(folder / "cmyk.jpg")
    photo.convert("CMYK").save(folder / "cmyk_profile.jpg", icc_profile=profile)
    undefined = np.asarray(photo, np.float32) / 255
    undefined[3, 3] = np.nan
    tifffile.imwrite(folder / "nan.tif", undefined, photometric="rgb")
    Image.new("RGB", (1, 1), "red").save(folder / "dot.png")
    random = np.random.default_rng(0)
    paper = np.clip(random.normal((232, 230, 226), 1, (flatlay.height, flatlay.width, 3)), 0, 255)
    Image.fromarray(paper.astype(np.uint8)).save(folder / "nothing.png")
    patches = Image.fromarray(random.integers(0, 255, (20, 16, 3), np.uint8))
    quilt = patches.resize(flatlay.size, Image.Resampling.NEAREST)
    garment = np.asarray(flatlay.convert("HSV"))[..., 1] > 60
    Image.fromarray(np.where(garment[..., None], np.asarray(flatlay), np.asarray(quilt))).save(folder / "quilt.png")

    mask = np.zeros((photo.height, photo.width), np.uint8)
    Image.fromarray(mask).save(folder / "mask_empty.png")
    mask[200, 150] = 255
    Image.fromarray(mask).save(folder / "mask_dot.png")
    mask[180:240, 130:190] = 100
    Image.fromarray(np.minimum(mask, 100)).save(folder / "mask_faint.png")
    Image.fromarray(mask[1:]).save(folder / "mask_short.png")
    tifffile.imwrite(folder / "mask_nan.tif", np.where(mask, np.nan, 0).astype(np.float32))
    return folder


UNREADABLE = {
    "cut.jpg": "the file is cut off before the end of the picture. Copy it again",
    "zero.jpg": "the file is empty. Copy it again",
    "letter.jpg": "this is not a picture that Chromask knows. Drop JPEG",
    "folder.jpg": "this is a folder, not a file. Choose a file name.",
    "nowhere.jpg": "the file is not there. Check the path",
    "cmyk.jpg": "this picture is CMYK and has no ICC profile, so its colours are unknown. Save it as RGB",
    "cmyk_profile.jpg": "this picture is CMYK and has an ICC profile that does not fit, so its colours are unknown.",
    "nan.tif": "this is a floating-point TIFF, which has no defined white. Save it as 8- or 16-bit RGB TIFF",
}
GREY = ("grey.jpg", "equal.jpg", "grey_alpha.png")
NO_PERSON = "nobody stands out from the background. Use a photograph taken before a plain background"
NO_GARMENT = "no garment stands out from the background. Use a flatlay on a plain background, or a cut-out"
BUSY = "the background is not plain, so the garment cannot be told from it. Use a flatlay on a plain background"
OWN_INPUT = "this command reads it, and originals are never written to. Choose another name"

PHOTOS = {**UNREADABLE, **dict.fromkeys(GREY, "the on-model photograph is greyscale"), "nothing.png": NO_PERSON}
FLATLAYS = {
    **UNREADABLE,
    **dict.fromkeys(GREY, "the flatlay photograph is greyscale"),
    "nothing.png": NO_GARMENT,
    "dot.png": NO_GARMENT,
    "quilt.png": BUSY,
}
MASKS = {
    "cut.jpg": UNREADABLE["cut.jpg"],
    "folder.jpg": UNREADABLE["folder.jpg"],
    "mask_empty.png": "the mask is empty. Paint the garment white on black",
    "mask_dot.png": "the mask is white on only 1 pixel. Paint",
    "mask_faint.png": "the mask is nowhere more than half white; its brightest value is 100 of 255. Paint",
    "mask_short.png": "the mask is 320 × 399, the photograph 320 × 400 pixels. Make the mask for this photograph.",
    "mask_nan.tif": UNREADABLE["nan.tif"],
    PHOTO: "this is a photograph and not a mask. Give a picture with the garment white on black.",
}
RESULTS = ("-o", "out/result.png", "--save-mask", "out/mask.png", "--report", "out/report.json")
MATCH = ("color", "match")
QC = ("qc", "--flatlay", "--heatmap", "out/map.png")
OVERWRITING = {
    (*MATCH, PHOTO, FLATLAY, "-o", "out/o.png", "--report", PHOTO): (PHOTO, OWN_INPUT),
    (*MATCH, PHOTO, FLATLAY, "-o", FLATLAY, "--overwrite"): (FLATLAY, OWN_INPUT),
    (*MATCH, PHOTO, FLATLAY, "-o", "out/o.png", "--save-mask", "out/../out/o.png"): ("o.png", "two results have this"),
    (*MATCH, PHOTO, FLATLAY, "-o", "out/o.png", "--save-mask", "mask_dot.png"): ("mask_dot.png", "exists already"),
    (*MATCH, PHOTO, PHOTO, *RESULTS): (PHOTO, "it is given as the photograph and as the flatlay."),
    ("qc", PHOTO, FLATLAY, "--heatmap", PHOTO, "--overwrite"): (PHOTO, OWN_INPUT),
    ("mask", "garment", PHOTO, FLATLAY, "-o", FLATLAY, "--overwrite"): (FLATLAY, OWN_INPUT),
    ("mask", "extract", PHOTO, FLATLAY, "-o", "out/o.png", "--report", FLATLAY): (FLATLAY, OWN_INPUT),
}
CASES = [
    *(((*MATCH, name, FLATLAY, *RESULTS), name, says) for name, says in PHOTOS.items()),
    *(((*MATCH, PHOTO, name, *RESULTS), name, says) for name, says in FLATLAYS.items()),
    *(((*MATCH, PHOTO, FLATLAY, "--mask", name, *RESULTS), name, says) for name, says in MASKS.items()),
    *(((*QC, name, FLATLAY), name, says) for name, says in PHOTOS.items()),
    *(((*QC, PHOTO, name), name, says) for name, says in FLATLAYS.items()),
    *(((*QC, PHOTO, FLATLAY, "--mask", name), name, says) for name, says in MASKS.items()),
    *((arguments, name, says) for arguments, (name, says) in OVERWRITING.items()),
]


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("arguments", "name", "says"), CASES, ids=[" ".join(case[0][:5]) for case in CASES])
def test_a_command_on_a_bad_picture_says_one_sentence_and_writes_nothing(
    bad_pictures: Path,
    arguments: tuple[str, ...],
    name: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    # In this process, because starting the program takes longer than its answer; `capfd` also hears the C libraries.
    monkeypatch.chdir(bad_pictures)
    monkeypatch.setenv("XDG_DATA_HOME", str(bad_pictures / "account"))
    before = contents(bad_pictures)
    code = main(arguments)
    shown = capfd.readouterr()
    assert code in (1, 2)
    assert shown.out == ""
    assert shown.err.startswith("chromask: ")
    assert f"{name}: {says}" in shown.err or (name in shown.err and says in shown.err)
    assert shown.err.count("\n") == 1, shown.err
    assert contents(bad_pictures) == before


def test_the_transparency_of_a_cut_out_is_a_mask(
    bad_pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What studios have as a mask is often a cut-out, whose own colours say nothing about the mask."""
    cut_out = Image.open(bad_pictures / PHOTO).convert("RGBA")
    alpha = np.zeros((cut_out.height, cut_out.width), np.uint8)
    alpha[180:240, 130:190] = 255
    cut_out.putalpha(Image.fromarray(alpha))
    cut_out.save(tmp_path / "cut_out.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "account"))
    pair = (str(bad_pictures / PHOTO), str(bad_pictures / FLATLAY))
    assert main(("color", "match", *pair, "--mask", "cut_out.png", "-o", "o.png", "--save-mask", "m.png")) == 0
    assert np.array_equal(np.asarray(Image.open(tmp_path / "m.png")), alpha)
