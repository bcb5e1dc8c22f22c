"""Presets: what a studio does with a brand's photographs, under a name; kept in a TOML file beside the catalog."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from engine.domain.errors import KnownError, UsageError
from engine.domain.export import Collision, ExportFormat, ExportRecipe, PathUse
from engine.domain.files import complete_file
from engine.domain.requests import Draft, EngineName, Sampling
from engine.services.painting import Painting
from engine.services.plan import BatchPlan, MaskSource
from engine.services.studio_files import beside_catalog
from engine.services.toml_files import Table, read_rows, toml_blocks, toml_text, toml_value

if TYPE_CHECKING:
    from engine.services.tolerances import ToleranceRules

PRESETS_NAME = "presets.toml"
"""Of the studio's file, beside its catalog."""

_HEADER = """\
# What Chromask does with the photographs of a brand: one [[preset]] for each, chosen on the Intake page or with
# chromask run --preset NAME. Only 'name' must be given; a key that is left out has its usual value.

"""
_MASK, _COLOR = "mask", "color"

Member = TypeVar("Member", EngineName, MaskSource, ExportFormat, Collision, PathUse)


@dataclass(frozen=True, slots=True)
class Preset:
    """The choices for a batch, apart from what belongs to the computer (model file, graphics memory).

    Attributes
    ----------
    name : str
        Empty for choices that were never saved.
    dreamed : tuple of str
        Mask types of the registry.
    garment : str
        For every pair that has none of its own; empty: find out.
    brand : str
        Whose limits of ``tolerances.toml`` count; empty goes by each article number.
    steps, guidance, seed : int, float, int
        As in `engine.domain.requests.Sampling`.
    seeds : int
        How often a dreamed mask is painted.
    draft : bool
        Whether dreamed masks are tried small and fast first.
    """

    name: str = ""
    garment_mask: bool = True
    color_match: bool = True
    dreamed: tuple[str, ...] = ()
    garment: str = ""
    brand: str = ""
    engine: EngineName = EngineName.AUTO
    mask_source: MaskSource = MaskSource.AUTO
    steps: int = Sampling().num_inference_steps
    guidance: float = Sampling().guidance_scale
    seed: int = Sampling().seed
    seeds: int = 1
    draft: bool = False
    export: ExportRecipe = field(default_factory=ExportRecipe)

    def plan(
        self, *, model: Path | None = None, vram_tier: int = 0, tolerances: ToleranceRules | None = None
    ) -> BatchPlan:
        """The choices as the queue takes them, on this computer's model and graphics memory.

        Raises
        ------
        UsageError
            A number of seeds or steps is not possible.
        """
        sampling = Sampling(self.steps, self.guidance, self.seed)
        return BatchPlan(
            garment_mask=self.garment_mask,
            color_match=self.color_match,
            dreamed=self.dreamed,
            engine=self.engine,
            model=model,
            garment=self.garment,
            tolerances=tolerances,
            brand=self.brand,
            mask_source=self.mask_source,
            painting=Painting(sampling, self.seeds, Draft() if self.draft else None, vram_tier),
        )


def user_presets(catalog: Path | None = None) -> Path:
    """Where a studio keeps its presets: beside its catalog, by default the account's. The file need not exist."""
    return beside_catalog(catalog, PRESETS_NAME)


def load_presets(path: Path) -> tuple[Preset, ...]:
    """The presets of a file, in its order; none where there is no such file.

    Raises
    ------
    KnownError
        The file cannot be read, is no TOML, or holds an unknown key or value; names preset and key.
    """
    presets = tuple(_preset(path, row) for row in read_rows(path, "preset", _KEYS))
    names = [preset.name.casefold() for preset in presets]
    for preset in presets:
        if names.count(preset.name.casefold()) > 1:
            raise KnownError(f"the preset '{preset.name}' is listed twice", remedy="Rename one of them.", path=path)
    return presets


def find_preset(path: Path, name: str) -> Preset:
    """The preset of that name, in any case.

    Raises
    ------
    UsageError
        There is none; lists those there are.
    KnownError
        From `load_presets`.
    """
    presets = load_presets(path)
    for preset in presets:
        if preset.name.casefold() == name.strip().casefold():
            return preset
    known = f"Choose from: {', '.join(p.name for p in presets)}." if presets else "Save one on the Intake page first."
    raise UsageError(f"there is no preset '{name}'", remedy=known, path=path)


def save_preset(path: Path, preset: Preset, *, replaces: str = "") -> None:
    """Write a preset into the file, in the place of the one of its name; the others and all comments stay.

    Parameters
    ----------
    replaces : str
        The name that it had before, where it is being renamed.

    Raises
    ------
    UsageError
        It has no name, or a new name that another preset has.
    KnownError
        The file is wrong already, or cannot be written.
    """
    preset = replace(preset, name=preset.name.strip())
    if not preset.name or "\n" in preset.name:
        raise UsageError("a preset needs a name of one line", remedy="Type a name, such as the brand's.")
    old = (replaces or preset.name).casefold()
    if replaces and old != preset.name.casefold() and any(_is(preset.name, p) for p in load_presets(path)):
        raise UsageError(f"there is a preset '{preset.name}' already", remedy="Choose another name.")
    pieces = _pieces(path)
    places = [index for index, (name, _) in enumerate(pieces) if name is not None and name.casefold() == old]
    text = _text(preset)
    if places:
        pieces[places[0]] = (preset.name, text)
    else:
        if pieces and not pieces[-1][1].endswith("\n\n"):
            pieces.append((None, "\n" if pieces[-1][1].endswith("\n") else "\n\n"))
        pieces.append((preset.name, text))
    _write(path, pieces)


def delete_preset(path: Path, name: str) -> None:
    """Take a preset out of the file; deleting one that is not there does nothing.

    Raises
    ------
    KnownError
        The file is wrong already, or cannot be written.
    """
    pieces = _pieces(path)
    kept = [piece for piece in pieces if piece[0] is None or piece[0].casefold() != name.casefold()]
    if len(kept) < len(pieces):
        _write(path, kept)


# -- the file -----------------------------------------------------------------------------------------------------


def _is(name: str, preset: Preset) -> bool:
    return preset.name.casefold() == name.casefold()


def _pieces(path: Path) -> list[tuple[str | None, str]]:
    """Name and text of every preset, with what stands before the first one; checked."""
    if not path.is_file():
        return [(None, _HEADER)]
    load_presets(path)
    return [(None if row is None else str(row["name"]), text) for row, text in toml_blocks(toml_text(path), "preset")]


def _write(path: Path, pieces: list[tuple[str | None, str]]) -> None:
    with complete_file(path, overwrite=True) as temporary:
        temporary.write_text("".join(text for _, text in pieces), encoding="utf-8")


def _text(preset: Preset) -> str:
    """The preset as a TOML table; usual values are written too, so that they can be seen and changed."""
    tasks = [name for name, wanted in ((_MASK, preset.garment_mask), (_COLOR, preset.color_match)) if wanted]
    rows: dict[str, object] = {
        "name": preset.name,
        "tasks": [*tasks, *preset.dreamed],
        "garment": preset.garment,
        "brand": preset.brand,
        "engine": preset.engine.value,
        "mask_source": preset.mask_source.value,
        "steps": preset.steps,
        "guidance": preset.guidance,
        "seed": preset.seed,
        "seeds": preset.seeds,
        "draft": preset.draft,
        "formats": [format.value for format in preset.export.formats],
        "approved_only": preset.export.approved_only,
        "file_name": preset.export.name_pattern,
        "max_side": preset.export.max_side,
        "profile": preset.export.profile,
        "sharpening": preset.export.sharpening,
        "jpeg_quality": preset.export.jpeg_quality,
        "path": preset.export.path.value,
        "collision": preset.export.collision.value,
    }
    return "[[preset]]\n" + "".join(f"{key} = {toml_value(value)}\n" for key, value in rows.items()) + "\n"


_KEYS: dict[str, str] = {
    "name": "a text", "tasks": "a list of texts", "garment": "a text", "brand": "a text", "engine": "a text",
    "mask_source": "a text", "steps": "a whole number", "guidance": "a number", "seed": "a whole number",
    "seeds": "a whole number", "draft": "true or false", "formats": "a list of texts",
    "approved_only": "true or false", "file_name": "a text", "max_side": "a whole number", "profile": "a text",
    "sharpening": "a number", "jpeg_quality": "a whole number", "path": "a text", "collision": "a text",
}  # fmt: skip

_RECIPE_KEYS = {
    "formats": "formats", "approved_only": "approved_only", "file_name": "name_pattern", "max_side": "max_side",
    "profile": "profile", "sharpening": "sharpening", "jpeg_quality": "jpeg_quality", "path": "path",
    "collision": "collision",
}  # fmt: skip
"""Key of the file -> field of `ExportRecipe`; ``file_name``, because ``name`` is the preset's."""


def _preset(path: Path, row: Table) -> Preset:
    subject = f"the preset '{row['name']}'"
    values: dict[str, Any] = {key: value for key, value in row.items() if key not in ("tasks", *_RECIPE_KEYS)}
    if "engine" in values:
        values["engine"] = _member(path, subject, "engine", values["engine"], EngineName)
    if "mask_source" in values:
        values["mask_source"] = _member(path, subject, "mask_source", values["mask_source"], MaskSource)
    if "tasks" in row:
        tasks = cast("list[str]", row["tasks"])
        values["garment_mask"], values["color_match"] = _MASK in tasks, _COLOR in tasks
        values["dreamed"] = tuple(dict.fromkeys(task for task in tasks if task not in (_MASK, _COLOR)))
    try:
        preset = Preset(**values, export=_recipe(path, subject, row))
        preset.plan()
    except UsageError as error:
        raise KnownError(f"{subject}: {error.what}", remedy=error.remedy, path=path) from error
    return preset


def _recipe(path: Path, subject: str, row: Table) -> ExportRecipe:
    given: dict[str, Any] = {_RECIPE_KEYS[key]: value for key, value in row.items() if key in _RECIPE_KEYS}
    if "formats" in given:
        given["formats"] = tuple(_member(path, subject, "formats", name, ExportFormat) for name in given["formats"])
    if "path" in given:
        given["path"] = _member(path, subject, "path", given["path"], PathUse)
    if "collision" in given:
        given["collision"] = _member(path, subject, "collision", given["collision"], Collision)
    return ExportRecipe(**given)


def _member(path: Path, subject: str, key: str, value: object, kind: type[Member]) -> Member:
    try:
        return kind(str(value))
    except ValueError:
        known = ", ".join(member.value for member in kind)
        raise KnownError(f"'{key}' of {subject} is {value!r}", remedy=f"Use: {known}.", path=path) from None
