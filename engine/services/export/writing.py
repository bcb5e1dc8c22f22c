"""The export itself: photograph by photograph, each file complete or not there, one that fails holding up no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from engine.domain.errors import KnownError
from engine.domain.export import ExportFormat, PathUse
from engine.domain.files import complete_file, file_sha256, require_writable
from engine.domain.review import ReviewItem
from engine.ports import ArtifactStore, Catalog
from engine.services.export.document import (
    channel_names,
    channels_of,
    layered_document,
    needs_large_document,
    paths_of,
    write_document,
)
from engine.services.export.flat import finished_picture, reduced
from engine.services.export.manifest import ListedDocument, listed, write_manifest
from engine.services.export.names import Names, Subject, numbers_of
from engine.services.export.photograph import Photograph
from engine.services.export.plan import (
    ExportPlan,
    ExportReport,
    items_to_export,
    may_leave,
    photographs,
    with_held,
)
from engine.services.export.provenance import provenance_of
from engine.services.export.records import Kept, Place, Shelf, Skipped
from engine.services.export.settings import path_use, settings_line, target_profile

_MEDIA_TYPES = {
    ExportFormat.PSD: "image/vnd.adobe.photoshop",
    ExportFormat.TIFF_LAYERS: "image/tiff",
    ExportFormat.TIFF: "image/tiff",
    ExportFormat.PNG: "image/png",
    ExportFormat.JPEG: "image/jpeg",
    ExportFormat.MASK: "image/png",
}


def export_items(
    catalog: Catalog,
    artifacts: ArtifactStore,
    items: Sequence[ReviewItem],
    plan: ExportPlan,
    advance: Callable[[int, int, str], None] | None = None,
) -> ExportReport:
    """Export every result the plan admits, see `items_to_export`; a failing file does not stop the others.

    The results of one photograph make one layered document. Flat files and masks are one for each result.

    Parameters
    ----------
    advance : callable, optional
        ``advance(done, total, name)`` before each photograph; may raise `engine.domain.errors.Cancelled`.

    Raises
    ------
    UsageError
        The recipe's profile is not there, or none.
    """
    profile = target_profile(plan.recipe)
    approved_only = plan.recipe.approved_only
    chosen = [item for item in items_to_export(items) if may_leave(item, approved_only=approved_only)]
    report = _Report(catalog)
    if chosen:
        try:
            require_writable(plan.folder.absolute())
        except KnownError as error:
            report.failed(error, None)
            return report.made()
    pairs = {item.pair.id: item.pair for item in items}
    names = Names(plan.recipe.name_pattern, pairs.values(), datetime.now().astimezone().date())
    originals = [asset.path for pair in pairs.values() for asset in (pair.on_model, pair.flatlay) if asset is not None]
    shelf = Shelf(catalog, plan.folder, names, plan.recipe.collision, originals)
    groups = photographs(chosen)
    documents: list[ListedDocument] = []
    for done, group in enumerate(groups):
        if advance:
            advance(done, len(groups), group[0].pair.on_model.path.name)
        export = _PhotographExport(catalog, artifacts, plan, shelf, group, profile)
        for subject in export.subjects():
            try:
                done_with, notices = export.write(subject)
                report.add(done_with, notices)
                if subject.format.is_layered and not isinstance(done_with, Skipped):
                    path = done_with.path.absolute()
                    documents.append(listed(plan.folder.absolute(), path, subject.items, catalog.identity()))
            except KnownError as error:
                report.failed(error, subject.items[0].job.id)
    if documents:
        try:
            write_manifest(plan.folder.absolute(), documents)
        except KnownError as error:
            report.failed(error, None)
    if advance:
        advance(len(groups), len(groups), "")
    return report.made()


class _Report:
    """What becomes an `ExportReport`."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._paths: dict[type[Kept | Skipped | Place], list[Path]] = {Kept: [], Skipped: [], Place: []}
        self._failures: list[str] = []
        self._notices: dict[str, list[str]] = {}

    def add(self, done: Kept | Skipped | Place, notices: Sequence[str]) -> None:
        self._paths[type(done)].append(done.path)
        for notice in notices:
            self._notices.setdefault(notice, []).append(done.path.name)

    def failed(self, error: KnownError, job_id: int | None) -> None:
        """A photograph that has changed spoils each of its files, with one sentence."""
        if str(error) not in self._failures:
            self._failures.append(str(error))
            self._catalog.log("export failed", str(error), job_id)

    def made(self) -> ExportReport:
        notices = [
            f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {notice}"
            for notice, names in self._notices.items()
        ]
        paths = self._paths
        return ExportReport(
            tuple(paths[Place]), tuple(paths[Kept]), tuple(self._failures), tuple(paths[Skipped]), tuple(notices)
        )


class _PhotographExport:
    """The files of one photograph."""

    def __init__(
        self,
        catalog: Catalog,
        artifacts: ArtifactStore,
        plan: ExportPlan,
        shelf: Shelf,
        items: list[ReviewItem],
        profile: bytes | None,
    ) -> None:
        self._catalog, self._plan, self._shelf, self._items, self._profile = catalog, plan, shelf, items, profile
        self._photograph = Photograph(artifacts, items[0].pair)

    def subjects(self) -> Iterator[Subject]:
        """What is to be written, format by format."""
        numbers = numbers_of(self._items)
        only_masks = [item for item in self._items if item.outcome.picture is None]
        for format in dict.fromkeys(self._plan.recipe.formats):
            if format.is_layered:
                yield self._document(format)
                continue
            for item in self._items:
                # Without a changed picture there is only the mask to write.
                if item.outcome.picture is not None or not format.is_flat:
                    others = only_masks if format is ExportFormat.TIFF else []
                    yield Subject(format, (item, *others), numbers[item.job.id])

    def _document(self, format: ExportFormat) -> Subject:
        """All results, and those of other batches that an earlier document held already."""
        subject = Subject(format, tuple(self._items), is_large=needs_large_document(self._photograph, self._items))
        held = self._shelf.held(subject)
        items = with_held(self._catalog, self._items, held, approved_only=self._plan.recipe.approved_only)
        return replace(subject, items=tuple(items), is_large=needs_large_document(self._photograph, items))

    def write(self, subject: Subject) -> tuple[Kept | Skipped | Place, tuple[str, ...]]:
        """Write one file, or leave it; with what its format could not keep."""
        settings = settings_line(subject, self._plan.recipe, self._profile)
        place = self._shelf.place(subject, settings)
        if not isinstance(place, Place):
            return place, ()
        self._require_folder()
        try:
            with complete_file(place.path, overwrite=place.overwrite) as temporary:
                notices = self._write(subject, temporary, place.path)
                digest = file_sha256(temporary)
                place.require_unchanged()
                # Before the file takes its name: should it be cut off here, both states of the file are known as
                # Chromask's.
                self._catalog.record_export(
                    [item.job.id for item in subject.items],
                    subject.format,
                    place.path,
                    digest,
                    datetime.now(UTC),
                    place.former_sha256,
                    settings,
                )
        except KnownError:
            self._require_folder()
            raise
        return place, notices

    def _require_folder(self) -> None:
        """The folder was there when the export began. It is not made again: a share that has gone would leave its
        files on the computer's own disk.
        """
        folder = self._plan.folder.absolute()
        if not folder.is_dir():
            raise KnownError(
                "the folder of the export is gone",
                remedy="Connect its disk or network share again, then export again.",
                path=folder,
                retryable=True,
            )

    def _write(self, subject: Subject, path: Path, shown_as: Path) -> tuple[str, ...]:
        from engine.imaging.raster import encode, jpeg_write, tiff_write

        first, recipe, photograph = subject.items[0], self._plan.recipe, self._photograph
        use = path_use(subject.format, recipe)
        xmp, notices = self._packet(subject)
        if subject.format.is_layered:
            write_document(path, layered_document(photograph, subject.items, use, xmp), subject.format, shown_as)
            return notices
        if subject.format is ExportFormat.MASK:
            path.write_bytes(encode.encode_mask(photograph.mask(first), xmp))
            return notices
        picture = finished_picture(replace(photograph.shown(first), xmp=xmp), recipe, self._profile)
        match subject.format:
            case ExportFormat.TIFF:
                channels = tuple(
                    replace(channel, alpha=reduced(channel.alpha, picture.extent))
                    for channel in channels_of(photograph, subject.items)
                )
                paths = () if use is PathUse.NONE else paths_of(photograph, subject.items)
                return notices + tiff_write.write_tiff(path, picture, channels, paths)
            case ExportFormat.PNG:
                return notices + encode.write_png(path, picture)
            case _:
                paths = () if use is PathUse.NONE else paths_of(photograph, subject.items)
                clipping = paths[0].name if paths and use is PathUse.CLIPPING else None
                return notices + jpeg_write.write_jpeg(
                    path, picture, recipe.jpeg_quality, paths=paths, clipping=clipping
                )

    def _packet(self, subject: Subject) -> tuple[bytes, tuple[str, ...]]:
        """The photograph's XMP with where the file comes from."""
        from engine.imaging.raster.xmp import fitted, with_provenance

        names = channel_names(subject.items)
        is_picture = subject.format is not ExportFormat.MASK
        sources = {item.job.id: self._photograph.retouch_source(item) for item in subject.items}
        provenance = provenance_of(
            subject.items, self._catalog.identity(), datetime.now(UTC), names, sources, is_picture=is_picture
        )
        # A mask is no rendition of the photograph: its rights and settings do not describe it.
        packet = self._photograph.original().xmp if is_picture else None
        stamped, notices = with_provenance(packet, provenance, _MEDIA_TYPES[subject.format])
        if subject.format is ExportFormat.JPEG:  # one segment has to do
            stamped, left_out = fitted(stamped)
            notices += left_out
        return stamped, notices
