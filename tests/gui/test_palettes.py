"""Both palettes can be read, and the window changes from one to the other while it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from itertools import product

import pytest
from PySide6.QtCore import QSettings, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QImage
from PySide6.QtWidgets import QApplication

from engine.domain.errors import KnownError
from engine.domain.results import Verdict
from gui.actions import PageName
from gui.frame.main_window import MainWindow
from gui.look import appearance, theme
from gui.look.appearance import Theme
from gui.look.icons import icon
from gui.look.palette import DARK, LIGHT, Palette
from gui.review.verdict_badge import badge_ground
from tests.gui.patience import PatientBot
from tests.gui.studio import Studio

GROUNDS = ("sunken", "window", "panel", "raised")
READ = (
    *product(("text", "text_quiet", "accent", "pass_", "warn", "fail"), GROUNDS),
    *product(("text", "text_strong", "text_quiet"), ("hover", "selection")),
    *product(("text_faint",), ("sunken", "window", "panel")),
    ("on_accent", "accent_deep"), ("on_accent", "accent_hover"),
    ("text_strong", "approve_ground"), ("text_strong", "reject_ground"),
)  # fmt: skip
"""(ink, ground) of writing of any size: 4.5 at least (WCAG 2.2, 1.4.3)."""

SEEN = (
    *product(("accent",), (*GROUNDS, "hover", "selection")),
    *product(("text_faint",), (*GROUNDS, "selection")),
    *product(("pass_", "warn", "fail"), ("hover", "selection")),
    *product(("indicator",), GROUNDS),
    ("accent_focus", "window"), ("accent_focus", "panel"), ("accent_focus", "accent_deep"),
    ("mark_light", "mark_dark"),
)  # fmt: skip
"""(ink, ground) of icons, edges that say what a thing is, and focus rings: 3 at least (WCAG 2.2, 1.4.11)."""


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    values = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_measure_is_the_published_one() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # the well-known grey that just fails


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=["dark", "light"])
def test_everything_written_can_be_read(palette: Palette) -> None:
    ratios = {f"{ink} on {ground}": contrast(getattr(palette, ink), getattr(palette, ground)) for ink, ground in READ}
    assert not {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < 4.5}


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=["dark", "light"])
def test_every_sign_and_focus_ring_is_seen(palette: Palette) -> None:
    ratios = {f"{ink} on {ground}": contrast(getattr(palette, ink), getattr(palette, ground)) for ink, ground in SEEN}
    assert not {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < 3}


@pytest.mark.parametrize("choice", [Theme.DARK, Theme.LIGHT])
def test_the_word_of_a_badge_can_be_read_on_its_ground(choice: Theme, qapp: QApplication) -> None:
    appearance.choose(choice, qapp)
    ratios = {v.value: contrast(theme.verdict_color(v), badge_ground(v).name()) for v in Verdict}
    assert not {verdict: round(ratio, 2) for verdict, ratio in ratios.items() if ratio < 4.5}


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=["dark", "light"])
def test_greys_are_neutral_so_that_colours_are_seen_as_they_are(palette: Palette) -> None:
    tinted = {"accent", "selection", "pass_", "warn", "fail", "approve_ground", "reject_ground", "overlay"}
    greys = [f.name for f in fields(palette) if f.name.split("_")[0] != "accent" and f.name not in tinted]
    values = {name: QColor(getattr(palette, name)) for name in greys}
    assert not {name: c.name() for name, c in values.items() if not c.red() == c.green() == c.blue()}


def test_both_palettes_lay_pictures_on_the_same_grey() -> None:
    assert QColor(DARK.surround) == QColor(LIGHT.surround) == theme.grey(0.18)


def _ground(window: MainWindow) -> QColor:
    shot: QImage = window.grab().toImage()
    return shot.pixelColor(shot.width() // 2, shot.height() - 3)


def _strongest(sign: QIcon, mode: QIcon.Mode = QIcon.Mode.Normal) -> QColor:
    """The colour of the icon's most opaque pixel."""
    image = sign.pixmap(QSize(32, 32), 1.0, mode).toImage().convertToFormat(QImage.Format.Format_ARGB32)
    pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    return max(pixels, key=lambda pixel: pixel.alpha())


def test_the_theme_changes_while_the_window_stands(window: MainWindow, qapp: QApplication) -> None:
    sign = icon("folder")
    assert _ground(window) == QColor(DARK.window)
    appearance.choose(Theme.LIGHT, qapp)
    assert theme.colors() is LIGHT
    assert _ground(window) == QColor(LIGHT.window)
    assert window.palette().windowText().color() == QColor(LIGHT.text)
    assert _strongest(sign).name() == LIGHT.text, "an icon that was made before"
    assert _strongest(sign, QIcon.Mode.Disabled).name() == LIGHT.text_disabled
    appearance.choose(Theme.DARK, qapp)
    assert _ground(window) == QColor(DARK.window)
    assert _strongest(sign).name() == DARK.text


def _pages(window: MainWindow, qtbot: PatientBot) -> dict[PageName, QImage]:
    """What every page looks like."""
    shots: dict[PageName, QImage] = {}
    for page in PageName:
        window.show_page(page)
        qtbot.waitForRest(window.bridge)
        last = QImage()
        while last != (shot := window.grab().toImage()):  # painting asks for what was not in sight before
            last = shot
            qtbot.waitForRest(window.bridge)
        shots[page] = last
    return shots


def test_a_window_that_was_switched_looks_like_one_that_was_opened_so(
    studio: Studio, open_window: Callable[[], MainWindow], qapp: QApplication, qtbot: PatientBot
) -> None:
    """Whatever keeps a colour from before shows here."""
    studio.finish({"A1": 1.0, "B2": 4.0, "C3": 9.0})

    def build() -> MainWindow:
        window = open_window()
        window.intake.add([studio.shoot("F6", "G7")])
        window.report(KnownError("the disk is full", remedy="Free some space."))
        return window

    switched = build()
    dark = _pages(switched, qtbot)
    appearance.choose(Theme.LIGHT, qapp)
    after = _pages(switched, qtbot)
    switched.hide()
    fresh = _pages(build(), qtbot)
    assert all(dark[page] != after[page] for page in PageName)
    assert not [page for page in PageName if after[page] != fresh[page]]


def test_the_choice_is_kept_and_nonsense_is_no_choice(qapp: QApplication) -> None:
    assert appearance.chosen() is Theme.DARK
    appearance.choose(Theme.LIGHT, qapp)
    assert appearance.chosen() is Theme.LIGHT
    QSettings().setValue("window/theme", "mauve")
    assert appearance.chosen() is Theme.DARK


def test_the_desktop_is_followed_only_where_that_was_chosen(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch, open_window: Callable[[], MainWindow]
) -> None:
    """The off-screen platform has no colour scheme, so the test says in its place what the desktop has."""
    scheme = Qt.ColorScheme.Light
    monkeypatch.setattr(appearance, "desktop_scheme", lambda _application: scheme)
    window = open_window()

    def tell(now: Qt.ColorScheme) -> None:
        nonlocal scheme
        scheme = now
        QGuiApplication.styleHints().colorSchemeChanged.emit(now)

    tell(Qt.ColorScheme.Light)
    assert _ground(window) == QColor(DARK.window), "nobody asked for it"
    appearance.choose(Theme.SYSTEM, qapp)
    assert _ground(window) == QColor(LIGHT.window)
    tell(Qt.ColorScheme.Dark)
    assert _ground(window) == QColor(DARK.window)
    tell(Qt.ColorScheme.Unknown)
    assert _ground(window) == QColor(DARK.window)
    tell(Qt.ColorScheme.Light)
    assert _ground(window) == QColor(LIGHT.window)


def test_an_icon_is_sharp_at_every_scaling() -> None:
    for ratio in (1.0, 1.5, 2.5):
        drawn = icon("check").pixmap(QSize(20, 20), ratio)
        assert drawn.size() == QSize(20, 20) * ratio
        assert drawn.devicePixelRatio() == ratio
