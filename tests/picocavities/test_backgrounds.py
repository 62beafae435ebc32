"""Other ways to the stable state, on scans made by hand."""

import numpy as np
import pytest

from helpers.picocavities import backgrounds
from helpers.registry import DataError


@pytest.fixture(scope="module")
def stable():
    """Two shapes in changing parts, without noise."""
    x = np.arange(60)
    shapes = np.array([np.exp(-(((x - 20) / 4) ** 2)), 0.5 + 0.005 * x])
    parts = np.random.default_rng(0).uniform(0.5, 1, (80, 2))
    return (parts @ shapes).astype(np.float32)


@pytest.mark.parametrize("learn", [backgrounds.principal, backgrounds.non_negative])
def test_what_is_learned_is_found_again_also_when_dimmer(stable, learn):
    find = learn(stable, 2)
    np.testing.assert_allclose(find(stable[:5]), stable[:5], atol=0.01)
    np.testing.assert_allclose(find(0.3 * stable[:5]), 0.3 * stable[:5], atol=0.01)


@pytest.mark.parametrize("learn", [backgrounds.principal, backgrounds.non_negative])
def test_a_transient_line_is_left_over(stable, learn):
    values = stable[:10].copy()
    values[4, 45:48] += 0.5
    left = values - learn(stable, 2)(values)
    assert left[4, 45:48].min() > 0.3


def test_running_median_passes_under_short_events():
    values = np.full((50, 6), 0.4, np.float32)
    values[20:25, 3] = 2.0
    np.testing.assert_array_equal(
        backgrounds.running_median(values, 11), np.full((50, 6), 0.4, np.float32)
    )
    values[:, 5] = np.linspace(0, 1, 50)
    np.testing.assert_allclose(backgrounds.running_median(values, 11)[5:-5, 5], values[5:-5, 5])


def test_least_squares_along_wavenumber_leave_stable_lines_and_along_time_do_not():
    x = np.arange(300)
    spectrum = 0.3 + 0.5 * np.exp(-(((x - 150) / 3) ** 2))
    values = np.tile(spectrum, (60, 1))
    values[30:33, 60] += 0.4
    over = values - backgrounds.asymmetric(values)
    assert over[10, 150] > 0.4 and over[31, 60] > 0.3
    over = values - backgrounds.asymmetric(values, "time")
    assert abs(over[10, 150]) < 0.01 and over[31, 60] > 0.3
    with pytest.raises(DataError, match="along is 'x'"):
        backgrounds.asymmetric(values, "x")


def test_clipping_keeps_events_out_of_the_stable_state(stable):
    rng = np.random.default_rng(1)
    still = np.repeat(stable[:1], len(stable), axis=0)  # noise is what changes step by step
    values = still + rng.normal(0, 0.01, stable.shape).astype(np.float32)
    values[40:50, 18:21] += 0.5  # on the stable line
    find = backgrounds.principal(stable, 2)
    plain, cut = find(values), backgrounds.clipped(find, values, 20)
    rows = slice(40, 50)
    assert abs(cut[rows] - still[rows]).max() < 0.3 * abs(plain[rows] - still[rows]).max()
    assert abs(cut[:40] - still[:40]).mean() < 0.005
    np.testing.assert_array_equal(backgrounds.clipped(find, values, 0), plain)
