"""Chemical order: do elements seek or avoid each other, given where the atoms are?

Rossi et al. 2024 (Fig. 5c, S39, S41) compare the distances Ni-Ni, Ni-Pd, Pd-Ni and Pd-Pd to the
nearest neighbour with those of two independent random species in a finite box, and read the absence
of order off the curves.  Two questions are mixed there: where atoms are, and which element sits
where.  An arrangement that merely keeps its distance fails that comparison without any order.

Random labelling separates them: positions stay, labels are permuted.  Two statistics are judged, as
whole curves and for all pairs of elements at once: the distribution of the distance from every A to
the nearest B, which is directional (A to B is not B to A), and the mark-connection function
p_ab(r), the probability that two atoms a distance r apart are an A and a B (Stoyan and Stoyan
1994).  That is a ratio of counts of pairs, so the edge of the field cancels.

Labels may be wrong.  Errors that do not depend on the neighbours leave the test its size and take
power; :func:`uncertain_labelling` says what an image can tell with labels as sure as theirs.

Positions are arrays of shape (N, 2), columns x and y, in nm.
"""

from dataclasses import dataclass

import numba
import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from helpers.atoms import ripley
from helpers.data import DataError

RUNS = 499
REACH_NM = 1.5
STEP_NM = 0.05
RING_NM = 0.1


@dataclass(frozen=True)
class OrderTest:
    """Order between elements against simulations.

    Attributes
    ----------
    nearest : dict of (str, str) to ripley.GlobalTest
        From the first to the second element: share of the first with one of the second within r.
    connection : dict of (str, str) to ripley.GlobalTest
        p_ab(r) at the middle of rings; both orders of two elements together.
    means : DataFrame
        ``element``, ``neighbour``, ``mean_nm`` of the nearest distances, and ``null_nm``,
        ``null_low_nm`` and ``null_high_nm``, mean and central 95 % of the simulations.
    p_nearest, p_connection : float
        Of all curves of a kind at once.
    """

    nearest: dict
    connection: dict
    means: pd.DataFrame
    p_nearest: float
    p_connection: float

    @property
    def p(self):
        """Of both kinds of curves together: the smaller one, doubled."""
        return min(1.0, 2 * min(self.p_nearest, self.p_connection))


def _check(positions, labels):
    positions, labels = np.asarray(positions, float), np.asarray(labels)
    if positions.ndim != 2 or positions.shape[1] != 2 or not np.isfinite(positions).all():
        raise DataError(f"positions have the shape {positions.shape}; (N, 2) finite numbers needed")
    if labels.shape != (len(positions),):
        raise DataError(f"{len(positions)} positions have {labels.size} labels; one each is needed")
    names, codes = np.unique(labels, return_inverse=True)
    counts = np.bincount(codes, minlength=len(names))
    if len(names) < 2 or counts.min() < 2:
        found = ", ".join(f"{c} {n}" for n, c in zip(names, counts)) or "none"
        raise DataError(
            f"order needs two elements with at least 2 atoms each; the labels are: {found}"
        )
    return positions, names.tolist(), codes.astype(np.int64)


def directional_distances(positions, labels, element, neighbour):
    """Distance from every atom of one element to the nearest atom of another, or of its own.

    Parameters
    ----------
    positions : ndarray, shape (N, 2)
    labels : ndarray, shape (N,)
    element, neighbour : str
        May be the same; an atom is not its own neighbour.

    Returns
    -------
    ndarray
        nm, one per atom of ``element``, in order.
    """
    positions, names, codes = _check(positions, labels)
    for name in (element, neighbour):
        if name not in names:
            raise DataError(f"no atom is labelled {name!r}; there are {', '.join(map(str, names))}")
    one, two = (positions[codes == names.index(name)] for name in (element, neighbour))
    own = int(element == neighbour)
    return cKDTree(two).query(one, k=[1 + own])[0][:, 0]


def _neighbourhood(positions, reach):
    """Every atom's neighbours, nearest first: start (N + 1), others and distances."""
    pairs = cKDTree(positions).query_pairs(reach, output_type="ndarray")
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    distance = np.hypot(*(positions[pairs[:, 0]] - positions[pairs[:, 1]]).T)
    order = np.lexsort((distance, pairs[:, 0]))
    start = np.searchsorted(pairs[order, 0], np.arange(len(positions) + 1))
    return start, pairs[order, 1].copy(), distance[order]


@numba.njit(cache=True)
def _count(codes, kinds, start, others, distance, step, bins, ring, rings):
    """Nearest distances, their sums, and pairs, by kinds of both and distance."""
    nearest = np.zeros((kinds, kinds, bins))
    sums = np.zeros((kinds, kinds))
    pairs = np.zeros((kinds, kinds, rings))
    seen = np.empty(kinds, np.int64)
    for i in range(len(codes)):
        seen[:] = 0
        for k in range(start[i], start[i + 1]):
            a, b = codes[i], codes[others[k]]
            pairs[a, b, min(int(distance[k] / ring), rings - 1)] += 1
            if not seen[b]:
                seen[b] = 1
                nearest[a, b, min(int(distance[k] / step), bins - 1)] += 1
                sums[a, b] += distance[k]
    return nearest, sums, pairs


def _curves(positions, codes, kinds, hood):
    """Shares with a neighbour within r, and the connection of each pair of kinds."""
    bins, rings = round(REACH_NM / STEP_NM), round(REACH_NM / RING_NM)
    nearest, sums, pairs = _count(codes, kinds, *hood, STEP_NM, bins, RING_NM, rings)
    number = np.bincount(codes, minlength=kinds)
    share = nearest.cumsum(2) / number[:, None, None]
    total = pairs.sum((0, 1))
    with np.errstate(invalid="ignore"):
        connection = (pairs + pairs.transpose(1, 0, 2)) / total
    connection[np.arange(kinds), np.arange(kinds)] /= 2
    means = sums / number[:, None]
    # where some atom has none of a kind within reach, all of them are asked again
    for a, b in np.argwhere(nearest.sum(2) < number[:, None]):
        one, two = positions[codes == a], positions[codes == b]
        means[a, b] = cKDTree(two).query(one, k=[1 + (a == b)])[0].mean()
    return share, connection, means


def _judge(names, observed, simulated, level):
    shares, connections, means = (np.array(part) for part in zip(*simulated))
    edges = np.arange(1, shares.shape[-1] + 1) * STEP_NM
    middles = (np.arange(connections.shape[-1]) + 0.5) * RING_NM
    # rings without a pair, in the image or in any simulation, have no connection
    known = np.isfinite(connections).all((0, 1, 2)) & np.isfinite(observed[1]).all((0, 1))
    if not known.any():
        raise DataError(f"no two atoms are closer than {REACH_NM:g} nm; nothing can be ordered")
    nearest, connection, rows = {}, {}, []
    for a, one in enumerate(names):
        for b, two in enumerate(names):
            nearest[one, two] = ripley.global_test(edges, observed[0][a, b], shares[:, a, b], level)
            if a <= b:
                connection[one, two] = ripley.global_test(
                    middles[known], observed[1][a, b, known], connections[:, a, b][:, known], level
                )
            low, high = np.quantile(means[:, a, b], [0.025, 0.975])
            rows.append((one, two, observed[2][a, b], means[:, a, b].mean(), low, high))
    columns = ["element", "neighbour", "mean_nm", "null_nm", "null_low_nm", "null_high_nm"]
    upper = np.triu_indices(len(names))

    def joined(one, many):
        return ripley.global_test(np.arange(one.size), one.ravel(), many.reshape(len(many), -1)).p

    return OrderTest(
        nearest,
        connection,
        pd.DataFrame(rows, columns=columns),
        joined(observed[0], shares),
        joined(observed[1][upper][:, known], connections[:, *upper][:, :, known]),
    )


def random_labelling(positions, labels, rng, runs=RUNS, level=0.95):
    """Test for order: labels against permuted ones, on the same positions.

    Parameters
    ----------
    positions : ndarray, shape (N, 2)
    labels : ndarray, shape (N,)
        Elements.
    rng : numpy.random.Generator
    runs : int
        Permutations.
    level : float
        Of the envelopes.

    Returns
    -------
    OrderTest

    Raises
    ------
    helpers.data.DataError
        For labels that do not fit the positions, or fewer than two elements of two atoms each.
    """
    positions, names, codes = _check(positions, labels)
    hood = _neighbourhood(positions, REACH_NM)
    observed = _curves(positions, codes, len(names), hood)
    simulated = [_curves(positions, rng.permutation(codes), len(names), hood) for _ in range(runs)]
    return _judge(names, observed, simulated, level)


def independent_species(positions, labels, mask, pixel_size_nm, rng, runs=RUNS, level=0.95):
    """The paper's comparison: as many atoms of every element, each anywhere on the specimen.

    It speaks of order only if positions are random: repulsion or a detector's resolution, which
    have no element, are rejected too.

    Parameters
    ----------
    positions, labels, rng, runs, level
        As for :func:`random_labelling`.
    mask : ndarray of bool, shape (H, W)
        Specimen; the paper's is a box.
    pixel_size_nm : float

    Returns
    -------
    OrderTest
    """
    positions, names, codes = _check(positions, labels)
    simulate = ripley.random_in(mask, pixel_size_nm, len(positions))

    def curves(points):
        return _curves(points, codes, len(names), _neighbourhood(points, REACH_NM))

    return _judge(names, curves(positions), [curves(simulate(rng)) for _ in range(runs)], level)


def draw_labels(elements, confidence, rng):
    """Labels as they might be, given how sure each one is.

    Parameters
    ----------
    elements : ndarray, shape (N,)
        Most probable element of every atom.
    confidence : ndarray, shape (N,)
        Probability that it is right; the others share the rest in proportion to their numbers.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (N,)
    """
    elements, confidence = np.asarray(elements), np.asarray(confidence, float)
    if confidence.shape != elements.shape or not np.all((confidence >= 0) & (confidence <= 1)):
        raise DataError("every label needs a confidence from 0 to 1")
    drawn = elements.copy()
    wrong = rng.random(len(elements)) > confidence
    names, codes = np.unique(elements, return_inverse=True)
    numbers = np.bincount(codes)
    for k in range(len(names)):
        here = np.flatnonzero(wrong & (codes == k))
        others = np.delete(np.arange(len(names)), k)
        if len(here) and len(others):
            weights = numbers[others] / numbers[others].sum()
            drawn[here] = names[rng.choice(others, len(here), p=weights)]
    return drawn


def uncertain_labelling(positions, elements, confidence, rng, draws=20, runs=199):
    """Random-labelling tests of labels drawn from their confidences.

    The test of the given labels is valid as it stands, if errors do not depend on neighbours.
    Drawing shows how far its result hangs on single labels; every draw adds errors to those that
    are there, so true order comes out weaker.

    Parameters
    ----------
    positions : ndarray, shape (N, 2)
    elements, confidence : ndarray, shape (N,)
        From :func:`helpers.atoms.species.assign_elements`.
    rng : numpy.random.Generator
    draws : int
    runs : int
        Permutations per draw.

    Returns
    -------
    DataFrame
        One row per draw: ``p_nearest``, ``p_connection`` and ``p``. Twice the median of a column
        is a p-value whatever the dependence of the draws (:func:`combined_p`).
    """
    rows = []
    for _ in range(draws):
        test = random_labelling(positions, draw_labels(elements, confidence, rng), rng, runs)
        rows.append((test.p_nearest, test.p_connection, test.p))
    return pd.DataFrame(rows, columns=["p_nearest", "p_connection", "p"])


def combined_p(p_values):
    """Twice the median: valid for p-values that depend on each other in any way (Rüger 1978)."""
    return float(min(1.0, 2 * np.median(p_values)))
