"""Where the pictures of a result lie, small and whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.domain.artifacts import ArtifactRef
from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.domain.review import Viewed
from engine.ports import ArtifactStore
from gui.pictures.display import Display
from gui.pictures.parts import Part
from gui.pictures.pixels import Pyramid, read_doubt_preview, read_mask_preview, read_preview, read_quick

OVERLAYS = (Part.MASK, Part.DOUBT)
"""What is laid over a picture and has no colours of its own."""


@dataclass(frozen=True, slots=True)
class SmallPicture:
    """A preview: where it is stored, and the whole picture that can stand in for it.

    Attributes
    ----------
    extent : Extent
        Of the whole picture, in source pixels.
    """

    part: Part
    stored: Path | None
    source: Path | None
    extent: Extent

    @property
    def key(self) -> Path:
        """What it is known by: one of the two is there."""
        path = self.stored or self.source
        assert path is not None
        return path

    def read(self, display: Display) -> Pyramid:
        """The stored preview; where it is gone, the whole picture at a fraction of its size. Pool threads only.

        Raises
        ------
        KnownError
            Neither can be read.
        """
        try:
            if self.stored is not None:
                return self._read_stored(self.stored, display)
        except KnownError:
            if self.source is None:
                raise
        assert self.source is not None
        if self.part in OVERLAYS:
            return self._read_stored(self.source, display)
        return read_quick(self.source, display)

    def _read_stored(self, path: Path, display: Display) -> Pyramid:
        match self.part:
            case Part.MASK:
                return read_mask_preview(path, self.extent)
            case Part.DOUBT:
                return read_doubt_preview(path, self.extent)
            case _:
                return read_preview(path, self.extent, display)


def whole_files(item: Viewed | None, artifacts: ArtifactStore) -> dict[Part, Path]:
    """The files with every pixel of a result's photographs, or of a failed job's."""
    if item is None:
        return {}
    files = {Part.ORIGINAL: item.pair.on_model.path}
    if item.pair.flatlay is not None:
        files[Part.FLATLAY] = item.pair.flatlay.path
    if item.outcome is not None and item.outcome.picture is not None:
        files[Part.RESULT] = artifacts.path(item.outcome.picture)
    return files


def retouches(item: Viewed | None, artifacts: ArtifactStore) -> dict[Path, Path]:
    """By a file with every pixel of a result, the file of what a retoucher painted over it."""
    outcome = item.outcome if item is not None else None
    if outcome is None or outcome.picture is None or outcome.retouch is None:
        return {}
    return {artifacts.path(outcome.picture): artifacts.path(outcome.retouch)}


def small_pictures(item: Viewed | None, artifacts: ArtifactStore) -> list[SmallPicture]:
    """What there is to be read of a result at once, in the order in which it is looked at."""
    if item is None:
        return []
    if item.outcome is None:  # a job that failed has no previews
        photographs = ((Part.ORIGINAL, item.pair.on_model), (Part.FLATLAY, item.pair.flatlay))
        return [SmallPicture(part, None, shot.path, shot.extent) for part, shot in photographs if shot is not None]
    previews, pair, mask = item.outcome.previews, item.pair, item.outcome.mask
    stored: dict[Part, tuple[ArtifactRef | None, Extent]] = {
        Part.RESULT: (previews.matched, pair.on_model.extent),
        Part.ORIGINAL: (previews.on_model, pair.on_model.extent),
        Part.FLATLAY: (previews.flatlay, pair.flatlay.extent if pair.flatlay is not None else mask.extent),
        Part.MASK: (previews.mask, mask.extent),
        Part.DOUBT: (previews.disagreement, mask.extent),
    }
    sources = whole_files(item, artifacts) | {Part.MASK: artifacts.path(mask.alpha)}
    return [
        SmallPicture(part, artifacts.path(ref) if ref is not None else None, sources.get(part), extent)
        for part, (ref, extent) in stored.items()
        if ref is not None or part in sources
    ]
