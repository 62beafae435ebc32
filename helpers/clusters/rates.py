"""Rates of the changes between isomers, fitted to series of frames (Baum-Welch).

The isomer is a continuous-time chain with the generator Q, seen in frames that are a time dt apart:
the transition matrix is exp(Q dt), so that jumps between frames count, and missing frames are only
longer gaps. The emission is fixed, it comes from the classifier; Q alone is fitted.

Expected jumps and dwell times of a chain that is seen at intervals come from one exponential of a
block matrix (Hobolth and Jensen, J. Appl. Probab. 48, 911 (2011)).
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import expm

from helpers.clusters.hidden_markov import scaled, sums

FEWEST_JUMPS = 0.5  # expected jumps below which a rate has no curvature to give an interval


@dataclass(frozen=True)
class RateFit:
    """Rates of one set of series.

    Attributes
    ----------
    rates : array (n, n)
        Generator in 1/s.
    jumps : array (n, n)
        Expected number of jumps from row to column.
    dwell_s : array (n,)
        Expected time spent in every isomer.
    log_sd : array (n, n)
        Standard deviation of the logarithm of every rate, from the curvature of the likelihood;
        NaN where fewer than `FEWEST_JUMPS` jumps are expected.
    log_likelihood : float
        At the end.
    converged : bool
        The likelihood had stopped rising.
    """

    rates: np.ndarray
    jumps: np.ndarray
    dwell_s: np.ndarray
    log_sd: np.ndarray
    log_likelihood: float
    converged: bool


def fit_rates(emissions, frame_s, start=None, steps=200, tolerance=1e-2):
    """Fit the rates to series of frames; the emission stays as it is.

    Parameters
    ----------
    emissions : list of array (frames, n)
        Logarithm of the likelihoods, one array per series; all begin from any isomer alike.
    frame_s : float
        Time from frame to frame.
    start : array (n, n), optional
        Generator to begin with; one change in 20 frames if not given.
    steps : int
        Steps of the fit at most.
    tolerance : float
        Gain of the logarithm of the likelihood below which the fit ends.

    Returns
    -------
    RateFit
    """
    n = emissions[0].shape[1]
    rates = start
    if rates is None:
        rates = np.full((n, n), 1 / (20 * frame_s * (n - 1)))
        np.fill_diagonal(rates, 0)
        rates -= np.diag(rates.sum(axis=1))
    frames = [scaled(emission) for emission in emissions]
    before, converged = -np.inf, False
    for _ in range(steps):
        jumps, dwell, log_likelihood = _expect(frames, rates, frame_s)
        converged = log_likelihood - before < tolerance
        if converged:
            break
        before = log_likelihood
        rates = jumps / np.maximum(dwell, 1e-12)[:, None]
        rates -= np.diag(rates.sum(axis=1))
    return RateFit(
        rates, jumps, dwell, _log_sd(frames, rates, frame_s, jumps), log_likelihood, converged
    )


def count_jumps(path, frame_s, n=4):
    """Jumps and dwell times as a path of labels shows them: one jump per change, none hidden.

    Parameters
    ----------
    path : array (frames,) of int
        Labels without gaps.
    frame_s : float
        Time of one frame.
    n : int
        Number of isomers.

    Returns
    -------
    jumps : array (n, n)
        From row to column.
    dwell_s : array (n,)
        Time with every label.
    """
    jumps = np.bincount(path[:-1] * n + path[1:], minlength=n * n).reshape(n, n).astype(float)
    np.fill_diagonal(jumps, 0)
    return jumps, np.bincount(path, minlength=n) * frame_s


def _expect(frames, rates, frame_s):
    """Expected jumps and dwell times of all series, and the logarithm of their likelihood."""
    n = len(rates)
    transition = expm(rates * frame_s).clip(1e-300)
    initial = np.full(n, 1 / n)
    pairs, log_likelihood = np.zeros((n, n)), 0.0
    for likely, top in frames:
        _, some, log = sums(likely, transition, initial)
        pairs += some
        log_likelihood += log + top
    block = np.zeros((2 * n, 2 * n))
    block[:n, :n] = block[n:, n:] = rates.T * frame_s
    block[:n, n:] = pairs / transition * frame_s
    integral = expm(block)[:n, n:]
    jumps = np.where(np.eye(n, dtype=bool), 0.0, (rates * integral).clip(0))
    return jumps, np.diag(integral).clip(0), log_likelihood


def _log_sd(frames, rates, frame_s, jumps, step=0.01):
    """Curvature of the likelihood: the score of ln k is jumps - k dwell, differenced."""
    diagonal = np.eye(len(rates), dtype=bool)
    used = np.flatnonzero((jumps >= FEWEST_JUMPS).ravel())

    def score(place, change):
        moved = np.where(diagonal, 0.0, rates)
        moved.flat[place] *= np.exp(change)
        some, dwell, _ = _expect(frames, moved - np.diag(moved.sum(axis=1)), frame_s)
        return (some - moved * dwell[:, None]).ravel()[used]

    sd = np.full(rates.size, np.nan)
    if used.size:
        here = score(0, 0.0)
        information = -np.array([score(place, step) - here for place in used]) / step
        variance = np.diag(np.linalg.pinv((information + information.T) / 2))
        sd[used] = np.sqrt(np.where(variance > 0, variance, np.nan))
    return sd.reshape(rates.shape)
