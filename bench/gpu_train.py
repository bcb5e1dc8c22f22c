"""What one step of LoRA training takes on a graphics card: seconds, and memory beside what is estimated.

    python bench/gpu_train.py                                   # bf16, fp8 and nf4; 512, 768 and 1024 px
    python bench/gpu_train.py --base fp8,nf4 --sides 1024 --rank 32 --checkpointing on
    python bench/gpu_train.py --limit 24                        # as on a card of 24 GiB

The weights are random, of the published configuration: time and memory do not depend on their values. The step is the
trainer's own (`engine.training.run.Run`), on one example of random latents and 512 text tokens, with a LoRA on every
linear layer of the blocks; what runs before it, the VAE and the text encoders, is not in memory, as in a training run.
Memory is what torch reserves at most; the estimate is `engine.training.memory` without the CUDA context.

A bare machine needs torch, diffusers and peft with what these need, and nothing else of the project's packages: wheels
that it lacks can be unpacked into a folder on PYTHONPATH. nf4 and 8-bit AdamW need bitsandbytes, of whose libraries the
one for torch's own CUDA is enough (``libbitsandbytes_cuda130.so`` for 13.0). Each line is printed as soon as it is
measured: what is cut off keeps the lines until then.

Without a graphics card the script says so, and takes every kind of step on a model of a few thousand weights, to check
itself.
"""

from __future__ import annotations

import argparse
import gc
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from diffusers import FluxTransformer2DModel

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.domain.training import BaseWeights, Optimiser, TrainingPlan, TrainingSettings
from engine.inference.kontext.architecture import KONTEXT, Transformer
from engine.inference.kontext.float8 import store_in_float8
from engine.inference.kontext.tiers import GIB
from engine.training.adapter import BLOCKS, add_lora, course_of, has_bitsandbytes, optimiser_of
from engine.training.flow import Batch
from engine.training.memory import memory_of
from engine.training.run import Run, be_reproducible

TINY = Transformer(16, 1, 1, 64, 2, 32, 32)
TEXT_TOKENS = 512
HEADER = (
    f"| {'base':<5} | {'optimiser':<9} | {'px':>4} | {'checkpointing':<13} | {'s/step':>7} | {'peak GiB':>8} "
    f"| {'estimated':>9} | {'ratio':>5} |"
)


@dataclass(frozen=True)
class Rig:
    """What everything runs on; torch may take all of the card where ``limit_gib`` is 0."""

    device: str
    config: Transformer
    steps: int
    limit_gib: float = 0.0

    @property
    def is_tiny(self) -> bool:
        return self.config != KONTEXT


@dataclass(frozen=True)
class Way:
    """One way to train."""

    base: BaseWeights
    optimiser: Optimiser
    settings: TrainingSettings

    @property
    def side(self) -> int:
        return max(self.settings.resolutions)

    def start_of_line(self) -> str:
        base = {BaseWeights.WHOLE: "bf16"}.get(self.base, self.base.value)
        kept = "on" if self.settings.gradient_checkpointing else "off"
        return f"| {base:<5} | {self.optimiser.value:<9} | {self.side:>4} | {kept:<13} |"


@dataclass(frozen=True)
class Row:
    """What was measured of one way; ``estimated_bytes`` is without the CUDA context."""

    way: Way
    seconds: float
    peak_bytes: int
    estimated_bytes: int

    def text(self) -> str:
        peak = f"{self.peak_bytes / GIB:.1f}" if self.peak_bytes else "-"
        ratio = f"{self.peak_bytes / self.estimated_bytes:.2f}" if self.peak_bytes else "-"
        estimated = f"{self.estimated_bytes / GIB:.1f}"
        return f"{self.way.start_of_line()} {self.seconds:>7.2f} | {peak:>8} | {estimated:>9} | {ratio:>5} |"


class RandomLatents:
    """One example of the way's size, another one for each step."""

    def __init__(self, config: Transformer, side: int) -> None:
        self._config, self._side = config, side

    def batch(self, random: torch.Generator) -> Batch:
        config, side = self._config, self._side // 8
        channels = config.in_channels // 4
        return Batch(
            torch.randn(1, channels, side, side, generator=random),
            torch.randn(1, channels, side, side, generator=random),
            torch.randn(1, TEXT_TOKENS, config.joint_attention_dim, generator=random),
            torch.randn(1, config.pooled_projection_dim, generator=random),
            torch.ones(1, (side // 2) ** 2, 1),
        )


def build(rig: Rig, base: BaseWeights) -> FluxTransformer2DModel:
    """The transformer with random weights, stored as a run stores it; nothing learns yet."""
    torch.manual_seed(0)
    former = torch.get_default_dtype()
    dtype = torch.float32 if rig.is_tiny else torch.bfloat16
    torch.set_default_dtype(dtype)
    try:
        with torch.device(rig.device):
            axes = (16, 24, 24) if rig.is_tiny else (16, 56, 56)
            transformer = FluxTransformer2DModel(**rig.config.config(), axes_dims_rope=axes).requires_grad_(False)
    finally:
        torch.set_default_dtype(former)
    if base is BaseWeights.FP8:
        store_in_float8(transformer, BLOCKS)
    elif base is BaseWeights.NF4:
        from engine.training.four_bits import store_in_four_bits

        store_in_four_bits(transformer, BLOCKS, rig.device, dtype)
    return transformer


def measure(rig: Rig, way: Way) -> Row:
    """Seconds of the fastest step, after one that warms up."""
    forget(rig)
    allow(rig, 0.0)
    transformer = build(rig, way.base)
    forget(rig)  # a run narrows the weights before they come to the card; here they were whole there
    allow(rig, rig.limit_gib)
    add_lora(transformer, way.settings)
    plan = TrainingPlan(rig.device, "float32" if rig.is_tiny else "bfloat16", way.base, way.optimiser)
    examples = RandomLatents(rig.config, way.side)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(transformer, examples, course_of(way.settings, plan), Path(folder), partial(optimiser_of, plan))
        seconds: list[float] = []
        for _ in range(1 + rig.steps):
            began = time.perf_counter()
            run.advance()
            if rig.device == "cuda":
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - began)
    peak = torch.cuda.max_memory_reserved() if rig.device == "cuda" else 0
    memory = memory_of(way.settings, way.base, way.optimiser, rig.config)
    return Row(way, min(seconds[1:]), peak, memory.base + memory.lora + memory.activations)


def forget(rig: Rig) -> None:
    """Nothing of what came before in memory, and its peak forgotten."""
    gc.collect()
    if rig.device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def allow(rig: Rig, gib: float) -> None:
    """How much of the card torch may take; 0: all of it."""
    if rig.device == "cuda":
        whole = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, gib * GIB / whole) if gib else 1.0)


def run_ways(rig: Rig, ways: Sequence[Way]) -> list[Row]:
    """Print a line for each way; one that does not fit or lacks a package does not cost the others their lines."""
    rows: list[Row] = []
    for way in ways:
        try:
            row = measure(rig, way)
        except torch.OutOfMemoryError:
            print(f"{way.start_of_line()} does not fit", flush=True)
        except (ImportError, NotImplementedError, RuntimeError) as error:
            why = (str(error).splitlines() or [type(error).__name__])[0][:90]
            print(f"{way.start_of_line()} does not run here: {why}", flush=True)
        else:
            rows.append(row)
            print(row.text(), flush=True)
    forget(rig)
    return rows


def ways_of(bases: Sequence[BaseWeights], sides: Sequence[int], checkpointing: Sequence[bool], rank: int) -> list[Way]:
    """Every combination, with the optimiser that a run takes by itself."""
    optimiser = Optimiser.ADAMW_8BIT if has_bitsandbytes() else Optimiser.ADAMW
    settings = TrainingSettings(rank=rank)
    return [
        Way(base, optimiser, replace(settings, resolutions=(side,), gradient_checkpointing=is_on))
        for base in bases
        for side in sides
        for is_on in checkpointing
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="whole,fp8,nf4", help="how the model's own weights are kept")
    parser.add_argument("--sides", default="512,768,1024", help="pixels of the square picture")
    parser.add_argument("--checkpointing", default="on,off")
    parser.add_argument("--limit", type=float, default=0.0, help="GiB that torch may take of the card; 0: all of it")
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--steps", type=int, default=3, help="timed after the first one, of which the fastest counts")
    options = parser.parse_args()
    be_reproducible()  # as a training run is
    bases = [BaseWeights(word) for word in options.base.split(",")]
    checkpointing = [word == "on" for word in options.checkpointing.split(",")]
    if torch.cuda.is_available():
        rig = Rig("cuda", KONTEXT, options.steps, options.limit)
        sides = [int(side) for side in options.sides.split(",")]
        card = torch.cuda.get_device_properties(0)
        print(f"{card.name}, {card.total_memory / GIB:.0f} GiB, torch {torch.__version__}, {platform.platform()}")
        if options.limit:
            print(f"torch may take {options.limit:g} GiB of it")
        print(f"{KONTEXT.weights():,} random weights, a LoRA of rank {options.rank} on every layer of the blocks\n")
    else:
        rig, sides = Rig("cpu", TINY, 1), [64]
        print("There is no graphics card here: the lines below only check this script, on a few thousand weights.\n")
    print(f"{HEADER}\n|{'|'.join('-' * len(cell) for cell in HEADER.split('|')[1:-1])}|", flush=True)
    rows = run_ways(rig, ways_of(bases, sides, checkpointing, options.rank))
    over = [row for row in rows if row.peak_bytes > row.estimated_bytes]
    if over:
        worst = max(over, key=lambda row: row.peak_bytes / row.estimated_bytes)
        print(f"\n{len(over)} of {len(rows)} take more than is estimated, at most {worst.text()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
