"""The brands' presets on the Export page: their files are chosen here, and kept as they were changed here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QWidget

from engine.domain.errors import UsageError
from engine.domain.export import ExportRecipe
from engine.services.presets import Preset, find_preset, load_presets, save_preset, user_presets
from gui.context import WindowContext
from gui.look import theme

_NONE = "No preset"
_NO_PRESETS = "Presets are saved on the Intake page, a brand each"


class PresetRow(QWidget):
    """A box of presets, and a button that keeps the page's recipe in the chosen one.

    Parameters
    ----------
    recipe : callable
        What the page shows; may raise `UsageError`.
    """

    chosen = Signal(object)
    """Its `ExportRecipe`."""
    kept = Signal(object)
    """The `Preset` with its new recipe."""

    def __init__(
        self, context: WindowContext, recipe: Callable[[], ExportRecipe], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._context, self._recipe = context, recipe
        self._presets: dict[str, Preset] = {}
        self.box = QComboBox()
        self.box.setAccessibleName("Preset")
        self.keep = QPushButton("Keep")
        self.keep.setAccessibleName("Keep these choices in the preset")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SMALL)
        row.addWidget(self.box, 1)
        row.addWidget(self.keep)
        self._show(())
        self.box.activated.connect(self._on_activated)
        self.keep.clicked.connect(self._keep)

    def load(self) -> None:
        """Read the presets, in the background."""
        file = user_presets(self._context.services.catalog_path)
        self._context.bridge.run_in_background(
            lambda: load_presets(file), self._show, self._context.report, in_order=True
        )

    def refresh(self) -> None:
        """Offer to keep what is not in the chosen preset yet."""
        preset = self._presets.get(self._current)
        try:
            is_new = preset is not None and _in_one_order(self._recipe()) != _in_one_order(preset.export)
        except UsageError:
            is_new = False
        self.keep.setEnabled(is_new)
        self.keep.setToolTip(self._why(preset, is_new=is_new))

    # -- inside -------------------------------------------------------------------------------------------------

    @property
    def _current(self) -> str:
        return self.box.currentData() or ""

    def _show(self, presets: Sequence[Preset]) -> None:
        current = self._current
        self._presets = {preset.name: preset for preset in presets}
        self.box.clear()
        self.box.addItem(_NONE, "")
        for name in self._presets:
            self.box.addItem(name, name)
        self.box.setCurrentIndex(max(0, self.box.findData(current)))
        self.box.setEnabled(bool(self._presets))
        self.box.setToolTip("Export in the way of a brand" if self._presets else _NO_PRESETS)
        self.refresh()

    def _why(self, preset: Preset | None, *, is_new: bool) -> str:
        """What *Keep* does, or why it is switched off."""
        if preset is None:
            return "Choose a preset to keep these choices in" if self._presets else _NO_PRESETS
        if is_new:
            return f"Export for “{preset.name}” in this way from now on"
        return f"“{preset.name}” is exported in this way already, or the choices are not complete"

    def _on_activated(self) -> None:
        preset = self._presets.get(self._current)
        if preset is not None:
            self.chosen.emit(preset.export)
        self.refresh()

    def _keep(self) -> None:
        file = user_presets(self._context.services.catalog_path)
        name, recipe = self._current, self._recipe()

        def work() -> tuple[Preset, Sequence[Preset]]:
            preset = replace(find_preset(file, name), export=recipe)  # the rest of it may have changed since
            save_preset(file, preset)
            return preset, load_presets(file)

        def done(kept: tuple[Preset, Sequence[Preset]]) -> None:
            preset, presets = kept
            self._show(presets)
            self.kept.emit(preset)

        self._context.bridge.run_in_background(work, done, self._context.report, in_order=True)


def _in_one_order(recipe: ExportRecipe) -> ExportRecipe:
    """A file may list the formats in any."""
    return replace(recipe, formats=tuple(sorted(recipe.formats)))
