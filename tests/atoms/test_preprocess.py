import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter, median_filter

from helpers import data
from helpers.atoms import preprocess
from helpers.data import DataError


@pytest.mark.parametrize("shape", [(60, 60), (1, 1), (20, 90), (41, 7), (64, 129)])
@pytest.mark.parametrize("size", [1, 5, 40])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int16"])
def test_median_equals_scipy_bit_for_bit(shape, size, dtype):
    image = np.random.default_rng(7).normal(100, 40, shape).clip(0, 255).astype(dtype)
    ours = preprocess.median_background(image, size)
    assert ours.dtype == image.dtype
    np.testing.assert_array_equal(ours, median_filter(image, size, mode="reflect"))


def test_median_of_an_image_much_narrower_than_the_window():
    # scipy's own filter departs from its mirrored edges here, so the definition is the reference
    image = np.random.default_rng(6).normal(size=(3, 90))
    padded = np.pad(image, (20, 19), mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (40, 40)).reshape(3, 90, -1)
    np.testing.assert_array_equal(
        preprocess.median_background(image), np.sort(windows, axis=-1)[..., 800]
    )


def test_median_with_ties_negative_and_huge_values():
    rng = np.random.default_rng(8)
    image = rng.choice(np.array([-1e30, -2, 0, 0, 1, 1, 1, 1e30], np.float32), (70, 80))
    image[20:50] = 1
    np.testing.assert_array_equal(
        preprocess.median_background(image), median_filter(image, 40, mode="reflect")
    )


def test_median_across_strips(monkeypatch):
    image = np.random.default_rng(9).normal(size=(130, 50)).astype(np.float32)
    monkeypatch.setattr(preprocess, "_STRIP", 32)
    np.testing.assert_array_equal(
        preprocess.median_background(image, 9), median_filter(image, 9, mode="reflect")
    )


@pytest.mark.measured
@pytest.mark.skipif(not data.available("pt-nc"), reason="public data set pt-nc is not available")
@pytest.mark.parametrize("index", range(21))
def test_median_equals_scipy_on_every_measured_image(index):
    image = data.pt_nc()[index].image.to_numpy()
    reference = median_filter(image, 40, mode="reflect")
    np.testing.assert_array_equal(preprocess.median_background(image), reference)


def test_normalise_is_the_published_recipe():
    image = np.random.default_rng(10).normal(1000, 30, (90, 100)).astype(np.float32)
    signal = image - median_filter(image, 40, mode="reflect")
    signal[signal < 0] = 0
    expected = (signal - signal.min()) / (signal.max() - signal.min())
    ours = preprocess.normalise(image)
    np.testing.assert_array_equal(ours, expected)
    assert (ours.dtype, ours.min(), ours.max()) == (np.float32, 0, 1)


@pytest.mark.parametrize(
    "image",
    [np.full((50, 50), 3.0), np.zeros((5, 5, 5)), np.zeros((0, 4)), np.full((50, 50), np.nan)],
)
def test_images_without_information_are_refused(image):
    with pytest.raises(DataError):
        preprocess.normalise(image)


def test_integer_ratio_is_block_means():
    image = np.arange(49 * 66, dtype=np.float32).reshape(49, 66)
    out, factor = preprocess.to_network_scale(image, preprocess.NETWORK_PIXEL_NM / 2.04)
    assert (factor, out.shape) == (2, (24, 33))
    np.testing.assert_allclose(out[0, 0], image[:2, :2].mean())
    same, factor = preprocess.to_network_scale(image, preprocess.NETWORK_PIXEL_NM * 1.01)
    assert factor == 1
    np.testing.assert_array_equal(same, image)


@pytest.mark.parametrize("ratio", [0.5, 0.77, 1.5, 2.0, 2.6])
def test_atoms_keep_their_place_through_scaling(ratio):
    image = np.zeros((150, 200), np.float32)
    image[60, 120] = 1
    image = gaussian_filter(image, 5)
    out, factor = preprocess.to_network_scale(image, 0.02, 0.02 * ratio)
    assert factor == ratio
    y, x = (np.indices(out.shape) * out / out.sum()).sum((1, 2))
    back = preprocess.from_network_scale(pd.DataFrame({"x_px": [x], "y_px": [y]}), factor)
    assert back.to_numpy()[0] == pytest.approx([120, 60], abs=0.1)
    assert out.sum() * factor**2 == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize("pixel", [0, -1, np.nan, np.inf, 1e-5, 29.3])
def test_impossible_pixel_sizes_are_refused(pixel):
    with pytest.raises(DataError, match="expected 0.001 to 0.3 nm.*in nanometres"):
        preprocess.to_network_scale(np.zeros((64, 64)), pixel)


@pytest.mark.parametrize(
    ("shape", "pixel", "words"),
    [((64, 64), 0.005, "at least 21"), ((32, 4000), 0.29, "at most 20000")],
)
def test_pixel_sizes_that_make_an_image_too_small_or_too_large_are_refused(shape, pixel, words):
    with pytest.raises(DataError, match=words):
        preprocess.to_network_scale(np.zeros(shape, np.float32), pixel)
