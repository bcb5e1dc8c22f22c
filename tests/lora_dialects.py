"""One random LoRA for FLUX.1, written in every dialect, and what each of diffusers' layers must do with it.

The layout of the original layers (q, k and v in one, and in the single blocks the feed-forward beside them) is that of
Black Forest Labs' published code; the spellings are those of the trainers' published files.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

WIDTH = 3072
DOUBLE = {
    # original layer: (in, the diffusers layers whose outputs it joins with their widths)
    "img_attn.qkv": (WIDTH, (("attn.to_q", WIDTH), ("attn.to_k", WIDTH), ("attn.to_v", WIDTH))),
    "img_attn.proj": (WIDTH, (("attn.to_out.0", WIDTH),)),
    "txt_attn.qkv": (WIDTH, (("attn.add_q_proj", WIDTH), ("attn.add_k_proj", WIDTH), ("attn.add_v_proj", WIDTH))),
    "txt_attn.proj": (WIDTH, (("attn.to_add_out", WIDTH),)),
    "img_mlp.0": (WIDTH, (("ff.net.0.proj", 4 * WIDTH),)),
    "img_mlp.2": (4 * WIDTH, (("ff.net.2", WIDTH),)),
    "txt_mlp.0": (WIDTH, (("ff_context.net.0.proj", 4 * WIDTH),)),
    "txt_mlp.2": (4 * WIDTH, (("ff_context.net.2", WIDTH),)),
    "img_mod.lin": (WIDTH, (("norm1.linear", 6 * WIDTH),)),
    "txt_mod.lin": (WIDTH, (("norm1_context.linear", 6 * WIDTH),)),
}
SINGLE = {
    "linear1": (WIDTH, (("attn.to_q", WIDTH), ("attn.to_k", WIDTH), ("attn.to_v", WIDTH), ("proj_mlp", 4 * WIDTH))),
    "linear2": (5 * WIDTH, (("proj_out", WIDTH),)),
    "modulation.lin": (WIDTH, (("norm.linear", 3 * WIDTH),)),
}
XLABS_DOUBLE = {
    "processor.qkv_lora1": "img_attn.qkv",
    "processor.qkv_lora2": "txt_attn.qkv",
    "processor.proj_lora1": "img_attn.proj",
    "processor.proj_lora2": "txt_attn.proj",
}
FACTORS = {"A": ("lora_A", "lora_B"), "down": ("lora_down", "lora_up"), "old": ("lora.down", "lora.up")}

Factors = dict[str, tuple[torch.Tensor, torch.Tensor]]


class PublishedLora:
    """Random factors for every layer of ``double`` + ``single`` blocks, by their original names."""

    def __init__(self, double: int, single: int, rank: int = 1) -> None:
        random = torch.Generator().manual_seed(5)
        self.original: Factors = {}
        self.layers: Factors = {}
        for blocks, count, theirs, layout in (
            ("double_blocks", double, "transformer_blocks", DOUBLE),
            ("single_blocks", single, "single_transformer_blocks", SINGLE),
        ):
            for number in range(count):
                for layer, (inputs, parts) in layout.items():
                    down = torch.randn(rank, inputs, generator=random).half()
                    up = torch.randn(sum(width for _, width in parts), rank, generator=random).half()
                    self.original[f"{blocks}.{number}.{layer}"] = down, up
                    for (name, _), rows in zip(parts, up.split([width for _, width in parts]), strict=True):
                        self.layers[f"{theirs}.{number}.{name}"] = down, rows.contiguous()

    def attention_only(self) -> Factors:
        """What an XLabs file holds: its single blocks' q, k and v without the feed-forward."""
        kept = {name: pair for name, pair in self.layers.items() if ".attn." in name}
        return kept | {name: pair for name, pair in self.layers.items() if name.endswith("proj_out")}

    def xlabs(self) -> dict[str, torch.Tensor]:
        tensors: dict[str, torch.Tensor] = {}
        for name, (down, up) in self.original.items():
            blocks, number, layer = name.split(".", 2)
            theirs = {ours: theirs for theirs, ours in XLABS_DOUBLE.items()}
            theirs |= {"linear1": "processor.qkv_lora", "linear2": "processor.proj_lora"}
            if layer in theirs:
                prefix = f"{blocks}.{number}.{theirs[layer]}"
                tensors[f"{prefix}.down.weight"] = down
                tensors[f"{prefix}.up.weight"] = (up[: 3 * WIDTH] if layer == "linear1" else up).contiguous()
        return tensors


def spelled(
    factors: Factors, prefix: str, kind: str = "A", separator: str = ".", alpha: float | None = None
) -> dict[str, torch.Tensor]:
    """The tensors of a file that names its layers with a prefix, dots or underscores, and one kind of factors."""
    tensors: dict[str, torch.Tensor] = {}
    for name, (down, up) in factors.items():
        layer = prefix + name.replace(".", separator)
        tensors[f"{layer}.{FACTORS[kind][0]}.weight"] = down.clone()
        tensors[f"{layer}.{FACTORS[kind][1]}.weight"] = up.clone()
        if alpha is not None:
            tensors[f"{layer}.alpha"] = torch.tensor(alpha)
    return tensors


def saved(tensors: dict[str, torch.Tensor], path: Path, header: dict[str, str] | None = None) -> Path:
    save_file(tensors, path, metadata=header)
    return path
