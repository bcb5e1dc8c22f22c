"""What a model of Kontext's classes says of itself where it is not FLUX.1 Kontext. No torch in here.

FLUX.1 Kontext's folder has no such file: its canvases, prompt length and defaults are the program's own.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import cast

from engine.domain.errors import KnownError
from engine.domain.files import known_os_error
from engine.domain.geometry import Extent
from engine.domain.requests import Draft, Sampling

DESCRIPTION = "chromask.toml"
"""Name of the file in the model's folder."""

_MULTIPLE = 16  # of pixels: the VAE reduces eight times and the transformer packs 2 × 2 latents
_PRECISIONS = ("", "float32", "bfloat16")
_LONGEST_PROMPT = 512


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """The canvases and defaults of a model.

    Attributes
    ----------
    name : str
        What its LoRAs call their base model.
    canvases : tuple of Extent
        Sizes of its pictures, in model pixels.
    side_by_side : tuple of Extent
        Sizes whose halves hold flatlay and on-model photograph; empty: as ``canvases``.
    prompt_tokens : int
        T5 tokens of a prompt.
    steps : int
        Denoising steps by default, and the most that it is asked for.
    guidance_scale : float
        Used where no other than FLUX.1 Kontext's own is asked for.
    precision : str
        With which it computes on a graphics card, ``float32`` or ``bfloat16``, whatever its files hold; empty:
        ``bfloat16``, as FLUX.1. A CPU always computes in ``float32``.
    paints_in_place : bool
        It leaves everything where it was shown it, so that its pictures are not registered to the photograph.
    drawn_only : bool
        It knows figures that Chromask draws, and no photographs.
    """

    name: str
    canvases: tuple[Extent, ...]
    side_by_side: tuple[Extent, ...] = ()
    prompt_tokens: int = _LONGEST_PROMPT
    steps: int = Sampling().num_inference_steps
    guidance_scale: float = Sampling().guidance_scale
    precision: str = ""
    paints_in_place: bool = False
    drawn_only: bool = False

    @property
    def guide_canvases(self) -> tuple[Extent, ...]:
        """Canvases for flatlay and on-model photograph side by side."""
        return self.side_by_side or self.canvases

    @property
    def warning(self) -> str:
        """What an operator must know before a photograph is given to it; empty where there is nothing to warn of."""
        if not self.drawn_only:
            return ""
        return (
            f"{self.name} knows only figures that Chromask draws: what it paints on a photograph means nothing. "
            "Photographs need FLUX.1 Kontext."
        )

    def sampling(self, asked: Sampling) -> Sampling:
        """What was asked for, with no more steps than the model has use for and with its own guidance by default."""
        is_default = asked.guidance_scale == Sampling().guidance_scale
        return replace(
            asked,
            num_inference_steps=min(asked.num_inference_steps, self.steps),
            guidance_scale=self.guidance_scale if is_default else asked.guidance_scale,
        )

    def draft(self, asked: Draft | None) -> Draft | None:
        """None where no canvas is larger than a draft's: it would save nothing."""
        if asked is None or all(canvas.pixels <= asked.side**2 for canvas in self.canvases):
            return None
        return asked


def read_description(folder: Path) -> ModelDescription | None:
    """What a model folder says of itself, or None where it has no such file.

    Raises
    ------
    KnownError
        The file cannot be read, or one of its values is not what it must be; names file and key.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        return None
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise known_os_error(error, path) from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise KnownError(f"this is no valid TOML file ({error})", remedy="Copy the model again.", path=path) from error
    known = {field.name for field in fields(ModelDescription)}
    try:
        for key in content.keys() - known:
            raise ValueError(f"the key '{key}' is unknown; known are {', '.join(sorted(known))}")
        values = {key: _value(key, value) for key, value in content.items()}
        for key in ("name", "canvases"):
            if not values.get(key):
                raise ValueError(f"'{key}' is missing")
    except ValueError as error:
        raise KnownError(f"the model's description is wrong: {error}", remedy="Correct it.", path=path) from error
    return ModelDescription(**values)  # pyright: ignore[reportArgumentType] - each was checked by its key


def _value(key: str, value: object) -> object:
    """A value of the file as the description holds it.

    Raises
    ------
    ValueError
        It is none; says what it must be.
    """
    match key, value:
        case (("canvases" | "side_by_side"), list()):
            return tuple(_extent(key, size) for size in cast("list[object]", value))
        case "name", str() if value.strip():
            return value
        case "precision", str() if value in _PRECISIONS:
            return value
        case (("drawn_only" | "paints_in_place"), bool()):
            return value
        case (("prompt_tokens" | "steps" | "guidance_scale"), bool()):
            pass
        case "prompt_tokens", int() if 1 <= value <= _LONGEST_PROMPT:
            return value
        case "steps", int() if value >= 1:
            return value
        case "guidance_scale", int() | float() if value >= 0:
            return float(value)
        case _:
            pass
    raise ValueError(f"'{key}' is {value!r}")


def _extent(key: str, size: object) -> Extent:
    match size:
        case [int(width), int(height)] if width > 0 and height > 0 and width % _MULTIPLE == height % _MULTIPLE == 0:
            return Extent(width, height)
        case _:
            raise ValueError(f"'{key}' holds {size!r}; give [width, height] in multiples of {_MULTIPLE}")
