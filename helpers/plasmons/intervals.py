"""How far a predicted spectrum may be off: intervals from an ensemble, set on a film of its own.

Networks that differ in their seed disagree where they had little to learn from; their spread says
where errors are large, not how large. Split conformal prediction [Vovk, Gammerman and Shafer 2005;
Lei et al., JASA 113, 1094 (2018)] sets the scale: the error over the spread, on pairs that were
not trained on, has a quantile, and the interval is that many spreads wide. It covers as promised if
new windows are like those it was set on; windows of one film are not independent, and films differ,
so coverage has to be measured.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from helpers.data import DataError
from helpers.plasmons.learn import predict

LEVELS = (0.68, 0.95)


@dataclass(frozen=True)
class Scaling:
    """What makes intervals of ensembles.

    Attributes
    ----------
    levels : tuple of float
    factors : numpy.ndarray (levels, E)
        Half-widths in units of the spread plus the floor.
    floor : numpy.ndarray (E,)
        Added to the spread, so that agreement by chance is not certainty.
    share : float
        1, or 0 for intervals that do not look at the spread.
    """

    levels: tuple
    factors: np.ndarray
    floor: np.ndarray
    share: float = 1.0

    def interval(self, mean, spread, level):
        """Lower and upper end (N, E) of the intervals of a level."""
        if level not in self.levels:
            raise ValueError(f"level must be one of {self.levels}, got {level}")
        half = self.factors[self.levels.index(level)] * (self.share * spread + self.floor)
        return mean - half, mean + half


def ensemble(networks, inputs):
    """Mean and standard deviation over networks of what they predict.

    Parameters
    ----------
    networks : sequence of Im2Spec or Spec2Im
        At least two.
    inputs : array (N, ...)

    Returns
    -------
    mean, spread : numpy.ndarray (N, ...)
    """
    if len(networks) < 2:
        raise DataError("An ensemble needs at least two networks, got one.")
    each = np.stack([predict(network, inputs) for network in networks])
    return each.mean(0), each.std(0, ddof=1)


def fit_scaling(mean, spread, true, levels=LEVELS, constant=False):
    """Set the scale of intervals, energy by energy.

    Parameters
    ----------
    mean, spread : array (N, E)
        Of an ensemble, for pairs that none of its networks was trained on.
    true : array (N, E)
        What the intervals are to hold.
    levels : sequence of float
        Shares to hold.
    constant : bool
        Forget the spread: equally wide intervals for all windows, to compare with.

    Returns
    -------
    Scaling

    Raises
    ------
    DataError
        Shapes differ, or there are too few pairs for the highest level.
    """
    mean, spread, true = (np.asarray(part, float) for part in (mean, spread, true))
    if not mean.shape == spread.shape == true.shape:
        raise DataError(
            f"Mean, spread and truth have shapes {mean.shape}, {spread.shape} and {true.shape}:"
            " they must be equal."
        )
    if len(mean) * (1 - max(levels)) < 1:
        raise DataError(
            f"{len(mean)} pairs cannot set an interval of {max(levels):.0%}: at least"
            f" {int(np.ceil(1 / (1 - max(levels))))} are needed."
        )
    share, floor = float(not constant), np.maximum(np.median(spread, 0), 1e-12)
    score = np.sort(np.abs(true - mean) / (share * spread + floor), 0)
    # the share of n + 1, as the new pair counts too
    ranks = [min(int(np.ceil(level * (len(mean) + 1))), len(mean)) - 1 for level in levels]
    return Scaling(tuple(levels), score[ranks], floor, share)


def gaussian(mean, spread, level):
    """Ends of the interval that takes the spread for a standard deviation."""
    half = norm.ppf((1 + level) / 2) * spread
    return mean - half, mean + half


def covered(ends, true):
    """Whether intervals hold what is true (N, E)."""
    low, high = ends
    return (true >= low) & (true <= high)
