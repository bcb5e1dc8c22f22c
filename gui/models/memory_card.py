"""The graphics card and how FLUX.1 Kontext is run on it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QWidget

from engine.domain.errors import Cancelled, KnownError
from engine.inference.kontext.tiers import GIB, TIERS, Offload, VramTier, Weights, wanted_tier
from engine.services.doctor import GraphicsCard
from engine.services.model_tiers import tier_here
from gui import preferences
from gui.context import WindowContext
from gui.look import theme
from gui.models.facts import KontextFacts
from gui.widgets.model_card import ModelCard

_WEIGHTS = {
    Weights.BF16: "16-bit weights", Weights.FP8: "8-bit weights", Weights.GGUF: "the file's own weights",
}  # fmt: skip
_OFFLOAD = {
    Offload.NONE: "all on the card",
    Offload.COMPONENTS: "only what computes is on the card",
    Offload.BLOCKS: "brought to the card block by block, which is slow",
}


def tier_words(tier: VramTier) -> str:
    """What a tier does, for an operator."""
    tiles = "; pictures are decoded in tiles" if tier.vae_tiling else ""
    return f"{_WEIGHTS[tier.weights]}, {_OFFLOAD[tier.offload]}{tiles}. Takes {tier.peak_bytes / GIB:.1f} GiB at most."


class MemoryCard(ModelCard):
    """Looks at the card in another process, once; the choice of the tier is remembered."""

    changed = Signal()

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__("Graphics memory", parent)
        self._context = context
        self._facts: KontextFacts | None = None
        self._card: GraphicsCard | None = None
        self._looks, self._has_looked = False, False
        self.card = self.add_text("body")
        self.tier = QComboBox()
        self.tier.addItem("Automatic, by the graphics card", 0)
        for gib in TIERS:
            self.tier.addItem(f"As on a card of {gib} GB", gib)
        self.tier.setCurrentIndex(max(0, self.tier.findData(preferences.vram_tier())))
        self.tier.setToolTip("How FLUX.1 Kontext is run; holds for batches that are started from now on")
        self.column.addWidget(self.tier)
        self.effect, self.warning = self.add_text("caption"), self.add_text("caption")
        theme.set_ink(self.warning, "warn")
        self.tier.currentIndexChanged.connect(self._on_tier)
        self._refresh()

    def look(self, *, again: bool = False) -> None:
        """Ask which graphics card there is; only once unless it is asked for again."""
        if self._looks or (self._has_looked and not again):
            return
        self._looks = True
        self._context.bridge.run_in_background(self._context.services.torch.graphics_card, self._seen, self._failed)
        self._refresh()

    def set_facts(self, facts: KontextFacts) -> None:
        """A GGUF file keeps its own precision, so the tiers depend on the model."""
        self._facts = facts
        self._refresh()

    # -- inside -------------------------------------------------------------------------------------------------

    def _seen(self, card: GraphicsCard | None) -> None:
        self._looks, self._has_looked, self._card = False, True, card
        self._refresh()

    def _failed(self, error: Exception) -> None:
        self._looks, self._has_looked = False, True
        self._refresh()
        if not isinstance(error, Cancelled):
            self._context.report(error)

    def _on_tier(self) -> None:
        preferences.set_vram_tier(int(self.tier.currentData()))
        self._refresh()
        self.changed.emit()

    def _refresh(self) -> None:
        self.warning.hide()
        card = self._card
        if not self._has_looked:
            self.card.setText("Looking for a graphics card…")
        elif card is None:
            self.card.setText("No graphics card that torch can use was found.")
        else:
            free, total = card.free_bytes / GIB, card.total_bytes / GIB
            self.card.setText(f"{card.name}, {free:.1f} of {total:.1f} GiB are free.")
        if self._facts is None:
            self.effect.setText("")
            return
        gib = int(self.tier.currentData())
        if gib == 0:
            self._show_automatic(self._facts)
            return
        tier = next(tier for tier in self._facts.tiers if tier.gib == gib)
        words = tier_words(tier)
        self.effect.setText(f"{words[:1].upper()}{words[1:]}")
        if card is not None and tier.peak_bytes > card.free_bytes:
            self._warn("More than is free on this card: a job would fall back to a smaller tier.")

    def _show_automatic(self, facts: KontextFacts) -> None:
        try:
            named = wanted_tier()
            if self._card is None:
                after = f"The environment names the {named} GB tier. " if named else ""
                wait = (
                    ""
                    if not self._has_looked
                    else "Without a card FLUX.1 Kontext runs on the processor, slowly, and needs 48 GB of memory."
                )
                self.effect.setText(f"{after}{wait}")
                return
            tier = tier_here(self._card.total_bytes, self._card.free_bytes, facts.gguf_model)
            whose = "named by the environment" if named else "by what is free on the card"
            self.effect.setText(f"{tier.gib} GB tier, {whose}: {tier_words(tier)}")
        except KnownError as error:
            self.effect.setText("")
            self._warn(f"{error.what}. {error.remedy}")

    def _warn(self, text: str) -> None:
        self.warning.setText(text)
        self.warning.show()
