"""Linear layers whose weights are stored in eight bits: half of bfloat16's memory.

Each row of a weight matrix is divided by its own scale and stored as ``float8_e4m3fn`` (Micikevicius et al., "FP8
Formats for Deep Learning", arXiv:2209.05433: 4 bits of exponent, 3 of mantissa, largest value 448). With the row's
largest value at the top of the range, the mantissa's three bits bound the error of every normal value by 1/16 of it.

Casting without scales, as diffusers' layerwise casting does, loses the small values of a row, and takes LoRAs only
before it, never after; here a LoRA's layers are put around the layer as around any other.
"""

from __future__ import annotations

import torch
from torch import nn

_LARGEST = torch.finfo(torch.float8_e4m3fn).max


class Float8Linear(nn.Linear):
    """A linear layer that stores its weight in eight bits and computes in its input's precision.

    Parameters
    ----------
    layer : nn.Linear
        Whose weight and bias are taken over; the bias keeps its precision.
    """

    def __init__(self, layer: nn.Linear) -> None:
        nn.Module.__init__(self)  # nn.Linear's own would make a weight in full precision first
        self.in_features, self.out_features = layer.in_features, layer.out_features
        weight = layer.weight.detach().float()
        scale = weight.abs().amax(dim=1, keepdim=True) / _LARGEST
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        self.weight = nn.Parameter((weight / scale).to(torch.float8_e4m3fn), requires_grad=False)
        self.scale: torch.Tensor
        self.register_buffer("scale", scale)
        self.bias = layer.bias

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if torch.is_autocast_enabled(input.device.type):  # in its precision, as every linear layer's then is
            input = input.to(torch.get_autocast_dtype(input.device.type))
        # The scale in the output, not in the weight: one multiplication for each result instead of for each weight.
        output = nn.functional.linear(input, self.weight.to(input.dtype)) * self.scale.flatten().to(input.dtype)
        return output if self.bias is None else output + self.bias


def store_in_float8(model: nn.Module, within: tuple[str, ...]) -> int:
    """Replace the linear layers below some submodules, one by one; the bytes that were saved.

    Parameters
    ----------
    model : nn.Module
        Without LoRA layers.
    within : tuple of str
        Names of direct children, such as the blocks; the layers outside them are few and the most sensitive.
    """
    saved = 0
    for child in within:
        block = model.get_submodule(child)
        for name, layer in list(block.named_modules()):
            if type(layer) is nn.Linear:
                parent, _, last = name.rpartition(".")
                replaced = Float8Linear(layer)
                saved += layer.weight.numel() * (layer.weight.element_size() - 1) - replaced.scale.numel() * 4
                setattr(block.get_submodule(parent), last, replaced)
    return saved
