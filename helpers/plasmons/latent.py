"""The latent space of a network: what it decodes to, which samples lie where, how it clusters."""

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import spearmanr
from sklearn.mixture import GaussianMixture

from helpers.data import DataError
from helpers.plasmons.learn import decode
from helpers.plasmons.pairs import turned

STEPS = 16  # of the grid along each latent variable
NEAREST = 3  # samples averaged for one point of the grid
CLUSTERS = 8


def decoded_grid(network, latent, steps=STEPS):
    """Decode a uniform grid between the extremes of two latent variables.

    Parameters
    ----------
    network : Im2Spec or Spec2Im
        With two latent variables.
    latent : array (N, 2)
        Of the samples.
    steps : int

    Returns
    -------
    grid_x, grid_y : numpy.ndarray (steps,)
        Latent coordinates, increasing.
    decoded : numpy.ndarray (steps, steps, ...)
        At ``(grid_x[column], grid_y[row])``, as `helpers.widgets.latent.LatentExplorer` takes it.

    Raises
    ------
    DataError
        There are not two latent variables.
    """
    latent = np.asarray(latent)
    if latent.ndim != 2 or latent.shape[1] != 2:
        raise DataError(
            f"A grid needs two latent variables, these have shape {latent.shape}: train a network"
            " with two."
        )
    grid_x, grid_y = (np.linspace(a.min(), a.max(), steps) for a in latent.T)
    found = decode(network, grid_points(grid_x, grid_y))
    return grid_x, grid_y, found.reshape(steps, steps, *found.shape[1:])


def grid_points(grid_x, grid_y):
    """Points (rows * columns, 2) of a grid, row by row."""
    return np.stack([side.ravel() for side in np.meshgrid(grid_x, grid_y)], 1)


def back_project(points, latent, features, nearest=NEAREST):
    """Mean feature of the samples that are encoded nearest to points of the latent space.

    Parameters
    ----------
    points : array (P, L)
    latent : array (N, L)
        Of the samples.
    features : array (N, ...)
        What was encoded.
    nearest : int

    Returns
    -------
    mean : numpy.ndarray (P, ...)
    distance : numpy.ndarray (P,)
        From the point to the farthest of them: large where the latent space is empty.
    """
    nearest = min(nearest, len(latent))
    distance, which = cKDTree(latent).query(points, k=nearest)
    distance, which = distance.reshape(len(points), -1), which.reshape(len(points), -1)
    return np.asarray(features)[which].mean(1), distance[:, -1]


def clusters(latent, number=CLUSTERS, seed=42):
    """Classes of the samples by a mixture of Gaussians (N,), 0 the largest."""
    found = GaussianMixture(number, random_state=seed).fit_predict(latent)
    rank = np.argsort(np.argsort(-np.bincount(found, minlength=number), kind="stable"))
    return rank[found]


def consistency(latent, features, nearest=NEAREST, seed=0, sample=2000, film=None, turns=False):
    """Whether samples close in the latent space are close in the space of features.

    Parameters
    ----------
    latent : array (N, L)
    features : array (N, ...)
    nearest : int
        Neighbours of every sample.
    seed : int
        Of the pairs drawn at random.
    sample : int
        Number of such pairs.
    film : array (N,), optional
        Spectrum image of every sample: neighbours are then looked for in other ones only, as
        windows of one that overlap are alike in any space.
    turns : bool
        Features are images, and two that differ by a symmetry of the square count as equal.

    Returns
    -------
    dict
        ``neighbours`` and ``random``: root-mean-square distance of features between neighbours in
        the latent space and between random samples; ``ratio`` of the two, 0 for perfect
        back-projection and 1 for none; ``rank_correlation`` of latent and feature distances of the
        random pairs.
    """
    latent, features = np.asarray(latent), np.asarray(features)
    film = np.arange(len(latent)) if film is None else np.asarray(film)
    own, other = _neighbours(latent, film, nearest)
    rng = np.random.default_rng(seed)
    a, b = rng.integers(len(latent), size=(2, sample))
    a, b = a[film[a] != film[b]], b[film[a] != film[b]]
    near, far = (_gaps(features, one, two, turns) for one, two in ((own, other), (a, b)))
    root = [float(np.sqrt((part**2).mean())) for part in (near, far)]
    together = spearmanr(_gaps(latent, a, b), far).statistic
    return {
        "neighbours": root[0], "random": root[1], "ratio": root[0] / root[1],
        "rank_correlation": float(together),
    }  # fmt: skip


def _neighbours(latent, film, nearest):
    """Pairs of samples and their nearest ones in other films: indices, indices."""
    number = np.unique(film)
    if len(number) == len(latent):  # every sample a film of its own
        _, which = cKDTree(latent).query(latent, k=nearest + 1)
        return which[:, [0] * nearest].ravel(), which[:, 1:].ravel()
    own, other = [], []
    for one in number:
        here, there = np.flatnonzero(film == one), np.flatnonzero(film != one)
        _, which = cKDTree(latent[there]).query(latent[here], k=nearest)
        own.append(np.repeat(here, nearest))
        other.append(there[which.ravel()])
    return np.concatenate(own), np.concatenate(other)


def _gaps(values, a, b, turns=False):
    if not turns:
        return np.linalg.norm((values[a] - values[b]).reshape(len(a), -1), axis=1)
    one, two = values[a], values[b]
    each = [np.linalg.norm((one - turned(two, kind)).reshape(len(a), -1), axis=1)
            for kind in range(8)]  # fmt: skip
    return np.min(each, axis=0)
