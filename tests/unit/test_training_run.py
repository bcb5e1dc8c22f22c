"""Flow matching on a real, tiny FluxTransformer2DModel: what the loss weighs, and runs that go on after a cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import FluxKontextPipeline, FluxTransformer2DModel
from torch import Tensor

from engine.domain.errors import KnownError
from engine.domain.training import TrainingSettings
from engine.training.adapter import add_lora
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


def left_half(height: int = 32, width: int = 48) -> Tensor:
    mask = torch.zeros(2, 1, height, width)
    mask[..., : width // 3] = 1
    return mask


def test_what_has_no_weight_gets_no_gradient_at_any_time() -> None:
    model = transformer()
    known = batch(generator(0, 0), weights=token_weights(left_half(), 0.0))
    predicted: list[Tensor] = []

    def keep(_: object, __: object, output: Tensor) -> None:
        output.retain_grad()
        predicted.append(output)

    model.proj_out.register_forward_hook(keep)
    for step in range(3):
        flow_loss(model, known, draw(NoiseRule(), known.target, generator(step, 1))).backward()
        gradient = predicted[-1].grad
        assert gradient is not None
        counts = known.weights[..., 0] > 0
        tokens = counts.shape[1]
        assert not gradient[:, :tokens][~counts].any(), "outside the mask"
        assert not gradient[:, tokens:].any(), "the control picture's tokens"
        assert (gradient[:, :tokens][counts] != 0).any(dim=-1).all()


def test_training_moves_what_counts_towards_its_target_and_knows_nothing_of_the_rest(tmp_path: Path) -> None:
    inside, outside = token_weights(left_half(), 0.0), token_weights(1 - left_half(), 0.0)
    known = batch(generator(0, 0), weights=inside)
    far = known.target.clone()
    far[..., 2:] += 9.0  # what lies outside the mask
    course = Course(steps=40, learning_rate=1e-2, warmup=1, noise=NoiseRule(pure=1.0))
    draws = draw(course.noise, known.target, generator(9, 9))

    class Always:
        def __init__(self, target: Tensor) -> None:
            self.made = replace(known, target=target)

        def batch(self, random: torch.Generator) -> Batch:
            return self.made

    def errors(run: Run, target: Tensor) -> list[float]:
        with torch.no_grad():
            sides = (replace(known, target=target, weights=weights) for weights in (inside, outside))
            return [float(run.loss(side, draws)) for side in sides]

    one, other = (
        Run(transformer(), Always(t), course, tmp_path / name) for t, name in ((known.target, "a"), (far, "b"))
    )
    before = errors(other, far)
    for _ in range(40):
        one.advance()
        other.advance()
    after = errors(other, far)
    assert after[0] < 0.7 * before[0], "inside, it comes nearer"
    assert after[1] > 0.9 * before[1], "outside, it does not"
    assert equal(weights_of(one), weights_of(other))


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


def test_a_damaged_checkpoint_is_refused_by_name(tmp_path: Path) -> None:
    run = Run(transformer(), Drawn(), COURSE, tmp_path)
    run.save()
    whole = (tmp_path / CHECKPOINT).read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"something else"):
        (tmp_path / CHECKPOINT).write_bytes(damaged)
        with pytest.raises(KnownError, match="cannot be read") as refused:
            Run(transformer(), Drawn(), COURSE, tmp_path)
        assert refused.value.path == tmp_path / CHECKPOINT


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


def test_times_are_logit_normal_with_the_share_of_pure_noise_that_is_asked_for() -> None:
    rule = NoiseRule(mean=0.5, deviation=1.2, pure=0.25, guidance=(2.0, 3.0))
    draws = draw(rule, torch.zeros(8000, 1, 1, 1), generator(0, 0))
    pure = draws.times == 1
    assert float(pure.float().mean()) == pytest.approx(0.25, abs=0.02)
    logits = torch.logit(draws.times[~pure])
    assert float(logits.mean()) == pytest.approx(0.5, abs=0.05)
    assert float(logits.std()) == pytest.approx(1.2, abs=0.05)
    assert 2 <= float(draws.guidance.min()) < 2.01
    assert 2.99 < float(draws.guidance.max()) <= 3


def test_the_guidance_embedding_is_told_its_guidance() -> None:
    model, known = transformer(), batch(generator(0, 0))
    draws = draw(NoiseRule(), known.target, generator(0, 1))
    with torch.no_grad():
        one, other = (flow_loss(model, known, replace(draws, guidance=torch.full((2,), value))) for value in (1.0, 4.0))
    assert not torch.equal(one, other)


def test_a_step_of_two_batches_takes_their_mean(tmp_path: Path) -> None:
    run = Run(transformer(), Drawn(), COURSE, tmp_path)
    with torch.no_grad():
        losses = [
            float(run.loss(made, draw(COURSE.noise, made.target, generator(3, 0, 2 * part + 1))))
            for part in range(2)
            for made in [batch(generator(3, 0, 2 * part))]
        ]
    assert run.advance() == pytest.approx(sum(losses) / 2, rel=1e-5)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_bfloat16_and_checkpointing_learn_nearly_and_exactly_the_same(tmp_path: Path, checkpointing: bool) -> None:
    def gradients(precision: str, checkpointing: bool) -> tuple[float, Tensor]:
        model = transformer().requires_grad_(False).to(getattr(torch, precision))
        add_lora(model, TrainingSettings(rank=4, gradient_checkpointing=checkpointing))
        run = Run(model.train(), Drawn(), replace(COURSE, precision=precision), tmp_path / precision)
        made = batch(generator(0, 0))
        loss = run.loss(made, draw(NoiseRule(), made.target, generator(0, 1)))
        loss.backward()
        # The first factors have none yet: the second ones are still zero.
        found = [p.grad for name, p in run.trained.items() if ".lora_B." in name and p.grad is not None]
        assert {gradient.dtype for gradient in found} == {torch.float32}
        return float(loss.detach()), torch.cat([gradient.flatten() for gradient in found])

    exact, expected = gradients("float32", False)
    loss, gradient = gradients("float32", checkpointing)
    assert loss == exact
    assert torch.allclose(gradient, expected, rtol=1e-5, atol=1e-7)
    loss, gradient = gradients("bfloat16", checkpointing)
    assert loss == pytest.approx(exact, rel=0.02)
    assert loss != exact
    assert float((gradient - expected).norm() / expected.norm()) < 0.1
