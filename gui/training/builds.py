"""What an operator orders a data set to be, and building it. `build_set` on pool threads only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.domain.datasets import DatasetKind, Finding, SplitBy
from engine.domain.errors import Cancelled
from engine.ports import ArtifactStore, Catalog
from engine.services.datasets.approved import Chosen
from engine.services.datasets.split import HELD_OUT
from gui.torch_process import TorchProcess


@dataclass(frozen=True, slots=True)
class SetOrder:
    """A data set that is to be built.

    Attributes
    ----------
    folder : Path
        Receives the set.
    object : str
        Of a mask set: what is masked, as the caption says it.
    chosen : Chosen
        Which results of the catalog become pairs.
    batch_id : int or None
        Of this batch only.
    mask_name : str
        Of the catalog: masks of this name.
    photographs, masks : Path or None
        Folders, in place of the catalog; of a colour set ``photographs`` holds the flatlays as well.
    painted : bool
        The masks are photographs on which somebody painted green.
    held_out : float
        Share of the pairs that measure what is learnt.
    split_by : SplitBy
        What is never on both sides.
    """

    kind: DatasetKind
    folder: Path
    object: str = ""
    chosen: Chosen = Chosen.BOTH
    batch_id: int | None = None
    mask_name: str = ""
    photographs: Path | None = None
    masks: Path | None = None
    painted: bool = False
    held_out: float = HELD_OUT
    split_by: SplitBy = SplitBy.ARTICLE


def build_set(
    order: SetOrder,
    catalog: Catalog,
    artifacts: ArtifactStore,
    torch: TorchProcess,
    told: Callable[[int, int], None],
    stop: threading.Event,
) -> tuple[Finding, ...]:
    """Build a set; what was left out, and why.

    Parameters
    ----------
    told : callable
        ``told(done, total)`` after each photograph.
    stop : threading.Event
        Ends it at the next one.

    Raises
    ------
    Cancelled
        It was stopped.
    KnownError
        Nothing is left for the set, the folder holds one already, or cannot be written to.
    """

    def advance(done: int, total: int, name: str) -> None:
        if stop.is_set():
            raise Cancelled
        told(done, total)

    from engine.services.datasets.color_sets import ColorRecipe, color_set_from_catalog
    from engine.services.datasets.mask_sets import MaskRecipe, mask_set_from_catalog, mask_set_from_folders

    if order.kind is DatasetKind.COLOR:
        if order.photographs is not None:
            split = order.held_out, order.split_by
            return tuple(torch.build_color_set(order.photographs, order.folder, *split, told, stop))
        color_recipe = ColorRecipe(held_out=order.held_out, split_by=order.split_by)
        return color_set_from_catalog(
            catalog, artifacts, order.folder, color_recipe,
            chosen=order.chosen, batch_id=order.batch_id, advance=advance,
        ).findings  # fmt: skip
    recipe = MaskRecipe(order.object, held_out=order.held_out, split_by=order.split_by)
    if order.photographs is not None and order.masks is not None:
        return mask_set_from_folders(
            order.photographs, order.masks, order.folder, recipe, painted=order.painted, advance=advance
        ).findings
    return mask_set_from_catalog(
        catalog, artifacts, order.folder, recipe, mask_name=order.mask_name,
        chosen=order.chosen, batch_id=order.batch_id, advance=advance,
    ).findings  # fmt: skip
