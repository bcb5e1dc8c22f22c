"""Linear layers whose weights are stored in four bits (Dettmers et al. 2023, "QLoRA"). Needs bitsandbytes."""

from __future__ import annotations

import bitsandbytes as bnb  # pyright: ignore[reportMissingImports] - optional
import torch
from torch import Tensor, nn


class _FourBitLinear(bnb.nn.Linear4bit):
    """As bitsandbytes' own, but under autocast its result has autocast's precision, as that of every linear layer.

    Its own keeps its input's, which autocast makes float32 in each layer norm, and with it all that a block computes.
    """

    def forward(self, x: Tensor) -> Tensor:
        kind = x.device.type
        return super().forward(x.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else x)


def store_in_four_bits(model: nn.Module, within: tuple[str, ...], device: str, dtype: torch.dtype) -> None:
    """Replace the linear layers below some submodules by ones of normal-float four, one by one, on a device.

    Not diffusers' own quantisation, which leaves layers out by the last part of their name alone (``proj_out`` is both
    the model's last layer, which is to stay exact, and one of each single block), and leaves a single file's layers in
    main memory.

    Parameters
    ----------
    model : nn.Module
        Without LoRA layers.
    within : tuple of str
        Names of direct children, such as the blocks.
    dtype : torch.dtype
        What is computed in.
    """
    for child in within:
        block = model.get_submodule(child)
        for name, layer in list(block.named_modules()):
            if type(layer) is nn.Linear:
                parent, _, last = name.rpartition(".")
                setattr(block.get_submodule(parent), last, _stored(layer, device, dtype))
    # By it PEFT knows that it has to look for such layers.
    model.is_loaded_in_4bit = True  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType]


def _stored(layer: nn.Linear, device: str, dtype: torch.dtype) -> nn.Module:
    with torch.device("meta"):  # its constructor would make a weight in full precision first
        stored = _FourBitLinear(
            layer.in_features, layer.out_features, layer.bias is not None, compute_dtype=dtype, quant_type="nf4"
        )
    # Its scales are stored in eight bits too (`compress_statistics`, double quantisation).
    weight = bnb.nn.Params4bit(
        layer.weight.data, requires_grad=False, compress_statistics=True, quant_type="nf4", module=stored
    )
    stored.weight = weight.to(device)
    stored.bias = layer.bias
    return stored
