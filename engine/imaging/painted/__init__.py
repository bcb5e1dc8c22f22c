"""Masks read from pictures into which a diffusion model painted them green."""

from engine.imaging.painted.agreement import Agreement, agreement
from engine.imaging.painted.extraction import ExtractedMask, Extraction, Reading, extract, extract_painted_mask

__all__ = ["Agreement", "ExtractedMask", "Extraction", "Reading", "agreement", "extract", "extract_painted_mask"]
