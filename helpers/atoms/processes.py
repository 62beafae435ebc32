"""Point models of how metal centres arrange themselves on a flat support.

The numerical models of Rossi et al. 2024 (Methods, Numerical Models and Descriptors of Spatial
Arrangement; Fig. 3d and S37): neutral, attractive, repulsive, and weighted by the energy of two
sites against their separation; several species; and, not in the paper, the Strauss model, whose
strength of repulsion can be fitted.

Every model takes a generator and returns positions of shape (n, 2), columns x and y in nm, in a box
(width, height) with its corner at (0, 0).  The paper's "10 x 10 grid" is a box of 10 nm: with 100
and 400 points it has 1 and 4 atoms nm^-2.  The box has edges, as an image has.

The paper leaves some things open or says them twice; what was chosen is said at each model.
"""

import numba
import numpy as np
import pandas as pd
from scipy.constants import Boltzmann, elementary_charge
from scipy.spatial import cKDTree

from helpers.data import DataError

BOX_NM = (10.0, 10.0)
RUNS = 100  # caption of Fig. 3; Methods say "at least 40"
REPULSION_C = 0.2
SEEDS = 50
SEED_SIDE_NM = 1.0
PROPOSALS = 20_000_000
FORBIDDEN = 1e-300  # factor in place of 0: such pairs are left, never entered


def _check(n, box):
    if n < 0 or n != int(n):
        raise DataError(f"{n} is no number of atoms; it must be a whole number, 0 or more")
    if len(box) != 2 or not min(box) > 0 or not np.all(np.isfinite(box)):
        raise DataError(f"the box {tuple(box)} must be two positive lengths in nm: width, height")
    return int(n), np.array(box, float)


def neutral(rng, n, box=BOX_NM):
    """Uniform, independent positions: no interaction.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
    box : tuple of float
        Width and height, nm.

    Returns
    -------
    ndarray, shape (n, 2)
        nm.
    """
    n, box = _check(n, box)
    return rng.random((n, 2)) * box


def attractive(rng, n, box=BOX_NM, seeds=SEEDS, side=SEED_SIDE_NM):
    """Random seeds, and the remaining points in squares centred on them.

    The paper gives 50 seeds for its case of 400 points and none for 100; 50 are used for both.
    Every seed gets as many further points as any other, the remainder going to random ones.  A
    square that reaches over the box is cut by it, so that no point is lost.

    Parameters
    ----------
    rng, n, box
        As for :func:`neutral`.
    seeds : int
        Points of the first stage; with ``seeds == n`` the model is the neutral one.
    side : float
        Of the square, nm.

    Returns
    -------
    ndarray, shape (n, 2)
        nm; the seeds come first.
    """
    n, box = _check(n, box)
    if not 1 <= seeds <= n:
        raise DataError(f"{seeds} seeds for {n} atoms; give between 1 and the number of atoms")
    if not side > 0:
        raise DataError(f"the squares have a side of {side} nm; it must be positive")
    first = neutral(rng, seeds, box)
    parents = first[rng.permutation(seeds)[np.arange(n - seeds) % seeds]]
    low, high = np.maximum(parents - side / 2, 0), np.minimum(parents + side / 2, box)
    return np.concatenate([first, low + (high - low) * rng.random((n - seeds, 2))])


def repulsive(rng, n, box=BOX_NM, c=REPULSION_C):
    """Points proposed at random and taken where ``R + c`` is below the nearest distance.

    R is a new random number between 0 and 1 for every proposal, so no two points come closer than
    ``c`` and all distances above ``c + 1`` are taken; lengths are nm.  (The paper prints
    "R in {0, 1}" and calls R "a random number between 0 and 1"; the words are followed.)

    As printed the sampling never ends once no point can be closer than ``c``: discs of that
    diameter, placed one by one, jam at a coverage of 0.547, which for 0.2 nm is 17 atoms nm^-2.
    Well below that it only becomes slow; it is given up after 20 million proposals.

    Parameters
    ----------
    rng, n, box
        As for :func:`neutral`.
    c : float
        The paper's C, nm.

    Returns
    -------
    ndarray, shape (n, 2)
        nm, in the order in which they were taken.

    Raises
    ------
    helpers.data.DataError
        If the box takes no more points.
    """
    n, box = _check(n, box)
    if not c >= 0:
        raise DataError(f"C is {c} nm; it must be 0 or more")
    positions, placed = _repel(rng, n, box[0], box[1], float(c), PROPOSALS)
    if placed < n:
        raise DataError(
            f"the repulsive model placed {placed} of {n} atoms in {box[0]:g} x {box[1]:g} nm before"
            f" {PROPOSALS} proposals were used up; ask for fewer atoms or a smaller C than {c:g} nm"
        )
    return positions


@numba.njit(cache=True)
def _repel(rng, n, width, height, c, proposals):
    points, placed = np.empty((n, 2)), 0
    for _ in range(proposals):
        if placed == n:
            break
        x, y = rng.random() * width, rng.random() * height
        reach = rng.random() + c
        free, k = True, 0
        while free and k < placed:
            free = (points[k, 0] - x) ** 2 + (points[k, 1] - y) ** 2 > reach**2
            k += 1
        if free:
            points[placed] = x, y
            placed += 1
    return points, placed


def population(energies, temperature_k, distance_nm):
    """Logarithm of the Boltzmann population against separation, 0 far away.

    Arrangements of equal separation (to 0.001 nm) are averaged over, then interpolated linearly in
    the logarithm, which is the free energy.  Below the first separation the first value holds,
    beyond the last one the last.

    Parameters
    ----------
    energies : DataFrame
        ``distance_nm`` and ``energy_ev``, one row per arrangement of two sites.
    temperature_k : float
    distance_nm : ndarray

    Returns
    -------
    ndarray, like distance_nm
    """
    missing = {"distance_nm", "energy_ev"} - set(energies.columns)
    if missing or len(energies) == 0:
        raise DataError(
            f"the table of energies has the columns {list(energies.columns)} and {len(energies)}"
            " rows; it needs distance_nm and energy_ev"
        )
    if not temperature_k > 0:
        raise DataError(f"the temperature is {temperature_k} K; it must be positive")
    if not np.isfinite(energies[["distance_nm", "energy_ev"]].to_numpy(float)).all():
        raise DataError("the table of energies has missing values; leave those rows out")
    exponent = -energies.energy_ev * elementary_charge / (Boltzmann * temperature_k)
    groups = exponent.groupby(energies.distance_nm.round(3))
    mean = groups.agg(lambda e: np.logaddexp.reduce(e.to_numpy()) - np.log(len(e)))
    return np.interp(distance_nm, mean.index, mean - mean.iloc[-1])


def energy_weighted(rng, n, energies, temperature_k, box=BOX_NM, grid_nm=0.05):
    """Points drawn one by one from a field of probability that knows the energies.

    After two random points the field is the product of a term that makes the distance to the
    nearest point follow a Rayleigh distribution and of the Boltzmann population of that distance.
    The paper gives no formula for the first.  Here it is Rayleigh's density for the points placed
    so far, over the share of the field at that distance: a new point then has exactly the
    distribution Rayleigh times population, and without energies the model is the neutral one, free
    of the effect of the edges on distances.  (With the density of the finished arrangement the
    points would grow from the first two as an island.)  Energies act through the nearest point
    only, and a point is always placed: where no good place is left, at the least bad ones.

    Parameters
    ----------
    rng, n, box
        As for :func:`neutral`.
    energies : DataFrame
        ``distance_nm`` and ``energy_ev``; see :func:`population`.
    temperature_k : float
        At which the arrangement formed.
    grid_nm : float
        Pixel of the field; points are spread evenly over theirs.

    Returns
    -------
    ndarray, shape (n, 2)
        nm, in the order in which they were placed.
    """
    n, box = _check(n, box)
    if not 0 < grid_nm <= min(box):
        raise DataError(f"a pixel of {grid_nm} nm does not divide a box of {box[0]:g} x {box[1]:g}")
    shape = np.maximum(np.rint(box[::-1] / grid_nm), 1).astype(np.int64)
    step = 0.4 * grid_nm  # of the distances that are told apart
    distances = (np.arange(int(np.hypot(*box) / step) + 2) + 0.5) * step
    weights = population(energies, temperature_k, distances)
    first = neutral(rng, min(n, 2), box)
    return _draw(rng, n, first, box[0], box[1], shape[0], shape[1], step, distances, weights)


@numba.njit(cache=True)
def _draw(rng, n, first, width, height, rows, columns, step, distances, weights):
    # distance from every pixel to its nearest point, counted in steps
    bins = np.full(rows * columns, len(distances) - 1, np.int32)
    count = np.zeros(len(distances), np.int64)
    count[-1] = len(bins)
    dx, dy = width / columns, height / rows
    static, squared = np.log(distances) + weights, distances**2
    chance = np.empty(len(distances))
    points = np.empty((n, 2))
    for k in range(n):
        farthest = np.nonzero(count)[0][-1]
        if k < len(first):
            points[k] = first[k]
        else:
            # Rayleigh times population, for distances that occur; all pixels of one are equal
            rate = np.pi * k / (width * height)
            top = -np.inf
            for b in range(farthest + 1):
                chance[b] = static[b] - rate * squared[b]
                if count[b] > 0:
                    top = max(top, chance[b])
            total = 0.0
            for b in range(farthest + 1):
                total += np.exp(chance[b] - top) if count[b] > 0 else 0.0
                chance[b] = total
            chosen = np.searchsorted(chance[: farthest + 1], rng.random() * total, side="right")
            pick = int(rng.random() * count[chosen])
            pixel = -1
            while pick >= 0:
                pixel += 1
                pick -= bins[pixel] == chosen
            points[k, 0] = (pixel % columns + rng.random()) * dx
            points[k, 1] = (pixel // columns + rng.random()) * dy
        # pixels that the new point is nearest to lie within the largest distance so far
        reach = (farthest + 1) * step
        x, y = points[k]
        for i in range(max(0, int((y - reach) / dy)), min(rows, int((y + reach) / dy) + 1)):
            for j in range(max(0, int((x - reach) / dx)), min(columns, int((x + reach) / dx) + 1)):
                away = np.sqrt(((j + 0.5) * dx - x) ** 2 + ((i + 0.5) * dy - y) ** 2)
                pixel, b = i * columns + j, int(away / step)
                if b < bins[pixel]:
                    count[bins[pixel]] -= 1
                    count[b] += 1
                    bins[pixel] = b
    return points


def strauss(rng, n, gamma, radius, box=BOX_NM, sweeps=100):
    """Strauss model with a given number of points: each close pair costs a factor gamma.

    The probability of an arrangement is proportional to gamma to the number of pairs closer than
    ``radius``; 1 is neutral, 0 a hard core.  In thermal terms gamma is exp(-E / kT) with a
    repulsion E per pair.  Metropolis moves of one point at a time to a random place.

    Parameters
    ----------
    rng, n, box
        As for :func:`neutral`.
    gamma : float
        Between 0 and 1.
    radius : float
        nm.
    sweeps : int
        Proposed moves per point; strong repulsion at high density needs more.

    Returns
    -------
    ndarray, shape (n, 2)
        nm.

    Raises
    ------
    helpers.data.DataError
        If gamma is 0 and close pairs are left at the end.
    """
    n, box = _check(n, box)
    if not 0 <= gamma <= 1:
        raise DataError(f"gamma is {gamma}; it lies between 0 (hard core) and 1 (no interaction)")
    if not radius > 0:
        raise DataError(f"the radius of interaction is {radius} nm; it must be positive")
    points, proposals = neutral(rng, n, box), neutral(rng, n * sweeps, box)
    log = np.log(np.maximum(gamma, FORBIDDEN))
    close = metropolis(rng, points, proposals, np.array([0, radius**2]), np.array([log]))
    if close:
        raise DataError(
            f"{close} pairs are still closer than the hard core of {radius:g} nm after {sweeps}"
            f" sweeps; ask for fewer than {n} atoms, a smaller radius or more sweeps"
        )
    return points


# Pair potentials in steps; the Strauss model has one


@numba.njit(cache=True)
def metropolis(rng, points, proposals, squares, logs):
    """Move one point after the other to a proposed place, by Metropolis' rule, in place.

    Parameters
    ----------
    rng : numpy.random.Generator
    points, proposals : ndarray, shape (n, 2) and (moves, 2)
    squares : ndarray, shape (K + 1,)
        Squared limits of the steps of the potential, the first one 0.
    logs : ndarray, shape (K,)
        Logarithm of the factor of a pair in each step; below -300 the pair is forbidden.

    Returns
    -------
    int
        Forbidden pairs that are left.
    """
    for u, v in proposals:
        k = int(rng.random() * len(points))
        gain = _potential(points, k, u, v, squares, logs)
        gain -= _potential(points, k, points[k, 0], points[k, 1], squares, logs)
        if gain >= 0 or rng.random() < np.exp(gain):
            points[k] = u, v
    forbidden = 0
    for k in range(len(points)):
        potential = _potential(points, k, points[k, 0], points[k, 1], squares, logs)
        forbidden += potential < -300.0
    return forbidden // 2


@numba.njit(cache=True)
def _potential(points, k, x, y, squares, logs):
    """Logarithm of the factors of point k at (x, y)."""
    total = 0.0
    for i in range(len(points)):
        away = (points[i, 0] - x) ** 2 + (points[i, 1] - y) ** 2
        if i != k and away <= squares[-1]:
            for b in range(len(logs)):
                if away <= squares[b + 1]:
                    total += logs[b]
                    break
    return total


# Several species


def species(rng, counts, box=BOX_NM, model=neutral):
    """Several species, each drawn on its own as if the others were not there (the paper's way).

    Parameters
    ----------
    rng, box
        As for :func:`neutral`.
    counts : dict
        Atoms per species, ``{"Ni": 200, "Pd": 100}``.
    model : callable
        ``model(rng, n, box)`` for one species.

    Returns
    -------
    tuple
        Positions (N, 2) in nm and labels (N,), species by species.
    """
    if not counts:
        raise DataError("no species was given; counts looks like {'Ni': 200, 'Pd': 100}")
    positions = [model(rng, n, box) for n in counts.values()]
    return np.concatenate(positions), np.repeat(list(counts), list(counts.values()))


def ordered_labels(rng, positions, counts, strength, neighbours=2, sweeps=100):
    """Species on given positions that prefer (or avoid) their like.

    An exchange model: each pair of near neighbours of one kind multiplies the probability of a
    labelling by exp(strength).  Positive strength clusters the species, negative lets them
    alternate, 0 is random labelling.  Pairs of labels are exchanged by Metropolis' rule, so the
    composition is kept.

    Parameters
    ----------
    rng : numpy.random.Generator
    positions : ndarray, shape (N, 2)
        nm.
    counts : dict
        Atoms per species, adding up to N.
    strength : float
        In units of kT per pair.
    neighbours : int
        Two atoms are a pair if one is among the nearest ``neighbours`` of the other. With 1 the
        share of pairs of a kind is exp(strength) / (1 + exp(strength)) in a large, even mixture;
        with more, clusters grow into domains, but no labelling can make all pairs alternate.
    sweeps : int
        Proposed exchanges per atom.

    Returns
    -------
    ndarray, shape (N,)
        Labels.
    """
    n = len(positions)
    if sum(counts.values()) != n:
        raise DataError(
            f"the species have {sum(counts.values())} atoms, but there are {n} positions"
        )
    names, labels = list(counts), np.repeat(np.arange(len(counts)), list(counts.values()))
    labels = rng.permutation(labels)
    if strength != 0 and n > 2:
        nearest = cKDTree(positions).query(positions, k=min(neighbours + 1, n))[1][:, 1:]
        one = np.repeat(np.arange(n), nearest.shape[1])
        pairs = np.column_stack([one, nearest.ravel()])
        pairs = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)
        start = np.searchsorted(pairs[:, 0], np.arange(n + 1))
        _exchange(rng, labels, start, pairs[:, 1].copy(), float(strength), sweeps * n)
    return np.array(names)[labels]


@numba.njit(cache=True)
def _exchange(rng, labels, start, others, strength, moves):
    n = len(labels)
    for _ in range(moves):
        i, j = int(rng.random() * n), int(rng.random() * n)
        if labels[i] == labels[j]:
            continue
        gain = 0  # like pairs won by the exchange; i and j themselves stay unlike
        for k in others[start[i] : start[i + 1]]:
            gain += (k != j) * (int(labels[k] == labels[j]) - int(labels[k] == labels[i]))
        for k in others[start[j] : start[j + 1]]:
            gain += (k != i) * (int(labels[k] == labels[i]) - int(labels[k] == labels[j]))
        if rng.random() < np.exp(min(strength * gain, 0.0)):
            labels[i], labels[j] = labels[j], labels[i]


# Fig. 3d


def model_statistics(model, rng, runs=RUNS, cutoff_nm=0.22, edges_nm=None):
    """Nearest-neighbour distances and share of atoms in multimers of a model, over runs.

    Like the paper's, without a correction for the edges of the box.

    Parameters
    ----------
    model : callable
        ``model(rng)`` returns positions in nm, ``lambda rng: repulsive(rng, 400)``.
    rng : numpy.random.Generator
    runs : int
    cutoff_nm : float
        Atoms with a neighbour within it belong to a multimer.
    edges_nm : ndarray, optional
        Of the histogram; 0 to 1.5 nm in steps of 0.025 by default.

    Returns
    -------
    tuple of DataFrame
        One row per run: ``n``, ``nnd_mean_nm``, ``multimer_share``.  And the histogram:
        ``distance_nm`` (centre), ``density_per_nm`` and ``density_sd_per_nm``, mean and spread over
        runs; distances beyond the last edge are left out of it but counted in the norm.
    """
    edges = np.arange(61) * 0.025 if edges_nm is None else np.asarray(edges_nm, float)
    rows, histograms = [], []
    for _ in range(runs):
        positions = model(rng)
        if len(positions) < 2:
            raise DataError(f"a run of the model has {len(positions)} atom(s); it needs at least 2")
        distances = cKDTree(positions).query(positions, k=2)[0][:, 1]
        rows.append((len(positions), distances.mean(), np.mean(distances <= cutoff_nm)))
        histograms.append(np.histogram(distances, edges)[0] / len(distances) / np.diff(edges))
    histogram = pd.DataFrame(
        {
            "distance_nm": (edges[1:] + edges[:-1]) / 2,
            "density_per_nm": np.mean(histograms, 0),
            "density_sd_per_nm": np.std(histograms, 0, ddof=1) if runs > 1 else np.nan,
        }
    )
    return pd.DataFrame(rows, columns=["n", "nnd_mean_nm", "multimer_share"]), histogram
