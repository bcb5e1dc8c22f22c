"""`chromask eval bench`: KontextBench in its published layout and in folders, resumed, and over several rounds."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.domain.benchmark import BenchCategory, BenchOutput
from engine.domain.errors import KnownError, UsageError
from engine.domain.requests import Sampling
from engine.inference.kontext.source import find_source
from engine.services.evaluation.bench import read_bench_run, run_bench
from engine.services.evaluation.bench_tasks import category_of, read_bench
from engine.services.evaluation.requests import bench_request
from main import main
from tests.unit.test_evaluation import ONE_STEP, save


@pytest.fixture(autouse=True)
def _own_prompts(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


LINES = (
    {"key": 7, "file_name": "images/0000.png", "category": "Instruction Editing - Local", "instruction": "a red hat"},
    {"key": 8, "file_name": "images/0000.png", "category": "Style Reference", "instruction": ["as oil", "as ink"]},
)


@pytest.fixture
def published(tmp_path) -> Path:
    """Two tasks on one picture."""
    folder = tmp_path / "kontext-bench"
    rng = np.random.default_rng(0)
    save(folder / "test" / "images" / "0000.png", cv2.resize(rng.integers(0, 255, (9, 7, 3), np.uint8), (96, 128)))
    (folder / "test" / "metadata.jsonl").write_text("\n".join(map(json.dumps, LINES)) + "\n")
    return folder


def bench(folder: Path, model: Path, *more: object) -> int:
    words = ["eval", "bench", folder, "--model", model, "--steps", 1, "-o", folder.parent / "out", *more]
    return main([str(word) for word in words])


def test_the_categories_by_all_their_names():
    assert category_of("Instruction Editing - Global") is BenchCategory.GLOBAL
    assert category_of("character_reference") is BenchCategory.CHARACTER
    assert category_of("Text") is BenchCategory.TEXT
    assert category_of("images") is None


def test_outputs_by_category_with_their_drift_over_rounds(published, tiny, tmp_path, capsys):
    assert bench(published, tiny, "--rounds", 2) == 0
    out = tmp_path / "out"
    said = capsys.readouterr()
    assert "%|" not in said.err  # a library's progress bar between our lines
    shown = said.out.splitlines()
    assert [line.split()[:3] for line in shown[1:]] == [
        [category, round_, "1"] for category in ("local-editing", "style-reference") for round_ in "12"
    ]
    names = ["local-editing/7.png", "local-editing/7-round-2.png", "style-reference/8.png"]
    assert all((out / name).is_file() for name in names)
    lines = [json.loads(line) for line in (out / "metadata.jsonl").read_text().splitlines()]
    assert [line["instruction"] for line in lines] == ["a red hat", "a red hat", "as oil", "as ink"]
    assert lines[0]["file_name"] == names[0]
    # Independently: mean ΔE00 of colour-science between the first picture and the second round's.
    from tests.unit.test_metrics import reference_delta_e

    first, second = (
        cv2.imread(str(path))[..., ::-1] for path in (published / "test" / "images" / "0000.png", out / names[1])
    )
    assert lines[1]["drift"]["delta_E"] == pytest.approx(reference_delta_e(first, second), abs=1e-3)
    assert lines[1]["drift"]["structure"] < 1
    assert (out / "contact-sheet-local-editing.html").is_file()
    assert (out / "contact-sheet-style-reference.png").is_file()


def test_a_model_is_known_by_its_weights_and_not_by_its_folders_name(published, tiny, tmp_path):
    request = bench_request(published, tiny, limit=1, sampling=ONE_STEP)
    run_bench(request, tmp_path / "out")
    record = read_bench_run(tmp_path / "out")
    assert record is not None
    assert record.facts["model_fingerprint"] == find_source(tiny).fingerprint()
    moved = Path(shutil.copytree(tiny, tmp_path / "the same under another name"))
    before = (tmp_path / "out" / "local-editing" / "7.png").stat().st_mtime_ns
    run_bench(replace(request, model=moved), tmp_path / "out")
    assert (tmp_path / "out" / "local-editing" / "7.png").stat().st_mtime_ns == before
    weights = next(moved.glob("transformer/*.safetensors"))
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1  # other weights differ everywhere; this is one of the places that are looked at
    weights.write_bytes(content)
    with pytest.raises(UsageError, match="another model"):
        run_bench(replace(request, model=moved), tmp_path / "out")


def test_a_second_run_makes_only_what_is_missing_or_changed(published, tiny, tmp_path, monkeypatch):
    from engine.inference.kontext import backend as module

    prompts: list[int] = []
    sample = module.sample
    monkeypatch.setattr(module, "sample", lambda *a, **k: prompts.append(1) or sample(*a, **k))
    request = bench_request(published, tiny, rounds=2, sampling=ONE_STEP)
    told: list[BenchOutput] = []
    stopped = run_bench(request, tmp_path / "out", made=told.append, stop=lambda: len(told) == 2)
    assert not stopped.is_complete
    assert len(stopped.outputs) == 2
    first = (tmp_path / "out" / "local-editing" / "7.png").stat().st_mtime_ns
    whole = run_bench(request, tmp_path / "out")
    assert len(prompts) == 4
    assert (tmp_path / "out" / "local-editing" / "7.png").stat().st_mtime_ns == first
    assert read_bench_run(tmp_path / "out") == whole
    assert run_bench(request, tmp_path / "out").outputs == whole.outputs
    assert len(prompts) == 4
    # Another instruction makes its own output and all that follow from it; --again everything.
    changed = [LINES[0], LINES[1] | {"instruction": ["as chalk", "as ink"]}]
    (published / "test" / "metadata.jsonl").write_text("\n".join(map(json.dumps, changed)))
    run_bench(bench_request(published, tiny, rounds=2, sampling=ONE_STEP), tmp_path / "out")
    assert len(prompts) == 6
    assert bench(published, tiny, "--rounds", 2, "--seed", 9) == 2  # others than those that are there
    with pytest.raises(UsageError, match=r"out: the outputs .* with another guidance, seed\. Give another folder"):
        run_bench(replace(request, sampling=Sampling(1, 3.5, 9)), tmp_path / "out")
    assert bench(published, tiny, "--again", "--category", "local-editing", "--seed", 9) == 0
    assert len(prompts) == 7


def test_a_picture_that_is_gone_is_told_and_the_others_are_made(published, tiny, tmp_path, capsys):
    more = {"key": 9, "file_name": "images/gone.jpg", "category": "Text Editing", "instruction": "SALE"}
    (published / "test" / "metadata.jsonl").write_text("\n".join(map(json.dumps, [more, LINES[0]])))
    assert bench(published, tiny) == 1
    assert "gone.jpg" in capsys.readouterr().err
    assert (tmp_path / "out" / "local-editing" / "7.png").is_file()


def test_plain_folders_and_csv(tmp_path):
    save(tmp_path / "plain" / "Text Editing" / "sign.png", np.zeros((20, 20, 3), np.uint8))
    text = tmp_path / "plain" / "Text Editing" / "sign.txt"
    text.write_text("write SALE\nwrite 50 %\n")
    (task,) = read_bench(tmp_path / "plain")
    assert (task.key, task.category, task.instruction(1), task.instruction(5)) == (
        "sign", BenchCategory.TEXT, "write SALE", "write 50 %"
    )  # fmt: skip
    text.unlink()
    with pytest.raises(KnownError, match=r"sign\.png: this picture has no instruction.*sign\.txt"):
        read_bench(tmp_path / "plain")
    (tmp_path / "metadata.csv").write_text("file_name,instruction,category\na.png,make it blue,Global\n")
    assert read_bench(tmp_path)[0].category is BenchCategory.GLOBAL


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ({"file_name": "a.png", "instruction": "x", "category": "Sculpture"}, "line 1 has the category 'Sculpture'"),
        ({"file_name": "a.png", "category": "Text Editing"}, "line 1 has no instruction"),
        ({"instruction": "x", "category": "Text Editing"}, "line 1 has no file_name"),
        ({"file_name": "../../a.png", "instruction": "x", "category": "Text"}, "outside the folder"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, what):
    (tmp_path / "metadata.jsonl").write_text(json.dumps(line))
    with pytest.raises(KnownError, match=what):
        read_bench(tmp_path)


def test_a_key_that_is_the_name_of_another_round_is_refused(tmp_path):
    same = {"file_name": "a.png", "instruction": "x"}
    lines = [same | {"key": "7", "category": "Text"}, same | {"key": "7-round-2", "category": "Style Reference"}]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert [task.key for task in read_bench(tmp_path)] == ["7", "7-round-2"]
    (tmp_path / "metadata.jsonl").write_text("\n".join(json.dumps(line | {"category": "Text"}) for line in lines))
    with pytest.raises(KnownError, match="'7-round-2' of text-editing is the name of another task's output"):
        read_bench(tmp_path)


def test_a_folder_without_a_benchmark_says_what_it_needs(tmp_path):
    with pytest.raises(KnownError, match=r"holds no benchmark\. Give the folder with metadata\.jsonl"):
        read_bench(tmp_path)
