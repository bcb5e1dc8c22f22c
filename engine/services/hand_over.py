"""The layered document of a photograph, for a retoucher who wants it now: the one that is there, or else written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.domain.errors import KnownError
from engine.domain.export import Collision, ExportFormat, ExportRecipe, ExportRecord
from engine.domain.files import file_sha256, known_os_error
from engine.domain.jobs import JobState
from engine.domain.review import Decision, ReviewItem
from engine.ports import ArtifactStore, Catalog
from engine.services.export import ExportPlan, ExportReport, export_items, items_to_export
from engine.services.given_files import State
from engine.services.studio_files import beside_catalog

_FOLDER = "hand-over"
_DOCUMENTS = (b"8BPS", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of a PSD, a TIFF and a BigTIFF."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What a retoucher was given.

    Attributes
    ----------
    documents : tuple of Path
        One of each photograph, in the order in which they were chosen.
    written : tuple of Path
        Of these, those that had to be written first.
    failures : tuple of str
        One sentence for each photograph without a document.
    """

    documents: tuple[Path, ...] = ()
    written: tuple[Path, ...] = ()
    failures: tuple[str, ...] = ()


def hand_over_folder(catalog: Path | None) -> Path:
    """Where documents with undecided results go: beside the catalog, not to what is delivered."""
    return beside_catalog(catalog, _FOLDER)


class HandOver:
    """Gives layered documents out. Any thread, one call at a time.

    A document holds the results that were chosen, and everything of the same photograph that was approved. It goes to
    the export folder where all of it is approved, and to a folder of its own otherwise.

    Parameters
    ----------
    own_folder : Path
        See `hand_over_folder`.
    """

    def __init__(self, catalog: Catalog, artifacts: ArtifactStore, own_folder: Path) -> None:
        self._catalog, self._artifacts, self._own = catalog, artifacts, own_folder.absolute()
        self._hashes: dict[tuple[Path, State], str] = {}

    def documents(
        self,
        job_ids: Sequence[int],
        export_folder: Path,
        recipe: ExportRecipe,
        writing: Callable[[str], None] | None = None,
    ) -> HandedOver:
        """The documents of these results' photographs, each complete when it is returned.

        One that holds just these results is given as it is, wherever it was exported to; also where somebody has saved
        it since. Where another file is in the way the document is written beside it under a number.

        Parameters
        ----------
        recipe : ExportRecipe
            Whose names, layered format and paths are used.
        writing : callable, optional
            ``writing(name)`` before a document is written, with the photograph's name; may raise
            `engine.domain.errors.Cancelled`.
        """
        by_pair: dict[int, list[ReviewItem]] = {}
        for item in self._catalog.review_items_by_id(job_ids):
            by_pair.setdefault(item.pair.id, []).append(item)
        documents, written, failures = list[Path](), list[Path](), list[str]()
        for chosen in by_pair.values():
            try:
                items = self._items(chosen)
                there = self._there(items)
                if there is not None:
                    documents.append(there)
                    continue
                if writing is not None:
                    writing(chosen[0].pair.on_model.path.name)
                report = self._export(items, export_folder, recipe)
            except KnownError as error:
                failures.append(str(error))
                continue
            failures += report.failures
            documents += (*report.written, *report.kept)
            written += report.written
        return HandedOver(tuple(documents), tuple(written), tuple(failures))

    # -- inside -------------------------------------------------------------------------------------------------

    def _items(self, chosen: Sequence[ReviewItem]) -> list[ReviewItem]:
        """The chosen results, in the versions that were chosen, and what else of the photograph is approved."""
        for item in chosen:
            if item.decision is Decision.REJECTED:
                raise KnownError(
                    "the result was rejected, and rejected results never leave",
                    remedy="Take the verdict back on the Review page first.",
                    path=item.pair.on_model.path,
                )
        jobs = self._catalog.pair_jobs(chosen[0].pair.id)
        finished = self._catalog.review_items_by_id([job.id for job in jobs if job.state is JobState.SUCCEEDED])
        found = {
            item.job.chain or item.job.id: item
            for item in items_to_export(finished)
            if item.decision is Decision.APPROVED
        }
        found |= {item.job.chain or item.job.id: item for item in chosen}
        return list(found.values())

    def _there(self, items: Sequence[ReviewItem]) -> Path | None:
        """A document of just these results; None where there is none.

        Of several the one that somebody has saved since, for work in two of them would be a conflict; then the
        Photoshop file rather than the TIFF, as the list for Photoshop's script has it; then the newest.
        """
        wanted, is_final = {item.job.id for item in items}, _is_final(items)
        found: list[tuple[bool, bool, Path]] = []
        for path, records in _newest_first(self._catalog.exports_of_pair(items[0].pair.id)):
            if not records[0].format.is_layered or {record.job_id for record in records} != wanted:
                continue
            digest = self._sha256(path)
            if digest is None:
                continue
            # What was handed over undecided belongs to the export folder now, unless somebody works on it.
            if is_final and path.is_relative_to(self._own) and digest == records[0].sha256:
                continue
            is_as_written = digest == records[0].sha256
            found.append((is_as_written, records[0].format is not ExportFormat.PSD, path))
        return min(found, key=lambda one: one[:2])[2] if found else None

    def _sha256(self, path: Path) -> str | None:
        """Of a document that is there; None where there is none, or something else."""
        try:
            status = path.stat()
            with path.open("rb") as file:
                if file.read(4) not in _DOCUMENTS:
                    return None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise known_os_error(error, path) from error
        key = path, (status.st_size, status.st_mtime_ns)
        if key not in self._hashes:
            self._hashes[key] = file_sha256(path)
        return self._hashes[key]

    def _export(self, items: Sequence[ReviewItem], export_folder: Path, recipe: ExportRecipe) -> ExportReport:
        is_final = _is_final(items)
        layered = next((format for format in recipe.formats if format.is_layered), ExportFormat.PSD)
        plan = ExportPlan(
            export_folder.absolute() if is_final else self._own,
            replace(recipe, formats=(layered,), approved_only=is_final, collision=Collision.NUMBER),
        )
        return export_items(self._catalog, self._artifacts, items, plan)


def _is_final(items: Iterable[ReviewItem]) -> bool:
    return all(item.decision is Decision.APPROVED for item in items)


def _newest_first(records: Iterable[ExportRecord]) -> list[tuple[Path, list[ExportRecord]]]:
    files: dict[Path, list[ExportRecord]] = {}
    for record in records:
        files.setdefault(record.path, []).append(record)
    return sorted(files.items(), key=lambda file: file[1][0].at, reverse=True)
