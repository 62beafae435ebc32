"""Other ways to the stable state of a scan, to be compared with the autoencoder (their Fig. S1).

Two of them look at the scan alone: asymmetric least squares and a running median. Two learn from
scans without events, as the autoencoder does: principal components and non-negative factors.

Whatever learns takes part of an event for stable, as lines of an event lie near stable ones.
`clipped` (ours) searches again after cutting off what stands out, for any of them.
"""

import warnings

import numpy as np
import pandas as pd
from pybaselines.whittaker import asls
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

from helpers.picocavities.calibrated import step_noise
from helpers.registry import DataError

STIFFNESS, ASYMMETRY, ITERATIONS = 1e4, 0.01, 10  # of the published comparison
MEDIAN_STEPS = 101
COMPONENTS = 8
LIMIT = 2.0


def asymmetric(values, along="wavenumber"):
    """Asymmetric least squares, with the stiffness and asymmetry of the published comparison.

    Along wavenumber each spectrum gets its baseline, which passes under stable lines and transient
    ones alike: only the broad background is found. Along time each bin gets one, and stable lines
    are part of it.

    Parameters
    ----------
    values : array (T, W)
    along : str
        "wavenumber" or "time".

    Returns
    -------
    ndarray, shape (T, W)
    """
    if along not in ("wavenumber", "time"):
        raise DataError(f"along is {along!r}: give 'wavenumber' or 'time'.")
    rows = np.asarray(values, float)
    rows = rows if along == "wavenumber" else rows.T
    found = [asls(row, lam=STIFFNESS, p=ASYMMETRY, max_iter=ITERATIONS, tol=0)[0] for row in rows]
    return np.array(found if along == "wavenumber" else np.transpose(found), np.float32)


def running_median(values, steps=MEDIAN_STEPS):
    """Median over time around each step, bin by bin; over fewer steps at the ends.

    Parameters
    ----------
    values : array (T, W)
    steps : int
        Odd. Events that last half of it or longer become part of the stable state.
    """
    rolling = pd.DataFrame(np.asarray(values)).rolling(steps, center=True, min_periods=1)
    return rolling.median().to_numpy(np.float32)


def principal(spectra, components=COMPONENTS):
    """Learn principal components.

    They go through the origin, so that a spectrum made dimmer stays in their space.

    Parameters
    ----------
    spectra : array (N, W)
        Of scans without events.
    components : int

    Returns
    -------
    callable
        Of values (T, W): their stable state.
    """
    spectra = np.asarray(spectra, np.float32)
    _, vectors = np.linalg.eigh(spectra.T @ spectra)
    space = vectors[:, -components:]
    return lambda values: np.asarray(values, np.float32) @ space @ space.T


def non_negative(spectra, components=COMPONENTS, seed=0):
    """Learn non-negative factors.

    Parameters
    ----------
    spectra : array (N, W)
        Of scans without events; what is below 0 counts as 0.
    components : int
    seed : int

    Returns
    -------
    callable
        As of :func:`principal`.
    """
    model = NMF(components, init="nndsvda", max_iter=200, random_state=seed)

    def quietly(step, values):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # far below the noise by then
            return step(np.clip(np.asarray(values, np.float32), 0, None))

    quietly(model.fit, spectra)
    return lambda values: quietly(model.transform, values) @ model.components_


def clipped(find, values, rounds, limit=LIMIT):
    """Stable state of a scan, found again with what stands out of it cut off.

    Parameters
    ----------
    find : callable
        Of values (T, W): their stable state.
    values : array (T, W)
    rounds : int
        How many times it is found again.
    limit : float
        In noise over the last stable state: what is higher is cut off there.

    Returns
    -------
    ndarray, shape (T, W)
    """
    values = np.asarray(values, np.float32)
    margin = np.float32(limit) * step_noise(values)
    stable = find(values)
    for _ in range(rounds):
        stable = find(np.minimum(values, stable + margin))
    return stable
