"""Masks read from pictures into which a diffusion model painted them green."""

from engine.imaging.painted.agreement import Agreement, agreement
from engine.imaging.painted.extraction import ExtractedMask, Extraction, Reading, extract, extract_painted_mask
from engine.imaging.painted.paint import NoPaint

__all__ = [
    "Agreement",
    "ExtractedMask",
    "Extraction",
    "NoPaint",
    "Reading",
    "agreement",
    "extract",
    "extract_painted_mask",
]
