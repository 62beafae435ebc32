"""Orientations of a cluster, how far apart two views are, and a split that keeps them apart.

A view is told by the direction from which the cluster is seen, in the cluster's own frame: turning
it about the beam only turns the picture. Directions that the symmetry of the isomer maps onto each
other give the same picture or its mirror image, and so do (but for multiple scattering) opposite
ones. Since training turns and mirrors pictures, all these count as one view.
"""

from functools import lru_cache

import numpy as np
from scipy.spatial.transform import Rotation

from helpers.clusters.structures import symmetry
from helpers.registry import DataError

SPLITS = ("train", "validation", "test")
GAP_DEG = 2.0  # tilts the ends of a column through 309 atoms apart by 0.08 nm, a probe's width
DISC_DEG = 1.5  # radius of a disc of views that are kept from training
AREA_DEG2 = 45.0  # solid angle for each disc
APART_DEG = 6.0  # least angle between the centres of two discs
SEED = 9  # of the centres: each isomer has one zone axis in the test part, and others in training


def rotations(rng, n):
    """Draw `n` orientations, uniform over all (scipy Rotation: cluster frame to microscope)."""
    return Rotation.random(n, rng=rng)


def viewing_direction(rotation):
    """Direction of the beam in the frame of the cluster, unit vectors (..., 3)."""
    return rotation.inv().apply([0.0, 0.0, 1.0])


def views(name):
    """Matrices that map a direction to those with the same picture or its mirror image, (n, 3, 3).

    The point group of the isomer, and with it the inversion.
    """
    group = symmetry(name)
    if np.abs(group + np.eye(3)).max((1, 2)).min() < 1e-9:
        return group
    return np.concatenate([group, -group])


def reduced_angle(name, first, second):
    """Smallest angle between two views, over the symmetry of the isomer and the inversion.

    Parameters
    ----------
    name : str
        One of `helpers.clusters.structures.ISOMERS`.
    first, second : numpy.ndarray
        Unit vectors, (n, 3) and (m, 3).

    Returns
    -------
    numpy.ndarray
        Degrees, (n, m).
    """
    first, second = np.atleast_2d(first), np.atleast_2d(second)
    best = np.full((len(first), len(second)), -1.0)
    for operation in views(name):
        np.maximum(best, first @ (second @ operation.T).T, out=best)
    return np.degrees(np.arccos(np.clip(best, -1, 1)))


def zone_axes(name):
    """Directions of high symmetry of an isomer: label -> unit vector.

    Raises
    ------
    DataError
        An amorphous cluster has none.
    """
    golden = (1 + np.sqrt(5)) / 2
    axes = {
        "icosahedron": {"5-fold": [golden, 0, 1], "3-fold": [1, 1, 1], "2-fold": [0, 0, 1]},
        "decahedron": {"5-fold": [0, 0, 1], "2-fold": [1, 0, 0], "vertex": [0, 1, 0]},
        "cuboctahedron": {"100": [1, 0, 0], "110": [1, 1, 0], "111": [1, 1, 1]},
    }
    if name not in axes:
        raise DataError(f"{name!r} has no zone axes.")
    return {k: np.array(v) / np.linalg.norm(v) for k, v in axes[name].items()}


def tilt_from_zone_axis(name, directions):
    """Angle in degrees from each direction to the nearest of `zone_axes`, (n,)."""
    return reduced_angle(name, directions, np.array(list(zone_axes(name).values()))).min(1)


def split_of(name, directions):
    """Say to which part of the data a view of an ordered isomer belongs.

    Test and validation are discs around fixed views drawn at random; training is what is at least
    `GAP_DEG` away from all of them, symmetric copies included. What is left belongs to no part.

    Parameters
    ----------
    name : str
        One of `helpers.clusters.structures.ORDERED`.
    directions : numpy.ndarray
        Unit vectors, (n, 3).

    Returns
    -------
    numpy.ndarray
        One of `SPLITS` or "" for each direction, (n,) str.
    """
    centres, parts = discs(name)
    angle = reduced_angle(name, directions, centres)
    nearest, part = angle.min(1), parts[angle.argmin(1)]
    outside = np.where(nearest >= DISC_DEG + GAP_DEG, "train", "")
    return np.where(nearest <= DISC_DEG, part, outside)


@lru_cache
def discs(name):
    """Centres of the discs of an ordered isomer, (n, 3), and the part each belongs to, (n,) str."""
    n = round(np.degrees(np.degrees(4 * np.pi)) / len(views(name)) / AREA_DEG2)
    pool = viewing_direction(rotations(np.random.default_rng(SEED), 100 * n))
    between = reduced_angle(name, pool, pool)
    chosen = []
    for candidate in range(len(pool)):
        if len(chosen) < n and between[candidate, chosen].min(initial=180) >= APART_DEG:
            chosen.append(candidate)
    return pool[chosen], np.resize(["test", "validation", "test"], len(chosen))


def draw(name, split, rng, n):
    """Draw orientations of one part, uniform over it.

    Parameters
    ----------
    name : str
        An ordered isomer, or "amorphous": any orientation, because its parts are told apart by run.
    split : str
        One of `SPLITS`.
    rng : numpy.random.Generator
    n : int

    Returns
    -------
    scipy.spatial.transform.Rotation
        `n` orientations.
    """
    if name == "amorphous":
        return rotations(rng, n)
    kept = []
    while len(kept) < n:
        batch = rotations(rng, 64)
        inside = split_of(name, viewing_direction(batch)) == split
        kept += list(batch[inside].as_quat())
    return Rotation.from_quat(kept[:n])
