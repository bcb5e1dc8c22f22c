"""The other views of an article, as far as the common solution of its colour needs them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from engine.domain.errors import KnownError, printable_path
from engine.domain.picture import PaintedMask, Picture
from engine.domain.requests import MaskRequest, View
from engine.ports import ArtifactStore, ReportStep
from engine.worker.backends import Backends
from engine.worker.masking import mask_of
from engine.worker.matching import flatlay_to_match

if TYPE_CHECKING:
    from engine.domain.picture import Alpha
    from engine.imaging.color.views import ViewColors

_Kept = TypeVar("_Kept")

_CAPACITY = 32
"""Views that are remembered: jobs of one article follow each other, and at most a dozen views are solved together."""


class Views:
    """Masks and garment colours of the views that this worker saw last, so that none is masked twice.

    One thread only.
    """

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._masks: OrderedDict[object, tuple[PaintedMask, bytes]] = OrderedDict()
        self._colors: OrderedDict[object, ViewColors] = OrderedDict()

    def mask(
        self,
        view: View,
        on_model: Picture,
        flatlay: Picture,
        request: MaskRequest,
        artifacts: ArtifactStore,
        report: ReportStep,
    ) -> PaintedMask:
        """The view's garment mask: made, corrected by hand, or remembered.

        Parameters
        ----------
        on_model, flatlay : Picture
            The view's pictures; the flatlay's alpha is the garment.
        """
        from engine.imaging.raster.encode import decode_mask, encode_mask

        key = _key(view, request)
        if key in self._masks:
            mask, packed = self._masks[key]
            return replace(mask, alpha=decode_mask(packed))
        mask = mask_of(on_model, flatlay, request, self._backends, artifacts, report)
        _remember(self._masks, key, (replace(mask, alpha=mask.alpha[:0]), encode_mask(mask.alpha)))
        return mask

    def see(self, view: View, on_model: Picture, flatlay: Picture, alpha: Alpha, request: MaskRequest) -> ViewColors:
        """Sample the view's garment and remember its colours.

        Raises
        ------
        KnownError
            A mask is empty or tiny; names the file.
        """
        from engine.imaging.color.views import view_colors

        assert flatlay.alpha is not None
        colors = view_colors(on_model, alpha, flatlay, flatlay.alpha)
        _remember(self._colors, _key(view, request), colors)
        return colors

    def others(
        self, own: View, views: Sequence[View], request: MaskRequest, artifacts: ArtifactStore, report: ReportStep
    ) -> tuple[list[ViewColors], list[str]]:
        """The colours of an article's other views, and a notice for each that cannot take part.

        A view that cannot be read does not hold up this one; its own job tells what is wrong with it. A view whose
        flatlay has another colour is of another garment under the same number.

        Parameters
        ----------
        own : View
            Has been seen.
        request : MaskRequest
            Of the own mask. Was that corrected by hand, the correction is its alone: each other view has the mask that
            the request would make of it, or the one that was corrected for it.
        """
        from engine.imaging.color.views import same_article

        mine = self._colors[_key(own, request)]
        colors: list[ViewColors] = []
        notices: list[str] = []
        for done, view in enumerate(views):
            report(done, len(views), "other views")
            try:
                theirs = replace(request, corrected=view.corrected, found="")
                other = self._colors.get(_key(view, theirs)) or self._read(view, theirs, artifacts, report)
            except KnownError as error:
                notices.append(f"{printable_path(view.on_model)} had no say in the article's colour: {error.what}.")
                continue
            if same_article(other.flat, mine.flat):
                colors.append(other)
        return colors, notices

    def _read(self, view: View, request: MaskRequest, artifacts: ArtifactStore, report: ReportStep) -> ViewColors:
        from engine.imaging.raster.decode import read_picture

        on_model = read_picture(view.on_model, sha256=view.on_model_sha256)
        flatlay = read_picture(view.flatlay, sha256=view.flatlay_sha256)
        flatlay = flatlay_to_match(flatlay, request, self._backends)
        alpha = self.mask(view, on_model, flatlay, request, artifacts, report).alpha
        return self.see(view, on_model, flatlay, alpha, request)


def _key(view: View, request: MaskRequest) -> object:
    """Equal pictures have equal masks, wherever they lie."""
    return view.on_model_sha256, view.flatlay_sha256, request


def _remember(kept: OrderedDict[object, _Kept], key: object, value: _Kept) -> None:
    kept[key] = value
    while len(kept) > _CAPACITY:
        kept.popitem(last=False)
