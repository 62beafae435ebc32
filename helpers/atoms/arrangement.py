"""How the atoms of an image lie to each other, and what a random arrangement would show.

The statistics of Mitchell et al. 2022 (Materials and Methods, Statistical Analysis): distances to
the nearest neighbour (see `helpers.atoms.neighbours`) and the share of atoms within a metal-metal
bond.  Added to the paper's: random arrangements inside the very mask that was measured.

Positions are arrays of shape (N, 2), columns x and y, in nm; pixel (row i, column j) has its centre
at x = j * pixel_size_nm, y = i * pixel_size_nm.
"""

import numpy as np
import pandas as pd
from scipy import stats

from helpers.atoms.density import Estimate, corrected_density, density
from helpers.atoms.neighbours import (
    border_distance,
    corrected_mean_distance,
    nearest_neighbours,
    random_mean_distance,
    rayleigh_fit,
)

PT_PT_BOND_NM = 0.28  # 0.277 nm in the metal; the dashed line of the paper's Fig. 2c

# What `describe` returns, for readers of its tables. `low` and `high` bound 95 % intervals.
MEANINGS = {
    "area_nm2": "area of the specimen",
    "n": "atoms on the specimen",
    "n_outside": "atoms off the specimen, left out",
    "density_nm2": "atoms per area, as detected",
    "density_low_nm2": "lower end of its 95 % interval",
    "density_high_nm2": "upper end",
    "corrected_nm2": "the density, corrected for atoms missed and invented",
    "corrected_low_nm2": "lower end of its 95 % interval",
    "corrected_high_nm2": "upper end",
    "nnd_mean_nm": "mean distance of the nearest neighbour (nnd)",
    "nnd_rayleigh_nm": "mean of the Rayleigh distribution fitted to these distances",
    "nnd_corrected_nm": "mean distance, corrected for neighbours beyond the edge",
    "nnd_rayleigh_corrected_nm": "mean of the fitted Rayleigh distribution, corrected likewise",
    "nnd_random_nm": "mean distance at random on an endless plane of this density",
    "nnd_random_in_mask_nm": "mean distance at random on this very specimen (simulated)",
    "nnd_random_in_mask_sd_nm": "SD of that mean over the random arrangements",
    "nnd_p": "two-sided p-value: how often a random arrangement is as far off",
    "within_bond": "share of atoms with another within 0.28 nm, the Pt-Pt bond",
    "within_bond_low": "lower end of its 95 % interval",
    "within_bond_high": "upper end",
    "within_bond_random": "that share at random on this specimen (simulated)",
}


def positions_nm(points, pixel_size_nm):
    """Positions (N, 2) in nm from a table with ``x_px`` and ``y_px``."""
    return points[["x_px", "y_px"]].to_numpy(float) * pixel_size_nm


def is_inside(positions, mask, pixel_size_nm):
    """Which positions lie on the mask, shape (N,), bool."""
    columns, rows = np.rint(np.asarray(positions, float).T / pixel_size_nm).astype(int)
    within = (rows >= 0) & (columns >= 0) & (rows < mask.shape[0]) & (columns < mask.shape[1])
    return within & mask[rows * within, columns * within]


def share_within(positions, distance_nm=PT_PT_BOND_NM, confidence=0.95):
    """Share of atoms that have a neighbour within a distance (Wilson interval).

    Parameters
    ----------
    positions : ndarray (N, 2), or list of such arrays
        Several images are pooled; neighbours are sought within each.
    distance_nm : float
        The paper's Pt-Pt bond by default.
    confidence : float

    Returns
    -------
    Estimate
    """
    sets = positions if isinstance(positions, list) else [positions]
    distances = np.concatenate([nearest_neighbours(p) for p in sets if len(p) > 1])
    close = int(np.count_nonzero(distances <= distance_nm))
    total = sum(len(p) for p in sets)
    limits = stats.binomtest(close, total).proportion_ci(confidence, method="wilson")
    return Estimate(close / total, float(limits.low), float(limits.high))


# Random arrangements in the measured window


def random_positions(count, mask, pixel_size_nm, rng):
    """Uniform random positions on a mask, shape (count, 2), nm."""
    rows, columns = np.nonzero(mask)
    chosen = rng.integers(len(rows), size=count)
    pixels = np.column_stack([columns[chosen], rows[chosen]])
    return (pixels + rng.uniform(-0.5, 0.5, size=(count, 2))) * pixel_size_nm


def random_expectation(count, mask, pixel_size_nm, rng, runs=999, distance_nm=PT_PT_BOND_NM):
    """What a random arrangement of as many atoms shows in this very mask.

    Eq. 5 holds on an endless plane.  In a field of view neighbours beyond the edge are missing and
    distances come out longer; random arrangements cut by the same edges are the fair comparison.

    Parameters
    ----------
    count : int
    mask : ndarray of bool, shape (H, W)
    pixel_size_nm : float
    rng : numpy.random.Generator
    runs : int
    distance_nm : float

    Returns
    -------
    DataFrame
        ``mean_nm`` and ``share_within``, one row per run (simulated).
    """
    means, shares = np.empty(runs), np.empty(runs)
    for run in range(runs):
        distances = nearest_neighbours(random_positions(count, mask, pixel_size_nm, rng))
        means[run], shares[run] = distances.mean(), np.mean(distances <= distance_nm)
    return pd.DataFrame({"mean_nm": means, "share_within": shares})


def two_sided_p(observed, simulated):
    """Monte-Carlo probability of a value as extreme as the observed one, both sides."""
    simulated = np.asarray(simulated)
    rank = min(np.sum(simulated <= observed), np.sum(simulated >= observed))
    return min(1.0, 2 * (rank + 1) / (len(simulated) + 1))


def describe(points, mask, pixel_size_nm, rng, ratio=None, runs=999):
    """All statistics of one image in a row.

    Parameters
    ----------
    points : DataFrame
        ``x_px``, ``y_px``; labels or detections. Those off the specimen are left out.
    mask : ndarray of bool, shape (H, W)
    pixel_size_nm : float
    rng : numpy.random.Generator
    ratio : DetectionRatio, optional
        Adds the corrected density.
    runs : int

    Returns
    -------
    dict
        Column names carry the units; `MEANINGS` explains them.
    """
    area = float(np.count_nonzero(mask)) * pixel_size_nm**2
    positions = positions_nm(points, pixel_size_nm)
    inside = is_inside(positions, mask, pixel_size_nm)
    positions = positions[inside]
    count = len(positions)
    raw = density(count, area)
    row = {
        "area_nm2": area,
        "n": count,
        "n_outside": int(np.sum(~inside)),
        "density_nm2": raw.value,
        "density_low_nm2": raw.low,
        "density_high_nm2": raw.high,
    }
    if ratio is not None:
        corrected = corrected_density(count, area, ratio)
        row["corrected_nm2"] = corrected.value
        row["corrected_low_nm2"] = corrected.low
        row["corrected_high_nm2"] = corrected.high
    if count < 2:
        return row
    distances = nearest_neighbours(positions)
    borders = border_distance(positions, mask, pixel_size_nm)
    by_chance = random_expectation(count, mask, pixel_size_nm, rng, runs)
    close = share_within(positions)
    return row | {
        "nnd_mean_nm": distances.mean(),
        "nnd_rayleigh_nm": rayleigh_fit(distances).mean_nm,
        "nnd_corrected_nm": corrected_mean_distance(distances, borders),
        "nnd_rayleigh_corrected_nm": rayleigh_fit(distances, borders).mean_nm,
        "nnd_random_nm": random_mean_distance(raw.value),
        "nnd_random_in_mask_nm": by_chance.mean_nm.mean(),
        "nnd_random_in_mask_sd_nm": by_chance.mean_nm.std(),
        "nnd_p": two_sided_p(distances.mean(), by_chance.mean_nm),
        "within_bond": close.value,
        "within_bond_low": close.low,
        "within_bond_high": close.high,
        "within_bond_random": by_chance.share_within.mean(),
    }
