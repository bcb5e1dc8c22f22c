"""What the window is given: the engine's services, composed outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.dispatch.dispatcher import Dispatcher
from engine.ports import ArtifactStore, Catalog


@dataclass(frozen=True, slots=True)
class WindowServices:
    """Everything the window works on.

    Attributes
    ----------
    dispatcher : Dispatcher
        Subscribed to by the window and started by `gui.app.run_window`; the window stops it when it closes.
    default_export_folder : Path
        Proposed on the export page; intake does not walk it.
    demo : callable or None
        ``demo(folder)`` writes the drawn demo set below ``folder`` and returns the folder to drop; without it the
        offer is hidden.
    catalog_path : Path or None
        Where the catalog lies, for the studio's tolerances beside it; None means the account's.
    """

    catalog: Catalog
    artifacts: ArtifactStore
    dispatcher: Dispatcher
    default_export_folder: Path
    demo: Callable[[Path], Path] | None = None
    catalog_path: Path | None = None
