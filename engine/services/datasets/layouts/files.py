"""What a layout consists of, before it is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LayoutFiles:
    """A set in another trainer's files.

    Attributes
    ----------
    config : str
        The file that the trainer is started with, below the layout's folder.
    texts : dict
        Text files by their path below the layout's folder, ``config`` among them.
    pictures : tuple of (str, str)
        A file's path in the set, and in the layout.
    notices : tuple of str
        What this trainer does otherwise, one sentence each.
    """

    config: str
    texts: dict[str, str]
    pictures: tuple[tuple[str, str], ...]
    notices: tuple[str, ...] = ()
