"""What stands out from the support, and frames that are refused."""

import numpy as np
import pytest

from helpers.clusters import outline


def disc(side, radius, centre=None):
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    x, y = (x, y) if centre is None else (x - centre[0], y - centre[1])
    return (np.hypot(x, y) < radius).astype(float)


@pytest.mark.parametrize("pixel", [0.03, 0.05, 0.08])
def test_diameter_is_in_nanometres(pixel):
    rng = np.random.default_rng(0)
    side = round(4 / pixel)
    image = rng.poisson(5 + 20 * disc(side, 1.1 / pixel))
    assert outline.diameter_nm(image, pixel) == pytest.approx(2.2, abs=0.15)


def test_of_several_objects_the_brightest_is_measured():
    image = disc(120, 24, (-30, 0)) + 3 * disc(120, 16, (30, 0))
    assert outline.diameter_nm(image, 0.05) == pytest.approx(1.6, abs=0.25)


def test_gaps_between_columns_are_bridged():
    y, x = np.mgrid[:80, :80]
    columns = ((x % 5 == 0) & (y % 5 == 0)) * disc(80, 22)
    smooth, mask = outline.outline(columns, 0.05)
    assert mask.shape == smooth.shape == (40, 40)
    assert mask[12:28, 12:28].all() and not mask[:4].any()


def test_noise_is_measured_beside_structure():
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:60, :60]
    smooth = 20 * np.exp(-((x - 30) ** 2 + (y - 30) ** 2) / 200)
    frames = smooth + rng.normal(0, [[[1.0]], [[3.0]]], (2, 60, 60))
    assert outline.noise(frames) == pytest.approx([1, 3], rel=0.06)
    mean = smooth.reshape(30, 2, 30, 2).mean((1, 3))
    expected = [s / 2 / np.hypot(s / 2, mean.std()) for s in (1, 3)]
    assert outline.noise_share(frames) == pytest.approx(expected, rel=0.08)
    assert outline.noise_share(rng.normal(size=(1, 60, 60))) == pytest.approx(1, abs=0.1)
    assert outline.noise_share(np.ones((1, 60, 60))) == 0


def test_share_of_noise_hardly_depends_on_the_pixels_of_the_recording():
    rng = np.random.default_rng(3)
    mean = 2 + 6 * disc(60, 22)
    direct = outline.noise_share(rng.poisson(mean)[None])
    finer = rng.poisson(np.kron(mean, np.ones((2, 2))) / 4)[None]
    assert outline.noise_share(outline.resampled(finer, 0.025, 0.05)) == pytest.approx(
        direct, rel=0.15
    )


def test_resampling_keeps_the_mean_and_whole_numbers_of_pixels():
    frames = np.random.default_rng(1).random((2, 60, 45))
    half = outline.resampled(frames, 0.05, 0.1)
    assert half.shape == (2, 30, 22) and half.dtype == np.float32
    assert half.mean() == pytest.approx(frames.mean(), abs=0.01)
    assert outline.resampled(frames, 0.05, 0.0502) == pytest.approx(frames, abs=1e-6)
