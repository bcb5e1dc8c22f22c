"""A code of 8 × 8 pixel blocks in 16 numbers, and an AutoencoderKL encoder that computes exactly that.

The code is a principal component analysis of the blocks in colours that are weighted towards green, since green is what
a dreamed mask is read from. The encoder needs no training: its convolutions sort pixels into channels and multiply them
with the components.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.training.nano.parts import BLOCK, LATENTS

_COLORS = np.diag([1.0, 0.35, 0.2]) @ np.array([[-0.5, 1.0, -0.5], [1 / 3, 1 / 3, 1 / 3], [1.0, 0.0, -1.0]])
# Rows: greenness, lightness, red against blue, by what an error in them costs.

_WHITENING = 0.5
# Exponent: 0 keeps the components' own spread, 1 makes all alike. Between them the noise drowns neither the strong nor
# the weak ones.

_GROUPS = 4
_CONSTANT = 60.0
# Added to every group of the last normalisation with either sign: beside it the group's own spread hardly counts, so
# that dividing by it is as good as dividing by a constant.

_ABSENT_NOISE = -20.0
# The encoder's log variance: none.


@dataclass(frozen=True, slots=True, eq=False)
class BlockCode:
    """Weight ``(16, 3, 8, 8)`` and bias ``(16,)`` of a convolution from pixels, -1 to 1, to latents of variance 1."""

    weight: Tensor
    bias: Tensor

    def encode(self, pixels: Tensor) -> Tensor:
        """Latents ``(B, 16, H / 8, W / 8)`` of ``(B, 3, H, W)``, -1 to 1."""
        return F.conv2d(pixels, self.weight, self.bias, stride=BLOCK)

    def latents(self, pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Latents of ``(H, W, 3)`` sRGB pictures of one size."""
        return self.encode(as_pixels(pictures))


def as_pixels(pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
    """``(H, W, 3)`` uint8 pictures of one size as ``(B, 3, H, W)`` float32, -1 to 1."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def fit(pictures: NDArray[np.uint8]) -> BlockCode:
    """Fit the code to ``(N, H, W, 3)`` sRGB pictures, sides multiples of 8."""
    count, height, width, _ = pictures.shape
    values = pictures.astype(np.float32) / 127.5 - 1
    colors = values @ _COLORS.T.astype(np.float32)
    blocks = colors.reshape(count, height // BLOCK, BLOCK, width // BLOCK, BLOCK, 3).transpose(0, 1, 3, 2, 4, 5)
    blocks = blocks.reshape(-1, BLOCK * BLOCK * 3)
    mean = blocks.mean(0)
    variances, components = np.linalg.eigh(np.cov((blocks - mean).T))
    variances, components = variances[::-1][:LATENTS], components[:, ::-1][:, :LATENTS]
    scale = np.sqrt(variances) ** _WHITENING
    scale *= np.sqrt(np.mean(variances / scale**2))
    rows = (components / scale).T
    weight = (rows @ np.kron(np.eye(BLOCK * BLOCK), _COLORS)).reshape(LATENTS, BLOCK, BLOCK, 3).transpose(0, 3, 1, 2)
    return BlockCode(
        torch.tensor(np.ascontiguousarray(weight), dtype=torch.float32),
        torch.tensor(-rows @ mean, dtype=torch.float32),
    )


def write_encoder(vae: AutoencoderKL, code: BlockCode) -> None:
    """Give the encoder the code's weights; what it computes differs from the code by rounding only.

    Each stage but the last moves pixels into channels (2 × 2 at a time); the last stage's convolution multiplies the
    192 values of a block with the components. A normalisation and a SiLU stand behind it: each latent goes through them
    with either sign, because silu(x) - silu(-x) = x.
    """
    encoder: Any = vae.encoder
    with torch.no_grad():
        for resnet in (*(r for block in encoder.down_blocks for r in block.resnets), *encoder.mid_block.resnets):
            _pass_on(resnet)
        encoder.conv_in.weight.zero_()
        encoder.conv_in.bias.zero_()
        for channel in range(3):
            encoder.conv_in.weight[channel, channel, 1, 1] = 1
        for stage, channels in ((0, 3), (1, 12)):
            _pixels_to_channels(encoder.down_blocks[stage].downsamplers[0].conv, channels)
        _multiply(encoder.down_blocks[2].downsamplers[0].conv, code)
        _read_out(encoder.conv_norm_out, encoder.conv_out)


def _pass_on(resnet: Any) -> None:
    """Make a residual block return what it is given."""
    resnet.conv2.weight.zero_()
    resnet.conv2.bias.zero_()
    if resnet.conv_shortcut is not None:
        resnet.conv_shortcut.weight.zero_()
        resnet.conv_shortcut.bias.zero_()
        for channel in range(min(resnet.in_channels, resnet.out_channels)):
            resnet.conv_shortcut.weight[channel, channel, 0, 0] = 1


def _pixels_to_channels(conv: nn.Conv2d, channels: int) -> None:
    conv.weight.zero_()
    assert conv.bias is not None
    conv.bias.zero_()
    for y in range(2):
        for x in range(2):
            for channel in range(channels):
                conv.weight[(y * 2 + x) * channels + channel, channel, y, x] = 1


def _place(latent: int, conv_channels: int) -> int:
    """The channel of a latent in front of the normalisation; its negative lies `LATENTS` / `_GROUPS` further on."""
    per_group = LATENTS // _GROUPS
    return latent // per_group * (conv_channels // _GROUPS) + latent % per_group


def _multiply(conv: nn.Conv2d, code: BlockCode) -> None:
    channels, per_group = conv.out_channels, LATENTS // _GROUPS
    conv.weight.zero_()
    assert conv.bias is not None
    conv.bias.zero_()
    for latent in range(LATENTS):
        at = _place(latent, channels)
        for y in range(BLOCK):
            for x in range(BLOCK):
                # Where the two stages before have put this pixel: first by its parity, then by that of its pair.
                first = ((y // 2 % 2) * 2 + x // 2 % 2) * 12 + ((y % 2) * 2 + x % 2) * 3
                for color in range(3):
                    value = code.weight[latent, color, y, x]
                    conv.weight[at, first + color, y // 4, x // 4] = value
                    conv.weight[at + per_group, first + color, y // 4, x // 4] = -value
        conv.bias[at], conv.bias[at + per_group] = code.bias[latent], -code.bias[latent]
    for group in range(_GROUPS):
        start = group * (channels // _GROUPS) + 2 * per_group
        conv.bias[start], conv.bias[start + 1] = _CONSTANT, -_CONSTANT


def _read_out(norm: nn.GroupNorm, conv: nn.Conv2d) -> None:
    per_group, size = LATENTS // _GROUPS, norm.num_channels // _GROUPS
    norm.weight.fill_(1)
    norm.bias.zero_()
    conv.weight.zero_()
    assert conv.bias is not None
    conv.bias.zero_()
    spread = float(np.sqrt((2 * _CONSTANT**2 + 2 * per_group) / size))  # latents have variance 1
    for latent in range(LATENTS):
        at = _place(latent, norm.num_channels)
        conv.weight[latent, at, 1, 1], conv.weight[latent, at + per_group, 1, 1] = spread, -spread
    conv.bias[LATENTS:] = _ABSENT_NOISE
