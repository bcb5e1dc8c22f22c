#!/usr/bin/env python3
"""Sets Chromask up in ``.venv`` and runs it: ``python3 installer/bootstrap.py demo`` or ``... test``.

Needs nothing but Python 3.11 to 3.13; uses the standard library only. What is in place already is left alone, so that a
second call starts at once. Further arguments go to the demo (``--headless``, ``--out DIR``) or to pytest (``-k NAME``).
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
STAMP = VENV / "chromask-setup.txt"
TORCH = "torch==2.13.0"  # any other version pulls gigabytes of CUDA packages on a machine without a GPU

# What Qt opens at run time on Linux -> the Debian/Ubuntu package that brings it.
TEST_PROGRAMS = {
    "xvfb": "Xvfb",
    "xdotool": "xdotool",
    "libimage-exiftool-perl": "exiftool",
    "imagemagick": "convert",
    "exempi": "exempi",
}
"""Debian packages and their programs for tests: a virtual screen for a real window, and readers of exported files."""
QT_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libfontconfig.so.1": "libfontconfig1",
}


def main() -> int:
    """Set up, then run the demo or the tests; the exit code is theirs."""
    parser = argparse.ArgumentParser(description="Set Chromask up and run its demo or its tests.")
    parser.add_argument("what", choices=("demo", "test", "setup"), help="setup only prepares .venv")
    options, rest = parser.parse_known_args()
    check_python()
    ensure_system_libraries(for_tests=options.what == "test")
    ensure_environment()
    if options.what == "setup":
        say(f"Ready: {venv_program('chromask')}")
        return 0
    if options.what == "test":
        say("Running the tests ...")
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
        # Two processes: a file's tests stay together, because loading torch takes long and is shared per file.
        command = [str(venv_program("python")), "-m", "pytest", "-n", "2", "--dist", "loadfile", *rest]
        return subprocess.call(command, cwd=CHECKOUT, env=environment)
    return subprocess.call([str(venv_program("chromask")), "demo", *rest])


def say(sentence: str) -> None:
    """One line about what happens."""
    print(f"[chromask] {sentence}", flush=True)


def stop(sentence: str) -> None:
    """Leave with a sentence that says what to do."""
    say(sentence)
    raise SystemExit(2)


def check_python() -> None:
    """Refuse a Python that the pinned packages do not support."""
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        stop(f"Python {platform.python_version()} is not supported: run this with Python 3.11, 3.12 or 3.13.")


def ensure_system_libraries(*, for_tests: bool) -> None:
    """On Linux, see that Qt finds its libraries; install them where this is root on Debian or Ubuntu."""
    if platform.system() != "Linux":
        return
    missing = [package for library, package in QT_LIBRARIES.items() if not can_load(library)]
    if not shutil.which("fc-list") and not Path("/usr/share/fonts").is_dir():
        missing.append("fonts-dejavu-core")
    missing += [p for p, program in TEST_PROGRAMS.items() if for_tests and not shutil.which(program)]
    if not missing:
        return
    packages = " ".join(missing)
    if not (os.geteuid() == 0 and shutil.which("apt-get")):
        say(f"These system packages are missing (names as on Debian and Ubuntu): {packages}")
        say(f"Install them, for example with: sudo apt-get install -y {packages}")
        if set(missing) <= set(TEST_PROGRAMS):
            return  # the tests that need it are skipped
        raise SystemExit(2)
    say(f"Installing system packages: {packages}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-qq"], environment)
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], environment)


def can_load(library: str) -> bool:
    """Whether the dynamic linker finds a library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def ensure_environment() -> None:
    """Create ``.venv`` and install the pinned packages, unless that was done for these very pins before."""
    wanted = fingerprint()
    if STAMP.exists() and STAMP.read_text() == wanted and venv_program("chromask").exists():
        return
    if not venv_program("python").exists():
        say(f"Creating {VENV.name} with Python {platform.python_version()}")
        make_venv()
    pip = [str(venv_program("python")), "-m", "pip", "--disable-pip-version-check"]
    say(f"Installing {TORCH} (the largest package; some minutes on a slow line)")
    run([*pip, "install", "-q", TORCH])
    say("Installing the other packages at their pinned versions")
    constraints = CHECKOUT / "installer" / "constraints.txt"
    run([*pip, "install", "-q", "-c", str(constraints), "-e", f"{CHECKOUT}[dev]"])
    STAMP.write_text(wanted)


def make_venv() -> None:
    """Create the virtual environment; Debian keeps the module for it in a package of its own."""
    command = [sys.executable, "-m", "venv", str(VENV)]
    if subprocess.call(command) == 0:
        return
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if platform.system() == "Linux" and os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"Installing {package}")
        run(["apt-get", "update", "-qq"])
        run(["apt-get", "install", "-y", "-qq", package])
        shutil.rmtree(VENV, ignore_errors=True)
        run(command)
    else:
        stop(f"This Python cannot create a virtual environment: install {package} and run this again.")


def fingerprint() -> str:
    """Changes whenever the pins or the Python do."""
    digest = hashlib.sha256(platform.python_version().encode())
    for name in ("pyproject.toml", "installer/constraints.txt"):
        digest.update((CHECKOUT / name).read_bytes())
    return digest.hexdigest()


def venv_program(name: str) -> Path:
    """A program inside ``.venv``."""
    return VENV / "Scripts" / f"{name}.exe" if os.name == "nt" else VENV / "bin" / name


def run(command: Sequence[str], environment: dict[str, str] | None = None) -> None:
    """Run a set-up command; its own output says why when it fails."""
    if subprocess.call(list(command), env=environment) != 0:
        stop(f"This command failed: {' '.join(command)}. See the lines above; then run this again.")


if __name__ == "__main__":
    sys.exit(main())
