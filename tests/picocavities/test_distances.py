"""Distances between spectra against scipy's, and what each of them sees."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from helpers.picocavities.distances import cosine, histogram_distance, wasserstein
from helpers.picocavities.preprocess import GRID
from helpers.registry import DataError


@pytest.fixture(scope="module")
def spectra():
    rng = np.random.default_rng(0)
    return np.where(rng.random((12, 512)) < 0.3, rng.random((12, 512)) ** 6, 0)


def test_wasserstein_is_scipys_for_every_pair(spectra):
    uneven = np.cumsum(np.random.default_rng(1).uniform(0.5, 4, 512))
    for axis in (GRID, uneven):
        found = wasserstein(spectra, axis)
        for i in range(len(spectra)):
            for j in range(len(spectra)):
                right = wasserstein_distance(axis, axis, spectra[i], spectra[j])
                assert found[i, j] == pytest.approx(right, rel=1e-12, abs=1e-12)


def test_histogram_distance_is_what_two_arguments_give_scipy(spectra):
    parts = spectra / spectra.sum(1, keepdims=True)
    found = histogram_distance(spectra)
    for i in range(4):
        assert found[i, 5] == pytest.approx(wasserstein_distance(parts[i], parts[5]), rel=1e-12)


def test_a_moved_line_costs_what_it_was_moved_and_the_histogram_does_not_notice():
    def line(place):
        return np.exp(-(((GRID - place) / 6) ** 2))

    three = np.array([line(GRID[200]), line(GRID[202]), line(GRID[350])])
    found = wasserstein(three)
    assert found[0, 1] == pytest.approx(5.25, rel=1e-6)
    assert found[0, 2] == pytest.approx(393.75, rel=1e-6)
    assert cosine(three)[0, 2] == pytest.approx(1) and cosine(three)[0, 1] < 0.5
    assert np.abs(histogram_distance(three)).max() < 1e-15


def test_distances_do_not_depend_on_brightness_and_are_zero_to_oneself(spectra):
    brighter = spectra * np.random.default_rng(2).uniform(1, 9, (12, 1))
    for measure in (wasserstein, cosine, histogram_distance):
        found = measure(spectra)
        np.testing.assert_allclose(found, measure(brighter), rtol=1e-9, atol=1e-12)
        assert (found == found.T).all() and (np.diag(found) == 0).all()


def test_spectra_that_are_none_are_refused(spectra):
    with pytest.raises(DataError, match="negative"):
        wasserstein(spectra - 0.5)
    with pytest.raises(DataError, match="1 spectra are 0 everywhere"):
        cosine(np.vstack([spectra, np.zeros(512)]))
    with pytest.raises(DataError, match="1 axes"):
        histogram_distance(spectra[0])
    with pytest.raises(DataError, match="511 wavenumbers"):
        wasserstein(spectra, GRID[1:])
    with pytest.raises(DataError, match="does not rise"):
        wasserstein(spectra, GRID[::-1])
