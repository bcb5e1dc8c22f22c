"""Every kind of bad picture in one batch: each gives one clear sentence, the others are done, nothing is lost."""

from __future__ import annotations

import csv
import io
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
