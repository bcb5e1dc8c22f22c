"""A mask that is drawn to be used elsewhere, such as where an edit may paint; it becomes a file of the store's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.artifacts import ArtifactKind
from engine.ports import ArtifactStore
from gui.mask_editor.subject import Wording

if TYPE_CHECKING:
    from engine.domain.picture import Alpha
    from engine.domain.review import ReviewItem


@dataclass(frozen=True, slots=True)
class Area:
    """Where something shall be done to a photograph.

    Attributes
    ----------
    artifacts : ArtifactStore
        Keeps the mask for as long as a request names it; one that is never used goes with the next session's sweep.
    taken : callable
        ``taken(file)`` once it is drawn.
    """

    artifacts: ArtifactStore
    taken: Callable[[Path], None]

    def wording(self, item: ReviewItem) -> Wording:
        """What the panel says."""
        return Wording(
            "Draw where to paint",
            item.pair.on_model.path.name,
            "Use this mask",
            "Used, it is where the edit may change the photograph.",
        )

    def write(self, alpha: Alpha) -> Path:
        """Keep the mask as a file that is named by what is in it. Pool threads.

        Raises
        ------
        KnownError
            Disk full or folder not writable.
        """
        from engine.imaging.raster.encode import encode_mask

        return self.artifacts.path(self.artifacts.put(ArtifactKind.MASK, encode_mask(alpha), ".png"))
