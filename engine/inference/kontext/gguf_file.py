"""Checks transformers in the GGUF format before anything is loaded. No torch in here.

GGUF is llama.cpp's file format, whose block-wise quantised types (Q4 to Q8: 4 to 8 bits a weight and a scale for each
32 or 256 of them) diffusers computes with directly.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from engine.domain.errors import KnownError

GGUF_SUFFIX = ".gguf"

_MAGIC = b"GGUF"
_ARCHITECTURE = "flux"
_SUPPORTED = ("F32", "F16", "BF16", "Q8_0", "Q6_K", "Q5_K", "Q5_1", "Q5_0", "Q4_K", "Q4_1", "Q4_0", "IQ4_NL", "IQ4_XS")
"""Of diffusers' types those of four bits and more; fewer cost the mask its edge."""

_REMEDY = "Use a Q4 to Q8 file of FLUX.1 Kontext, or copy it again."


def check_gguf(path: Path) -> int:
    """Check that a GGUF file is whole, holds a FLUX transformer, and is stored in types that can be used; its size.

    Raises
    ------
    KnownError
        It is no GGUF file, is cut short, holds another model, or is stored in another type; says which.
    """
    _read(path)
    return path.stat().st_size


def gguf_type(path: Path) -> str:
    """The type that most of the file's bytes are stored in, such as ``Q4_K``.

    Raises
    ------
    KnownError
        As `check_gguf`.
    """
    return _read(path).most_common(1)[0][0]


def _read(path: Path) -> Counter[str]:
    """Bytes by type."""
    with open(path, "rb") as file:
        if file.read(4) != _MAGIC:
            raise KnownError("this is no GGUF file", remedy=_REMEDY, path=path)
    from gguf import GGUFReader

    try:
        reader = GGUFReader(path)
    except (ValueError, IndexError, KeyError, OverflowError, UnicodeDecodeError) as error:
        # The reader does not look for the file's end: a short one runs out in the middle of something.
        raise KnownError("the file is cut short or damaged", remedy=_REMEDY, path=path) from error
    architecture = reader.get_field("general.architecture")
    named = str(architecture.contents()) if architecture is not None else _ARCHITECTURE
    if named != _ARCHITECTURE:
        raise KnownError(f"this file holds a model of the kind '{named}', not FLUX.1", remedy=_REMEDY, path=path)
    if not reader.tensors:
        raise KnownError("this file holds no weights", remedy=_REMEDY, path=path)
    types: Counter[str] = Counter()
    for tensor in reader.tensors:
        kind = tensor.tensor_type.name
        if kind not in _SUPPORTED:
            raise KnownError(f"its weights are stored as {kind}, which is not supported", remedy=_REMEDY, path=path)
        types[kind] += int(tensor.n_bytes)
    return types
