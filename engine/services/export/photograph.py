"""The pictures and masks of one photograph, decoded when they are first needed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.domain.assets import AssetPair
from engine.domain.errors import KnownError
from engine.ports import ArtifactStore

if TYPE_CHECKING:
    from engine.domain.artifacts import ArtifactRef
    from engine.domain.picture import Alpha, Picture, Pixels
    from engine.domain.review import ReviewItem
    from engine.imaging.psd.paths import VectorPath


class Photograph:
    """One photograph and its results. The original and the masks are kept once they were decoded; changed pictures are
    not, since each is as large as the original.
    """

    def __init__(self, artifacts: ArtifactStore, pair: AssetPair) -> None:
        self._artifacts, self.pair = artifacts, pair
        self._original: Picture | None = None
        self._masks: dict[str, Alpha] = {}
        self._shown: tuple[int, Picture] | None = None

    def original(self) -> Picture:
        """As it came.

        Raises
        ------
        KnownError
            It is gone, or is no longer what it was when the results were made.
        """
        from engine.imaging.raster.decode import read_picture

        if self._original is None:
            asset = self.pair.on_model
            self._original = read_picture(asset.path, sha256=asset.sha256)
        return self._original

    def mask(self, item: ReviewItem) -> Alpha:
        """A result's mask, ``(H, W)`` uint8."""
        from engine.imaging.raster.encode import decode_mask

        ref = item.outcome.mask.alpha
        if ref.sha256 not in self._masks:
            self._masks[ref.sha256] = decode_mask(self._stored(ref))
        return self._masks[ref.sha256]

    def changed(self, item: ReviewItem) -> Pixels:
        """The matched or edited picture, without what a retoucher painted over it."""
        from engine.imaging.raster.decode import read_picture

        ref = item.outcome.picture
        assert ref is not None
        self._stored(ref)
        return read_picture(self._artifacts.path(ref)).pixels

    def retouch(self, item: ReviewItem) -> Pixels | None:
        """What a retoucher painted, see `engine.imaging.retouch`."""
        from engine.imaging.retouch import decode_retouch

        ref = item.outcome.retouch
        if ref is None:
            return None
        original = self.original()
        try:
            return decode_retouch(self._stored(ref), original.extent, original.bit_depth)
        except KnownError as error:
            error.path = self.pair.on_model.path
            raise

    def retouch_source(self, item: ReviewItem) -> str:
        """What was declared of the retouch, see `engine.imaging.retouch.retouch_source`."""
        from engine.imaging.retouch import retouch_source

        ref = item.outcome.retouch
        return "" if ref is None else retouch_source(self._stored(ref))

    def shown(self, item: ReviewItem) -> Picture:
        """The picture as it leaves the house flat: matched or edited, and retouched."""
        from engine.imaging.retouch import laid_over

        if self._shown is None or self._shown[0] != item.job.id:
            pixels, retouch = self.changed(item), self.retouch(item)
            pixels = pixels if retouch is None else laid_over(pixels, retouch)
            self._shown = item.job.id, replace(self.original(), pixels=pixels)
        return self._shown[1]

    def path(self, item: ReviewItem, name: str) -> VectorPath | None:
        """The outline of a result's mask; None where the mask covers nothing by half."""
        from engine.imaging.outline import outline
        from engine.imaging.psd.paths import VectorPath

        subpaths = outline(self.mask(item))
        return VectorPath(name, subpaths) if subpaths else None

    def _stored(self, ref: ArtifactRef) -> bytes:
        """A file of the result, as it was made; where it is gone or damaged, the photograph is named."""
        try:
            return self._artifacts.read(ref)
        except KnownError as error:
            error.path = self.pair.on_model.path
            raise
