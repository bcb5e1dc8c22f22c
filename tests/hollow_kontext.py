"""A model folder without a model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file


def hollow_kontext(folder: Path) -> Path:
    """A model folder that is complete by its files, as an edit is queued without any of them being loaded."""
    (folder / "scheduler").mkdir(parents=True)
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "FluxKontextPipeline"}))
    (folder / "scheduler" / "scheduler_config.json").write_text("{}")
    for name, stem in (
        ("text_encoder", "model"), ("text_encoder_2", "model"),
        ("transformer", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model"),
    ):  # fmt: skip
        (folder / name).mkdir()
        (folder / name / "config.json").write_text("{}")
        save_file({"w": np.zeros(4, np.float32)}, folder / name / f"{stem}.safetensors")
    for name in ("tokenizer", "tokenizer_2"):
        (folder / name).mkdir()
        (folder / name / "tokenizer.json").write_text("{}")
    return folder
