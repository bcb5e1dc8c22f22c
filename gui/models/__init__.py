"""The Models page: weights, memory, LoRAs."""
