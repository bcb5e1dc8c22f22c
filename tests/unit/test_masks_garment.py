from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.domain.errors import KnownError
from engine.domain.geometry import Extent
from engine.imaging.drawn import ColorCast, draw_scene
from engine.imaging.drawn.shapes import generator
from engine.imaging.masks.background import to_lab
from engine.imaging.masks.category import category_scores, outline_scores
from engine.imaging.masks.flatlay import flatlay_mask
from engine.imaging.masks.garment import garment_mask
from engine.imaging.masks.garments import GarmentCategory, category_of
from engine.imaging.masks.person import find_figure

Colour = tuple[int, int, int]
SKIN: Colour = (214, 164, 138)
DARK_SKIN: Colour = (96, 62, 46)
HAIR: Colour = (60, 42, 30)


@dataclass(frozen=True)
class Drawing:
    """A person drawn to the artist's proportions: 7.5 heads, one head is 100 units."""

    rgb: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    full: np.ndarray


def draw_person(
    upper: Colour,
    lower: Colour,
    *,
    skin: Colour = SKIN,
    background: Colour = (246, 246, 246),
    drop: float = 8.0,
    sleeves: str = "long",
    hem: int = 400,
    crop: tuple[int, int] = (-30, 790),
    scale: float = 1.0,
    seed: int = 0,
) -> Drawing:
    """Draw head, hair, top, trousers, shoes and hands.

    ``hem`` and ``crop`` (first and last row of the frame) are in units; the crown is 0, the chin 100, the soles 750.
    """
    top, bottom = crop
    height, width = round((bottom - top) * scale), round(560 * scale)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    fall = ((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2) * 2
    picture = np.array(background, np.float32) - drop * fall[..., None]
    generator = np.random.default_rng(seed)

    def shape(*polygons: list[tuple[float, float]]) -> np.ndarray:
        mask = np.zeros((height, width), np.uint8)
        for polygon in polygons:
            points = np.round((np.array(polygon) - [0, top]) * scale * 16).astype(np.int32)
            cv2.fillPoly(mask, [points], 1, shift=4)
        return mask > 0

    def ellipse(cx: float, cy: float, rx: float, ry: float) -> list[tuple[float, float]]:
        angles = np.linspace(0, 2 * np.pi, 60)
        return [(cx + rx * float(np.cos(a)), cy + ry * float(np.sin(a))) for a in angles]

    def mirrored(polygon: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(560 - px, py) for px, py in polygon]

    arm = [(178, 150), (205, 160), (190, 290), (185, 400), (160, 400), (160, 280)]
    wrist = 385 if sleeves == "long" else 230
    sleeve = [(178, 145), (212, 165), (195, 290), (188, wrist), (157, wrist), (157, 280)]
    if sleeves == "short":
        sleeve = [(178, 145), (212, 165), (200, wrist), (158, wrist)]
    hand = ellipse(172, 415, 15, 28)
    trunk = [(250, 122), (310, 122), (382, 145), (365, 260), (372, hem), (188, hem), (195, 260), (178, 145)]
    legs = [(195, 350), (365, 350), (372, 560), (362, 710), (305, 710), (285, 440), (275, 440), (255, 710), (198, 710),
            (188, 560)]  # fmt: skip
    shoe = [(195, 705), (258, 705), (262, 750), (180, 750)]

    def paint(mask: np.ndarray, colour: Colour, folds: float) -> None:
        shade = 1.0 + folds * np.sin(x / scale / 9.0 + y / scale / 25.0) + 0.5 * folds * np.cos(y / scale / 60.0)
        light = np.array(colour, np.float32) * shade[..., None]
        soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.6)[..., None]
        picture[:] = picture * (1 - soft) + light * soft

    arms, hands = shape(arm, mirrored(arm)), shape(hand, mirrored(hand))
    neck, face = shape([(258, 80), (302, 80), (305, 135), (255, 135)]), shape(ellipse(280, 55, 38, 50))
    hair = shape(ellipse(280, 30, 42, 34)) & ~shape([(246, 38), (314, 38), (314, 120), (246, 120)])
    trousers, shoes = shape(legs), shape(shoe, mirrored(shoe))
    shirt = shape(trunk) | shape(sleeve, mirrored(sleeve))
    paint(arms | hands | neck, skin, 0.06)
    paint(face, skin, 0.05)
    paint(hair, HAIR, 0.15)
    paint(shoes, (70, 45, 35), 0.1)
    paint(trousers, lower, 0.07)
    paint(shirt, upper, 0.06)
    picture += generator.normal(0, 1.5, picture.shape)
    rgb = np.clip(np.round(picture), 0, 255).astype(np.uint8)
    return Drawing(rgb, shirt, trousers & ~shirt, shirt | trousers)


def draw_flatlay(kind: str, colour: Colour) -> np.ndarray:
    """A top, trousers or a dress laid flat on white, 480 × 600."""
    outlines = {
        "top": [(190, 120), (240, 140), (290, 120), (350, 150), (400, 430), (360, 440), (325, 235), (325, 480),
                (155, 480), (155, 235), (120, 440), (80, 430), (130, 150)],
        "trousers": [(160, 60), (320, 60), (350, 540), (260, 540), (242, 200), (238, 200), (220, 540), (130, 540)],
        "dress": [(200, 40), (240, 55), (280, 40), (310, 60), (295, 200), (330, 560), (150, 560), (185, 200),
                  (170, 60)],
    }  # fmt: skip
    picture = np.full((600, 480, 3), 250, np.uint8)
    cv2.fillPoly(picture, [np.array(outlines[kind], np.int32)], colour)
    return picture


def masked(drawing: Drawing, kind: str, flat_colour: Colour, hint: GarmentCategory | None):
    still = draw_flatlay(kind, flat_colour)
    return garment_mask(drawing.rgb, still, flatlay_mask(still).alpha, hint)


def iou(alpha: np.ndarray, truth: np.ndarray) -> float:
    found = alpha > 127
    return float((found & truth).sum() / (found | truth).sum())


WAIST_UP = (-30, 470)
LEGS = (330, 790)


@pytest.mark.parametrize(
    ("upper", "lower", "options"),
    [
        ((60, 120, 70), (30, 30, 36), {"crop": WAIST_UP}),
        ((200, 90, 160), (60, 70, 110), {"crop": WAIST_UP, "skin": DARK_SKIN}),
        ((196, 170, 90), (30, 32, 45), {"crop": WAIST_UP, "hem": 430}),
        ((120, 60, 170), (45, 42, 40), {"crop": WAIST_UP, "sleeves": "short"}),
        ((190, 210, 235), (30, 32, 45), {"crop": WAIST_UP, "background": (225, 225, 226), "drop": 25.0}),
        ((40, 42, 60), (120, 105, 90), {}),
        ((225, 120, 60), (50, 60, 90), {"hem": 380}),
    ],
)
def test_a_top_whatever_its_colour(upper: Colour, lower: Colour, options: dict) -> None:
    drawing = draw_person(upper, lower, **options)
    result = masked(drawing, "top", (40, 60, 120), None)
    assert result.category is GarmentCategory.UPPER
    assert iou(result.alpha, drawing.upper) > 0.95
    assert result.confidence > 0.5
    assert result.notices == ()


@pytest.mark.parametrize(
    ("upper", "lower", "options"),
    [
        ((230, 230, 232), (120, 160, 80), {"crop": LEGS, "hem": 380}),
        ((25, 25, 28), (110, 112, 90), {"crop": LEGS, "hem": 380}),
        ((150, 110, 80), (150, 90, 170), {}),
    ],
)
def test_trousers_with_the_head_in_or_out_of_frame(upper: Colour, lower: Colour, options: dict) -> None:
    drawing = draw_person(upper, lower, **options)
    result = masked(drawing, "trousers", (40, 60, 120), None)
    assert result.category is GarmentCategory.LOWER
    assert iou(result.alpha, drawing.lower) > 0.93
    assert result.confidence > 0.5


def test_an_overall_takes_both_halves() -> None:
    drawing = draw_person((150, 50, 60), (150, 50, 60))
    result = masked(drawing, "dress", (40, 60, 120), GarmentCategory.FULL)
    assert result.category is GarmentCategory.FULL
    assert iou(result.alpha, drawing.full) > 0.95


def test_a_wrong_label_is_overruled_and_told() -> None:
    drawing = draw_person((230, 230, 232), (120, 160, 80), crop=LEGS, hem=380)
    result = masked(drawing, "trousers", (40, 60, 120), GarmentCategory.UPPER)
    assert result.category is GarmentCategory.LOWER
    assert any("upper" in notice and "lower" in notice for notice in result.notices)


def test_skin_hair_and_background_stay_out() -> None:
    drawing = draw_person((60, 120, 70), (30, 30, 36), crop=WAIST_UP, sleeves="short")
    result = masked(drawing, "top", (60, 120, 70), GarmentCategory.UPPER)
    alpha = result.alpha
    assert alpha[30 : 30 + 75, 240:320].max() == 0  # hair and face
    assert alpha[30 + 300 : 30 + 380, 160:185].mean() < 10  # bare forearm
    assert alpha[:, :100].max() == 0


def test_a_guide_that_recolours_something_else_casts_doubt() -> None:
    before = draw_person((60, 120, 70), (40, 40, 90))
    still = draw_flatlay("top", (150, 40, 40))
    alpha = flatlay_mask(still).alpha
    agreeing = draw_person((150, 40, 40), (40, 40, 90))
    straying = draw_person((60, 120, 70), (150, 40, 40))
    plain, good, bad = (
        garment_mask(before.rgb, still, alpha, None, guide) for guide in (None, agreeing.rgb[::2, ::2], straying.rgb)
    )
    assert good.confidence == plain.confidence
    assert good.notices == ()
    assert bad.confidence < 0.7 * plain.confidence
    assert len(bad.notices) == 1


def test_a_shirt_inside_a_jacket_is_not_the_jacket() -> None:
    drawing = draw_person((60, 70, 50), (40, 40, 90))
    rgb = drawing.rgb.copy()
    opening = np.zeros(drawing.upper.shape, np.uint8)
    cv2.fillPoly(opening, [np.array([(252, 155), (308, 155), (280, 300)], np.int32)], 1)
    rgb[opening > 0] = (236, 228, 232)
    still = draw_flatlay("top", (40, 60, 120))
    result = garment_mask(rgb, still, flatlay_mask(still).alpha, None)
    truth = drawing.upper & (opening == 0)
    assert iou(result.alpha, truth) > 0.95
    assert result.alpha[190:240, 272:288].max() == 0


def test_a_light_panel_stays_where_the_flatlay_has_one_too() -> None:
    drawing = draw_person((60, 70, 50), (40, 40, 90))
    rgb, still = drawing.rgb.copy(), draw_flatlay("top", (40, 60, 120))
    rgb[190:260, 200:360][drawing.upper[190:260, 200:360]] = (200, 190, 225)
    still[220:300, 160:320] = (222, 205, 160)
    result = garment_mask(rgb, still, flatlay_mask(still).alpha, None)
    assert iou(result.alpha, drawing.upper) > 0.95


def test_one_colour_for_everything_is_doubtful() -> None:
    """Shirt and trousers of one colour: only proportions tell where the hem is, and the figure must say so."""
    clear = masked(draw_person((60, 120, 70), (40, 40, 90), crop=WAIST_UP), "top", (60, 120, 70), None)
    same = masked(draw_person((60, 120, 70), (60, 120, 70), crop=WAIST_UP), "top", (60, 120, 70), None)
    assert same.confidence < 0.8 * clear.confidence
    assert (same.alpha > 127).any()


def test_full_size_is_the_photographs_size_with_fine_edges() -> None:
    drawing = draw_person((60, 120, 70), (40, 40, 90), crop=WAIST_UP, scale=4.0)
    result = masked(drawing, "top", (60, 120, 70), None)
    assert result.alpha.shape == drawing.upper.shape
    assert iou(result.alpha, drawing.upper) > 0.97
    outline = cv2.morphologyEx(drawing.upper.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).sum() / 2
    assert ((result.alpha > 12) & (result.alpha < 243)).sum() / outline < 4.0


@pytest.mark.parametrize("level", [0, 128, 250])
def test_an_empty_picture_has_no_person(level: int) -> None:
    still = draw_flatlay("top", (40, 60, 120))
    empty = np.full((600, 480, 3), level, np.uint8)
    with pytest.raises(KnownError, match="nobody"):
        garment_mask(empty, still, flatlay_mask(still).alpha, None)


def test_the_same_pair_gives_the_same_mask() -> None:
    drawing = draw_person((60, 120, 70), (40, 40, 90))
    first, second = (masked(drawing, "top", (60, 120, 70), None) for _ in range(2))
    assert np.array_equal(first.alpha, second.alpha)
    assert first.confidence == second.confidence


@pytest.mark.parametrize(("crop", "head"), [((-30, 790), True), (WAIST_UP, True), (LEGS, False)])
def test_the_head_is_found_where_it_is(crop: tuple[int, int], head: bool) -> None:
    drawing = draw_person((60, 120, 70), (40, 40, 90), crop=crop)
    figure = find_figure(drawing.rgb, to_lab(cv2.GaussianBlur(drawing.rgb, (0, 0), 1.0)))
    assert (figure.head is not None) is head
    if figure.head is not None:
        crown, chin = -4 - crop[0], 100 - crop[0]  # the hair stands four units above the crown
        assert figure.head.top == pytest.approx(crown, abs=6)
        assert chin - 10 < figure.head.neck < chin + 30
        assert figure.head.unit == pytest.approx(100, abs=20)


@pytest.mark.parametrize(
    ("kind", "category"),
    [("top", GarmentCategory.UPPER), ("trousers", GarmentCategory.LOWER), ("dress", GarmentCategory.FULL)],
)
def test_outlines_tell_the_category(kind: str, category: GarmentCategory) -> None:
    scores = outline_scores((draw_flatlay(kind, (40, 60, 120)) < 200).all(axis=2))
    assert max(scores, key=lambda c: scores[c]) is category


def test_a_category_that_outlines_do_not_know_is_believed() -> None:
    drawing = draw_person((60, 120, 70), (40, 40, 90))
    figure = find_figure(drawing.rgb, to_lab(cv2.GaussianBlur(drawing.rgb, (0, 0), 1.0)))
    top = (draw_flatlay("top", (40, 60, 120)) < 200).all(axis=2)
    assert list(category_scores(top, figure, GarmentCategory.FEET)) == [GarmentCategory.FEET]


@pytest.mark.realdata
def test_real_pairs_keep_their_measured_quality(shared_data: Path) -> None:
    """Eight pairs of the test half: tops and trousers, light and dark skin, white, dark and two-tone cloth."""
    train = shared_data / "colour-pairs" / "train"
    labels = json.loads((train / "garments.json").read_text())
    results = []
    for number in (6, 16, 26, 36, 48, 52, 54, 60):
        on_model, still = (
            cv2.imread(str(train / "input" / f"{stem}{number}.jpg"))[..., ::-1] for stem in ("on_model", "still-life")
        )
        truth = cv2.imread(str(train / "garments" / f"on_model{number}.png"), cv2.IMREAD_GRAYSCALE) > 127
        label = category_of(labels[f"still-life{number}.jpg"])
        results.append(iou(garment_mask(on_model, still, flatlay_mask(still).alpha, label).alpha, truth))
    assert np.mean(results) > 0.94, results
    assert min(results) > 0.85, results


@pytest.mark.parametrize(("article", "kind"), [(92, "trousers"), (14, "skirt"), (279, "shorts")])
def test_a_garment_of_a_skin_colour_is_found_and_its_mask_is_doubtful(article: int, kind: str) -> None:
    """Drawn figures whose trousers or skirt took the place of bare skin: nothing was left for the garment."""
    scene = draw_scene(article, Extent(480, 600), kind, ColorCast.random(generator(article, 900)))
    result = garment_mask(scene.on_model, scene.flatlay, flatlay_mask(scene.flatlay).alpha, None)
    assert iou(result.alpha, scene.garment_mask > 127) > 0.9
    assert result.confidence <= 0.5
    assert "like skin" in result.notices[0]


@pytest.mark.parametrize(
    ("seed", "kind"),
    [
        (30_113, "trousers"),  # of a colour like skin: the shirt was masked, with a confidence of 0.92
        (30_203, "skirt"),  # its outline is a top's as well: the shirt was masked, 0.70
        (20_282, "trousers"),  # checked: the shirt was taken too, 0.98
        (191, "shorts"),  # headless, half of the figure is shirt: both were masked, 0.98
    ],
)
def test_the_garment_that_the_flatlay_explains_is_chosen(seed: int, kind: str) -> None:
    """Drawn bottoms worn with a shirt that place and outline alone made the garment, and sure of it."""
    scene = draw_scene(seed, Extent(480, 600), kind, ColorCast.random(generator(seed, 900)))
    result = garment_mask(scene.on_model, scene.flatlay, flatlay_mask(scene.flatlay).alpha, None)
    assert result.category is GarmentCategory.LOWER
    assert iou(result.alpha, scene.garment_mask > 127) > 0.9
