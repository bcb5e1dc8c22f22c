"""The colours of the window, once for dark rooms and once for bright ones.

Every grey is neutral (R = G = B), because a tinted frame shifts how colours inside it are seen. There is one accent,
for what is selected or comes next; green, amber and red are kept for verdicts, always with a word beside them. This is
the only module with colour literals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Ink = Literal["text", "text_quiet", "text_faint", "accent", "pass_", "warn", "fail", "on_accent"]
"""The colours that something is written or drawn in, by their names in `Palette`."""


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours by what they are for, as ``#rrggbb`` in sRGB.

    Attributes
    ----------
    sunken, window, panel, raised, hover : str
        Grounds: of lists and fields, of the window, of cards and side panels, of buttons and menus, of a button below
        the pointer.
    line, row_line, outline : str
        Rules between parts, rules between rows, and the edge of a control.
    indicator, handle, handle_hover : str
        The edge of a check box, and the handle of a scroll bar.
    text, text_strong, text_quiet, text_faint, text_disabled : str
        Writing; ``text_strong`` stands on selections. Only ``text_disabled`` may be too weak to read with ease.
    surround : str
        The ground below pictures while nobody has chosen another: 18 % reflectance, 1.055 * 0.18 ** (1 / 2.4) - 0.055
        = 0.461 in sRGB. The same in every theme, as it belongs to the pictures.
    accent, accent_deep, accent_hover, accent_focus, on_accent, selection : str
        The one accent: as writing, lines and focus rings; as the ground of what ``on_accent`` is written on; that
        ground below the pointer, its focus ring; and as the ground of what is selected.
    pass_, warn, fail, approve_ground, reject_ground : str
        Verdicts, and the grounds of a decision that was taken.
    overlay : str
        The mask overlay on pictures: a hue that cloth and skin hardly ever have.
    mark_light, mark_dark : str
        Dividers and pins drawn over pictures, in both so that they are seen on any.
    ink_light, ink_dark : str
        Writing on a grey that the operator chooses.
    """

    sunken: str
    window: str
    panel: str
    raised: str
    hover: str
    line: str
    row_line: str
    outline: str
    indicator: str
    handle: str
    handle_hover: str
    text: str
    text_strong: str
    text_quiet: str
    text_faint: str
    text_disabled: str
    accent: str
    accent_deep: str
    accent_hover: str
    accent_focus: str
    on_accent: str
    selection: str
    pass_: str
    warn: str
    fail: str
    approve_ground: str
    reject_ground: str
    surround: str = "#767676"
    overlay: str = "#ff2d9b"
    mark_light: str = "#ffffff"
    mark_dark: str = "#000000"
    ink_light: str = "#f0f0f0"
    ink_dark: str = "#101010"


DARK: Final = Palette(
    sunken="#181818", window="#212121", panel="#292929", raised="#333333", hover="#3d3d3d",
    line="#3a3a3a", row_line="#242424", outline="#4a4a4a", indicator="#858585",
    handle="#505050", handle_hover="#6a6a6a",
    text="#e6e6e6", text_strong="#ffffff", text_quiet="#b8b8b8", text_faint="#9a9a9a", text_disabled="#7a7a7a",
    accent="#68a4ea", accent_deep="#2f6fbd", accent_hover="#3474c2", accent_focus="#a9cdf5", on_accent="#ffffff",
    selection="#33485f",
    pass_="#5fba7d", warn="#e0ab4a", fail="#ee8479", approve_ground="#2c4a36", reject_ground="#54302d",
)  # fmt: skip

LIGHT: Final = Palette(
    sunken="#ffffff", window="#e8e8e8", panel="#f3f3f3", raised="#fbfbfb", hover="#e0e0e0",
    line="#d2d2d2", row_line="#ececec", outline="#b4b4b4", indicator="#767676",
    handle="#b8b8b8", handle_hover="#8e8e8e",
    text="#1e1e1e", text_strong="#000000", text_quiet="#4c4c4c", text_faint="#5f5f5f", text_disabled="#8a8a8a",
    accent="#1a5da8", accent_deep="#2467b8", accent_hover="#1c579e", accent_focus="#04193a", on_accent="#ffffff",
    selection="#c9ddf4",
    pass_="#1b6337", warn="#714a00", fail="#a8221b", approve_ground="#cfe8d7", reject_ground="#f5d5d2",
)  # fmt: skip
