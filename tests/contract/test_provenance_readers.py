"""Provenance as ExifTool reads it in every format, and as Chromask reads it after ExifTool wrote the packet anew."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.domain.picture import Picture
from engine.imaging.psd.writer import write_psd
from engine.imaging.raster.decode import read_picture
from engine.imaging.raster.encode import write_png
from engine.imaging.raster.jpeg_write import write_jpeg
from engine.imaging.raster.tiff_write import write_layered_tiff, write_tiff
from engine.imaging.raster.xmp import read_provenance, with_provenance
from tests.unit.test_psd_writer import a_document
from tests.unit.test_xmp import CAMERA, PAINTED

pytestmark = pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")

PACKET, _ = with_provenance(CAMERA, PAINTED)


def picture() -> Picture:
    document = a_document(bit_depth=8)
    return Picture(document.composite, icc=document.icc, xmp=PACKET, dpi=(300.0, 300.0))


def layered(bit_depth: int) -> Any:
    return replace(a_document(bit_depth=bit_depth), xmp=PACKET, exif=None)


WRITERS: dict[str, Callable[[Path], object]] = {
    "a.psd": lambda path: write_psd(path, layered(8)),
    "deep.psd": lambda path: write_psd(path, layered(16)),
    "a.psb": lambda path: write_psd(path, layered(8), force_psb=True),
    "flat.tif": lambda path: write_tiff(path, picture()),
    "layers.tif": lambda path: write_layered_tiff(path, layered(16)),
    "a.jpg": lambda path: write_jpeg(path, picture()),
    "a.png": lambda path: write_png(path, picture()),
}


@pytest.fixture(params=WRITERS)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / request.param
    WRITERS[request.param](path)
    return path


def exiftool(*arguments: str | Path) -> str:
    # As UTF-8 whatever the locale; errors and warnings would be on standard error.
    command = ["exiftool", "-charset", "filename=utf8", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    assert done.stderr == b"", done.stderr.decode()
    return done.stdout.decode()


def found(path: Path) -> dict[str, Any]:
    (tags,) = json.loads(exiftool("-json", "-struct", "-G1", "-XMP:all", path))
    return tags


def test_exiftool_reads_every_field(file: Path) -> None:
    tags = found(file)
    assert tags["XMP-iptcExt:DigitalSourceType"].endswith("/digitalsourcetype/compositeWithTrainedAlgorithmicMedia")
    assert tags["XMP-xmpMM:DerivedFrom"] == {
        "DocumentID": "xmp.did:parent",
        "InstanceID": "xmp.iid:parent",
        "OriginalDocumentID": "xmp.did:first",
        "FilePath": "IMG_0001 é.CR2.tif",
    }
    assert tags["XMP-xmpMM:OriginalDocumentID"] == "xmp.did:first"
    created, derived = tags["XMP-xmpMM:History"]
    assert created["Action"] == "created"
    assert (derived["Action"], derived["SoftwareAgent"]) == ("derived", "Chromask 0.1.0")
    assert derived["InstanceID"] == tags["XMP-xmpMM:InstanceID"]
    assert derived["When"] == "2026:03:04 05:06:07.891011+00:00"
    assert tags["XMP-chromask:Catalog"] == PAINTED.catalog
    assert tags["XMP-chromask:Photograph"] == {"Name": "IMG_0001 é.CR2.tif", "Sha256": "56" * 32}
    assert tags["XMP-chromask:Painted"] is True
    match, edit = tags["XMP-chromask:Results"]
    guide = match["Models"][1]
    assert match["Mask"] == {"Name": "Überrock 上着 <&>\"'", "Sha256": "ab" * 32}
    assert (match["Job"], match["Kind"], match["Version"]) == (41, "color_match", 2)
    assert (float(match["DeltaEBefore"]), float(match["DeltaEAfter"])) == (11.400000000000002, 0.1 + 0.2)
    assert (match["Verdict"], match["Decision"], match["Reviewer"]) == ("pass", "approved", "Zoë Ōno")
    assert match["ReviewDate"] == "2026:03:04 05:00:00.123456+00:00"
    assert (guide["Model"], guide["Fingerprint"]) == ("FLUX.1-Kontext-dev", "ef" * 32)
    assert (guide["LoRA"], guide["LoRAScale"]) == ({"Name": "colour", "Sha256": "12" * 32}, 0.85)
    assert (guide["Prompt"], guide["Seed"], guide["Task"]) == ("two lines\nand a\ttab", 7, "color guide")
    assert (edit["Job"], edit["Models"][0]["Prompt"], edit["Models"][0]["Seed"]) == (44, "SALE", 0)
    # What the photograph had.
    assert (tags["XMP-dc:Title"], tags["XMP-studio:Secret"]) == ("Größe 42", {"One": 1, "Two": 2})


NOT_BASELINE = {
    # ExifTool holds a TIFF against the baseline of TIFF 6.0, which knows neither deflate (Adobe's technical note of
    # 2002) nor more than three samples nor Photoshop's layers.
    "Invalid value for IFD0 tag 0x0103 Compression",
    "Invalid value for IFD0 tag 0x0115 SamplesPerPixel",
    "[minor] Non-standard IFD0 tag 0x935c ImageSourceData",
}


def test_exiftool_finds_nothing_wrong(file: Path) -> None:
    lines = exiftool("-validate", "-warning", "-a", "-s3", file).splitlines()
    assert set(lines[1:]) <= (NOT_BASELINE if file.suffix == ".tif" else set()), lines
    assert len(lines) > 1 or lines == ["OK"]


def test_chromask_reads_it_back(file: Path) -> None:
    assert read_provenance(read_picture(file).xmp) == PAINTED


@pytest.mark.parametrize("form", ["", "Compact=Shorthand", "Compact=NoPadding,NoIndent,NoNewline,Shorthand,AllSpace"])
def test_it_survives_a_packet_that_is_written_anew(file: Path, form: str) -> None:
    """ExifTool parses the packet and writes it in a form of its own: elements by default, attributes as shorthand."""
    before = read_picture(file).xmp
    options = ["-api", form] if form else []
    exiftool("-q", "-overwrite_original", *options, "-XMP-dc:Creator=Ada", "-XMP-xmpMM:InstanceID=xmp.iid:new", file)
    after = read_picture(file).xmp
    assert after is not None
    assert after != before
    assert (b"chromask:Job=" in after) == ("Shorthand" in form)
    assert read_provenance(after) == PAINTED


def test_it_survives_adobes_own_toolkit(file: Path) -> None:
    """Exempi is Adobe's XMP toolkit, with which Photoshop reads and writes, in another coat."""
    if shutil.which("exempi") is None:
        pytest.skip("exempi is not installed")
    before = found(file)
    done = subprocess.run(
        ["exempi", "-w", "-s", "xmp:Label", "-v", "red", str(file)], capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    after = read_picture(file).xmp
    assert after is not None
    if b"XMP Core" not in after:
        pytest.skip(f"exempi does not write {file.suffix}")
    assert read_provenance(after) == PAINTED
    now = found(file)
    for key, value in before.items():
        if key.startswith(("XMP-chromask", "XMP-iptcExt", "XMP-xmpMM", "XMP-studio", "XMP-dc")):
            assert now[key] == value, key
    assert now["XMP-xmp:Label"] == "red"


def test_it_goes_along_into_a_file_that_another_program_makes(file: Path, tmp_path: Path) -> None:
    for name in ("copy.jpg", "copy.tif", "copy.psd", "copy.png"):
        copy = tmp_path / name
        plain = Picture(picture().pixels)
        if name.endswith(".psd"):
            write_psd(copy, replace(layered(8), xmp=None))
        else:
            {".jpg": write_jpeg, ".tif": write_tiff, ".png": write_png}[copy.suffix](copy, plain)
        assert read_picture(copy).xmp is None
        exiftool("-q", "-overwrite_original", "-tagsfromfile", file, "-XMP", copy)
        assert read_provenance(read_picture(copy).xmp) == PAINTED, name
