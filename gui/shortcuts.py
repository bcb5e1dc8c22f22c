"""Keys that the operator chose for commands, kept by Qt between sessions, and how keys are written. GUI thread only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from PySide6.QtCore import QSettings
from PySide6.QtGui import QKeySequence

_GROUP: Final = "shortcuts"
_SIGNS: Final = {"Left": "←", "Right": "→", "Up": "↑", "Down": "↓"}
_NEEDED: Final = frozenset(
    f"{shift}{key}" for key in ("Tab", "Backtab", "Return", "Enter", "Num+Enter") for shift in ("", "Shift+")
)


def chosen(name: str, proposed: tuple[str, ...]) -> tuple[str, ...]:
    """The keys of a command as Qt's portable text: the operator's, or else the proposed ones."""
    kept = QSettings().value(f"{_GROUP}/{name}")
    if kept is None:
        return proposed
    # One to a line: a comma may be a key itself.
    keys = [line for line in str(kept).split("\n") if line]
    return tuple(keys) if all(_is_key(key) for key in keys) else proposed


def keep(name: str, keys: Sequence[str], proposed: tuple[str, ...]) -> None:
    """Remember the keys of a command; proposed ones are not stored, so that a later version may better them."""
    if tuple(keys) == proposed:
        QSettings().remove(f"{_GROUP}/{name}")
    else:
        QSettings().setValue(f"{_GROUP}/{name}", "\n".join(keys))


def refusal(key: str) -> str:
    """Why a key cannot be a shortcut, in one sentence; empty where it can."""
    if key in _NEEDED:
        return "Tab and Return are needed to reach and to press what is on the pages."
    return ""


def written(key: str) -> str:
    """A key as the platform writes it, arrows as signs."""
    text = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
    head, plus, last = text.rpartition("+")
    return f"{head}{plus}{_SIGNS.get(last, last)}" if last else text


def in_words(keys: Iterable[str]) -> str:
    """Several keys as a list."""
    return ", ".join(written(key) for key in keys)


def _is_key(text: str) -> bool:
    return bool(text) and QKeySequence(text).toString(QKeySequence.SequenceFormat.PortableText) == text
