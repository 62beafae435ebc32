"""Are atoms where chance would put them?  Ripley's K, L and g in any mask, with global tests.

Second-order statistics of positions: K(r), the mean number of further atoms within r of an atom
over the density; L(r) = sqrt(K / pi), which is r for a random arrangement; and the pair
distribution g(r) of Rossi et al. 2024 (Fig. S31), which is 1.  Pairs are weighted by the
translation correction of Ohser (1983): a pair apart by a vector d is divided by the area that the
mask shares with itself moved by d, which makes K unbiased for a mask of any shape, holes included.

The test is by simulation.  The p-values hold for the curve as a whole, not for a distance
that was picked after looking: the largest absolute deviation, and the extreme rank length of
Myllymaki et al. 2017 (J. R. Stat. Soc. B 79, 381), whose 95 % envelope is left
exactly when p <= 0.05 (ties aside).

Own code, because the libraries at hand do not fit a mask of pixels: astropy's estimator knows
rectangles only, pointpats' polygons are intersected once per pair, both compare all pairs, and
neither has a rank test.

Positions are (N, 2), columns x and y in nm; pixel (row i, column j) has its centre at
x = j * pixel_size_nm, y = i * pixel_size_nm.
"""

from dataclasses import dataclass

import numba
import numpy as np
import pandas as pd
from scipy import fft, stats

from helpers.atoms.arrangement import is_inside
from helpers.data import DataError

RUNS = 199


# Edge correction


def shared_area(mask, pixel_size_nm, reach_nm):
    """Area that a mask shares with itself moved by a whole number of pixels.

    The autocorrelation of the mask, by FFT.  Between whole pixels the shared area of a set of
    square pixels is exactly the bilinear interpolation of these values.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
    pixel_size_nm : float
    reach_nm : float
        Largest move.

    Returns
    -------
    ndarray, shape (2m + 1, 2m + 1)
        nm^2, rows dy and columns dx from -m to m pixels, m at least ``reach_nm`` long.
    """
    reach = int(np.ceil(reach_nm / pixel_size_nm)) + 1
    shape = [fft.next_fast_len(side + reach, real=True) for side in mask.shape]
    spectrum = fft.rfft2(np.asarray(mask, float), shape)
    counts = np.rint(fft.irfft2(np.abs(spectrum) ** 2, shape))
    lags = np.arange(-reach, reach + 1)
    return counts[np.ix_(lags % shape[0], lags % shape[1])] * pixel_size_nm**2


@numba.njit(cache=True, nogil=True)
def _pair_sums(one, two, start, cells, low, side, same, shared, pixel, r_max, bins):
    """Sum of 1 / shared area over pairs per distance bin, and nearest distances within r_max.

    ``two`` is sorted by cell.
    """
    rows, columns = cells
    centre = shared.shape[0] // 2
    ring = int(np.ceil(r_max / side))
    sums, nearest = np.zeros(bins), np.full(len(two), np.inf)
    for a in range(len(one)):
        x, y = one[a]
        i, j = int((y - low[1]) / side), int((x - low[0]) / side)
        for row in range(max(0, i - ring), min(rows, i + ring + 1)):
            first = start[row * columns + max(0, j - ring)]
            last = start[row * columns + min(columns - 1, j + ring) + 1]
            # with one set of points a pair is met once and counts twice
            for b in range(max(first, a + 1) if same else first, last):
                dx, dy = two[b, 0] - x, two[b, 1] - y
                away = np.sqrt(dx * dx + dy * dy)
                if away < r_max:
                    nearest[b] = min(nearest[b], away)
                    if same:
                        nearest[a] = min(nearest[a], away)
                    u, v = dx / pixel + centre, dy / pixel + centre
                    p, q = int(u), int(v)
                    u -= p
                    v -= q
                    area = (1 - v) * ((1 - u) * shared[q, p] + u * shared[q, p + 1])
                    area += v * ((1 - u) * shared[q + 1, p] + u * shared[q + 1, p + 1])
                    if area > 0:
                        sums[min(int(away / r_max * bins), bins - 1)] += (
                            2.0 if same else 1.0
                        ) / area
    return sums, nearest


def weigh(one, two, shared, pixel_size_nm, r_max, bins):
    """Sums over pairs of one over the shared area, per distance bin, and nearest distances.

    ``two`` is None for the pairs within ``one``; ``shared`` is from :func:`shared_area`.
    """
    same = two is None
    points = one if same else two
    low = np.minimum(one.min(0), points.min(0))
    high = np.maximum(one.max(0), points.max(0))
    side = max(r_max / 2, np.sqrt(np.prod(high - low) / len(points)))
    cells = tuple(((high - low)[::-1] / side).astype(int) + 1)
    rows, columns = ((points[:, ::-1] - low[::-1]) / side).astype(int).T
    index = rows * cells[1] + columns
    order = np.argsort(index, kind="stable")
    start = np.searchsorted(index[order], np.arange(cells[0] * cells[1] + 1))
    points = points[order]
    first = points if same else one
    return _pair_sums(
        first, points, start, cells, low, side, same, shared, pixel_size_nm, r_max, bins
    )


# Statistics


def check(positions, mask, pixel_size_nm, r_max, step):
    """Positions, mask, number of bins and largest distance; DataError for what cannot be."""
    positions, mask = np.asarray(positions, float), np.asarray(mask, bool)
    if mask.ndim != 2 or not mask.any():
        raise DataError(
            "the mask holds no specimen; it must be two-dimensional with some pixels set"
        )
    if positions.ndim != 2 or positions.shape[1] != 2 or len(positions) < 2:
        raise DataError(
            f"positions have the shape {positions.shape}; pair statistics need (N, 2) with N >= 2"
        )
    outside = int(np.sum(~is_inside(positions, mask, pixel_size_nm)))
    if outside:
        raise DataError(
            f"{outside} of {len(positions)} atoms lie off the mask; leave them out"
            " (arrangement.is_inside tells which)"
        )
    filled = [np.flatnonzero(mask.any(axis)) for axis in (0, 1)]
    limit = min(np.ptp(f) + 1 for f in filled) * pixel_size_nm / 2
    if not 0 < step <= r_max <= limit:
        raise DataError(
            f"distances up to {r_max:g} nm in steps of {step:g} nm were asked for; the step must be"
            f" positive and the largest at most half the mask's shorter side, {limit:.3g} nm"
        )
    bins = max(1, round(r_max / step))
    return positions, mask, bins, bins * step


def _table(sums, product, area, step):
    r = np.arange(1, len(sums) + 1) * step
    k = np.cumsum(sums) * area**2 / product
    ring = np.pi * (r**2 - (r - step) ** 2)
    return pd.DataFrame(
        {
            "r_nm": r,
            "K_nm2": k,
            "L_nm": np.sqrt(k / np.pi),
            "ring_nm": r - step / 2,
            "g": np.diff(k, prepend=0) / ring,
        }
    )


def pair_statistics(positions, mask, pixel_size_nm, r_max=2.0, step=0.02, others=None):
    """K, L and g with the translation correction.

    Parameters
    ----------
    positions : ndarray, shape (N, 2)
        nm; all on the mask.
    mask : ndarray of bool, shape (H, W)
        Specimen; any shape.
    pixel_size_nm : float
    r_max, step : float
        Distances step, 2 step, ... r_max, nm.
    others : ndarray, shape (M, 2), optional
        A second species: pairs from ``positions`` to ``others`` (cross K), instead of pairs within
        ``positions``.

    Returns
    -------
    DataFrame
        ``r_nm``, ``K_nm2`` and ``L_nm`` at it; ``ring_nm``, the middle of the ring that ends at
        r_nm, and ``g``, the mean of the pair distribution over that ring.

    Raises
    ------
    helpers.data.DataError
        For atoms off the mask, fewer than two, or distances beyond half the mask's shorter side.
    """
    positions, mask, bins, r_max = check(positions, mask, pixel_size_nm, r_max, step)
    if others is not None:
        _, others = positions, check(others, mask, pixel_size_nm, r_max, step)[0]
    shared = shared_area(mask, pixel_size_nm, r_max)
    sums, _ = weigh(positions, others, shared, pixel_size_nm, r_max, bins)
    product = len(positions) * (len(positions) - 1 if others is None else len(others))
    return _table(sums, product, mask.sum() * pixel_size_nm**2, step)


# Global tests


@dataclass(frozen=True)
class GlobalTest:
    """An observed curve against simulated ones.

    Attributes
    ----------
    table : DataFrame
        ``r_nm``, ``observed``, ``mean`` (of all curves), ``low`` and ``high``, the global envelope.
    p : float
        Of the extreme rank length: at most 1 - level exactly when the envelope is left.
    p_deviation : float
        Of the largest absolute deviation from the mean.
    runs : int
    """

    table: pd.DataFrame
    p: float
    p_deviation: float
    runs: int


def global_test(r_nm, observed, simulated, level=0.95):
    """Judge a curve by simulated ones, as a whole.

    Parameters
    ----------
    r_nm : ndarray, shape (M,)
    observed : ndarray, shape (M,)
    simulated : ndarray, shape (S, M)
    level : float
        Of the envelope; S must be at least 2 / (1 - level) - 1.

    Returns
    -------
    GlobalTest
    """
    curves = np.vstack([observed, simulated])
    total = len(curves)
    if total * (1 - level) < 2 - 1e-9:
        raise DataError(
            f"{total - 1} simulations are too few for an envelope at {level:.0%};"
            f" run at least {int(np.ceil(2 / (1 - level) - 1e-9)) - 1}"
        )
    if not np.isfinite(curves).all():
        raise DataError("some curves are not finite; ask for distances at which all are defined")
    # Two-sided ranks of every curve at every distance, ties shared; 1 is the most extreme.  Sorted,
    # they order the curves: by the most extreme rank, then by how often it occurs, and so on.
    up = stats.rankdata(curves, axis=0)
    ranks = np.sort(np.minimum(up, total + 1 - up), axis=1)
    order = np.lexsort(ranks.T[::-1])
    new = np.append(True, np.any(np.diff(ranks[order], axis=0) != 0, axis=1))
    last = np.append(np.flatnonzero(new)[1:], total)  # curves as extreme or more, per group of ties
    p = np.empty(total)
    p[order] = last[np.cumsum(new) - 1] / total
    kept = curves[p > 1 - level + 1e-12]
    mean = curves.mean(0)
    deviation = np.abs(curves - mean).max(1)
    table = pd.DataFrame(
        {
            "r_nm": r_nm,
            "observed": observed,
            "mean": mean,
            "low": kept.min(0),
            "high": kept.max(0),
        }
    )
    largest = deviation >= deviation[0] * (1 - 1e-12)
    return GlobalTest(table, float(p[0]), float(np.mean(largest)), total - 1)


def random_in(mask, pixel_size_nm, count):
    """Simulator of random arrangements: a function of a generator, for :func:`envelopes`."""
    pixels, width = np.flatnonzero(mask), mask.shape[1]

    def simulate(rng):
        rows, columns = np.divmod(pixels[rng.integers(len(pixels), size=count)], width)
        return (np.column_stack([columns, rows]) + rng.random((count, 2)) - 0.5) * pixel_size_nm

    return simulate


def envelopes(
    positions, mask, pixel_size_nm, rng, runs=RUNS, simulate=None, r_max=2.0, step=0.02, level=0.95
):
    """L, g and nearest-neighbour distribution G against simulated arrangements in the same mask.

    Null hypothesis by default: as many atoms, anywhere on the mask with equal probability.  All
    three curves come from the same simulations; each has its own p-values, so with three looks
    divide the level by three.  G is the plain share of atoms with a neighbour within r: the
    simulations are cut by the same edges.  The deviation test of g looks mainly at the smallest
    distances, where g is noisiest; the rank test weighs all distances alike.

    Parameters
    ----------
    positions, mask, pixel_size_nm, r_max, step
        As for :func:`pair_statistics`.
    rng : numpy.random.Generator
    runs : int
        Simulations; 499 or more for p-values to be quoted.
    simulate : callable, optional
        ``simulate(rng)`` returns positions of another null model, on the mask.
    level : float
        Of the envelopes.

    Returns
    -------
    dict
        ``"L"`` (L(r) - r, nm, at r), ``"g"`` (at the middle of the ring), ``"G"``: a
        :class:`GlobalTest` each.
    """
    positions, mask, bins, r_max = check(positions, mask, pixel_size_nm, r_max, step)
    simulate = simulate or random_in(mask, pixel_size_nm, len(positions))
    shared, area = shared_area(mask, pixel_size_nm, r_max), mask.sum() * pixel_size_nm**2
    edges = np.arange(bins + 1) * step

    def curves(points):
        sums, nearest = weigh(points, None, shared, pixel_size_nm, r_max, bins)
        table = _table(sums, len(points) * (len(points) - 1), area, step)
        within = np.cumsum(np.histogram(nearest, edges)[0]) / len(points)
        return np.array([table.L_nm - table.r_nm, table.g, within])

    observed = curves(positions)
    simulated = np.empty((runs, 3, bins))
    for run in range(runs):
        points = np.asarray(simulate(rng), float)
        if len(points) < 2 or not is_inside(points, mask, pixel_size_nm).all():
            raise DataError(
                "the null model must return at least 2 positions, all on the mask; run"
                f" {run + 1} returned {len(points)}, or some of them off it"
            )
        simulated[run] = curves(points)
    places = {"L": edges[1:], "g": edges[1:] - step / 2, "G": edges[1:]}
    return {
        name: global_test(r, observed[i], simulated[:, i], level)
        for i, (name, r) in enumerate(places.items())
    }
