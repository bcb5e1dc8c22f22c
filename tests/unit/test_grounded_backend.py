"""The grounded backend end to end through transformers' own classes, on some ten thousand random weights.

Random weights find nothing sensible: what is tested is that pictures, boxes and masks go in and out where they belong.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.domain.errors import BugError, Cancelled, KnownError
from engine.domain.picture import Picture
from engine.domain.requests import DetectionLabel, DetectionSettings, EngineName, MaskRequest

LABELS = (
    DetectionLabel("shirt", "shirt"),
    DetectionLabel("gilet", "gilet"),
    DetectionLabel("trousers", "trousers"),
    DetectionLabel("socks", "socks", 2),
)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A folder with ``detector`` and ``segmenter``."""
    import torch

    from tests.tiny_grounded import build_tiny_detector, build_tiny_segmenter

    torch.set_num_threads(1)  # layers of 32 numbers: threads would only wait for each other
    folder = tmp_path_factory.mktemp("grounded")
    build_tiny_detector(folder / "detector")
    build_tiny_segmenter(folder / "segmenter")
    return folder


@pytest.fixture(scope="session")
def settings(tiny) -> DetectionSettings:
    # A threshold of 0 keeps all of the random boxes.
    return DetectionSettings(str(tiny / "detector"), str(tiny / "segmenter"), LABELS, 0.0, 0.0)


@pytest.fixture(scope="session")
def backend():
    from engine.worker.backends import Backends

    return Backends().get(EngineName.GROUNDED)


def picture(seed: int, width: int = 450, height: int = 600, name: str = "") -> Picture:
    coarse = np.random.default_rng(seed).integers(0, 255, (12, 9, 3), np.uint8)
    rgb = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return Picture(np.asarray(rgb, np.uint8), path=Path(name) if name else None)


def request(settings: DetectionSettings, garment: str = "") -> MaskRequest:
    return MaskRequest(EngineName.GROUNDED, garment=garment, detection=settings)


def no_report(step: int, total: int, label: str) -> None:
    pass


def test_a_mask_of_the_photographs_size_with_boxes_and_scores_in_its_provenance(backend, settings) -> None:
    photo, flatlay = picture(1), picture(2, 300, 300)
    steps: list[tuple[int, int]] = []
    mask = backend.make_mask(photo, flatlay, request(settings), lambda step, total, _: steps.append((step, total)))
    assert mask.alpha.shape == (600, 450)
    assert mask.alpha.dtype == np.uint8
    assert mask.alpha.any()
    assert 0.0 <= mask.confidence <= 1.0
    assert steps == [(step, 4) for step in range(5)]
    kept = mask.provenance
    assert (kept["engine"], kept["device"], kept["label_from"]) == ("grounded", "cpu", "flatlay")
    assert kept["label"] in [label.garment for label in LABELS]
    boxes, scores = json.loads(str(kept["boxes"])), json.loads(str(kept["scores"]))
    assert len(boxes) == len(scores) == len(json.loads(str(kept["predicted_iou"])))
    for left, top, right, bottom in boxes:
        assert 0 <= left < right <= 450
        assert 0 <= top < bottom <= 600
    flatlay_scores = json.loads(str(kept["flatlay_scores"]))
    assert flatlay_scores[kept["prompt"]] == max(flatlay_scores.values())
    assert len(str(kept["detector_fingerprint"])) == len(str(kept["segmenter_fingerprint"])) == 64


def test_the_mask_lies_within_the_crop_around_its_boxes(backend, settings) -> None:
    mask = backend.make_mask(picture(1), None, request(settings, "shirt"), no_report)
    left, top, right, bottom = json.loads(str(mask.provenance["crop"]))
    outside = mask.alpha.copy()
    outside[top:bottom, left:right] = 0
    assert not outside.any()


def test_a_given_label_needs_no_flatlay_and_finds_its_own_boxes(backend, settings) -> None:
    mask = backend.make_mask(picture(1), None, request(settings, "chinos"), no_report)
    assert (mask.provenance["label"], mask.provenance["label_from"]) == ("trousers", "request")
    assert "flatlay_scores" not in mask.provenance


def test_the_boxes_of_two_socks_are_united(backend, settings) -> None:
    pair = backend.make_mask(picture(1), None, request(settings, "socks"), no_report)
    one_sock = replace(settings, labels=(DetectionLabel("socks", "socks", 1),))
    single = backend.make_mask(picture(1), None, request(one_sock, "socks"), no_report)
    two, one = json.loads(str(pair.provenance["boxes"])), json.loads(str(single.provenance["boxes"]))
    assert (len(two), len(one)) == (2, 1)
    assert two[0] == one[0]
    assert single.notices  # the second box was left out, and that is said


def test_the_same_request_gives_the_same_pixels_after_other_work_and_in_a_fresh_backend(backend, settings) -> None:
    from engine.inference.grounded.backend import GroundedBackend

    photo, flatlay = picture(3), picture(4)
    first = backend.make_mask(photo, flatlay, request(settings), no_report)
    backend.make_mask(picture(5), flatlay, request(settings, "shirt"), no_report)
    again = backend.make_mask(photo, flatlay, request(settings), no_report)
    fresh = GroundedBackend().make_mask(photo, flatlay, request(settings), no_report)
    np.testing.assert_array_equal(first.alpha, again.alpha)
    np.testing.assert_array_equal(first.alpha, fresh.alpha)
    timeless = [{k: v for k, v in mask.provenance.items() if k != "seconds"} for mask in (first, again, fresh)]
    assert timeless[0] == timeless[1] == timeless[2]


def test_models_are_loaded_once(settings, tiny, tmp_path) -> None:
    from engine.inference.grounded.backend import GroundedBackend

    for name in ("detector", "segmenter"):
        shutil.copytree(tiny / name, tmp_path / name)
    moved = replace(settings, detector=str(tmp_path / "detector"), segmenter=str(tmp_path / "segmenter"))
    backend = GroundedBackend()
    backend.make_mask(picture(1), None, request(moved, "shirt"), no_report)
    shutil.rmtree(tmp_path / "detector")
    shutil.rmtree(tmp_path / "segmenter")
    assert backend.make_mask(picture(2), None, request(moved, "shirt"), no_report).alpha.any()


def test_nothing_found_names_the_file_and_says_what_to_do(backend, settings) -> None:
    nothing = replace(settings, box_threshold=1.0)
    with pytest.raises(KnownError, match=r"^look\.jpg: no shirt was found on it\. .*chromask correct"):
        backend.make_mask(picture(1, name="look.jpg"), None, request(nothing, "shirt"), no_report)
    with pytest.raises(KnownError, match=r"^flat\.jpg: none of these was found on it: shirt, gilet"):
        backend.make_mask(picture(1, name="look.jpg"), picture(2, name="flat.jpg"), request(nothing), no_report)
    with pytest.raises(KnownError, match=r"^look\.jpg: it has no flatlay"):
        backend.make_mask(picture(1, name="look.jpg"), None, request(settings), no_report)


def test_a_cancelled_job_leaves_the_backend_ready(backend, settings) -> None:
    def cancel(step: int, total: int, label: str) -> None:
        if step == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        backend.make_mask(picture(1), None, request(settings, "shirt"), cancel)
    assert backend.make_mask(picture(1), None, request(settings, "shirt"), no_report).alpha.any()


def test_a_request_without_settings_is_a_bug_and_no_colour_is_painted(backend, settings) -> None:
    photo = picture(1)
    with pytest.raises(BugError):
        backend.make_mask(photo, None, MaskRequest(EngineName.GROUNDED, garment="shirt"), no_report)
    mask = backend.make_mask(photo, None, request(settings, "shirt"), no_report)
    assert backend.color_guide(photo, photo, mask, None, no_report) is None


# -- against transformers' own post-processing ---------------------------------------------------------------------


@pytest.fixture(scope="session")
def detector(tiny):
    import torch

    from engine.inference.grounded.detect import Detector
    from engine.inference.grounded.source import find_detector

    return Detector(find_detector(tiny / "detector"), torch.device("cpu"))


def test_boxes_are_those_of_transformers_own_post_processing(detector, tiny) -> None:
    import torch
    from transformers import (
        BertTokenizer,
        GroundingDinoForObjectDetection,
        GroundingDinoImageProcessorPil,
        GroundingDinoProcessor,
    )

    folder = tiny / "detector"
    processor = GroundingDinoProcessor(
        GroundingDinoImageProcessorPil.from_pretrained(folder), BertTokenizer.from_pretrained(folder)
    )
    model = GroundingDinoForObjectDetection.from_pretrained(folder).eval()
    rgb = picture(6).pixels
    inputs = processor(images=rgb, text=[["shirt"]], return_tensors="pt")
    with torch.inference_mode():
        output = model(**inputs)
    theirs = processor.post_process_grounded_object_detection(
        output, inputs["input_ids"], threshold=0.0, text_threshold=0.0, target_sizes=[rgb.shape[:2]]
    )[0]
    reference = np.clip(theirs["boxes"].numpy(), 0, [450, 600, 450, 600])
    reference = reference[((reference[:, 2:] - reference[:, :2]) >= 1).all(axis=1)]
    ours = np.array([found.box for found in detector.detect(rgb, ["shirt"], 0.0, 0.0)])
    assert len(ours) == len(reference) > 5
    np.testing.assert_allclose(np.sort(ours, axis=0), np.sort(reference, axis=0), atol=0.01)
    # One label of one word piece: its score is that piece's probability.
    piece = output.logits[0, :, 1].sigmoid()
    assert detector.detect(rgb, ["shirt"], 0.0, 0.0)[0].score == pytest.approx(float(piece.max()), abs=1e-5)


def test_a_label_of_two_word_pieces_scores_their_mean(detector, tiny) -> None:
    import torch
    from transformers import BertTokenizer, GroundingDinoForObjectDetection, GroundingDinoImageProcessorPil

    folder = tiny / "detector"
    rgb = picture(6).pixels
    text = BertTokenizer.from_pretrained(folder)("shirt. gilet.", return_tensors="pt")
    assert text["input_ids"].shape[1] == 7  # [CLS] shirt . gil ##et . [SEP]
    pixels = GroundingDinoImageProcessorPil.from_pretrained(folder)(images=rgb, return_tensors="pt")
    with torch.inference_mode():
        logits = GroundingDinoForObjectDetection.from_pretrained(folder).eval()(**text, **pixels).logits[0]
    shirt, gilet = logits[:, 1].sigmoid(), logits[:, 3:5].sigmoid().mean(dim=1)
    found = detector.detect(rgb, ["shirt", "gilet"], 0.0, 0.0)
    expected = torch.maximum(shirt, gilet).sort(descending=True).values
    assert found[0].score == pytest.approx(float(expected[0]), abs=1e-5)
    assert {d.prompt for d in found} <= {"shirt", "gilet"}


def test_thresholds_drop_boxes_and_too_many_labels_are_refused(detector) -> None:
    rgb = picture(6).pixels
    scores = sorted(found.score for found in detector.detect(rgb, ["shirt"], 0.0, 0.0))
    middle = scores[len(scores) // 2]
    kept = detector.detect(rgb, ["shirt"], middle, 0.0)
    assert [found.score for found in kept] == [score for score in reversed(scores) if score > middle]
    assert detector.detect(rgb, ["shirt"], 0.0, middle) == kept
    with pytest.raises(KnownError, match="word pieces and the detector reads 64"):
        detector.detect(rgb, [f"shirt {letter}" for letter in "abcdefghijklmnopqrstuvwxyz"], 0.0, 0.0)
    with pytest.raises(KnownError, match="holds no word"):
        detector.detect(rgb, ["shirt", " "], 0.0, 0.0)


def test_the_segmenter_gets_its_pixels_and_boxes_as_sam2_was_trained(tiny) -> None:
    import torch
    from transformers import Sam2Model

    from engine.inference.grounded.segment import Segmenter
    from engine.inference.grounded.source import find_segmenter
    from tests.tiny_grounded import SEGMENTER_SIDE as SIDE

    rgb = picture(7, 300, 200).pixels
    ours = Segmenter(find_segmenter(tiny / "segmenter"), torch.device("cpu")).segment(
        rgb, [(30, 40, 150, 160), (0, 0, 300, 200)]
    )
    assert ours.logits.shape == (2, SIDE // 4, SIDE // 4)
    # torch's own antialiased resize, which is what torchvision's processor calls.
    pixels = torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float()
    pixels = torch.nn.functional.interpolate(pixels, (SIDE, SIDE), mode="bilinear", antialias=True) / 255
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    pixels = (pixels - mean[:, None, None]) / deviation[:, None, None]
    scale = torch.tensor([SIDE / 300, SIDE / 200] * 2)
    boxes = torch.tensor([[[30.0, 40, 150, 160], [0, 0, 300, 200]]]) * scale
    with torch.inference_mode():
        model = Sam2Model.from_pretrained(tiny / "segmenter").eval()
        theirs = model(pixel_values=pixels, input_boxes=boxes, multimask_output=False)
    np.testing.assert_allclose(ours.logits, theirs.pred_masks[0, :, 0].numpy(), atol=0.02)
    np.testing.assert_allclose(ours.predicted_iou, theirs.iou_scores[0, :, 0].numpy(), atol=0.01)


def test_a_sam2_for_pictures_loads_as_well(tmp_path) -> None:
    import torch

    from engine.inference.grounded.segment import Segmenter
    from engine.inference.grounded.source import find_segmenter
    from tests.tiny_grounded import build_tiny_segmenter

    folder = build_tiny_segmenter(tmp_path / "sam2", video=False)
    masks = Segmenter(find_segmenter(folder), torch.device("cpu")).segment(picture(7).pixels, [(0, 0, 100, 100)])
    assert np.isfinite(masks.logits).all()


# -- folders that are not what they should be ----------------------------------------------------------------------


@pytest.fixture
def copy(tiny, tmp_path) -> Path:
    shutil.copytree(tiny / "detector", tmp_path / "detector")
    return tmp_path / "detector"


def load(folder: Path):
    import torch

    from engine.inference.grounded.detect import Detector
    from engine.inference.grounded.source import find_detector

    return Detector(find_detector(folder), torch.device("cpu"))


def test_a_configuration_of_an_older_transformers_is_read(copy: Path) -> None:
    # The published configurations were written by transformers 4.40.
    config = json.loads((copy / "config.json").read_text())
    config |= {"backbone": None, "backbone_kwargs": None, "use_timm_backbone": False, "use_pretrained_backbone": False}
    config |= {"_name_or_path": "", "torch_dtype": "float32", "transformers_version": "4.40.0.dev0"}
    config["backbone_config"]["out_indices"] = [2, 3, 4]
    config.pop("dtype", None)
    (copy / "config.json").write_text(json.dumps(config))
    assert load(copy).detect(picture(1).pixels, ["shirt"], 0.0, 0.0)


def test_folders_are_refused_by_name_and_reason(copy: Path, tiny: Path) -> None:
    from engine.inference.grounded.source import find_detector, find_segmenter

    with pytest.raises(KnownError, match="there is no such model folder"):
        find_detector(copy / "nowhere")
    with pytest.raises(KnownError, match="type 'grounding-dino', not a SAM 2"):
        find_segmenter(copy)
    (copy / "tokenizer.json").unlink()
    with pytest.raises(KnownError, match=r"not complete: tokenizer\.json missing"):
        find_detector(copy)
    (copy / "config.json").write_text("{")
    with pytest.raises(KnownError, match="damaged"):
        find_detector(copy)
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(KnownError, match="pickled weights are not loaded") as caught:
        find_detector(copy)
    assert caught.value.path == copy / "pytorch_model.bin"
    assert find_segmenter(tiny / "segmenter").size_bytes > 1_000_000


def test_a_broken_download_is_named_before_anything_is_loaded(copy: Path) -> None:
    weights = copy / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(KnownError, match="cut short"):
        load(copy)


def test_weights_that_are_missing_or_of_another_shape_are_refused_and_never_random(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    name = next(key for key in weights if "encoder.layers.0" in key and key.endswith("weight"))
    without = {key: value for key, value in weights.items() if key != name}
    save_file(without, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(KnownError, match="no file holds the weights"):
        load(copy)
    save_file(weights | {name: weights[name][:1].clone()}, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(KnownError, match="could not be loaded"):
        load(copy)


def test_weights_that_are_no_numbers_are_named(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    name = next(key for key in weights if "bbox_embed" in key and key.endswith("bias"))
    save_file(weights | {name: weights[name] * float("nan")}, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(KnownError, match="not numbers"):
        load(copy).detect(picture(1).pixels, ["shirt"], 0.0, 0.0)
