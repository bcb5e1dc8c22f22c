"""LoRA training (a later release)."""
