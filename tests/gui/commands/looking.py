"""Commands for looking at pictures, and how each is tried."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import ImageCms
from PySide6.QtCore import QPoint, QPointF

from gui.pictures.parts import Arrangement, Part
from gui.viewer import settings as viewer_settings
from tests.gui.hand import Case, Hand


def _looking(**held: bool) -> Callable[[Hand], None]:
    """At a result, every instrument laid down but these."""

    def there(hand: Hand) -> None:
        hand.at("A1")
        actions = hand.window.actions_table
        for name in ("compare", "wipe", "mask", "heat_map", "disagreement", "loupe", "eyedropper", "soft_proof"):
            if actions[name].isChecked() is not held.get(name, False):
                actions[name].trigger()
        while hand.window.review.compare.arrangement is not Arrangement.THREE:
            actions["split"].trigger()
        hand.window.review.compare.link.fit()
        hand.rest()
        hand.window.review.list.setFocus()

    return there


def _under_pointer(hand: Hand) -> None:
    _looking()(hand)
    view = hand.view(Part.RESULT)
    hand.qtbot.mouseMove(view, QPoint(view.width() // 2, view.height() // 2))


def _wiped(hand: Hand) -> None:
    _looking(wipe=True)(hand)
    hand.view(Part.RESULT).move_divider(0.5)


def _pinned(hand: Hand) -> None:
    _looking(eyedropper=True)(hand)
    hand.window.review.compare.eyedropper.pin(Part.RESULT, QPointF(0.5, 0.5))


def _magnified(hand: Hand) -> None:
    _looking()(hand)
    hand.window.review.compare.zoom(1.25)


def _middle_grey(hand: Hand) -> None:
    _looking()(hand)
    viewer_settings.set_surround(0.18)


def _doubtful(hand: Hand) -> None:
    _looking()(hand)
    hand.at("E5")


def _profile_file(hand: Hand) -> Path:
    file = hand.studio.folder / "screen.icc"
    file.write_bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    return file


def _no_profile(hand: Hand) -> None:
    _looking()(hand)
    hand.choose(_profile_file(hand))
    hand.window.review.viewer._set_profile(None)


def _a_profile(hand: Hand) -> None:
    _looking()(hand)
    hand.window.review.viewer._set_profile(_profile_file(hand))
    hand.rest()


def _says_how(words: str) -> Callable[[Hand], bool]:
    return lambda hand: words in hand.window.review.viewer.bar.texts()["display"]


def _blinks(hand: Hand) -> bool:
    return hand.window.review.compare.panes[Part.RESULT].title == "Original, in place of the result"


def _divider(hand: Hand) -> float:
    return round(hand.view(Part.RESULT).divider, 2)


def _zoom(hand: Hand) -> float:
    return round(hand.window.review.compare.link.zoom, 3)


LOOKING = {
    "compare": Case(_looking(), _blinks, True),
    "wipe": Case(_looking(), lambda hand: hand.view(Part.RESULT).before is not None, True),
    "wipe_left": Case(_wiped, _divider, 0.45),
    "wipe_right": Case(_wiped, _divider, 0.55),
    "split": Case(
        _looking(), lambda hand: [part for part in Part if part in _TITLED and hand.view(part).isVisible()],
        [Part.ORIGINAL, Part.RESULT],
    ),
    "mask": Case(_looking(), lambda hand: hand.view(Part.RESULT).mask is not None, True),
    "heat_map": Case(_looking(), lambda hand: hand.window.review.viewer.bar.legend.isVisible(), True),
    "disagreement": Case(_doubtful, lambda hand: hand.view(Part.ORIGINAL).doubt is not None, True),
    "loupe": Case(_under_pointer, lambda hand: hand.view(Part.RESULT).under_loupe() is not None, True),
    "eyedropper": Case(_looking(), lambda hand: hand.view(Part.RESULT).tool is not None, True),
    "unpin": Case(_pinned, lambda hand: hand.view(Part.RESULT).pin, None),
    "actual_size": Case(_looking(), lambda hand: round(hand.view(Part.RESULT).scale, 3), 1.0),
    "fit": Case(_magnified, _zoom, 1.0),
    "zoom_in": Case(_looking(), _zoom, 1.25),
    "zoom_out": Case(_magnified, _zoom, 1.0),
    "soft_proof": Case(_looking(), _says_how("soft proof"), True),
    "display_profile": Case(_no_profile, _says_how("profile unknown"), False),
    "forget_display_profile": Case(_a_profile, _says_how("profile unknown"), True),
    "surround_lighter": Case(_middle_grey, lambda _: viewer_settings.surround(), 0.36),
    "surround_darker": Case(_middle_grey, lambda _: viewer_settings.surround(), 0.09),
}  # fmt: skip
_TITLED = (Part.FLATLAY, Part.ORIGINAL, Part.RESULT)
