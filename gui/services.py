"""What the window is given: the engine's services, composed outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.dispatch.dispatcher import Dispatcher
from engine.ports import ArtifactStore, Catalog, ThumbnailStore
from engine.services.demo import DemoSet
from gui.torch_process import TorchProcess


@dataclass(frozen=True, slots=True)
class WindowServices:
    """Everything the window works on.

    Attributes
    ----------
    dispatcher : Dispatcher
        Subscribed to by the window and started by `gui.app.run_window`; the window stops it when it closes.
    torch : TorchProcess
        Answers what only torch can; the window stops it when it closes.
    default_export_folder : Path
        Proposed on the export page; intake does not walk it.
    demo : callable or None
        ``demo(folder)`` writes the drawn demo set below ``folder``; without it the offer is hidden.
    catalog_path : Path or None
        Where the catalog lies, for the studio's own files beside it; None means the account's.
    thumbnails : ThumbnailStore or None
        Where thumbnails outlive the session; None makes them anew in each.
    """

    catalog: Catalog
    artifacts: ArtifactStore
    dispatcher: Dispatcher
    torch: TorchProcess
    default_export_folder: Path
    demo: Callable[[Path], DemoSet] | None = None
    catalog_path: Path | None = None
    thumbnails: ThumbnailStore | None = None
