"""What the operator chose for all of Chromask on this computer; kept by Qt between sessions. GUI thread only."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings

from engine.domain.codec import from_json, to_json
from engine.domain.errors import BugError, UsageError
from engine.domain.export import ExportRecipe
from engine.inference.kontext.tiers import TIERS
from engine.services.presets import Preset
from engine.services.review import current_reviewer

_NOTIFY, _CHOICES = "queue/notify_when_done", "intake/choices"
_TIER, _MODEL = "models/vram_tier", "models/kontext"
_REVIEWER, _EXPORT, _WORKERS = "review/reviewer", "export/folder", "engine/workers"
_TRAINING_FOLDER, _TRAINING_MODEL = "training/folder", "training/model"
_RECIPE, _TAKES_BACK, _EDITOR = "export/recipe", "export/takes_back", "export/editor"

MOST_WORKERS = 8
"""More at once than this is never offered: each takes about 2 GB for a 48-megapixel picture."""


def vram_tier() -> int:
    """The chosen tier, one of `TIERS`; 0 leaves it to the graphics card."""
    text = str(QSettings().value(_TIER, "0"))
    # Whatever else a settings file of another version holds means: not chosen.
    return int(text) if text.isdecimal() and int(text) in TIERS else 0


def set_vram_tier(gib: int) -> None:
    QSettings().setValue(_TIER, gib)


def kontext_model() -> Path | None:
    """The model file or folder that was chosen; None means the one in the models folder."""
    text = str(QSettings().value(_MODEL, ""))
    return Path(text) if text else None


def set_kontext_model(path: Path | None) -> None:
    QSettings().setValue(_MODEL, str(path) if path is not None else "")


def reviewer() -> str:
    """The name under which verdicts and corrections are kept; the account's unless another was chosen."""
    return chosen_reviewer() or current_reviewer()


def chosen_reviewer() -> str:
    """The name that was chosen; empty means the account's."""
    return str(QSettings().value(_REVIEWER, "")).strip()


def set_reviewer(name: str) -> None:
    QSettings().setValue(_REVIEWER, name.strip())


def export_folder() -> Path | None:
    """The folder that the export page proposes; None means the one below the account's pictures."""
    text = str(QSettings().value(_EXPORT, ""))
    return Path(text) if text else None


def set_export_folder(path: Path | None) -> None:
    QSettings().setValue(_EXPORT, str(path) if path is not None else "")


def training_folder() -> Path | None:
    """Where data sets and training runs lie; None means beside the catalog."""
    text = str(QSettings().value(_TRAINING_FOLDER, ""))
    return Path(text) if text else None


def set_training_folder(path: Path | None) -> None:
    QSettings().setValue(_TRAINING_FOLDER, str(path) if path is not None else "")


def training_model() -> Path | None:
    """The model that LoRAs are trained on; None means the one that jobs use."""
    text = str(QSettings().value(_TRAINING_MODEL, ""))
    return Path(text) if text else None


def set_training_model(path: Path | None) -> None:
    QSettings().setValue(_TRAINING_MODEL, str(path) if path is not None else "")


def takes_back() -> bool:
    """Whether what is saved in the export folder is taken back by itself."""
    return str(QSettings().value(_TAKES_BACK, "false")) == "true"


def set_takes_back(takes_back: bool) -> None:
    QSettings().setValue(_TAKES_BACK, "true" if takes_back else "false")


def editor() -> str:
    """The program or command that opens documents; empty leaves it to the desktop."""
    return str(QSettings().value(_EDITOR, "")).strip()


def set_editor(command: str) -> None:
    QSettings().setValue(_EDITOR, command.strip())


def export_recipe() -> ExportRecipe:
    """The recipe of the last export; the usual one where there was none."""
    try:
        return from_json(str(QSettings().value(_RECIPE, "{}")), ExportRecipe)
    except (BugError, UsageError):
        return ExportRecipe()  # a settings file of another version


def set_export_recipe(recipe: ExportRecipe) -> None:
    QSettings().setValue(_RECIPE, to_json(recipe, ExportRecipe))


def workers() -> int:
    """How many jobs may run at once, `MOST_WORKERS` at most; 0 leaves it to the number of cores."""
    text = str(QSettings().value(_WORKERS, "0"))
    return int(text) if text.isdecimal() and int(text) <= MOST_WORKERS else 0


def set_workers(count: int) -> None:
    QSettings().setValue(_WORKERS, count)


def notifies_when_done() -> bool:
    """Whether the desktop is told when a batch has ended while the window is not in front."""
    return str(QSettings().value(_NOTIFY, "true")) == "true"


def set_notifies_when_done(notifies: bool) -> None:
    QSettings().setValue(_NOTIFY, "true" if notifies else "false")


def last_choices() -> Preset:
    """The choices of the last batch; the usual ones where there was none."""
    try:
        return from_json(str(QSettings().value(_CHOICES, "{}")), Preset)
    except BugError:
        return Preset()  # a settings file of another version


def set_last_choices(choices: Preset) -> None:
    QSettings().setValue(_CHOICES, to_json(choices, Preset))
