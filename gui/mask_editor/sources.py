"""Other masks that can take the edited one's place: those of the catalog at once, others as jobs. Pool threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.artifacts import ArtifactRef
from engine.domain.errors import KnownError
from engine.domain.jobs import Job, JobState
from engine.domain.requests import ColorMatchRequest, EditRequest, EngineName, MaskRequest, Request
from engine.domain.review import Viewed
from engine.ports import ArtifactStore, Catalog
from engine.services.versions import remask
from gui.mask_editor.subject import extent_of, garment_of, mask_name

if TYPE_CHECKING:
    from engine.domain.picture import Alpha

_SOURCES = {EngineName.CLASSICAL: "classical", EngineName.GROUNDED: "detected", EngineName.KONTEXT: "dreamed"}


@dataclass(frozen=True, slots=True)
class StoredMask:
    """A mask of the same photograph that is in the catalog.

    Attributes
    ----------
    text : str
        For the menu, such as ``Version 2: corrected by hand``.
    """

    text: str
    alpha: ArtifactRef


def stored_masks(catalog: Catalog, item: Viewed, opened: ArtifactRef | None) -> list[StoredMask]:
    """Every mask of the pair's photograph but the one that was opened, newest first, each picture once."""
    extent, name, shown = extent_of(item), mask_name(item), opened.sha256 if opened is not None else ""
    found: dict[str, StoredMask] = {}
    for job in reversed(catalog.pair_jobs(item.pair.id)):
        outcome = catalog.outcome(job.id) if job.state is JobState.SUCCEEDED else None
        if outcome is None or outcome.mask.extent != extent or outcome.mask.alpha.sha256 == shown:
            continue
        mask = outcome.mask
        what = "" if mask.name == name else f"{mask.name}, "
        text = (
            f"{what}{_origin(job.request)}, version {job.version}" if job.version > 1 else what + _origin(job.request)
        )
        found.setdefault(mask.alpha.sha256, StoredMask(f"{text[:1].upper()}{text[1:]}", mask.alpha))
    return list(found.values())


def read_stored(artifacts: ArtifactStore, ref: ArtifactRef) -> Alpha:
    """The pixels of a stored mask.

    Raises
    ------
    KnownError
        The file is missing or damaged.
    """
    from engine.imaging.raster.encode import decode_mask

    return decode_mask(artifacts.read(ref))


def read_file(path: Path, item: Viewed) -> Alpha:
    """A mask from a picture file of the photograph's size.

    Raises
    ------
    KnownError
        It is no mask, or of another size.
    """
    from engine.imaging.masks.given import read_mask

    return read_mask(path, extent_of(item))


def queue_mask(catalog: Catalog, item: Viewed, engine: EngineName, author: str) -> Job:
    """Have another mask of the photograph made, as a version of the result; the one that exists where there is one.

    Raises
    ------
    KnownError
        The engine's weights are not installed; says where to get them.
    """
    return remask(catalog, item, _REQUESTS[engine](item), author=author)


def _origin(request: Request) -> str:
    if isinstance(request, EditRequest):
        return "of an edit"
    mask = request.mask if isinstance(request, ColorMatchRequest) else request
    if mask.corrected is not None:
        return "corrected by hand"
    return _SOURCES.get(mask.engine, mask.engine.value)


def _classical(item: Viewed) -> MaskRequest:
    return MaskRequest(EngineName.CLASSICAL, garment=garment_of(item))


def _detected(item: Viewed) -> MaskRequest:
    from engine.services.detection import require_grounded

    return MaskRequest(EngineName.GROUNDED, garment=garment_of(item), detection=require_grounded())


def _dreamed(item: Viewed) -> MaskRequest:
    from engine.services.plan import choose_engine, dreamed_request
    from engine.services.registries import load_registry

    types = load_registry().mask_types()
    garment, masked = garment_of(item), mask_name(item)
    wanted = next((name for name in types if name in (masked, garment)), None)
    if wanted is None:
        raise KnownError(
            f"no mask LoRA paints '{garment or masked}'",
            remedy=f"There are LoRAs for {', '.join(types)}; add another on the Models page.",
            path=item.pair.on_model.path,
        )
    return dreamed_request(wanted, garment, choose_engine(EngineName.KONTEXT, None))


_REQUESTS: dict[EngineName, Callable[[Viewed], MaskRequest]] = {
    EngineName.CLASSICAL: _classical,
    EngineName.GROUNDED: _detected,
    EngineName.KONTEXT: _dreamed,
}
