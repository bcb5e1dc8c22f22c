"""What a new data set shall be: of what, from where."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QWidget,
)

from engine.domain.datasets import LEAST_PAIRS, DatasetKind, SplitBy
from engine.domain.jobs import Batch
from engine.services.datasets.approved import Chosen
from engine.services.datasets.split import HELD_OUT
from gui.context import WindowContext
from gui.look import theme
from gui.look.palette import Ink
from gui.phrases import count
from gui.training.builds import SetOrder
from gui.training.facts import Candidates, read_candidates
from gui.widgets.choice_box import ChoiceBox
from gui.widgets.folder_field import FolderField
from gui.widgets.form_dialog import FieldGrid, FormDialog
from gui.widgets.number_box import NumberBox

_WIDTH, _NAMES = 600, 150
_KINDS = (
    (DatasetKind.MASK, "Mask LoRA", "It paints a region green, also of what is not there"),
    (DatasetKind.COLOR, "Colour LoRA", "It gives a garment the colour of its flatlay"),
)
_SOURCES = (
    (Chosen.BOTH, "Approved and marked results", "What somebody approved, or marked as a training pair (T)"),
    (Chosen.APPROVED, "Approved results", "What somebody approved"),
    (Chosen.MARKED, "Results marked as training pairs", "What somebody marked in the review (T)"),
    (None, "Folders of pictures", "Photographs and masks from elsewhere"),
)
_SPLITS = (
    (SplitBy.ARTICLE, "whole articles, by the file names", "No article is both trained on and measured"),
    (SplitBy.PICTURE, "single photographs", "For photographs whose names do not say which article they show"),
)


class SetDialog(FormDialog):
    """Filled in so far that a set of masks needs the object's name alone.

    Parameters
    ----------
    folder : Path
        Of the training.
    taken : collection of str
        What lies in it already.
    """

    ordered = Signal(object)
    """A `SetOrder`."""

    def __init__(self, context: WindowContext, folder: Path, taken: Collection[str], parent: QWidget) -> None:
        super().__init__("set_dialog", "New data set", parent, _WIDTH)
        self._taken = {name.casefold() for name in taken}
        self._context, self._folder = context, folder
        self._candidates: Candidates | None = None
        self._looks = 0
        self._is_over = False
        self._shape = True, False  # which rows are shown: of masks or colours, of the catalog or of folders
        self.finished.connect(self._end)
        self.kind = ChoiceBox[DatasetKind](_KINDS)
        self.source = ChoiceBox["Chosen | None"](_SOURCES)
        self.batch, self.masks = QComboBox(), QComboBox()
        self.batch.addItem("All batches", None)
        self.object, self.name = QLineEdit(), QLineEdit()
        self.object.setPlaceholderText("As the prompt will say it: a hat, socks and lower leg skin, …")
        self.photographs, self.mask_folder = FolderField("Photographs"), FolderField("Their masks")
        self.painted = QCheckBox("The masks are photographs with the mask painted green")
        self.held_out = NumberBox(0, 50)
        self.held_out.setSuffix(" %")
        self.held_out.setValue(HELD_OUT * 100)
        self.held_out.setFixedWidth(90)
        self.held_out.setAccessibleName("Held out, per cent")
        self.split_by = ChoiceBox[SplitBy](_SPLITS)
        self.split_by.setAccessibleName("Held out by")
        self.held_out.setToolTip("Pairs that are not trained on and measure what was learnt")
        self._build_layout()
        self._connect()
        context.bridge.run_in_background(context.services.catalog.batches, self._show_batches, context.report)
        self._look()

    def order(self) -> SetOrder:
        """What was chosen."""
        is_mask, from_folders = self.kind.choice() is DatasetKind.MASK, self.source.choice() is None
        return SetOrder(
            self.kind.choice(),
            self._folder / self._set_name(),
            self.object.text().strip(),
            self.source.choice() or Chosen.BOTH,
            self.batch.currentData(),
            str(self.masks.currentData() or "") if is_mask else "",
            self.photographs.path() if from_folders else None,
            self.mask_folder.path() if from_folders and is_mask else None,
            self.painted.isChecked(),
            self.held_out.value() / 100,
            self.split_by.choice(),
        )

    # -- inside -------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        self.kind.currentIndexChanged.connect(self._refresh)
        for box in (self.source, self.batch):
            box.currentIndexChanged.connect(self._look)
        self.masks.currentIndexChanged.connect(self._refresh)
        for text in (self.object, self.name):
            text.textChanged.connect(self._refresh)
        for folder in (self.photographs, self.mask_folder):
            folder.changed.connect(self._refresh)
        self.build_button.clicked.connect(self._submit)

    def _end(self) -> None:
        """What is still being read has nobody to be shown to."""
        self._is_over = True

    def _show_batches(self, batches: list[Batch]) -> None:
        if self._is_over:
            return
        for batch in batches:
            self.batch.addItem(batch.name, batch.id)

    def _look(self) -> None:
        """Count what the catalog has for it, in the background."""
        chosen, batch, catalog = self.source.choice(), self.batch.currentData(), self._context.services.catalog
        self._candidates = None
        self._looks += 1
        look = self._looks

        def done(candidates: Candidates) -> None:
            if look != self._looks or self._is_over:
                return
            self._candidates = candidates
            before = self.masks.currentData()
            self.masks.blockSignals(True)
            self.masks.clear()
            for name, number in candidates.masks.items():
                self.masks.addItem(f"{name.capitalize()} · {number:,}", name)
            self.masks.setCurrentIndex(max(0, self.masks.findData(before)) if candidates.masks else -1)
            self.masks.blockSignals(False)
            self._refresh()

        if chosen is not None:
            self._context.bridge.run_in_background(
                lambda: read_candidates(catalog, chosen, batch), done, self._context.report
            )
        self._refresh()

    def _set_name(self) -> str:
        typed = self.name.text().strip()
        return typed if typed else self._proposed_name()

    def _proposed_name(self) -> str:
        if self.kind.choice() is DatasetKind.COLOR:
            stem = "colour"
        else:
            words = re.sub(r"^(an?|the)\s+", "", self.object.text().strip().lower())
            stem = re.sub(r"[^\w]+", "-", words).strip("-") or "mask"
        stem = name = f"{stem[:40]}-set"
        number = 2
        while name.casefold() in self._taken:
            name, number = f"{stem}-{number}", number + 1
        return name

    def _refresh(self) -> None:
        is_mask, from_folders = self.kind.choice() is DatasetKind.MASK, self.source.choice() is None
        for rows, is_shown in (
            ((self.object,), is_mask),
            ((self.masks,), is_mask and not from_folders),
            ((self.batch,), not from_folders),
            ((self.photographs,), from_folders),
            ((self.mask_folder, self.painted), from_folders and is_mask),
        ):
            for field in rows:
                for widget in self._rows[field]:
                    widget.setVisible(is_shown)
        self._rows[self.photographs][0].setText("Photographs" if is_mask else "Photographs and flatlays")  # pyright: ignore[reportAttributeAccessIssue]
        self.name.setPlaceholderText(self._proposed_name())
        text, ink, is_ready = self._verdict(is_mask, from_folders)
        self.tell(text, ink)
        self.build_button.setEnabled(is_ready)
        if self._shape != (is_mask, from_folders):
            self._shape = is_mask, from_folders
            self.fit()

    def _verdict(self, is_mask: bool, from_folders: bool) -> tuple[str, Ink, bool]:
        """What stands in the way, or what will be built, and whether it can be."""
        name = self._set_name()
        if not re.fullmatch(r"\w[\w. -]*", name):
            return "The name cannot be one of a folder.", "fail", False
        if name.casefold() in self._taken:
            return "There is something of this name in the training folder.", "fail", False
        if from_folders and (self.photographs.path() is None or (is_mask and self.mask_folder.path() is None)):
            return ("Choose the folders." if is_mask else "Choose the folder."), "text_quiet", False
        number = LEAST_PAIRS
        if not from_folders:
            if self._candidates is None:
                return "Counting…", "text_quiet", False
            masks = self._candidates.masks.get(str(self.masks.currentData() or ""), 0)
            number = masks if is_mask else self._candidates.matches
            what = "masks" if is_mask else "colour matches"
            if number == 0:
                return f"No {what} were approved or marked. Decide on some in the review.", "warn", False
        if is_mask and not self.object.text().strip():
            return "Say what is masked.", "text_quiet", False
        if number < LEAST_PAIRS:
            few = f"{count(number, 'pair')}; at least {LEAST_PAIRS} are needed to train."
            return few, "warn", True
        return ("" if from_folders else f"{count(number, 'pair')} will be built."), "text_quiet", True

    def _submit(self) -> None:
        self.ordered.emit(self.order())
        self.accept()

    # -- layout -------------------------------------------------------------------------------------------------

    def _measuring(self) -> QWidget:
        """How many pairs are held out, and by what they are told apart."""
        line = QWidget()
        inside = QHBoxLayout(line)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(theme.SMALL)
        inside.addWidget(self.held_out)
        inside.addWidget(self.split_by, 1)
        line.setFocusProxy(self.held_out)
        return line

    def _build_layout(self) -> None:
        grid = FieldGrid(_NAMES)
        self._rows: dict[QWidget, list[QWidget]] = {}
        self.painted.setAccessibleName(self.painted.text())
        for text, field in (
            ("For", self.kind), ("From", self.source), ("Batch", self.batch), ("Masks", self.masks),
            ("Photographs", self.photographs), ("Their masks", self.mask_folder), ("", self.painted),
            ("What is masked", self.object), ("Name of the set", self.name), ("Held out", self._measuring()),
        ):  # fmt: skip
            self._rows[field] = [grid.add(text, field), field]
        about = theme.label(
            "Pictures are copied into the set, originals are only read. A mask that was corrected by hand takes the"
            " place of the one it corrects.", "caption",
        )  # fmt: skip
        about.setWordWrap(True)
        self.column.addWidget(about)
        self.column.addLayout(grid)
        self.build_button = self.add_foot("build_now", "Build")
