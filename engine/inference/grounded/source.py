"""Finds and checks the folders of Grounding DINO and SAM 2 before anything heavy is loaded. No torch in here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from engine.domain.errors import KnownError
from engine.inference.kontext.source import check_safetensors

PACKAGES = ("torch", "transformers", "safetensors")
GET_IT = "Copy the folder from Hugging Face; docs/models.md lists its files."

_SAMPLE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class WeightFolder:
    """A model folder in transformers' layout that holds everything it needs.

    Attributes
    ----------
    weights : Path
        The one safetensors file.
    size_bytes : int
        Of that file.
    """

    folder: Path
    weights: Path
    size_bytes: int

    def fingerprint(self) -> str:
        """SHA-256 over the size and four samples of the weights, hexadecimal; tells models and versions apart."""
        digest = hashlib.sha256(str(self.size_bytes).encode())
        with open(self.weights, "rb") as file:
            for quarter in range(4):
                file.seek(self.size_bytes * quarter // 4)
                digest.update(file.read(_SAMPLE_BYTES))
        return digest.hexdigest()


def find_detector(folder: Path) -> WeightFolder:
    """Check a Grounding DINO folder without loading it.

    Raises
    ------
    KnownError
        The folder is not there, not complete, damaged, or another model's.
    """
    found = _checked(folder, ("grounding-dino",), "a Grounding DINO model", ("preprocessor_config.json",))
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.txt")):
        raise _incomplete(folder, ["tokenizer.json"])
    return found


def find_segmenter(folder: Path) -> WeightFolder:
    """Check a SAM 2 folder without loading it.

    Meta publishes SAM 2 as a model for videos, which holds the one for pictures.

    Raises
    ------
    KnownError
        The folder is not there, not complete, damaged, or another model's.
    """
    return _checked(folder, ("sam2", "sam2_video"), "a SAM 2 model", ())


def missing_packages() -> tuple[str, ...]:
    """Packages that the detector and the segmenter need and that are not installed."""
    return tuple(package for package in PACKAGES if find_spec(package) is None)


def _checked(folder: Path, model_types: tuple[str, ...], wanted: str, others: tuple[str, ...]) -> WeightFolder:
    if not folder.is_dir():
        raise KnownError("there is no such model folder", remedy=GET_IT, path=folder)
    weights = folder / "model.safetensors"
    missing = [name for name in ("config.json", weights.name, *others) if not (folder / name).is_file()]
    if missing:
        raise _incomplete(folder, missing)
    config = folder / "config.json"
    try:
        found = json.loads(config.read_text(encoding="utf-8"))["model_type"]
    except (ValueError, KeyError, TypeError) as error:
        raise KnownError("this file is damaged", remedy=f"Copy it again. {GET_IT}", path=config) from error
    if found not in model_types:
        raise KnownError(f"this folder holds a model of type '{found}', not {wanted}", remedy=GET_IT, path=folder)
    return WeightFolder(folder, weights, check_safetensors(weights))


def _incomplete(folder: Path, missing: list[str]) -> KnownError:
    pickled = sorted(folder.glob("*.bin")) + sorted(folder.glob("*.pt"))
    if pickled and "model.safetensors" in missing:
        return KnownError(
            "pickled weights are not loaded, because opening them can run foreign code",
            remedy="Use the folder's model.safetensors.",
            path=pickled[0],
        )
    return KnownError(f"the model folder is not complete: {', '.join(missing)} missing", remedy=GET_IT, path=folder)
