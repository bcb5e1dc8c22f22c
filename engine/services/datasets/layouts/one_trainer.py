"""OneTrainer: one folder with ``NAME.png``, ``NAME.txt``, ``NAME-condlabel.png`` and ``NAME-masklabel.png``, a list of
concepts and a preset.

The keys are those of its ``modules/util/config/ConceptConfig.py`` and of its preset ``#flux LoRA.json``.
"""

from __future__ import annotations

import json
from pathlib import Path

from engine.domain.datasets import Manifest, Split
from engine.domain.training import TrainingSettings
from engine.services.datasets.layouts.files import LayoutFiles

CONFIG = "config.json"
_CONCEPTS = "concepts.json"


def layout_of(manifest: Manifest, settings: TrainingSettings, to: Path, name: str) -> LayoutFiles:
    """The set for OneTrainer; see `engine.services.datasets.layouts.export.export_dataset`."""
    examples = manifest.of(Split.TRAIN)
    texts = {f"train/{example.name}.txt": example.caption for example in examples}
    pictures: list[tuple[str, str]] = []
    for example in examples:
        pictures += [
            (example.target, f"train/{example.name}.png"),
            (example.control, f"train/{example.name}-condlabel.png"),
        ]
        if example.loss_mask:
            pictures.append((example.loss_mask, f"train/{example.name}-masklabel.png"))
    concept = {
        "name": name,
        "path": (to / "train").as_posix(),
        "seed": settings.seed,
        "enabled": True,
        "include_subdirectories": False,
        "balancing": 1.0,
        "balancing_strategy": "REPEATS",
        "loss_weight": 1.0,
        # Its own default moves the crop of picture, condition and mask alike, which a bucket's size does not need.
        "image": {"enable_crop_jitter": False, "enable_random_flip": False},
        "text": {"prompt_source": "sample"},
    }
    masked = any(example.loss_mask for example in examples)
    preset = {
        "training_method": "LORA",
        "model_type": "FLUX_DEV_1",
        "base_model_name": "black-forest-labs/FLUX.1-Kontext-dev",
        "custom_conditioning_image": True,
        "concept_file_name": (to / _CONCEPTS).as_posix(),
        "output_model_destination": (to / "output" / f"{name}.safetensors").as_posix(),
        "output_model_format": "SAFETENSORS",
        "resolution": ",".join(map(str, settings.resolutions)),
        "batch_size": settings.batch,
        "gradient_accumulation_steps": settings.accumulation,
        "learning_rate": settings.learning_rate,
        "lora_rank": settings.rank,
        "lora_alpha": float(settings.rank if settings.alpha is None else settings.alpha),
        "masked_training": masked,
        "unmasked_weight": settings.mask_min_value if masked else 1.0,
        "timestep_distribution": "LOGIT_NORMAL",
        "noising_bias": settings.time_mean,
        "train_dtype": "BFLOAT_16",
        "weight_dtype": "BFLOAT_16",
        "prior": {"train": False, "weight_dtype": "NFLOAT_4"},
        "text_encoder": {"train": False, "weight_dtype": "NFLOAT_4"},
        "text_encoder_2": {"train": False},
        "vae": {"weight_dtype": "FLOAT_32"},
    }
    texts[_CONCEPTS] = json.dumps([concept], indent=2, ensure_ascii=False) + "\n"
    texts[CONFIG] = json.dumps(preset, indent=2, ensure_ascii=False) + "\n"
    notices = (
        "OneTrainer counts in epochs: set as many as make "
        f"{settings.steps} steps of {settings.batch * settings.accumulation} pictures, of {len(examples)} pairs.",
        "OneTrainer reads -condlabel pictures where it trains a model on conditions; look whether your version does so "
        "for FLUX.1 Kontext.",
    )
    return LayoutFiles(CONFIG, texts, tuple(pictures), notices)
