"""The log that a message sends the operator for is there."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from types import TracebackType

import pytest

from engine.services.log_file import kept_log, log_file


def test_what_went_wrong_is_in_a_file_beside_the_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = tmp_path / "studio.db"
    told: list[BaseException] = []

    def hook(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
        told.append(error)

    monkeypatch.setattr(sys, "excepthook", hook)
    handlers = list(logging.getLogger().handlers)
    with kept_log(catalog):
        assert not log_file(catalog).exists(), "nothing went wrong yet"
        logging.getLogger("engine.anywhere").info("a step")
        try:
            raise ZeroDivisionError("three by nothing — ü")
        except ZeroDivisionError as error:
            logging.getLogger("gui.bridge").exception("background work failed")
            sys.excepthook(ZeroDivisionError, error, error.__traceback__)
    assert (list(logging.getLogger().handlers), sys.excepthook) == (handlers, hook)
    text = log_file(catalog).read_text(encoding="utf-8")
    assert "gui.bridge: background work failed" in text
    assert text.count("ZeroDivisionError: three by nothing — ü") == 2
    assert "a step" not in text
    assert len(told) == 1, "the terminal is told as well"
