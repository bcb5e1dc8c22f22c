"""FLUX.1 Kontext on the Models page: whether it is there, under which licence, and how to get it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QWidget

from engine.domain.errors import Cancelled, KnownError
from engine.inference.kontext.availability import default_model, kontext_status
from engine.inference.kontext.source import ModelSource
from engine.services.model_download import download_model
from gui import preferences
from gui.context import WindowContext
from gui.look import theme
from gui.models.facts import KontextFacts
from gui.models.licence_dialog import LicenceDialog
from gui.phrases import at_home, capital, duration
from gui.widgets.drop_zone import button_for
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.model_card import ModelCard
from gui.widgets.progress_line import ProgressLine

_SETTLED = 5.0  # seconds of a download before its speed says how long it will take


class KontextCard(ModelCard):
    """Its downloads run in the background; whatever has arrived is kept."""

    changed = Signal()
    """The model is another one, or there at last."""

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__("FLUX.1 Kontext", parent)
        self._context = context
        self._facts: KontextFacts | None = None
        self._stop: threading.Event | None = None
        self._begun = (0.0, 0)
        self._dialog: LicenceDialog | None = None
        self.what = self.add_text("body")
        self.where = ElidedLabel("caption")
        self.column.addWidget(self.where)
        self.licence = self.add_text("caption")
        self.line, self.progress = ProgressLine(), theme.label("", "caption")
        self.column.addSpacing(theme.TIGHT)
        self.column.addWidget(self.line)
        self.column.addWidget(self.progress)
        actions = context.actions
        self._buttons = {name: button_for(actions[name]) for name in _COMMANDS}
        row = QHBoxLayout()
        row.setSpacing(theme.SMALL)
        for button in self._buttons.values():
            row.addWidget(button)
        row.addStretch()
        self.column.addSpacing(theme.TIGHT)
        self.column.addLayout(row)
        actions.on("download_model", self.ask)
        actions.on("stop_download", self.stop)
        actions.on("choose_model", self._choose)
        actions.on("default_model", self._use_default)
        self.set_state("Looking…", "text_faint")
        self._show_download()

    # -- what the page calls ------------------------------------------------------------------------------------

    def set_facts(self, facts: KontextFacts) -> None:
        """Show what was found."""
        self._facts = facts
        source, path = facts.source, facts.status.model or default_model()
        if source is not None:
            warning = facts.status.warning
            self.set_state("Drawn figures only" if warning else "Found", "warn" if warning else "pass_")
            size = (
                f"{source.size_bytes / 1e9:,.1f} GB"
                if source.size_bytes >= 1e8
                else f"{source.size_bytes / 1e6:.0f} MB"
            )
            self.what.setText(f"{_kind(source)}, {size} of weights. {warning}".rstrip())
            self.where.show_text(at_home(path.as_posix()))
        else:
            is_begun = facts.begun_bytes > 0 and not facts.is_chosen
            self.set_state("Incomplete" if is_begun else "Missing", "warn" if is_begun else "text_faint")
            self.what.setText(self._missing(facts, is_begun))
            self.where.show_text(f"Looked for at {at_home(path.as_posix())}")
        # In plain words; the weights, and the pictures made with them, have rules of their own.
        no = "no commercial use without another licence. Read what it says of pictures made with it"
        self.licence.setText(
            f"{facts.entry.licence}: {'commercial use is allowed' if facts.entry.commercial_use else no}."
        )
        self.refresh_actions()

    def ask(self) -> None:
        """Show the licence; the download begins when it is agreed to."""
        if self._facts is None or self.is_busy:
            return
        dialog = LicenceDialog(self._facts.entry, at_home(default_model().as_posix()), self)
        dialog.agreed.connect(self.download)
        dialog.finished.connect(dialog.deleteLater)
        self._dialog = dialog
        dialog.open()

    def download(self, token: str = "", mirror: str = "") -> None:
        """Get what is missing of the model, whose licence was agreed to."""
        if self._facts is None or self.is_busy:
            return
        stop, bridge, entry = threading.Event(), self._context.bridge, self._facts.entry

        def report(done: int, total: int, file: str) -> None:
            if stop.is_set():
                raise Cancelled
            bridge.call(self._advance, (done, total, file))

        def work() -> Path:
            return download_model(entry, report, accepted=True, token=token or None, endpoint=mirror or None)

        self._stop, self._begun = stop, (0.0, 0)
        self.line.set_fraction(0)
        self.progress.setText("Asking the server…")
        self._show_download()
        bridge.run_in_background(work, self._done, self._failed)

    def stop(self) -> None:
        """End the download at the next piece; what has arrived is continued another time."""
        if self._stop is not None:
            self._stop.set()
            self.progress.setText("Stopping…")

    @property
    def is_busy(self) -> bool:
        return self._stop is not None

    def use_model(self, path: Path) -> None:
        """Run this model file or folder from now on, if it is complete."""

        def work() -> Path:
            status = kontext_status(path)
            if not status.available:
                raise KnownError(status.reason, remedy=status.remedy)
            return path

        def done(chosen: Path) -> None:
            preferences.set_kontext_model(chosen)
            self.changed.emit()

        self._context.bridge.run_in_background(work, done, self._context.report)

    def refresh_actions(self) -> None:
        """Switch this card's commands on where they make sense."""
        actions, is_here, facts = self._context.actions, self.isVisible(), self._facts
        is_missing = facts is not None and facts.source is None and not facts.is_chosen
        actions["download_model"].setEnabled(is_here and is_missing and not self.is_busy)
        is_begun = is_missing and facts is not None and facts.begun_bytes > 0
        actions["download_model"].setText("Resume the download…" if is_begun else "Download…")
        actions["stop_download"].setEnabled(is_here and self.is_busy)
        actions["choose_model"].setEnabled(is_here and not self.is_busy)
        actions["default_model"].setEnabled(is_here and facts is not None and facts.is_chosen)
        self._buttons["download_model"].setVisible(is_missing and not self.is_busy)
        self._buttons["stop_download"].setVisible(self.is_busy)
        self._buttons["choose_model"].setVisible(not self.is_busy)
        self._buttons["default_model"].setVisible(facts is not None and facts.is_chosen and not self.is_busy)

    # -- inside -------------------------------------------------------------------------------------------------

    def _missing(self, facts: KontextFacts, is_begun: bool) -> str:
        if is_begun:
            return (
                f"{facts.begun_bytes / 1e9:,.1f} of {facts.entry.size_gb:,.0f} GB are here. "
                "The download goes on where it stopped."
            )
        if facts.is_chosen:
            return f"{capital(facts.status.reason)}."
        return (
            f"Dreams masks and guides colours. {facts.entry.size_gb:,.0f} GB, downloaded once; garment masks and "
            "colour matches run without it."
        )

    def _advance(self, step: tuple[int, int, str]) -> None:
        done, total, file = step
        if self._stop is None or self._stop.is_set():
            return
        now = time.monotonic()
        if self._begun[0] == 0.0:
            self._begun = (now, done)
        self.line.set_fraction(done / max(1, total))
        begun, before = self._begun
        left = ""
        if now - begun > _SETTLED and done > before:
            speed = (done - before) / (now - begun)
            left = f" · {speed / 1e6:,.0f} MB/s · {duration((total - done) / speed)} left"
        self.progress.setText(f"{done / 1e9:,.1f} of {total / 1e9:,.1f} GB{left}")
        self.progress.setToolTip(file)

    def _done(self, path: Path) -> None:
        self._finish()
        self._context.notify("FLUX.1 Kontext is complete.", "No server is contacted any more.")

    def _failed(self, error: Exception) -> None:
        self._finish()
        if isinstance(error, Cancelled):
            self._context.notify("The download was stopped.", "What has arrived is kept, and continued next time.")
        else:
            self._context.report(error)

    def _finish(self) -> None:
        self._stop = None
        self._show_download()
        self.changed.emit()

    def _show_download(self) -> None:
        self.line.setVisible(self.is_busy)
        self.progress.setVisible(self.is_busy)
        if self.is_busy:
            self.set_state("Downloading", "accent")
        self.refresh_actions()

    def _choose(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self,
            "Use a file of FLUX.1 Kontext's transformer, or a diffusers folder's model_index.json",
            "",
            "Models (*.safetensors *.gguf model_index.json)",
        )
        if name:
            path = Path(name)
            self.use_model(path.parent if path.name == "model_index.json" else path)

    def _use_default(self) -> None:
        preferences.set_kontext_model(None)
        self.changed.emit()


_COMMANDS = ("download_model", "stop_download", "choose_model", "default_model")


def _kind(source: ModelSource) -> str:
    if source.transformer_file is None:
        return "A diffusers folder"
    return "A GGUF file" if source.gguf_bytes is not None else "A single .safetensors file"
