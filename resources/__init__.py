"""Data files that ship with Chromask: garments, prompts, models, defaults, profiles, icons."""
