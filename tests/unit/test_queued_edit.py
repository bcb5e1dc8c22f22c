"""`chromask catalog edit` queues, `chromask catalog work` runs: real catalog, real worker process, scripted paint."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from engine.cli.app import run
from engine.cli.composition import Composition
from engine.domain.jobs import JobState
from engine.domain.requests import EditRequest
from engine.imaging.raster.decode import read_picture
from engine.services.export import items_to_export
from engine.services.review import items_of
from storage.location import SqliteLocation
from tests.hollow_kontext import hollow_kontext

PROJECT = Path(__file__).resolve().parents[2]
WORKER = [sys.executable, str(PROJECT / "tests" / "scripted_worker.py")]

Chromask = Callable[..., int]


@pytest.fixture
def chromask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chromask:
    """A studio's folder with two photographs that were masked already, and a model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.setenv("CHROMASK_MODELS", str(tmp_path / "models"))
    hollow_kontext(tmp_path / "models" / "FLUX.1-Kontext-dev")
    for index, name in enumerate(("a1", "b2")):
        noise = np.random.default_rng(index).integers(0, 9, (64, 48, 3), np.uint8)
        cv2.imwrite(f"{name}_model.png", np.full((64, 48, 3), 120, np.uint8) + noise)
        flat = np.full((64, 48, 3), 240, np.uint8) + noise
        flat[12:-12, 10:-10] = (160, 60, 60)
        cv2.imwrite(f"{name}_flat.png", flat)

    def call(*words: object) -> int:
        composition = Composition(
            "0", SqliteLocation(), lambda catalog: [*WORKER, str(catalog)], lambda _: [], lambda *_: 1
        )
        return run([*map(str, words), "--catalog", "c.db"], composition)

    assert call("run", ".", "--out", "out", "--tasks", "mask", "--engine", "classical", "--format", "png") == 0
    return call


def answered(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_turns_are_queued_run_gone_on_with_and_exported(chromask: Chromask, capsys) -> None:
    capsys.readouterr()
    assert chromask("catalog", "edit", "a1_model.png", "--prompt", "a red shirt", "--flatlay", "--json") == 0
    first = answered(capsys)
    assert (first["state"], first["turns"]) == ("queued", ["a red shirt"])
    assert chromask("catalog", "work", "--json") == 0
    assert answered(capsys) == {"succeeded": 1, "failed": 0, "queued": 0}
    banner = np.zeros((64, 48), np.uint8)
    banner[2:7, 2:20] = 255
    cv2.imwrite("banner.png", banner)
    # The photograph's newest edit is gone on with; so it is by its number.
    more = ("--prompt", "SALE", "--mask", "banner.png", "--seed", 4, "--strength", 0.5)
    assert chromask("catalog", "edit", Path("a1_model.png").absolute(), *more, "--json") == 0
    second = answered(capsys)
    assert second["turns"] == ["a red shirt", "SALE"]
    assert chromask("catalog", "edit", first["job"], *more, "--json") == 0
    assert answered(capsys)["job"] == second["job"]
    assert chromask("catalog", "work") == 0
    assert chromask("catalog", "work") == 0
    assert "Nothing is queued." in capsys.readouterr().err
    with SqliteLocation().open(Path("c.db")) as (catalog, artifacts):
        items = {item.job.id: item for item in items_of(catalog)}
        made = items[second["job"]]
        request = made.job.request
        assert isinstance(request, EditRequest)
        mask = next(item for item in items.values() if item.pair == made.pair and item.outcome.edit is None)
        assert request.turns[0].mask.sha256 == mask.outcome.mask.alpha.sha256
        assert made.pair.flatlay is not None
        assert request.turns[0].reference is not None
        assert request.turns[0].reference.sha256 == made.pair.flatlay.sha256
        assert (request.turns[1].strength, request.turns[1].diffusion.sampling.seed) == (0.5, 4)
        assert (made.job.version, made.job.origin.supersedes if made.job.origin else None) == (2, first["job"])
        # Only the last turn's picture leaves the house, and the mask beside it.
        left = [item.job.id for item in items_to_export(list(items.values())) if item.pair == made.pair]
        assert left == [mask.job.id, second["job"]]
        assert made.outcome.edit is not None
        photo, edited = read_picture(Path("a1_model.png")), read_picture(artifacts.path(made.outcome.edit.picture))
        own = cv2.imdecode(np.frombuffer(artifacts.read(mask.outcome.mask.alpha), np.uint8), cv2.IMREAD_UNCHANGED)
        changed = (edited.pixels != photo.pixels).any(axis=2)
        assert not changed[(own == 0) & (banner == 0)].any()
        assert changed[20:40, 15:30].all()
        assert artifacts.stray(catalog.referenced_artifacts()) == []


def test_what_cannot_be_edited_is_refused_in_a_sentence(chromask: Chromask, capsys, monkeypatch) -> None:
    Path("elsewhere").mkdir()
    capsys.readouterr()
    ask = ("--prompt", "a red shirt")
    assert chromask("catalog", "edit", "c3_model.png", *ask) == 2
    assert chromask("catalog", "edit", 99, *ask) == 2
    assert chromask("catalog", "edit", "a1_model.png", "--prompt", " ") == 2
    assert chromask("catalog", "edit", "a1_model.png", *ask, "--flatlay", "--reference", "b2_flat.png") == 2
    assert chromask("catalog", "edit", "a1_model.png", *ask, "--mask", "none.png") == 1
    monkeypatch.setenv("CHROMASK_MODELS", "elsewhere")
    assert chromask("catalog", "edit", "a1_model.png", *ask) == 2
    said = capsys.readouterr().err
    for part in ("no finished result 'c3_model.png'", "no finished result '99'", "needs a prompt", "two references"):
        assert part in said
    assert "none.png" in said
    assert "chromask models download" in said
    with SqliteLocation().open(Path("c.db")) as (catalog, _):
        assert catalog.counts().total == catalog.counts().succeeded == 2


def test_a_job_that_fails_is_said_and_may_be_asked_for_again(chromask: Chromask, capsys) -> None:
    capsys.readouterr()
    mask = np.zeros((64, 48), np.uint8)
    mask[10:30, 10:30] = 255
    cv2.imwrite("mask.png", mask)
    ask = ("catalog", "edit", "b2_model.png", "--prompt", "a belt", "--mask", "mask.png")
    assert chromask(*ask) == 0
    content = Path("mask.png").read_bytes()
    cv2.imwrite("mask.png", 255 - mask)
    assert chromask("catalog", "work") == 1
    assert "mask.png" in capsys.readouterr().err
    Path("mask.png").write_bytes(content)
    assert chromask(*ask) == 0
    assert chromask("catalog", "work") == 0
    with SqliteLocation().open(Path("c.db")) as (catalog, _):
        edits = [job for job in catalog.jobs() if isinstance(job.request, EditRequest)]
        assert [job.state for job in edits] == [JobState.SUCCEEDED]
