"""The pictures of the shown result with the instruments to judge them: every viewing command ends here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic

from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QShowEvent, QWindow
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from engine.domain.review import ReviewItem, Viewed
from gui.actions import COMMANDS, Mode
from gui.context import WindowContext
from gui.look import theme
from gui.pictures.display import Display, find_display
from gui.pictures.parts import Part
from gui.viewer import settings as viewer_settings
from gui.viewer.color_readout import ColorReadout
from gui.viewer.compare_view import CompareView
from gui.viewer.viewer_bar import ViewerBar

_HELD_SECONDS = 0.3  # a key that is down for longer was held to look, not pressed to switch
_DIVIDER_STEP = 0.05  # of the view's width
_COMMANDS = (
    "compare", "mask", "loupe", "wipe", "split", "heat_map", "eyedropper", "soft_proof", "display_profile",
    "forget_display_profile", "surround_lighter", "surround_darker",
)  # fmt: skip
_ON_ALONE = tuple(command.name for command in COMMANDS if Mode.MASK_EDITOR in command.stays)


class Viewer(QWidget):
    """Linked pictures, the eyedropper's figures and the line about colours below them."""

    def __init__(self, context: WindowContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._held_since: dict[str, float] = {}
        self._display = Display()
        self._file_profile = ""
        self._watched: QWindow | None = None
        self.compare = CompareView(
            context.bridge, context.services.artifacts, context.report, viewer_settings.arrangement()
        )
        self.compare.set_surround(theme.grey(viewer_settings.surround()))
        self.readout = ColorReadout(self.compare.eyedropper)
        self.bar = ViewerBar()
        self.compare.legend_changed = self._show_legends
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.compare, 1)
        layout.addWidget(self.readout)
        layout.addWidget(self.bar)
        self._connect()

    def show_item(self, item: Viewed | None, neighbours: Sequence[ReviewItem] = ()) -> None:
        """Show a result, or a failed job's photographs; the neighbours' previews are read ahead."""
        self._file_profile = (item.pair.on_model.icc or "sRGB assumed") if item is not None else ""
        self.compare.show_item(item, neighbours)
        self._describe_display()

    def follow_settings(self) -> None:
        """Take the grey around the pictures and the screen's profile as they were chosen anew."""
        self.compare.set_surround(theme.grey(viewer_settings.surround()))
        self._read_profile()

    def show_alone(self, part: Part | None, *, beside: Part | None = None) -> None:
        """Lay every instrument down and show one picture only, for a tool that draws there; None leads back.

        Parameters
        ----------
        beside : Part, optional
            A second picture to look at.
        """
        if part is not None:
            self.end_blink()
            self.end_loupe()
            self._context.actions["eyedropper"].setChecked(False)
            self.compare.hold_eyedropper(False)
        self.compare.show_alone(part, beside)

    def refresh_actions(self, is_here: bool, *, is_alone: bool = False) -> None:
        """Switch the viewing commands on where there is something to look at; on a picture alone, only the zoom."""
        actions = self._context.actions
        for name in _ON_ALONE:
            actions[name].setEnabled(is_here)
        is_here = is_here and not is_alone
        for name in _COMMANDS:
            actions[name].setEnabled(is_here)
        for name in ("wipe_left", "wipe_right"):
            actions[name].setEnabled(is_here and actions["wipe"].isChecked())
        actions["disagreement"].setEnabled(is_here and self.compare.has_doubt)
        actions["unpin"].setEnabled(is_here and self.compare.eyedropper.pin_place is not None)

    def end_blink(self) -> None:
        """Show the result again."""
        self._context.actions["compare"].setChecked(False)
        self.compare.show_original(False)

    def end_held(self, event: QKeyEvent) -> bool:
        """End what a key was held for, a blink or the loupe, where this is its release; whether it is."""
        if event.isAutoRepeat():
            return False
        for name, end in (("compare", self.end_blink), ("loupe", self.end_loupe)):
            action = self._context.actions[name]
            if QKeySequence(event.keyCombination()) in action.shortcuts() and action.isChecked():
                # A key that was only pressed has switched it on until it is pressed again.
                if monotonic() - self._held_since.get(name, 0.0) < _HELD_SECONDS:
                    return False
                end()
                return True
        return False

    def end_loupe(self) -> None:
        """Lay the loupe down."""
        self._context.actions["loupe"].setChecked(False)
        self.compare.hold_loupe(False)

    # -- inside -------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        actions, compare = self._context.actions, self.compare
        toggles: tuple[tuple[str, Callable[[bool], None]], ...] = (
            ("compare", self._blink),
            ("mask", compare.show_mask),
            ("wipe", self._wipe),
            ("heat_map", compare.show_heat),
            ("disagreement", compare.show_doubt),
            ("loupe", self._hold_loupe),
            ("eyedropper", compare.hold_eyedropper),
        )
        for name, switch in toggles:
            actions.on(name, partial(self._switch, name, switch))
        for name, call in (
            ("actual_size", compare.toggle_actual_size),
            ("fit", compare.link.fit),
            ("zoom_in", partial(compare.zoom, 1.25)),
            ("zoom_out", partial(compare.zoom, 0.8)),
            ("split", self._split),
            ("wipe_left", partial(compare.move_divider, -_DIVIDER_STEP)),
            ("wipe_right", partial(compare.move_divider, _DIVIDER_STEP)),
            ("soft_proof", self._show_display),
            ("display_profile", self._choose_profile),
            ("forget_display_profile", partial(self._set_profile, None)),
            ("unpin", compare.eyedropper.unpin),
            ("surround_lighter", partial(self._step_surround, +1)),
            ("surround_darker", partial(self._step_surround, -1)),
        ):
            actions.on(name, call)
        compare.eyedropper.changed.connect(self._on_eyedropper)

    def _switch(self, name: str, switch: Callable[[bool], None]) -> None:
        switch(self._context.actions[name].isChecked())

    def _blink(self, shown: bool) -> None:
        self._held_since["compare"] = monotonic()
        self.compare.show_original(shown)

    def _hold_loupe(self, held: bool) -> None:
        self._held_since["loupe"] = monotonic()
        self.compare.hold_loupe(held)

    def _show_legends(self) -> None:
        self.bar.show_heat(self.compare.heat)
        self.bar.show_doubt(self.compare.doubtful)

    def _wipe(self, wiped: bool) -> None:
        self.compare.wipe(wiped)
        for name in ("wipe_left", "wipe_right"):
            self._context.actions[name].setEnabled(wiped)

    def _split(self) -> None:
        if self._context.actions["wipe"].isChecked():
            self._context.actions["wipe"].setChecked(False)
            self._wipe(False)
        self.compare.split()
        viewer_settings.set_arrangement(self.compare.arrangement)

    def _on_eyedropper(self) -> None:
        self._context.actions["unpin"].setEnabled(self.isVisible() and self.compare.eyedropper.pin_place is not None)

    # -- colours ------------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        handle = self.window().windowHandle()
        if handle is not None and handle is not self._watched:
            self._watched = handle
            handle.screenChanged.connect(self._read_profile)
            self._read_profile()

    def _read_profile(self) -> None:
        """Find out, in the background, which profile the screen has that the window is on."""
        screen = self.screen()
        number = max(0, QGuiApplication.screens().index(screen))
        chosen, platform = viewer_settings.display_profile(screen.name()), QGuiApplication.platformName()
        self._context.bridge.run_in_background(
            lambda: find_display(chosen, platform, number), self._on_profile, self._on_no_profile
        )

    def _on_profile(self, display: Display) -> None:
        self._display = display
        self._show_display()

    def _on_no_profile(self, error: Exception) -> None:
        self._context.report(error)
        self._on_profile(Display())

    def _show_display(self) -> None:
        # Where the screen counts as sRGB, every picture is proofed already.
        proofs = self._context.actions["soft_proof"].isChecked() and self._display.profile is not None
        self.compare.set_display(replace(self._display, soft_proof=proofs))
        self._describe_display()

    def _describe_display(self) -> None:
        is_known = self._display.profile is not None
        proof = " → sRGB soft proof" if self._context.actions["soft_proof"].isChecked() else ""
        screen = f" → {self._display.name}" if is_known else "   ·   display profile unknown: shown as sRGB"
        self.bar.show_display(f"{self._file_profile}{proof}{screen}", is_doubtful=not is_known)

    def _choose_profile(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Profile of this screen", "", "ICC profiles (*.icc *.icm)")
        if name:
            self._set_profile(Path(name))

    def _set_profile(self, path: Path | None) -> None:
        viewer_settings.set_display_profile(self.screen().name(), path)
        self._read_profile()

    def _step_surround(self, stops: int) -> None:
        self.compare.set_surround(theme.grey(viewer_settings.step_surround(stops)))
