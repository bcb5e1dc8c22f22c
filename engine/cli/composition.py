"""What the composition root hands to the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.ports import CatalogLocation

if TYPE_CHECKING:
    import typer  # the window needs none of it


@dataclass(frozen=True, slots=True)
class Composition:
    """The parts that only the composition root knows.

    Attributes
    ----------
    worker_command : callable
        Catalog file -> command line of a worker process.
    trainer_command : callable
        Training run's folder -> command line of its process.
    open_window : callable
        ``open_window(catalog file or None, folders to drop)`` runs the window and returns its exit code.
    """

    version: str
    location: CatalogLocation
    worker_command: Callable[[Path], Sequence[str]]
    trainer_command: Callable[[Path], Sequence[str]]
    open_window: Callable[[Path | None, Sequence[Path]], int]


def default_export_folder() -> Path:
    """Where exports go unless the operator says otherwise."""
    from platformdirs import user_pictures_path

    return user_pictures_path() / "Chromask"


def composition_of(context: typer.Context) -> Composition:
    """The composition of the running command."""
    return context.find_root().obj
