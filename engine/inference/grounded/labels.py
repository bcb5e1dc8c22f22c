"""Which label a garment goes by, and which of a detector's boxes count. No torch in here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.domain.requests import DetectionLabel
from engine.imaging.masks.garments import GarmentCategory, category_of, garment_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAME_OBJECT = 0.5
"""Share of the smaller box above which two boxes show one object: a part of it, or the same thing twice. Chosen."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One box of the detector.

    Attributes
    ----------
    prompt : str
        The label it was found by.
    score : float
        0 to 1, mean over the label's word pieces.
    box : tuple of float
        Left, top, right, bottom in pixels of the photograph.
    """

    prompt: str
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class LabelChoice:
    """What a flatlay shows.

    Attributes
    ----------
    detection : Detection
        The box that decided.
    certainty : float
        0.5 where a garment for another part of the body scored as high, 1 where none came to half the score.
    scores : dict
        Prompt -> its best score on the flatlay, best first.
    """

    label: DetectionLabel
    detection: Detection
    certainty: float
    scores: dict[str, float]


@dataclass(frozen=True, slots=True)
class ChosenBoxes:
    """The boxes of one garment.

    Attributes
    ----------
    detections : tuple of Detection
        Best first.
    certainty : float
        0.5 where one more box, which was left out, scored as high as the first; 1 where none came to half of it.
    left_out : int
        Boxes of other objects that go by the same label.
    """

    detections: tuple[Detection, ...]
    certainty: float
    left_out: int


def label_for(garment: str, labels: Sequence[DetectionLabel]) -> DetectionLabel:
    """The label by which the detector looks for a garment.

    The detector's vocabulary is open, so a garment that no label stands for is looked for by its own name.

    Parameters
    ----------
    garment : str
        In any spelling that the garment registry knows (``chinos`` are trousers), or any other word.
    """
    plain = _plain(garment)
    kind = garment_of(garment)
    alike = [label for label in labels if kind is not None and garment_of(label.garment) is kind]
    for label in (*(label for label in labels if plain in (label.prompt, label.garment)), *alike):
        return label
    pairs = kind is not None and kind.category is GarmentCategory.FEET
    return DetectionLabel(plain, kind.label if kind is not None else plain, pieces=2 if pairs else 1)


def choose_label(
    detections: Sequence[Detection], labels: Sequence[DetectionLabel], alpha: NDArray[np.uint8] | None
) -> LabelChoice | None:
    """The label of what lies on a flatlay; None where nothing was found.

    A detector finds a collar, a print or a button as well. So a box counts by how well it covers the garment that
    stands out from the background.

    Parameters
    ----------
    alpha : ndarray or None
        ``(H, W)`` uint8, 255 = garment; None counts all boxes alike.
    """
    if not detections:
        return None
    garment = _box_of(alpha) if alpha is not None else None
    weights = [d.score * (intersection_over_union(d.box, garment) if garment else 1.0) for d in detections]
    if max(weights) <= 0.0:
        weights = [d.score for d in detections]
    by_prompt = {label.prompt: label for label in labels}
    # sorted() is stable: of equal boxes the first one counts, on every run.
    order = sorted(range(len(detections)), key=lambda index: -weights[index])
    best = detections[order[0]]
    label = by_prompt[best.prompt]
    zone = category_of(label.garment)
    rival = max(
        (
            weights[index]
            for index in order
            if (other := by_prompt[detections[index].prompt]) is not label and _zone_differs(other, zone)
        ),
        default=0.0,
    )
    scores: dict[str, float] = {}
    for index in order:
        scores.setdefault(detections[index].prompt, detections[index].score)
    return LabelChoice(label, best, _certainty(weights[order[0]], rival), scores)


def choose_boxes(detections: Sequence[Detection], pieces: int) -> ChosenBoxes:
    """The boxes of one garment, best first: doubles and parts of a box are left out, and so is a second garment.

    Parameters
    ----------
    pieces : int
        How many separate things the garment consists of: two socks, one jacket.
    """
    separate: list[Detection] = []
    for detection in sorted(detections, key=lambda d: -d.score):
        if all(_share_of_smaller(detection.box, kept.box) <= SAME_OBJECT for kept in separate):
            separate.append(detection)
    others = separate[pieces:]
    rival = others[0].score if others else 0.0
    certainty = _certainty(separate[0].score, rival) if separate else 0.0
    return ChosenBoxes(tuple(separate[:pieces]), certainty, len(others))


def intersection_over_union(a: Sequence[float], b: Sequence[float]) -> float:
    """Of two boxes (left, top, right, bottom), 0 to 1."""
    shared = _intersection(a, b)
    union = _area(a) + _area(b) - shared
    return shared / union if union > 0 else 0.0


def _share_of_smaller(a: Sequence[float], b: Sequence[float]) -> float:
    smaller = min(_area(a), _area(b))
    return _intersection(a, b) / smaller if smaller > 0 else 1.0


def _intersection(a: Sequence[float], b: Sequence[float]) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _area(box: Sequence[float]) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _certainty(best: float, rival: float) -> float:
    """1 while the rival has at most half the score, down to 0.5 where it has the same."""
    return min(1.0, best / (2.0 * rival)) if rival > 0 else 1.0


def _zone_differs(label: DetectionLabel, zone: GarmentCategory | None) -> bool:
    other = category_of(label.garment)
    return other is None or zone is None or other is not zone


def _box_of(alpha: NDArray[np.uint8]) -> tuple[float, float, float, float] | None:
    rows, columns = np.flatnonzero((alpha > 127).any(axis=1)), np.flatnonzero((alpha > 127).any(axis=0))
    if not rows.size:
        return None
    return float(columns[0]), float(rows[0]), float(columns[-1]) + 1.0, float(rows[-1]) + 1.0


def _plain(label: str) -> str:
    """Lower case without full stops, which separate labels in the detector's prompt."""
    return " ".join(label.lower().replace(".", " ").split())
