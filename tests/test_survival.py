"""Survival curves, rates and their dependence, against closed forms and coverage."""

import numpy as np
import pytest
from scipy import stats

from helpers import survival
from helpers.registry import DataError


def test_kaplan_meier_of_a_textbook_case():
    # 5 things, two censored (at 2 and 4): S = 4/5, then 2/3 of it, then 0
    curve = survival.kaplan_meier([1, 2, 3, 4, 5], [True, False, True, False, True])
    assert curve["time"].tolist() == [0, 1, 3, 5]
    np.testing.assert_allclose(curve["survival"], [1, 0.8, 0.8 * 2 / 3, 0], atol=1e-12)
    inside = curve.iloc[1:3]
    assert (inside["low"] < inside["survival"]).all() and (inside["high"] < 1).all()
    assert survival.median_time(curve) == 5


def test_nothing_seen_keeps_everything_alive():
    curve = survival.kaplan_meier([1, 2], [False, False])
    assert curve["survival"].tolist() == [1] and survival.median_time(curve) == np.inf
    found = survival.mean_time([1, 2], [False, False])
    assert found.value == np.inf and found.low == pytest.approx(3 / -np.log(0.025))


def test_censored_times_give_the_true_mean_and_dropped_ones_do_not():
    rng = np.random.default_rng(0)
    inside, dropped = [], []
    for _ in range(400):
        times = rng.exponential(100, 30)
        seen = times < 50
        found = survival.mean_time(np.minimum(times, 50), seen)
        inside.append(found.low < 100 < found.high)
        dropped.append(times[seen].mean())
    assert np.mean(inside) == pytest.approx(0.95, abs=0.035)
    # mean of an exponential time that is known to be below 50
    assert np.mean(dropped) == pytest.approx(100 - 50 / (np.exp(0.5) - 1), rel=0.05)


def test_interval_of_a_rate_is_the_exact_one():
    found = survival.rate(3, 2.0)
    assert found.value == 1.5
    assert stats.poisson.sf(2, found.low * 2) == pytest.approx(0.025)
    assert stats.poisson.cdf(3, found.high * 2) == pytest.approx(0.025)
    assert survival.rate(0, 1.0).low == 0
    with pytest.raises(DataError, match="exposure is 0"):
        survival.rate(1, 0)


def test_exponent_of_a_rate_is_recovered_with_its_scatter():
    rng = np.random.default_rng(2)
    powers, exposure = np.array([50.0, 100, 200]), np.array([400.0, 300, 200])
    design = np.stack([np.log(powers / 100), np.ones(3)], 1)
    expected = 0.1 * (powers / 100) ** 0.7 * exposure
    fits = [survival.log_linear_rates(design, rng.poisson(expected), exposure) for _ in range(300)]
    found = np.array([beta for beta, _ in fits])
    assert found[:, 0].mean() == pytest.approx(0.7, abs=0.04)
    assert np.exp(found[:, 1]).mean() == pytest.approx(0.1, rel=0.04)
    assert found[:, 0].std() == pytest.approx(np.sqrt(fits[0][1][0, 0]), rel=0.2)


def test_times_that_are_none_are_refused():
    with pytest.raises(DataError, match="no times"):
        survival.kaplan_meier([], [])
    with pytest.raises(DataError, match="from 0 on"):
        survival.mean_time([1, np.nan], [True, True])
