"""Names of exported files: tokens filled in, fit for every file system, and the same every time."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath

from engine.domain.assets import AssetPair
from engine.domain.export import NAME_TOKENS, ExportFormat
from engine.domain.requests import GARMENT_MASK
from engine.domain.results import Verdict
from engine.domain.review import ReviewItem
from engine.services.names import spelled_sku

MOST_BYTES = 170
"""Of a name before its endings. File systems end at 255 bytes, and a mask's name, numbers and ``-mask.png`` follow."""

_MOST_MASK_BYTES = 40

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\ud800-\udfff]')
"""Control characters, what Windows forbids, and bytes of old file servers that are no character."""

_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?=\.|$)")
"""Names of devices on Windows, with any ending (Microsoft, "Naming Files, Paths, and Namespaces")."""

_EMPTY = "\0"
_WORST = (Verdict.PASS, Verdict.WARN, Verdict.FAIL)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a file is made of, as far as its name says.

    Attributes
    ----------
    items : tuple of ReviewItem
        The results in it, all of one pair; the first is the one that a flat file or a mask is of.
    number : int
        Tells it from other results of the photograph that have the same mask name; 0 where none has.
    is_large : bool
        Whether a layered document needs the large document format.
    """

    format: ExportFormat
    items: tuple[ReviewItem, ...]
    number: int = 0
    is_large: bool = False

    @property
    def pair(self) -> AssetPair:
        return self.items[0].pair

    @property
    def chain(self) -> int:
        """What all versions of the result have in common that a flat file or a mask is of."""
        return chain_of(self.items[0])


class Names:
    """The names that a pattern gives to the files of a batch.

    A photograph's name is its own where no other of the batch has it (case and Unicode composition ignored, as disks
    do); otherwise with its folder's name, and with the pair's number where even that is not enough.

    Parameters
    ----------
    pairs : iterable of AssetPair
        All of the batch, whether something of them is exported or not: what is approved later changes no name.
    day : date
        For ``{date}``.
    """

    def __init__(self, pattern: str, pairs: Iterable[AssetPair], day: date) -> None:
        self._pattern, self._day = pattern, day
        by_id = {pair.id: pair for pair in pairs}
        plain = {id: self._told_apart(pair, 0) for id, pair in by_id.items()}
        count = Counter(plain.values())
        self._levels = {id: 0 if count[name] == 1 else 1 for id, name in plain.items()}
        names = {id: self._told_apart(pair, self._levels[id]) for id, pair in by_id.items()}
        count = Counter(names.values())
        self._levels |= {id: 2 for id, name in names.items() if count[name] > 1}

    def name(self, subject: Subject) -> PurePosixPath:
        """The file's path below the folder of the export."""
        return self._name(subject, self._levels[subject.pair.id], subject.number, self._day)

    def is_name_of(self, name: PurePosixPath, subject: Subject, day: date) -> bool:
        """Whether a file of that name, written on that day, may be this one: in a smaller or larger batch, or with a
        number that told it from another file.
        """
        numbers = {subject.number, 0, subject.chain}
        levels = {0, 1, 2}
        forms = {same(self._name(subject, level, number, day)) for level in levels for number in numbers}
        unnumbered = name.with_name(re.sub(r"-\d{1,3}(?=\.[^.]*$|-mask\.png$)", "", name.name))
        return same(name) in forms or same(unnumbered) in forms

    def _told_apart(self, pair: AssetPair, level: int) -> str:
        return same(self._rendered(pair, level, {"garment": pair.garment}))

    def _name(self, subject: Subject, level: int, number: int, day: date) -> PurePosixPath:
        first, layered = subject.items[0], subject.format.is_layered
        matches = [item.outcome.match for item in subject.items if item.outcome.match is not None]
        judged = matches if layered or not first.outcome.match else [first.outcome.match]
        tokens = {
            "garment": subject.pair.garment or first.outcome.mask.garment,
            "date": day.isoformat(),
            "verdict": max((match.after.verdict for match in judged), key=_WORST.index, default=""),
            # A document holds all masks.
            "mask": "" if layered else _cut(first.outcome.mask.name, _MOST_MASK_BYTES),
        }
        base = self._rendered(subject.pair, level, tokens)
        return base.with_name(base.name + self._ending(subject, number))

    def _rendered(self, pair: AssetPair, level: int, tokens: Mapping[str, str]) -> PurePosixPath:
        stem = pair.on_model.path.stem
        if level and "{stem}" in self._pattern:
            stem = f"{pair.on_model.path.parent.name}_{stem}"
        sku = spelled_sku(pair.sku, pair.on_model.path)
        path = rendered(self._pattern, {"sku": sku, "view": pair.view, "stem": stem, **tokens})
        if level == 2 or (level and "{stem}" not in self._pattern):
            path = path.with_name(f"{path.name}_{pair.id}")
        return path

    def _ending(self, subject: Subject, number: int) -> str:
        """``_matched`` keeps a flat file apart from the original should both share a folder; an edit is told from it
        by the name of its mask.
        """
        if subject.format is ExportFormat.PSD:
            return ".psb" if subject.is_large else ".psd"
        if subject.format is ExportFormat.TIFF_LAYERS:
            return "_layers.tif"
        outcome = subject.items[0].outcome
        is_named = "{mask}" in self._pattern
        mask = _cut(cleaned(outcome.mask.name), _MOST_MASK_BYTES)
        label = f"_{mask}" if mask != GARMENT_MASK and not is_named else ""
        told = f"_{number}" if number else ""
        if subject.format is ExportFormat.MASK:
            garment = f"_{mask}" if mask == GARMENT_MASK and not is_named else ""
            return f"{label}{told}{garment}-mask.png"
        return f"{label}{told}{'_matched' if outcome.match is not None else ''}{_SUFFIXES[subject.format]}"


_SUFFIXES = {ExportFormat.TIFF: ".tif", ExportFormat.PNG: ".png", ExportFormat.JPEG: ".jpg"}


def numbers_of(items: Iterable[ReviewItem]) -> dict[int, int]:
    """By job id the `Subject.number` of results of one photograph.

    A photograph that was edited again and again has several results of one name; the number of the first version of
    each tells them apart. All versions of a result have one name: the newer one takes the older one's place.
    """
    chains = {(chain_of(item), same(PurePosixPath(cleaned(item.outcome.mask.name)))): item for item in items}
    count = Counter(name for _, name in chains)
    return {item.job.id: chain if count[name] > 1 else 0 for (chain, name), item in chains.items()}


def rendered(pattern: str, tokens: Mapping[str, str]) -> PurePosixPath:
    """The pattern with its tokens filled in, every part of it fit for every file system.

    A token that says nothing takes the separator before it along, and a folder of nothing but such tokens is left out.
    """
    parts: list[str] = []
    for part in pattern.split("/"):
        text = re.sub(r"{([^{}]*)}", lambda found: cleaned(tokens.get(found[1], "")) or _EMPTY, part)
        text = re.sub(rf"^(?:[ ._-]*{_EMPTY})+[ ._-]*|[ ._-]*{_EMPTY}", "", text)
        parts.append(cleaned(text))
    name = parts.pop() or cleaned(tokens.get("stem", "")) or "picture"
    return PurePosixPath(*(part for part in parts if part), name)


def cleaned(text: str) -> str:
    """One part of a path that every file system takes: no separators, control characters or names of devices.

    Empty where nothing is left.
    """
    text = _cut(_FORBIDDEN.sub("_", text).strip(" ."), MOST_BYTES).rstrip(" .")
    return _RESERVED.sub(r"\1_", text, count=1) if _RESERVED.match(text) else text


def same(name: PurePosixPath) -> str:
    """Equal for names that a disk may take for the same: case and Unicode composition do not tell files apart."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", str(name)).casefold())


def example_name(pattern: str, day: date) -> str:
    """What a pattern makes of a photograph such as a studio has, for people who write one.

    Raises
    ------
    UsageError
        The pattern cannot be read.
    """
    from engine.domain.export import ExportRecipe

    ExportRecipe(name_pattern=pattern)
    sample = ("A1042", "front", "A1042_front_model", "shirt", day.isoformat(), Verdict.PASS, GARMENT_MASK)
    return f"{rendered(pattern, dict(zip(NAME_TOKENS, sample, strict=True)))}.psd"


def chain_of(item: ReviewItem) -> int:
    """What all versions of a result have in common."""
    return item.job.chain or item.job.id


def _cut(text: str, most: int) -> str:
    """As many whole characters as fit into so many bytes."""
    return text.encode()[:most].decode(errors="ignore")
