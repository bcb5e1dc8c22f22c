"""What is done where a reader is not installed."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

REQUIRED = "CHROMASK_READERS"
"""Environment variable: readers, by name, that have to be there; ``.ci/run`` and ``.ci/slow`` set it. Without it a
reader that could not be installed would leave the tests green."""


def missing(reader: str, why: str) -> NoReturn:
    """Skip the test; where the reader is required, let it fail."""
    if reader in os.environ.get(REQUIRED, "").split():
        pytest.fail(f"{reader} is required here: {why}")
    pytest.skip(why)
