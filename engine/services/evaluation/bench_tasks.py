"""Reads KontextBench: as it is published (``metadata.jsonl`` beside its pictures), or a folder for each category."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from engine.domain.benchmark import BenchCategory, BenchTask
from engine.domain.errors import KnownError
from engine.domain.files import known_os_error
from engine.services.datasets.originals import pictures_in

_METADATA = ("metadata.jsonl", "metadata.csv")
_WORDS = {
    BenchCategory.LOCAL: ("instruction editing local", "local editing", "local instruction editing", "local"),
    BenchCategory.GLOBAL: ("instruction editing global", "global editing", "global instruction editing", "global"),
    BenchCategory.TEXT: ("text editing", "text"),
    BenchCategory.STYLE: ("style reference", "style"),
    BenchCategory.CHARACTER: ("character reference", "character"),
}
"""What the published metadata, the paper and folders call the categories, in lower case without punctuation."""

_CATEGORIES = {word: category for category, words in _WORDS.items() for word in words}


def read_bench(folder: Path) -> tuple[BenchTask, ...]:
    """Every task of a benchmark's folder, by category and key.

    ``metadata.jsonl`` or ``metadata.csv``, in the folder or its ``test``, has ``file_name``, ``instruction`` and
    ``category``, and may have ``key``; a list in ``instruction`` is one for each round. Without it each category has a
    folder with pictures, and beside each picture a ``.txt`` whose lines are the instructions of the rounds.

    Raises
    ------
    KnownError
        There is no benchmark, or a line of it is wrong; names file and line.
    """
    if not folder.is_dir():
        raise KnownError("there is no such folder", remedy="Check the path.", path=folder)
    places = [place / name for place in (folder, folder / "test") for name in _METADATA]
    metadata = next((path for path in places if path.is_file()), None)
    tasks = list(_listed(metadata) if metadata is not None else _in_folders(folder))
    if not tasks:
        raise KnownError(
            "this folder holds no benchmark",
            remedy="Give the folder with metadata.jsonl, or one with a folder for each category: "
            f"{', '.join(category.value for category in BenchCategory)}.",
            path=folder,
        )
    seen: set[tuple[BenchCategory, str]] = set()
    for task in tasks:
        # Without the case: some disks do not tell outputs apart by it.
        if (task.category, task.key.casefold()) in seen:
            raise KnownError(
                f"the key '{task.key}' is there twice in {task.category.value}",
                remedy="Give each task a key of its own.",
                path=metadata or task.image,
            )
        seen.add((task.category, task.key.casefold()))
    for task in tasks:
        first = re.sub(r"-round-\d+$", "", task.key.casefold())
        if first != task.key.casefold() and (task.category, first) in seen:
            raise KnownError(
                f"the key '{task.key}' of {task.category.value} is the name of another task's output",
                remedy="Give it a key that does not end in -round- and a number.",
                path=metadata or task.image,
            )
    order = list(BenchCategory)
    return tuple(sorted(tasks, key=lambda task: (order.index(task.category), task.key)))


def category_of(text: str) -> BenchCategory | None:
    """The category that a text names, such as ``Instruction Editing - Local`` or ``local_editing``."""
    return _CATEGORIES.get(" ".join(re.findall(r"[a-z]+", text.lower())))


def _listed(path: Path) -> Iterator[BenchTask]:
    for line, row in _rows(path):
        where = f"line {line}"
        name, instruction = row.get("file_name"), row.get("instruction")
        category = category_of(str(row.get("category", "")))
        if not isinstance(name, str) or not name:
            raise _wrong(path, f"{where} has no file_name")
        if category is None:
            raise _wrong(path, f"{where} has the category {row.get('category')!r}, which is none of the five")
        turns = cast("list[object]", instruction) if isinstance(instruction, list) else [instruction]
        if not turns or not all(isinstance(turn, str) and turn.strip() for turn in turns):
            raise _wrong(path, f"{where} has no instruction")
        image = path.parent / name
        if not image.resolve().is_relative_to(path.parent.resolve()):
            raise _wrong(path, f"{where} names a file outside the folder")
        key = re.sub(r"[^\w.-]+", "-", str(row.get("key", Path(name).stem))).strip("-.") or f"line-{line}"
        yield BenchTask(key, category, image, tuple(str(turn).strip() for turn in turns))


def _rows(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise known_os_error(error, path) from error
    except UnicodeDecodeError as error:
        raise _wrong(path, "it is no text in UTF-8") from error
    if path.suffix == ".csv":
        reader = csv.DictReader(text.splitlines())
        for row in reader:
            yield reader.line_num, {name: value for name, value in row.items() if name and value}
        return
    for line, words in enumerate(text.splitlines(), start=1):
        if not words.strip():
            continue
        try:
            row: object = json.loads(words)
        except ValueError as error:
            raise _wrong(path, f"line {line} is no JSON ({error})") from error
        if not isinstance(row, dict):
            raise _wrong(path, f"line {line} is no JSON object")
        yield line, cast("dict[str, object]", row)


def _in_folders(folder: Path) -> Iterator[BenchTask]:
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        category = category_of(place.name)
        if category is None:
            continue
        for image in pictures_in(place):
            text = image.with_suffix(".txt")
            try:
                turns = tuple(
                    line.strip() for line in text.read_text(encoding="utf-8-sig").splitlines() if line.strip()
                )
            except FileNotFoundError as error:
                raise KnownError(
                    "this picture has no instruction",
                    remedy=f"Write it into {text.name} beside it, one line for each round.",
                    path=image,
                ) from error
            except OSError as error:
                raise known_os_error(error, text) from error
            if not turns:
                raise KnownError("it is empty", remedy="Write an instruction into it.", path=text)
            yield BenchTask(image.stem, category, image, turns)


def _wrong(path: Path, what: str) -> KnownError:
    return KnownError(
        what, remedy="Each line needs file_name, instruction and category, as KontextBench has them.", path=path
    )
