"""A mask that is drawn to be used elsewhere, such as where an edit may paint; it becomes a file beside the catalog."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.files import complete_file
from gui.mask_editor.subject import Wording

if TYPE_CHECKING:
    from engine.domain.picture import Alpha
    from engine.domain.review import ReviewItem

_FOLDER = "drawn masks"


@dataclass(frozen=True, slots=True)
class Area:
    """Where something shall be done to a photograph.

    Attributes
    ----------
    catalog : Path
        The catalog's file: the mask lies beside it for as long as a job may need it, which the store does not know of.
    taken : callable
        ``taken(file)`` once it is drawn.
    """

    catalog: Path
    taken: Callable[[Path], None]

    def wording(self, item: ReviewItem) -> Wording:
        """What the panel says."""
        return Wording(
            "Draw where to paint",
            item.pair.on_model.path.name,
            "Use this mask",
            "Used, it is where the edit may change the photograph.",
        )

    def write(self, item: ReviewItem, alpha: Alpha) -> Path:
        """Keep the mask as a file that is named by what is in it. Pool threads.

        Raises
        ------
        KnownError
            Disk full or folder not writable.
        """
        from engine.imaging.raster.encode import encode_mask

        data = encode_mask(alpha)
        name = f"{item.pair.on_model.path.stem}-{sha256(data).hexdigest()[:16]}.png"
        path = self.catalog.parent / _FOLDER / name
        if not path.is_file():
            with complete_file(path, overwrite=True) as temporary:
                temporary.write_bytes(data)
        return path
