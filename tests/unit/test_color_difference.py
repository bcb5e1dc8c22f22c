"""CIEDE2000 against the published table and against colour-science."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from engine.imaging.color.difference import delta_E_2000, lab_differences

CHECKOUT = Path(__file__).resolve().parents[2]

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


# As many copies of the published pairs as take the compiled loop, which small arrays do not enter.
MANY = np.tile(SHARMA, (4000, 1))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("pairs", [SHARMA, MANY], ids=["numpy", "compiled"])
def test_the_published_pairs_to_four_decimals(pairs: np.ndarray, dtype: type) -> None:
    assert len(SHARMA) == 34
    one, two, expected = pairs[:, :3].astype(dtype), pairs[:, 3:6].astype(dtype), pairs[:, 6]
    np.testing.assert_allclose(delta_E_2000(one, two), expected, atol=5.1e-5)
    np.testing.assert_allclose(delta_E_2000(two, one), expected, atol=5.1e-5)


def random_pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Half near each other, half anywhere in Lab."""
    random = np.random.default_rng(3)
    one = random.uniform([0, -128, -128], [100, 127, 127], (count, 3))
    two = one + random.normal(0, 15, one.shape)
    two[::2] = random.uniform([0, -128, -128], [100, 127, 127], (len(two[::2]), 3))
    return one, two


def in_small_parts(one: np.ndarray, two: np.ndarray, **factors: float) -> np.ndarray:
    """By NumPy: no part is large enough for the compiled loop."""
    parts = range(0, len(one), 50_000)
    return np.concatenate([delta_E_2000(one[i : i + 50_000], two[i : i + 50_000], **factors) for i in parts])


def test_random_pairs_agree_with_colour_science_on_both_paths() -> None:
    import colour

    one, two = random_pairs(200_000)
    expected = colour.delta_E(one, two, method="CIE 2000")
    assert np.abs(delta_E_2000(one, two) - expected).max() < 1e-4
    assert np.abs(in_small_parts(one, two) - expected).max() < 1e-4
    textiles = colour.delta_E(one, two, method="CIE 2000", textiles=True)  # k_L = 2
    assert np.abs(delta_E_2000(one, two, k_L=2) - textiles).max() < 1e-4
    one, two = one.astype(np.float32), two.astype(np.float32)
    expected = colour.delta_E(one.astype(np.float64), two.astype(np.float64), method="CIE 2000")
    assert np.abs(delta_E_2000(one, two) - expected).max() < 1e-4


def test_both_paths_agree_for_every_parametric_factor() -> None:
    one, two = random_pairs(120_000)
    factors = {"k_L": 1.5, "k_C": 0.8, "k_H": 2.5}
    whole, parts = delta_E_2000(one, two, **factors), in_small_parts(one, two, **factors)
    np.testing.assert_allclose(whole, parts, rtol=3e-7, atol=2e-5)
    assert np.abs(whole - delta_E_2000(one, two)).max() > 1


@pytest.mark.parametrize("count", [1000, 120_000], ids=["numpy", "compiled"])
def test_it_is_symmetric(count: int) -> None:
    one, two = random_pairs(count)
    np.testing.assert_allclose(delta_E_2000(one, two), delta_E_2000(two, one), rtol=3e-7, atol=1e-6)
    assert not delta_E_2000(one, one).any()


@pytest.mark.parametrize("count", [1000, 120_000], ids=["numpy", "compiled"])
def test_greys_differ_in_lightness_alone(count: int) -> None:
    grey = np.zeros((count, 3))
    grey[:, 0] = np.linspace(0, 100, count)
    other = np.zeros((count, 3))
    other[:, 0] = 50
    mean_50 = ((grey[:, 0] + 50) / 2 - 50) ** 2
    expected = np.abs(grey[:, 0] - 50) / (1 + 0.015 * mean_50 / np.sqrt(20 + mean_50))  # ΔL' / S_L
    np.testing.assert_allclose(delta_E_2000(grey, other), expected, rtol=1e-6, atol=1e-6)
    # A grey sample has no hue: all hues of one chroma are equally far from it, ΔC' / S_C.
    angle = np.linspace(0, 2 * np.pi, count)
    colored = np.stack([np.full(count, 50.0), 30 * np.cos(angle), 30 * np.sin(angle)], axis=1)
    stretch = 1.5 - 0.5 * np.sqrt(15.0**7 / (15.0**7 + 25.0**7))
    chroma = np.hypot(colored[:, 1] * stretch, colored[:, 2])
    np.testing.assert_allclose(delta_E_2000(colored, other), chroma / (1 + 0.045 * chroma / 2), rtol=1e-6)


@pytest.mark.parametrize("count", [1000, 120_000], ids=["numpy", "compiled"])
def test_exactly_opposite_hues_stand_on_neither_side(count: int) -> None:
    """Of two opposite hues the mean angle is taken, whichever comes first, also through rounded coordinates."""
    random = np.random.default_rng(5)
    one = random.uniform([20, -60, -60], [80, 60, 60], (count, 3)).astype(np.float32)
    two = one * np.array([1, -1, -1], np.float32)
    np.testing.assert_allclose(delta_E_2000(one, two), delta_E_2000(two, one), rtol=3e-7)
    np.testing.assert_allclose(delta_E_2000(one, two), delta_E_2000(one.astype(float), two.astype(float)), rtol=3e-7)


@pytest.mark.parametrize("count", [1000, 120_000], ids=["numpy", "compiled"])
@pytest.mark.parametrize("channel", [0, 1, 2])
def test_not_a_number_stays_where_it_is(count: int, channel: int) -> None:
    one, two = random_pairs(count)
    clean = delta_E_2000(one, two)
    one[7, channel] = two[count - 2, channel] = np.nan
    result = delta_E_2000(one, two)
    assert np.flatnonzero(np.isnan(result)).tolist() == [7, count - 2]
    kept = ~np.isnan(result)
    assert np.array_equal(result[kept], clean[kept])


def test_it_broadcasts_one_reference_and_keeps_the_pictures_shape() -> None:
    picture = np.random.default_rng(0).uniform(0, 90, (5, 7, 3)).astype(np.float32)
    reference = np.array([50.0, 10.0, -10.0])
    result = delta_E_2000(picture, reference)
    assert result.shape == (5, 7)
    assert result.dtype == np.float32
    assert result[2, 3] == delta_E_2000(picture[2, 3], reference)
    assert np.array_equal(delta_E_2000(reference, picture), result)


def test_a_large_map_broadcasts_and_takes_strided_and_read_only_arrays() -> None:
    map_ = np.random.default_rng(0).uniform(0, 90, (400, 300, 3)).astype(np.float32)
    reference = np.array([50.0, 10.0, -10.0])
    expected = np.stack([delta_E_2000(row, reference) for row in map_])
    np.testing.assert_allclose(delta_E_2000(map_, reference), expected, rtol=3e-7)
    np.testing.assert_allclose(delta_E_2000(reference.tolist(), map_), expected, rtol=3e-7)
    mirrored = map_[:, ::-1]
    mirrored.setflags(write=False)
    np.testing.assert_allclose(delta_E_2000(mirrored, reference), expected[:, ::-1], rtol=3e-7)
    columns = delta_E_2000(map_, map_[:, :1])
    assert columns.shape == (400, 300)
    assert not columns[:, 0].any()
    np.testing.assert_allclose(columns[11], delta_E_2000(map_[11], map_[11, 0]), rtol=3e-7, atol=1e-6)


def test_arrays_of_other_channels_are_refused_and_empty_ones_are_not() -> None:
    with pytest.raises(ValueError, match="3 channels"):
        delta_E_2000(np.zeros((4, 4)), np.zeros(3))
    assert delta_E_2000(np.zeros((0, 3)), np.zeros(3)).shape == (0,)


@pytest.mark.parametrize("count", [98_000, 140_000, 600_000], ids=["numpy", "compiled", "threads"])
def test_chunks_leave_no_seam(count: int) -> None:
    one = np.random.default_rng(1).uniform(-50, 50, (count, 3)).astype(np.float32)
    two = one[::-1]
    whole = delta_E_2000(one, two)
    for seam in (65_536, count // 2, count - 8):  # a chunk's end, the second of two threads, the end
        part = slice(seam - 8, seam + 8)
        np.testing.assert_allclose(whole[part], delta_E_2000(one[part], two[part]), rtol=3e-7, atol=1e-6)


def test_large_maps_may_be_compared_from_several_threads_at_once() -> None:
    one, two = random_pairs(600_000)
    expected = delta_E_2000(one, two)
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda _: delta_E_2000(one, two), range(6)))
    assert all(np.array_equal(result, expected) for result in results)


def test_importing_it_loads_neither_the_compiler_nor_colour_science() -> None:
    code = (
        "import sys, numpy as np; from engine.imaging.color.difference import delta_E_2000;"
        "delta_E_2000(np.zeros((20_000, 3)), np.ones((20_000, 3)));"
        "print(sorted({'numba', 'llvmlite', 'colour', 'scipy'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CHECKOUT)
    assert run.stdout.strip() == "[]"


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
