"""AI-Toolkit: ``folder_path``, ``control_path``, ``mask_path``, captions beside the targets, and ``config.yaml``.

The keys are those of its own ``config/examples/train_lora_flux_kontext_24gb.yaml``, and of ``DatasetConfig`` in its
``toolkit/config_modules.py`` for the masked loss.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from engine.domain.datasets import DatasetKind, Example, Manifest, Split
from engine.domain.errors import KnownError, UsageError
from engine.domain.files import known_os_error, no_utf8
from engine.domain.training import BaseWeights, Optimiser, TrainingSettings
from engine.services.datasets.layouts.files import LayoutFiles

CONFIG = "config.yaml"
MODEL = "black-forest-labs/FLUX.1-Kontext-dev"

_Table = dict[str, Any]


def layout_of(manifest: Manifest, settings: TrainingSettings, to: Path, name: str) -> LayoutFiles:
    """The set for AI-Toolkit; see `engine.services.datasets.layouts.export.export_dataset`."""
    import yaml

    examples = manifest.of(Split.TRAIN)
    texts: dict[str, str] = {}
    pictures: list[tuple[str, str]] = []
    for example in examples:
        pictures += [(example.target, f"target/{example.name}.png"), (example.control, f"control/{example.name}.png")]
        texts[f"target/{example.name}.txt"] = example.caption
        if example.loss_mask:
            pictures.append((example.loss_mask, f"mask/{example.name}.png"))
    texts[CONFIG] = yaml.safe_dump(_config(examples, manifest, settings, to, name), sort_keys=False, allow_unicode=True)
    notices: tuple[str, ...] = ()
    if settings.pure_noise or settings.variants:
        notices = ("AI-Toolkit has no share of pure noise and no variants of pairs; they are left out.",)
    return LayoutFiles(CONFIG, texts, tuple(pictures), notices)


def _config(
    examples: tuple[Example, ...], manifest: Manifest, settings: TrainingSettings, to: Path, name: str
) -> _Table:
    dataset: _Table = {
        "folder_path": (to / "target").as_posix(),
        "control_path": (to / "control").as_posix(),
        "caption_ext": "txt",
        "caption_dropout_rate": settings.caption_dropout,
        "shuffle_tokens": False,
        "cache_latents_to_disk": True,
        "resolution": list(settings.resolutions),
    }
    if any(example.loss_mask for example in examples):
        dataset |= {"mask_path": (to / "mask").as_posix(), "mask_min_value": settings.mask_min_value}
    measured = (manifest.of(Split.HELD_OUT) or examples)[: max(settings.samples, 1)]
    folder = "held_out/control" if manifest.of(Split.HELD_OUT) else "control"
    prompts = [f"{e.caption} --ctrl_img {(to / folder / e.name).as_posix()}.png" for e in measured]
    train: _Table = {
        "batch_size": settings.batch,
        "steps": settings.steps,
        "gradient_accumulation_steps": settings.accumulation,
        "train_unet": True,
        "train_text_encoder": False,
        "gradient_checkpointing": settings.gradient_checkpointing,
        "noise_scheduler": "flowmatch",
        "optimizer": "adamw" if settings.optimiser is Optimiser.ADAMW else "adamw8bit",
        "optimizer_params": {"weight_decay": settings.weight_decay},
        "lr": settings.learning_rate,
        # Its name for the logistic function of a normal variable.
        "timestep_type": "sigmoid",
        "dtype": "bf16",
    }
    if settings.ema:
        train["ema_config"] = {"use_ema": True, "ema_decay": settings.ema}
    process: _Table = {
        "type": "sd_trainer",
        "training_folder": (to / "output").as_posix(),
        "device": "cuda:0",
        "network": {
            "type": "lora",
            "linear": settings.rank,
            "linear_alpha": settings.rank if settings.alpha is None else settings.alpha,
        },
        "save": {"dtype": "float16", "save_every": settings.save_every or 250, "max_step_saves_to_keep": 4},
        "datasets": [dataset],
        "train": train,
        "model": {
            "name_or_path": MODEL,
            "arch": "flux_kontext",
            "quantize": settings.base_weights is not BaseWeights.WHOLE,
        },
        "sample": {
            "sampler": "flowmatch",
            "sample_every": settings.sample_every or 250,
            "width": 1328 if manifest.kind is DatasetKind.COLOR else 1024,
            "height": 800 if manifest.kind is DatasetKind.COLOR else 1024,
            "prompts": prompts,
            "neg": "",
            "seed": settings.seed or 42,
            "walk_seed": True,
            "guidance_scale": 2.5,
            "sample_steps": settings.sample_steps,
        },
    }
    trigger = next((example.trigger for example in examples if example.trigger), "")
    if trigger:
        process["trigger_word"] = trigger
    return {
        "job": "extension",
        "config": {"name": name, "process": [process]},
        "meta": {"name": "[name]", "version": "1.0"},
    }


@dataclass(frozen=True, slots=True)
class ToolkitDataset:
    """A ``datasets`` entry of a ``config.yaml``, or folders that look like one.

    Attributes
    ----------
    masks : Path or None
        ``mask_path``.
    """

    targets: Path
    controls: Path
    masks: Path | None
    caption_ext: str
    trigger: str


def read_config(path: Path) -> tuple[list[ToolkitDataset], TrainingSettings, tuple[str, ...]]:
    """Read a ``config.yaml``.

    Parameters
    ----------
    path : Path
        Relative folders in it begin where the file lies.

    Returns
    -------
    list of ToolkitDataset
    TrainingSettings
        What the file says of those that Chromask knows, and Chromask's own defaults for the rest.
    tuple of str
        Keys of ``network`` and ``train`` that have no counterpart, such as ``train.lr_scheduler``.

    Raises
    ------
    KnownError
        It cannot be read, is no YAML, no AI-Toolkit configuration, or a value is impossible; names the key.
    """
    import yaml

    try:
        content: object = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise known_os_error(error, path) from error
    except UnicodeDecodeError as error:
        raise no_utf8(path) from error
    except yaml.YAMLError as error:
        line = str(error).splitlines()[0]
        raise KnownError(f"this is no valid YAML file ({line})", remedy="Correct it.", path=path) from error
    process = _first_process(content, path)
    trigger = process.get("trigger_word")
    entries = process.get("datasets")
    if not isinstance(entries, list) or not entries:
        raise _no_config(path, "it names no datasets")
    found: list[ToolkitDataset] = []
    for entry in cast("list[object]", entries):
        table = _as_table(entry, path, "datasets")
        folder, control = table.get("folder_path"), table.get("control_path")
        if not isinstance(folder, str) or not isinstance(control, str):
            raise _no_config(path, "a dataset lacks folder_path or control_path")
        masks = table.get("mask_path")
        found.append(
            ToolkitDataset(
                targets=path.parent / folder,
                controls=path.parent / control,
                masks=path.parent / masks if isinstance(masks, str) and masks else None,
                caption_ext=str(table.get("caption_ext", "txt")).lstrip("."),
                trigger=trigger if isinstance(trigger, str) else "",
            )
        )
    first = _as_table(cast("list[object]", entries)[0], path, "datasets")
    settings, unknown = _settings(process, first, path)
    return found, settings, unknown


_KNOWN = {
    "network": {"type", "linear", "linear_alpha"},
    "train": {
        "batch_size", "steps", "gradient_accumulation_steps", "gradient_accumulation", "train_unet", "dtype",
        "train_text_encoder", "gradient_checkpointing", "noise_scheduler", "optimizer", "optimizer_params", "lr",
        "timestep_type", "ema_config",
    },
}  # fmt: skip


def _settings(process: _Table, dataset: _Table, path: Path) -> tuple[TrainingSettings, tuple[str, ...]]:
    network = _as_table(process.get("network", {}), path, "network")
    train = _as_table(process.get("train", {}), path, "train")
    ema = _as_table(train.get("ema_config") or {}, path, "train.ema_config")
    optimiser = str(train.get("optimizer", "")).lower()
    quantized = _as_table(process.get("model", {}), path, "model").get("quantize")
    params = _as_table(train.get("optimizer_params") or {}, path, "train.optimizer_params")
    base = TrainingSettings()
    given: Any = dataset.get("resolution", list(base.resolutions))
    sides = cast("list[Any]", given if isinstance(given, list) else [given])
    number = _Numbers(path)
    rank = int(number(network, "network.linear", base.rank))
    alpha = int(number(network, "network.linear_alpha", rank))
    accumulation = number(train, "train.gradient_accumulation", base.accumulation)
    try:
        settings = replace(
            base,
            rank=rank,
            alpha=None if alpha == rank else alpha,
            learning_rate=number(train, "train.lr", base.learning_rate),
            weight_decay=number(params, "train.optimizer_params.weight_decay", base.weight_decay),
            steps=int(number(train, "train.steps", base.steps)),
            batch=int(number(train, "train.batch_size", base.batch)),
            accumulation=int(number(train, "train.gradient_accumulation_steps", accumulation)),
            resolutions=tuple(int(side) for side in sides),
            base_weights=BaseWeights.WHOLE if quantized is False else BaseWeights.AUTO,
            optimiser=Optimiser.ADAMW if optimiser == "adamw" else Optimiser.AUTO,
            gradient_checkpointing=bool(train.get("gradient_checkpointing", base.gradient_checkpointing)),
            mask_min_value=number(dataset, "datasets.mask_min_value", 0.0),
            caption_dropout=number(dataset, "datasets.caption_dropout_rate", 0.0),
            ema=number(ema, "train.ema_config.ema_decay", 0.99) if ema.get("use_ema") else 0.0,
        )
    except (UsageError, TypeError, ValueError) as error:
        raise KnownError(f"a value cannot be used ({error})", remedy="Correct it.", path=path) from error
    unknown = [
        f"{table}.{key}"
        for table, content in (("network", network), ("train", train))
        for key in content
        if key not in _KNOWN[table]
    ]
    if (timesteps := train.get("timestep_type")) not in (None, "sigmoid"):
        unknown.append(f"train.timestep_type = {timesteps}")
    if optimiser and optimiser not in ("adamw", "adamw8bit"):
        unknown.append(f"train.optimizer = {optimiser}")
    return settings, tuple(unknown)


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Reads numbers, for which YAML has texts as well: ``1e-4`` without a point is one."""

    path: Path

    def __call__(self, table: _Table, key: str, default: float) -> float:
        value = table.get(key.rpartition(".")[2], default)
        try:
            if isinstance(value, bool):
                raise TypeError
            return float(value)
        except (TypeError, ValueError) as error:
            raise KnownError(f"'{key}' is {value!r}", remedy="Give a number.", path=self.path) from error


def _first_process(content: object, path: Path) -> _Table:
    config = _as_table(_as_table(content, path, "the file").get("config"), path, "config")
    processes = config.get("process")
    if not isinstance(processes, list) or not processes:
        raise _no_config(path, "it has no 'process'")
    return _as_table(cast("list[object]", processes)[0], path, "process")


def _as_table(value: object, path: Path, what: str) -> _Table:
    if not isinstance(value, dict):
        raise _no_config(path, f"'{what}' holds no keys")
    return cast("_Table", value)


def _no_config(path: Path, why: str) -> KnownError:
    return KnownError(
        f"this is no training configuration of AI-Toolkit: {why}", remedy="Give its config.yaml.", path=path
    )
