"""Events of like spectra are one configuration (Poppe et al. 2023, Fig. 2a-c).

Distances between event spectra become affinities by a radial basis function, spectral clustering
(Ng, Jordan and Weiss 2001, the paper's reference 41) splits the events into k groups, and k is the
one from 2 to 30 with the highest mean silhouette. An adatom that comes back within 100 steps counts
once: events of one scan that fell into one group are merged, the groups are dissolved, and all is
done again. Events with a negative silhouette are left out; the groups are ranked by size.

What the text leaves open follows the published code: the width of the radial basis function on
distances scaled to at most 1. Where that code departs from the text (its distance ignores
wavenumber, k starts at 6) the departures are arguments, for the comparison.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import eigh
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_samples

from helpers.picocavities.distances import wasserstein
from helpers.registry import DataError

WIDTH = 0.275  # of the radial basis function, of the largest distance
FEWEST, MOST = 2, 30  # groups
GAP_STEPS = 100  # between two events of one adatom
STARTS = 5  # of k-means


@dataclass(frozen=True)
class Grouping:
    """Events grouped into configurations.

    Attributes
    ----------
    events : pandas.DataFrame
        One row per event after merging: ``scan``, ``first_step``, ``last_step``, ``spectra``
        (recorded while it was there), ``members`` (tuple of rows of the table given),
        ``configuration`` (0 for the most frequent; -1 where the silhouette is negative) and
        ``silhouette``.
    spectra : ndarray, shape (N, W)
        Of these events, sum 1.
    distance : ndarray, shape (N, N)
    scores : pandas.DataFrame
        ``k`` and mean ``silhouette`` of the last clustering.
    first_scores : pandas.DataFrame
        The same of the clustering before events were merged.
    first_labels : ndarray of int
        Of the events given, from that clustering.
    """

    events: pd.DataFrame
    spectra: np.ndarray
    distance: np.ndarray
    scores: pd.DataFrame
    first_scores: pd.DataFrame
    first_labels: np.ndarray

    @property
    def labels(self):
        """Configuration of every event given, before merging; -1 for those left out."""
        owners = {row: c for m, c in zip(self.events["members"], self.events["configuration"])
                  for row in m}  # fmt: skip
        return np.array([owners[row] for row in range(len(owners))])

    @property
    def k(self):
        """Number of groups chosen."""
        return best_k(self.scores)

    def mean_spectra(self):
        """Spectrum of each configuration: its events weighted by their silhouettes, (k, W)."""
        weights = self.events["silhouette"].to_numpy().clip(0)
        groups = self.events["configuration"].to_numpy()
        kept = range(groups.max() + 1)
        return np.array(
            [np.average(self.spectra[groups == g], 0, weights[groups == g] + 1e-9) for g in kept]
        )

    def sizes(self):
        """Events and spectra of each configuration, most frequent first."""
        kept = self.events[self.events["configuration"] >= 0].groupby("configuration")
        return pd.DataFrame(
            {
                "events": kept.size(),
                "spectra": kept["spectra"].sum(),
                "silhouette": kept["silhouette"].mean(),
            }
        )


def affinity(distance, width=WIDTH):
    """Radial basis function of distances that are scaled to at most 1, (N, N)."""
    scaled = distance / distance.max()
    return np.exp(-(scaled**2) / (2 * width**2))


def embedding(similar, most=MOST):
    """Leading eigenvectors of the normalised affinity, the best first, (N, most).

    Parameters
    ----------
    similar : array (N, N)
        From :func:`affinity`.
    most : int
        At most N.
    """
    similar = similar - np.diag(np.diag(similar))
    root = np.sqrt(similar.sum(1))
    root[root == 0] = 1
    normalised = similar / root[:, None] / root
    n = len(similar)
    vectors = eigh(normalised, subset_by_index=[max(0, n - most), n - 1])[1]
    return vectors[:, ::-1]


def spectral_labels(vectors, k, seed=0):
    """Split events into k groups: k-means on k eigenvectors with rows of length 1, (N,) of int."""
    rows = vectors[:, :k]
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows / np.where(lengths > 0, lengths, 1)
    return KMeans(k, n_init=STARTS, random_state=seed).fit_predict(rows)


def cluster(distance, width=WIDTH, fewest=FEWEST, most=MOST, seed=0):
    """Spectral clustering with the number of groups that has the highest mean silhouette.

    Parameters
    ----------
    distance : array (N, N)
    width : float
        Of the radial basis function.
    fewest, most : int
        Numbers of groups tried; at most N - 1.
    seed : int
        Of k-means.

    Returns
    -------
    tuple
        Labels (N,) of int; and a table of ``k`` and mean ``silhouette``.

    Raises
    ------
    DataError
        Fewer than three events, or all of them alike.
    """
    distance = np.asarray(distance, float)
    if len(distance) < 3:
        raise DataError(f"{len(distance)} events cannot be grouped: at least 3 are needed.")
    if not distance.any():
        raise DataError("All events have the same spectrum: there is nothing to group.")
    most = min(most, len(distance) - 1)
    fewest = min(fewest, most)
    vectors = embedding(affinity(distance, width), most)
    tried = {k: spectral_labels(vectors, k, seed) for k in range(fewest, most + 1)}
    score = {k: _silhouettes(distance, labels).mean() for k, labels in tried.items()}
    table = pd.DataFrame({"k": list(score), "silhouette": list(score.values())})
    return tried[best_k(table)], table


def best_k(scores):
    """Number of groups with the highest mean silhouette; the smallest of several."""
    return int(scores["k"].iloc[scores["silhouette"].argmax()])


def _silhouettes(distance, labels):
    """Silhouette of every event; 0 where k-means left all in one group."""
    if len(np.unique(labels)) < 2:
        return np.zeros(len(labels))
    return silhouette_samples(distance, labels, metric="precomputed")


def merge_repeats(events, spectra, labels, gap_steps=GAP_STEPS):
    """Make one event of those of one scan and one group that follow each other closely.

    Parameters
    ----------
    events : pandas.DataFrame
        ``scan``, ``first_step`` and ``last_step`` (included).
    spectra : array (N, W)
        Mean spectra of the events, sum 1.
    labels : array (N,) of int
    gap_steps : int
        Steps from the end of one to the beginning of the next, at most.

    Returns
    -------
    tuple
        Table as in :class:`Grouping` without the last two columns; and spectra, means over all
        that was recorded.
    """
    table = events[["scan", "first_step", "last_step"]].assign(label=labels, row=range(len(events)))
    table = table.sort_values(["scan", "label", "first_step"], kind="stable")
    same = table.groupby(["scan", "label"])
    reach = same["last_step"].cummax()  # an earlier event may end later
    before = reach.groupby([table["scan"], table["label"]]).shift()
    chain = (~(table["first_step"] - before <= gap_steps)).cumsum()
    table["spectra"] = table["last_step"] - table["first_step"] + 1
    merged = table.groupby(chain).agg(
        scan=("scan", "first"),
        first_step=("first_step", "min"),
        last_step=("last_step", "max"),
        spectra=("spectra", "sum"),
        members=("row", lambda rows: tuple(sorted(map(int, rows)))),
    )
    merged = merged.sort_values("members", ignore_index=True)
    lengths = (events["last_step"] - events["first_step"] + 1).to_numpy()
    means = [np.average(spectra[list(m)], 0, lengths[list(m)]) for m in merged["members"]]
    return merged, np.array(means)


def group(
    spectra,
    events,
    measure=wasserstein,
    width=WIDTH,
    fewest=FEWEST,
    most=MOST,
    gap_steps=GAP_STEPS,
    seed=0,
):
    """Group events into configurations, as the paper does.

    Parameters
    ----------
    spectra : array (N, W)
        Mean picocavity spectra of the events, not negative.
    events : pandas.DataFrame
        ``scan``, ``first_step`` and ``last_step`` (included) of each.
    measure : callable
        Distances of spectra: of `helpers.picocavities.distances`.
    width, fewest, most, seed
        As in :func:`cluster`.
    gap_steps : int
        As in :func:`merge_repeats`.

    Returns
    -------
    Grouping

    Raises
    ------
    DataError
        Too few events, or spectra that are not ones.
    """
    spectra = np.asarray(spectra, float)
    if len(spectra) != len(events):
        raise DataError(f"{len(spectra)} spectra for {len(events)} events: give one for each.")
    first, first_scores = cluster(measure(spectra), width, fewest, most, seed)
    spectra = spectra / spectra.sum(1, keepdims=True)
    merged, means = merge_repeats(events, spectra, first)
    distance = measure(means)
    labels, scores = cluster(distance, width, fewest, most, seed)
    score = _silhouettes(distance, labels)
    kept = score >= 0
    order = pd.Series(labels[kept]).value_counts(sort=True).index
    rank = {label: number for number, label in enumerate(order)}
    merged["configuration"] = [rank[label] if k else -1 for label, k in zip(labels, kept)]
    merged["silhouette"] = score
    return Grouping(merged, means, distance, scores, first_scores, first)


def stability(rng, distance, labels, k, width=WIDTH, draws=50, seed=0):
    """How like the groups come out when other events had been recorded.

    Events are drawn with replacement and grouped anew into k; every event drawn counts once.

    Parameters
    ----------
    rng : numpy.random.Generator
    distance : array (N, N)
    labels : array (N,) of int
        The groups to compare with.
    k : int
    width : float
    draws : int
    seed : int
        Of k-means.

    Returns
    -------
    ndarray, shape (draws,)
        Adjusted Rand index of each new grouping with `labels`.
    """
    found = []
    for _ in range(draws):
        rows = np.unique(rng.integers(len(distance), size=len(distance)))
        part = distance[np.ix_(rows, rows)]
        again = spectral_labels(embedding(affinity(part, width), k), min(k, len(rows) - 1), seed)
        found.append(adjusted_rand_score(labels[rows], again))
    return np.array(found)
