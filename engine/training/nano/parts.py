"""The parts of the small model: real classes of transformers and diffusers, small configurations, seeded weights."""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from diffusers.pipelines.flux.pipeline_flux_kontext import FluxKontextPipeline
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer, T5Config, T5EncoderModel
from transformers import T5TokenizerFast as T5Tokenizer  # pyright: ignore[reportAttributeAccessIssue] - a name made at run time

PROMPT_TOKENS = 32
"""Length of both tokenizers."""

LATENTS = 16
BLOCK = 8
"""Pixels on a side of one latent pixel, as in FLUX.1's VAE; a token is two of them."""

HEADS, HEAD_DIM = 6, 32
ROTARY_AXES = (4, 14, 14)
DOUBLE_BLOCKS, SINGLE_BLOCKS = 2, 4
_JOINT = 96
_POOLED = 96
_VOCABULARY = 1200


def clip_tokenizer(captions: Sequence[str]) -> CLIPTokenizer:
    """Byte-level BPE whose merges come from the captions.

    Its merges may differ from one process to the next, so that it is made once, saved with the model, and loaded.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    end = "</w>"
    tokenizer = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix=end, continuing_subword_prefix=""))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY, initial_alphabet=alphabet, end_of_word_suffix=end, show_progress=False
    )
    tokenizer.train_from_iterator(sorted(set(captions)), trainer)
    vocabulary = tokenizer.get_vocab(with_added_tokens=False)
    merges: Any = _merges(tokenizer)
    for piece in (*(letter + end for letter in alphabet), "<|startoftext|>", "<|endoftext|>"):
        vocabulary.setdefault(piece, len(vocabulary))
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=PROMPT_TOKENS)


def _merges(tokenizer: Tokenizer) -> list[tuple[str, str]]:
    merges: list[str | list[str]] = json.loads(tokenizer.to_str())["model"]["merges"]
    return [tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in merges]  # pyright: ignore[reportReturnType]


def t5_tokenizer(captions: Sequence[str]) -> T5Tokenizer:
    """Unigram pieces: every word of the captions is one, and single characters spell what is not among them."""
    words = sorted({word for caption in captions for word in caption.lower().split()})
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces = [("▁", -6.0), *(("▁" + word, -2.0) for word in words)]
    letters = [(letter, -9.0) for letter in string.ascii_letters + string.digits + string.punctuation]
    return T5Tokenizer(vocab=[*special, *pieces, *letters], extra_ids=0, model_max_length=PROMPT_TOKENS)


def clip_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """One layer whose pooled output is a clear sum of the words: even attention, strong words, silent places and end.

    It is not trained. All it must do is give each caption a vector of its own, near that of a caption of nearly the
    same words.
    """
    end: Any = tokenizer.eos_token_id
    begin: Any = tokenizer.bos_token_id
    pad: Any = tokenizer.pad_token_id
    config = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=_POOLED, intermediate_size=2 * _POOLED, num_hidden_layers=1,
        num_attention_heads=4, max_position_embeddings=PROMPT_TOKENS, projection_dim=_POOLED,
        bos_token_id=begin, eos_token_id=end, pad_token_id=pad, initializer_factor=8.0,
    )  # fmt: skip
    encoder = CLIPTextModel(config)
    inner: Any = getattr(encoder, "text_model", encoder)
    with torch.no_grad():
        inner.embeddings.position_embedding.weight.mul_(0.02)
        inner.embeddings.token_embedding.weight[end] = 0
        for layer in inner.encoder.layers:
            layer.self_attn.q_proj.weight.zero_()
            layer.self_attn.q_proj.bias.zero_()
            layer.self_attn.out_proj.weight.mul_(6.0)
    return encoder.eval()


def t5_encoder(tokenizer: T5Tokenizer) -> T5EncoderModel:
    """One layer, not trained either: a vector for each word, a little mixed with its neighbours."""
    config: Any = T5Config(
        vocab_size=len(tokenizer), d_model=_JOINT, d_kv=24, d_ff=2 * _JOINT, num_layers=1, num_heads=4,
        feed_forward_proj="gated-gelu", pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id,
        is_encoder_decoder=False, use_cache=False,
    )  # fmt: skip
    config.tie_word_embeddings = False
    return T5EncoderModel(config).eval()


def transformer() -> FluxTransformer2DModel:
    return FluxTransformer2DModel(
        patch_size=1, in_channels=LATENTS * 4, num_layers=DOUBLE_BLOCKS, num_single_layers=SINGLE_BLOCKS,
        attention_head_dim=HEAD_DIM, num_attention_heads=HEADS, joint_attention_dim=_JOINT,
        pooled_projection_dim=_POOLED, guidance_embeds=True, axes_dims_rope=ROTARY_AXES,
    )  # fmt: skip


def autoencoder() -> AutoencoderKL:
    kind: Any = AutoencoderKL  # whose annotations know tuples of one only
    return kind(
        in_channels=3, out_channels=3, down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, block_out_channels=(16, 48, 48, 48), layers_per_block=1,
        latent_channels=LATENTS, norm_num_groups=4, sample_size=256, scaling_factor=1.0, shift_factor=0.0,
        use_quant_conv=False, use_post_quant_conv=False, mid_block_add_attention=False,
    )  # fmt: skip


def scheduler() -> FlowMatchEulerDiscreteScheduler:
    """FLUX.1's own settings."""
    return FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True, base_shift=0.5, max_shift=1.15, base_image_seq_len=256, max_image_seq_len=4096,
        shift=3.0,
    )  # fmt: skip


def assembled(captions: Sequence[str], seed: int) -> FluxKontextPipeline:
    """A whole pipeline with seeded weights.

    Parameters
    ----------
    captions : sequence of str
        Every caption it will be taught, those of its LoRAs included: their words become the tokenizers' words.
    """
    torch.manual_seed(seed)
    tokenizer, tokenizer_2 = clip_tokenizer(captions), t5_tokenizer(captions)
    return FluxKontextPipeline(
        scheduler=scheduler(), vae=autoencoder().eval(), text_encoder=clip_encoder(tokenizer), tokenizer=tokenizer,
        text_encoder_2=t5_encoder(tokenizer_2), tokenizer_2=tokenizer_2, transformer=transformer(),
    )  # fmt: skip
