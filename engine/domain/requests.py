"""What a job is asked to do. Everything that can change a pixel is in here, so it can be hashed and run again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EngineName(StrEnum):
    """Which backend runs a job. ``AUTO`` is resolved before a job is stored and never reaches a request."""

    AUTO = "auto"
    CLASSICAL = "classical"
    KONTEXT = "kontext"


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
    """

    model: str
    prompt: str
    lora: LoraRef | None
    sampling: Sampling = Sampling()


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
        Required by the Kontext engine, None on the classical one.
    """

    engine: EngineName
    name: str = "garment"
    garment: str = ""
    diffusion: DiffusionSettings | None = None


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
    diffusion : DiffusionSettings or None
        The colour LoRA's settings; None on the classical engine.
    """

    engine: EngineName
    mask: MaskRequest
    tolerance: Tolerance = Tolerance()
    diffusion: DiffusionSettings | None = None


Request = MaskRequest | ColorMatchRequest
