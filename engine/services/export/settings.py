"""By what a file was made, in one line: the same line, the same file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from engine.domain.errors import UsageError
from engine.domain.export import SRGB, ExportFormat, ExportRecipe, PathUse
from engine.domain.files import known_os_error
from engine.services.export.names import Subject


def settings_line(subject: Subject, recipe: ExportRecipe, profile: bytes | None) -> str:
    """What of a recipe matters for a file, as `engine.domain.export.ExportRecord.settings` keeps it.

    Parameters
    ----------
    profile : bytes or None
        From `target_profile`.
    """
    words = [_subject(subject)]
    if subject.format.is_flat:
        words.append(f"side={recipe.max_side}")
        words.append(f"profile={hashlib.sha256(profile).hexdigest()[:16] if profile is not None else ''}")
        words.append(f"sharpening={recipe.sharpening:g}")
    if subject.format is ExportFormat.JPEG:
        words.append(f"quality={recipe.jpeg_quality}")
    if subject.format not in (ExportFormat.PNG, ExportFormat.MASK):
        words.append(f"path={path_use(subject.format, recipe).value}")
    return " ".join(words)


def differs_from_result(line: str) -> str:
    """How the pixels of a flat file with this line are other than those of its result, as words for a sentence; empty
    where they are the same.
    """
    words: dict[str, str] = {}
    for word in line.split(" "):
        key, _, value = word.partition("=")
        words[key] = value
    done = {
        "made smaller": words.get("side", "0") != "0",
        "converted to another profile": words.get("profile", "") != "",
        "sharpened": float(words.get("sharpening", "0")) > 0,
    }
    return " and ".join(what for what, is_done in done.items() if is_done)


def is_of(subject: Subject, line: str) -> bool:
    """Whether a file with this line is of the same photograph (a layered one) or of a version of the same result."""
    return line.partition(" ")[0] == _subject(subject)


def _subject(subject: Subject) -> str:
    return "document" if subject.format.is_layered else f"result={subject.chain}"


def path_use(format: ExportFormat, recipe: ExportRecipe) -> PathUse:
    """What becomes of outlines in a format."""
    if format is ExportFormat.JPEG or recipe.path is PathUse.NONE:
        return recipe.path
    return PathUse.SAVED


def target_profile(recipe: ExportRecipe) -> bytes | None:
    """The profile that flat files shall have; None leaves them the photograph's.

    Raises
    ------
    UsageError
        There is no such file, or it is no profile that pictures can be converted to.
    """
    from engine.imaging.raster.icc import is_target_profile, srgb_profile

    if not recipe.profile:
        return None
    if recipe.profile.casefold() == SRGB:
        return srgb_profile()
    path = Path(recipe.profile).expanduser()
    try:
        icc = path.read_bytes()
    except OSError as error:
        known = known_os_error(error, path)
        raise UsageError(known.what, remedy="Give 'srgb', or the path of an ICC profile.", path=path) from error
    if not is_target_profile(icc):
        raise UsageError(
            "this is no RGB profile that pictures can be converted to",
            remedy="Give 'srgb', or the path of an RGB profile such as AdobeRGB1998.icc.",
            path=path,
        )
    return icc
