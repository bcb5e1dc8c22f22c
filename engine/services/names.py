"""What a file's name and folders say about a photograph: role, SKU, view and sequence number."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePath

from engine.domain.assets import Role

# A word counts only when no letter touches it, so that "modelled" or "flattering" say nothing; digits may touch it.
_FLATLAY = re.compile(
    r"(?<![a-z])(?:still[ _-]?life|flat[ _-]?lay|flats?|pack[ _-]?shots?|ghost(?:[ _-]?mannequin)?|lay[ _-]?down)"
    r"(?![a-z])"
)
_ON_MODEL = re.compile(r"(?<![a-z])(?:on[ _-]?models?|models?|looks?|worn)(?![a-z])")
_VIEWS = {
    "front": "front", "fr": "front", "back": "back", "bk": "back", "rear": "back", "side": "side", "left": "left",
    "right": "right", "detail": "detail", "dt": "detail", "closeup": "detail", "full": "full", "top": "top",
    "3q": "three-quarter",
}  # fmt: skip
# Names that cameras give: they tell nothing about the article.
_CAMERA = re.compile(r"(?:img|dsc[fn]?|dscn|mg|p|pxl|capture|image|photo|picture|scan|untitled)\d*")


@dataclass(frozen=True, slots=True)
class NameParts:
    """What a name says.

    Attributes
    ----------
    role : Role
        ``UNKNOWN`` where neither the name nor a folder has a role word.
    key : str
        The name without role words and view, lower case, joined by ``-``: the article with its sequence number.
    sku : str
        The key without a trailing sequence number; equal to the key where the key is nothing but a number.
    view : str
        ``front``, ``back`` ...; empty where the name has none.
    folder : str
        The nearest folder that is not a role word, for names that say nothing.
    """

    role: Role
    key: str
    sku: str
    view: str
    folder: str

    @property
    def is_number(self) -> bool:
        """Whether the key is nothing but a number, as in ``on_model12``."""
        return self.key.isdigit()

    @property
    def is_silent(self) -> bool:
        """Whether the name says nothing about the article, as in ``flat`` or ``IMG_0042``."""
        words = self.key.split("-")
        return not self.key or (bool(_CAMERA.fullmatch(words[0])) and all(w.isdigit() for w in words[1:]))


def parse_name(path: PurePath, root: PurePath) -> NameParts:
    """Read role, SKU and view from a path.

    Parameters
    ----------
    path : PurePath
        The photograph.
    root : PurePath
        The folder that was dropped; its own name counts, what lies above it does not.
    """
    stem = _plain(path.stem)
    below = path.parent.relative_to(root).parts if path.parent.is_relative_to(root) else ()
    folders = [_plain(part) for part in (root.name, *below)]
    role = _role(stem)
    for folder in reversed(folders):
        if role is not Role.UNKNOWN:
            break
        role = _role(folder)
    view, words = "", list[str]()
    for word in re.findall(r"[^\W_]+", _ON_MODEL.sub(" ", _FLATLAY.sub(" ", stem))):
        if word in _VIEWS and not view:
            view = _VIEWS[word]
        else:
            words.append(word)
    sku_words = words[:-1] if len(words) > 1 and re.fullmatch(r"\d{1,2}", words[-1]) else words
    telling = [folder for folder in folders if _role(folder) is Role.UNKNOWN]
    # The whole chain of telling folders, so that two SKU folders of the same name under two brands stay apart.
    return NameParts(role, "-".join(words), "-".join(sku_words), view, "/".join(telling))


def spelled_sku(sku: str, path: PurePath) -> str:
    """An article number as the studio writes it: `parse_name` gives it in lower case, and of pictures whose names say
    nothing with all folders above.

    Parameters
    ----------
    sku : str
        Of a pair; one that a pair list gave is taken as it is.
    path : PurePath
        The photograph that it was read from.
    """
    if sku != _plain(sku):
        return sku
    text = unicodedata.normalize("NFKC", path.stem)
    for role_word in (_FLATLAY, _ON_MODEL):
        text = re.sub(role_word.pattern, " ", text, flags=re.IGNORECASE)
    written = {word.casefold(): word for word in re.findall(r"[^\W_]+", text)}
    words = [written.get(word) for word in sku.split("-")]
    if all(words):
        return "-".join(word for word in words if word)
    folders = {_plain(part): unicodedata.normalize("NFKC", part) for part in path.parent.parts}
    chain = sku.split("/")
    return folders[chain[-1]] if all(part in folders for part in chain) else sku


def _role(text: str) -> Role:
    flat, worn = bool(_FLATLAY.search(text)), bool(_ON_MODEL.search(text))
    if flat == worn:
        return Role.UNKNOWN
    return Role.FLATLAY if flat else Role.ON_MODEL


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
