"""The Zipper: tracks that belong together are merged (Poppe et al. 2023).

A window of 3 steps and 10 px slides over two tracks that lie near each other, centred on the mean
of their peaks; they become one when their peaks are 5 px (13 cm^-1) apart or less on average. The
paper leaves open what near is (here fewer than 10 px between the nearest edges of what they cover),
which windows count (both tracks have a peak in it, neither more than 4 times as many), and that it
goes on until nothing merges: as in the published code.
"""

import numba
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

HEIGHT, WIDTH = 3, 10  # steps, px
TOLERANCE = 5.0  # px
MOST_UNEQUAL = 4


def zipped(tracks):
    """Merge tracks.

    Parameters
    ----------
    tracks : pandas.DataFrame
        From :func:`helpers.picocavities.tracks.tracks`.

    Returns
    -------
    pandas.DataFrame
        The same peaks, tracks numbered anew from 0 in order of their first step.
    """
    tracks = tracks.copy()
    while True:
        number, step = (tracks[name].to_numpy(np.int64, copy=True) for name in ("track", "step"))
        centre = tracks["centre_px"].to_numpy(float, copy=True)
        count = number.max() + 1 if len(number) else 0
        starts = np.searchsorted(number, np.arange(count + 1))
        pairs = _pairs(starts, step, centre)
        if not len(pairs):
            return tracks
        merged = joined(pairs, count)
        # Tracks are numbered by the place of their first peak, so that the order does not matter.
        first = np.full(merged.max() + 1, np.iinfo(np.int64).max)
        np.minimum.at(first, merged, step[starts[:-1]])
        rank = np.empty(len(first), int)
        rank[np.argsort(first, kind="stable")] = np.arange(len(first))
        tracks["track"] = rank[merged][number]
        tracks = tracks.sort_values(["track", "step", "first_px"], ignore_index=True)


def joined(pairs, count):
    """Number the groups that pairs make of `count` things.

    Parameters
    ----------
    pairs : array (N, 2) of int
    count : int

    Returns
    -------
    ndarray of int, shape (count,)
    """
    links = coo_array((np.ones(len(pairs)), np.reshape(pairs, (-1, 2)).T), shape=(count, count))
    return connected_components(links, directed=False)[1]


def separation(step_a, centre_a, step_b, centre_b):
    """Mean distance of two tracks in the windows that hold both, in px; infinite without one.

    Parameters
    ----------
    step_a, step_b : array of int
        Ascending.
    centre_a, centre_b : array
        Of their peaks, px.
    """
    return _separation(
        np.array(step_a, np.int64), np.array(centre_a, float),
        np.array(step_b, np.int64), np.array(centre_b, float),
    )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def _pairs(starts, step, centre):
    """Pairs of tracks to be merged."""
    count = len(starts) - 1
    left, right = np.empty(max(count, 0)), np.empty(max(count, 0))
    for i in range(count):
        left[i] = centre[starts[i] : starts[i + 1]].min()
        right[i] = centre[starts[i] : starts[i + 1]].max()
    found = []
    for i in range(count):
        for j in range(i + 1, count):
            if max(left[i], left[j]) - min(right[i], right[j]) >= WIDTH:
                continue
            a, b = slice(starts[i], starts[i + 1]), slice(starts[j], starts[j + 1])
            if _separation(step[a], centre[a], step[b], centre[b]) <= TOLERANCE:
                found.append((i, j))
    out = np.empty((len(found), 2), np.int64)
    for k in range(len(found)):
        out[k, 0], out[k, 1] = found[k]
    return out


@numba.njit(cache=True, nogil=True)
def _separation(step_a, centre_a, step_b, centre_b):
    total, windows = 0.0, 0
    first = max(step_a[0], step_b[0]) - HEIGHT + 1
    last = min(step_a[-1], step_b[-1])
    for top in range(first, last + 1):
        a0, a1 = np.searchsorted(step_a, top), np.searchsorted(step_a, top + HEIGHT)
        b0, b1 = np.searchsorted(step_b, top), np.searchsorted(step_b, top + HEIGHT)
        if a0 == a1 or b0 == b1:
            continue
        both = a1 - a0 + b1 - b0
        middle = (centre_a[a0:a1].sum() + centre_b[b0:b1].sum()) / both
        mean_a, in_a = _inside(centre_a[a0:a1], middle)
        mean_b, in_b = _inside(centre_b[b0:b1], middle)
        if in_a and in_b and max(in_a, in_b) <= MOST_UNEQUAL * min(in_a, in_b):
            total += abs(mean_a - mean_b)
            windows += 1
    return total / windows if windows else np.inf


@numba.njit(cache=True, nogil=True)
def _inside(centres, middle):
    """Mean and number of the peaks inside the window."""
    total, count = 0.0, 0
    for centre in centres:
        if middle - WIDTH / 2 <= centre < middle + WIDTH / 2:
            total += centre
            count += 1
    return (total / count if count else 0.0), count
