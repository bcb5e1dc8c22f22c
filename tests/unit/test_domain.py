"""Strict JSON, operator sentences, and files that are complete or absent."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.domain.codec import from_json, request_hash, to_json
from engine.domain.errors import BugError, KnownError
from engine.domain.files import TEMPORARY_PREFIX, complete_file, known_os_error
from engine.domain.geometry import Box, Extent
from engine.domain.jobs import JobEvent, Progress, Succeeded
from engine.domain.picture import PaintedMask
from engine.domain.requests import (
    ColorMatchRequest,
    DiffusionSettings,
    EngineName,
    LoraRef,
    MaskRequest,
    Request,
    Sampling,
    Tolerance,
)
from engine.domain.results import MatchResult
from engine.worker.protocol import Heartbeat, Ready, decode_report, encode_report
from tests.contract.factories import edit_outcome, edit_request, match_outcome

LORA = LoraRef("socks", "/loras/socks.safetensors", "ab" * 32, "FLUX.1-Kontext-dev", 64, 1.0, "")
DREAMED = MaskRequest(
    EngineName.KONTEXT, "socks", "", DiffusionSettings("/models/flux", "put a green mask", LORA, Sampling(4, 2.5, 7))
)
MATCH = ColorMatchRequest(EngineName.CLASSICAL, MaskRequest(EngineName.CLASSICAL), Tolerance(2.0, 4.0))


@pytest.mark.parametrize("request_", [DREAMED, MATCH, edit_request()], ids=["mask", "match", "edit"])
def test_requests_survive_json(request_: Request) -> None:
    assert from_json(to_json(request_, Request), Request) == request_


def test_everything_that_changes_a_pixel_changes_the_hash() -> None:
    hashes = {
        request_hash(request)
        for request in (
            MATCH,
            DREAMED,
            MaskRequest(EngineName.CLASSICAL),
            MaskRequest(EngineName.CLASSICAL, garment="shirt"),
            ColorMatchRequest(EngineName.CLASSICAL, MaskRequest(EngineName.CLASSICAL)),
            edit_request(),
            edit_request(turns=1),
            replace(edit_request(), turns=edit_request().turns[::-1]),
        )
    }
    assert len(hashes) == 8
    assert request_hash(MATCH) == request_hash(from_json(to_json(MATCH, Request), Request))


def test_a_found_garment_has_its_own_tolerance_and_older_requests_have_none() -> None:
    jeans, lower = Tolerance(5.0, 6.0, 2.0), Tolerance(4.0, 6.0)
    request = replace(MATCH, tolerance_by_garment=(("jeans", jeans), ("lower", lower)))
    stored = to_json(request, Request)
    assert from_json(stored, Request) == request
    assert request_hash(request) != request_hash(MATCH)
    found = [request.tolerance_for(name) for name in ("jeans", "lower", "shirt", "")]
    assert found == [jeans, lower, MATCH.tolerance, MATCH.tolerance]
    older = json.loads(to_json(MATCH, Request))
    del older["tolerance_by_garment"]
    assert from_json(json.dumps(older), Request) == MATCH
    assert MATCH.tolerance_for("jeans") == MATCH.tolerance


def test_a_mask_says_what_was_found_as_narrowly_as_its_backend_knows() -> None:
    alpha = np.zeros((1, 1), np.uint8)
    assert PaintedMask(alpha, 1.0, {"category": "lower"}).garment == "lower"
    assert PaintedMask(alpha, 1.0, {"label": "jeans", "category": "lower"}).garment == "jeans"
    assert PaintedMask(alpha, 1.0, {"engine": "given"}).garment == ""


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"MaskRequest","engine":"classical","nmae":"socks"}',  # a typo must fail, not be ignored
        '{"type":"MaskRequest"}',
        '{"type":"MaskRequest","engine":"quantum"}',
        '{"type":"Teapot"}',
        "not json",
    ],
)
def test_unknown_and_missing_keys_are_errors(text: str) -> None:
    with pytest.raises(BugError):
        from_json(text, Request)


def test_events_and_reports_survive_the_pipe() -> None:
    outcome, edited = match_outcome("x"), edit_outcome("x")
    for event in (Succeeded(3, outcome), Succeeded(3, edited), Progress(3, 1, 28, "dreaming\nnext line")):
        assert from_json(to_json(event, JobEvent), JobEvent) == event
        line = encode_report(event)
        assert line.count(b"\n") == 1
        assert decode_report(line) == event
    for report in (Ready(12), Heartbeat()):
        assert decode_report(encode_report(report)) == report


def test_a_report_from_before_palettes_is_read_without_one() -> None:
    outcome = match_outcome()
    assert outcome.match is not None
    stored = json.loads(to_json(outcome.match))
    assert len(stored["after"].pop("palette")) == 2
    read = from_json(json.dumps(stored), MatchResult)
    assert read == replace(outcome.match, after=replace(outcome.match.after, palette=()))


def test_a_known_error_names_the_file_on_one_line() -> None:
    error = KnownError("it is empty", remedy="Copy it again.", path=Path("/drop/two\nlines 👗.jpg"))
    assert str(error) == "/drop/two\\nlines 👗.jpg: it is empty. Copy it again."
    long = str(KnownError("it is empty", remedy="Copy it again.", path=Path("/" + "x" * 300 + ".jpg")))
    assert len(long) < 300
    assert long.endswith("xxx.jpg: it is empty. Copy it again.")


def test_box_and_extent() -> None:
    assert Box.whole(Extent(3, 4)).extent == Extent(3, 4)
    assert Extent(3, 4).pixels == 12
    assert Extent(3, 4).aspect == 0.75


def left_over(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_complete_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.txt"
    with complete_file(target) as temporary:
        temporary.write_text("whole")
        assert temporary.name.startswith(TEMPORARY_PREFIX)
        assert not target.exists()
    assert target.read_text() == "whole"
    with pytest.raises(ZeroDivisionError), complete_file(tmp_path / "new" / "b.txt") as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert left_over(target.parent) == ["a.txt"]


def test_an_error_in_a_file_that_is_being_written_names_it_and_not_its_temporary_name(tmp_path: Path) -> None:
    with pytest.raises(KnownError) as caught, complete_file(tmp_path / "result.tif") as temporary:
        raise known_os_error(OSError(errno.ENOSPC, "full"), temporary)
    assert caught.value.path == tmp_path / "result.tif"


def test_complete_file_never_overwrites_unless_asked(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("mine")
    with pytest.raises(KnownError, match="exists already"), complete_file(target) as temporary:
        temporary.write_text("yours")
    # Somebody writes the name between the first look and the last step.
    other = tmp_path / "b.txt"
    with pytest.raises(KnownError, match="exists already"), complete_file(other) as temporary:
        temporary.write_text("yours")
        other.write_text("mine")
    assert (target.read_text(), other.read_text()) == ("mine", "mine")
    with complete_file(target, overwrite=True) as temporary:
        temporary.write_text("yours")
    assert target.read_text() == "yours"
    assert left_over(tmp_path) == ["a.txt", "b.txt"]


def test_killed_in_mid_write_leaves_no_final_name(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from engine.domain.files import complete_file\n"
        "with complete_file(Path(sys.argv[1])) as t:\n"
        "    t.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    target = tmp_path / "a.psd"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code, str(target)], cwd=root).returncode == -signal.SIGKILL
    assert not target.exists()
    assert all(name.startswith(TEMPORARY_PREFIX) for name in left_over(tmp_path))


@pytest.mark.parametrize(
    ("number", "words", "retryable"),
    [
        (errno.ENOSPC, "the disk is full", True),
        (errno.EROFS, "read-only", True),
        (errno.EACCES, "permission was denied", True),
        (errno.ENAMETOOLONG, "the name is too long", False),
    ],
)
def test_operating_system_errors_become_sentences(number: int, words: str, retryable: bool) -> None:
    error = known_os_error(OSError(number, "x"), Path("/out/a.psd"))
    assert words in str(error)
    assert str(error).startswith("/out/a.psd: ")
    assert error.retryable is retryable


def test_name_that_is_too_long_for_the_disk(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="the name is too long"), complete_file(tmp_path / ("x" * 300)) as temporary:
        temporary.write_text("x")
    assert left_over(tmp_path) == []
