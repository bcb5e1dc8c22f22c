"""Which files belong to the Models page."""

from __future__ import annotations

from engine.inference.kontext.gguf_file import GGUF_SUFFIX

WEIGHTS = (".safetensors", GGUF_SUFFIX, ".ckpt", ".pt", ".pth", ".bin")
"""Files that are dropped for that page; those that cannot be used are refused there, with the reason."""
