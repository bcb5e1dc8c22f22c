"""Sets for mask LoRAs: the photograph, and the photograph with its mask painted green."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.datasets import DatasetKind, Example, FileHash, Finding, SplitBy
from engine.domain.errors import KnownError, UsageError
from engine.ports import ArtifactStore, Catalog, ReportStep
from engine.services.datasets.approved import Chosen, chosen_items
from engine.services.datasets.originals import left_out, pictures_in, plain_stem, says_mask, whole_stem
from engine.services.datasets.split import HELD_OUT, check_share
from engine.services.datasets.writing import Built, Pictures, SetWriter, source_hash

if TYPE_CHECKING:
    from engine.domain.picture import Alpha, Picture

CAPTION = "put a green mask for {object} on the person"
"""Of the published mask LoRAs ("Dreaming Masks with FLUX.1 Kontext")."""


@dataclass(frozen=True, slots=True)
class MaskRecipe:
    """How a mask set is made.

    Attributes
    ----------
    object : str
        What is masked, as the caption says it, such as ``socks and lower leg skin``.
    caption : str
        ``{object}`` stands for the object.
    held_out : float
        Share of the examples that measure the LoRA.
    seed : int
        Of the split.
    split_by : SplitBy
        What is never on both sides of it.
    """

    object: str
    caption: str = CAPTION
    held_out: float = HELD_OUT
    seed: int = 0
    split_by: SplitBy = SplitBy.ARTICLE

    def __post_init__(self) -> None:
        if not self.object.strip():
            raise UsageError("no object was given", remedy="Say what is masked: --object socks.")
        if not self.caption.strip():
            raise UsageError("the caption is empty", remedy="Give one, with {object} for what is masked.")
        check_share(self.held_out)

    @property
    def text(self) -> str:
        """The caption of every example."""
        return self.caption.replace("{object}", self.object.strip())

    def parameters(self) -> dict[str, str | int | float | bool]:
        return {"object": self.object, "caption": self.caption, "green": "0,255,0"}


def mask_set_from_catalog(
    catalog: Catalog,
    artifacts: ArtifactStore,
    folder: Path,
    recipe: MaskRecipe,
    *,
    mask_name: str = "",
    chosen: Chosen = Chosen.BOTH,
    batch_id: int | None = None,
    overwrite: bool = False,
    advance: ReportStep | None = None,
) -> Built:
    """Build a set from approved and marked results; corrected masks take the place of what they correct.

    Any thread but the window's: it decodes and writes every photograph at full size.

    Parameters
    ----------
    mask_name : str
        Only masks of this name, such as ``socks`` or ``garment``; may be left out where all are of one.

    Raises
    ------
    KnownError
        Nothing suitable was approved, the folder holds a set already, or cannot be written to. A single photograph that
        is gone or was changed is left out, with a finding.
    """
    from engine.services.export.photograph import Photograph

    items = [item for item in chosen_items(catalog, chosen, batch_id) if item.outcome.edit is None]
    names = sorted({item.outcome.mask.name for item in items})
    if mask_name:
        items = [item for item in items if item.outcome.mask.name == mask_name]
    elif len(names) > 1:
        raise UsageError(
            f"the approved masks are of {', '.join(names)}", remedy=f"Choose one: --mask {names[0]} for example."
        )
    if not items:
        raise KnownError(
            f"no approved or marked mask{' of ' + mask_name if mask_name else ''} is in the catalog",
            remedy="Approve masks in the review, or mark them as training pairs (T), and build the set again.",
        )
    writer = SetWriter(folder, [item.pair.on_model.path for item in items], overwrite=overwrite)
    findings: list[Finding] = []
    for done, item in enumerate(items, start=1):
        path = item.pair.on_model.path
        photograph = Photograph(artifacts, item.pair)
        try:
            source = FileHash(path.name, item.pair.on_model.sha256)
            _add(writer, path, photograph.original(), photograph.mask(item), recipe, item.pair.sku, (source,))
        except KnownError as error:
            findings.append(left_out(error, path))
        if advance is not None:
            advance(done, len(items), path.name)
    made = recipe.parameters() | {"from": "catalog", "mask": mask_name or names[0]}
    return writer.finish(
        DatasetKind.MASK, made, findings, held_out=recipe.held_out, seed=recipe.seed, split_by=recipe.split_by
    )


def mask_set_from_folders(
    photographs: Path,
    masks: Path,
    folder: Path,
    recipe: MaskRecipe,
    *,
    painted: bool = False,
    overwrite: bool = False,
    advance: ReportStep | None = None,
) -> Built:
    """Build a set from a folder of photographs and one of masks, which may be the same one.

    A mask belongs to the photograph of its name, with or without ``-mask``, ``-target``, ``-painted``, ``-alpha`` or
    ``-masklabel`` behind it.

    Parameters
    ----------
    painted : bool
        The masks are photographs on which somebody painted the mask green: it is read from them and painted anew.

    Raises
    ------
    KnownError
        A folder is not there, nothing in them belongs together, or the set's folder cannot be written to. A single
        picture that cannot be used is left out, with a finding.
    """
    from engine.imaging.masks.given import read_mask, without_haze
    from engine.imaging.raster.decode import read_picture
    from engine.services.names import parse_name

    pairs, findings = _belonging(photographs, masks)
    writer = SetWriter(folder, [path for pair in pairs for path in pair], overwrite=overwrite)
    for done, (path, mask) in enumerate(pairs, start=1):
        try:
            photo = read_picture(path)
            alpha = _read_painted(photo, mask) if painted else without_haze(read_mask(mask, photo.extent))
            sku = parse_name(path, photographs).sku
            _add(writer, path, photo, alpha, recipe, sku, (source_hash(path),))
        except KnownError as error:
            findings.append(left_out(error, path))
        if advance is not None:
            advance(done, len(pairs), path.name)
    made = recipe.parameters() | {"from": "folders", "painted": painted}
    return writer.finish(
        DatasetKind.MASK, made, findings, held_out=recipe.held_out, seed=recipe.seed, split_by=recipe.split_by
    )


def _belonging(photographs: Path, masks: Path) -> tuple[list[tuple[Path, Path]], list[Finding]]:
    """(photograph, mask) by names, and what has no counterpart."""
    same = photographs.resolve() == masks.resolve()
    photos, given = pictures_in(photographs), pictures_in(masks)
    if same:
        given = [path for path in photos if says_mask(path)]
        photos = [path for path in photos if path not in given]
    by_stem = {whole_stem(path): path for path in photos}
    pairs: list[tuple[Path, Path]] = []
    findings: list[Finding] = []
    for mask in given:
        stems = (whole_stem(mask), plain_stem(mask))
        photo = next((by_stem[stem] for stem in stems if stem in by_stem), None)
        if photo is None:
            error = KnownError("no photograph has its name", remedy="Give both the same name.", path=mask)
            findings.append(left_out(error, mask))
        else:
            pairs.append((photo, mask))
    with_mask = {photo for photo, _ in pairs}
    without = (photo for photo in photos if photo not in with_mask)
    findings += [left_out(KnownError("it has no mask", remedy="Draw one."), photo) for photo in without]
    return sorted(pairs), findings


def _read_painted(photo: Picture, painted: Path) -> Alpha:
    """The mask that somebody painted green on a photograph."""
    from engine.imaging.painted import Reading, extract
    from engine.imaging.raster.decode import read_srgb8
    from engine.imaging.raster.icc import to_srgb8

    try:
        # A person's paint has its edge where it was drawn, unlike that of the published LoRAs.
        reading, paint = Reading(published_edge=False), read_srgb8(painted)
        return extract(to_srgb8(photo.pixels, photo.icc), paint, reading).mask.alpha
    except KnownError as error:
        error.path = error.path or painted
        raise


def _add(
    writer: SetWriter,
    path: Path,
    photo: Picture,
    alpha: Alpha,
    recipe: MaskRecipe,
    sku: str,
    sources: Sequence[FileHash],
) -> None:
    from engine.imaging.datasets.green import paint_green
    from engine.imaging.datasets.likeness import perceptual_hash
    from engine.imaging.raster.icc import to_srgb8

    rgb = to_srgb8(photo.pixels, photo.icc)
    if not alpha.any():
        raise KnownError("its mask is empty", remedy="Paint what is to be masked, or leave it out.", path=path)
    example = Example(
        name=writer.free_name(path.stem),
        sku=sku,
        control="",
        target="",
        caption=recipe.text,
        perceptual_hash=perceptual_hash(rgb),
        sources=tuple(sources),
    )
    writer.add(example, Pictures(rgb, paint_green(rgb, alpha), alpha))
