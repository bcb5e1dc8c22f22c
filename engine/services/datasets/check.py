"""Looks a data set through before it is trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.datasets import LEAST_PAIRS, DatasetKind, Example, Finding, Manifest, Severity, Split, SplitBy
from engine.domain.errors import KnownError
from engine.domain.files import file_sha256
from engine.domain.results import UNSURE
from engine.ports import ReportStep
from engine.services.datasets.manifest import read_manifest
from engine.services.datasets.split import leaks, nothing_held_out

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEAST_COVERAGE, MOST_COVERAGE = 0.001, 0.9
"""Of a mask. Below, what is masked is lost in the model's tokens of 16 × 16 pixels; above, it is the whole picture."""

_ODD_COVERAGE = 8.0
"""Factor between a mask's area and the set's median from which on it probably shows something else."""

_GREEN_SHARE = 0.002
"""Of a photograph: as much green outside the mask is a logo or a leaf, and teaches that green may be anywhere."""


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What is kept of an example's pictures once they were looked at."""

    example: Example
    pixels: str
    figure: NDArray[np.bool_] | None


def check_dataset(folder: Path, advance: ReportStep | None = None) -> tuple[Manifest, list[Finding]]:
    """Check a set: its files, sizes, number, captions, coverage, doubles, poses, green, and that no split leaks.

    Errors forbid training; warnings should be looked at. Decodes every picture. Any thread but the window's.

    Raises
    ------
    KnownError
        There is no set, or its manifest cannot be used.
    """
    manifest = read_manifest(folder)
    findings = _of_the_whole(manifest)
    seen: list[_Seen] = []
    total = len(manifest.examples)
    for done, example in enumerate(manifest.examples, start=1):
        wrong = _wrong_files(folder, example)
        findings += wrong
        if not wrong:
            found, pictures = _look(folder, manifest.kind, example)
            findings += found
            seen += [pictures] if pictures is not None else []
        if advance is not None:
            advance(done, total, example.name)
    findings += _odd_coverage(manifest)
    findings += _doubles(seen)
    return manifest, sorted(findings, key=lambda finding: finding.severity is not Severity.ERROR)


def _of_the_whole(manifest: Manifest) -> list[Finding]:
    """Number, captions, splits."""
    found: list[Finding] = []
    count = len(manifest.examples)
    if count < LEAST_PAIRS:
        found.append(
            _error("", f"the set has {count} pairs, and {LEAST_PAIRS} are the least", "Add photographs to it.")
        )
    if not manifest.of(Split.HELD_OUT):
        found.append(
            nothing_held_out(manifest.examples, manifest.split_by)
            if manifest.parameters.get("held_out") and manifest.examples
            else _warning(
                "", "nothing is held out, so that nobody can measure what is learnt", "Build it with --held-out 0.2."
            )
        )
    names = Counter(example.name.casefold() for example in manifest.examples)
    for example in manifest.examples:
        if names[example.name.casefold()] > 1:
            found.append(_error(example.target, "two examples have this name", "Build the set again."))
        if not example.caption.strip():
            found.append(_error(example.target, "it has no caption", f"Write one beside it, as {example.name}.txt."))
        elif example.trigger and example.trigger not in example.caption:
            found.append(_error(example.target, f"its caption lacks the trigger '{example.trigger}'", "Put it in."))
        if example.mask and example.confidence < UNSURE:
            found.append(
                _warning(
                    example.mask,
                    f"its mask is sure of itself by {example.confidence:.2f} only",
                    "Look at it; correct and approve it in the review, or leave the pair out.",
                )
            )
    if manifest.split_by is SplitBy.PICTURE and leaks(manifest.examples):
        found.append(
            _warning(
                "",
                "it was split by pictures, and some articles are on both sides: what is measured is not how well the "
                "LoRA does on articles it never saw",
                "Give the files their article numbers and build it again, to measure that.",
            )
        )
    for trained, measured in leaks(manifest.examples, manifest.split_by):
        found.append(
            _error(
                measured.target,
                f"it is held out, and {trained.name}, of the same article or nearly the same picture, is trained on",
                "Build the set again: splits keep such pictures together.",
            )
        )
    return found


def _wrong_files(folder: Path, example: Example) -> list[Finding]:
    found: list[Finding] = []
    for file in example.files:
        try:
            is_same = file_sha256(folder / file.path) == file.sha256
        except KnownError as error:
            found.append(_error(file.path, error.what, "Build the set again, or restore the file."))
        else:
            if not is_same:
                remedy = "Build or import the set again, so that its manifest says what is in it."
                found.append(_error(file.path, "it was changed since the set was made", remedy))
    return found


def _look(folder: Path, kind: DatasetKind, example: Example) -> tuple[list[Finding], _Seen | None]:
    """What an example's own pictures show."""
    import hashlib

    import numpy as np

    from engine.imaging.datasets.green import green_share
    from engine.imaging.datasets.likeness import silhouette
    from engine.imaging.masks.cleanup import mask_coverage
    from engine.imaging.raster.decode import read_srgb8
    from engine.imaging.raster.encode import decode_mask

    try:
        control, target = read_srgb8(folder / example.control), read_srgb8(folder / example.target)
        masks = {name: decode_mask((folder / name).read_bytes()) for name in {example.mask, example.loss_mask} - {""}}
    except KnownError as error:
        return [_error(example.target, error.what, "Build the set again.")], None
    found: list[Finding] = []
    sizes = {example.control: control.shape[:2], example.target: target.shape[:2]}
    sizes |= {name: mask.shape for name, mask in masks.items()}
    for name, (height, width) in sizes.items():
        if (height, width) != control.shape[:2]:
            rows, columns = control.shape[:2]
            found.append(
                _error(name, f"it is {width} × {height} pixels, its control {columns} × {rows}", "Make both one size.")
            )
    if found:
        return found, None
    loss = masks.get(example.loss_mask)
    if loss is not None and not loss.any():
        found.append(_error(example.loss_mask, "it is all black: nothing would be learnt", "Draw it, or leave it out."))
    mask = masks.get(example.mask)
    if mask is not None:
        found += _coverage(example, mask_coverage(mask))
        outside = np.abs(control.astype(np.int16) - target)[mask == 0]
        if kind is DatasetKind.COLOR and outside.size and outside.max() > 8:
            found.append(
                _warning(
                    example.target,
                    "control and target differ outside the garment's mask as well",
                    "The LoRA will learn that difference too: retouch it away, or correct the mask.",
                )
            )
    if np.array_equal(control, target):
        found.append(
            _error(example.target, "it is the same as its control: there is nothing to learn", "Leave it out.")
        )
    if kind is DatasetKind.MASK:
        green = green_share(control, mask)
        if green > _GREEN_SHARE:
            found.append(
                _warning(
                    example.control,
                    f"{green:.1%} of the photograph is as green as the paint",
                    "Leave it out, or retouch it: the LoRA would learn that green need not be a mask.",
                )
            )
        if mask is None and green_share(target) - green < LEAST_COVERAGE:
            found.append(_error(example.target, "nothing on it is painted green", "Paint it with 0, 255, 0."))
    # Half of a stitched canvas is the flatlay, which has no pose.
    shown = control[:, control.shape[1] // 2 :] if kind is DatasetKind.COLOR else control
    # Of both: paint hides what two controls may differ in.
    pixels = hashlib.sha256(control.tobytes())
    pixels.update(target.tobytes())
    return found, _Seen(example, pixels.hexdigest(), silhouette(shown))


def _coverage(example: Example, coverage: float) -> list[Finding]:
    if coverage == 0:
        return [_error(example.mask, "the mask is empty", "Draw it, or leave the pair out.")]
    if coverage < LEAST_COVERAGE:
        remedy = "Crop the photographs to what is masked, so that the model can see it."
        return [_warning(example.mask, f"the mask covers {coverage:.2%} of the picture only", remedy)]
    if coverage > MOST_COVERAGE:
        return [_warning(example.mask, f"the mask covers {coverage:.0%} of the picture", "Check what it shows.")]
    return []


def _odd_coverage(manifest: Manifest) -> list[Finding]:
    covered = sorted(example.coverage for example in manifest.examples if example.coverage > 0)
    if len(covered) < 5:
        return []
    middle = covered[len(covered) // 2]
    return [
        _warning(
            example.mask,
            f"its mask covers {example.coverage:.1%}, and most of the set about {middle:.1%}",
            "Check that it masks the same thing as the others.",
        )
        for example in manifest.examples
        if example.coverage > 0 and not middle / _ODD_COVERAGE <= example.coverage <= middle * _ODD_COVERAGE
    ]


def _doubles(seen: list[_Seen]) -> list[Finding]:
    """The same picture twice, and the same pose in other clothes; each example is named once for either."""
    from engine.imaging.datasets.likeness import SAME_PICTURE, SAME_POSE, hash_distance, overlap

    found: list[Finding] = []
    for later, one in enumerate(seen):
        others = seen[:later]
        twin = next((other for other in others if other.pixels == one.pixels), None)
        if twin is not None:
            found.append(
                _error(one.example.target, f"it is the same as {twin.example.target}", "Leave one of them out.")
            )
            continue
        alike = _first(
            others,
            lambda other, one=one: (
                bool(one.example.perceptual_hash and other.example.perceptual_hash)
                and hash_distance(one.example.perceptual_hash, other.example.perceptual_hash) <= SAME_PICTURE
            ),
        )
        if alike is not None:
            remedy = "Leave one of them out, unless they are two masks of one photograph on purpose."
            found.append(_warning(one.example.target, f"it is nearly the same picture as {alike.example.name}", remedy))
            continue
        posed = _first(
            others,
            lambda other, one=one: (
                one.figure is not None and other.figure is not None and overlap(one.figure, other.figure) >= SAME_POSE
            ),
        )
        if posed is not None:
            remedy = "Put other poses into the set: ten alike teach less than five that differ."
            found.append(_warning(one.example.control, f"its pose is nearly that of {posed.example.name}", remedy))
    return found


def _first(seen: Iterable[_Seen], is_it: Callable[[_Seen], bool]) -> _Seen | None:
    return next((one for one in seen if is_it(one)), None)


def _error(subject: str, what: str, remedy: str) -> Finding:
    return Finding(Severity.ERROR, subject, what, remedy)


def _warning(subject: str, what: str, remedy: str) -> Finding:
    return Finding(Severity.WARNING, subject, what, remedy)
