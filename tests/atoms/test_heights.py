"""Heights of spots, fitted together."""

import numpy as np
import pandas as pd
import pytest

from helpers.atoms.heights import fitted_amplitudes


def drawn(points, heights, shape=(96, 128), sigma=2.2, noise=0.01, seed=0):
    """An image of Gaussians on a sloping background."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = 0.1 + 0.0005 * x
    for (px, py), height in zip(points, heights):
        image = image + height * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * sigma**2))
    return image + np.random.default_rng(seed).normal(0, noise, shape)


def table(points):
    return pd.DataFrame(points, columns=["x_px", "y_px"], dtype=float)


def test_heights_and_width_are_recovered_in_spite_of_neighbours():
    points = [(x, y) for x in range(15, 120, 25) for y in range(15, 90, 22)]
    points += [(x + 7, y) for x, y in points[:6]]  # 2.2 A away
    heights = np.where(np.arange(len(points)) % 3, 0.3, 0.8)
    image = drawn(points, heights)
    found, sigma = fitted_amplitudes(image, table(points))
    assert sigma == pytest.approx(2.2, abs=0.1)
    np.testing.assert_allclose(found, heights, atol=0.03)
    alone, _ = fitted_amplitudes(image, table(points), sigma=2.2)
    np.testing.assert_allclose(alone, heights, atol=0.03)


def test_heights_that_cannot_be_told_apart_tend_to_the_mean():
    points = [(x, y) for x in range(15, 120, 25) for y in range(15, 90, 22)]
    heights = np.where(np.arange(len(points)) % 2, 0.3, 0.8).tolist()
    points, heights = [*points, (30.0, 26.0), (30.1, 26.0)], [*heights, 0.3, 0.8]
    image = drawn(points, heights, noise=0.05)
    found, _ = fitted_amplitudes(image, table(points), sigma=2.2)
    pair = found[-2:]
    assert abs(pair[0] - pair[1]) < 0.25  # without the prior, a spread of about 0.8
    assert pair.sum() == pytest.approx(1.1, abs=0.15)
