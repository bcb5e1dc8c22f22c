"""Models: what the Kontext engine and the detector need, whether it is there, and how it is run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from engine.domain.files import known_os_error
from engine.inference.kontext.availability import models_folder
from engine.inference.kontext.gguf_file import GGUF_SUFFIX
from engine.services.detection import GroundedStatus, grounded_status
from gui import preferences
from gui.context import WindowContext
from gui.look import theme
from gui.models.facts import KontextFacts, read_kontext, read_loras
from gui.models.kontext_card import KontextCard
from gui.models.lora_panel import LoraPanel
from gui.models.memory_card import MemoryCard
from gui.phrases import at_home, capital
from gui.widgets.card_column import card_column
from gui.widgets.drop_zone import button_for
from gui.widgets.model_card import ModelCard

T = TypeVar("T")


class ModelsPage(QWidget):
    """Reads the models folder in the background each time it is shown."""

    changed = Signal()
    """What can run here may be another than before."""

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._looks = 0
        self.kontext, self.memory = KontextCard(context), MemoryCard(context)
        self.detection = ModelCard("Grounding DINO and SAM 2")
        self._detected = self.detection.add_text("body")
        self._detection_remedy = self.detection.add_text("caption")
        self.detection.set_state("Looking…", "text_faint")
        self.loras = LoraPanel(context)
        self._build_layout()
        context.actions.on("open_models_folder", self._open_folder)
        context.actions.on("look_again", self._look_again)
        for part in (self.kontext, self.loras):
            part.changed.connect(self._on_changed)

    # -- what the window calls ----------------------------------------------------------------------------------

    def reload(self) -> None:
        """Look at the models folder again, in the background."""
        chosen = preferences.kontext_model()
        self._looks += 1
        self._read(lambda: read_kontext(chosen), self._show_kontext, self.kontext)
        self._read(lambda: read_loras(chosen), self.loras.set_states)
        self._read(grounded_status, self._show_detection, self.detection)

    def add(self, paths: Sequence[Path]) -> None:
        """Take dropped files: a GGUF file is a model, everything else ought to be a LoRA."""
        for path in [path for path in paths if path.suffix.lower() == GGUF_SUFFIX][:1]:
            self.kontext.use_model(path)
        self.loras.add([path for path in paths if path.suffix.lower() != GGUF_SUFFIX])

    def stop(self) -> None:
        """End the download and the processes that were asked something; the window closes."""
        self.kontext.stop()
        self._context.services.torch.stop()

    @property
    def is_busy(self) -> bool:
        """Whether a download runs."""
        return self.kontext.is_busy

    def refresh_actions(self) -> None:
        """Switch this page's commands on where they make sense."""
        self._context.actions["look_again"].setEnabled(self.isVisible())
        self.kontext.refresh_actions()
        self.loras.refresh_actions()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.reload()
        self.memory.look()

    # -- inside -------------------------------------------------------------------------------------------------

    def _read(self, work: Callable[[], T], show: Callable[[T], None], card: ModelCard | None = None) -> None:
        """Read something in the background and show it, unless a later look has begun meanwhile."""
        look = self._looks

        def done(found: T) -> None:
            if look == self._looks:
                show(found)

        def failed(error: Exception) -> None:
            if card is not None:
                card.set_state("Unknown", "warn")
            self._context.report(error)

        self._context.bridge.run_in_background(work, done, failed)

    def _show_kontext(self, facts: KontextFacts) -> None:
        if not self.kontext.is_busy:
            self.kontext.set_facts(facts)
        self.memory.set_facts(facts)

    def _show_detection(self, status: GroundedStatus) -> None:
        is_there = status.settings is not None
        self.detection.set_state(*(("Found", "pass_") if is_there else ("Missing", "text_faint")))
        what = at_home(status.reason)
        self._detected.setText(f"Uses {what}." if is_there else "Finds a garment by its name, and masks it.")
        self._detection_remedy.setText("" if is_there else f"{capital(what)}. {status.remedy}")
        self._detection_remedy.setVisible(not is_there)

    def _on_changed(self) -> None:
        self.reload()
        self.changed.emit()

    def _look_again(self) -> None:
        self.memory.look(again=True)
        self._on_changed()

    def _open_folder(self) -> None:
        folder = models_folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._context.report(known_os_error(error, folder))
            return
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    # -- layout -------------------------------------------------------------------------------------------------

    def _build_layout(self) -> None:
        foot = QHBoxLayout()
        foot.setSpacing(theme.SMALL)
        for name in ("open_models_folder", "look_again"):
            foot.addWidget(button_for(self._context.actions[name]))
        foot.addStretch()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.LARGE, theme.LARGE, theme.LARGE, theme.LARGE)
        layout.setSpacing(theme.LARGE)
        layout.addWidget(card_column((self.kontext, self.memory, self.detection, foot)))
        layout.addWidget(self.loras, 1)
