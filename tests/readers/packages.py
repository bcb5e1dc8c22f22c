"""Python packages that read Photoshop files."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

from tests.readers.presence import missing
from tests.readers.seen import Samples, Seen, SeenLayer


def _package(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing(name, str(error))


def psd_tools(path: Path) -> Seen:
    """psd-tools, the raw samples of every channel, and its own compositor."""
    from psd_tools import PSDImage
    from psd_tools.composite import composite
    from psd_tools.constants import Resource

    file = PSDImage.open(path)
    dtype = ">u2" if file.depth == 16 else "u1"

    def plane(data: bytes) -> Samples:
        return np.frombuffer(data, dtype).reshape(file.height, file.width)

    layers: list[SeenLayer] = []
    for layer in file:
        stored = zip(layer._record.channel_info, layer._channels, strict=True)
        planes = {
            int(info.id): plane(channel.get_data(file.width, file.height, file.depth, file.version))
            for info, channel in stored
        }
        rgb = np.dstack([planes[0], planes[1], planes[2]])
        layers.append(SeenLayer(layer.name, rgb, planes.get(-2), planes.get(-1)))
    merged = [plane(data) for data in file._record.image_data.get_data(file._record.header)]
    names = file.image_resources.get_data(Resource.ALPHA_NAMES_UNICODE) or []
    color, _, _ = composite(file, force=True)  # without a conversion to sRGB, which PSDImage.composite makes
    return Seen(
        bits=file.depth,
        layers=layers,
        alphas=[(name.removesuffix("\0"), samples) for name, samples in zip(names, merged[3:], strict=True)],
        composite=np.dstack(merged[:3]),
        flattened=np.asarray(color, np.float64) * (2**file.depth - 1),
        icc=file.image_resources.get_data(Resource.ICC_PROFILE),
        dpi=file.image_resources.get_data(Resource.RESOLUTION_INFO).horizontal / 65536,
    )


def psdparse(path: Path) -> Seen:
    """psdparse, which shows everything at 8 bits."""
    reader = _package("psdparse")
    file = reader.PSDFile()
    assert file.load(str(path))
    shape = file.header.height, file.header.width

    def bgra(data: bytes) -> Samples:
        return np.frombuffer(data, np.uint8).reshape(*shape, 4)

    layers: list[SeenLayer] = []
    for number, layer in enumerate(file.layers):
        image = bgra(file.layer_image(number, "image"))
        mask = None
        if any(channel.id == -2 for channel in layer.channels):
            mask = np.frombuffer(file.layer_image(number, "mask"), np.uint8).reshape(*shape, -1)[:, :, 0]
        layers.append(SeenLayer(layer.name_unicode or layer.name, image[:, :, 2::-1], mask, image[:, :, 3]))
    flattened, unsupported = file.composite()
    assert not any(unsupported.values())
    return Seen(
        bits=8,
        layers=layers,
        alphas=[
            (channel["name"], np.frombuffer(file.merged_channel(channel["plane"]), np.uint8).reshape(shape))
            for channel in file.alpha_channels
        ],
        composite=bgra(file.merged_image())[:, :, 2::-1],
        flattened=bgra(flattened)[:, :, 2::-1],
        icc=file.icc_profile,
        paths=[path["name"].decode("mac_roman") for path in file.paths],
    )


def photoshopapi(path: Path) -> Seen:
    """PhotoshopAPI, in a process of its own: what it cannot read, it does not always survive."""
    _package("photoshopapi")
    out = path.with_suffix(".npz")
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("photoshopapi_process.py")), str(path), str(out)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "match" not in done.stdout, done.stdout[-2000:]
    with np.load(out) as arrays:
        told = json.loads(str(arrays["told"]))
        layers = [
            SeenLayer(name, arrays[f"rgb {n}"], *(arrays.get(f"{what} {n}") for what in ("mask", "transparency")))
            for n, name in enumerate(told["names"])
        ]
        return Seen(bits=told["bits"], layers=layers, icc=arrays["icc"].tobytes(), dpi=told["dpi"])


def psdtags(path: Path) -> Seen:
    """psdtags and tifffile, the layers (where there are any) and the picture of a TIFF."""
    import tifffile

    reader = _package("psdtags")
    with tifffile.TiffFile(path) as tiff:
        (page,) = tiff.pages
        has_layers = 37724 in page.tags
        samples = page.asarray()
        icc, (numerator, denominator) = page.tags["InterColorProfile"].value, page.tags["XResolution"].value
    stored = reader.TiffImageSourceData.fromtiff(str(path)).layers if has_layers else ()
    resources = {int(block.resourceid): block for block in reader.TiffImageResources.fromtiff(str(path)).blocks}
    layers: list[SeenLayer] = []
    for layer in stored:
        planes = {int(channel.channelid): channel.data for channel in layer.channels}
        names = [info.value for info in layer.info if info.key == reader.PsdKey.UNICODE_LAYER_NAME]
        rgb = np.dstack([planes[0], planes[1], planes[2]])
        layers.append(SeenLayer(names[0], rgb, planes.get(-2), planes.get(-1)))
    names = [name.removesuffix("\0") for name in resources[1045].values]
    return Seen(
        bits=samples.dtype.itemsize * 8,
        layers=layers,
        alphas=[(name, samples[:, :, 3 + number]) for number, name in enumerate(names)],
        composite=samples[:, :, :3],
        icc=icc,
        dpi=numerator / denominator,
        paths=[resources[id].name for id in sorted(resources) if 2000 <= id < 2998],
    )
