"""Multimers: which atoms touch, how many belong together, and in what shape.

Rossi et al. 2024 (Methods; Fig. 3a, 3c and S30): an atom belongs to a multimer if it has a
neighbour within 2.2 Angstrom, the length of most metal dimers in the paper's DFT.  Atoms are joined
by such bonds into multimers; their number of atoms is the nuclearity, and their bonds per atom tell
chains from compact clusters.

Distances are projected ones, so two atoms at different heights count as touching: shares are upper
bounds, as the paper says.  Atoms of a random arrangement touch too; :func:`random_share` is what
chance alone gives.

Positions are arrays of shape (N, 2), columns x and y, in nm.
"""

import numpy as np
import pandas as pd
from scipy import stats
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from helpers.atoms.arrangement import is_inside, random_mean_distance
from helpers.atoms.density import Estimate, density
from helpers.data import DataError

CUTOFF_NM = 0.22

# What a table of atoms holds, and what `describe` returns, for their readers.
ATOMS = {
    "x_px": "column of the image, from 0",
    "y_px": "row of the image, from 0",
    "probability": "likelihood that the detector gives",
    "confidence": "how sure the element is",
    "multimer": "number of the multimer that the atom belongs to; 0: none",
    "nuclearity": "atoms of that multimer",
    "bonds": "neighbours within bonding distance",
    "nnd_nm": "distance of the nearest neighbour",
}
MEANINGS = {
    "area_nm2": "area of the specimen",
    "n": "atoms on the specimen",
    "density_nm2": "atoms per area, as detected",
    "density_low_nm2": "lower end of its 95 % interval",
    "density_high_nm2": "upper end",
    "nnd_mean_nm": "mean distance of the nearest neighbour",
    "nnd_sd_nm": "SD of that distance over atoms",
    "nnd_random_nm": "mean distance at random on an endless plane of this density",
    "multimer_share": "share of atoms with another within bonding distance",
    "multimer_low": "lower end of its 95 % interval",
    "multimer_high": "upper end",
    "multimer_random": "that share at random on an endless plane of this density",
    "share_above_2": "share of atoms in multimers of three or more",
    "largest": "atoms in the largest multimer",
    "bonds_per_atom": "mean number of neighbours within bonding distance, atoms of multimers",
    "chain_share": "share of chains among the multimers of three or more",
}


def _check(positions, cutoff_nm):
    positions = np.asarray(positions, float)
    if positions.size == 0:
        positions = positions.reshape(0, 2)
    if positions.ndim != 2 or positions.shape[1] != 2 or not np.isfinite(positions).all():
        raise DataError(f"positions have the shape {positions.shape}; (N, 2) finite numbers needed")
    if not cutoff_nm > 0:
        raise DataError(f"the cut-off is {cutoff_nm} nm; a bond length must be positive")
    return positions


def bonds(positions, cutoff_nm=CUTOFF_NM):
    """Pairs of atoms at most the cut-off apart, shape (B, 2), first index below the second."""
    positions = _check(positions, cutoff_nm)
    if len(positions) < 2:
        return np.empty((0, 2), int)
    return cKDTree(positions).query_pairs(cutoff_nm, output_type="ndarray").astype(int)


def aggregate(positions, cutoff_nm=CUTOFF_NM):
    """Which multimer every atom belongs to.

    Parameters
    ----------
    positions : ndarray, shape (N, 2)
        nm.
    cutoff_nm : float
        Longest bond.

    Returns
    -------
    DataFrame
        One row per atom, in order: ``multimer``, numbered from 1 in the order of their first atoms,
        0 for an isolated atom; ``nuclearity``, its number of atoms; ``bonds`` of this atom; and
        ``nnd_nm``, the distance to the nearest neighbour (NaN for a single atom).
    """
    positions = _check(positions, cutoff_nm)
    n, pairs = len(positions), bonds(positions, cutoff_nm)
    graph = coo_array((np.ones(len(pairs), bool), tuple(pairs.T)), shape=(n, n))
    label = connected_components(graph, directed=False)[1] if n else np.empty(0, int)
    size = np.bincount(label, minlength=1)
    number = np.zeros(len(size), int)
    number[size > 1] = np.arange(1, np.sum(size > 1) + 1)
    nearest = cKDTree(positions).query(positions, k=2)[0][:, 1] if n > 1 else np.full(n, np.nan)
    return pd.DataFrame(
        {
            "multimer": number[label],
            "nuclearity": size[label],
            "bonds": np.bincount(pairs.ravel(), minlength=n),
            "nnd_nm": nearest,
        }
    )


def multimer_share(atoms, confidence=0.95):
    """Share of atoms in multimers, with an interval that knows that they come together.

    Wilson's interval for an effective number of atoms: the atoms of one multimer are one
    observation, so with dimers alone the effective number is about half.  With no multimer at all
    (or nothing else) half the atoms are taken.

    Parameters
    ----------
    atoms : DataFrame, or list of them
        From :func:`aggregate`; several images are pooled.
    confidence : float

    Returns
    -------
    Estimate
    """
    tables = atoms if isinstance(atoms, list) else [atoms]
    nuclearity = np.concatenate([table.nuclearity.to_numpy() for table in tables])
    n = len(nuclearity)
    if n == 0:
        raise DataError("there are no atoms, so no share of them is in multimers")
    share = np.mean(nuclearity > 1)
    # Variance of a ratio over units, each unit of k atoms standing k times in the list, hence / k
    variance = np.sum(nuclearity * ((nuclearity > 1) - share) ** 2) / n**2
    effective = share * (1 - share) / variance if variance > 0 else n / 2
    z2 = stats.norm.isf((1 - confidence) / 2) ** 2 / effective
    centre = (share + z2 / 2) / (1 + z2)
    half = np.sqrt(z2 * (share * (1 - share) + z2 / 4)) / (1 + z2)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Estimate(float(share), float(low), float(high))


def random_share(density_nm2, cutoff_nm=CUTOFF_NM):
    """Share of atoms that a random arrangement has within the cut-off, ``1 - exp(-rho pi r^2)``."""
    return 1 - np.exp(-np.pi * np.asarray(density_nm2, float) * cutoff_nm**2)


def shapes(atoms):
    """Bonds and shape of every multimer (Fig. S30).

    Bonds per atom are the mean number of neighbours: 2 (n - 1) / n in a chain (branched or not),
    and at most about 2 (3n - sqrt(12n - 3)) / n in a flat cluster of n atoms that do not overlap
    (Harborth 1974).  Compactness runs from 0 for the one to 1 for the other, and exceeds 1 only
    where atoms overlap in projection.

    Parameters
    ----------
    atoms : DataFrame
        From :func:`aggregate`.

    Returns
    -------
    DataFrame
        One row per multimer: ``multimer``, ``nuclearity``, ``bonds``, ``bonds_per_atom``,
        ``compactness`` (NaN for a dimer) and ``shape``: "dimer", "chain" (no closed ring of bonds)
        or "compact".
    """
    groups = atoms[atoms.multimer > 0].groupby("multimer")
    table = groups.agg(nuclearity=("nuclearity", "first"), ends=("bonds", "sum")).reset_index()
    n, count = table.nuclearity.to_numpy(), table.ends.to_numpy() // 2
    chain = n - 1
    compact = np.floor(3 * n - np.sqrt(12 * n - 3) + 1e-9)
    room = np.where(n > 2, compact - chain, np.nan)
    names = np.select([n == 2, count == chain], ["dimer", "chain"], "compact")
    return pd.DataFrame(
        {
            "multimer": table.multimer,
            "nuclearity": n,
            "bonds": count,
            "bonds_per_atom": 2 * count / n,
            "compactness": (count - chain) / room,
            "shape": names,
        }
    )


def describe(positions, mask, pixel_size_nm, cutoff_nm=CUTOFF_NM):
    """Density, nearest neighbours and multimers of one image in a row (Fig. 3a-c).

    Parameters
    ----------
    positions : ndarray, shape (N, 2)
        nm; those off the mask are left out.
    mask : ndarray of bool, shape (H, W)
        Specimen.
    pixel_size_nm : float
    cutoff_nm : float

    Returns
    -------
    dict
        Column names carry the units. ``_random`` is what a random arrangement of this density has
        on an endless plane.
    """
    positions = _check(positions, cutoff_nm)
    positions = positions[is_inside(positions, mask, pixel_size_nm)]
    area = float(np.count_nonzero(mask)) * pixel_size_nm**2
    rho = density(len(positions), area)
    row = {
        "area_nm2": area,
        "n": len(positions),
        "density_nm2": rho.value,
        "density_low_nm2": rho.low,
        "density_high_nm2": rho.high,
    }
    if len(positions) < 2:
        return row
    atoms = aggregate(positions, cutoff_nm)
    share, multimers = multimer_share(atoms), shapes(atoms)
    large = multimers[multimers.nuclearity > 2]
    return row | {
        "nnd_mean_nm": atoms.nnd_nm.mean(),
        "nnd_sd_nm": atoms.nnd_nm.std(),
        "nnd_random_nm": random_mean_distance(rho.value),
        "multimer_share": share.value,
        "multimer_low": share.low,
        "multimer_high": share.high,
        "multimer_random": float(random_share(rho.value, cutoff_nm)),
        "share_above_2": float(np.mean(atoms.nuclearity > 2)),
        "largest": int(atoms.nuclearity.max()),
        "bonds_per_atom": float(atoms.bonds[atoms.multimer > 0].mean()),
        "chain_share": float(np.mean(large["shape"] == "chain")) if len(large) else np.nan,
    }
