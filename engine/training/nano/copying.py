"""First weights with which the transformer returns its control picture, so that training begins with what an edit
leaves alone and not with noise.

Two attention heads of the first block look from every token at the token of the control picture at the same place, by
their rotary positions alone, and carry its latents into channels of their own; the last layer reads off
``xt - control``, the velocity towards the control picture at t = 1. Everything else begins small.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

from engine.training.nano.parts import HEAD_DIM, HEADS, LATENTS, ROTARY_AXES

_TOKEN = 4 * LATENTS
_WIDTH = HEADS * HEAD_DIM
_CONSTANT = 2.5
# In the last 32 channels with alternating signs: beside it a token's own spread counts little in the layer norms, which
# therefore pass latents on almost unscaled.

_SHARPNESS = 2.0
# Of the queries and keys that find the place: their share of the attention against that of everything else.


def begin_as_copy(transformer: FluxTransformer2DModel) -> None:
    """Overwrite the weights of a fresh transformer of `engine.training.nano.parts`."""
    model: Any = transformer
    doubles = list(model.transformer_blocks)
    blocks = [*doubles, *model.single_transformer_blocks]
    with torch.no_grad():
        for index, block in enumerate(blocks):
            _look_by_position(block.attn, copies=index == 0)
            _open_gates(block, is_double=block in doubles)
        for block in blocks:
            for out in _outputs(block, is_double=block in doubles):
                out.weight.mul_(0.15)
                if out.bias is not None:
                    out.bias.zero_()
        _carry_latents(blocks[0].attn, blocks, doubles)
        _embed(model)
        _read_out(model)


def _phase_pair(at: int, energy: float, phase: float, query: torch.Tensor, key: torch.Tensor) -> None:
    """One rotary pair whose product is greatest where the rotation between query and key equals ``phase``."""
    size = math.sqrt(energy * HEAD_DIM)
    query[at], query[at + 1] = size * math.cos(phase), size * math.sin(phase)
    key[at] = size


def _bias(index_energy: float, fine: float, coarse: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Query and key that agree on the same row and column, and on the control picture where ``index_energy`` is set.

    Of each axis the two fastest rotations are used: the first tells neighbours apart, the second tells the first one's
    periods apart.
    """
    query, key = torch.zeros(HEAD_DIM), torch.zeros(HEAD_DIM)
    # The painted picture has index 0, the control picture 1: a rotation by one radian, and a quarter turn more, since
    # an agreement within the picture itself shall count nothing.
    _phase_pair(0, index_energy, 0.5 + math.pi / 2, query, key)
    for start in (ROTARY_AXES[0], ROTARY_AXES[0] + ROTARY_AXES[1]):
        _phase_pair(start, fine, 0.0, query, key)
        _phase_pair(start + 2, coarse, 0.0, query, key)
    return query, key


def _look_by_position(attention: Any, *, copies: bool) -> None:
    used = [0, 1]
    for start in (ROTARY_AXES[0], ROTARY_AXES[0] + ROTARY_AXES[1]):
        used += range(start, start + 4)
    gains = torch.ones(HEAD_DIM)
    gains[used] = _SHARPNESS
    attention.norm_q.weight.copy_(gains)
    attention.norm_k.weight.copy_(gains)
    same_place = _bias(0.3, 0.22, 0.13)
    nearby = _bias(0.0, 0.1, 0.4)
    for head, (query, key) in ((0, same_place), (1, same_place if copies else nearby)):
        rows = slice(head * HEAD_DIM, (head + 1) * HEAD_DIM)
        attention.to_q.weight[rows] *= 0.1
        attention.to_k.weight[rows] *= 0.1
        attention.to_q.bias[rows], attention.to_k.bias[rows] = query, key


def _open_gates(block: Any, *, is_double: bool) -> None:
    """Let every branch through as it is, whatever time and prompt say, until training says otherwise."""
    for norm in (block.norm1, block.norm1_context) if is_double else (block.norm,):
        norm.linear.weight.zero_()
        norm.linear.bias.zero_()
        norm.linear.bias[2 * _WIDTH : 3 * _WIDTH] = 1
        if is_double:
            norm.linear.bias[5 * _WIDTH : 6 * _WIDTH] = 1


def _outputs(block: Any, *, is_double: bool) -> tuple[Any, ...]:
    if not is_double:
        return (block.proj_out,)
    return (block.attn.to_out[0], block.attn.to_add_out, block.ff.net[2], block.ff_context.net[2])


def _carry_latents(attention: Any, blocks: list[Any], doubles: list[Any]) -> None:
    """The copying heads' values are the control's 64 latents; they land in channels 64 to 127, which nobody else writes
    much into, nor into the 64 of the picture's own.
    """
    for head in (0, 1):
        rows = slice(head * HEAD_DIM, (head + 1) * HEAD_DIM)
        attention.to_v.weight[rows] = 0
        attention.to_v.bias[rows] = 0
        attention.to_out[0].weight[:, rows] = 0
        for i in range(HEAD_DIM):
            # 0.55: the layer norm's scale for latents of variance 1 beside the constant.
            attention.to_v.weight[head * HEAD_DIM + i, head * HEAD_DIM + i] = _CONSTANT * 0.55
            attention.to_out[0].weight[_TOKEN + head * HEAD_DIM + i, head * HEAD_DIM + i] = 1
    for block in blocks:
        outs = (block.attn.to_out[0], block.ff.net[2]) if block in doubles else (block.proj_out,)
        for out in outs:
            copied = out.weight[_TOKEN : 2 * _TOKEN, :_TOKEN].clone()
            out.weight[: 2 * _TOKEN] *= 0.1
            if block is blocks[0] and out is block.attn.to_out[0]:
                out.weight[_TOKEN : 2 * _TOKEN, :_TOKEN] = copied


def _embed(model: Any) -> None:
    model.x_embedder.weight[: 2 * _TOKEN] = 0
    model.x_embedder.weight[:_TOKEN] = torch.eye(_TOKEN)
    model.x_embedder.bias.zero_()
    spare = _WIDTH - 32
    model.x_embedder.bias[spare:] = torch.tensor([_CONSTANT, -_CONSTANT]).repeat(16)


def _read_out(model: Any) -> None:
    model.norm_out.linear.weight.zero_()
    model.norm_out.linear.bias.zero_()
    model.proj_out.weight.mul_(0.1)
    model.proj_out.bias.zero_()
    # The last layer norm divides by the spread of 128 latents of variance 1 and the 32 constants.
    gain = math.sqrt((32 * _CONSTANT**2 + 2 * _TOKEN) / _WIDTH)
    model.proj_out.weight[:, : 2 * _TOKEN] = 0
    model.proj_out.weight[:, :_TOKEN] = gain * torch.eye(_TOKEN)
    model.proj_out.weight[:, _TOKEN : 2 * _TOKEN] = -gain * torch.eye(_TOKEN)
