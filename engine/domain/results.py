"""What a job yields: masks, matched pictures and colour measurements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.domain.artifacts import ArtifactRef
from engine.domain.geometry import Box, Extent
from engine.domain.requests import Tolerance


class Verdict(StrEnum):
    """What the figures say; what a person says is a `Decision`."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


UNSURE = 0.5
"""Confidence of a mask below which a person should look first."""

LabColor = tuple[float, float, float]
"""CIELAB L, a, b under D65 and the 2° observer."""


@dataclass(frozen=True, slots=True)
class PaletteLine:
    """One main colour of a garment, on the photograph and on its flatlay.

    Attributes
    ----------
    color, reference_color : LabColor or None
        Its mean on the photograph and on the flatlay; None where that side does not show it (a hidden logo).
    share, reference_share : float
        Of the garment's measured pixels on either side, 0 to 1; 0 where that side does not show it.
    delta_E : float or None
        ΔE00 between the two, with the report's parametric factors; None for a colour without a counterpart.
    verdict : Verdict or None
        Of ``delta_E`` by the report's tolerance; None for a colour without a counterpart.
    """

    color: LabColor | None
    share: float
    reference_color: LabColor | None
    reference_share: float
    delta_E: float | None
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class DeltaEReport:
    """CIEDE2000 between two pictures or two regions (CIE 142-2001), Lab under D65 and the 2° observer.

    Attributes
    ----------
    region : str
        What was compared, for example ``garment / flatlay`` or ``whole picture``.
    delta_E : float
        The figure the verdict rests on. Between regions of different pictures: of their robust mean colours. Pixel by
        pixel: the mean.
    mean, median, p95 : float
        Over the pixels: each against the reference region's mean colour, or against its counterpart.
    dL, dC, dH : float
        Signed CIELAB differences in lightness, chroma and hue, sample minus reference.
    n_pixels : int
        Pixels that were measured.
    verdict : Verdict
        Of ``delta_E`` by the tolerance; a garment one of whose palette colours fails does not pass either.
    palette : tuple of PaletteLine
        The garment's main colours by falling share of the flatlay; one line for a single-colour garment, empty where
        pixels were compared one by one.
    """

    region: str
    delta_E: float
    mean: float
    median: float
    p95: float
    dL: float
    dC: float
    dH: float
    n_pixels: int
    tolerance: Tolerance
    verdict: Verdict
    illuminant: str = "D65"
    observer: str = "CIE 1931 2 Degree Standard Observer"
    palette: tuple[PaletteLine, ...] = ()


def found_garment(provenance: Mapping[str, str | float | int]) -> str:
    """What a backend masked: a label of ``garments.toml``, or only its body zone; empty where it does not say."""
    return str(provenance.get("label", provenance.get("category", "")))


@dataclass(frozen=True, slots=True)
class MaskResult:
    """A mask of the on-model photograph at full size.

    Attributes
    ----------
    alpha : ArtifactRef
        PNG, ``(H, W) uint8``, 255 = inside, soft edges.
    box : Box
        Bounding box of everything above zero, in source pixels.
    coverage : float
        Mean alpha over the picture, 0 to 1.
    confidence : float
        0 to 1; how sure the method is of itself. Below `UNSURE` a person should look first.
    provenance : dict
        Method, model and LoRA hashes, seed, timings in seconds; strings and numbers only.
    """

    name: str
    alpha: ArtifactRef
    extent: Extent
    box: Box
    coverage: float
    confidence: float
    provenance: dict[str, str | float | int] = field(default_factory=dict[str, "str | float | int"])

    @property
    def garment(self) -> str:
        """As `engine.domain.picture.PaintedMask.garment`."""
        return found_garment(self.provenance)


@dataclass(frozen=True, slots=True)
class MatchResult:
    """The on-model photograph with its garment in the flatlay's colour.

    Attributes
    ----------
    picture : ArtifactRef
        Lossless, full size, the source's bit depth and ICC profile; without what a retoucher painted over it.
    before, after : DeltaEReport
        Garment against flatlay, of the photograph and of the result, which a retoucher may have painted over: ``after``
        is of what leaves the house.
    outside_max_change : int
        Largest change of any channel value where the mask is zero; 0 by construction and measured all the same. What
        the match itself does: a retoucher may paint where he likes.
    texture : float
        Correlation of the L gradients inside the garment, result against photograph; 1 keeps every thread. Of the
        match itself, too.
    """

    picture: ArtifactRef
    before: DeltaEReport
    after: DeltaEReport
    outside_max_change: int
    texture: float
    provenance: dict[str, str | float | int] = field(default_factory=dict[str, "str | float | int"])


@dataclass(frozen=True, slots=True)
class EditedTurn:
    """What became of one turn of an edit.

    Attributes
    ----------
    mask : ArtifactRef
        PNG, ``(H, W) uint8``, the mask as it was read; it stays when the operator's own file is gone.
    box : Box
        Bounding box of everything above zero in the mask, in source pixels.
    painted : bool
        False for a turn that a later one covers.
    provenance : dict
        Prompt, reference, seed, model and LoRA hashes, crop, canvas, timings in seconds; strings and numbers only.
    """

    mask: ArtifactRef
    box: Box
    painted: bool
    provenance: dict[str, str | float | int] = field(default_factory=dict[str, "str | float | int"])


@dataclass(frozen=True, slots=True)
class EditResult:
    """The on-model photograph with what was painted into it.

    Attributes
    ----------
    picture : ArtifactRef
        Lossless, full size, the source's bit depth and ICC profile; without what a retoucher painted over it.
    outside_max_change : int
        Largest change of any channel value outside every mask; 0 by construction and measured all the same. What the
        edit itself does: a retoucher may paint where he likes.
    turns : tuple of EditedTurn
        Every turn of the request, in order.
    """

    picture: ArtifactRef
    outside_max_change: int
    turns: tuple[EditedTurn, ...]


@dataclass(frozen=True, slots=True)
class Previews:
    """Small sRGB JPEGs (2,048 px on the long side at most) for the review window; None where there is none.

    ``matched`` is the result's picture, whether it was matched or edited, with what a retoucher painted over it.
    ``disagreement`` is a grey PNG of where a mask that was made several times came out differently.
    ``painted`` is a model's picture that a mask was read from; it shows the model's crop of the photograph.
    """

    on_model: ArtifactRef
    flatlay: ArtifactRef | None
    matched: ArtifactRef | None
    mask: ArtifactRef | None
    disagreement: ArtifactRef | None = None
    painted: ArtifactRef | None = None


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """Everything one successful job yields.

    Attributes
    ----------
    mask : MaskResult
        The mask that was asked for, or the one inside which the picture was changed.
    match : MatchResult or None
        Of a colour match.
    edit : EditResult or None
        Of an edit.
    retouch : ArtifactRef or None
        What a retoucher painted over the changed photograph, see `engine.imaging.retouch`; its previews show it.
    """

    mask: MaskResult
    match: MatchResult | None
    previews: Previews
    notices: tuple[str, ...] = ()
    edit: EditResult | None = None
    retouch: ArtifactRef | None = None

    @property
    def picture(self) -> ArtifactRef | None:
        """The changed photograph, over which ``retouch`` belongs; None for a job that makes a mask only."""
        changed = self.match or self.edit
        return changed.picture if changed is not None else None

    def artifacts(self) -> tuple[ArtifactRef, ...]:
        """Every artifact the outcome refers to."""
        refs = (
            self.mask.alpha,
            self.picture,
            self.retouch,
            *(turn.mask for turn in (self.edit.turns if self.edit else ())),
            self.previews.on_model,
            self.previews.flatlay,
            self.previews.matched,
            self.previews.mask,
            self.previews.disagreement,
            self.previews.painted,
        )
        return tuple(ref for ref in refs if ref is not None)
