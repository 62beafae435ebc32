"""Isolation criterion: up to which density are (nearly) all atoms alone?

Rossi et al. 2024 speak of isolated atoms below 1 atom nm^-2.  Here: the density at which 5 % of the
atoms have a neighbour within 2.2 Angstrom, from measured or simulated images, or by chance alone.
"""

import numpy as np
from sklearn.isotonic import IsotonicRegression

from helpers.atoms.aggregates import CUTOFF_NM
from helpers.atoms.density import Estimate
from helpers.data import DataError

LIMIT = 0.05


def random_isolation(limit=LIMIT, cutoff_nm=CUTOFF_NM):
    """Density at which a random arrangement has this share in multimers, atoms per nm^2."""
    _check_limit(limit)
    return float(-np.log1p(-limit) / (np.pi * cutoff_nm**2))


def isolation_density(table, rng, limit=LIMIT, runs=999, confidence=0.95):
    """Density at which the share of atoms in multimers reaches a limit.

    Shares of images of about one density are averaged, made to rise with density (isotonic
    regression) and to start at 0 without atoms, and interpolated linearly.  The interval is by
    bootstrap over the images of each density.

    Parameters
    ----------
    table : DataFrame
        One row per image: ``density_nm2`` and ``share_multimers``; ``group`` holds together the
        images of about one density. Rows with a missing value are left out.
    rng : numpy.random.Generator
    limit : float
        Share, between 0 and 1.
    runs : int
        Bootstrap samples.
    confidence : float

    Returns
    -------
    Estimate
        Atoms per nm^2; infinite where the limit is not reached up to the highest density.
    """
    _check_limit(limit)
    missing = {"density_nm2", "share_multimers", "group"} - set(table.columns)
    if missing:
        raise DataError(f"the table of images lacks the columns {', '.join(sorted(missing))}")
    table = table.dropna(subset=["density_nm2", "share_multimers"])
    groups = [g[["density_nm2", "share_multimers"]].to_numpy() for _, g in table.groupby("group")]
    if not groups:
        raise DataError("no image has both a density and a share of atoms in multimers")
    value = _crossing(np.array([g.mean(0) for g in groups]), limit)
    samples = [
        _crossing(np.array([g[rng.integers(len(g), size=len(g))].mean(0) for g in groups]), limit)
        for _ in range(runs)
    ]
    tail = (1 - confidence) / 2
    # no interpolation between quantiles: some samples may be infinite
    low, high = np.quantile(samples, [tail, 1 - tail], method="nearest")
    return Estimate(value, float(low), float(high))


def _check_limit(limit):
    if not 0 < limit < 1:
        raise DataError(f"the limit is {limit}; it is a share of atoms, between 0 and 1")


def _crossing(points, limit):
    density, share = np.array(sorted(points.tolist())).T
    rising = IsotonicRegression().fit_transform(density, share)
    density, share = np.append(0, density), np.append(0, rising)
    above = np.flatnonzero(share >= limit)
    if len(above) == 0:
        return np.inf
    k = above[0]
    part = (limit - share[k - 1]) / (share[k] - share[k - 1])
    return float(density[k - 1] + part * (density[k] - density[k - 1]))
