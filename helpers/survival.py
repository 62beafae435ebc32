"""When things happen: survival curves, rates, and how rates depend on a quantity.

Some were not seen to happen before the watching ended. They are censored, not missing: to drop
them makes everything look faster than it is.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from helpers.registry import DataError


@dataclass(frozen=True)
class Estimate:
    """A value with the limits of its interval."""

    value: float
    low: float
    high: float


def kaplan_meier(times, seen, level=0.95):
    """Share of things that have not happened yet, over time (Kaplan and Meier 1958).

    Parameters
    ----------
    times : array (N,)
        When it happened, or when watching ended.
    seen : array (N,) of bool
        Whether it was seen to happen.
    level : float
        Of the interval, by the transformed variance that keeps it between 0 and 1; NaN where
        nothing or everything has happened.

    Returns
    -------
    pandas.DataFrame
        ``time``, ``survival``, ``low``, ``high``: a step function from (0, 1) that falls at each
        time at which something was seen.

    Raises
    ------
    DataError
        No or negative times.
    """
    times, seen = np.asarray(times, float), np.asarray(seen, bool)
    _check(times)
    if not seen.any():
        return pd.DataFrame({"time": [0.0], "survival": [1.0], "low": [np.nan], "high": [np.nan]})
    censored = stats.CensoredData.right_censored(times, ~seen)
    curve = stats.ecdf(censored).sf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of the NaN that the docstring tells of
        bounds = curve.confidence_interval(level, method="log-log")
    falls = np.isin(curve.quantiles, times[seen])
    return pd.DataFrame(
        {
            "time": np.append(0, curve.quantiles[falls]),
            "survival": np.append(1, curve.probabilities[falls]),
            "low": np.append(np.nan, bounds.low.probabilities[falls]),
            "high": np.append(np.nan, bounds.high.probabilities[falls]),
        }
    )


def median_time(curve):
    """Time by which half has happened, of :func:`kaplan_meier`; infinite if it did not come."""
    below = curve["survival"].to_numpy() <= 0.5
    return float(curve["time"].iloc[below.argmax()]) if below.any() else np.inf


def rate(count, exposure, level=0.95):
    """Rate of things that happen at random, in time or in space, with an exact interval.

    It is the maximum of the likelihood of exponential times as well, censored ones included: their
    sum is the exposure.

    Parameters
    ----------
    count : int
    exposure : float
        Total time watched until it happened, or until watching ended; or area.
    level : float

    Returns
    -------
    Estimate
        Interval of Garwood (1936).

    Raises
    ------
    DataError
        The exposure is not positive.
    """
    if not exposure > 0:
        raise DataError(f"Nothing was watched: the exposure is {exposure}.")
    tail = (1 - level) / 2
    low = stats.chi2.ppf(tail, 2 * count) / 2 if count else 0.0
    return Estimate(
        count / exposure, low / exposure, stats.chi2.isf(tail, 2 * count + 2) / 2 / exposure
    )


def mean_time(times, seen, level=0.95):
    """Mean of exponential times, some censored: one over their rate.

    Parameters
    ----------
    times, seen, level
        As in :func:`kaplan_meier`.

    Returns
    -------
    Estimate
        Infinite, with a lower bound, where nothing was seen.
    """
    times, seen = np.asarray(times, float), np.asarray(seen, bool)
    _check(times)
    found = rate(int(seen.sum()), times.sum(), level)
    with np.errstate(divide="ignore"):
        value, high, low = 1 / np.array([found.value, found.low, found.high])
    return Estimate(float(value), float(low), float(high))


def log_linear_rates(design, counts, exposure):
    """Fit the logarithm of a rate by a line: counts are Poisson with the mean rate x exposure.

    Rows without a single count tell as well.

    Parameters
    ----------
    design : array (N, P)
        What the logarithm depends on, a column of 1 included.
    counts, exposure : array (N,)
        Of each row; the exposure is positive.

    Returns
    -------
    tuple
        Coefficients (P,) and their covariance (P, P).
    """
    x, n, time = (np.asarray(part, float) for part in (design, counts, exposure))
    few = np.maximum(n, 0.1)
    root = np.sqrt(few)
    beta = np.linalg.lstsq(x * root[:, None], np.log(few / time) * root, rcond=None)[0]
    for _ in range(100):
        mean = time * np.exp(x @ beta)
        information = x.T @ (mean[:, None] * x)
        step = np.linalg.solve(information, x.T @ (n - mean))
        step /= max(1, np.abs(x @ step).max())  # no rate changes by more than a factor e at once
        beta = beta + step
        if np.abs(x @ step).max() < 1e-9:
            break
    return beta, np.linalg.inv(information)


def _check(times):
    if not len(times):
        raise DataError("There are no times: nothing was watched.")
    if not (times >= 0).all():
        raise DataError("Times have to be numbers from 0 on.")
