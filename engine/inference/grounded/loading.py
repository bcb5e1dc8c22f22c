"""Loads weights from a local folder, and chooses the device they go to."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from transformers import PreTrainedModel
from transformers.utils import logging as transformers_logging

from engine.domain.errors import KnownError
from engine.inference.grounded.source import GET_IT, WeightFolder
from engine.inference.kontext.exhaustion import OutOfMemory, free_memory, memory_errors

Model = TypeVar("Model", bound=PreTrainedModel)

# Activations of the larger published models on one photograph, 900 queries over four scales of 800 × 1333 pixels. An
# estimate: models of full size with random weights took 3.0 GiB in all on a CPU, and no card was at hand.
_WORKING_BYTES = 4 * 2**30


def choose_device(weights_bytes: int) -> torch.device:
    """The graphics card where weights and activations fit into what is free of it, the CPU otherwise."""
    if torch.cuda.is_available():
        free, _ = torch.cuda.mem_get_info()
        if free >= weights_bytes + _WORKING_BYTES:
            return torch.device("cuda")
    return torch.device("cpu")


def load_weights(kind: type[Model], source: WeightFolder, device: torch.device) -> Model:
    """Load a model in float32, in evaluation mode.

    Raises
    ------
    KnownError
        The files are whole, and still not this model.
    """
    try:
        with _quietly():
            loaded: Any = kind.from_pretrained(
                source.folder,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,  # makes it a pair
            )
    except (OSError, ValueError, LookupError, TypeError, RuntimeError) as error:
        raise not_this_model(source, error) from error
    # transformers fills weights that no file held with random numbers, with a mere log line.
    model, info = loaded
    missing = sorted(info["missing_keys"])
    if missing:
        reason = f"no file holds the weights '{missing[0]}', {len(missing)} are missing in all"
        raise not_this_model(source, ValueError(reason))
    return model.to(device).eval()


def not_this_model(source: WeightFolder, error: Exception) -> KnownError:
    """The operator's sentence for a folder whose files do not make the model."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return KnownError(f"the model could not be loaded ({lines[0][:160]})", remedy=GET_IT, path=source.folder)


@contextmanager
def memory_named() -> Generator[None]:
    """Turn what torch raises where memory runs out into the operator's sentence.

    Raises
    ------
    OutOfMemory
        Memory ran out (retryable).
    """
    try:
        with memory_errors("while looking for the garment"):
            yield
    except OutOfMemory as error:
        free_memory()
        error.remedy += " Garment masks also come without networks, with --mask-source classical."
        raise


@contextmanager
def _quietly() -> Generator[None]:
    """No progress bars, and no warning that a SAM 2 for videos is loaded as the one for pictures: it is meant to be."""
    logger = transformers_logging.get_logger("transformers")
    before = logger.level
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
        if bars:
            transformers_logging.enable_progress_bar()
