"""Programs that read Photoshop files."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from engine.imaging.psd.records import mac_roman
from tests.readers.presence import missing
from tests.readers.seen import Samples, Seen, SeenLayer

AG_PSD = "CHROMASK_AG_PSD"
"""Environment variable: the folder in whose ``node_modules`` ag-psd is; ``.ci/run`` sets it."""


def ag_psd(path: Path) -> Seen:
    """ag-psd under Node."""
    folder = os.environ.get(AG_PSD, "")
    if shutil.which("node") is None or not Path(folder, "node_modules", "ag-psd").is_dir():
        missing("ag-psd", f"ag-psd is not in the folder that {AG_PSD} names, or Node is not installed")
    script = Path(__file__).with_name("ag_psd.js")
    told: dict[str, Any] = json.loads(_output(["node", str(script), folder, str(path)]))
    shape, bits = (told["height"], told["width"], 4), told["bits"]

    def rgba(data: str) -> Samples:
        return np.frombuffer(base64.b64decode(data), "<u2" if bits == 16 else "u1").reshape(shape)

    return Seen(
        bits=bits,
        layers=[
            SeenLayer(
                layer["name"],
                rgba(layer["rgba"])[:, :, :3],
                rgba(layer["mask"])[:, :, 0] if layer["mask"] else None,
                rgba(layer["rgba"])[:, :, 3],
            )
            for layer in told["layers"]
        ],
        alphas=[(name, None) for name in told["alphas"]],
        # WORKAROUND for ag-psd 31.0: it unpacks the rows of a merged image as 8 bits whatever the depth is (its
        # documentation promises 8 bits only; layers it reads at 16). Goes when it reads both.
        composite=rgba(told["composite"])[:, :, :3] if bits == 8 else None,
        dpi=told["dpi"],
    )


def image_magick(path: Path) -> Seen:
    """ImageMagick, which shows a layer's mask and its transparency as one alpha, and names in MacRoman."""
    convert = [shutil.which("convert-im6.q16") or shutil.which("convert") or "convert"]
    identify = [shutil.which("identify-im6.q16") or shutil.which("identify") or "identify"]
    if shutil.which("magick"):
        convert, identify = ["magick"], ["magick", "identify"]
    if not shutil.which(convert[0]) or b"ImageMagick" not in _run([*convert, "-version"]).stdout:
        missing("imagemagick", "ImageMagick is not installed")
    scenes = _output([*identify, "-format", "%w %h %z %A %l\n", str(path)]).strip(b"\n").split(b"\n")
    width, height, bits = (int(number) for number in scenes[0].split(b" ", 3)[:3])

    def samples(scenes: list[str], kind: str, *operations: str) -> Samples:
        # All is read and then chosen from, since FILE.tif[1] means the second page of a TIFF and not its layer.
        # Values as they are stored: no profile is applied, and no colour is multiplied with its alpha.
        command = [*convert, str(path), *scenes, "+profile", "*", *operations]
        raw = _output([*command, "-depth", str(bits), "-endian", "MSB", f"{kind}:-"])
        planes = np.frombuffer(raw, ">u2" if bits == 16 else "u1").reshape(height, width, -1)
        return planes if kind == "rgb" else planes[:, :, 0]

    layers: list[SeenLayer] = []
    for number in range(1, len(scenes)):
        this = ["(", "-clone", str(number), ")", "-delete", "0--2"]
        _, _, _, alpha, label = scenes[number].split(b" ", 4)
        mask = samples(this, "gray", "-alpha", "extract") if alpha in (b"True", b"Blend") else None
        layers.append(SeenLayer(label.decode("mac_roman"), samples(this, "rgb", "-alpha", "off"), mask))
    return Seen(
        bits=bits,
        layers=layers,
        composite=samples(["-delete", "1--1"] if layers else [], "rgb", "-alpha", "off"),
        flattened=samples(["-delete", "0"], "rgb", "-background", "none", "-flatten", "-alpha", "off")
        if layers
        else None,
        icc=_output([*convert, f"{path}[0]", "icc:-"]),
        dpi=float(_output([*identify, "-units", "PixelsPerInch", "-format", "%x", f"{path}[0]"]).split()[0]),
    )


def as_image_magick_names(names: list[str]) -> list[str]:
    return [mac_roman(name).decode("mac_roman") for name in names]


def exiftool(*arguments: str | Path) -> bytes:
    if shutil.which("exiftool") is None:
        missing("exiftool", "exiftool is not installed")
    done = _run(["exiftool", "-charset", "filename=utf8", *map(str, arguments)])
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()
    return done.stdout


def gimp(path: Path, folder: Path) -> dict[str, Any]:
    """GIMP without a window: what it says of the file, and its layers, masks and channels as PNGs in ``folder``."""
    program = shutil.which("gimp-console") or shutil.which("gimp")
    if program is None:
        missing("gimp", "GIMP is not installed")
    if b" 2.10." not in _run([program, "--version"]).stdout:
        missing("gimp", "the script is for GIMP 2.10; version 3 has other names for its procedures")
    script = Path(__file__).with_name("gimp.scm").read_text(encoding="utf-8")
    script = script.replace("FILE", json.dumps(str(path))).replace("FOLDER", json.dumps(f"{folder}/"))
    home = {**os.environ, "HOME": str(folder), "GIMP2_DIRECTORY": str(folder / "gimp")}
    command = [program, "-i", "-d", "-f", "-s", "-b", script, "-b", "(gimp-quit 0)"]
    done = subprocess.run(command, capture_output=True, env=home, check=False, timeout=280)
    said = done.stdout.decode() + done.stderr.decode()
    told: dict[str, Any] = {"layer": {}, "channel": {}, "path": {}}
    for kind, number, name in re.findall(r"SEEN (\w+) (\d+) (.*)", said):
        told[kind][int(number)] = name
    assert told["layer"], said[-3000:]
    return told


def _run(command: list[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, capture_output=True, check=False, timeout=120)


def _output(command: list[str]) -> bytes:
    done = _run(command)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout
