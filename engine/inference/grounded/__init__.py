"""Grounding DINO and SAM 2 on torch and transformers: local weights only, nothing is ever downloaded."""

import os

# huggingface_hub reads these once, when it is first imported; this file runs before any module beside it.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
