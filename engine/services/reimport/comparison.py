"""A file that came back, beside what was written: what was changed in it, and what speaks against taking it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.artifacts import ArtifactKind, ArtifactRef
from engine.domain.jobs import Job, JobState
from engine.domain.review import ReviewItem
from engine.ports import ArtifactStore, Catalog
from engine.services.reimport.returned_files import TakenBack
from engine.services.reimport.source import Written, as_written, results_of
from engine.services.versions import queue_retouched, retouched_request

if TYPE_CHECKING:
    from engine.domain.picture import Alpha
    from engine.imaging.psd.saved_document import SavedDocument
    from engine.imaging.returned import Painted

_ALIVE = (JobState.QUEUED, JobState.RUNNING, JobState.SUCCEEDED)


class Comparison:
    """A file beside what was written: what came of it, and what speaks against taking it."""

    def __init__(self, catalog: Catalog, artifacts: ArtifactStore, path: Path, earlier: TakenBack | None) -> None:
        from engine.imaging.psd.read import read_document
        from engine.imaging.raster.source_type import declared_source

        self._catalog, self._artifacts, self._earlier = catalog, artifacts, earlier
        saved = read_document(path)
        items = results_of(catalog, path, saved)
        others = catalog.exports_of_pair(items[0].pair.id)
        self._written = as_written(artifacts, path, items, saved, catalog.exports_at(path), others)
        self._source = "" if self._written.is_declared else declared_source(saved.xmp)
        self._masks: dict[int, Alpha] = {}
        self._contradictory: list[str] = []
        changes: list[str] = []
        notices: list[str] = []
        if not saved.layers and not self._written.is_flat:
            notices.append(
                "It has no layers any more: they were merged, or dropped by the program that saved it. Masks are taken"
                " from its channels, and what was painted from its picture."
            )
        for item in items:
            changes += self._compare_mask(item, saved, notices)
        self._painted = self._compare_pixels(saved, notices)
        if self._painted is not None and any(self._painted.changed):
            changes.append("Pixels were painted.")
            if self._source:
                notices.append(
                    "The file declares the work of a generative model; what is exported of this version will say so."
                )
        notices += _strangers(self._written, saved)
        self.changes, self.notices = tuple(changes), tuple(dict.fromkeys(notices))
        retouches = self._stored_retouches()
        self._wanted = {
            item.job.id: retouched_request(
                catalog,
                artifacts,
                item,
                self._masks.get(item.job.id),
                retouches.get(item.job.id, item.outcome.retouch),
            )
            for item in self._changed_items()
        }

    @property
    def is_changed(self) -> bool:
        return bool(self.changes)

    @property
    def is_whole(self) -> bool:
        """Whether its pixels were compared as well."""
        return not self._written.unlike

    def conflicts(self) -> tuple[str, ...]:
        """Why it is not taken unasked, one sentence each."""
        found = list(self._contradictory)
        for item in self._changed_items():
            newer = [job for job in self._catalog.versions(item.job.id) if self._stands_against(item, job)]
            if newer:
                author = newer[0].origin.author if newer[0].origin is not None else "somebody"
                found.append(
                    f"Version {newer[0].version} of '{item.outcome.mask.name}' was made by {author} after this file"
                    " was exported."
                )
        return tuple(found)

    @property
    def is_known(self) -> bool:
        """Whether all of it is there already: the file was moved, or is a copy of one that was taken back."""
        newest = {item.job.id: self._catalog.versions(item.job.id)[0] for item in self._changed_items()}
        return all(job.request == self._wanted[id] and job.state in _ALIVE for id, job in newest.items())

    def queue(self, author: str) -> tuple[Job, ...]:
        """Queue a new version of each result that was changed."""
        return tuple(
            queue_retouched(self._catalog, item, self._wanted[item.job.id], author=author)
            for item in self._changed_items()
        )

    # -- inside -------------------------------------------------------------------------------------------------

    def _compare_mask(self, item: ReviewItem, saved: SavedDocument, notices: list[str]) -> list[str]:
        from engine.imaging.returned import own_layers, returned_mask, saved_mask

        written, name = self._written, item.outcome.mask.name
        own = own_layers([layer.name for layer in written.document.layers], saved)
        layer = own.get(written.layers.get(item.job.id, ""))
        channel_name = written.channels[item.job.id]
        channel = next((each.alpha for each in saved.alpha_channels if each.name == channel_name), None)
        before = next(each.alpha for each in written.document.alpha_channels if each.name == channel_name)
        if item.outcome.edit is not None:
            if returned_mask(before, None, channel).alpha is not None:
                notices.append(
                    f"The channel '{channel_name}' is of an edit, whose masks belong to its turns: it stays."
                )
            return []
        if layer is not None and not layer.is_mask_enabled:
            notices.append(
                f"The mask of the layer '{layer.name}' is switched off in the file. It counts all the same, as it is"
                " painted: fill it with white to match the whole picture."
            )
        layer_mask = saved_mask(layer, saved) if layer is not None else None
        mask = returned_mask(before, layer_mask, channel)
        if mask.is_contradictory:
            assert layer is not None
            assert layer_mask is not None
            self._contradictory.append(
                f"The mask of the layer '{layer.name}' and the channel '{channel_name}' were both changed, differently."
            )
            self._masks[item.job.id] = layer_mask
        elif mask.alpha is not None:
            self._masks[item.job.id] = mask.alpha
        return [f"The mask '{name}' was changed."] if item.job.id in self._masks else []

    def _compare_pixels(self, saved: SavedDocument, notices: list[str]) -> Painted | None:
        from engine.imaging.returned import NEARLY_ALL, find_painted, require_upright

        written = self._written
        matches = {written.layers[item.job.id] for item in written.items if item.outcome.match is not None}
        if not written.retouched:
            if saved.composite is not None and any(find_painted(written.document, saved, ()).changed):
                notices.append(
                    "Something was painted on the photograph; only a mask was made of it, so it stays there."
                )
            return None
        if written.unlike:
            notices.append(written.unlike)
            if saved.composite is not None:
                require_upright(written.document.composite, saved.composite)
            return None
        painted = find_painted(written.document, saved, matches)
        if written.is_flat and painted.share > NEARLY_ALL:
            notices.append(
                f"{painted.share:.0%} of this flat file differs from the result: only its masks are taken back, not its"
                " pixels. Those of a layered document would be."
            )
            return None
        notices += painted.notices
        return painted

    def _changed_items(self) -> list[ReviewItem]:
        painted = self._painted
        over = dict(zip(self._written.retouched, painted.changed, strict=True)) if painted is not None else {}
        return [item for item in self._written.items if item.job.id in self._masks or over.get(item.job.id)]

    def _stored_retouches(self) -> dict[int, ArtifactRef | None]:
        """By job id, what lies over a result now, where that changed."""
        from engine.imaging.retouch import encode_retouch

        if self._painted is None:
            return {}
        refs: dict[int, ArtifactRef | None] = {}
        painted = self._painted
        former = {item.job.id: self._former_source(item) for item in self._written.items}
        for job_id, retouch, is_changed in zip(
            self._written.retouched, painted.retouches, painted.changed, strict=True
        ):
            if is_changed:
                data = encode_retouch(retouch, self._source or former[job_id]) if retouch is not None else None
                refs[job_id] = self._artifacts.put(ArtifactKind.RETOUCH, data, ".png") if data is not None else None
        return refs

    def _former_source(self, item: ReviewItem) -> str:
        """What was declared of the retouch that the result has: programs may drop metadata."""
        from engine.imaging.retouch import retouch_source

        ref = item.outcome.retouch
        return "" if ref is None else retouch_source(self._artifacts.read(ref))

    def _stands_against(self, item: ReviewItem, job: Job) -> bool:
        """Whether a version was made since the file was written, and not from this very file."""
        if job.version <= item.job.version or job.state not in _ALIVE or job.request == self._wanted[item.job.id]:
            return False
        return self._earlier is None or job.id not in self._earlier.jobs


def _strangers(written: Written, saved: SavedDocument) -> Sequence[str]:
    """A notice for each channel that Chromask did not write."""
    known = set(written.channels.values())
    return [
        f"The channel '{channel.name}' is none of Chromask's and stays in the file."
        for channel in saved.alpha_channels
        if channel.name not in known
    ]
