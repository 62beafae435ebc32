"""How different the spectra of two events are: three distances over all pairs.

The Wasserstein distance is the least work that turns one spectrum into another, light times the
wavenumbers that it is moved over. A line that wandered by 5 cm^-1 costs little, a line that is
elsewhere much; to the cosine both are just lines that do not overlap. In one dimension the work is
the area between the two cumulative distributions, so that all pairs are one subtraction of rows.

The code published with Poppe et al. 2023 gives the two spectra to a Wasserstein routine as samples.
That compares how often which intensity occurs and does not know at which wavenumber:
:func:`histogram_distance`, kept to show what it changes.
"""

import numpy as np
from scipy.spatial.distance import pdist, squareform

from helpers.picocavities.preprocess import GRID
from helpers.registry import DataError


def shares(spectra):
    """Spectra as distributions of light: not negative, each with the sum 1.

    Parameters
    ----------
    spectra : array (N, W)

    Returns
    -------
    ndarray, shape (N, W)

    Raises
    ------
    DataError
        A value is missing or negative, or a spectrum is dark.
    """
    spectra = np.asarray(spectra, float)
    if spectra.ndim != 2:
        raise DataError(f"Spectra are a table (events, wavenumbers), this has {spectra.ndim} axes.")
    if not (spectra >= 0).all():
        raise DataError("Spectra of events hold missing or negative values: cut them off at 0.")
    sums = spectra.sum(1, keepdims=True)
    if not sums.all():
        raise DataError(f"{(sums == 0).sum()} spectra are 0 everywhere: leave those events out.")
    return spectra / sums


def wasserstein(spectra, wavenumbers=GRID):
    """Wasserstein distance along wavenumber between all pairs of spectra, exact.

    Parameters
    ----------
    spectra : array (N, W)
        Not negative; only their shapes count.
    wavenumbers : array (W,)
        Common axis in cm^-1, ascending.

    Returns
    -------
    ndarray, shape (N, N)
        In cm^-1, symmetric, 0 on the diagonal.

    Raises
    ------
    DataError
        As in :func:`shares`, or the axis does not fit or does not rise.
    """
    parts = shares(spectra)
    steps = np.diff(np.asarray(wavenumbers, float))
    if len(steps) + 1 != parts.shape[1] or not (steps > 0).all():
        raise DataError(
            f"The axis has {len(steps) + 1} wavenumbers for spectra of {parts.shape[1]} bins, or"
            " does not rise: give the axis of the spectra."
        )
    # Work is additive along the axis: |difference of the shares below| x width of the bin.
    return squareform(pdist(np.cumsum(parts, 1)[:, :-1] * steps, "cityblock"))


def cosine(spectra):
    """One minus the cosine of the angle between all pairs of spectra, (N, N), from 0 to 1."""
    return squareform(pdist(shares(spectra), "cosine"))


def histogram_distance(spectra):
    """What the published code computes: distance between histograms of intensities, (N, N).

    The spectra are taken for samples of intensities, so that any order of the bins gives the same.
    The distance between samples of equal size is the mean difference of the sorted values.
    """
    ordered = np.sort(shares(spectra), 1)
    return squareform(pdist(ordered, "cityblock")) / ordered.shape[1]


DISTANCES = {"wasserstein": wasserstein, "cosine": cosine, "histogram": histogram_distance}
