"""Seconds, memory and size of exported documents of 48 megapixels, beside psd-tools' own writing.

    python -m bench.export [--only NAME] [--repeats 2] [--folder FOLDER]
    python -m bench.export --psb

A drawn photograph with a sensor's noise in every bit, 6,000 x 8,000, as a document with a background, a matched layer
under a soft mask, a retouch layer with transparency, and two alpha channels. Every figure comes from a process of its
own: seconds of writing, of the check after it, of reading it as it would come back from Photoshop (the flattened
picture), and of reading it and looking for what was painted; in brackets the seconds of processor time, and the most
memory above what the written pictures themselves take. The overlay that is found is part of it: the drawn document has
a retouch layer, and its composite is drawn apart, so that nearly all of it counts as painted. psd-tools writes the
same layers and channels with the same compression through its own structures.

--psb writes one document above 2 GB (151 megapixels, 16 bits), checks it, and reads it again as it would come back.

Seconds depend on the machine and on what else runs there; the ratios within one run are what counts. Needs Linux
(`/proc/self/clear_refs`).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

CHECKOUT = Path(__file__).resolve().parent.parent
WIDTH, HEIGHT = 6000, 8000
PSB_WIDTH, PSB_HEIGHT = 14_204, 10_652
"""A medium-format back of 151 megapixels, the largest picture that studios shoot."""

SECONDS, MIB = 20, 200
CASES = {
    "psd-16": "PSD, 16 bit",
    "psd-8": "PSD, 8 bit",
    "tiff-layers-16": "TIFF with layers, 16 bit",
    "tiff-layers-8": "TIFF with layers, 8 bit",
    "tiff-16": "flat TIFF with two channels, 16 bit",
    "tiff-8": "flat TIFF with two channels, 8 bit",
    "psd-tools-16": "psd-tools, 16 bit",
    "psd-tools-8": "psd-tools, 8 bit",
}

if TYPE_CHECKING:
    from engine.domain.picture import Pixels
    from engine.imaging.psd.document import LayeredDocument


def memory() -> tuple[int, int]:
    """Bytes the process holds now, and the most it has held since `forget_peak`."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    held, peak = (int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    return held, peak


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def a_document(width: int, height: int, bit_depth: int, *, shared: bool = False) -> LayeredDocument:
    """Soft shapes and noise; ``shared`` uses one picture for all layers, which saves memory and not a byte of file."""
    import cv2
    import numpy as np

    from engine.domain.geometry import Extent
    from engine.imaging.drawn.demo import srgb_profile
    from engine.imaging.psd.document import AlphaChannel, LayeredDocument, PixelLayer

    random = np.random.default_rng(0)
    top_value = 2**bit_depth - 1
    shapes = cv2.GaussianBlur(random.random((height // 50 + 2, width // 50 + 2, 3), np.float32), (0, 0), 4)

    def picture(gain: float) -> Pixels:
        pixels = np.empty((height, width, 3), np.uint16 if bit_depth == 16 else np.uint8)
        for top in range(0, height, 400):
            rows = pixels[top : top + 400]
            x, y = np.meshgrid(
                np.arange(width, dtype=np.float32) / 50, np.arange(top, top + len(rows), dtype=np.float32) / 50
            )
            drawn = cv2.remap(shapes, x, y, cv2.INTER_LINEAR)
            drawn += 0.006 * random.standard_normal(drawn.shape, np.float32)  # 1.5 levels of 255
            rows[:] = np.clip(drawn * gain * top_value, 0, top_value)
        return cast("Pixels", pixels)

    y, x = np.ogrid[:height, :width]
    distance = np.hypot((x - width / 2).astype(np.float32) / width, (y - height / 2).astype(np.float32) / height)
    mask = (np.clip((0.35 - distance) * 40, 0, 1) * 255).astype(np.uint8)
    spot = (np.clip((0.1 - distance) * 40, 0, 1) * 255).astype(np.uint8)
    background = picture(1.0)
    others = [background] * 3 if shared else [picture(gain) for gain in (0.9, 0.8, 0.9)]
    matched, retouch, composite = others
    if not shared:
        retouch[spot == 0] = 0
    return LayeredDocument(
        Extent(width, height),
        bit_depth,
        background,
        (PixelLayer("Matched colour", matched, mask), PixelLayer("Retouch", retouch, transparency=spot)),
        (AlphaChannel("garment", mask), AlphaChannel("spot", spot)),
        composite,
        icc=srgb_profile(),
        dpi=(300.0, 300.0),
    )


def write_with_psd_tools(path: Path, document: LayeredDocument) -> None:
    """The same layers and channels through psd-tools' own structures (it has no call that writes 16 bit or masks)."""
    import numpy as np
    from psd_tools.constants import ColorMode, Compression, Tag
    from psd_tools.psd import PSD
    from psd_tools.psd.header import FileHeader
    from psd_tools.psd.image_data import ImageData
    from psd_tools.psd.layer_and_mask import (
        ChannelData,
        ChannelDataList,
        ChannelImageData,
        ChannelInfo,
        LayerAndMaskInformation,
        LayerInfo,
        LayerInfoBlock,
        LayerRecord,
        LayerRecords,
        MaskData,
    )
    from psd_tools.psd.tagged_blocks import TaggedBlock, TaggedBlocks

    from engine.imaging.psd.document import MASK, merged_planes, stored_layers

    depth, width, height = document.bit_depth, document.extent.width, document.extent.height

    def raw(plane) -> bytes:
        if depth == 8:
            return plane.tobytes()
        scale = 257 if plane.dtype == np.uint8 else 1
        return (plane.astype(np.uint16) * np.uint16(scale)).astype(">u2").tobytes()

    compression = Compression.RLE if depth == 8 else Compression.ZIP_WITH_PREDICTION
    records, channels = [], []
    for layer in stored_layers(document):
        data = []
        for _, plane in layer.channels:
            data.append(ChannelData(compression=compression))
            data[-1].set_data(raw(plane), width, height, depth)
        has_mask = any(channel == MASK for channel, _ in layer.channels)
        mask = MaskData(0, 0, height, width) if has_mask else None
        infos = [
            ChannelInfo(channel, len(one.data) + 2) for (channel, _), one in zip(layer.channels, data, strict=True)
        ]
        records.append(LayerRecord(0, 0, height, width, infos, name=layer.name, mask_data=mask))
        channels.append(ChannelDataList(data))
    planes = merged_planes(document)
    merged = ImageData(Compression.RLE)
    header = FileHeader(channels=len(planes), height=height, width=width, depth=depth, color_mode=ColorMode.RGB)
    merged.set_data([raw(plane) for plane in planes], header)
    parts = (len(records), LayerRecords(records), ChannelImageData(channels))
    if depth == 8:
        layers = LayerAndMaskInformation(layer_info=LayerInfo(*parts))
    else:
        block = TaggedBlock(key=Tag.LAYER_16, data=cast("Any", LayerInfoBlock(*parts)))
        layers = LayerAndMaskInformation(LayerInfo(), None, TaggedBlocks([(Tag.LAYER_16, block)]))
    with open(path, "wb") as file:
        PSD(header=header, layer_and_mask_information=layers, image_data=merged).write(file)


def step(case: str, folder: Path) -> dict[str, float]:
    """One case in this process."""
    from engine.domain.picture import Picture
    from engine.imaging.psd.read import read_document
    from engine.imaging.psd.verify import verify_psd
    from engine.imaging.psd.writer import write_psd
    from engine.imaging.raster.tiff_verify import verify_tiff
    from engine.imaging.raster.tiff_write import write_layered_tiff, write_tiff
    from engine.imaging.returned import find_painted

    kind, bits = case.rsplit("-", 1)
    document = a_document(WIDTH, HEIGHT, int(bits))
    path = folder / f"{case}.{'tif' if 'tiff' in kind else 'psd'}"

    def flat() -> None:
        write_tiff(path, Picture(document.composite, document.icc, dpi=document.dpi), document.alpha_channels)

    writers: dict[str, Callable[[], object]] = {
        "psd": lambda: write_psd(path, document),
        "tiff-layers": lambda: write_layered_tiff(path, document),
        "tiff": flat,
        "psd-tools": lambda: write_with_psd_tools(path, document),
    }
    checks: dict[str, Callable[[], object]] = {
        "psd": lambda: verify_psd(path, document),
        "tiff-layers": lambda: verify_tiff(path, document),
    }
    answer: dict[str, float] = {}
    reader = (lambda: read_document(path)) if kind != "psd-tools" else None
    has_layers = kind in ("psd", "tiff-layers")
    comparison = (lambda: find_painted(document, read_document(path), ["Matched colour"])) if has_layers else None
    steps = (("write", writers[kind]), ("check", checks.get(kind)), ("read", reader), ("compare", comparison))
    for name, call in steps:
        if call is None:
            continue
        forget_peak()
        held, _ = memory()
        start, used = time.perf_counter(), time.process_time()
        call()
        answer[name] = time.perf_counter() - start
        answer[f"{name} processor"] = time.process_time() - used
        answer[f"{name} extra"] = (memory()[1] - held) / 2**20
    answer["size"] = path.stat().st_size / 1e6
    path.unlink()
    return answer


def table(cases: list[str], repeats: int, folder: Path) -> None:
    print(f"{WIDTH} x {HEIGHT} pixels; goal: {SECONDS} s and {MIB} MiB over the pictures")
    written: dict[str, float] = {}
    for case in cases:
        runs = []
        for _ in range(repeats):
            command = [sys.executable, "-m", "bench.export", "--step", case, "--folder", str(folder)]
            done = subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.PIPE)
            runs.append(json.loads(done.stdout.splitlines()[-1]))
        best = min(runs, key=lambda run: run["write"])
        written[case] = best["write"]
        seconds = " and ".join(f"{run['write']:.1f}" for run in runs)
        print(f"  {CASES[case]:36} written in {seconds} s", end=" ")
        print(
            f"({best['write processor']:.1f} s of processor time), {max(r['write extra'] for r in runs):.0f} MiB",
            end="",
        )
        for name in ("check", "read", "compare"):
            if name in best:
                print(f"; {name} {best[name]:.1f} s ({best[f'{name} processor']:.1f})", end=" ")
                print(f"{best[f'{name} extra']:.0f} MiB", end="")
        print(f"; {best['size']:.0f} MB")
    for bits in (16, 8):
        if f"psd-{bits}" in written and f"psd-tools-{bits}" in written:
            ratio = written[f"psd-tools-{bits}"] / written[f"psd-{bits}"]
            print(f"  psd-tools takes {ratio:.1f} times as long at {bits} bits")


def psb(folder: Path) -> None:
    """A document above 2 GB: written, checked, and read as it would come back from Photoshop."""
    import numpy as np

    from engine.imaging.psd.document import needs_psb
    from engine.imaging.psd.read import read_document
    from engine.imaging.psd.verify import verify_psd
    from engine.imaging.psd.writer import write_psd

    document = a_document(PSB_WIDTH, PSB_HEIGHT, 16, shared=True)
    assert needs_psb(document)
    path = folder / "large.psb"
    try:
        laps = [time.perf_counter()]
        forget_peak()
        held, _ = memory()
        write_psd(path, document)
        extra = (memory()[1] - held) / 2**20
        laps.append(time.perf_counter())
        verify_psd(path, document)
        laps.append(time.perf_counter())
        saved = read_document(path)
        laps.append(time.perf_counter())
        assert saved.composite is not None
        assert np.array_equal(saved.composite, document.composite)
        assert all(np.array_equal(cast("Any", layer.pixels), document.background) for layer in saved.layers)
        assert np.array_equal(cast("Any", saved.layers[1].mask), cast("Any", document.layers[0].mask))
        write, check, read = np.diff(laps)
        size = path.stat().st_size
        print(f"{PSB_WIDTH} x {PSB_HEIGHT}, 16 bit, PSB of {size / 1e9:.2f} GB: written in {write:.0f} s with", end=" ")
        print(
            f"{extra:.0f} MiB over the pictures, checked in {check:.0f} s, read in {read:.0f} s; every pixel is equal"
        )
        assert size > 2_000_000_000
    finally:
        path.unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=CASES, action="append", help="one case; may be given several times")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the files are written for a moment; a temporary folder")
    parser.add_argument("--psb", action="store_true", help="a document above 2 GB instead")
    parser.add_argument("--step", choices=CASES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        if options.step:
            print(json.dumps(step(options.step, folder)))
        elif options.psb:
            psb(folder)
        else:
            table(options.only or list(CASES), options.repeats, folder)


if __name__ == "__main__":
    main()
