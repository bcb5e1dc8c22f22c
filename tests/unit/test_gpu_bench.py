"""The graphics card's benches check themselves without one: gate, modes, tiers and training steps, on tiny models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.inference.kontext.tiers import GIB


@pytest.fixture(scope="module")
def bench():
    import torch

    from bench import gpu_kontext

    torch.set_num_threads(1)
    return gpu_kontext


@pytest.fixture
def rig(bench):
    import torch

    return bench.Rig(torch.device("cpu"), torch.float32, bench.TINY, side=128, steps=4, repeat=1)


def test_the_gate_compares_masks_by_token(bench):
    rng = np.random.default_rng(0)
    picture = rng.random((96, 64, 3))
    assert bench.mask_of(picture).shape == (6, 4)
    assert bench.mask_of(picture).sum() == 12  # half of them are greener than the median
    assert bench.overlap(picture, picture) == 1.0
    assert bench.overlap(picture, 1 - picture) == 0.0
    assert bench.overlap(picture, rng.random((96, 64, 3))) < bench.PASSES
    assert "pass" in bench.Row("a", 28, 2.0, 3 * GIB, 0.96).text(5.0)
    slow = bench.Row("a", 28, 2.0, 3 * GIB, 0.94).text(5.0)
    assert "FAIL" in slow
    assert "2.50" in slow


def test_the_modes_run_and_the_pictures_are_the_same_every_time(bench, rig, capsys):
    rows = bench.run_modes(rig, ["fp8 stored", "plain, 8 steps"])
    assert [row.mode for row in rows] == ["plain", "fp8 stored", "plain, 8 steps"]
    assert [row.steps for row in rows] == [4, 4, 2]
    assert rows[1].overlap == pytest.approx(1, abs=0.2)
    assert capsys.readouterr().out.count("|\n") == 3


def test_multiplying_in_eight_bits_comes_close(bench):
    import torch

    torch.manual_seed(0)
    layer = torch.nn.Linear(64, 48)
    given = torch.randn(2, 20, 64)
    exact = layer(given)
    computed = bench.ComputedFloat8Linear(layer)(given)
    assert computed.shape == exact.shape
    # Two roundings to three bits of mantissa, each 1/16 at most and 1/40 in the mean square.
    assert 0 < float(((computed - exact).norm() / exact.norm()).detach()) < 0.06
    assert torch.equal(bench.ComputedFloat8Linear(layer)(given[:1, :1]), bench.Float8Linear(layer)(given[:1, :1]))


def test_the_tiers_run_as_the_engine_places_them(bench, rig):
    rows = bench.run_tiers(rig, [16], baseline=1.0)
    assert rows[0].mode == "16 GB tier (13.7 computed)"


def test_every_way_to_train_is_measured_or_says_why_not(capsys):
    from bench import gpu_train
    from engine.domain.training import BaseWeights, Optimiser
    from engine.inference.kontext.architecture import KONTEXT

    rig = gpu_train.Rig("cpu", gpu_train.TINY, steps=1)
    ways = gpu_train.ways_of([BaseWeights.WHOLE, BaseWeights.FP8], [64], [True, False], rank=4)
    # The moments of eight bits need a card.
    ways = [replace(way, optimiser=Optimiser.ADAMW) for way in ways]
    rows = gpu_train.run_ways(rig, ways)
    assert [row.way for row in rows] == ways
    assert all(row.seconds > 0 and row.estimated_bytes > 0 for row in rows)
    lines = capsys.readouterr().out.splitlines()
    assert [len(line.split("|")) for line in lines] == [len(gpu_train.HEADER.split("|"))] * 4
    measured = replace(rows[0], peak_bytes=3 * GIB, estimated_bytes=2 * GIB).text()
    assert " 3.0 " in measured
    assert " 1.50 |" in measured

    # The published model's own sizes, without its weights: as many latents as a picture of 1,024 pixels has.
    batch = gpu_train.RandomLatents(KONTEXT, 1024).batch(generator(0))
    assert batch.target.shape == (1, 16, 128, 128)
    assert batch.weights.shape == (1, 4096, 1)
    assert batch.sequence.shape == (1, 512, 4096)

    def broken(*_: object) -> None:
        raise ImportError("no module named bitsandbytes")

    four_bits = replace(ways[0], base=BaseWeights.NF4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gpu_train, "build", broken)
        assert gpu_train.run_ways(rig, [four_bits]) == []
    assert "nf4" in (said := capsys.readouterr().out)
    assert "does not run here: no module named bitsandbytes" in said


def generator(seed: int):
    import torch

    return torch.Generator().manual_seed(seed)
