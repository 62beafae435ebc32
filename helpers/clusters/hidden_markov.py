"""Hidden Markov model of a series: which isomer each frame holds, given all frames.

The isomer of a frame follows a chain; what the classifier says of a frame follows the isomer.
Likelihoods go in and out as logarithms; inside, every frame is scaled so that nothing underflows.
Algorithms: Rabiner, Proc. IEEE 77, 257 (1989).
"""

import numba
import numpy as np

from helpers.registry import DataError

LEAST_PROBABILITY = 1e-6  # so that one overconfident frame cannot forbid a path
LOWEST_LOG = -600.0  # of a likelihood against the best one of its frame, above underflow


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
    likely, top = scaled(emission)
    posterior, pairs, log_likelihood = sums(likely, transition, initial)
    return posterior, pairs, log_likelihood + top


def viterbi(emission, transition, initial):
    """Most probable path through the series as a whole, array (frames,) of int.

    Parameters as in `forward_backward`.
    """
    with np.errstate(divide="ignore"):
        return _viterbi(emission, np.log(transition), np.log(initial))


def scaled(emission):
    """Likelihoods of every frame against its best one, and the sum of the logarithms of those."""
    top = emission.max(axis=1)
    return np.exp(np.maximum(emission - top[:, None], LOWEST_LOG)), top.sum()


@numba.njit(cache=True)
def sums(likely, transition, initial):
    """Posterior, pairs and logarithm of the likelihood as of `forward_backward`, from `scaled`."""
    frames, n = likely.shape
    forward, scale = np.empty((frames, n)), np.empty(frames)
    log_likelihood = 0.0
    for t in range(frames):
        scale[t] = 0.0
        for j in range(n):
            reach = initial[j]
            if t:
                reach = 0.0
                for i in range(n):
                    reach += forward[t - 1, i] * transition[i, j]
            forward[t, j] = reach * likely[t, j]
            scale[t] += forward[t, j]
        for j in range(n):
            forward[t, j] /= scale[t]
        log_likelihood += np.log(scale[t])
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
