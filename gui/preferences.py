"""How the operator wants FLUX.1 Kontext to be run on this computer; kept by Qt between sessions. GUI thread only."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings

from engine.inference.kontext.tiers import TIERS

_TIER, _MODEL = "models/vram_tier", "models/kontext"


def vram_tier() -> int:
    """The chosen tier, one of `TIERS`; 0 leaves it to the graphics card."""
    text = str(QSettings().value(_TIER, "0"))
    # Whatever else a settings file of another version holds means: not chosen.
    return int(text) if text.isdecimal() and int(text) in TIERS else 0


def set_vram_tier(gib: int) -> None:
    QSettings().setValue(_TIER, gib)


def kontext_model() -> Path | None:
    """The model file or folder that was chosen; None means the one in the models folder."""
    text = str(QSettings().value(_MODEL, ""))
    return Path(text) if text else None


def set_kontext_model(path: Path | None) -> None:
    QSettings().setValue(_MODEL, str(path) if path is not None else "")
