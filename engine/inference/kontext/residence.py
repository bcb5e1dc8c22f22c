"""Keeps the model of the last job in memory for the next one, and runs it with less where memory runs out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from engine.domain.requests import DiffusionSettings
from engine.inference.kontext.exhaustion import OutOfMemory, free_memory
from engine.inference.kontext.lora import CheckedLora
from engine.inference.kontext.pipeline import LoadedModel, Placing, choose_placing
from engine.inference.kontext.prompts import PromptCache, PromptEmbeddings
from engine.inference.kontext.source import ModelSource, find_source
from engine.inference.kontext.tiers import tier_below, wanted_tier

T = TypeVar("T")


class Residence:
    """One model at a time in the worker process. Not safe for more than one thread.

    Parameters
    ----------
    prompts : PromptCache
        Where encoded prompts are kept.
    """

    def __init__(self, prompts: PromptCache) -> None:
        self._prompts = prompts
        self._model: LoadedModel | None = None
        self._source: ModelSource | None = None
        self._fingerprint = ""
        self._asked: tuple[str, int] | None = None
        self._placing: Placing | None = None
        self._lowered_for = ""
        self.loads = 0
        """How often a model was loaded from its files."""

    @property
    def model(self) -> LoadedModel:
        """The model that `settle` loaded last."""
        assert self._model is not None
        return self._model

    @property
    def fingerprint(self) -> str:
        """Of the model's weights."""
        return self._fingerprint

    def notices(self) -> tuple[str, ...]:
        """What an operator should know of how the model runs."""
        return tuple(sentence for sentence in (self._lowered_for, self._prompts.notice) if sentence)

    def settle(self, settings: DiffusionSettings) -> tuple[LoadedModel, CheckedLora | None, PromptEmbeddings]:
        """Load what a job needs and is not there yet: the encoded prompt, the model, the LoRA.

        Raises
        ------
        KnownError
            A file is missing or wrong, or the machine is too small.
        """
        source = self.source(settings)
        assert self._asked is not None
        placing = self._placing if self._placing is not None else choose_placing(source, self._asked[1])
        # Before the transformer is loaded: both together would need the most memory of the whole job.
        prompt = self._prompts.embeddings(source, settings.prompt, placing.dtype)
        if self._model is None:
            self._placing = placing
            self._model = LoadedModel(source, placing)
            self.loads += 1
        return self._model, self._model.use(settings.lora), prompt

    def retry_lower(self, work: Callable[[], T], lowered: Callable[[], None]) -> T:
        """Do ``work``; where memory runs out, free it, step down to a tier that takes less, and do it once more.

        Parameters
        ----------
        work : callable
            Calls `settle` itself.
        lowered : callable
            Called before the second try.

        Raises
        ------
        OutOfMemory
            It ran out twice, or there is no lower tier.
        """
        try:
            return work()
        except OutOfMemory:
            if not self._step_down():
                raise
        # Outside the handler, whose exception would hold on to every tensor of the failed call.
        free_memory()
        lowered()
        try:
            return work()
        except OutOfMemory:
            self.leave()
            raise

    def leave(self) -> None:
        """Forget the model; the next job loads it."""
        self._model = None

    def _step_down(self) -> bool:
        placing, source = self._placing, self._source
        self.leave()
        if placing is None or source is None:
            return False
        below = tier_below(placing.tier, source.gguf_bytes)
        if below is None:
            return False
        # For the rest of the process: the next job would run out of memory in the same way.
        self._placing = replace(placing, tier=below)
        self._lowered_for = (
            f"The memory ran out at the {placing.tier.gib} GB tier; the model runs at the {below.gib} GB tier now."
        )
        return True

    def source(self, settings: DiffusionSettings) -> ModelSource:
        """The model's files, and a clean slate where they are others than before; nothing is loaded yet.

        Raises
        ------
        KnownError
            A file is missing or wrong.
        """
        asked = settings.model, settings.vram_tier or wanted_tier()
        if asked != self._asked or self._source is None:
            self._model = self._placing = self._source = None  # frees the former model before the next one is loaded
            self._asked, self._lowered_for = asked, ""
            self._source = find_source(Path(settings.model))
            self._fingerprint = self._source.fingerprint()
        return self._source
