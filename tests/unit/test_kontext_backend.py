"""The Kontext backend end to end through diffusers' own classes, on a model of a few thousand random weights."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.domain.errors import BugError, Cancelled, KnownError
from engine.domain.geometry import Extent
from engine.domain.picture import PaintedMask, Picture
from engine.domain.requests import ColorMatchRequest, DiffusionSettings, EngineName, LoraRef, MaskRequest, Sampling

CANVASES = (Extent(96, 128), Extent(128, 96))
PROMPT = "put a green mask for a hat on the person"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    import torch

    from tests.tiny_kontext import build_tiny_kontext

    torch.set_num_threads(1)  # layers of 32 numbers: threads would only wait for each other
    return build_tiny_kontext(tmp_path_factory.mktemp("models") / "FLUX.1-Kontext-dev")


@pytest.fixture(scope="session")
def lora_file(tiny) -> Path:
    from tests.tiny_kontext import build_tiny_lora

    return build_tiny_lora(tiny.parent / "loras", tiny)


@pytest.fixture(scope="session")
def backend():
    from engine.inference.kontext.backend import KontextBackend

    return KontextBackend(CANVASES, (Extent(128, 80),))


def lora_of(file: Path, scale: float = 1.0) -> LoraRef:
    import hashlib

    return LoraRef(
        name="tiny",
        path=str(file),
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        base_model="FLUX.1-Kontext-dev",
        rank=4,
        scale=scale,
        trigger="",
    )


def settings_of(model: Path, lora: LoraRef | None = None, **sampling) -> DiffusionSettings:
    chosen = {"num_inference_steps": 2, "seed": 3} | sampling
    return DiffusionSettings(model=str(model), prompt=PROMPT, lora=lora, sampling=Sampling(**chosen))


def photograph(extent: Extent, seed: int = 0) -> Picture:
    """A wall with a plain figure before it."""
    rng = np.random.default_rng(seed)
    pixels = np.full((extent.height, extent.width, 3), (226, 224, 220), np.uint8)
    top, left = extent.height // 4, extent.width // 3
    pixels[top : 3 * top, left : 2 * left] = (90, 60, 120)
    return Picture((pixels + rng.integers(0, 8, pixels.shape, np.uint8)).astype(np.uint8), path=Path("on-model.jpg"))


class Reports:
    """Collects progress; raises `Cancelled` when it is told ``cancel_at`` finished steps."""

    def __init__(self, cancel_at: int | None = None) -> None:
        self.seen: list[tuple[int, int, str]] = []
        self._cancel_at = cancel_at

    def __call__(self, step: int, total: int, label: str) -> None:
        self.seen.append((step, total, label))
        if step == self._cancel_at:
            raise Cancelled


@pytest.fixture
def painter(backend, tiny, monkeypatch):
    """The tiny model paints random colours, so its picture gets a green patch here before the mask is read from it.

    Everything else, from the placement to the sampling, is the real path.
    """
    from engine.inference.kontext import backend as module

    outputs: list[np.ndarray] = []

    def with_green(*args, **kwargs):
        canvas = args[1]
        outputs.append(sample(*args, **kwargs))
        painted = canvas.copy()
        height, width = painted.shape[:2]
        painted[height // 4 : height // 2, width // 4 : 3 * width // 4] = (0, 255, 0)
        return painted

    sample = module.sample
    monkeypatch.setattr(module, "sample", with_green)
    return outputs


def run_sample(backend, settings: DiffusionSettings, canvas: np.ndarray, report=None) -> np.ndarray:
    from engine.inference.kontext.sampling import sample

    model, _ = backend._prepared(settings)
    steps = settings.sampling.num_inference_steps
    report = report or Reports()
    return sample(model.pipeline, canvas, settings.prompt, settings.sampling, report, done=0, total=steps)


CANVAS = photograph(Extent(96, 128)).pixels


def test_a_mask_comes_back_where_the_model_painted_it(backend, tiny, painter):
    on_model = photograph(Extent(300, 350))
    reports = Reports()
    mask = backend.make_mask(
        on_model, None, MaskRequest(EngineName.KONTEXT, "hat", diffusion=settings_of(tiny)), reports
    )
    assert mask.alpha.shape == (350, 300)
    assert mask.alpha.dtype == np.uint8
    # 300 × 350 fills the 96 × 128 canvas's width (0.32), centred in its height: rows 8 to 120.
    truth = np.zeros((350, 300), np.uint8)
    truth[round((32 - 8) / 0.32) : round((64 - 8) / 0.32), round(24 / 0.32) : round(72 / 0.32)] = 255
    both = (mask.alpha >= 128) & (truth == 255)
    either = (mask.alpha >= 128) | (truth == 255)
    assert both.sum() / either.sum() > 0.97
    assert mask.confidence > 0.5
    assert painter[0].shape == (128, 96, 3)


def test_progress_counts_up_to_the_total(backend, tiny, painter):
    reports = Reports()
    request = MaskRequest(EngineName.KONTEXT, "hat", diffusion=settings_of(tiny, num_inference_steps=3))
    backend.make_mask(photograph(Extent(96, 128)), None, request, reports)
    steps = [step for step, _, _ in reports.seen]
    assert steps == sorted(steps)
    assert {total for _, total, _ in reports.seen} == {5}
    assert set(steps) == set(range(6))
    assert all(label for _, _, label in reports.seen)


def test_the_mask_says_how_it_was_made(backend, tiny, lora_file, painter):
    lora = lora_of(lora_file, scale=0.8)
    request = MaskRequest(EngineName.KONTEXT, "hat", diffusion=settings_of(tiny, lora))
    made = backend.make_mask(photograph(Extent(96, 128)), None, request, Reports()).provenance
    assert made["engine"] == "kontext"
    assert made["lora_sha256"] == lora.sha256
    assert made["lora_scale"] == 0.8
    assert made["lora_ranks"] == "4"
    assert made["lora_layers"] == 7  # q, k, v, out of the double block, q, k, v of the single one
    assert (made["prompt"], made["seed"], made["steps"], made["canvas"]) == (PROMPT, 3, 2, "96x128")
    assert made["green"] == "#00FF00"
    assert len(str(made["model_fingerprint"])) == 64
    assert all(isinstance(value, str | int | float) for value in made.values())


def test_sampling_twice_gives_the_same_pixels(backend, tiny):
    settings = settings_of(tiny)
    first = run_sample(backend, settings, CANVAS)
    assert first.shape == CANVAS.shape
    assert np.array_equal(first, run_sample(backend, settings, CANVAS))
    assert not np.array_equal(first, run_sample(backend, settings_of(tiny, seed=4), CANVAS))


def test_a_model_loaded_anew_gives_the_same_pixels(backend, tiny, lora_file):
    from engine.inference.kontext.backend import KontextBackend

    settings = settings_of(tiny, lora_of(lora_file))
    run_sample(backend, settings_of(tiny), CANVAS)  # another LoRA state before
    assert np.array_equal(run_sample(backend, settings, CANVAS), run_sample(KontextBackend(CANVASES), settings, CANVAS))


@pytest.mark.parametrize(("width", "height"), [(96, 128), (128, 96), (64, 160), (176, 48)])
def test_picture_and_conditioning_both_have_the_canvases_size(backend, tiny, monkeypatch, width, height):
    # With its own resizing diffusers conditions on another size than it paints in, and masks come out displaced.
    model, _ = backend._prepared(settings_of(tiny))
    forward, tokens = model.pipeline.transformer.forward, []

    def counting(*args, **kwargs):
        tokens.append(kwargs["hidden_states"].shape[1])
        return forward(*args, **kwargs)

    monkeypatch.setattr(model.pipeline.transformer, "forward", counting)
    canvas = photograph(Extent(width, height)).pixels
    assert run_sample(backend, settings_of(tiny), canvas).shape == (height, width, 3)
    assert tokens == [2 * (width // 16) * (height // 16)] * 2


def test_a_lora_changes_the_picture_with_its_scale_and_leaves_no_trace(backend, tiny, lora_file):
    bare = run_sample(backend, settings_of(tiny), CANVAS)
    full = run_sample(backend, settings_of(tiny, lora_of(lora_file)), CANVAS)
    half = run_sample(backend, settings_of(tiny, lora_of(lora_file, scale=0.5)), CANVAS)
    none = run_sample(backend, settings_of(tiny, lora_of(lora_file, scale=0.0)), CANVAS)
    assert not np.array_equal(full, bare)
    assert not np.array_equal(half, bare)
    assert not np.array_equal(half, full)
    assert np.array_equal(none, bare)
    assert np.array_equal(run_sample(backend, settings_of(tiny), CANVAS), bare)


def test_cancelling_stops_within_the_step(backend, tiny):
    before = run_sample(backend, settings_of(tiny), CANVAS)
    reports = Reports(cancel_at=2)
    with pytest.raises(Cancelled):
        run_sample(backend, settings_of(tiny, num_inference_steps=8), CANVAS, reports)
    assert [step for step, _, _ in reports.seen] == [1, 2]
    assert np.array_equal(run_sample(backend, settings_of(tiny), CANVAS), before)  # the model works on


def test_the_colour_guide_covers_the_photograph(backend, tiny, lora_file):
    on_model, flatlay = photograph(Extent(160, 220)), replace(photograph(Extent(120, 100), 1), path=Path("flat.jpg"))
    alpha = np.zeros((220, 160), np.uint8)
    alpha[55:165, 53:106] = 255
    request = ColorMatchRequest(
        EngineName.KONTEXT,
        MaskRequest(EngineName.CLASSICAL),
        diffusion=settings_of(tiny, lora_of(lora_file)),
    )
    reports = Reports()
    guide = backend.color_guide(on_model, flatlay, PaintedMask(alpha, 1.0, {}), request, reports)
    assert guide is not None
    assert guide.pixels.shape == (220, 160, 3)
    assert guide.pixels.dtype == np.uint8
    # The garment's box with its margin is the model's picture, the rest the photograph.
    assert np.array_equal(guide.pixels[:40], on_model.pixels[:40])
    assert not np.array_equal(guide.pixels[55:165, 53:106], on_model.pixels[55:165, 53:106])
    assert guide.provenance["canvas"] == "128x80"
    assert reports.seen[-1][:2] == (3, 3)
    again = backend.color_guide(on_model, flatlay, PaintedMask(alpha, 1.0, {}), request, Reports())
    assert again is not None
    assert np.array_equal(again.pixels, guide.pixels)


def test_without_settings_there_is_no_guide_and_no_mask(backend):
    on_model = photograph(Extent(96, 128))
    request = ColorMatchRequest(EngineName.KONTEXT, MaskRequest(EngineName.CLASSICAL))
    mask = PaintedMask(np.zeros((128, 96), np.uint8), 1.0, {})
    assert backend.color_guide(on_model, on_model, mask, request, Reports()) is None
    with pytest.raises(BugError, match="hat"):
        backend.make_mask(on_model, None, MaskRequest(EngineName.KONTEXT, "hat"), Reports())


def test_a_picture_without_paint_is_refused_by_the_photographs_name(backend, tiny, monkeypatch):
    from engine.inference.kontext import backend as module

    monkeypatch.setattr(module, "sample", lambda pipeline, canvas, *args, **kwargs: canvas)
    request = MaskRequest(EngineName.KONTEXT, "hat", diffusion=settings_of(tiny))
    with pytest.raises(KnownError, match=r"^on-model\.jpg: the model painted no green"):
        backend.make_mask(photograph(Extent(96, 128)), None, request, Reports())


def test_running_out_of_memory_is_retryable(backend, tiny, monkeypatch):
    import torch

    model, _ = backend._prepared(settings_of(tiny))

    def full(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(model.pipeline.transformer, "forward", full)
    with pytest.raises(KnownError, match="memory ran out") as refused:
        run_sample(backend, settings_of(tiny), CANVAS)
    assert refused.value.retryable


def test_numbers_that_are_none_are_refused(backend, tiny, lora_file, monkeypatch):
    import torch

    model, _ = backend._prepared(settings_of(tiny))
    decode = model.pipeline.vae.decode
    monkeypatch.setattr(model.pipeline.vae, "decode", lambda *a, **k: (decode(*a, **k)[0] * torch.nan,))
    with pytest.raises(KnownError, match="not numbers"):
        run_sample(backend, settings_of(tiny), CANVAS)


def test_the_transformer_may_come_from_a_single_file(backend, tiny, tmp_path):
    # As the model is published: the file lies in the root of its own diffusers folder.
    folder = shutil.copytree(tiny, tmp_path / "model")
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    file = shutil.move(weights, folder / "flux1-kontext-dev.safetensors")
    from engine.inference.kontext.backend import KontextBackend

    alone = run_sample(KontextBackend(CANVASES), settings_of(Path(file)), CANVAS)
    assert np.array_equal(alone, run_sample(backend, settings_of(tiny), CANVAS))


@pytest.mark.parametrize("change", ["a layer is missing", "foreign layers", "another width"])
@pytest.mark.parametrize("single_file", [False, True])
def test_weights_of_another_model_are_refused(tiny, lora_file, tmp_path, change, single_file):
    import torch
    from safetensors.torch import load_file, save_file

    from engine.inference.kontext.backend import KontextBackend

    folder = shutil.copytree(tiny, tmp_path / "model")
    file = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    if change == "a layer is missing":
        del tensors["norm_out.linear.weight"]
    elif change == "foreign layers":
        tensors = load_file(lora_file)
    else:
        tensors["norm_out.linear.weight"] = torch.zeros(3, 3)
    target = folder / "flux1-kontext-dev.safetensors" if single_file else file
    save_file(tensors, target)
    with pytest.raises(KnownError, match="could not be loaded") as refused:
        KontextBackend(CANVASES)._prepared(settings_of(target if single_file else folder))
    assert refused.value.path == (target if single_file else folder)


# -- LoRA files that must not run --------------------------------------------------------------------------------


def rewritten(file: Path, folder: Path, change, metadata=None, name: str = "changed.safetensors") -> Path:
    from safetensors.torch import load_file, save_file

    tensors = change(load_file(file))
    save_file(tensors, folder / name, metadata=metadata)
    return folder / name


def refusal(backend, tiny, file: Path) -> str:
    with pytest.raises(KnownError) as refused:
        backend._prepared(settings_of(tiny, lora_of(file)))
    assert refused.value.path == file
    assert not getattr(backend._model.pipeline.transformer, "peft_config", {})
    return str(refused.value)


def renamed(old: str, new: str):
    return lambda tensors: {key.replace(old, new): tensor for key, tensor in tensors.items()}


def scaled(value: float):
    return lambda tensors: {key: tensor * value for key, tensor in tensors.items()}


def without(part: str):
    return lambda tensors: {key: tensor for key, tensor in tensors.items() if part not in key}


def with_dora_scale(tensors):
    return tensors | {"transformer.transformer_blocks.0.attn.to_q.dora_scale": next(iter(tensors.values())).clone()}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (scaled(float("nan")), "not finite"),
        (without("transformer_blocks.0.attn.to_q.lora_B"), "half of the layer"),
        (renamed("blocks.0.", "blocks.7."), "another model"),
        (renamed("transformer.", "unet.down_blocks."), "LoRA for FLUX.1|another model"),
        (renamed(".lora_A.weight", ".lokr_w1"), "LoKr"),
        (with_dora_scale, "DoRA"),
        (lambda tensors: {key: tensor[..., :-1].contiguous() for key, tensor in tensors.items()}, "another model"),
        (without("lora"), "no LoRA layers"),
        (renamed("transformer.", "text_encoder."), "text encoder"),
    ],
    ids=["nan", "half", "deeper-model", "sdxl", "lokr", "dora", "narrower", "empty", "text-encoder"],
)
def test_a_lora_that_does_not_fit_is_refused(backend, tiny, lora_file, tmp_path, change, says):
    import re

    assert re.search(says, refusal(backend, tiny, rewritten(lora_file, tmp_path, change)))


def test_a_pickle_is_never_opened(backend, tiny, lora_file, tmp_path):
    import torch

    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    for name in ("lora.bin", "lora.safetensors"):
        torch.save({"transformer.x.lora_A.weight": Trap()}, tmp_path / name)
        assert "safetensors" in refusal(backend, tiny, tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_a_lora_cut_short_or_changed_or_gone_is_refused(backend, tiny, lora_file, tmp_path):
    short = tmp_path / "short.safetensors"
    short.write_bytes(lora_file.read_bytes()[:-10])
    assert "cut short" in refusal(backend, tiny, short)
    lora = lora_of(lora_file)
    with pytest.raises(KnownError, match="has changed since the job was planned"):
        backend._prepared(settings_of(tiny, replace(lora, sha256="0" * 64)))
    with pytest.raises(KnownError, match="not there"):
        backend._prepared(settings_of(tiny, replace(lora, path=str(tmp_path / "gone.safetensors"))))


@pytest.mark.parametrize("prefix", ["", "base_model.model.", "diffusion_model."])
def test_other_spellings_of_the_same_lora_give_the_same_picture(backend, tiny, lora_file, tmp_path, prefix):
    # diffusers loads none of these three: it reports success with no layer changed.
    file = rewritten(
        lora_file, tmp_path, lambda t: {prefix + key.removeprefix("transformer."): v for key, v in t.items()}
    )
    expected = run_sample(backend, settings_of(tiny, lora_of(lora_file)), CANVAS)
    assert np.array_equal(run_sample(backend, settings_of(tiny, lora_of(file)), CANVAS), expected)


def test_an_alpha_in_the_header_or_beside_the_layers_scales_the_lora(backend, tiny, lora_file, tmp_path):
    import torch

    header = {"lora_adapter_metadata": json.dumps({"transformer.r": 4, "transformer.lora_alpha": 2})}
    in_header = rewritten(lora_file, tmp_path, dict, {"format": "pt", **header}, "header.safetensors")

    def with_alphas(tensors):
        alphas = {k.replace("lora_A.weight", "alpha"): torch.tensor(2) for k in tensors if "lora_A" in k}
        return tensors | alphas

    beside = rewritten(lora_file, tmp_path, with_alphas, name="beside.safetensors")
    half = run_sample(backend, settings_of(tiny, lora_of(lora_file, scale=0.5)), CANVAS)
    for file in (in_header, beside):
        assert np.array_equal(run_sample(backend, settings_of(tiny, lora_of(file)), CANVAS), half)


# -- formats whose conversion in diffusers knows FLUX.1's real widths only ----------------------------------------

WIDTH = 3072
BFL_LAYERS = {
    "double_blocks.0.img_attn.qkv": (WIDTH, 3 * WIDTH),
    "double_blocks.0.img_attn.proj": (WIDTH, WIDTH),
    "double_blocks.0.txt_attn.qkv": (WIDTH, 3 * WIDTH),
    "double_blocks.0.txt_attn.proj": (WIDTH, WIDTH),
    "double_blocks.0.img_mlp.0": (WIDTH, 4 * WIDTH),
    "double_blocks.0.img_mlp.2": (4 * WIDTH, WIDTH),
    "double_blocks.0.txt_mlp.0": (WIDTH, 4 * WIDTH),
    "double_blocks.0.txt_mlp.2": (4 * WIDTH, WIDTH),
    "double_blocks.0.img_mod.lin": (WIDTH, 6 * WIDTH),
    "double_blocks.0.txt_mod.lin": (WIDTH, 6 * WIDTH),
    "single_blocks.0.linear1": (WIDTH, 7 * WIDTH),
    "single_blocks.0.linear2": (5 * WIDTH, WIDTH),
    "single_blocks.0.modulation.lin": (WIDTH, 3 * WIDTH),
}


def bfl_lora(file: Path, prefix: str, down: str, up: str, separator: str = ".", alpha: bool = False) -> LoraRef:
    """A LoRA of rank 2 on every layer of one double and one single block, in the original names."""
    import torch
    from safetensors.torch import save_file

    tensors = {}
    for layer, (inputs, outputs) in BFL_LAYERS.items():
        name = prefix + layer.replace(".", separator)
        tensors[f"{name}.{down}.weight"] = torch.ones(2, inputs, dtype=torch.float16)
        tensors[f"{name}.{up}.weight"] = torch.ones(outputs, 2, dtype=torch.float16)
        if alpha:
            tensors[f"{name}.alpha"] = torch.tensor(2.0)
    save_file(tensors, file)
    return lora_of(file)


@pytest.mark.parametrize(
    ("prefix", "down", "up", "separator", "alpha"),
    [
        ("lora_unet_", "lora_down", "lora_up", "_", True),
        ("diffusion_model.", "lora_down", "lora_up", ".", True),
        ("diffusion_model.", "lora_A", "lora_B", ".", False),
        ("base_model.model.", "lora_A", "lora_B", ".", False),
        ("", "lora_A", "lora_B", ".", False),
    ],
    ids=["kohya", "ComfyUI", "diffusion_model", "peft", "bare"],
)
def test_the_original_layer_names_find_every_layer(tmp_path, prefix, down, up, separator, alpha):
    import torch
    from diffusers import FluxTransformer2DModel

    from engine.inference.kontext.lora import check_lora

    with torch.device("meta"):
        transformer = FluxTransformer2DModel(num_layers=1, num_single_layers=1, guidance_embeds=True)
    lora = bfl_lora(tmp_path / "lora.safetensors", prefix, down, up, separator, alpha)
    checked = check_lora(lora, transformer)
    # 14 linear layers of the double block (q, k and v are one in the original) and 6 of the single one.
    assert len(checked.modules) == 20
    assert checked.ranks in {(2,), (2, 6), (2, 8)}
