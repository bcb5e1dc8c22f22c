"""The nouns of Chromask: frozen dataclasses and enums that every other layer speaks in."""
