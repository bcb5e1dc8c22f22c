"""What a job is asked to do. Everything that can change a pixel is in here, so it can be hashed and run again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from engine.domain.artifacts import ArtifactRef


class EngineName(StrEnum):
    """Which backend runs a job. ``AUTO`` is resolved before a job is stored and never reaches a request."""

    AUTO = "auto"
    CLASSICAL = "classical"
    KONTEXT = "kontext"
    GROUNDED = "grounded"


@dataclass(frozen=True, slots=True)
class LoraRef:
    """A LoRA file and how it is applied."""

    name: str
    path: str
    sha256: str
    base_model: str
    rank: int
    scale: float
    trigger: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the diffusion model samples.

    Attributes
    ----------
    num_inference_steps : int
        Denoising steps, 28 in FLUX.1 Kontext's own examples.
    guidance_scale : float
        The distilled guidance, 2.5 in FLUX.1 Kontext's own examples.
    seed : int
        Seed of the starting noise.
    """

    num_inference_steps: int = 28
    guidance_scale: float = 2.5
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """A cheap first try of a mask, which is kept where it is sure enough of itself. The defaults are chosen, not
    measured.

    Attributes
    ----------
    num_inference_steps : int
        Denoising steps.
    side : int
        The draft's canvas has about ``side`` × ``side`` pixels, in the proportions of the full one.
    confidence : float
        From here on, 0 to 1, the draft is the result; below it the mask is painted again in full.
    """

    num_inference_steps: int = 8
    side: int = 512
    confidence: float = 0.8


class BodyRegion(StrEnum):
    """The part of the person that a mask LoRA is shown."""

    WHOLE = "whole"
    HEAD = "head"
    FACE = "face"
    TORSO = "torso"
    LEGS = "legs"
    LOWER_LEGS = "lower-legs"


@dataclass(frozen=True, slots=True)
class DiffusionSettings:
    """Model, LoRA and sampling of a job on the Kontext backend.

    Attributes
    ----------
    model : str
        Path of the diffusers folder or single file.
    prompt : str
        The complete prompt, with the garment's name filled in.
    lora : LoraRef or None
        None runs the bare model.
    seeds : int
        How many masks are painted, with ``sampling.seed`` and the seeds that follow it, and averaged; colour guides
        are painted once.
    draft : Draft or None
        None paints every mask in full.
    vram_tier : int
        How the model is run: 8, 12, 16, 24, 48 or 80, as if on a card of so many GiB; 0 leaves it to the card.
    region : BodyRegion
        The part of the person that a mask is painted on; masks only.
    """

    model: str
    prompt: str
    lora: LoraRef | None
    sampling: Sampling = Sampling()
    seeds: int = 1
    draft: Draft | None = None
    vram_tier: int = 0
    region: BodyRegion = BodyRegion.WHOLE


@dataclass(frozen=True, slots=True)
class DetectionLabel:
    """A word the detector looks for, and the garment it stands for.

    Attributes
    ----------
    prompt : str
        As the detector reads it: lower case, no full stop.
    garment : str
        Chromask's label for it.
    pieces : int
        How many separate things a person wears of it: 2 socks, 1 jacket.
    """

    prompt: str
    garment: str
    pieces: int = 1


@dataclass(frozen=True, slots=True)
class DetectionSettings:
    """Models, labels and thresholds of a job on the grounded backend (Grounding DINO and SAM 2).

    Attributes
    ----------
    detector, segmenter : str
        Paths of the two model folders.
    labels : tuple of DetectionLabel
        What a flatlay may show.
    box_threshold : float
        A box counts where one of its label's word pieces scores more; 0.35 in Grounding DINO's own examples.
    text_threshold : float
        A label counts where its word pieces' mean score is more; 0.25 in Grounding DINO's own examples.
    """

    detector: str
    segmenter: str
    labels: tuple[DetectionLabel, ...]
    box_threshold: float = 0.35
    text_threshold: float = 0.25


GARMENT_MASK = "garment"
"""Name of the mask of the flatlay's garment; other masks have the names of the registry's mask types."""


@dataclass(frozen=True, slots=True)
class MaskRequest:
    """Make one mask of the on-model photograph.

    Attributes
    ----------
    engine : EngineName
        Never ``AUTO``.
    name : str
        ``garment``, or a mask type of the registry such as ``socks``; becomes the alpha channel's name.
    garment : str
        Garment label; empty means: find out from the flatlay.
    diffusion : DiffusionSettings or None
        Required by the Kontext engine, None on the others.
    detection : DetectionSettings or None
        Required by the grounded engine, None on the others.
    corrected : ArtifactRef or None
        The mask as a person corrected it, a grey PNG of the photograph's size, which is taken as it is. The other
        fields then say how the article's other views are masked. None makes a mask.
    found : str
        Of a corrected mask what was found on the pictures when it was made: a label, or a body zone.
    """

    engine: EngineName
    name: str = GARMENT_MASK
    garment: str = ""
    diffusion: DiffusionSettings | None = None
    detection: DetectionSettings | None = None
    corrected: ArtifactRef | None = None
    found: str = ""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """CIEDE2000 limits and weights of a quality verdict (CIE 142-2001).

    Attributes
    ----------
    passes : float
        Up to this ΔE00 the verdict is pass.
    warns : float
        Up to this ΔE00 the verdict is warn, above it fail.
    k_L, k_C, k_H : float
        Parametric factors of CIEDE2000.
    """

    passes: float = 3.0
    warns: float = 5.0
    k_L: float = 1.0
    k_C: float = 1.0
    k_H: float = 1.0


@dataclass(frozen=True, slots=True)
class View:
    """A view of an article: a photograph on the model, and the flatlay that belongs to it.

    Attributes
    ----------
    corrected : ArtifactRef or None
        The view's garment mask where a person has corrected it; None makes one.
    """

    on_model: Path
    on_model_sha256: str
    flatlay: Path
    flatlay_sha256: str
    corrected: ArtifactRef | None = None


class LightnessRule(StrEnum):
    """Whose lightness a colour match gives the garment; hue and chroma are always the flatlay's."""

    MEASURED = "measured"
    """The photograph's as far as the two pictures make it credible, the flatlay's for the rest."""
    FLATLAY = "flatlay"
    PHOTOGRAPH = "photograph"


@dataclass(frozen=True, slots=True)
class ColorMatchRequest:
    """Give the on-model garment the flatlay's colour inside its mask.

    Attributes
    ----------
    engine : EngineName
        Never ``AUTO``. On the Kontext engine the model's picture is the guide; its pixels never reach the result.
    mask : MaskRequest
        How the garment mask is made.
    tolerance : Tolerance
        For the verdict in the ΔE report.
    tolerance_by_garment : tuple of (str, Tolerance)
        What takes its place for a garment that is only found out while the job runs: by label or body zone, those that
        differ from ``tolerance``. Empty where the garment was known beforehand.
    diffusion : DiffusionSettings or None
        The colour LoRA's settings; None on the classical engine.
    views : tuple of View
        The article's other views, with which this one shall agree; in the order of their hashes.
    lightness : LightnessRule
        Whose lightness the garment gets.
    retouch : ArtifactRef or None
        What a retoucher painted over the result, an RGBA PNG of the photograph's size and depth in its colour space.
        It is laid over what the match gives, and has no say in it.
    """

    engine: EngineName
    mask: MaskRequest
    tolerance: Tolerance = Tolerance()
    diffusion: DiffusionSettings | None = None
    views: tuple[View, ...] = ()
    tolerance_by_garment: tuple[tuple[str, Tolerance], ...] = ()
    lightness: LightnessRule = LightnessRule.MEASURED
    retouch: ArtifactRef | None = None

    def tolerance_for(self, found: str) -> Tolerance:
        """The tolerance of the garment that was found on the pictures.

        Parameters
        ----------
        found : str
            A label of ``garments.toml``, or a body zone where no label was found; empty: nothing was found out.
        """
        return dict(self.tolerance_by_garment).get(found, self.tolerance)


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that a request reads beside its photographs, as it was when the request was made."""

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class EditTurn:
    """One thing an operator asked for: what to paint, and where.

    Attributes
    ----------
    mask : InputFile
        White on black at the photograph's size; nothing is changed where it is black.
    reference : InputFile or None
        A picture of what shall be painted, such as a garment or a banner. None lets the model go by the photograph.
    diffusion : DiffusionSettings
        Model, prompt, LoRA and sampling; its ``seeds`` and ``draft`` do not apply, an edit is painted once and in full.
    strength : float
        Above 0, to 1: how much of what lies under the mask is given up before it is painted; 1 starts from noise.
    """

    mask: InputFile
    reference: InputFile | None
    diffusion: DiffusionSettings
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class EditRequest:
    """Change the on-model photograph inside masks, and nothing else.

    The request is the whole history, and every turn of it is painted on the ORIGINAL photograph: no turn ever sees
    what another one painted. A picture that goes through the model's VAE once for each turn loses detail and shifts
    its colours each time; here no pixel has gone through it more than once, however long the history. The paintings
    are laid over the photograph in the order of the turns, each inside its own mask. Where masks overlap, the later
    turn lies on top; a turn whose mask a later one covers entirely is not painted at all, so that trying another
    prompt in the same mask takes the former one's place. What a turn shall add to must therefore be in its own prompt
    ("a blue shirt with SALE on its chest"). In return a turn looks the same whatever comes before or after it.

    Attributes
    ----------
    engine : EngineName
        Never ``AUTO``.
    turns : tuple of EditTurn
        In the order in which they were asked for; at least one.
    retouch : ArtifactRef or None
        As `ColorMatchRequest.retouch`.
    """

    engine: EngineName
    turns: tuple[EditTurn, ...]
    retouch: ArtifactRef | None = None


Request = MaskRequest | ColorMatchRequest | EditRequest


NETWORK_ENGINES = frozenset({EngineName.KONTEXT, EngineName.GROUNDED})
"""The engines that load model weights. A graphics card holds them once, so one process at a time runs them."""


def given_files(request: Request) -> frozenset[str]:
    """Hashes of the files that a request takes as they are: those among them that lie in the artifact store stay."""
    match request:
        case EditRequest():
            files = (request.retouch, *(turn.mask for turn in request.turns), *(t.reference for t in request.turns))
        case ColorMatchRequest():
            files = (request.mask.corrected, *(view.corrected for view in request.views), request.retouch)
        case MaskRequest():
            files = (request.corrected,)
    return frozenset(file.sha256 for file in files if file is not None)


def uses_networks(request: Request) -> bool:
    """Whether a request needs model weights in its worker process."""
    engines = {request.engine, request.mask.engine} if isinstance(request, ColorMatchRequest) else {request.engine}
    return not engines.isdisjoint(NETWORK_ENGINES)
