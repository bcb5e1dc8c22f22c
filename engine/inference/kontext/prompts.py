"""Prompts as the transformer reads them, kept on disk.

The prompts of the mask types are fixed, and T5 XXL takes 8.9 GiB to encode one. So a prompt is encoded once, on the
CPU, and kept as a file of four megabytes; the text encoders are loaded for that alone and are never on the graphics
card, whichever card it is and whatever was loaded before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers.pipelines.flux.pipeline_flux_kontext import FluxKontextPipeline
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from engine.domain.errors import BugError, KnownError
from engine.domain.files import complete_file
from engine.inference.kontext.progress_bars import without_progress_bars
from engine.inference.kontext.source import ModelSource, check_safetensors

_FORMAT = "1"
_SEQUENCE, _POOLED = "prompt_embeds", "pooled_prompt_embeds"


@dataclass(frozen=True, slots=True, eq=False)
class PromptEmbeddings:
    """An encoded prompt, on the CPU.

    Attributes
    ----------
    sequence : Tensor
        ``(1, tokens, joint_attention_dim)`` from T5.
    pooled : Tensor
        ``(1, pooled_projection_dim)`` from CLIP.
    """

    sequence: torch.Tensor
    pooled: torch.Tensor


class PromptCache:
    """Encoded prompts of any model, in one folder. Several processes may share it.

    Parameters
    ----------
    folder : Path
        Created when the first prompt is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.encodings = 0
        """How often the text encoders were loaded."""
        self.notice = ""
        """Why the last prompt could not be kept; empty otherwise."""

    def embeddings(self, source: ModelSource, prompt: str, dtype: torch.dtype) -> PromptEmbeddings:
        """The prompt, from disk where it was encoded before.

        Raises
        ------
        KnownError
            The text encoders do not load.
        """
        return self.embeddings_of_all(source, [prompt], dtype)[prompt]

    def embeddings_of_all(
        self, source: ModelSource, prompts: Sequence[str], dtype: torch.dtype
    ) -> dict[str, PromptEmbeddings]:
        """Several prompts by their texts; the text encoders are loaded once for those that are not on disk.

        Raises
        ------
        KnownError
            The text encoders do not load.
        """
        self.notice = ""
        known = {prompt: _read(self._path(source, prompt, dtype)) for prompt in prompts}
        found = {prompt: encoded for prompt, encoded in known.items() if encoded is not None}
        unknown = [prompt for prompt in known if prompt not in found]
        if unknown:
            self.encodings += 1
            for prompt, encoded in zip(unknown, _encode(source, unknown, dtype), strict=True):
                self._keep(self._path(source, prompt, dtype), prompt, encoded)
                found[prompt] = encoded
        return found

    def _keep(self, path: Path, prompt: str, encoded: PromptEmbeddings) -> None:
        try:
            with complete_file(path, overwrite=True) as temporary:
                save_file(
                    {_SEQUENCE: encoded.sequence, _POOLED: encoded.pooled}, temporary, metadata={"prompt": prompt}
                )
        except KnownError as error:
            self.notice = f"The encoded prompt could not be kept, so the next start encodes it again: {error}"

    def _path(self, source: ModelSource, prompt: str, dtype: torch.dtype) -> Path:
        parts = (_FORMAT, source.text_fingerprint(), str(dtype), str(source.prompt_tokens), prompt)
        return self._folder / f"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()}.safetensors"


def default_prompt_folder() -> Path:
    """``prompts`` in the user's cache folder."""
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("Chromask", appauthor=False)) / "prompts"


def _read(path: Path) -> PromptEmbeddings | None:
    """None where there is no whole file: it is made again then."""
    try:
        check_safetensors(path)
        with safe_open(path, framework="pt", device="cpu") as file:
            return PromptEmbeddings(file.get_tensor(_SEQUENCE), file.get_tensor(_POOLED))
    except (OSError, SafetensorError, KnownError):
        return None


def _encode(source: ModelSource, prompts: Sequence[str], dtype: torch.dtype) -> list[PromptEmbeddings]:
    without_progress_bars()
    try:
        encoders = FluxKontextPipeline.from_pretrained(
            source.folder, transformer=None, vae=None, dtype=dtype, local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError, LookupError, RuntimeError) as error:
        detail = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        raise KnownError(
            f"the model's text encoders could not be loaded ({detail})",
            remedy="Copy the model again; docs/models.md lists its files.",
            path=source.folder,
        ) from error
    return [_encoded(encoders, prompt, source.prompt_tokens) for prompt in prompts]


def _encoded(encoders: FluxKontextPipeline, prompt: str, tokens: int) -> PromptEmbeddings:
    with torch.inference_mode():
        sequence, pooled, _ = encoders.encode_prompt(
            prompt=prompt,
            prompt_2=None,
            device=torch.device("cpu"),
            max_sequence_length=min(tokens, encoders.tokenizer_2.model_max_length),
        )
    if sequence is None or pooled is None:
        raise BugError(f"the text encoders returned nothing for '{prompt}'")
    # Copies: tensors of inference mode cannot be used outside it.
    return PromptEmbeddings(sequence.clone().contiguous(), pooled.clone().contiguous())
