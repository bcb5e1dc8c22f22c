"""CIEDE2000 against the published table and against colour-science."""

import numpy as np
import pytest

from engine.imaging.color.difference import delta_E_2000, lab_differences

# G. Sharma, W. Wu, E. N. Dalal, Color Research & Application 30(1), 2005, table 1: L1 a1 b1 L2 a2 b2 ΔE00.
SHARMA = np.array(
    [
        [50.0000, 2.6772, -79.7751, 50.0000, 0.0000, -82.7485, 2.0425],
        [50.0000, 3.1571, -77.2803, 50.0000, 0.0000, -82.7485, 2.8615],
        [50.0000, 2.8361, -74.0200, 50.0000, 0.0000, -82.7485, 3.4412],
        [50.0000, -1.3802, -84.2814, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, -1.1848, -84.8006, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, -0.9009, -85.5211, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, 0.0000, 0.0000, 50.0000, -1.0000, 2.0000, 2.3669],
        [50.0000, -1.0000, 2.0000, 50.0000, 0.0000, 0.0000, 2.3669],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0009, 7.1792],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0010, 7.1792],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0011, 7.2195],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0012, 7.2195],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0009, -2.4900, 4.8045],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0010, -2.4900, 4.8045],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0011, -2.4900, 4.7461],
        [50.0000, 2.5000, 0.0000, 50.0000, 0.0000, -2.5000, 4.3065],
        [50.0000, 2.5000, 0.0000, 73.0000, 25.0000, -18.0000, 27.1492],
        [50.0000, 2.5000, 0.0000, 61.0000, -5.0000, 29.0000, 22.8977],
        [50.0000, 2.5000, 0.0000, 56.0000, -27.0000, -3.0000, 31.9030],
        [50.0000, 2.5000, 0.0000, 58.0000, 24.0000, 15.0000, 19.4535],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.1736, 0.5854, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.2972, 0.0000, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 1.8634, 0.5757, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.2592, 0.3350, 1.0000],
        [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
        [63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630],
        [61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731],
        [35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645],
        [22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373],
        [36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146],
        [90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441],
        [90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381],
        [6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377],
        [2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082],
    ]
)


def test_the_published_pairs_to_four_decimals() -> None:
    assert len(SHARMA) == 34
    one, two, expected = SHARMA[:, :3], SHARMA[:, 3:6], SHARMA[:, 6]
    np.testing.assert_allclose(delta_E_2000(one, two), expected, atol=5.1e-5)
    np.testing.assert_allclose(delta_E_2000(two, one), expected, atol=5.1e-5)


def test_a_hundred_thousand_random_pairs_agree_with_colour_science() -> None:
    import colour

    random = np.random.default_rng(3)
    one = random.uniform([0, -110, -110], [100, 110, 110], (100_000, 3))
    two = one + random.normal(0, 15, one.shape)
    expected = colour.delta_E(one, two, method="CIE 2000")
    assert np.abs(delta_E_2000(one, two) - expected).max() < 1e-3
    textiles = colour.delta_E(one, two, method="CIE 2000", textiles=True)  # k_L = 2
    assert np.abs(delta_E_2000(one, two, k_L=2) - textiles).max() < 1e-3


def test_it_broadcasts_one_reference_and_keeps_the_pictures_shape() -> None:
    picture = np.random.default_rng(0).uniform(0, 90, (5, 7, 3)).astype(np.float32)
    reference = np.array([50.0, 10.0, -10.0])
    result = delta_E_2000(picture, reference)
    assert result.shape == (5, 7)
    assert result.dtype == np.float32
    assert result[2, 3] == delta_E_2000(picture[2, 3], reference)


def test_chunks_leave_no_seam() -> None:
    one = np.random.default_rng(1).uniform(-50, 50, (140_000, 3))
    two = one[::-1]
    assert np.array_equal(delta_E_2000(one, two)[65_530:65_545], delta_E_2000(one[65_530:65_545], two[65_530:65_545]))


def test_signed_differences_add_up_to_delta_E_1976() -> None:
    random = np.random.default_rng(2)
    sample, reference = random.uniform(-60, 60, (2, 1000, 3))
    dL, dC, dH = lab_differences(sample, reference)
    np.testing.assert_allclose(dL**2 + dC**2 + dH**2, ((sample - reference) ** 2).sum(axis=1), rtol=1e-9)


def test_signs_are_sample_minus_reference() -> None:
    dL, dC, dH = lab_differences(np.array([60.0, 0.0, 20.0]), np.array([50.0, 10.0, 0.0]))
    assert dL == pytest.approx(10)
    assert dC == pytest.approx(10)
    assert dH > 0  # yellow (90°) lies anticlockwise of red (0°)
    assert lab_differences(np.array([50.0, 10.0, -1.0]), np.array([50.0, 10.0, 1.0]))[2] < 0  # across 0°
