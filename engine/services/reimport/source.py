"""Whose file came back: the results in it, and the document as it was written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.errors import KnownError
from engine.domain.export import ExportFormat, ExportRecord, PathUse
from engine.domain.jobs import Job, JobState
from engine.domain.review import ReviewItem
from engine.ports import ArtifactStore, Catalog
from engine.services.export.document import channel_names, layered_document
from engine.services.export.photograph import Photograph
from engine.services.export.settings import differs_from_result

if TYPE_CHECKING:
    from engine.imaging.psd.document import LayeredDocument
    from engine.imaging.psd.saved_document import SavedDocument


class ForeignFileError(KnownError):
    """Chromask did not write the file, or not from this catalog: among other files it is no failure."""


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A file as Chromask wrote it, made anew from the catalog.

    Attributes
    ----------
    items : tuple of ReviewItem
        The results in it, in the order of the file.
    document : LayeredDocument
        For a flat file, the picture is its background, and what was painted over it its only layer.
    layers : dict of int to str
        By job id, the layer of a result that was changed.
    channels : dict of int to str
        By job id, the alpha channel of its mask.
    retouched : tuple of int
        Whose retouch each retouch layer is, from the bottom up; without any, who gets the first. None for masks alone.
    is_flat : bool
    unlike : str
        Why the pixels of a flat file cannot be compared with the result's, a sentence; empty where they can. Its masks
        can all the same.
    is_declared : bool
        The photograph's own metadata declare a generative model's work already.
    """

    items: tuple[ReviewItem, ...]
    document: LayeredDocument
    layers: dict[int, str]
    channels: dict[int, str]
    retouched: tuple[int, ...]
    is_flat: bool
    unlike: str
    is_declared: bool


def results_of(catalog: Catalog, path: Path, saved: SavedDocument) -> tuple[ReviewItem, ...]:
    """The results that a file was written from: by its metadata wherever it lies, or else by where it was written.

    Raises
    ------
    ForeignFileError
        Chromask did not write it, or it is of another catalog.
    KnownError
        A result is gone.
    """
    from engine.imaging.raster.xmp import read_provenance

    provenance = read_provenance(saved.xmp)
    if provenance is not None:
        if provenance.catalog != catalog.identity():
            raise ForeignFileError(
                "it was exported from another catalog",
                remedy="Open that catalog, or name it with --catalog.",
                path=path,
            )
        ids = provenance.results
    else:
        ids = tuple(record.job_id for record in catalog.exports_at(path))
        if not ids:
            raise ForeignFileError(
                "Chromask did not write this file, or the program that saved it dropped its metadata",
                remedy="Save it under the name that it was exported with.",
                path=path,
            )
    jobs = [_known(catalog, job_id) for job_id in ids]
    if not jobs or any(job is None or job.state is not JobState.SUCCEEDED for job in jobs):
        raise KnownError(
            "a result in it is no longer in this catalog", remedy="Export the photograph again.", path=path
        )
    return tuple(catalog.review_items_by_id(ids))


def as_written(
    artifacts: ArtifactStore,
    path: Path,
    items: tuple[ReviewItem, ...],
    saved: SavedDocument,
    records: list[ExportRecord],
    others: list[ExportRecord],
) -> Written:
    """The document that these results make, for comparison with what came back.

    Parameters
    ----------
    records : list of ExportRecord
        What was written at that path, the newest first.
    others : list of ExportRecord
        All files of the photograph: where the file was moved, one of them is how it was written.

    Raises
    ------
    KnownError
        The photograph or a picture of a result is gone or changed, or the file has another size or profile.
    """
    from engine.imaging.raster.source_type import declared_source

    photograph = Photograph(artifacts, items[0].pair)
    original = photograph.original()
    changed = [item for item in items if item.outcome.picture is not None]
    is_flat = not saved.layers and len(changed) == 1 and _was_flat(path, records)
    made = _changes_of_export(changed[0], records or others) if is_flat else ""
    if saved.extent != original.extent:
        if "smaller" in made:
            raise KnownError(
                f"it has {saved.extent} pixels, the photograph {original.extent}: the export made it smaller",
                remedy="Retouch a layered document, or a flat file of the photograph's own size.",
                path=path,
            )
        raise KnownError(
            f"it has {saved.extent} pixels, the photograph {original.extent}: it was cropped, turned or resized",
            remedy="Only files of the photograph's own size can be taken back. Undo that in Photoshop and save again.",
            path=path,
        )
    if saved.is_cut_out:
        raise KnownError(
            "a mask channel has become its transparency: the program that saved it takes a TIFF's channels for that and"
            " keeps no layers",
            remedy="Retouch the PSD with that program, which 'psd' among the formats exports.",
            path=path,
        )
    unlike = f"The export {made} this flat file" if made else ""
    if profile := _other_profile(saved.icc, original.icc):
        if not is_flat:
            theirs, ours = profile
            raise KnownError(
                f"its colours were converted to {theirs}",
                remedy=f"Convert it back to {ours} in Photoshop and save it again.",
                path=path,
            )
        unlike = unlike or f"The colours of this flat file were converted to {profile[0]}"
    if unlike:
        unlike += ": only its masks are taken back, not its pixels. Those of a layered document would be."
    retouched = [item.job.id for item in changed if item.outcome.retouch is not None]
    document = layered_document(photograph, items, PathUse.NONE, b"")
    layers = {item.job.id: layer.name for item, layer in zip(changed, document.layers, strict=False)}
    if is_flat:
        # A flat file holds the match itself; a document's layers may round its soft edge otherwise.
        shown = photograph.shown(changed[0]).pixels
        document = replace(
            document, background=photograph.changed(changed[0]), layers=document.layers[1:], composite=shown
        )
    return Written(
        items,
        document,
        layers,
        channel_names(items),
        tuple(retouched or [item.job.id for item in changed[:1]]),
        is_flat,
        unlike,
        bool(declared_source(original.xmp)),
    )


def _changes_of_export(item: ReviewItem, records: list[ExportRecord]) -> str:
    """What an export did to the pixels of a result's flat TIFF; of several that it may be, whatever was done to one."""
    lines = [r.settings for r in records if r.format is ExportFormat.TIFF and r.job_id == item.job.id]
    return next((made for line in lines if (made := differs_from_result(line))), "")


def _was_flat(path: Path, records: list[ExportRecord]) -> bool:
    """Whether the file was written without layers, or else merged since."""
    return records[0].format is ExportFormat.TIFF if records else path.suffix.lower() in (".tif", ".tiff")


def _known(catalog: Catalog, job_id: int) -> Job | None:
    job = next(iter(catalog.jobs(after_id=job_id - 1, limit=1)), None)
    return job if job is not None and job.id == job_id else None


def _other_profile(saved: bytes | None, original: bytes | None) -> tuple[str, str] | None:
    """The names of both profiles where the file has another one than the photograph, and not only written differently:
    its numbers mean other colours then.
    """
    from engine.imaging.raster.icc import profile_description

    if saved is None or saved == original:  # a program that drops a profile leaves the numbers alone
        return None
    theirs = profile_description(saved) or "another profile"
    ours = "sRGB" if original is None else profile_description(original) or "the photograph's own profile"
    if theirs == ours or (original is None and "srgb" in theirs.casefold()):
        return None
    return theirs, ours
