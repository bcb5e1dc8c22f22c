"""A studio's own files: its presets and tolerances, and what Chromask notes for it, all beside its catalog."""

from __future__ import annotations

from pathlib import Path


def beside_catalog(catalog: Path | None, name: str) -> Path:
    """Where a studio keeps a file or folder of this name: beside its catalog, by default the account's.

    It need not exist. A catalog elsewhere belongs to another studio, or to a test: what the account keeps must not sway
    it.
    """
    if catalog is not None:
        return catalog.expanduser().resolve().parent / name
    from platformdirs import user_data_dir

    return Path(user_data_dir("Chromask", appauthor=False)) / name
