"""Hidden Markov model of a series: which isomer each frame holds, and how fast isomers change.

The isomer is a continuous-time chain with the generator Q, seen through frames that are a time dt
apart: the transition matrix is exp(Q dt), so that jumps between frames count. Likelihoods go in and
out as logarithms; inside, every frame is scaled so that nothing underflows. The emission is fixed: it comes from the classifier, as class probabilities or as called
classes with a confusion matrix; only the rates are fitted (Baum-Welch on Q).

Algorithms: Rabiner, Proc. IEEE 77, 257 (1989); expected jumps and dwell times of a chain seen at
intervals from one exponential of a block matrix, Hobolth and Jensen, J. Appl. Probab. 48, 911 (2011).
"""

from dataclasses import dataclass

import numba
import numpy as np
from scipy.linalg import expm

from helpers.registry import DataError

LEAST_PROBABILITY = 1e-6  # so that one overconfident frame cannot forbid a path
LOWEST_LOG = -600.0  # of a likelihood against the best one of its frame, above underflow
FEWEST_JUMPS = 0.5  # expected jumps below which a rate has no curvature to give an interval


def log_emission(probabilities, prior):
    """Logarithm of the likelihood of every frame, from the probabilities of a classifier.

    Bayes' rule turned round: likelihood ~ probability / prior. The constant of a frame is free.

    Parameters
    ----------
    probabilities : array (frames, n)
        Class probabilities; a row of NaN is a missing frame and says nothing.
    prior : array (n,)
        Shares of the classes for which the probabilities were calibrated (the training set's).

    Returns
    -------
    array (frames, n)

    Raises
    ------
    DataError
        A row is neither missing nor a distribution.
    """
    probabilities = np.asarray(probabilities, float)
    missing = np.isnan(probabilities).all(axis=1)
    sums = probabilities[~missing].sum(axis=1)
    wrong = ~(np.abs(sums - 1) < 1e-3) | (probabilities[~missing] < 0).any(axis=1)
    if wrong.any():
        frame = np.flatnonzero(~missing)[wrong.argmax()]
        raise DataError(
            f"Frame {frame} has the probabilities {probabilities[frame]}: expected numbers of at"
            " least 0 with sum 1, or NaN throughout for a missing frame."
        )
    log = np.log(probabilities.clip(LEAST_PROBABILITY)) - np.log(prior)
    log[missing] = 0
    return log


def log_emission_of_labels(labels, confusion):
    """Logarithm of the likelihood of every frame, from its called class.

    Parameters
    ----------
    labels : array (frames,) of int
        Called class; -1 is a missing frame.
    confusion : array (n, n)
        Probability of being called column when row is true, or counts of a validation set.

    Returns
    -------
    array (frames, n)
    """
    confusion = confusion / confusion.sum(axis=1, keepdims=True)
    log = np.log(confusion.clip(LEAST_PROBABILITY)).T
    return np.where(labels[:, None] < 0, 0.0, log[labels])


def forward_backward(emission, transition, initial):
    """Probability of every isomer in every frame, given the whole series.

    Parameters
    ----------
    emission : array (frames, n)
        Logarithm of the likelihoods.
    transition : array (n, n)
        Probability of going from row to column in one frame.
    initial : array (n,)
        Probability of every isomer in the first frame.

    Returns
    -------
    posterior : array (frames, n)
        Rows sum to 1.
    pairs : array (n, n)
        Expected number of neighbouring frames that hold row and then column.
    log_likelihood : float
        Of the series.
    """
    return _forward_backward(emission, transition, initial)


def viterbi(emission, transition, initial):
    """Most probable path through the series as a whole, array (frames,) of int.

    Parameters as in `forward_backward`.
    """
    with np.errstate(divide="ignore"):
        return _viterbi(emission, np.log(transition), np.log(initial))


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


def fit_rates(emissions, frame_s, start=None, steps=200, tolerance=1e-3):
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
    before, converged = -np.inf, False
    for _ in range(steps):
        jumps, dwell, log_likelihood = _expect(emissions, rates, frame_s)
        converged = log_likelihood - before < tolerance
        if converged:
            break
        before = log_likelihood
        rates = jumps / np.maximum(dwell, 1e-12)[:, None]
        rates -= np.diag(rates.sum(axis=1))
    return RateFit(
        rates, jumps, dwell, _log_sd(emissions, rates, frame_s, jumps), log_likelihood, converged
    )


def _expect(emissions, rates, frame_s):
    """Expected jumps and dwell times of all series, and the logarithm of their likelihood."""
    n = len(rates)
    transition = expm(rates * frame_s).clip(1e-300)
    initial = np.full(n, 1 / n)
    pairs, log_likelihood = np.zeros((n, n)), 0.0
    for emission in emissions:
        _, some, log = forward_backward(emission, transition, initial)
        pairs += some
        log_likelihood += log
    block = np.zeros((2 * n, 2 * n))
    block[:n, :n] = block[n:, n:] = rates.T * frame_s
    block[:n, n:] = pairs / transition * frame_s
    integral = expm(block)[:n, n:]
    jumps = np.where(np.eye(n, dtype=bool), 0.0, (rates * integral).clip(0))
    return jumps, np.diag(integral).clip(0), log_likelihood


def _log_sd(emissions, rates, frame_s, jumps, step=0.01):
    """Curvature of the likelihood: the score of ln k is jumps - k dwell, differenced."""
    diagonal = np.eye(len(rates), dtype=bool)
    used = np.flatnonzero((jumps >= FEWEST_JUMPS).ravel())

    def score(place, change):
        moved = np.where(diagonal, 0.0, rates)
        moved.flat[place] *= np.exp(change)
        some, dwell, _ = _expect(emissions, moved - np.diag(moved.sum(axis=1)), frame_s)
        return (some - moved * dwell[:, None]).ravel()[used]

    sd = np.full(rates.size, np.nan)
    if used.size:
        here = score(0, 0.0)
        information = -np.array([score(place, step) - here for place in used]) / step
        variance = np.diag(np.linalg.pinv((information + information.T) / 2))
        sd[used] = np.sqrt(np.where(variance > 0, variance, np.nan))
    return sd.reshape(rates.shape)


@numba.njit(cache=True)
def _forward_backward(emission, transition, initial):
    frames, n = emission.shape
    likely, scale = np.empty((frames, n)), np.empty(frames)
    log_likelihood = 0.0
    forward = np.empty((frames, n))
    for t in range(frames):
        top = emission[t].max()
        scale[t] = 0.0
        for j in range(n):
            likely[t, j] = np.exp(max(emission[t, j] - top, LOWEST_LOG))
            reach = initial[j]
            if t:
                reach = 0.0
                for i in range(n):
                    reach += forward[t - 1, i] * transition[i, j]
            forward[t, j] = reach * likely[t, j]
            scale[t] += forward[t, j]
        for j in range(n):
            forward[t, j] /= scale[t]
        log_likelihood += np.log(scale[t]) + top
    pairs, posterior = np.zeros((n, n)), forward.copy()
    backward, before = np.ones(n), np.ones(n)
    for t in range(frames - 2, -1, -1):
        for j in range(n):
            before[j] = backward[j] * likely[t + 1, j] / scale[t + 1]
        for i in range(n):
            total = 0.0
            for j in range(n):
                ahead = transition[i, j] * before[j]
                pairs[i, j] += forward[t, i] * ahead
                total += ahead
            backward[i] = total
            posterior[t, i] *= total
    return posterior, pairs, log_likelihood


@numba.njit(cache=True)
def _viterbi(emission, transition, initial):
    frames, n = emission.shape
    best = initial + emission[0]
    came_from = np.zeros((frames, n), np.int64)
    for t in range(1, frames):
        new = np.empty(n)
        for j in range(n):
            reach = best + transition[:, j]
            came_from[t, j] = reach.argmax()
            new[j] = reach[came_from[t, j]] + emission[t, j]
        best = new
    path = np.empty(frames, np.int64)
    path[-1] = best.argmax()
    for t in range(frames - 1, 0, -1):
        path[t - 1] = came_from[t, path[t]]
    return path
