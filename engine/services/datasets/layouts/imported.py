"""Takes a set over from AI-Toolkit's layout. Its files are read, never written to."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.domain.datasets import DatasetKind, Example, Finding, SplitBy
from engine.domain.errors import KnownError
from engine.domain.files import known_os_error
from engine.domain.training import TrainingSettings
from engine.ports import ReportStep
from engine.services.datasets.layouts.ai_toolkit import CONFIG, ToolkitDataset, read_config
from engine.services.datasets.originals import left_out, pictures_in
from engine.services.datasets.split import HELD_OUT, check_share
from engine.services.datasets.writing import CONTROL, MASK, TARGET, Built, Pictures, SetWriter, source_hash

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rgb = NDArray[np.uint8]
    Alpha = NDArray[np.uint8]

_PAINTED = 0.001
"""Share of a target that is green, and is not on its control: the set is one of masks."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A set that was taken over.

    Attributes
    ----------
    settings : TrainingSettings or None
        What ``config.yaml`` says; None for folders without one.
    unknown : tuple of str
        Keys of it that Chromask has no counterpart for.
    """

    built: Built
    settings: TrainingSettings | None
    unknown: tuple[str, ...]


def import_ai_toolkit(
    source: Path,
    folder: Path,
    *,
    kind: DatasetKind | None = None,
    held_out: float = HELD_OUT,
    seed: int = 0,
    split_by: SplitBy = SplitBy.ARTICLE,
    overwrite: bool = False,
    advance: ReportStep | None = None,
) -> Imported:
    """Make a set of what AI-Toolkit trains on.

    Parameters
    ----------
    source : Path
        A ``config.yaml``, a folder with one, or a folder with ``target`` and ``control`` (and ``mask``).
    kind : DatasetKind, optional
        By default a mask set where the first target is painted green, and a colour set otherwise.

    Raises
    ------
    KnownError
        There is no such set, its configuration is wrong, no pair can be used, or ``folder`` cannot be written to. A
        single pair that cannot be used is left out, with a finding.
    """
    check_share(held_out)
    sets, settings, unknown = _found(source)
    jobs = [(entry, target) for entry in sets for target in pictures_in(entry.targets)]
    writer = SetWriter(folder, [target for _, target in jobs], overwrite=overwrite)
    findings: list[Finding] = []
    for done, (entry, target) in enumerate(jobs, start=1):
        try:
            kind = _take(writer, entry, target, kind)
        except KnownError as error:
            findings.append(left_out(error, target))
        if advance is not None:
            advance(done, len(jobs), target.name)
    made: dict[str, str | int | float | bool] = {"from": "ai-toolkit"}
    built = writer.finish(kind or DatasetKind.MASK, made, findings, held_out=held_out, seed=seed, split_by=split_by)
    return Imported(built, settings, unknown)


def _found(source: Path) -> tuple[list[ToolkitDataset], TrainingSettings | None, tuple[str, ...]]:
    if source.is_file():
        return read_config(source)
    if (source / CONFIG).is_file():
        return read_config(source / CONFIG)
    if not (source / TARGET).is_dir() or not (source / CONTROL).is_dir():
        raise KnownError(
            f"there is neither a {CONFIG} nor the folders {TARGET} and {CONTROL}",
            remedy="Give AI-Toolkit's config.yaml, or a folder with these.",
            path=source,
        )
    masks = source / MASK
    return [ToolkitDataset(source / TARGET, source / CONTROL, masks if masks.is_dir() else None, "txt", "")], None, ()


def _take(writer: SetWriter, entry: ToolkitDataset, target: Path, kind: DatasetKind | None) -> DatasetKind:
    """Add one pair; what kind of set it belongs to."""
    from engine.imaging.datasets.green import green_share
    from engine.imaging.datasets.likeness import perceptual_hash
    from engine.imaging.raster.decode import read_srgb8
    from engine.services.names import parse_name

    control = _of_stem(entry.controls, target.stem)
    if control is None:
        raise KnownError("it has no control picture", remedy="Put one of its name there.", path=target)
    shown, wanted = read_srgb8(control), read_srgb8(target)
    if kind is None:
        painted = green_share(wanted) - green_share(shown) > _PAINTED
        kind = DatasetKind.MASK if painted else DatasetKind.COLOR
    given = _of_stem(entry.masks, target.stem) if entry.masks is not None else None
    loss = read_srgb8(given).max(axis=2) if given is not None else None
    mask, confidence = _painted_mask(shown, wanted) if kind is DatasetKind.MASK else (None, 1.0)
    trigger = entry.trigger if kind is DatasetKind.COLOR else ""
    caption = _caption(target.with_suffix(f".{entry.caption_ext}"), entry.trigger)
    example = Example(
        name=writer.free_name(target.stem),
        sku=parse_name(target, entry.targets).sku,
        control="",
        target="",
        caption=caption,
        trigger=trigger,
        # Of the target: it has the true colours, and a mask is painted on the same photograph only once.
        perceptual_hash=perceptual_hash(wanted if kind is DatasetKind.COLOR else shown),
        confidence=confidence,
        sources=tuple(source_hash(path) for path in (control, target)),
    )
    writer.add(example, Pictures(shown, wanted, mask, loss))
    return kind


def _painted_mask(shown: Rgb, painted: Rgb) -> tuple[Alpha | None, float]:
    """What is painted green, to measure by; None where it cannot be told, which the check says."""
    from engine.imaging.painted import Reading, extract

    try:
        found = extract(shown, painted, Reading(published_edge=False)).mask
    except KnownError:
        return None, 1.0
    height, width = painted.shape[:2]
    return (found.alpha, round(found.confidence, 3)) if found.alpha.shape == (height, width) else (None, 1.0)


def _caption(path: Path, trigger: str) -> str:
    """The caption as AI-Toolkit gives it to the model: the trigger is put first where it is missing."""
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except FileNotFoundError:
        text = ""
    except UnicodeDecodeError as error:
        raise KnownError("the caption is no UTF-8 text", remedy="Save it as UTF-8.", path=path) from error
    except OSError as error:
        raise known_os_error(error, path) from error
    text = text.replace("[trigger]", trigger)
    return text if not trigger or trigger in text else f"{trigger} {text}".strip()


def _of_stem(folder: Path, stem: str) -> Path | None:
    """The picture of a name, however its accents are composed: disks and archives differ in that."""
    wanted = unicodedata.normalize("NFC", stem)
    return next((path for path in pictures_in(folder) if unicodedata.normalize("NFC", path.stem) == wanted), None)
