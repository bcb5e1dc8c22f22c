"""The words the window uses for domain values."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from engine.domain.errors import KnownError
from engine.domain.requests import ColorMatchRequest, EditRequest, EngineName, Request


def duration(seconds: float) -> str:
    """``4 s``, ``2 min 05 s`` or ``1 h 07 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def task_name(request: Request) -> str:
    """What a request does, for a table cell."""
    if isinstance(request, ColorMatchRequest):
        name = "Colour match"
    elif isinstance(request, EditRequest):
        name = "Edit" if len(request.turns) == 1 else f"Edit, {len(request.turns)} turns"
    elif request.name == "garment":
        name = "Garment mask"
    else:
        name = f"{request.name.capitalize()} mask, dreamed"
    engine = {EngineName.KONTEXT: " · Kontext", EngineName.GROUNDED: " · detected"}.get(request.engine, "")
    return name + engine


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 photograph``, ``12 photographs``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def megabytes(size: int) -> str:
    """Bytes as ``64 kB``, ``3.4 MB`` or ``512 MB``."""
    if size < 1e6:
        return f"{size / 1e3:.0f} kB"
    return f"{size / 1e6:.1f} MB" if size < 10e6 else f"{size / 1e6:,.0f} MB"


def when(at: datetime) -> str:
    """A moment in local time, the day left out where it is today."""
    local = at.astimezone()
    today = datetime.now(UTC).astimezone().date()
    return local.strftime("%H:%M") if local.date() == today else local.strftime("%Y-%m-%d %H:%M")


def capital(text: str) -> str:
    """The text with a large first letter, as a sentence begins; `str.capitalize` would make the other letters small."""
    return f"{text[:1].upper()}{text[1:]}"


def at_home(text: str) -> str:
    """The text with the user's home folder written as ``~``."""
    return text.replace(Path.home().as_posix(), "~")


def sentence(error: Exception) -> tuple[str, str]:
    """What happened and what to do, for the banner."""
    if isinstance(error, KnownError):
        what = f"{error.path.name}: {error.what}" if error.path is not None else error.what
        return f"{capital(what)}." if error.path is None else f"{what}.", error.remedy
    return (
        f"A fault inside Chromask stopped this step ({type(error).__name__}: {error}).",
        "Nothing was lost. Try again; if it happens twice, send support the log, which lies beside the catalog.",
    )
