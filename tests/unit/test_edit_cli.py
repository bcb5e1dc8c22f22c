"""`chromask edit` and the history file, with the tiny model on canvases of the real sizes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.cli.app import run
from engine.domain.codec import from_json
from engine.domain.errors import KnownError, UsageError
from engine.domain.requests import EngineName
from engine.services.editing import (
    EditHistory,
    edit_settings,
    edit_turn,
    input_file,
    read_history,
    with_turn,
    write_history,
)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A photograph of 16 bits, two masks and a banner; prompts are kept here and not in the user's own folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rng = np.random.default_rng(4)
    cv2.imwrite("photo.tif", rng.integers(0, 65535, (300, 260, 3), np.uint16))
    cv2.imwrite("banner.png", rng.integers(0, 255, (40, 90, 3), np.uint8))
    for name, box in {"left": (20, 40, 90, 120), "right": (150, 160, 240, 280)}.items():
        mask = np.zeros((300, 260), np.uint8)
        mask[box[1] : box[3], box[0] : box[2]] = 255
        cv2.imwrite(f"{name}.png", mask)
    return tmp_path


@pytest.fixture
def edit(folder, tiny):
    def edit(*arguments: object) -> int:
        words = ["edit", "photo.tif", "--model", tiny, "--steps", 1, *arguments]
        return run([str(word) for word in words], None)  # pyright: ignore[reportArgumentType]

    return edit


def pixels(name: str) -> np.ndarray:
    picture = cv2.imread(name, cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return picture


def test_edits_add_up_from_the_original_and_only_inside_their_masks(edit, folder, capsys) -> None:
    photo, left, right = pixels("photo.tif"), pixels("left.png"), pixels("right.png")
    first = ("--mask", "left.png", "--prompt", "SALE", "--seed", 5, "--history", "h.json")
    assert edit(*first, "-o", "one.tif") == 0
    one = pixels("one.tif")
    assert one.dtype == np.uint16
    assert np.array_equal(one[left == 0], photo[left == 0])
    assert (one[left > 0] != photo[left > 0]).any(axis=1).mean() > 0.9
    capsys.readouterr()
    second = ("--mask", "right.png", "--prompt", "a hat", "--reference", "banner.png", "--history", "h.json")
    assert edit(*second, "-o", "two.tif", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["outside_max_change"] == 0
    assert [turn["prompt"] for turn in document["turns"]] == ["SALE", "a hat"]
    assert document["turns"][1]["reference"] == "banner.png"
    two = pixels("two.tif")
    # The first turn came out as it did alone, and the second one lies beside it.
    assert np.array_equal(two[right == 0], one[right == 0])
    assert (two[right > 0] != photo[right > 0]).any(axis=1).mean() > 0.9
    history = from_json(Path("h.json").read_text(encoding="utf-8"), EditHistory)
    assert history.photograph == input_file(Path("photo.tif"))
    assert [turn.diffusion.prompt for turn in history.request.turns] == ["SALE", "a hat"]
    assert history.request.turns[0].diffusion.sampling.seed == 5
    # The original is not what the last turn made of it: a third turn starts from it again.
    assert np.array_equal(pixels("photo.tif"), photo)
    assert edit("--mask", "left.png", "--prompt", "CLOSED", "--history", "h.json", "-o", "three.tif") == 0
    three = pixels("three.tif")
    assert np.array_equal(three[left == 0], two[left == 0])
    assert "Turn 1 is covered by a later one" in capsys.readouterr().err


def test_what_is_wrong_is_said_before_anything_is_painted(edit, folder, capsys) -> None:
    ask = ("--mask", "left.png", "--prompt", "SALE")
    assert edit(*ask, "-o", "photo.tif", "--overwrite") == 2
    assert edit(*ask, "-o", "out.gif") == 2
    assert edit(*ask, "-o", "out.png", "--strength", 0) == 2
    assert edit("--mask", "left.png", "--prompt", " ", "-o", "out.png") == 2
    assert edit("--mask", "banner.png", "--prompt", "SALE", "-o", "out.png") == 1
    assert edit(*ask, "-o", "out.png", "--reference", "none.png") == 1
    Path("h.json").write_text('{"turns": []}')
    assert edit(*ask, "-o", "out.png", "--history", "h.json") == 1
    assert edit(*ask, "-o", "out.png", "--model", "nowhere") == 2
    assert edit(*ask, "-o", "out.png", "--lora", "rainbow") == 2
    said = capsys.readouterr().err
    for part in (
        "originals are never written to",
        "results are .png",
        "strength of 0",
        "an edit needs a prompt",
        "no LoRA 'rainbow'",
    ):
        assert part in said
    for part in ("the mask is 90 × 40", "none.png", "this is no history of edits", "FLUX.1-Kontext-dev"):
        assert part in said
    assert not Path("out.png").exists()
    assert Path("h.json").read_text() == '{"turns": []}'


def test_a_history_belongs_to_its_photograph(folder, tiny) -> None:
    photo, other = input_file(Path("photo.tif")), input_file(Path("banner.png"))
    settings = edit_settings(" SALE ", tiny)
    turn = edit_turn(settings, input_file(Path("left.png")), Path("banner.png"))
    request = with_turn(with_turn(None, turn), turn)
    assert request.engine is EngineName.KONTEXT
    assert request.turns == (turn, turn)
    assert turn.diffusion.prompt == "SALE"
    assert read_history(Path("h.json"), photo) is None
    write_history(Path("h.json"), photo, request)
    assert read_history(Path("h.json"), photo) == request
    with pytest.raises(KnownError, match=r"history of another photograph, photo\.tif"):
        read_history(Path("h.json"), other)
    with pytest.raises(UsageError, match="strength of 2"):
        edit_turn(settings, input_file(Path("left.png")), None, strength=2)
