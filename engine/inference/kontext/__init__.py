"""FLUX.1 Kontext on torch and diffusers: local weights only, nothing is ever downloaded."""

import os

# huggingface_hub reads these once, when it is first imported; this file runs before any module beside it. Chromask
# runs in studios without internet access, and a missing file must be named, not fetched.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
