"""Looks at the machine: what works, what does not, and what to do about it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata, util
from pathlib import Path

from engine.domain.errors import KnownError

_GIB = 1024**3


class Health(StrEnum):
    """How a part of the machine does."""

    OK = "ok"
    NOTE = "note"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination; ``remedy`` is empty where nothing needs to be done."""

    part: str
    health: Health
    what: str
    remedy: str = ""


def examine(catalog: Path, model: Path | None) -> list[Finding]:
    """Examine Python, Qt, torch, GPU, model folders, disk and colour profiles; takes some seconds (it starts torch)."""
    looks: tuple[Callable[[], Finding], ...] = (
        _python,
        _qt,
        _torch,
        lambda: _gpu(model),
        lambda: _kontext(model),
        _nano,
        _grounded,
        _memory,
        lambda: _disk(catalog),
        _profiles,
    )
    return [look() for look in looks]


def _python() -> Finding:
    version = platform.python_version()
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("Python", Health.OK, f"{version} on {platform.system()} {platform.machine()}")
    return Finding("Python", Health.BROKEN, f"{version} is not supported", "Install Python 3.11, 3.12 or 3.13.")


def _qt() -> Finding:
    if util.find_spec("PySide6") is None:
        return Finding("Window", Health.BROKEN, "PySide6 is missing", "Run installer/bootstrap.py again.")
    code = "from PySide6.QtWidgets import QApplication; QApplication([]); print('up')"
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    version = metadata.version("PySide6-Essentials")
    if run.returncode != 0:
        last = run.stderr.strip().splitlines()[-1:] or ["no message"]
        remedy = "Install the system libraries that installer/bootstrap.py lists."
        return Finding("Window", Health.BROKEN, f"Qt {version} does not start: {last[0]}", remedy)
    if platform.system() == "Linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return Finding(
            "Window", Health.NOTE, f"Qt {version} works, but there is no screen",
            "Use the command line, or set DISPLAY.",
        )  # fmt: skip
    return Finding("Window", Health.OK, f"Qt {version}")


def _torch() -> Finding:
    if util.find_spec("torch") is None:
        return Finding("torch", Health.BROKEN, "torch is missing", "Run installer/bootstrap.py again.")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "diffusers", "peft"))
    return Finding("torch", Health.OK, versions)


CARD_QUESTION = (
    "import json, torch; c = torch.cuda.is_available(); p = torch.cuda.get_device_properties(0) if c else None;"
    "print(json.dumps([p.name, *torch.cuda.mem_get_info()] if p else []))"
)
"""What a Python process of its own is to run; `graphics_card` reads its answer."""


@dataclass(frozen=True, slots=True)
class GraphicsCard:
    """The card that torch computes on."""

    name: str
    free_bytes: int
    total_bytes: int

    def sentence(self) -> str:
        return f"{self.name}, {self.free_bytes / _GIB:.1f} of {self.total_bytes / _GIB:.1f} GiB are free"


def graphics_card(answer: subprocess.CompletedProcess[str]) -> GraphicsCard | None:
    """The graphics card by the answer to `CARD_QUESTION`; None where torch can use none.

    Raises
    ------
    KnownError
        torch does not start.
    """
    if answer.returncode != 0:
        last = answer.stderr.strip().splitlines()[-1:] or ["no message"]
        raise KnownError(f"torch does not start: {last[0]}", remedy="Run installer/bootstrap.py again.")
    found = json.loads(answer.stdout.strip().splitlines()[-1])
    return GraphicsCard(*found) if found else None


def _gpu(model: Path | None) -> Finding:
    try:
        card = graphics_card(
            subprocess.run([sys.executable, "-c", CARD_QUESTION], capture_output=True, text=True, timeout=180)
        )
    except KnownError as error:
        return Finding("GPU", Health.BROKEN, error.what, error.remedy)
    if card is not None:
        return _tier(card, model)
    if shutil.which("nvidia-smi"):
        remedy = "Install torch with CUDA for this driver (see docs/models.md)."
        return Finding("GPU", Health.NOTE, "there is an NVIDIA card, but this torch cannot use it", remedy)
    return Finding("GPU", Health.NOTE, "none: the classical engine runs on the CPU", "")


def _tier(card: GraphicsCard, model: Path | None) -> Finding:
    """The graphics card, and how FLUX.1 Kontext would be run on it."""
    from engine.services.model_tiers import tier_here

    try:
        tier = tier_here(card.total_bytes, card.free_bytes, model)
        return Finding("GPU", Health.OK, f"{card.sentence()}; {tier.sentence()}")
    except KnownError as error:
        return Finding("GPU", Health.NOTE, f"{card.sentence()}; {error.what}", error.remedy)


def _kontext(model: Path | None) -> Finding:
    from engine.inference.kontext.availability import kontext_status

    status = kontext_status(model)
    if status.available and status.warning:
        remedy = "Name FLUX.1 Kontext's folder, or leave --model out."
        return Finding("FLUX.1 Kontext", Health.NOTE, f"{status.model}: {status.warning.rstrip('.')}", remedy)
    if status.available:
        return Finding("FLUX.1 Kontext", Health.OK, f"found at {status.model}")
    return Finding("FLUX.1 Kontext", Health.NOTE, status.reason, status.remedy)


def _nano() -> Finding:
    """The small model that ships: never taken for photographs, and named for what it is."""
    from engine.inference.kontext.availability import nano_folder, nano_model
    from engine.inference.kontext.source import find_source

    folder = nano_model()
    if folder is None:
        what = f"no small model at {nano_folder().as_posix()}: the demo dreams no masks"
        return Finding("nano Kontext", Health.NOTE, what, "Install Chromask again.")
    try:
        size = find_source(folder).size_bytes / 1e6
    except KnownError as error:
        return Finding("nano Kontext", Health.BROKEN, f"{error.what} ({error.path})", "Install Chromask again.")
    what = f"{size:.0f} MB, for the demo and tests: it knows drawn figures only, photographs need FLUX.1 Kontext"
    return Finding("nano Kontext", Health.OK, what)


def _grounded() -> Finding:
    from engine.services.detection import grounded_status

    try:
        status = grounded_status()
    except KnownError as error:
        return Finding("Grounded-SAM2", Health.BROKEN, f"{error.what} ({error.path})", error.remedy)
    if status.settings is None:
        return Finding("Grounded-SAM2", Health.NOTE, status.reason, status.remedy)
    return Finding("Grounded-SAM2", Health.OK, f"found {status.reason}")


def _memory() -> Finding:
    import psutil

    total, free = psutil.virtual_memory().total / _GIB, psutil.virtual_memory().available / _GIB
    if free < 4:
        return Finding("Memory", Health.NOTE, f"{free:.0f} of {total:.0f} GiB are free", "Close other programs.")
    return Finding("Memory", Health.OK, f"{free:.0f} of {total:.0f} GiB are free")


def _disk(catalog: Path) -> Finding:
    folder = next(parent for parent in (catalog.parent, *catalog.parent.parents) if parent.exists())
    free = shutil.disk_usage(folder).free / _GIB
    if not os.access(folder, os.W_OK):
        return Finding("Disk", Health.BROKEN, f"{folder} cannot be written to", "Choose another catalog (--catalog).")
    if free < 5:
        return Finding("Disk", Health.NOTE, f"{free:.1f} GiB are free at {folder}", "Free some space.")
    return Finding("Disk", Health.OK, f"{free:.0f} GiB are free at {folder}")


def _profiles() -> Finding:
    from engine.imaging.raster.icc import profile_description, srgb_profile

    try:
        return Finding("Colour profiles", Health.OK, f"LittleCMS works ({profile_description(srgb_profile())})")
    except KnownError as error:
        return Finding("Colour profiles", Health.BROKEN, error.what, error.remedy)
