"""What the detector looks for, with which models, and whether it can run here. No torch in here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from engine.domain.assets import Role
from engine.domain.errors import KnownError, UsageError
from engine.domain.requests import DetectionLabel, DetectionSettings
from engine.inference.grounded.source import find_detector, find_segmenter, missing_packages
from engine.inference.kontext.availability import MODELS_VARIABLE, models_folder
from engine.services.intake import scan
from engine.services.pairing import IntakeProblem
from engine.services.toml_files import Table, read_toml

if TYPE_CHECKING:
    from engine.inference.grounded.backend import GroundedBackend
    from engine.inference.grounded.labels import LabelChoice

USER_FILE = "detection.toml"
"""Name of the operator's own file in the models folder; each of its keys takes the place of the shipped one."""


@dataclass(frozen=True, slots=True)
class DetectionModel:
    """A detector or segmenter that Chromask can use; its folder may be absent.

    Attributes
    ----------
    folder : str
        Its name in the models folder.
    size_gb : float
        Of its weights, in 10^9 bytes.
    """

    folder: str
    model_id: str
    size_gb: float
    licence: str


@dataclass(frozen=True, slots=True)
class DetectionRegistry:
    """The contents of ``detection.toml``; models in the order in which they are preferred."""

    box_threshold: float
    text_threshold: float
    labels: tuple[DetectionLabel, ...]
    detectors: tuple[DetectionModel, ...]
    segmenters: tuple[DetectionModel, ...]


@dataclass(frozen=True, slots=True)
class GroundedStatus:
    """Whether the grounded mask source can run here.

    Attributes
    ----------
    settings : DetectionSettings or None
        What it would run with; None where something is missing.
    reason : str
        What is there, or what is missing, in one clause without a full stop.
    remedy : str
        What to do about it, one sentence; empty where nothing is missing.
    """

    settings: DetectionSettings | None
    reason: str
    remedy: str = ""


def load_detection(user: Path | None = None) -> DetectionRegistry:
    """Read the shipped ``detection.toml``, and the operator's own over it.

    Parameters
    ----------
    user : Path, optional
        By default ``detection.toml`` in the models folder, where there is one.

    Raises
    ------
    KnownError
        A file cannot be read, is no TOML, or has an unknown, missing or wrong entry; names file, entry and key.
    """
    shipped = Path(str(files("resources"))) / USER_FILE
    table, origin = read_toml(shipped), dict[str, Path]()
    own = user if user is not None else models_folder() / USER_FILE
    if user is not None or own.is_file():
        mine = read_toml(own)
        for key in mine.keys() - table.keys():
            raise KnownError(f"the key '{key}' is unknown", remedy=f"Use: {', '.join(table)}.", path=own)
        table |= mine
        origin = dict.fromkeys(mine, own)

    def path(key: str) -> Path:
        return origin.get(key, shipped)

    labels = _rows(path("label"), "label", table["label"], DetectionLabel)
    for label in labels:
        _check_label(path("label"), label, labels)
    return DetectionRegistry(
        box_threshold=_threshold(path("box_threshold"), "box_threshold", table),
        text_threshold=_threshold(path("text_threshold"), "text_threshold", table),
        labels=labels,
        detectors=_rows(path("detector"), "detector", table["detector"], DetectionModel),
        segmenters=_rows(path("segmenter"), "segmenter", table["segmenter"], DetectionModel),
    )


def grounded_status(registry: DetectionRegistry | None = None) -> GroundedStatus:
    """Whether Grounding DINO and SAM 2 are there and complete.

    Raises
    ------
    KnownError
        The operator's ``detection.toml`` is wrong.
    """
    absent = missing_packages()
    if absent:
        return GroundedStatus(None, f"the package {', '.join(absent)} is not installed", "Install Chromask again.")
    registry = registry if registry is not None else load_detection()
    chosen: list[Path] = []
    size = 0
    for models, find in ((registry.detectors, find_detector), (registry.segmenters, find_segmenter)):
        present = [model for model in models if (models_folder() / model.folder).is_dir()]
        if not present:
            first = models[0]
            return GroundedStatus(
                None,
                f"no {' or '.join(model.folder for model in models)} in {models_folder().as_posix()}",
                f"Put {first.model_id} ({first.licence}, {first.size_gb:g} GB) there as {first.folder}, or set "
                f"{MODELS_VARIABLE}; docs/models.md lists the files.",
            )
        folder = models_folder() / present[0].folder
        try:
            size += find(folder).size_bytes
        except KnownError as error:
            where = error.path if error.path is not None else folder
            return GroundedStatus(None, f"{error.what} ({where.as_posix()})", error.remedy)
        chosen.append(folder.absolute())
    settings = DetectionSettings(
        detector=str(chosen[0]),
        segmenter=str(chosen[1]),
        labels=registry.labels,
        box_threshold=registry.box_threshold,
        text_threshold=registry.text_threshold,
    )
    return GroundedStatus(settings, f"{chosen[0].name} and {chosen[1].name} ({size / 1e9:.1f} GB of weights)")


def require_grounded() -> DetectionSettings:
    """What the grounded mask source runs with.

    Raises
    ------
    UsageError
        It cannot run here; says what is missing and where to get it.
    """
    status = grounded_status()
    if status.settings is None:
        raise UsageError(status.reason, remedy=status.remedy)
    return status.settings


def flatlays_among(given: Sequence[Path]) -> tuple[list[Path], list[IntakeProblem]]:
    """The flatlays in folders, by the same reading of names as intake's, and what could not be read.

    Files that are given themselves are flatlays whatever their names. Where no name in the folders says flatlay, every
    picture counts that is not named as on-model.
    """
    report = scan(given)
    named = {path.expanduser().absolute() for path in given if not path.is_dir()}
    paired = {pair.flatlay.path for pair in report.pairs if pair.flatlay is not None}
    sure = [p.path for p in report.pictures if p.path in named or p.path in paired or p.role is Role.FLATLAY]
    found = sure or [p.path for p in report.pictures if p.role is not Role.ON_MODEL]
    readable = {picture.path for picture in report.pictures}
    return found, [problem for problem in report.problems if problem.path not in readable]


def name_flatlay(backend: GroundedBackend, path: Path, settings: DetectionSettings) -> LabelChoice:
    """Read one flatlay and find out what garment it shows. The work of a garment mask's first step, and the same code.

    Raises
    ------
    KnownError
        The file cannot be read, or shows nothing of the list; names it.
    """
    from engine.imaging.raster.decode import read_picture
    from engine.worker.matching import with_alpha_if_plain

    # Without an outline, on a busy ground, the detector's boxes are not weighed against it.
    return backend.name_garment(with_alpha_if_plain(read_picture(path)), settings)


def _threshold(path: Path, key: str, table: Table) -> float:
    value = table[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise KnownError(f"'{key}' is {value!r}", remedy="Give a number from 0 to below 1.", path=path)
    return float(value)


Row = TypeVar("Row", DetectionLabel, DetectionModel)
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a text in quotation marks"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
}


def _rows(path: Path, table: str, content: object, kind: type[Row]) -> tuple[Row, ...]:
    if not isinstance(content, list) or not content:
        raise KnownError(f"'{table}' is no list of tables", remedy=f"Write [[{table}]].", path=path)
    expected = {field.name: _KINDS[str(field.type)] for field in fields(kind)}
    rows: list[Row] = []
    for number, row in enumerate(cast("list[object]", content), start=1):
        subject = f"[[{table}]] number {number}"
        if not isinstance(row, dict):
            raise KnownError(f"{subject} is no table", remedy=f"Write [[{table}]].", path=path)
        entry = cast("Table", row)
        if entry.keys() != expected.keys():
            raise KnownError(
                f"{subject} has the keys {', '.join(entry)}", remedy=f"Give {', '.join(expected)}.", path=path
            )
        for key, (types, wanted) in expected.items():
            if isinstance(entry[key], bool) or not isinstance(entry[key], types):
                raise KnownError(f"'{key}' of {subject} is {entry[key]!r}", remedy=f"Give {wanted}.", path=path)
        rows.append(kind(**cast("dict[str, str | int]", entry)))  # pyright: ignore[reportArgumentType]  # checked above
    return tuple(rows)


def _check_label(path: Path, label: DetectionLabel, labels: Sequence[DetectionLabel]) -> None:
    problem = ""
    if not label.prompt.strip() or label.prompt != label.prompt.lower().strip() or "." in label.prompt:
        problem = "the prompt must be lower case, without full stops and blanks around it"
    elif sum(other.prompt == label.prompt for other in labels) > 1:
        problem = "the prompt is listed twice"
    elif not label.garment.strip():
        problem = "the garment is empty"
    elif label.pieces < 1:
        problem = "pieces must be 1 or more"
    if problem:
        raise KnownError(f"the label '{label.prompt}': {problem}", remedy="Correct the entry.", path=path)
