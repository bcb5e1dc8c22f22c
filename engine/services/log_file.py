"""The log: what went wrong inside Chromask, in a file beside the catalog for whoever helps."""

from __future__ import annotations

import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

_MOST_BYTES = 1_000_000  # then the file is put aside, in place of the one before

_log = logging.getLogger(__name__)


def log_file(catalog: Path) -> Path:
    """Where the log of a catalog lies; there is none until something is written to it."""
    return catalog.with_name(f"{catalog.name}.log")


@contextmanager
def kept_log(catalog: Path) -> Generator[None]:
    """Keep warnings and errors, and what nobody has caught, in the log until the context ends. The main thread."""
    root, hook = logging.getLogger(), sys.excepthook
    handler = RotatingFileHandler(log_file(catalog), maxBytes=_MOST_BYTES, backupCount=1, encoding="utf-8", delay=True)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"))

    def note(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        _log.critical("nobody has caught this", exc_info=(kind, error, trace))
        hook(kind, error, trace)

    root.addHandler(handler)
    sys.excepthook = note
    try:
        yield
    finally:
        sys.excepthook = hook
        root.removeHandler(handler)
        handler.close()
