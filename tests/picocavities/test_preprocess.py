"""Preprocessing as published."""

import numpy as np
import pytest
import xarray as xr
from scipy.interpolate import interp1d

from helpers.picocavities.preprocess import BINS, GRID, preprocess
from helpers.registry import DataError

AXIS = np.linspace(200, 1700, 640) + 8 * np.sin(np.linspace(0, 3, 640))


def scan(values=None, axis=AXIS):
    if values is None:
        rng = np.random.default_rng(0)
        values = 300 + 50 * np.exp(-(((axis - 1080) / 60) ** 2)) + rng.poisson(9, (6, len(axis)))
    return xr.DataArray(values, dims=("time", "wavenumber"), coords={"wavenumber": axis})


def test_grid_is_the_published_one():
    assert BINS == 512 and GRID[0] == 268 and GRID[1] - GRID[0] == 2.625
    assert GRID[-1] < 1611 <= GRID[-1] + 2.625


def test_each_spectrum_is_the_cubic_spline_scaled_over_the_whole_scan():
    raw = scan()
    expected = interp1d(AXIS, raw.values - 300, kind="cubic", axis=1)(GRID)
    lowest, highest = expected.min(), expected.max()
    done = preprocess(raw)
    np.testing.assert_allclose(done.values, (expected - lowest) / (highest - lowest), atol=2e-5)
    assert done.values.min() == 0 and done.values.max() == 1
    assert (done.values.max(1) < 1).sum() == 5  # one scale, not one per spectrum
    back = done.values * done.attrs["counts_per_unit"] + done.attrs["lowest_counts"]
    np.testing.assert_allclose(back, expected, atol=0.01)


def test_a_falling_axis_gives_the_same():
    raw = scan()
    np.testing.assert_allclose(preprocess(raw[:, ::-1]).values, preprocess(raw).values, atol=1e-6)


def test_bins_that_were_not_recorded_are_zero_counts():
    axis = np.linspace(300, 1700, 500)
    done = preprocess(scan(400 + np.random.default_rng(0).poisson(9, (5, 500)), axis))
    empty = done.values[:, GRID < 300]
    assert (empty == empty[0, 0]).all()
    assert empty[0, 0] * done.attrs["counts_per_unit"] + done.attrs["lowest_counts"] == 0


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda s: s.T, "dims"),
        (lambda s: s[:1], "single spectrum"),
        (lambda s: s.drop_vars("wavenumber"), "no wavenumber axis"),
        (lambda s: s.where(s.wavenumber != AXIS[3]), "6 values of the scan are missing"),
        (lambda s: s.assign_coords(wavenumber=np.full(640, 5.0)), "neither rises nor falls"),
        (lambda s: s.assign_coords(wavenumber=AXIS + 1000), "are compared"),
        (lambda s: s * 0, "the same"),
    ],
)
def test_what_is_not_a_scan_is_refused_in_one_sentence(spoil, says):
    with pytest.raises(DataError, match=says):
        preprocess(spoil(scan()))
