"""How fast FLUX.1 Kontext runs on a graphics card: plain diffusers against Chromask's ways, at full size.

    python bench/gpu_kontext.py                      # everything
    python bench/gpu_kontext.py --only "compiled;fp8 computed, compiled" --tiers ""
    python bench/gpu_kontext.py --only plain --tiers 16,8     # on a card that is made to look smaller

The weights are random, of the published configuration: time and memory do not depend on their values. What a mode does
to a mask is judged by the picture it paints from the same noise: the mask is where the picture, averaged over each
token of 16 × 16 pixels, is greener than its median, and a mode passes where that mask overlaps the plain one's by 0.95
or more. On random weights that is harsher than on trained ones, whose pictures keep most of the photograph.

Without a graphics card the script says so, and runs every mode on a model of a few thousand weights, to check itself.
"""

from __future__ import annotations

import argparse
import gc
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    FirstBlockCacheConfig,
    FlowMatchEulerDiscreteScheduler,
    FluxKontextPipeline,
    FluxTransformer2DModel,
)
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.domain.requests import LoraRef
from engine.inference.kontext.architecture import KONTEXT, Transformer
from engine.inference.kontext.dialects import Dialect
from engine.inference.kontext.float8 import Float8Linear
from engine.inference.kontext.lora import CheckedLora, linear_shapes
from engine.inference.kontext.pipeline import Placing, place_pipeline
from engine.inference.kontext.slot import LoraSlot
from engine.inference.kontext.tiers import GIB, LORA_RANK, TIERS, tier_of

BLOCKS = ("transformer_blocks", "single_transformer_blocks")
PASSES = 0.95
PLAIN_STEPS = 28
TINY = Transformer(16, 1, 1, 16, 2, 32, 32)
"""Attention heads of 16, as the rotary embedding of the small model divides them."""


@dataclass(frozen=True)
class Rig:
    """What everything runs on, and at which size."""

    device: torch.device
    dtype: torch.dtype
    config: Transformer
    side: int
    steps: int
    repeat: int

    @property
    def is_tiny(self) -> bool:
        return self.config != KONTEXT


Prepare = Callable[[FluxKontextPipeline, Rig], None]


@dataclass(frozen=True)
class Mode:
    """A way to run the model.

    ``prepare`` changes the pipeline, whose weights are those of every other mode; ``steps`` are those of the rig where
    it is None.
    """

    name: str
    prepare: Prepare
    steps: int | None = None
    cached: bool = False


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    mode: str
    steps: int
    seconds: float
    peak_bytes: int
    overlap: float | None

    def text(self, baseline: float) -> str:
        gate = "" if self.overlap is None else f"{self.overlap:.3f} {'pass' if self.overlap >= PASSES else 'FAIL'}"
        speed = baseline / self.seconds if baseline else 1.0
        peak = f"{self.peak_bytes / GIB:.1f}" if self.peak_bytes else "-"
        return f"| {self.mode:<34} | {self.steps:>5} | {self.seconds:>7.2f} | {speed:>5.2f} | {peak:>8} | {gate:<10} |"


HEADER = f"| {'mode':<34} | {'steps':>5} | {'s/image':>7} | {'times':>5} | {'peak GiB':>8} | {'mask':<10} |"


class ComputedFloat8Linear(Float8Linear):
    """Eight-bit weights that are multiplied as such: the input's rows are scaled to eight bits too."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        rows = input.reshape(-1, self.in_features)
        if rows.shape[0] < 16:  # modulation: one row, for which the tensor cores have no shape
            return super().forward(input)
        scale = rows.abs().amax(dim=1, keepdim=True).float().clamp_min(1e-12) / torch.finfo(torch.float8_e4m3fn).max
        small = (rows / scale.to(rows.dtype)).to(torch.float8_e4m3fn)
        if small.is_cuda:
            product = torch._scaled_mm(
                small, self.weight.t(), scale_a=scale, scale_b=self.scale.t().contiguous(),
                out_dtype=input.dtype, use_fast_accum=True,
            )  # fmt: skip
        else:
            product = (small.float() @ self.weight.float().t() * scale * self.scale.t()).to(input.dtype)
        if self.bias is not None:
            product = product + self.bias
        return product.reshape(*input.shape[:-1], self.out_features)


# -- the model -----------------------------------------------------------------------------------------------------


def build(rig: Rig) -> FluxKontextPipeline:
    """Transformer, VAE and scheduler, without LoRA; the same weights every time."""
    torch.manual_seed(0)
    former = torch.get_default_dtype()
    torch.set_default_dtype(rig.dtype)
    try:
        with torch.device(rig.device):
            axes = (4, 6, 6) if rig.is_tiny else (16, 56, 56)
            transformer = FluxTransformer2DModel(**rig.config.config(), axes_dims_rope=axes)
            widths = (4, 4, 8, 8) if rig.is_tiny else (128, 256, 512, 512)
            vae = AutoencoderKL(
                in_channels=3, out_channels=3, block_out_channels=widths, layers_per_block=1 if rig.is_tiny else 2,
                latent_channels=rig.config.in_channels // 4, norm_num_groups=2 if rig.is_tiny else 32,
                down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
                use_quant_conv=False, use_post_quant_conv=False, scaling_factor=0.3611, shift_factor=0.1159,
                mid_block_add_attention=not rig.is_tiny,
            )  # fmt: skip
    finally:
        torch.set_default_dtype(former)
    scheduler = FlowMatchEulerDiscreteScheduler(
        shift=3.0,
        use_dynamic_shifting=True,
        base_shift=0.5,
        max_shift=1.15,
        base_image_seq_len=256,
        max_image_seq_len=4096,
    )
    parts: dict[str, Any] = dict.fromkeys(("text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2"))
    pipeline = FluxKontextPipeline(scheduler=scheduler, vae=vae.eval(), transformer=transformer.eval(), **parts)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.transformer.set_attention_backend("native")  # an earlier mode's choice holds for the whole process
    return pipeline


def add_lora(pipeline: FluxKontextPipeline, rig: Rig) -> None:
    """A random LoRA on every linear layer of every block, through the engine's own slot."""
    random = torch.Generator("cpu").manual_seed(1)
    rank = 4 if rig.is_tiny else LORA_RANK
    tensors: dict[str, torch.Tensor] = {}
    shapes = {name: shape for name, shape in linear_shapes(pipeline.transformer).items() if name.startswith(BLOCKS)}
    for name, (inputs, outputs) in shapes.items():
        # Their product is a tenth of the layer's own random weight, about what trained ones change.
        tensors[f"transformer.{name}.lora_A.weight"] = torch.randn(rank, inputs, generator=random) / inputs**0.5
        tensors[f"transformer.{name}.lora_B.weight"] = torch.randn(outputs, rank, generator=random) * 0.06 / rank**0.5
    checked = CheckedLora(tensors, frozenset(shapes), (rank,), Dialect.PEFT, "", 0, 0, ())
    LoraSlot(pipeline, rig.device, rig.dtype).load(LoraRef("random", "", "", "", rank, 1.0, ""), checked)


def paint(pipeline: FluxKontextPipeline, rig: Rig, steps: int, *, cached: bool = False) -> np.ndarray:
    """One picture, ``(h, w, 3)`` float 0 to 1, always from the same noise, prompt and conditioning picture."""
    random = torch.Generator("cpu").manual_seed(2)
    prompt = torch.randn(1, 8 if rig.is_tiny else 512, rig.config.joint_attention_dim, generator=random)
    pooled = torch.randn(1, rig.config.pooled_projection_dim, generator=random)
    picture = np.random.default_rng(3).integers(0, 256, (rig.side, rig.side, 3), np.uint8)
    with pipeline.transformer.cache_context("kontext") if cached else nullcontext():
        output: Any = pipeline(
            image=Image.fromarray(picture),
            prompt_embeds=prompt.to(rig.device, rig.dtype),  # pyright: ignore[reportArgumentType]
            pooled_prompt_embeds=pooled.to(rig.device, rig.dtype),  # pyright: ignore[reportArgumentType]
            width=rig.side,
            height=rig.side,
            max_area=rig.side**2,
            _auto_resize=False,
            num_inference_steps=steps,
            guidance_scale=2.5,
            generator=torch.Generator("cpu").manual_seed(4),
            output_type="np",
        )
    return np.asarray(output.images[0])


# -- the modes -----------------------------------------------------------------------------------------------------


def plain(pipeline: FluxKontextPipeline, rig: Rig) -> None:
    add_lora(pipeline, rig)


def compiled(pipeline: FluxKontextPipeline, rig: Rig, mode: str | None = None) -> None:
    """Each kind of block once, as all blocks of a kind are alike; the LoRA is inside."""
    add_lora(pipeline, rig)
    options: dict[str, Any] = {"backend": "eager"} if rig.is_tiny else {"mode": mode}
    pipeline.transformer.compile_repeated_blocks(fullgraph=True, **options)


def autotuned(pipeline: FluxKontextPipeline, rig: Rig) -> None:
    """As `compiled`, with the fastest of several kernels for every matrix; minutes of compilation."""
    compiled(pipeline, rig, "max-autotune-no-cudagraphs")


def with_attention(backend: str, then: Prepare) -> Prepare:
    """Another implementation of attention, which diffusers then uses for the whole process."""

    def prepare(pipeline: FluxKontextPipeline, rig: Rig) -> None:
        pipeline.transformer.set_attention_backend(backend)
        then(pipeline, rig)

    return prepare


def stored(kind: type[Float8Linear], then: Prepare) -> Prepare:
    """Eight-bit layers in the blocks, then the LoRA around them and what else ``then`` does."""

    def prepare(pipeline: FluxKontextPipeline, rig: Rig) -> None:
        for child in BLOCKS:
            block = pipeline.transformer.get_submodule(child)
            for name, layer in list(block.named_modules()):
                if type(layer) is torch.nn.Linear:
                    parent, _, last = name.rpartition(".")
                    setattr(block.get_submodule(parent), last, kind(layer))
        then(pipeline, rig)

    return prepare


def first_block_cache(threshold: float, then: Prepare) -> Prepare:
    """Skips the blocks after the first one where that one's change is nearly the last step's."""

    def prepare(pipeline: FluxKontextPipeline, rig: Rig) -> None:
        then(pipeline, rig)
        pipeline.transformer.enable_cache(FirstBlockCacheConfig(threshold=threshold))

    return prepare


FAST = stored(ComputedFloat8Linear, compiled)
MODES = (
    Mode("plain", plain),
    Mode("compiled", compiled),
    Mode("fp8 stored", stored(Float8Linear, plain)),
    Mode("fp8 stored, compiled", stored(Float8Linear, compiled)),
    Mode("fp8 computed, compiled", FAST),
    *(Mode(f"first-block cache {t:g}", first_block_cache(t, plain), cached=True) for t in (0.05, 0.1, 0.2)),
    *(Mode(f"plain, {steps} steps", plain, steps=steps) for steps in (20, 12, 8)),
    *(Mode(f"fp8 computed, compiled, {steps} steps", FAST, steps=steps) for steps in (20, 12)),
    Mode("fp8 computed, autotuned", stored(ComputedFloat8Linear, autotuned)),
    Mode("compiled, cudnn attention", with_attention("_native_cudnn", compiled)),
    Mode("fp8 computed, compiled, cudnn", with_attention("_native_cudnn", FAST)),
)


# -- measuring -----------------------------------------------------------------------------------------------------


def mask_of(picture: np.ndarray) -> np.ndarray:
    """``(h / 16, w / 16)`` bool: the tokens that are greener than the median token."""
    height, width = (size // 16 for size in picture.shape[:2])
    tokens = picture[: height * 16, : width * 16].reshape(height, 16, width, 16, 3).mean(axis=(1, 3))
    greenness = tokens[..., 1] - tokens[..., [0, 2]].mean(axis=2)
    return greenness > np.median(greenness)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of both pictures' masks; two empty masks agree."""
    first, second = mask_of(one), mask_of(other)
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else 1.0


@contextmanager
def fresh(rig: Rig) -> Iterator[None]:
    """Nothing of an earlier mode in memory, and its peak forgotten."""
    clear(rig)
    try:
        yield
    finally:
        clear(rig)


def clear(rig: Rig) -> None:
    gc.collect()
    torch._dynamo.reset()
    if rig.device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def measure(pipeline: FluxKontextPipeline, rig: Rig, mode: Mode, baseline: np.ndarray | None) -> tuple[Row, np.ndarray]:
    """Seconds of the fastest run, after one that warms up and compiles."""
    steps = rig.steps if mode.steps is None else max(2, round(mode.steps * rig.steps / PLAIN_STEPS))
    paint(pipeline, rig, 2, cached=mode.cached)
    seconds: list[float] = []
    picture = np.zeros(0)
    for _ in range(rig.repeat):
        began = time.perf_counter()
        picture = paint(pipeline, rig, steps, cached=mode.cached)
        seconds.append(time.perf_counter() - began)  # the picture lies in main memory: the card has finished
    peak = torch.cuda.max_memory_reserved() if rig.device.type == "cuda" else 0
    row = Row(mode.name, steps, min(seconds), peak, None if baseline is None else overlap(picture, baseline))
    return row, picture


def run_modes(rig: Rig, names: list[str]) -> list[Row]:
    """The plain mode first, which the others are measured against."""
    rows: list[Row] = []
    baseline: np.ndarray | None = None
    for mode in MODES:
        if names and mode.name not in names and mode.name != "plain":
            continue
        with fresh(rig):
            try:
                pipeline = build(rig)
                mode.prepare(pipeline, rig)
                row, picture = measure(pipeline, rig, mode, baseline)
            except (RuntimeError, NotImplementedError) as error:
                # One mode that a card or a version lacks shall not cost the table of the others; on a small card that
                # is the plain one, and then there is nothing to compare with.
                why = (str(error).splitlines() or [type(error).__name__])[0][:90]
                print(f"| {mode.name:<34} | does not run here: {why}", flush=True)
                continue
            finally:
                pipeline = None
        if mode.name == "plain":
            baseline = picture
        rows.append(row)
        print(row.text(rows[0].seconds if baseline is not None else 0), flush=True)
    return rows


def run_tiers(rig: Rig, tiers: list[int], baseline: float) -> list[Row]:
    """Each tier as the engine places it, on a card that is made to look as small."""
    rows: list[Row] = []
    for gib in tiers:
        tier = tier_of(gib)
        with fresh(rig):
            pipeline = build(rig)
            pipeline.to("cpu")
            clear(rig)
            if rig.device.type == "cuda":
                total = torch.cuda.get_device_properties(0).total_memory
                torch.cuda.set_per_process_memory_fraction(min(1.0, gib * GIB / total))
            try:
                place_pipeline(pipeline, Placing(rig.device, rig.dtype, tier))
                add_lora(pipeline, rig)
                name = f"{gib} GB tier ({tier.peak_bytes / GIB:.1f} computed)"
                row, _ = measure(pipeline, rig, Mode(name, plain), None)
                rows.append(row)
                print(row.text(baseline), flush=True)
            except torch.OutOfMemoryError as error:
                print(f"| {gib} GB tier | does not fit: {str(error)[:120]}", flush=True)
            finally:
                pipeline = None
                if rig.device.type == "cuda":
                    torch.cuda.set_per_process_memory_fraction(1.0)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=1024, help="pixels of the square picture")
    parser.add_argument("--steps", type=int, default=PLAIN_STEPS)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--only", default="", help="names of modes, separated by semicolons")
    parser.add_argument("--tiers", default=",".join(map(str, TIERS)), help="tiers, separated by commas; none: ''")
    options = parser.parse_args()
    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        rig = Rig(torch.device("cuda"), torch.bfloat16, KONTEXT, options.side, options.steps, options.repeat)
        print(f"{card.name}, {card.total_memory / GIB:.0f} GiB, torch {torch.__version__}, {platform.platform()}")
        print(f"{KONTEXT.weights():,} random weights, {rig.side} × {rig.side} pixels, a LoRA of rank {LORA_RANK}\n")
    else:
        rig = Rig(torch.device("cpu"), torch.float32, TINY, 128, 7, 1)
        print("There is no graphics card here: the lines below only check this script, on a few thousand weights.\n")
    print(f"{HEADER}\n|{'|'.join('-' * len(cell) for cell in HEADER.split('|')[1:-1])}|", flush=True)
    rows = run_modes(rig, [name.strip() for name in options.only.split(";") if name.strip()])
    tiers = [int(gib) for gib in options.tiers.split(",") if gib.strip()]
    rows += run_tiers(rig, tiers, rows[0].seconds if rows and rows[0].mode == "plain" else 0)
    fast = [row for row in rows if row.overlap is not None and row.overlap >= PASSES and row.seconds < rows[0].seconds]
    if fast and not rig.is_tiny:
        best = min(fast, key=lambda row: row.seconds)
        print(f"\nFastest that passes: {best.mode}, {best.seconds:.2f} s, {rows[0].seconds / best.seconds:.2f} times.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
