"""One training run from its folder to its LoRA file, in the process it is called in."""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

from engine.domain.datasets import DatasetKind, Example, Split
from engine.domain.errors import Cancelled
from engine.domain.files import complete_file
from engine.domain.training import (
    Evaluated,
    Finished,
    Paused,
    Prepared,
    Preparing,
    Sampled,
    Saved,
    StepDone,
    TrainingEvent,
    TrainingJob,
    TrainingPlan,
)
from engine.inference.kontext.exhaustion import memory_errors
from engine.inference.kontext.prompts import PromptCache, default_prompt_folder
from engine.inference.kontext.source import ModelSource, find_source
from engine.training.adapter import add_lora, course_of, has_bitsandbytes, load_transformer, lora_weights, optimiser_of
from engine.training.cache import LatentCache, default_latent_folder
from engine.training.examples import TrainingExamples, load_examples
from engine.training.job import CHECKPOINT, CHECKPOINTS, RunLog, last_step, read_job, read_plan, write_plan
from engine.training.lora_file import header_of, write_lora
from engine.training.memory import nominal_gib, plan_for
from engine.training.run import Run
from engine.training.samples import Sampler

Tell = Callable[[TrainingEvent], None]
_RECENT = 50
"""Steps by whose mean time the remaining time is told."""


@dataclass(frozen=True, slots=True)
class Caches:
    """Where latents and prompts are kept between runs."""

    latents: LatentCache
    prompts: PromptCache

    @classmethod
    def default(cls) -> Caches:
        return cls(LatentCache(default_latent_folder()), PromptCache(default_prompt_folder()))


def train(folder: Path, tell: Tell, wants_pause: Callable[[], bool], caches: Caches | None = None) -> Finished | Paused:
    """Begin the run of a folder, or go on with it.

    A run that is paused, or was killed, goes on from its checkpoint and comes to the same weights, bit for bit, on the
    same machine.

    Parameters
    ----------
    folder : Path
        With ``job.json`` (`engine.training.job.write_job`).
    tell : callable
        Gets every event as it happens; the log in the folder has them too.
    wants_pause : callable
        Asked before each step.

    Raises
    ------
    KnownError
        A file, the model, the memory or the settings are not as they must be; the last checkpoint is intact.
    """
    job = read_job(folder)
    source = find_source(Path(job.model))
    plan = read_plan(folder) or machine_plan(job)
    write_plan(folder, plan)
    return _Session(folder, job, source, plan, tell, wants_pause, caches or Caches.default()).run()


def machine_plan(job: TrainingJob) -> TrainingPlan:
    """How this machine trains the job.

    Raises
    ------
    KnownError
        It does not fit, by estimate.
    """
    card = None
    if torch.cuda.is_available():
        card = job.vram_tier or nominal_gib(torch.cuda.mem_get_info()[1])
    return plan_for(job.settings, card, has_bitsandbytes=has_bitsandbytes())


class _Session:
    def __init__(
        self,
        folder: Path,
        job: TrainingJob,
        source: ModelSource,
        plan: TrainingPlan,
        tell: Tell,
        wants_pause: Callable[[], bool],
        caches: Caches,
    ) -> None:
        self._folder, self._job, self._source, self._plan = folder, job, source, plan
        self._wants_pause, self._tell_outside = wants_pause, tell
        self._settings = job.settings
        self._dtype = torch.bfloat16 if plan.compute == "bfloat16" else torch.float32
        self._caches = caches
        self._log: RunLog | None = None
        self._times: deque[float] = deque(maxlen=_RECENT)
        self._started = datetime.now(UTC)
        paints = job.kind is DatasetKind.MASK and job.settings.iou_steps > 0
        # Held-out examples whose masks are painted and measured.
        self._masked = [example for example in job.of(Split.HELD_OUT) if paints and example.mask]

    def run(self) -> Finished | Paused:
        try:
            examples = self._examples()
            self._tell(Preparing("model", 0, 1))
            transformer = load_transformer(self._source, self._plan)
            learning = add_lora(transformer, self._settings)
            with memory_errors("while the optimiser was made"):
                run = Run(
                    transformer,
                    examples,
                    course_of(self._settings, self._plan),
                    self._folder,
                    partial(optimiser_of, self._plan),
                )
        except Cancelled:
            # Nothing was learnt since: what was encoded is in the caches, and the checkpoint, if any, is as it was.
            paused = Paused(last_step(self._folder))
            self._log = RunLog(self._folder, paused.step)
            self._tell(paused)
            return paused
        if not (self._folder / CHECKPOINT).exists():
            run.save()  # from here on there is always something to go on from
        self._log = RunLog(self._folder, run.step)
        counts = (len(self._job.of(Split.TRAIN)), len(examples.held_out))
        self._tell(Prepared(self._plan, run.step, learning, *counts))
        outcome = self._loop(run, transformer, examples)
        self._tell(outcome)
        return outcome

    def _examples(self) -> TrainingExamples:
        return load_examples(
            self._job,
            self._source,
            latents=self._caches.latents,
            prompts=self._caches.prompts,
            device=self._plan.device,
            dtype=self._dtype,
            tell=self._preparing,
        )

    def _preparing(self, what: str, done: int, total: int) -> None:
        self._tell(Preparing(what, done, total))
        if self._wants_pause():
            raise Cancelled

    def _loop(self, run: Run, transformer: FluxTransformer2DModel, examples: TrainingExamples) -> Finished | Paused:
        settings = self._settings
        sampler = Sampler(self._source, transformer, self._plan.device, self._dtype)
        stalled = self._last_evaluation()
        is_early = bool(settings.patience) and stalled is not None and stalled.stalled >= settings.patience
        while not run.is_finished and not is_early:
            if self._wants_pause():
                run.save()
                return Paused(run.step)
            self._step(run)
            with run.averaged(), run.computing():
                if _is_due(run.step, settings.evaluate_every) and examples.held_out:
                    stalled = self._evaluate(run, sampler, transformer, examples)
                    is_early = bool(settings.patience) and stalled.stalled >= settings.patience
                if _is_due(run.step, settings.save_every):
                    self._write(self._folder / CHECKPOINTS / f"{self._job.name}-{run.step:06}", run.step, transformer)
                if _is_due(run.step, settings.sample_every) and settings.samples:
                    self._sample(run.step, sampler, transformer, examples)
            # After what is written at this step: a run that is killed meanwhile does all of it again.
            if _is_due(run.step, settings.checkpoint_every):
                run.save()
        run.save()
        return self._finish(run, transformer, is_early)

    def _step(self, run: Run) -> None:
        begun = time.monotonic()
        rate = run.course.rate(run.step)
        with memory_errors("while training; train at lower resolutions, or with a smaller batch"):
            loss = run.advance()
        seconds = time.monotonic() - begun
        self._times.append(seconds)
        remaining = sum(self._times) / len(self._times) * (run.course.steps - run.step)
        self._tell(StepDone(run.step, run.course.steps, loss, rate, seconds, remaining))

    def _evaluate(
        self, run: Run, sampler: Sampler, transformer: FluxTransformer2DModel, examples: TrainingExamples
    ) -> Evaluated:
        transformer.eval()
        losses: list[float] = []
        with torch.no_grad():
            for batch, draws in examples.evaluation(self._settings.seed, self._settings.guidance):
                losses.append(float(run.loss(batch, draws)))
        loss, last = sum(losses) / len(losses), self._last_evaluation()
        iou = sampler.iou(self._job, self._masked, examples) if self._masked else None
        evaluated = last.next(run.step, loss, iou) if last else Evaluated(run.step, loss, run.step, loss, 0, iou, iou)
        if evaluated.best_step == run.step:
            self._write(self._folder / "best", run.step, transformer)
        self._tell(evaluated)
        return evaluated

    def _last_evaluation(self) -> Evaluated | None:
        history = self._log.history if self._log is not None else []
        return next((event for event in reversed(history) if isinstance(event, Evaluated)), None)

    def _sample(
        self, step: int, sampler: Sampler, transformer: FluxTransformer2DModel, examples: TrainingExamples
    ) -> None:
        transformer.eval()
        chosen: list[Example] = [*self._job.of(Split.HELD_OUT), *self._job.of(Split.TRAIN)][: self._settings.samples]
        for name, path in sampler.strips(self._job, chosen, examples, self._folder, step):
            self._tell(Sampled(step, name, path.relative_to(self._folder).as_posix()))

    def _write(self, stem: Path, step: int, transformer: FluxTransformer2DModel) -> Path:
        path = stem.with_name(f"{stem.name}.safetensors")
        write_lora(path, lora_weights(transformer, self._settings), header_of(self._job, step, self._started))
        self._tell(Saved(step, path.relative_to(self._folder).as_posix()))
        return path

    def _finish(self, run: Run, transformer: FluxTransformer2DModel, is_early: bool) -> Finished:
        final, best = self._folder / self._job.name, self._folder / "best.safetensors"
        evaluation = self._last_evaluation()
        if self._settings.patience and evaluation is not None and best.is_file():
            path = final.with_name(f"{final.name}.safetensors")
            with complete_file(path, overwrite=True) as temporary:
                shutil.copyfile(best, temporary)
            return Finished(run.step, path.name, evaluation.best_step, is_early)
        with run.averaged():
            path = self._write(final, run.step, transformer)
        return Finished(run.step, path.name, run.step, is_early)

    def _tell(self, event: TrainingEvent) -> None:
        if self._log is not None:
            self._log.tell(event)
        self._tell_outside(event)


def _is_due(step: int, every: int) -> bool:
    return bool(every) and step % every == 0
