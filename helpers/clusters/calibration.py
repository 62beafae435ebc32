"""From the scores of a classifier to probabilities that are frequencies, and to a reject option.

Scaling follows Guo et al. 2017: scores are multiplied by a factor, or each class gets a factor and
an offset of its own. A network may be too modest about clear frames and too sure of noisy ones, so
that its factor depends on the noise of the frame. All of it is fitted on validation frames.
Intervals come from drawing whole orientations with replacement: noise copies of one orientation are
one look.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from helpers.data import DataError

BINS = 10
LEAST_NOISE = 0.4  # share in a frame; with less (2000 electrons per A^2) hardly any is wrong


@dataclass(frozen=True)
class NoiseScaling:
    """Scores to probabilities: softmax of factor times score over a power of the frame's noise.

    Attributes
    ----------
    factor : float
        Of a frame that is nothing but noise.
    power : float
        0 is temperature scaling, the temperature being the inverse of the factor.
    """

    factor: float
    power: float

    def __call__(self, scores, noise):
        """Probabilities (N, n) of scores (N, n) of frames with a share of noise (N,)."""
        return softmax(self.scaled(scores, noise), axis=1)

    def scaled(self, scores, noise):
        """Scores (N, n) whose softmax are the probabilities."""
        factor = self.factor * np.maximum(noise, LEAST_NOISE) ** -self.power
        return np.asarray(scores, float) * factor[:, None]


@dataclass(frozen=True)
class Scaling:
    """Scores to probabilities: softmax of factor times score plus offset.

    Attributes
    ----------
    factor, offset : numpy.ndarray
        One number per class, (n,).
    """

    factor: np.ndarray
    offset: np.ndarray

    def __call__(self, scores):
        """Probabilities (N, n) of scores (N, n)."""
        return softmax(np.asarray(scores, float) * self.factor + self.offset, axis=1)


def fit_noise_scaling(scores, noise, classes):
    """
    Fit factor and power by maximum likelihood.

    Parameters
    ----------
    scores : array (N, n)
        Logits of validation frames.
    noise : array (N,)
        Share of noise in each (`helpers.clusters.outline.noise_share`); if all have the same, the
        power is 0.
    classes : array (N,) of int
        True classes.

    Returns
    -------
    NoiseScaling

    Raises
    ------
    DataError
        If a class has no frame: its probability could be anything.
    """
    scores, classes = np.asarray(scores, float), np.asarray(classes)
    _need_all(classes, scores.shape[1])
    spread = max((scores - scores.mean(1, keepdims=True)).std(), 1e-12)
    clarity = -np.log(np.maximum(noise, LEAST_NOISE))
    k = np.arange(len(classes))

    def loss(values):
        unit = scores * (np.exp(values[0] + values[1] * clarity) / spread)[:, None]
        p = softmax(unit, axis=1)
        p[k, classes] -= 1
        slope = (p * unit).sum(1)
        return log_loss(unit, classes), np.array([slope.mean(), (slope * clarity).mean()])

    found = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B").x
    return NoiseScaling(float(np.exp(found[0]) / spread), float(found[1]))


def fit_scaling(scores, classes):
    """
    Fit a factor and an offset for each class by maximum likelihood.

    Parameters
    ----------
    scores : array (N, n)
        Of validation frames.
    classes : array (N,) of int
        True classes.

    Returns
    -------
    Scaling

    Raises
    ------
    DataError
        If a class has no frame: its probability could be anything.
    """
    scores, classes = np.asarray(scores, float), np.asarray(classes)
    n = scores.shape[1]
    _need_all(classes, n)

    # scores may be of any size, as similarities to an atlas are: fit those of mean 0 and spread 1
    mean = scores.mean()
    spread = max((scores - scores.mean(1, keepdims=True)).std(), 1e-12)
    unit, k = (scores - mean) / spread, np.arange(len(classes))

    def loss(values):
        factor = np.exp(values[:n])
        p = softmax(unit * factor + values[n:], axis=1)
        value = -np.log(np.maximum(p[k, classes], 1e-300)).mean()
        p[k, classes] -= 1
        return value, np.r_[(p * unit).mean(0) * factor, p.mean(0)]

    found = minimize(loss, np.zeros(2 * n), jac=True, method="L-BFGS-B").x
    factor = np.exp(found[:n])
    offset = found[n:] - factor * mean / spread
    return Scaling(factor / spread, offset - offset.mean())


def _need_all(classes, n):
    missing = np.setdiff1d(np.arange(n), classes)
    if missing.size:
        raise DataError(f"validation frames: class {missing[0]} of {n} has none; give some.")


def log_loss(scores, classes):
    """Mean negative log-likelihood of the true classes, in nats."""
    return -log_softmax(scores, axis=1)[np.arange(len(classes)), classes].mean()


def reliability(probabilities, classes, bins=BINS):
    """
    Compare the probability of the named class with how often it is right.

    Parameters
    ----------
    probabilities : array (N, n)
    classes : array (N,) of int
    bins : int
        Bins of equal counts: bins of equal width would be nearly empty at low probabilities.

    Returns
    -------
    DataFrame
        ``confidence`` (mean probability of the named class), ``correct`` (share), ``frames``.
    """
    probabilities = np.asarray(probabilities)
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == np.asarray(classes)
    order = np.argsort(confidence, kind="stable")
    rows = [
        (confidence[part].mean(), right[part].mean(), len(part))
        for part in np.array_split(order, min(bins, len(order)))
    ]
    return pd.DataFrame(rows, columns=["confidence", "correct", "frames"])


def calibration_error(probabilities, classes, bins=BINS):
    """Expected calibration error: mean of |share correct - confidence| over the frames' bins."""
    table = reliability(probabilities, classes, bins)
    return np.average((table["correct"] - table["confidence"]).abs(), weights=table["frames"])


def chance_error(probabilities, rng, bins=BINS, draws=200):
    """
    Calibration error that perfectly calibrated probabilities would show on as many frames.

    The expected calibration error is never negative, so that finite samples have some: classes are
    drawn from the probabilities themselves.

    Returns
    -------
    numpy.ndarray
        One value per draw.
    """
    probabilities = np.asarray(probabilities)
    edges = probabilities.cumsum(1)
    found = np.empty(draws)
    for k in range(draws):
        drawn = (rng.random(len(edges))[:, None] > edges).sum(1).clip(max=edges.shape[1] - 1)
        found[k] = calibration_error(probabilities, drawn, bins)
    return found


def risk_coverage(probabilities, classes):
    """
    What is gained by refusing the least certain frames.

    Parameters
    ----------
    probabilities : array (N, n)
    classes : array (N,) of int

    Returns
    -------
    DataFrame
        One row per frame, the most certain first: ``threshold`` (its probability), ``coverage``
        (share of frames at least as certain) and ``risk`` (share of those that are wrong).
    """
    probabilities = np.asarray(probabilities)
    confidence = probabilities.max(1)
    wrong = probabilities.argmax(1) != np.asarray(classes)
    order = np.argsort(-confidence, kind="stable")
    count = np.arange(1, len(order) + 1)
    return pd.DataFrame(
        {
            "threshold": confidence[order],
            "coverage": count / len(order),
            "risk": wrong[order].cumsum() / count,
        }
    )


def choose_threshold(probabilities, classes, risk=0.05):
    """
    Least probability at which a frame is accepted: the most coverage with at most `risk`.

    Parameters
    ----------
    probabilities : array (N, n)
        Of validation frames.
    classes : array (N,) of int
    risk : float
        Share of accepted frames that may be wrong.

    Returns
    -------
    float

    Raises
    ------
    DataError
        If even the most certain frames are wrong more often.
    """
    curve = risk_coverage(probabilities, classes)
    # of equally certain frames all or none are accepted
    curve = curve.drop_duplicates("threshold", keep="last")
    good = curve[curve["risk"] <= risk]
    if good.empty:
        raise DataError(
            f"validation frames: the least risk is {curve['risk'].min():.3f}, expected at most"
            f" {risk}; allow more or train longer."
        )
    return float(good["threshold"].iloc[-1])


def grouped_interval(statistic, groups, rng, draws=300, level=0.95):
    """
    Interval of a statistic by drawing whole groups with replacement.

    Parameters
    ----------
    statistic : callable
        Takes an array of indices of frames, returns a number.
    groups : array (N,)
        What each frame belongs to: its orientation.
    rng : numpy.random.Generator
    draws : int
    level : float

    Returns
    -------
    tuple of float
        Lower and upper bound.
    """
    _, which = np.unique(groups, return_inverse=True)
    order = np.argsort(which, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(which))[:-1])

    def drawn():
        some = rng.integers(len(members), size=len(members))
        return statistic(np.concatenate([members[k] for k in some]))

    values = [drawn() for _ in range(draws)]
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
