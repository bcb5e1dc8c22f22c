"""Which colours a screen shows: the profile chosen for it, the one the desktop names, or none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.domain.errors import KnownError
from engine.domain.files import known_os_error
from gui.pictures.x11_profile import x11_profile


@dataclass(frozen=True, slots=True)
class Display:
    """What pictures are converted to.

    Attributes
    ----------
    profile : bytes or None
        The screen's ICC profile; None means unknown, and colours are shown as sRGB.
    name : str
        The profile's own description.
    soft_proof : bool
        Show only what sRGB can hold.
    """

    profile: bytes | None = None
    name: str = ""
    soft_proof: bool = False


def find_display(chosen: Path | None, platform: str, screen: int) -> Display:
    """Read the profile of a screen. Pool threads only.

    Parameters
    ----------
    chosen : Path or None
        The operator's own choice, which comes first.
    platform : str
        Qt's name of the window system; Qt 6 itself does not say which profile a screen has.
    screen : int
        Number of the screen, the primary one being 0.

    Raises
    ------
    KnownError
        The chosen file cannot be read or is no profile of an RGB screen.
    """
    profile = _read(chosen) if chosen is not None else x11_profile(screen) if platform == "xcb" else None
    if profile is None:
        return Display()
    from engine.imaging.raster.display import is_usable_display_profile
    from engine.imaging.raster.icc import profile_description

    if not is_usable_display_profile(profile):
        if chosen is None:
            return Display()  # what the desktop holds is nobody's choice: the marker says that it is unknown
        raise KnownError(
            "it is not the ICC profile of an RGB screen",
            remedy="Choose the profile that the screen was calibrated with.",
            path=chosen,
        )
    return Display(profile, profile_description(profile) or "unnamed profile")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise known_os_error(error, path) from error
