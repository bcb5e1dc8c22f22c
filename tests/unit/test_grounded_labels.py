"""Which label counts on a flatlay, which boxes on a photograph, and where a mask's edge comes to lie."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.domain.geometry import Box, Extent
from engine.domain.requests import DetectionLabel
from engine.inference.grounded.labels import Detection, choose_boxes, choose_label, intersection_over_union, label_for

LABELS = (
    DetectionLabel("shirt", "shirt"),
    DetectionLabel("trousers", "trousers"),
    DetectionLabel("jacket", "jacket"),
    DetectionLabel("pants", "pants"),
    DetectionLabel("handbag", "bag"),
    DetectionLabel("socks", "socks", 2),
)


def found(prompt: str, score: float, *box: float) -> Detection:
    left, top, right, bottom = box
    return Detection(prompt, score, (left, top, right, bottom))


@pytest.mark.parametrize(
    ("garment", "prompt", "stands_for", "pieces"),
    [
        ("Trousers", "trousers", "trousers", 1),
        ("chinos", "trousers", "trousers", 1),  # a synonym in garments.toml
        ("pants", "pants", "pants", 1),
        ("blue denim jacket", "jacket", "jacket", 1),
        ("tote", "handbag", "bag", 1),  # a bag, for which the list has another word
        ("sock", "socks", "socks", 2),
        ("sneakers", "sneakers", "shoes", 2),  # not in the list: looked for by its own name, as a pair
        ("St. Tropez sarong", "st tropez sarong", "st tropez sarong", 1),  # a full stop would end the label
    ],
)
def test_a_garment_is_looked_for_by_the_lists_word_or_by_its_own(
    garment: str, prompt: str, stands_for: str, pieces: int
) -> None:
    assert label_for(garment, LABELS) == DetectionLabel(prompt, stands_for, pieces)


def test_on_a_flatlay_the_box_around_the_garment_beats_a_surer_detail() -> None:
    alpha = np.zeros((100, 100), np.uint8)
    alpha[10:90, 20:80] = 255
    collar, whole = found("shirt", 0.8, 45, 10, 55, 20), found("jacket", 0.6, 20, 10, 80, 90)
    choice = choose_label([collar, whole], LABELS, alpha)
    assert choice is not None
    assert choice.label.garment == "jacket"
    assert choice.scores == {"jacket": 0.6, "shirt": 0.8}
    without_outline = choose_label([collar, whole], LABELS, None)
    assert without_outline is not None
    assert without_outline.label.garment == "shirt"


def test_only_a_rival_for_another_part_of_the_body_makes_a_label_doubtful() -> None:
    box = (0, 0, 10, 10)
    jacket, shirt, trousers = (found(prompt, 0.6, *box) for prompt in ("jacket", "shirt", "trousers"))
    same_zone = choose_label([jacket, shirt], LABELS, None)
    other_zone = choose_label([jacket, trousers], LABELS, None)
    assert same_zone is not None
    assert other_zone is not None
    assert same_zone.certainty == 1.0
    assert other_zone.certainty == 0.5


def test_an_empty_flatlay_has_no_label() -> None:
    assert choose_label([], LABELS, None) is None


def test_boxes_of_two_socks_are_kept_and_doubles_and_parts_are_not() -> None:
    left, right = found("socks", 0.7, 10, 0, 30, 50), found("socks", 0.6, 40, 0, 60, 50)
    double, heel = found("socks", 0.5, 11, 1, 31, 51), found("socks", 0.65, 12, 30, 28, 49)
    chosen = choose_boxes([heel, double, right, left], pieces=2)
    assert chosen.detections == (left, right)
    assert (chosen.left_out, chosen.certainty) == (0, 1.0)


def test_a_second_jacket_is_left_out_and_makes_the_first_doubtful() -> None:
    near, far = found("jacket", 0.6, 0, 0, 40, 100), found("jacket", 0.45, 60, 0, 100, 100)
    chosen = choose_boxes([far, near], pieces=1)
    assert chosen.detections == (near,)
    assert chosen.left_out == 1
    assert chosen.certainty == pytest.approx(0.6 / 0.9)
    assert choose_boxes([near, found("jacket", 0.29, 60, 0, 100, 100)], pieces=1).certainty == 1.0


def test_intersection_over_union_of_a_quarter_overlap() -> None:
    assert intersection_over_union((0, 0, 2, 2), (1, 1, 3, 3)) == pytest.approx(1 / 7)
    assert intersection_over_union((0, 0, 1, 1), (2, 2, 3, 3)) == 0.0


def test_the_segmenter_sees_the_boxes_with_half_their_size_around_and_nothing_beyond_the_photograph() -> None:
    from engine.inference.grounded.segment import context_crop

    assert context_crop([(100, 200, 140, 260)], Extent(1000, 1000)) == Box(80, 170, 160, 290)
    assert context_crop([(10, 10, 50, 90), (60, 20, 90, 95)], Extent(100, 100)) == Box(0, 0, 100, 100)


def drawn(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A dark ellipse and a dark bar on a light, noisy ground, and the truth as alpha in 0 to 1."""
    shift = 3  # cv2 draws with eight times finer coordinates
    truth = np.zeros((height, width), np.uint8)
    axes = (round(0.22 * width) << shift, round(0.3 * height) << shift)
    center = (round(0.4 * width) << shift, round(0.5 * height) << shift)
    cv2.ellipse(truth, center, axes, 17, 0, 360, 255, -1, cv2.LINE_AA, shift)
    cv2.rectangle(truth, (round(0.75 * width), round(0.2 * height)), (round(0.9 * width), round(0.7 * height)), 255, -1)
    alpha = truth.astype(np.float32) / 255
    ground, cloth = np.array([224, 222, 219], np.float32), np.array([60, 72, 110], np.float32)
    rgb = ground + alpha[..., None] * (cloth - ground)
    rgb += np.random.default_rng(0).normal(0, 2, rgb.shape)
    return np.clip(np.round(rgb), 0, 255).astype(np.uint8), alpha


def test_coarse_logits_become_a_full_size_alpha_along_the_photographs_edge() -> None:
    from engine.inference.grounded.segment import alpha_of

    rgb, truth = drawn(1500, 1000)
    # What SAM 2 gives: 256 points a side over the stretched picture, one mask for each of two boxes, soft towards
    # the edge, and off by up to one point.
    coarse = cv2.resize(truth, (256, 256), interpolation=cv2.INTER_AREA)
    coarse = np.roll(cv2.GaussianBlur(coarse, (0, 0), 1.0), 1, axis=0)
    logits = np.repeat(12 * (coarse - 0.5)[None], 2, axis=0).astype(np.float32)
    logits[0, :, 176:] = -6
    logits[1, :, :176] = -6
    alpha = alpha_of(rgb, logits)
    inside = alpha > 127
    iou = (inside & (truth > 0.5)).sum() / (inside | (truth > 0.5)).sum()
    interpolated = cv2.resize(logits.max(axis=0), (1000, 1500), interpolation=cv2.INTER_LINEAR) > 0
    plain = (interpolated & (truth > 0.5)).sum() / (interpolated | (truth > 0.5)).sum()
    assert plain < 0.985  # without the photograph's edges
    assert iou > 0.995
    assert np.abs(alpha / 255 - truth).mean() < 0.005


def test_specks_and_pinholes_of_the_logits_go_and_a_second_sock_stays() -> None:
    from engine.inference.grounded.segment import alpha_of

    rgb = np.full((400, 400, 3), 200, np.uint8)
    logits = np.full((1, 256, 256), -5, np.float32)
    logits[0, 40:200, 30:80] = logits[0, 40:200, 150:200] = 5
    logits[0, 100:102, 50:52] = -5  # a pin-hole
    logits[0, 230:233, 230:233] = 5  # a speck
    alpha = alpha_of(rgb, logits)
    assert alpha[157, 79] == 255
    assert alpha[361, 361] == 0
    assert cv2.connectedComponents((alpha > 127).astype(np.uint8))[0] - 1 == 2


def test_logits_without_anything_inside_give_an_empty_alpha() -> None:
    from engine.inference.grounded.segment import alpha_of

    assert not alpha_of(np.zeros((30, 20, 3), np.uint8), np.full((1, 256, 256), -1, np.float32)).any()
