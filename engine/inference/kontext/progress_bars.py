"""The libraries' own progress bars, which would stand between Chromask's lines."""

from __future__ import annotations

from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging


def without_progress_bars() -> None:
    """Ask diffusers and transformers not to draw any in this process: Chromask tells its own progress."""
    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
