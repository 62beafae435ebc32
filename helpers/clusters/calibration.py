"""From the scores of a classifier to probabilities that are frequencies, and to a reject option.

Temperature and vector scaling follow Guo et al. 2017: the scores are divided by one number, or each
class gets a factor and an offset of its own. All of it is fitted on validation frames. Intervals
come from drawing whole orientations with replacement: noise copies of one orientation are one look.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from helpers.data import DataError

BINS = 10


@dataclass(frozen=True)
class Scaling:
    """Scores to probabilities: softmax of factor times score plus offset.

    Attributes
    ----------
    factor, offset : numpy.ndarray
        One number per class, (n,). Equal factors without offsets are temperature scaling, the
        temperature being their inverse.
    """

    factor: np.ndarray
    offset: np.ndarray

    def __call__(self, scores):
        """Probabilities (N, n) of scores (N, n)."""
        return softmax(np.asarray(scores, float) * self.factor + self.offset, axis=1)


def fit_scaling(scores, classes, vector=False):
    """
    Fit temperature or vector scaling by maximum likelihood.

    Parameters
    ----------
    scores : array (N, n)
        Logits of validation frames.
    classes : array (N,) of int
        True classes.
    vector : bool
        A factor and an offset for each class instead of one factor for all.

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
    missing = np.setdiff1d(np.arange(n), classes)
    if missing.size:
        raise DataError(f"validation frames: class {missing[0]} of {n} has none; give some.")

    # scores may be of any size, as similarities to an atlas are: fit those of mean 0 and spread 1
    mean = scores.mean()
    spread = max((scores - scores.mean(1, keepdims=True)).std(), 1e-12)
    unit, k = (scores - mean) / spread, np.arange(len(classes))

    def loss(values):
        factor = np.exp(values[:n] if vector else np.repeat(values[0], n))
        p = softmax(unit * factor + (values[n:] if vector else 0), axis=1)
        value = -np.log(np.maximum(p[k, classes], 1e-300)).mean()
        p[k, classes] -= 1
        slope = (p * unit).mean(0) * factor
        return value, np.r_[slope, p.mean(0)] if vector else np.array([slope.sum()])

    found = minimize(loss, np.zeros(2 * n if vector else 1), jac=True, method="L-BFGS-B").x
    factor = np.exp(found[:n] if vector else np.repeat(found[0], n))
    offset = found[n:] if vector else np.zeros(n)
    offset = offset - factor * mean / spread
    return Scaling(factor / spread, offset - offset.mean() if vector else np.zeros(n))


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
