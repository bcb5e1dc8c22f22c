"""What an operator is told about a picture that can be used, and what makes one unusable although it is sound."""

from __future__ import annotations

from pathlib import Path

from engine.domain.errors import KnownError
from engine.imaging.raster import icc
from engine.imaging.raster.stored import StoredHeader, unsupported


def refuse_mode(stored: StoredHeader, path: Path | None) -> None:
    """Refuse Lab, and CMYK that no profile explains.

    Raises
    ------
    KnownError
        One sentence with the way out.
    """
    mode = stored.mode.removesuffix("A") if stored.mode == "CMYKA" else stored.mode
    if mode.startswith("LAB"):
        raise unsupported(path, "this picture is in Lab colour", "Convert it to RGB with a profile and retry.")
    if mode == "CMYK" and (stored.icc is None or not icc.is_usable_profile(stored.icc, "CMYK")):
        what = "has no ICC profile" if stored.icc is None else "has an ICC profile that does not fit"
        raise KnownError(
            f"this picture is CMYK and {what}, so its colours are unknown",
            remedy="Save it as RGB with a profile and retry.",
            path=path,
        )


def mode_notices(stored: StoredHeader, *, done: bool) -> tuple[str, ...]:
    """What becomes of a mode other than RGB; ``done`` says whether it has been decoded already."""
    is_, was = ("was", "were") if done else ("will be", "will be")
    mode = stored.mode
    found: list[str] = []
    if mode in ("L", "LA"):
        found.append(f"The picture is greyscale, so there is no colour to match; it {is_} converted to RGB.")
    elif mode == "1":
        found.append(
            f"The picture is black and white (1 bit), so there is no colour to match; it {is_} converted to RGB."
        )
    elif mode == "P":
        found.append(f"The palette colours {was} converted to RGB.")
    elif mode.startswith("CMYK"):
        name = icc.profile_description(stored.icc) if stored.icc else None
        found.append(f"CMYK {is_} converted to sRGB through its profile “{name}”.")
    if stored.has_alpha and not mode.startswith("CMYK"):
        found.append(f"The picture has transparency, which {is_} kept beside its RGB pixels.")
    elif stored.has_alpha:
        found.append(f"The picture has transparency, which {is_} kept beside the converted pixels.")
    return tuple(found)


def profile_notices(stored: StoredHeader) -> tuple[str, ...]:
    """Where the profile is missing, broken or of another colour space, and sRGB has to be assumed."""
    mode = stored.mode
    if mode.startswith("CMYK"):
        return ()
    if stored.icc is None:
        return () if stored.srgb_stated else ("No ICC profile is embedded, so sRGB is assumed.",)
    if usable_profile(stored) is not None:
        return ()
    space = icc.profile_color_space(stored.icc)
    if space is None or space in ("RGB", "GRAY"):
        if space == "GRAY" and mode not in ("L", "LA", "1"):
            return ("The embedded ICC profile is for GRAY and not for RGB; it is left out and sRGB is assumed.",)
        return ("The embedded ICC profile cannot be read; it is left out and sRGB is assumed.",)
    return (f"The embedded ICC profile is for {space} and not for RGB; it is left out and sRGB is assumed.",)


def usable_profile(stored: StoredHeader) -> bytes | None:
    """The embedded profile if it explains the decoded samples.

    A grey picture may carry a grey profile (its tones go through it) or an RGB one (they are three equal channels).
    """
    profile = stored.icc
    if profile is None:
        return None
    spaces = ("CMYK",) if stored.mode.startswith("CMYK") else ("RGB",)
    if stored.mode in ("L", "LA", "1"):
        spaces = ("RGB", "GRAY")
    return profile if any(icc.is_usable_profile(profile, space) for space in spaces) else None
