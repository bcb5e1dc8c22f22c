"""Flow matching on a real, tiny FluxTransformer2DModel: what the loss weighs, and runs that go on after a cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import FluxKontextPipeline, FluxTransformer2DModel
from torch import Tensor

from engine.domain.errors import KnownError
from engine.training.flow import Batch, flow_loss, packed, positions, token_weights
from engine.training.job import CHECKPOINT
from engine.training.noise import NoiseRule, draw, generator
from engine.training.run import Course, Run

COURSE = Course(steps=6, learning_rate=1e-2, warmup=2, ema=0.9, accumulation=2, seed=3)


def transformer() -> FluxTransformer2DModel:
    torch.manual_seed(0)
    return FluxTransformer2DModel(
        patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=8, pooled_projection_dim=8, guidance_embeds=True, axes_dims_rope=(4, 6, 6),
    )  # fmt: skip


def batch(random: torch.Generator, *, weights: Tensor | None = None, height: int = 4, width: int = 6) -> Batch:
    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random)

    even = torch.ones(2, height * width // 4, 1)
    return Batch(
        normal(2, 4, height, width), normal(2, 4, height, width), normal(2, 5, 8), normal(2, 8),
        even if weights is None else weights,
    )  # fmt: skip


class Drawn:
    """Batches that depend on the random numbers alone."""

    def batch(self, random: torch.Generator) -> Batch:
        return batch(random)


def weights_of(run: Run) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in run.trained.values()]


def equal(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_tokens_and_positions_are_the_pipelines_own() -> None:
    latents = torch.randn(2, 4, 6, 8)
    assert torch.equal(packed(latents), FluxKontextPipeline._pack_latents(latents, 2, 4, 6, 8))
    theirs = FluxKontextPipeline._prepare_latent_image_ids(1, 3, 4, torch.device("cpu"), torch.float32)
    assert torch.equal(positions(3, 4, 0), theirs)
    assert (positions(3, 4, 1)[:, 0] == 1).all()


def test_a_token_counts_by_its_share_of_the_mask() -> None:
    mask = torch.zeros(1, 1, 32, 48)
    mask[..., :16, :16] = 1
    mask[..., :8, 16:32] = 1  # half of the second token
    weights = token_weights(mask, 0.1).flatten()
    assert torch.allclose(weights / weights[0], torch.tensor([1, 0.5, 0.1, 0.1, 0.1, 0.1]))
    assert float(weights.mean()) == pytest.approx(1)


def test_an_all_black_mask_is_refused_unless_everything_counts_a_little() -> None:
    black = torch.zeros(1, 1, 32, 32)
    with pytest.raises(KnownError, match="all black"):
        token_weights(black, 0.0)
    assert torch.equal(token_weights(black, 0.2), torch.ones(1, 4, 1))


def test_what_has_no_weight_changes_neither_loss_nor_gradient() -> None:
    model = transformer()
    mask = torch.zeros(2, 1, 32, 48)
    mask[..., :16, :] = 1
    known = batch(generator(0, 0), weights=token_weights(mask, 0.0))
    noise = draw(NoiseRule(), known.target, generator(0, 1))
    # Half way between noise and picture the model would see the changed target; on pure noise it cannot.
    noise = replace(noise, times=torch.ones(2))
    changed = known.target.clone()
    changed[..., 2:, :] += 5.0
    gradients: list[Tensor] = []
    for target in (known.target, changed):
        model.zero_grad()
        loss = flow_loss(model, replace(known, target=target), noise)
        loss.backward()
        gradients += [loss.detach(), model.x_embedder.weight.grad.clone()]
    assert torch.equal(gradients[0], gradients[2])
    assert torch.equal(gradients[1], gradients[3])
    inside = replace(known, target=known.target + 5.0)
    assert not torch.equal(flow_loss(model, inside, noise).detach(), gradients[0])


def test_a_run_that_is_cut_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole = Run(transformer(), Drawn(), COURSE, tmp_path / "whole")
    losses = [whole.advance() for _ in range(6)]
    cut = Run(transformer(), Drawn(), COURSE, tmp_path / "cut")
    for _ in range(3):
        cut.advance()
    cut.save()
    cut.advance()  # what came after the checkpoint is lost
    again = Run(transformer(), Drawn(), COURSE, tmp_path / "cut")
    assert again.step == 3
    assert [again.advance() for _ in range(3)] == losses[3:]
    assert equal(weights_of(again), weights_of(whole))
    with whole.averaged(), again.averaged():
        assert equal(weights_of(again), weights_of(whole))
    assert again.is_finished


def test_a_checkpoint_of_another_course_is_refused(tmp_path: Path) -> None:
    run = Run(transformer(), Drawn(), COURSE, tmp_path)
    run.advance()
    run.save()
    with pytest.raises(KnownError, match="learning_rate"):
        Run(transformer(), Drawn(), replace(COURSE, learning_rate=1.0), tmp_path)
    assert Run(transformer(), Drawn(), replace(COURSE, steps=100), tmp_path).step == 1, "a run may be made longer"


def test_the_moving_average_is_lent_and_given_back(tmp_path: Path) -> None:
    run = Run(transformer(), Drawn(), COURSE, tmp_path)
    for _ in range(3):
        run.advance()
    learnt = weights_of(run)
    with run.averaged():
        assert not equal(weights_of(run), learnt)
    assert equal(weights_of(run), learnt)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    class Broken(Drawn):
        def batch(self, random: torch.Generator) -> Batch:
            made = super().batch(random)
            return replace(made, target=made.target * float("nan"))

    run = Run(transformer(), Broken(), COURSE, tmp_path)
    with pytest.raises(KnownError, match="no number"):
        run.advance()
    assert not (tmp_path / CHECKPOINT).exists()


def test_only_what_requires_a_gradient_learns(tmp_path: Path) -> None:
    model = transformer().requires_grad_(False)
    model.proj_out.requires_grad_(True)
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    Run(model, Drawn(), COURSE, tmp_path).advance()
    changed = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    assert changed == {"proj_out.weight", "proj_out.bias"}
