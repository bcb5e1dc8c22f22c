"""Tells memory that ran out from every other failure."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

import torch

from engine.inference.kontext.tiers import NotEnoughMemory


class OutOfMemory(NotEnoughMemory):
    """Memory ran out; the job may fit when the model is run with less."""

    def __init__(self, when: str) -> None:
        super().__init__(f"the memory ran out {when}")


@contextmanager
def memory_errors(when: str) -> Generator[None]:
    """Turn an allocator's errors inside the block into `OutOfMemory`.

    Parameters
    ----------
    when : str
        Ends the sentence "the memory ran out …".
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(when) from error
    except (RuntimeError, MemoryError) as error:
        # The CPU allocator has no exception class of its own.
        if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
            raise OutOfMemory(when) from error
        raise


def free_memory() -> None:
    """Give back what no live object holds; an exception's frames hold the tensors of the call that failed."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
