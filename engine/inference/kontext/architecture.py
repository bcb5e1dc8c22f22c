"""FLUX.1 Kontext in figures: its parts' configurations and how many weights follow from them. No torch in here.

The counts are exact (a test compares each with the real class built without data); what a run needs on top of the
weights is estimated from the sizes of the largest tensors that are alive together.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

BYTES_BF16 = 2


@dataclass(frozen=True, slots=True)
class Transformer:
    """What determines the size of a FLUX.1 transformer; names as in its ``config.json``."""

    in_channels: int = 64
    num_layers: int = 19
    num_single_layers: int = 38
    attention_head_dim: int = 128
    num_attention_heads: int = 24
    joint_attention_dim: int = 4096
    pooled_projection_dim: int = 768
    guidance_embeds: bool = True

    def config(self) -> dict[str, Any]:
        """Arguments of ``FluxTransformer2DModel``."""
        return asdict(self)

    @property
    def width(self) -> int:
        return self.attention_head_dim * self.num_attention_heads

    def block_layers(self) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
        """``(in, out)`` of each linear layer of one double and one single block."""
        d = self.width
        # Image and text stream alike: q, k, v, out; the feed-forward's two; the modulation's six vectors.
        stream = ((d, d),) * 4 + ((d, 4 * d), (4 * d, d)) + ((d, 6 * d),)
        single = ((d, d),) * 3 + ((d, 4 * d), (5 * d, d)) + ((d, 3 * d),)
        return stream * 2, single

    def double_block(self) -> int:
        """Weights of one double block; each stream normalises its queries and keys."""
        return _linear(*self.block_layers()[0]) + 4 * self.attention_head_dim

    def single_block(self) -> int:
        """Weights of one single block."""
        return _linear(*self.block_layers()[1]) + 2 * self.attention_head_dim

    def weights(self) -> int:
        """Weights of the whole transformer."""
        d = self.width
        embedders = 2 + self.guidance_embeds  # timestep, pooled text, guidance; each of two layers
        outside = _linear((self.in_channels, d), (self.joint_attention_dim, d), (d, 2 * d), (d, self.in_channels))
        outside += _linear((256, d), (d, d)) * (embedders - 1) + _linear((self.pooled_projection_dim, d), (d, d))
        return outside + self.num_layers * self.double_block() + self.num_single_layers * self.single_block()

    def block_matrices(self) -> int:
        """Weights in the matrices of the blocks' linear layers: what lower precision applies to."""
        double, single = self.block_layers()
        return self.num_layers * sum(i * o for i, o in double) + self.num_single_layers * sum(i * o for i, o in single)

    def lora(self, rank: int) -> int:
        """Weights of a LoRA of that rank on every linear layer of every block."""
        double, single = self.block_layers()
        per_rank = self.num_layers * sum(i + o for i, o in double) + self.num_single_layers * sum(
            i + o for i, o in single
        )
        return rank * per_rank

    def tokens(self, pixels: int, text_tokens: int = 512) -> int:
        """Length of the sequence: text, picture and conditioning picture of the same size, 16 × 16 pixels a token."""
        return text_tokens + 2 * (pixels // 256)

    def activation_bytes(self, pixels: int) -> int:
        """What one step holds beside the weights, in bytes of bfloat16 (an estimate).

        The widest moment is a single block's: the residual and the normalised input (1 + 1 widths), q, k, v and their
        rotated copies (3 + 2), the attention's output (1), the feed-forward before and after its activation (4 + 4)
        and both joined (5).
        """
        return self.tokens(pixels) * self.width * 21 * BYTES_BF16


KONTEXT = Transformer()
"""FLUX.1 Kontext [dev]: 11.9 billion weights."""

T5_XXL_WEIGHTS = 4_762_310_656
"""The T5 v1.1 XXL encoder: 24 layers of width 4,096."""

CLIP_L_WEIGHTS = 123_060_480
"""CLIP ViT-L/14's text model: 12 layers of width 768."""

VAE_WEIGHTS = 83_819_683
"""FLUX.1's autoencoder: 16 latent channels, widths 128 to 512."""


def vae_bytes(pixels: int) -> int:
    """What decoding one picture holds, in bytes of bfloat16 (an estimate).

    The last up block works at full size: its input and output of 256 channels, and the convolution's copy of them.
    """
    return pixels * 256 * 4 * BYTES_BF16


def _linear(*layers: tuple[int, int]) -> int:
    return sum(i * o + o for i, o in layers)
