"""An unsaved mask on disk, beside the catalog, so that a crash costs a few strokes at most. Pool threads."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.errors import KnownError
from engine.domain.files import complete_file, known_os_error
from engine.domain.review import Viewed
from gui.mask_editor.subject import extent_of

if TYPE_CHECKING:
    from engine.domain.picture import Alpha

_FOLDER = "unsaved masks"


class Autosave:
    """The file of one result's unsaved mask.

    Parameters
    ----------
    catalog : Path
        The catalog's file; its name is part of the file's, as several may lie in one folder.
    item : ReviewItem or FailedItem
        Whose mask is edited. The hash of that mask is part of the name: on another version it is of no use. Where there
        is none yet, "drawn" takes its place.
    """

    def __init__(self, catalog: Path, item: Viewed) -> None:
        self._extent = extent_of(item)
        of = item.outcome.mask.alpha.sha256[:16] if item.outcome is not None else "drawn"
        self.path = catalog.parent / _FOLDER / f"{catalog.stem}-{item.job.id}-{of}.png"

    def write(self, alpha: Alpha) -> None:
        """Keep the mask, in place of what was kept before.

        Raises
        ------
        KnownError
            Disk full or folder not writable.
        """
        from engine.imaging.raster.encode import encode_mask

        data = encode_mask(alpha)
        with complete_file(self.path, overwrite=True) as temporary:
            temporary.write_bytes(data)

    def read(self) -> tuple[Alpha, datetime] | None:
        """The kept mask and when it was kept; None where there is none of this size.

        Raises
        ------
        KnownError
            The file cannot be read.
        """
        from engine.imaging.raster.encode import decode_mask

        try:
            kept_at = datetime.fromtimestamp(self.path.stat().st_mtime)
            alpha = decode_mask(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise known_os_error(error, self.path) from error
        except KnownError as error:
            raise KnownError(
                "this unsaved mask is damaged", remedy="Remove the file and edit the mask anew.", path=self.path
            ) from error
        return (alpha, kept_at) if alpha.shape == (self._extent.height, self._extent.width) else None

    def remove(self) -> None:
        """Forget the kept mask.

        Raises
        ------
        KnownError
            The file cannot be removed.
        """
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise known_os_error(error, self.path) from error
