from __future__ import annotations

import pytest

from engine.imaging.masks.garments import GarmentCategory, category_of, garment_of, load_garments


@pytest.mark.parametrize(
    ("label", "category"),
    [
        ("shirt", GarmentCategory.UPPER),
        ("T-Shirt", GarmentCategory.UPPER),
        ("t_shirt", GarmentCategory.UPPER),
        ("polo shirts", GarmentCategory.UPPER),
        ("gilet", GarmentCategory.UPPER),
        ("coats", GarmentCategory.UPPER),
        ("long sleeve dress", GarmentCategory.FULL),
        ("Jumpsuit", GarmentCategory.FULL),
        ("skirt", GarmentCategory.LOWER),
        ("trousers", GarmentCategory.LOWER),
        ("trouser", GarmentCategory.LOWER),
        ("jeans", GarmentCategory.LOWER),
        ("shorts", GarmentCategory.LOWER),
        ("black cargo pants", GarmentCategory.LOWER),
        ("sock", GarmentCategory.FEET),
        ("shoes", GarmentCategory.FEET),
        ("hats", GarmentCategory.HEAD),
        ("sunglasses", GarmentCategory.HEAD),
        ("bag", GarmentCategory.ACCESSORY),
    ],
)
def test_labels_and_synonyms_find_their_zone(label: str, category: GarmentCategory) -> None:
    assert category_of(label) is category


@pytest.mark.parametrize("label", ["", "   ", "garment", "s", "photograph", "shirtless person"])
def test_unknown_labels_have_no_zone(label: str) -> None:
    assert category_of(label) is None


def test_the_last_known_words_name_the_garment() -> None:
    kind = garment_of("blue denim jacket")
    assert kind is not None
    assert kind.label == "jacket"
    shirt_dress = garment_of("shirt dress")
    assert shirt_dress is not None
    assert shirt_dress.label == "dress"


def test_every_synonym_leads_to_its_own_entry() -> None:
    for kind in load_garments():
        for name in (kind.label, *kind.synonyms):
            assert garment_of(name) == kind, name
            assert garment_of(name.upper().replace(" ", "-")) == kind, name


def test_every_category_has_a_garment() -> None:
    assert {kind.category for kind in load_garments()} == set(GarmentCategory)
