"""Masked edits, turn by turn: each painted on the original photograph, laid over one another. The command line runs
the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.domain.errors import BugError, KnownError
from engine.domain.picture import Picture
from engine.domain.requests import EditTurn
from engine.ports import Backend, ReportStep

if TYPE_CHECKING:
    from engine.domain.picture import Alpha, Pixels

Provenance = dict[str, str | float | int]

_COARSE = 0.5
"""Model pixels per source pixel below which the operator is told that the painting is softer than the photograph."""


@dataclass(frozen=True, slots=True, eq=False)
class TurnPainted:
    """One turn of an edit, before it is stored.

    Attributes
    ----------
    mask : ndarray
        ``(H, W)`` uint8, as it was read.
    painted : bool
        False for a turn that a later one covers.
    provenance : dict
        What was asked for and how it was painted.
    """

    mask: Alpha
    painted: bool
    provenance: Provenance


@dataclass(frozen=True, slots=True, eq=False)
class EditedPicture:
    """An edit, before it is stored.

    Attributes
    ----------
    pixels : ndarray
        As the photograph's, and equal to them bit for bit where ``alpha`` is 0.
    alpha : ndarray
        ``(H, W)`` uint8, how much of the paintings shows; 0 outside every mask.
    outside_max_change : int
        Largest change of a channel value where no mask is, measured.
    turns : tuple of TurnPainted
        In the order of the request.
    notices : tuple of str
        For the operator, one sentence each.
    """

    pixels: Pixels
    alpha: Alpha
    outside_max_change: int
    turns: tuple[TurnPainted, ...]
    notices: tuple[str, ...]


def edit_picture(photograph: Picture, turns: Sequence[EditTurn], backend: Backend, report: ReportStep) -> EditedPicture:
    """Paint every turn on the original photograph and lay the paintings over it, in order.

    See `engine.domain.requests.EditRequest` for what several turns mean.

    Parameters
    ----------
    photograph : Picture
        The original.
    turns : sequence of EditTurn
        The whole history, at least one.
    backend : Backend
        Paints.

    Raises
    ------
    KnownError
        A mask or reference cannot be read or has changed, the photograph's profile cannot be written to, or the
        backend cannot paint.
    Cancelled
        From ``report``.
    """
    import numpy as np

    from engine.imaging.color.icc import rgb_space
    from engine.imaging.edit_placement import covers, paste, paste_alpha, together
    from engine.imaging.masks.given import read_mask, without_haze
    from engine.imaging.raster.decode import read_picture
    from engine.imaging.untouched import outside_max_change

    if not turns:
        raise BugError("an edit without a turn")
    # Before minutes are spent on painting.
    rgb_space(photograph.icc, photograph.path)
    masks = [without_haze(read_mask(turn.mask.path, photograph.extent, sha256=turn.mask.sha256)) for turn in turns]
    references = [
        read_picture(turn.reference.path, sha256=turn.reference.sha256) if turn.reference is not None else None
        for turn in turns
    ]
    covered = [any(covers(later, mask) for later in masks[at + 1 :]) for at, mask in enumerate(masks)]
    pixels = photograph.pixels
    alphas: list[Alpha] = []
    done: list[TurnPainted] = []
    notices: list[str] = []
    for at, (turn, mask, reference) in enumerate(zip(turns, masks, references, strict=True)):
        provenance = _asked(turn)
        if covered[at]:
            done.append(TurnPainted(mask, False, provenance))
            notices.append(f"Turn {at + 1} is covered by a later one and was not painted.")
            continue
        painted = backend.paint_edit(
            photograph, mask, reference, turn, _within(report, len(alphas), covered.count(False))
        )
        if painted is None:
            raise KnownError(
                "this engine cannot paint an edit", remedy="Edit on the Kontext engine.", path=photograph.path
            )
        alpha = paste_alpha(mask, painted.placement)
        pixels = paste(pixels, photograph.icc, painted.pixels, painted.placement, alpha)
        alphas.append(alpha)
        done.append(TurnPainted(mask, True, provenance | painted.provenance))
        notices += painted.notices
        if painted.placement.scale < _COARSE:
            notices.append(
                f"Turn {at + 1} was painted at {painted.placement.scale:.0%} of the photograph's resolution: a smaller"
                " mask is painted finer."
            )
    anywhere = np.maximum.reduce(masks)
    return EditedPicture(
        pixels=pixels,
        alpha=together(alphas),
        outside_max_change=outside_max_change(photograph.pixels, pixels, anywhere),
        turns=tuple(done),
        notices=tuple(dict.fromkeys(notices)),
    )


def _asked(turn: EditTurn) -> Provenance:
    """What the operator asked for, also where it was not painted."""
    asked: Provenance = {
        "prompt": turn.diffusion.prompt,
        "seed": turn.diffusion.sampling.seed,
        "steps": turn.diffusion.sampling.num_inference_steps,
        "mask": turn.mask.path.name,
        "mask_sha256": turn.mask.sha256,
    }
    if turn.reference is not None:
        asked |= {"reference": turn.reference.path.name, "reference_sha256": turn.reference.sha256}
    return asked


def _within(report: ReportStep, turn: int, turns: int) -> ReportStep:
    """A turn's own steps as a part of all that are painted; turns of other lengths count as if they had as many."""

    def step(inner: int, inner_total: int, label: str) -> None:
        name = f"turn {turn + 1} of {turns}, " if turns > 1 else ""
        report(turn * inner_total + inner, turns * inner_total, f"{name}{label}")

    return step
