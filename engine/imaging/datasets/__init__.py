"""Pixels of training sets: paint for mask LoRAs, degraded colours for colour LoRAs, and likeness of photographs."""
