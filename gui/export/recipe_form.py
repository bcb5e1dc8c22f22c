"""What a recipe says, to be chosen: formats, names, what becomes of flat files, and of files that are in the way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from engine.domain.errors import UsageError
from engine.domain.export import MOST_SHARPENING, NAME_TOKENS, SRGB, Collision, ExportFormat, ExportRecipe, PathUse
from engine.services.export import example_name
from gui.look import theme
from gui.widgets.choice_box import ChoiceBox
from gui.widgets.number_box import NumberBox

_FORMATS = (
    (ExportFormat.PSD, "PSD", "All results of a photograph in layers"),
    (ExportFormat.TIFF_LAYERS, "Layered TIFF", "The same layers in a TIFF"),
    (ExportFormat.TIFF, "TIFF", "Changed picture, masks as channels"),
    (ExportFormat.PNG, "PNG", "Changed picture, lossless"),
    (ExportFormat.JPEG, "JPEG", "Changed picture, small"),
    (ExportFormat.MASK, "Mask", "Each mask alone, 8-bit PNG"),
)
_PATHS = (
    (PathUse.CLIPPING, "Clipping path in JPEG", "Saved with PSD and TIFF, where it clips nothing"),
    (PathUse.SAVED, "Saved path", "In PSD, TIFF and JPEG"),
    (PathUse.NONE, "None", "No path is written"),
)
_COLLISIONS = (
    (Collision.REFUSE, "Leave it and say so", "Counts as a failure"),
    (Collision.SKIP, "Leave it", "Only what is missing is written"),
    (Collision.NUMBER, "Write under a number", "A1-2.psd beside A1.psd"),
    (Collision.OVERWRITE, "Overwrite it", "Originals are never written to, whatever is chosen"),
)
_OWN = "The photograph's own"
_LEAST_SIDE = 16
_TITLE_WIDTH = 112


class RecipeForm(QWidget):
    """Holds a recipe while it is being chosen."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.formats = {format: QCheckBox(title) for format, title, _ in _FORMATS}
        self.name = QLineEdit()
        self._example = theme.label("", "caption")
        self._example.setWordWrap(True)
        self.max_side = _number(0, 300_000, 100, 0, "Full size", " px")
        self.profile = QComboBox()
        self.profile.addItem(_OWN, "")
        self.profile.addItem("sRGB", SRGB)
        self.profile.addItem("Choose a profile…", None)
        self.sharpening = _number(0, MOST_SHARPENING, 0.1, 1, "Off", "")
        self.quality = _number(1, 100, 5, 0, "", "")
        self.path = ChoiceBox[PathUse](_PATHS)
        self.collision = ChoiceBox[Collision](_COLLISIONS)
        self._build_layout()
        self.apply(ExportRecipe())
        self._connect()

    def apply(self, recipe: ExportRecipe) -> None:
        """Show this recipe, apart from whose results it is for."""
        for format, box in self.formats.items():
            box.setChecked(format in recipe.formats)
        self.name.setText(recipe.name_pattern)
        self.max_side.setValue(recipe.max_side)
        self._show_profile(recipe.profile)
        self.sharpening.setValue(recipe.sharpening)
        self.quality.setValue(recipe.jpeg_quality)
        self.path.choose(recipe.path)
        self.collision.choose(recipe.collision)
        self._say_example()

    def chosen_formats(self) -> tuple[ExportFormat, ...]:
        """Those that are ticked."""
        return tuple(format for format, box in self.formats.items() if box.isChecked())

    def recipe(self, *, approved_only: bool) -> ExportRecipe:
        """The recipe that is shown.

        Raises
        ------
        UsageError
            The name pattern cannot be read.
        """
        side = round(self.max_side.value())
        return ExportRecipe(
            self.chosen_formats(),
            approved_only,
            name_pattern=self.name.text().strip(),
            max_side=side if side >= _LEAST_SIDE else 0,
            profile=self.profile.currentData() or "",
            sharpening=round(self.sharpening.value(), 1),
            jpeg_quality=round(self.quality.value()),
            path=self.path.choice(),
            collision=self.collision.choice(),
        )

    def problem(self) -> str:
        """What is wrong with the name pattern; empty where it is right."""
        try:
            self.recipe(approved_only=True)
        except UsageError as error:
            return str(error)
        return ""

    # -- inside -------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        for box in self.formats.values():
            box.toggled.connect(self.changed)
        self.name.textChanged.connect(self._say_example)
        for field in (self.max_side, self.sharpening, self.quality):
            field.valueChanged.connect(self.changed)
        for box in (self.path, self.collision, self.profile):
            box.currentIndexChanged.connect(self.changed)
        self.profile.activated.connect(self._on_profile)

    def _say_example(self) -> None:
        try:
            text, ink = f"→ {example_name(self.name.text().strip(), date.today())}", None
        except UsageError as error:
            text, ink = f"{str(error)[:1].upper()}{str(error)[1:]}", "fail"
        self._example.setText(text)
        theme.set_ink(self._example, ink)
        self.changed.emit()

    def _on_profile(self, row: int) -> None:
        if self.profile.itemData(row) is not None:
            return
        file, _ = QFileDialog.getOpenFileName(self, "Profile of flat files", "", "ICC profiles (*.icc *.icm)")
        self._show_profile(file)

    def _show_profile(self, profile: str) -> None:
        row = self.profile.findData(profile)
        if row < 0:
            row = self.profile.count() - 1
            self.profile.insertItem(row, Path(profile).stem, profile)
        self.profile.setCurrentIndex(row)

    def _build_layout(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        column.addWidget(theme.label("Formats", "heading"))
        formats = QGridLayout()
        formats.setHorizontalSpacing(theme.SMALL)
        formats.setVerticalSpacing(theme.SMALL)
        for row, (format, _, what) in enumerate(_FORMATS):
            formats.addWidget(self.formats[format], row, 0)
            formats.addWidget(theme.label(what, "caption"), row, 1)
        formats.setColumnStretch(1, 1)
        column.addLayout(formats)
        column.addSpacing(theme.MEDIUM)
        column.addWidget(theme.label("Names", "heading"))
        self.name.setAccessibleName("Pattern of the file names")
        tokens = " ".join(f"{{{token}}}" for token in NAME_TOKENS)
        self.name.setToolTip(f"{tokens}\n/ makes folders")
        column.addWidget(self.name)
        column.addWidget(self._example)
        column.addSpacing(theme.MEDIUM)
        flat = (
            ("Longest side", self.max_side, "Larger pictures are reduced; PSD, layered TIFF and masks keep their size"),
            ("Profile", self.profile, "PSD and layered TIFF keep the photograph's"),
            ("Sharpening", self.sharpening, "An unsharp mask on lightness, after the picture was reduced"),
            ("JPEG quality", self.quality, "1 to 100"),
        )
        every = (
            ("Outline of the mask", self.path, "As a path for Photoshop and layout programs"),
            ("A file in the way", self.collision, "One that Chromask did not write, or that was changed since"),
        )
        for title, rows in (("Flat files", flat), ("All files", every)):
            column.addWidget(theme.label(title, "heading"))
            column.addLayout(_fields(rows))
            column.addSpacing(theme.SMALL)
        column.addStretch()


def _fields(rows: Sequence[tuple[str, QWidget, str]]) -> QGridLayout:
    fields = QGridLayout()
    fields.setHorizontalSpacing(theme.SMALL)
    fields.setVerticalSpacing(theme.TIGHT)
    for row, (title, field, tip) in enumerate(rows):
        field.setAccessibleName(title)
        field.setToolTip(tip)
        fields.addWidget(theme.label(title, "caption"), row, 0)
        fields.addWidget(field, row, 1)
    fields.setColumnMinimumWidth(0, _TITLE_WIDTH)
    fields.setColumnStretch(1, 1)
    return fields


def _number(least: float, most: float, step: float, decimals: int, least_text: str, suffix: str) -> NumberBox:
    field = NumberBox(least, most, decimals, step=step)
    field.setSpecialValueText(least_text)
    field.setSuffix(suffix)
    return field
