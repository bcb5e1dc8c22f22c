"""Grounding DINO and SAM 2 of some ten thousand random weights, assembled offline, for tests.

Every class is the real one (tokenizer, image processor, detector, segmenter) and the folders have the layout of the
published ones; only the widths are small. SAM 2 is saved as its video model, as Meta publishes it.
"""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertTokenizer,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessorPil,
    Sam2Config,
    Sam2HieraDetConfig,
    Sam2MaskDecoderConfig,
    Sam2Model,
    Sam2PromptEncoderConfig,
    Sam2VideoConfig,
    Sam2VideoMaskDecoderConfig,
    Sam2VideoModel,
    Sam2VideoPromptEncoderConfig,
    Sam2VisionConfig,
    SwinConfig,
)

SEGMENTER_SIDE = 128
"""Side of the tiny SAM 2's square input in pixels; its masks have a quarter of it."""

# Where BERT's own vocabulary has them: Grounding DINO separates the labels of its prompt by these very numbers.
_SPECIAL = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, ".": 1012, "?": 1029}
_WORDS = ("shirt", "trousers", "dress", "jacket", "gil", "##et", "pants", "socks", "shoes", "hat", "bag", "skirt")


def _tokenizer() -> BertTokenizer:
    """WordPiece with BERT's special tokens in their own places, a few words, and single letters for all others."""
    vocabulary = dict(_SPECIAL)
    letters = "abcdefghijklmnopqrstuvwxyz-"
    pieces = [*_WORDS, *letters, *(f"##{letter}" for letter in letters)]
    vocabulary |= {piece: 1100 + index for index, piece in enumerate(dict.fromkeys(pieces))}
    taken = set(vocabulary.values())
    vocabulary |= {f"[unused{index}]": index for index in range(1200) if index not in taken}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 101), ("[SEP]", 102)]
    )
    return BertTokenizer(tokenizer_object=tokenizer, model_max_length=256)


def build_tiny_detector(folder: Path, seed: int = 0) -> Path:
    """Save a tiny Grounding DINO to ``folder`` and return it. Its boxes are random, its scores lie near one half."""
    torch.manual_seed(seed)
    model = GroundingDinoForObjectDetection(
        GroundingDinoConfig(
            backbone_config=SwinConfig(
                embed_dim=12,
                depths=[1, 1, 1, 1],
                num_heads=[1, 1, 2, 2],
                window_size=4,
                image_size=224,
                out_features=["stage2", "stage3", "stage4"],
            ),
            text_config=BertConfig(
                vocab_size=1200, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
            ),
            d_model=32,
            encoder_layers=1,
            decoder_layers=2,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            num_queries=20,
            max_text_len=64,
        )
    )
    model.save_pretrained(folder)
    GroundingDinoImageProcessorPil(size={"shortest_edge": 96, "longest_edge": 160}).save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return folder


def build_tiny_segmenter(folder: Path, seed: int = 0, *, video: bool = True) -> Path:
    """Save a tiny SAM 2 to ``folder`` and return it; ``video`` writes the form in which the weights are published."""
    torch.manual_seed(seed)
    side, width = SEGMENTER_SIDE, 32
    vision = Sam2VisionConfig(
        backbone_config=Sam2HieraDetConfig(
            hidden_size=12,
            embed_dim_per_stage=[12, 24, 48, 96],
            num_attention_heads_per_stage=[1, 2, 4, 8],
            image_size=[side, side],
            blocks_per_stage=[1, 1, 2, 1],
            global_attention_blocks=[3],
        ),
        backbone_channel_list=[96, 48, 24, 12],
        backbone_feature_sizes=[[side // 4] * 2, [side // 8] * 2, [side // 16] * 2],
        fpn_hidden_size=width,
    )
    prompt = {"hidden_size": width, "image_size": side, "patch_size": 16, "mask_input_channels": 4}
    decoder = {
        "hidden_size": width,
        "mlp_dim": 32,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "iou_head_hidden_dim": 32,
    }
    if video:
        model = Sam2VideoModel(
            Sam2VideoConfig(
                vision_config=vision,
                prompt_encoder_config=Sam2VideoPromptEncoderConfig(**prompt),
                mask_decoder_config=Sam2VideoMaskDecoderConfig(**decoder),
                image_size=side,
                num_maskmem=1,
                memory_attention_hidden_size=width,
                memory_attention_num_layers=1,
                memory_attention_feed_forward_hidden_size=32,
                memory_encoder_hidden_size=width,
                memory_encoder_output_channels=16,
                mask_downsampler_embed_dim=width,
                memory_fuser_embed_dim=width,
                memory_fuser_intermediate_dim=32,
                memory_fuser_num_layers=1,
            )
        )
    else:
        model = Sam2Model(
            Sam2Config(
                vision_config=vision,
                prompt_encoder_config=Sam2PromptEncoderConfig(**prompt),
                mask_decoder_config=Sam2MaskDecoderConfig(**decoder),
            )
        )
    model.save_pretrained(folder)
    return folder
