"""Do atoms attract or repel each other, and how strongly?  A pair potential fitted to positions.

The model is a Gibbs process with a potential in steps: an atom at u, given all others, has the
intensity ``activity * gamma_1^t_1 * gamma_2^t_2 ...``, where t_k is the number of others at a
distance of step k.  With one step it is the Strauss process.  In thermal terms a pair of step k
costs ``-ln gamma_k`` kT: above 1, gamma says attraction.

Detection must not be taken for repulsion.  Two atoms closer than the detector resolves are reported
as one, whatever forces there are.  So the first step, from 0 to the resolution (the core), is a
nuisance: it has a factor of its own that says nothing of atoms.  And a fit can be compared with
the same fit to a random arrangement seen through the same detector: :func:`against`.

Fitted by the logistic likelihood of Baddeley et al. 2014 (Biometrika 101, 377): atoms are told from
random dummy points by their neighbours, a logistic regression.  It needs no integral over the
field, and holes and ragged outlines do no harm: atoms nearer to an edge than the reach of the
potential count as neighbours only.  Intervals are from the sandwich variance with the terms of
Coeurjolly and Rubak 2013 (Scand. J. Stat. 40, 669): neighbours of neighbours are not independent.

Positions are (N, 2), columns x and y in nm; pixel (row i, column j) has its centre at
x = j * pixel_size_nm, y = i * pixel_size_nm.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special, stats
from scipy.spatial import cKDTree

from helpers.atoms.arrangement import is_inside, random_positions
from helpers.atoms.density import Estimate
from helpers.atoms.neighbours import border_distance
from helpers.atoms.processes import FORBIDDEN, metropolis
from helpers.data import DataError

DUMMIES = 8  # per atom
FEWEST_DUMMIES = 2000  # per image
NONE_SEEN = stats.chi2.isf(0.025, 2) / 2  # mean of a Poisson count that is 0 in 2.5 % of cases


@dataclass(frozen=True)
class Interaction:
    """A fitted potential.

    Attributes
    ----------
    table : DataFrame
        One row per step, the core first if there is one: ``from_nm``, ``to_nm``; ``neighbours``
        that atoms away from the edge have there; ``gamma`` with its interval ``low`` to ``high``
        and the standard error ``se_log`` of its logarithm; ``energy_kt`` with ``energy_low_kt``
        and ``energy_high_kt``. Where no neighbour is seen, gamma is 0 and ``high`` the value that
        would leave none in 2.5 % of cases. Attraction without a core has no such process, real
        atoms would collapse: there gamma describes, and the interval is too narrow or missing
        (NaN).
    activity_nm2 : ndarray
        Per image: intensity where there is no neighbour.
    atoms : int
        Away from the edge, in all images.
    log_likelihood : float
        Logistic; comparable between fits to the same images with equal ``border_nm`` and seed.
    """

    table: pd.DataFrame
    activity_nm2: np.ndarray
    atoms: int
    log_likelihood: float

    @property
    def steps(self):
        """The table without the core."""
        return self.table[self.table.from_nm > 0] if len(self.table) > 1 else self.table


def _limits(edges_nm):
    edges = np.asarray(edges_nm, float)
    if edges.ndim != 1 or len(edges) < 2 or edges[0] < 0 or not np.all(np.diff(edges) > 0):
        raise DataError(
            f"the steps of the potential have the limits {list(edges_nm)}; two or more increasing"
            " distances in nm are needed, the first one 0 or the resolution of the detector"
        )
    return edges if edges[0] == 0 else np.append(0, edges)


def _neighbours(tree, points, limits, own):
    """How many atoms lie in each step around each point, (M, K); ``own``: do not count itself."""
    within = [tree.query_ball_point(points, r, return_length=True) - own for r in limits[1:]]
    return np.diff(np.column_stack([np.zeros(len(points), int), *within]), axis=1)


def _prepare(fields, limits, rng, border):
    """Atoms and dummies away from the edges of all images, with their neighbours."""
    points, counts, image, is_atom, rates = [], [], [], [], []
    for i, (positions, mask, pixel) in enumerate(fields):
        positions, mask = np.asarray(positions, float).reshape(-1, 2), np.asarray(mask, bool)
        outside = int(np.sum(~is_inside(positions, mask, pixel)))
        if outside:
            raise DataError(
                f"image {i + 1}: {outside} of {len(positions)} atoms lie off the mask; leave them"
                " out (arrangement.is_inside tells which)"
            )
        inner = border_distance(positions, mask, pixel) >= border if len(positions) else []
        if not np.any(inner):
            raise DataError(
                f"image {i + 1}: none of its {len(positions)} atoms is {border:g} nm from the edge"
                " of the specimen; a larger image or a shorter potential is needed"
            )
        area = np.count_nonzero(mask) * pixel**2
        rate = max(DUMMIES * len(positions), FEWEST_DUMMIES) / area
        dummies = random_positions(rng.poisson(rate * area), mask, pixel, rng)
        dummies = dummies[border_distance(dummies, mask, pixel) >= border]
        tree, atoms = cKDTree(positions), positions[inner]
        # images lie far apart, so that points of one never meet points of another
        points += [atoms + [1e4 * i, 0], dummies + [1e4 * i, 0]]
        counts += [_neighbours(tree, atoms, limits, 1), _neighbours(tree, dummies, limits, 0)]
        is_atom += [np.ones(len(atoms), bool), np.zeros(len(dummies), bool)]
        image += [np.full(len(atoms) + len(dummies), i)]
        rates.append(rate)
    return (
        np.concatenate(points), np.concatenate(counts), np.concatenate(image),
        np.concatenate(is_atom), np.array(rates),
    )  # fmt: skip


def _likelihood(odds, is_atom):
    return float(special.log_expit(np.where(is_atom, odds, -odds)).sum())


def _regress(design, is_atom, offset):
    """Logistic regression by Newton's method; parameters, their information and likelihood."""
    theta = np.zeros(design.shape[1])
    best = _likelihood(offset, is_atom)
    for _ in range(100):
        p = special.expit(design @ theta + offset)
        information = design.T @ (design * (p * (1 - p))[:, None])
        step = np.linalg.solve(information, design.T @ (is_atom - p))
        if np.abs(step).max() < 1e-7:
            return theta, information, best
        # where atoms crowd, a whole step may go too far
        for _ in range(30):
            reached = _likelihood(design @ (theta + step) + offset, is_atom)
            if reached >= best:
                break
            step /= 2
        theta, best = theta + step, reached
    raise DataError("the fit of the potential does not converge; use fewer or wider steps")


def _covariance(points, design, offset, theta, information, limits, free):
    """Sandwich; all points are dummies, ``free`` the column of each step in the design, or -1."""
    # intensities over that of the dummies, so that a sum over dummies is an integral
    intensity = np.exp(design @ theta + offset)
    weight = design / (1 + intensity[:, None])
    pairs = cKDTree(points).query_pairs(limits[-1], output_type="ndarray")
    apart = np.hypot(*(points[pairs[:, 0]] - points[pairs[:, 1]]).T)
    column = free[np.minimum(np.searchsorted(limits, apart, side="left") - 1, len(limits) - 2)]
    factor = np.where(column >= 0, np.exp(theta[column]), 0)
    both = intensity[pairs].prod(1)
    one, two = weight[pairs[:, 0]], weight[pairs[:, 1]]
    spread = one.T @ (two * (both * (1 - factor))[:, None])
    moved = np.flatnonzero(column >= 0)
    changes = []
    for end in pairs[moved].T:
        with_other = design[end]
        with_other[np.arange(len(moved)), column[moved]] += 1
        with_other = with_other / (1 + intensity[end] * factor[moved])[:, None]
        changes.append(with_other - weight[end])
    spread += changes[0].T @ (changes[1] * (both * factor)[moved, None])
    inverse = np.linalg.inv(information)
    return inverse @ (information + spread + spread.T) @ inverse


def fit_interaction(fields, edges_nm, rng, border_nm=None, confidence=0.95):
    """Fit a potential in steps to one image, or one potential to several images.

    Parameters
    ----------
    fields : list of tuple
        Per image (positions (N, 2) in nm, mask of the specimen, pixel_size_nm). Every image has an
        activity of its own.
    edges_nm : sequence of float
        Limits of the steps. ``(0, 0.5)`` is the Strauss process of range 0.5 nm;
        ``(0.25, 0.5)`` adds a core of 0.25 nm, in which the factor belongs to the detector.
    rng : numpy.random.Generator
        Of the dummy points.
    border_nm : float, optional
        Atoms nearer to the edge are neighbours only; the last edge by default. Needed to compare
        potentials of different reach.
    confidence : float

    Returns
    -------
    Interaction

    Raises
    ------
    helpers.data.DataError
        For atoms off the mask, images without atoms away from the edge, or too few atoms to tell.
    """
    limits = _limits(edges_nm)
    border = limits[-1] if border_nm is None else border_nm
    if border < limits[-1]:
        raise DataError(f"the border is {border:g} nm, less than the reach of {limits[-1]:g} nm")
    points, counts, image, is_atom, rates = _prepare(fields, limits, rng, border)
    images, seen = len(rates), counts[is_atom].sum(0)
    met = counts[~is_atom].sum(0)
    if np.any(met == 0):
        raise DataError(
            f"the step up to {limits[1:][met == 0][0]:g} nm is too narrow for so few atoms:"
            " no random place falls into it; use wider steps or more images"
        )
    kept = np.flatnonzero(seen > 0)
    free = np.full(len(seen), -1)
    free[kept] = images + np.arange(len(kept))
    possible = (counts[:, seen == 0] == 0).all(1)  # elsewhere a neighbour is out of the question
    design = np.column_stack([image[:, None] == np.arange(images), counts[:, kept]]).astype(float)
    offset = -np.log(rates)[image]
    used = design[possible], is_atom[possible], offset[possible]
    theta, information, likelihood = _regress(*used)
    dummy = possible & ~is_atom
    covariance = _covariance(
        points[dummy], design[dummy], offset[dummy], theta, information, limits, free
    )
    quantile = stats.norm.isf((1 - confidence) / 2)
    rows = []
    for k, (start, end) in enumerate(zip(limits[:-1], limits[1:])):
        row = {"from_nm": start, "to_nm": end, "neighbours": int(seen[k])}
        if seen[k] > 0:
            log, variance = theta[free[k]], covariance[free[k], free[k]]
            se = np.sqrt(variance) if variance > 0 else np.nan
            low, gamma, high = np.exp([log - quantile * se, log, log + quantile * se])
        else:
            others = (np.delete(counts, k, 1)[:, np.delete(seen == 0, k)] == 0).all(1) & ~is_atom
            expected = np.exp(design[others] @ theta + offset[others]) @ counts[others, k]
            low, gamma, high, se = 0.0, 0.0, NONE_SEEN / (expected / 2), np.nan
        with np.errstate(divide="ignore"):
            energies = -np.log([gamma, high, low])
        rows.append(row | {"gamma": gamma, "low": low, "high": high, "se_log": se})
        rows[-1] |= dict(zip(("energy_kt", "energy_low_kt", "energy_high_kt"), energies))
    activity = np.exp(theta[:images])
    return Interaction(pd.DataFrame(rows), activity, int(is_atom.sum()), likelihood)


def profile_range(fields, candidates_nm, seed, core_nm=0.0):
    """Strauss fits of several ranges, chosen in advance, to the same atoms and dummies.

    Parameters
    ----------
    fields
        As for :func:`fit_interaction`.
    candidates_nm : sequence of float
        Ranges; all above the core.
    seed : int
        Of the dummy points.
    core_nm : float
        Resolution of the detector; 0 for known positions.

    Returns
    -------
    DataFrame
        ``range_nm``, ``log_likelihood`` below the best one, ``gamma``, ``low``, ``high``. The
        interval of the best range does not know that the range was chosen.
    """
    rows = []
    for reach in candidates_nm:
        rng = np.random.default_rng(seed)
        found = fit_interaction(fields, (core_nm, reach), rng, border_nm=max(candidates_nm))
        step = found.table.iloc[-1]
        rows.append((reach, found.log_likelihood, step.gamma, step.low, step.high))
    table = pd.DataFrame(rows, columns=["range_nm", "log_likelihood", "gamma", "low", "high"])
    return table.assign(log_likelihood=table.log_likelihood - table.log_likelihood.max())


def against(observed, null, confidence=0.95):
    """Factors over those of a random arrangement that went through the same detector.

    What is left when the part of the interaction that the detector makes is divided out; 1 means
    no interaction. Both intervals enter.

    Parameters
    ----------
    observed, null : Interaction
        Fits with the same steps.
    confidence : float

    Returns
    -------
    list of Estimate
        One per step, without the core; NaN where one of both saw no neighbour.
    """
    one, two = observed.steps, null.steps
    limits = [t[["from_nm", "to_nm"]].to_numpy().tolist() for t in (one, two)]
    if limits[0] != limits[1]:
        raise DataError(
            f"the steps {limits[0]} and {limits[1]} nm cannot be compared; fit both with the same"
            " limits"
        )
    quantile = stats.norm.isf((1 - confidence) / 2)
    ratios = []
    for a, b in zip(one.itertuples(), two.itertuples()):
        if a.gamma == 0 or b.gamma == 0:
            ratios.append(Estimate(np.nan, np.nan, np.nan))
            continue
        half = np.exp(quantile * np.hypot(a.se_log, b.se_log))
        value = a.gamma / b.gamma
        ratios.append(Estimate(value, value / half, value * half))
    return ratios


def gibbs(rng, n, edges_nm, gammas, mask, pixel_size_nm, sweeps=100):
    """Draw an arrangement of the model, with a given number of atoms, on a mask.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
    edges_nm : sequence of float
        As for :func:`fit_interaction`.
    gammas : sequence of float
        One per step, the core first if the first limit is not 0.
    mask : ndarray of bool, shape (H, W)
    pixel_size_nm : float
    sweeps : int
        Proposed moves per atom.

    Returns
    -------
    ndarray, shape (n, 2)
        nm.

    Raises
    ------
    helpers.data.DataError
        If the factors do not fit the steps, or pairs with a factor of 0 are left at the end.
    """
    limits, gammas = _limits(edges_nm), np.asarray(gammas, float)
    if gammas.shape != (len(limits) - 1,) or not np.all(gammas >= 0):
        raise DataError(
            f"{len(limits) - 1} steps need as many factors, 0 or more; found {gammas.tolist()}"
        )
    points = random_positions(n, mask, pixel_size_nm, rng)
    proposals = random_positions(n * sweeps, mask, pixel_size_nm, rng)
    logs = np.log(np.maximum(gammas, FORBIDDEN))
    forbidden = metropolis(rng, points, proposals, limits**2, logs)
    if forbidden:
        raise DataError(
            f"{forbidden} pairs are still where none may be after {sweeps} sweeps; ask for fewer"
            f" than {n} atoms, a smaller core or more sweeps"
        )
    return points
