"""A complete FLUX.1 Kontext pipeline of a few thousand random weights, assembled offline, for tests.

Every class is the real one (tokenizers, text encoders, transformer, VAE, scheduler, pipeline); only the widths are
small. The VAE reduces eight times and the transformer packs 2 × 2 latents, as FLUX.1 does, so sizes obey the same
multiples of 16.
"""

from __future__ import annotations

import string
from pathlib import Path

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxKontextPipeline, FluxTransformer2DModel
from peft import LoraConfig, get_peft_model_state_dict
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer, T5Config, T5EncoderModel, T5TokenizerFast

from engine.domain.geometry import Extent
from engine.inference.kontext.description import DESCRIPTION

PROMPT_TOKENS = 32
"""Length of both tokenizers; the real ones have 77 and 512."""

CANVASES = (Extent(96, 128), Extent(128, 96))
GUIDE_CANVASES = (Extent(128, 80),)

_DESCRIPTION = f"""
canvases = {[[size.width, size.height] for size in CANVASES]}
side_by_side = {[[size.width, size.height] for size in GUIDE_CANVASES]}
prompt_tokens = {PROMPT_TOKENS}
"""


def _bytes_to_unicode() -> list[str]:
    """The 256 printable stand-ins for bytes of GPT-2's byte-level BPE, which CLIP's vocabulary is built on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    stand_ins = {byte: chr(byte) for byte in printable}
    for byte in range(256):
        if byte not in stand_ins:
            stand_ins[byte] = chr(256 + len(stand_ins) - len(printable))
    return [stand_ins[byte] for byte in range(256)]


def _clip_tokenizer() -> CLIPTokenizer:
    """Byte-level BPE without merges: each letter is a token, so nothing has to be trained."""
    letters = _bytes_to_unicode()
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={word: index for index, word in enumerate(words)}, merges=[], model_max_length=PROMPT_TOKENS
    )


def _t5_tokenizer() -> T5TokenizerFast:
    """Unigram pieces: single letters, and a word break."""
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces = [("▁", -2.0), *((letter, -5.0) for letter in string.ascii_letters + string.digits + string.punctuation)]
    return T5TokenizerFast(vocab=special + pieces, extra_ids=0, model_max_length=PROMPT_TOKENS)


def _assemble(seed: int) -> FluxKontextPipeline:
    torch.manual_seed(seed)
    tokenizer, tokenizer_2 = _clip_tokenizer(), _t5_tokenizer()
    # Without its own bos, eos and pad ids CLIP pools the wrong token, and T5 pads with one outside its vocabulary.
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=PROMPT_TOKENS,
            projection_dim=16,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    text_encoder_2 = T5EncoderModel(
        T5Config(
            vocab_size=len(tokenizer_2),
            d_model=16,
            d_kv=8,
            d_ff=32,
            num_layers=1,
            num_heads=2,
            feed_forward_proj="gated-gelu",
            pad_token_id=tokenizer_2.pad_token_id,
            eos_token_id=tokenizer_2.eos_token_id,
            is_encoder_decoder=False,
            use_cache=False,
        )
    )
    vae = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(4, 4, 8, 8),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=2,
        sample_size=128,
        scaling_factor=1.0,
        shift_factor=0.0,
        use_quant_conv=False,
        use_post_quant_conv=False,
        mid_block_add_attention=False,
    )
    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=16,
        pooled_projection_dim=16,
        guidance_embeds=True,
        axes_dims_rope=(4, 6, 6),
    )
    scheduler = FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True,
        base_shift=0.5,
        max_shift=1.15,
        base_image_seq_len=256,
        max_image_seq_len=4096,
        shift=3.0,
    )
    return FluxKontextPipeline(
        scheduler=scheduler,
        vae=vae.eval(),
        text_encoder=text_encoder.eval(),
        tokenizer=tokenizer,
        text_encoder_2=text_encoder_2.eval(),
        tokenizer_2=tokenizer_2,
        transformer=transformer.eval(),
    )


def build_tiny_kontext(folder: Path, seed: int = 0) -> Path:
    """Save the tiny pipeline to ``folder`` in diffusers' layout, with its own canvases, and return the folder."""
    _assemble(seed).save_pretrained(folder, safe_serialization=True)
    (folder / DESCRIPTION).write_text(f'name = "{folder.name}"{_DESCRIPTION}', encoding="utf-8")
    return folder


def build_tiny_lora(
    folder: Path, pipeline: Path, *, name: str = "mask.safetensors", rank: int = 4, seed: int = 1
) -> Path:
    """Save a LoRA with random, clearly visible weights for the transformer of a `build_tiny_kontext` folder.

    Written in the form diffusers and PEFT write: ``transformer.<module>.lora_A.weight``.
    """
    transformer = FluxTransformer2DModel.from_pretrained(pipeline / "transformer", local_files_only=True)
    torch.manual_seed(seed)
    transformer.add_adapter(
        LoraConfig(
            r=rank,
            lora_alpha=rank,
            # PEFT's own initialisation starts at no effect at all (B = 0); this one changes the output.
            init_lora_weights=False,
            target_modules=["to_q", "to_k", "to_v", "to_out.0"],
        )
    )
    FluxKontextPipeline.save_lora_weights(
        folder, transformer_lora_layers=get_peft_model_state_dict(transformer), weight_name=name
    )
    return folder / name


def build_tiny_gguf(file: Path, pipeline: Path, quantization: str = "Q8_0", architecture: str = "flux") -> Path:
    """Save the transformer of a `build_tiny_kontext` folder as a GGUF file, with llama.cpp's own writer and types.

    As in published files, matrices are quantised and vectors are not; nor are matrices here whose rows are no whole
    number of blocks.
    """
    import gguf
    from safetensors.torch import load_file

    kind = gguf.GGMLQuantizationType[quantization]
    block, _ = gguf.GGML_QUANT_SIZES[kind]
    writer = gguf.GGUFWriter(file, architecture)
    for name, tensor in load_file(pipeline / "transformer" / "diffusion_pytorch_model.safetensors").items():
        values = tensor.float().numpy()
        if values.ndim == 2 and values.shape[1] % block == 0:
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file
