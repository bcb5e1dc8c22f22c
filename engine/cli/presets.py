"""`--preset NAME`: the studio's choices for a brand, with whatever was typed over them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.domain.export import ExportRecipe

if TYPE_CHECKING:
    from engine.services.presets import Preset

PresetOption = Annotated[
    str, typer.Option("--preset", help="Choices saved on the Intake page; options that are typed go before it.")
]

_FIELDS = {
    "tasks": ("garment_mask", "color_match", "dreamed"), "label": ("garment",), "brand": ("brand",),
    "engine": ("engine",), "mask_source": ("mask_source",), "steps": ("steps",), "seed": ("seed",), "seeds": ("seeds",),
    "draft": ("draft",),
}  # fmt: skip
"""Option -> the fields of a preset that it states."""

_RECIPE_FIELDS = {
    "format": "formats", "name": "name_pattern", "max_side": "max_side", "profile": "profile", "sharpen": "sharpening",
    "quality": "jpeg_quality", "path": "path", "collision": "collision",
}  # fmt: skip
"""Option -> the field of a preset's recipe that it states."""


def with_preset(context: typer.Context, name: str, catalog: Path | None, options: Preset) -> Preset:
    """The options of a command, those that nobody typed replaced by a preset's; without a name the options alone.

    Raises
    ------
    UsageError
        There is no preset of that name.
    KnownError
        The studio's presets are wrong.
    """
    if not name:
        return options
    from engine.services.presets import find_preset, user_presets

    preset = find_preset(user_presets(catalog), name)
    typed = [field for option, fields in _FIELDS.items() if _is_typed(context, option) for field in fields]
    recipe = _with_typed(context, preset.export, options.export)
    return replace(preset, export=recipe, **{field: getattr(options, field) for field in typed})


def recipe_with_preset(context: typer.Context, name: str, catalog: Path | None, options: ExportRecipe) -> ExportRecipe:
    """The export options of a command, those that nobody typed replaced by a preset's; without a name they alone.

    Raises
    ------
    UsageError
        There is no preset of that name.
    KnownError
        The studio's presets are wrong.
    """
    if not name:
        return options
    from engine.services.presets import find_preset, user_presets

    return _with_typed(context, find_preset(user_presets(catalog), name).export, options)


def _with_typed(context: typer.Context, recipe: ExportRecipe, options: ExportRecipe) -> ExportRecipe:
    typed = [field for option, field in _RECIPE_FIELDS.items() if _is_typed(context, option)]
    return replace(recipe, **{field: getattr(options, field) for field in typed})


def _is_typed(context: typer.Context, option: str) -> bool:
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"
