"""musubi-tuner: ``dataset.toml`` with an image and a control directory, and the command that trains on it.

After its ``docs/dataset_config.md`` and ``docs/flux_kontext.md``.
"""

from __future__ import annotations

from pathlib import Path

from engine.domain.datasets import Manifest, Split
from engine.domain.training import Optimiser, TrainingSettings
from engine.services.datasets.layouts.files import LayoutFiles
from engine.services.toml_files import toml_value

CONFIG = "dataset.toml"


def layout_of(manifest: Manifest, settings: TrainingSettings, to: Path, name: str) -> LayoutFiles:
    """The set for musubi-tuner; see `engine.services.datasets.layouts.export.export_dataset`."""
    examples = manifest.of(Split.TRAIN)
    texts = {f"target/{example.name}.txt": example.caption for example in examples}
    pictures: list[tuple[str, str]] = []
    for example in examples:
        pictures += [(example.target, f"target/{example.name}.png"), (example.control, f"control/{example.name}.png")]
    texts[CONFIG] = _dataset(settings, to)
    texts["train.txt"] = _command(settings, to, name)
    notices = ["The commands to start it with are in train.txt; fill in where its models lie."]
    if any(example.loss_mask for example in examples):
        notices.append("musubi-tuner trains FLUX.1 Kontext without masks: the whole picture counts in its loss.")
    return LayoutFiles(CONFIG, texts, tuple(pictures), tuple(notices))


def _dataset(settings: TrainingSettings, to: Path) -> str:
    lines = ["[general]", 'caption_extension = ".txt"', f"batch_size = {settings.batch}", "enable_bucket = true"]
    lines.append("bucket_no_upscale = false")
    for side in settings.resolutions:
        # A dataset of its own for each size: one has one resolution, and each needs its own cache.
        lines += [
            "",
            "[[datasets]]",
            f"resolution = [{side}, {side}]",
            f"image_directory = {toml_value((to / 'target').as_posix())}",
            f"control_directory = {toml_value((to / 'control').as_posix())}",
            f"cache_directory = {toml_value((to / f'cache-{side}').as_posix())}",
            "num_repeats = 1",
        ]
    return "\n".join(lines) + "\n"


def _command(settings: TrainingSettings, to: Path, name: str) -> str:
    dataset = f"--dataset_config {toml_value((to / CONFIG).as_posix())}"
    encoders = "--text_encoder1 T5XXL --text_encoder2 CLIP_L"
    optimiser = "adamw" if settings.optimiser is Optimiser.ADAMW else "adamw8bit"
    train = [
        "accelerate launch --num_cpu_threads_per_process 1 --mixed_precision bf16",
        "src/musubi_tuner/flux_kontext_train_network.py",
        f"--dit DIT --vae AE {encoders} {dataset}",
        "--sdpa --mixed_precision bf16 --timestep_sampling sigmoid --weighting_scheme none",
        f"--optimizer_type {optimiser} --optimizer_args weight_decay={settings.weight_decay:g}",
        f"--learning_rate {settings.learning_rate:g} --gradient_accumulation_steps {settings.accumulation}",
        *(["--gradient_checkpointing"] if settings.gradient_checkpointing else []),
        f"--network_module networks.lora_flux --network_dim {settings.rank}",
        f"--network_alpha {settings.rank if settings.alpha is None else settings.alpha}",
        f"--max_train_steps {settings.steps} --save_every_n_steps {settings.save_every or 250} --seed {settings.seed}",
        f"--output_dir {toml_value((to / 'output').as_posix())} --output_name {toml_value(name)}",
    ]
    return "\n\n".join(
        [
            f"python src/musubi_tuner/flux_kontext_cache_latents.py {dataset} --vae AE",
            f"python src/musubi_tuner/flux_kontext_cache_text_encoder_outputs.py {dataset} {encoders} --batch_size 16",
            " \\\n    ".join(train),
            "",
        ]
    )
