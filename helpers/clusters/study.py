"""What the studies of the classifier share: groups of views, and scores with intervals.

Views of one disc of the split (`helpers.clusters.orientations.discs`) and images of one amorphous
run resemble each other: intervals come from drawing discs and runs, not frames.
"""

import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

from helpers.clusters import amorphous, orientations
from helpers.clusters.structures import ISOMERS


def directions(library):
    """Viewing directions of the images of a `helpers.clusters.library.Library`, (n, 3)."""
    return orientations.viewing_direction(Rotation.from_quat(library.rotations))


def groups(library):
    """Independent look that each image belongs to, (n,) int: disc of views, or amorphous run."""
    view = directions(library)
    found = np.empty(len(library), int)
    for k, name in enumerate(ISOMERS):
        chosen = library.classes == k
        if name == "amorphous":
            number = amorphous.runs(library.atoms)[library.source[chosen]]
        else:
            centres, _ = orientations.discs(name)
            number = orientations.reduced_angle(name, view[chosen], centres).argmin(1)
        found[chosen] = 1000 * k + number
    return found


def tilt(library):
    """Degrees from the nearest zone axis, NaN for amorphous clusters, (n,)."""
    view = directions(library)
    found = np.full(len(library), np.nan)
    for k, name in enumerate(ISOMERS[:3]):
        chosen = library.classes == k
        if chosen.any():
            found[chosen] = orientations.tilt_from_zone_axis(name, view[chosen])
    return found


def with_interval(right, groups, rng, draws=400, level=0.95):
    """
    Mean over classes of the share right, with an interval over groups and seeds.

    Parameters
    ----------
    right : array (seeds, N) of bool
        Whether each frame was named right by the network of each seed.
    groups : array (N,)
        Look of each frame; thousands are its class.
    rng : numpy.random.Generator

    Returns
    -------
    dict
        ``accuracy`` (mean over seeds), ``accuracy_low``, ``accuracy_high``, ``accuracy_sd`` (over
        seeds, NaN for one), ``frames``, ``views`` (groups).
    """
    right = np.atleast_2d(np.asarray(right, float))
    numbers, which = np.unique(groups, return_inverse=True)
    counts = np.bincount(which)
    sums = np.stack([np.bincount(which, r, len(counts)) for r in right])
    members = [np.flatnonzero(numbers // 1000 == k) for k in np.unique(numbers // 1000)]

    def score(picked, seeds):
        shares = [sums[np.ix_(seeds, p)].sum(1) / counts[p].sum() for p in picked]
        return np.mean(shares, axis=0)

    everyone = np.arange(len(right))
    each = score(members, everyone)
    drawn = [
        score([rng.choice(m, len(m)) for m in members], rng.choice(everyone, len(everyone))).mean()
        for _ in range(draws)
    ]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return {
        "accuracy": each.mean(),
        "accuracy_low": low,
        "accuracy_high": high,
        "accuracy_sd": each.std(ddof=1) if len(each) > 1 else np.nan,
        "frames": right.shape[1],
        "views": len(numbers),
    }


def balanced(right, classes):
    """Mean over the classes of the share of frames named right."""
    right, classes = np.asarray(right), np.asarray(classes)
    return float(np.mean([right[classes == k].mean() for k in np.unique(classes)]))


def confusion(called, truth):
    """Shares of each true class (row) that were called each class (column), (4, 4)."""
    n = len(ISOMERS)
    counts = pd.crosstab(np.asarray(truth), np.asarray(called))
    counts = counts.reindex(index=range(n), columns=range(n), fill_value=0).to_numpy(float)
    return counts / counts.sum(1, keepdims=True).clip(1)
