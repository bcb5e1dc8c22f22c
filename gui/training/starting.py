"""Putting a new run into the training folder. Pool threads only."""

from __future__ import annotations

from pathlib import Path

from engine.domain.training import TrainingJob, TrainingSettings
from engine.services.training import begin, new_job
from gui.training.facts import SetFacts


def prepare(
    dataset: SetFacts, model: Path, settings: TrainingSettings, name: str, folder: Path, vram_tier: int
) -> tuple[TrainingJob, Path]:
    """Begin a run on a data set; its job, and the new folder that it lies in.

    Raises
    ------
    KnownError
        The set or the model cannot be used, or the training folder cannot be written to.
    """
    job = new_job(dataset.kind, dataset.folder, model, settings, name=name, vram_tier=vram_tier)
    place, number = folder / f"{name}-training", 2
    while place.exists():
        place, number = folder / f"{name}-training-{number}", number + 1
    begin(job, place)
    return job, place
