"""Distances to the nearest neighbour: their distribution, edge correction and Rayleigh fit.

Mitchell et al. 2022 (Materials and Methods, Statistical Analysis) fit the distances by a Rayleigh
density (Eq. 4) and compare their mean with that of a random arrangement of equal density (Eq. 5).
Added to the paper's: a correction for the edge of the field.

Positions are arrays of shape (N, 2), columns x and y, in nm; pixel (row i, column j) has its centre
at x = j * pixel_size_nm, y = i * pixel_size_nm.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import distance_transform_edt, map_coordinates
from scipy.spatial import cKDTree

from helpers import survival
from helpers.data import DataError


@dataclass(frozen=True)
class RayleighFit:
    """Random arrangement that fits nearest-neighbour distances best.

    Attributes
    ----------
    density_nm2 : float
        Density rho of Eq. 4.
    mean_nm : float
        Mean distance of the fitted distribution, ``1 / (2 sqrt(rho))``; the paper's r_Measured.
    n : int
        Distances that were seen whole.
    """

    density_nm2: float
    mean_nm: float
    n: int

    def pdf(self, distance_nm):
        """Probability density of Eq. 4, per nm."""
        rho, r = self.density_nm2, np.asarray(distance_nm, float)
        return 2 * np.pi * rho * r * np.exp(-np.pi * rho * r**2)


def nearest_neighbours(positions):
    """Distance from every atom to its nearest neighbour, shape (N,), nm.

    Raises
    ------
    helpers.data.DataError
        With fewer than two atoms.
    """
    positions = np.asarray(positions, float)
    if len(positions) < 2:
        raise DataError(
            f"{len(positions)} atom(s) have no nearest-neighbour distance; at least 2 are needed"
        )
    return cKDTree(positions).query(positions, k=2)[0][:, 1]


def border_distance(positions, mask, pixel_size_nm):
    """Distance from every atom to the end of the mask or of the frame, shape (N,), nm.

    A nearest neighbour farther than this may have been beaten by an atom nobody could see.  The
    outline of the specimen counts like the edge of the frame: Eq. 5 speaks of an endless plane, and
    the plane ends there, whether or not an atom could have been beyond.
    """
    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] - 0.5
    columns, rows = np.asarray(positions, float).T / pixel_size_nm
    return np.maximum(map_coordinates(depth, [rows, columns], order=1), 0) * pixel_size_nm


def kaplan_meier(distances, borders):
    """Edge-corrected distribution of nearest-neighbour distances (Baddeley and Gill 1997).

    A distance larger than the one to the border is known only to be larger than that: censored,
    as a lifetime is when the patient leaves the study.

    Parameters
    ----------
    distances, borders : ndarray, shape (N,)
        From :func:`nearest_neighbours` and :func:`border_distance`.

    Returns
    -------
    DataFrame
        ``distance_nm`` and ``share``, the probability of a neighbour within that distance; a step
        function starting at (0, 0).
    """
    distances, borders = np.asarray(distances, float), np.asarray(borders, float)
    curve = survival.kaplan_meier(np.minimum(distances, borders), distances <= borders)
    return pd.DataFrame({"distance_nm": curve["time"], "share": 1 - curve["survival"]})


def corrected_mean_distance(distances, borders):
    """Mean nearest-neighbour distance in nm from :func:`kaplan_meier`'s distribution.

    The area under the survival curve up to the largest distance that was seen whole; what may lie
    beyond is left out, so it is slightly low when the farthest neighbours are censored.
    """
    curve = kaplan_meier(distances, borders)
    return float(np.sum(np.diff(curve.distance_nm) * (1 - curve.share.to_numpy()[:-1])))


def rayleigh_fit(distances, borders=None):
    """Maximum-likelihood fit of Eq. 4 to nearest-neighbour distances.

    Squared distances of a random arrangement are exponential with rate pi * rho, so the best rho
    is the number of distances over pi times the sum of their squares.  With ``borders``, distances
    beyond the border enter as censored ones, and the fit is free of edge effects.

    Parameters
    ----------
    distances : ndarray, shape (N,)
    borders : ndarray, shape (N,), optional

    Returns
    -------
    RayleighFit
    """
    distances = np.asarray(distances, float)
    seen, times = len(distances), distances
    if borders is not None:
        seen = int(np.count_nonzero(distances <= borders))
        times = np.minimum(distances, borders)
    if seen == 0:
        raise DataError("every nearest neighbour is cut by the border; a larger image is needed")
    rho = seen / (np.pi * np.sum(times**2))
    return RayleighFit(rho, random_mean_distance(rho), seen)


def random_mean_distance(density_nm2):
    """Mean nearest-neighbour distance of a random arrangement, nm (Eq. 5)."""
    return 1 / (2 * np.sqrt(density_nm2))
