"""Finds and checks the files of a FLUX.1 Kontext model before anything heavy is loaded. No torch in here.

A model is either a diffusers folder, or a single ``.safetensors`` or ``.gguf`` file with the transformer that lies in
such a folder or beside one, from which everything but the transformer's weights is taken.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.domain.errors import KnownError
from engine.domain.files import known_os_error
from engine.inference.kontext.description import ModelDescription, read_description
from engine.inference.kontext.gguf_file import GGUF_SUFFIX, check_gguf

MODEL_NAME = "FLUX.1-Kontext-dev"
MODEL_ID = "black-forest-labs/FLUX.1-Kontext-dev"
PIPELINE_CLASS = "FluxKontextPipeline"
MAX_PROMPT_TOKENS = 512
"""T5 tokens FLUX.1 Kontext was trained with."""

GET_IT = (
    f"Run 'chromask models download' for {MODEL_ID}, or give the folder that holds it with --model; docs/models.md "
    "lists the files."
)

_MODELS = ("text_encoder", "text_encoder_2", "transformer", "vae")
_WEIGHTS = {
    "text_encoder": "model",
    "text_encoder_2": "model",
    "transformer": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
}
# Each entry lists alternatives; one of them must be there completely.
_TOKENIZER_FILES = {
    "tokenizer": (("tokenizer.json",), ("vocab.json", "merges.txt")),
    "tokenizer_2": (("tokenizer.json",), ("spiece.model",)),
}
_MAX_HEADER_BYTES = 100_000_000  # the limit of the safetensors format's own reader
_SAMPLE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A complete model on disk.

    Attributes
    ----------
    folder : Path
        The diffusers folder.
    transformer_file : Path or None
        A single file that replaces the folder's transformer weights.
    weights : tuple of Path
        Every weight file that will be read.
    transformer_bytes, text_bytes, vae_bytes : int
        Of the weight files of the transformer, of both text encoders, and of the VAE.
    description : ModelDescription or None
        What the folder says of the model; None for FLUX.1 Kontext.
    """

    folder: Path
    transformer_file: Path | None
    weights: tuple[Path, ...]
    transformer_bytes: int
    text_bytes: int
    vae_bytes: int
    description: ModelDescription | None = None

    @property
    def size_bytes(self) -> int:
        """Of all weight files."""
        return self.transformer_bytes + self.text_bytes + self.vae_bytes

    @property
    def prompt_tokens(self) -> int:
        """T5 tokens of a prompt; a smaller tokenizer's own limit wins."""
        return self.description.prompt_tokens if self.description is not None else MAX_PROMPT_TOKENS

    @property
    def gguf_bytes(self) -> int | None:
        """Size of the transformer's GGUF file, where it is one."""
        is_gguf = self.transformer_file is not None and self.transformer_file.suffix.lower() == GGUF_SUFFIX
        return self.transformer_bytes if is_gguf else None

    def fingerprint(self) -> str:
        """SHA-256 over names, sizes, headers and samples of the weight files, hexadecimal.

        Hashing all 34 GB of FLUX.1 Kontext takes minutes; this tells models and versions apart in milliseconds.
        """
        return _fingerprint(self.weights)

    def text_fingerprint(self) -> str:
        """The same over what turns a prompt into numbers: both text encoders and their tokenizers."""
        weights = [path for path in self.weights if path.parent.name.startswith("text_encoder")]
        tokenizers = [path for name in _TOKENIZER_FILES for path in (self.folder / name).iterdir() if path.is_file()]
        return _fingerprint([*weights, *tokenizers])

    def vae_fingerprint(self) -> str:
        """The same over what turns a picture into latents."""
        return _fingerprint([path for path in self.weights if path.parent.name == "vae"])


def _fingerprint(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        size = path.stat().st_size
        digest.update(f"{path.parent.name}/{path.name}\0{size}\0".encode())
        with open(path, "rb") as file:
            digest.update(file.read(_SAMPLE_BYTES))
            # Three places inside: fine-tunes of one model differ everywhere, but not in the header.
            for quarter in (1, 2, 3):
                file.seek(size * quarter // 4)
                digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()


def find_source(model: Path) -> ModelSource:
    """Check a model folder or file completely, without loading it.

    Parameters
    ----------
    model : Path
        A diffusers folder, or a transformer's ``.safetensors`` or ``.gguf`` file.

    Raises
    ------
    KnownError
        Nothing is there, it is another model, or a file is missing, cut short or no safetensors file; says which. Or
        the model's description is wrong.
    """
    try:
        if model.is_dir():
            return _checked(model, None)
        if model.is_file():
            return _checked(_folder_of(model), model)
    except OSError as error:
        raise known_os_error(error, model) from error
    raise KnownError("there is no such model folder or file", remedy=GET_IT, path=model)


def _folder_of(file: Path) -> Path:
    if file.suffix.lower() not in (".safetensors", GGUF_SUFFIX):
        raise KnownError(
            f"a model file must end in .safetensors or .gguf, not in '{file.suffix}'",
            remedy="Give a diffusers folder, a .safetensors or a .gguf file; pickled ones (.bin, .ckpt, .pt) are not "
            "loaded, because opening them can run foreign code.",
            path=file,
        )
    for folder in (file.parent, file.parent / MODEL_NAME):
        if (folder / "model_index.json").is_file():
            return folder
    raise KnownError(
        "this file holds the transformer alone, and the text encoders, tokenizers and VAE are not beside it",
        remedy=f"Put it into the diffusers folder of {MODEL_ID}, or put that folder beside it as {MODEL_NAME}.",
        path=file,
    )


def _checked(folder: Path, transformer_file: Path | None) -> ModelSource:
    _check_index(folder)
    missing: list[str] = []
    if not (folder / "scheduler" / "scheduler_config.json").is_file():
        missing.append("scheduler/scheduler_config.json")
    for name, alternatives in _TOKENIZER_FILES.items():
        if not any(all((folder / name / file).is_file() for file in files) for files in alternatives):
            missing.append(f"{name}/{alternatives[0][0]}")
    by_component: dict[str, list[Path]] = {}
    for name in _MODELS:
        if not (folder / name / "config.json").is_file():
            missing.append(f"{name}/config.json")
        if name == "transformer" and transformer_file is not None:
            by_component[name] = [transformer_file]
            continue
        weights, absent = _weight_files(folder / name, _WEIGHTS[name])
        by_component[name] = weights
        missing += [f"{name}/{file}" for file in absent]
    if missing:
        shown = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if len(missing) > 4 else "")
        raise KnownError(f"the model folder is not complete: {shown} missing", remedy=GET_IT, path=folder)
    sizes = {name: sum(_check_weights(path) for path in paths) for name, paths in by_component.items()}
    return ModelSource(
        folder=folder,
        transformer_file=transformer_file,
        weights=tuple(path for paths in by_component.values() for path in paths),
        transformer_bytes=sizes["transformer"],
        text_bytes=sizes["text_encoder"] + sizes["text_encoder_2"],
        vae_bytes=sizes["vae"],
        description=read_description(folder),
    )


def _check_weights(path: Path) -> int:
    return check_gguf(path) if path.suffix.lower() == GGUF_SUFFIX else check_safetensors(path)


def _check_index(folder: Path) -> None:
    index = folder / "model_index.json"
    if not index.is_file():
        raise KnownError(
            "this is no diffusers model folder: it has no model_index.json",
            remedy=GET_IT,
            path=folder,
        )
    found = _read_json(index).get("_class_name")
    if found != PIPELINE_CLASS:
        raise KnownError(
            f"this folder holds a {found}, not a {PIPELINE_CLASS}",
            remedy=GET_IT,
            path=folder,
        )


def _read_json(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise KnownError(f"this file is damaged ({error})", remedy=f"Copy it again. {GET_IT}", path=path) from error
    if not isinstance(content, dict):
        raise KnownError("this file is damaged (no JSON object)", remedy=f"Copy it again. {GET_IT}", path=path)
    return content


def _weight_files(folder: Path, stem: str) -> tuple[list[Path], list[str]]:
    """The component's weight files, and the names of those that are missing."""
    whole, index = folder / f"{stem}.safetensors", folder / f"{stem}.safetensors.index.json"
    if whole.is_file():
        return [whole], []
    if index.is_file():
        weight_map = _read_json(index).get("weight_map")
        names = sorted(set(weight_map.values())) if isinstance(weight_map, dict) else []
        if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
            raise KnownError("this file lists no weight files", remedy=f"Copy it again. {GET_IT}", path=index)
        return [folder / name for name in names], [name for name in names if not (folder / name).is_file()]
    pickled = next(iter(sorted(folder.glob("*.bin"))), None) if folder.is_dir() else None
    if pickled is not None:
        raise KnownError(
            "pickled weights are not loaded, because opening them can run foreign code",
            remedy=f"Use the .safetensors files of {MODEL_ID}.",
            path=pickled,
        )
    return [], [whole.name]


def check_safetensors(path: Path) -> int:
    """Check that a safetensors file is as long as its own header says; its size in bytes.

    A download that broke off, and the small text file that git leaves where LFS did not run, are the common cases.

    Raises
    ------
    KnownError
        The file is no safetensors file, or is cut short.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        start = file.read(8)
        if start.startswith(b"version "):
            raise KnownError(
                "this is a git LFS pointer, not the weights themselves",
                remedy=f"Run 'git lfs pull' in that folder. {GET_IT}",
                path=path,
            )
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(_MAX_HEADER_BYTES, size - 8):
            raise KnownError("this is no safetensors file, or it is cut short", remedy="Copy it again.", path=path)
        header = file.read(length)
    try:
        tensors = {name: entry for name, entry in json.loads(header).items() if name != "__metadata__"}
        end = max((entry["data_offsets"][1] for entry in tensors.values()), default=0)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise KnownError("this is no safetensors file", remedy="Copy it again.", path=path) from error
    if size != 8 + length + end:
        raise KnownError(
            f"the file is cut short or damaged: {size:,} bytes where its header says {8 + length + end:,}",
            remedy="Copy it again.",
            path=path,
        )
    return size
