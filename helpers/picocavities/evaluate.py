"""Tracks and events that were found, against the truth of simulated scans.

An event is found when a found one shares at least 0.3 of the steps that either of them has, each
used once, best pairs first. A track is right when at half of its peaks or more it lies within 5 px
(13 cm^-1, the Zipper's tolerance) of a line that shines at that step; a line is found when right
tracks lie on it at 0.3 of the steps at which it shines, or more.
"""

import numpy as np
import pandas as pd

from helpers.picocavities.preprocess import FIRST, STEP
from helpers.picocavities.zipper import TOLERANCE

SHARED = 0.3
RIGHT = 0.5


def match_events(truth, found):
    """Pair true and found events of one scan.

    Parameters
    ----------
    truth, found : pandas.DataFrame
        With ``first_step`` and ``last_step`` (included).

    Returns
    -------
    pandas.DataFrame
        ``truth``, ``found``: row numbers; ``shared``: steps of both over steps of either.
    """
    a = truth[["first_step", "last_step"]].to_numpy(float)
    b = found[["first_step", "last_step"]].to_numpy(float)
    both = np.minimum(a[:, None, 1], b[:, 1]) - np.maximum(a[:, None, 0], b[:, 0]) + 1
    either = np.maximum(a[:, None, 1], b[:, 1]) - np.minimum(a[:, None, 0], b[:, 0]) + 1
    shared = np.where(both > 0, both / either, 0)
    rows = []
    while shared.size and shared.max() >= SHARED:
        i, j = np.unravel_index(shared.argmax(), shared.shape)
        rows.append((int(i), int(j), float(shared[i, j])))
        shared[i], shared[:, j] = 0, 0
    return pd.DataFrame(rows, columns=["truth", "found", "shared"])


def match_tracks(lines, tracks, axis_first=FIRST, axis_step=STEP):
    """Which tracks lie on true lines, and which lines are found.

    Parameters
    ----------
    lines : pandas.DataFrame
        Truth, as of `helpers.picocavities.scans.Scan`.
    tracks : pandas.DataFrame
        With ``track``, ``step``, ``centre_px``.
    axis_first, axis_step : float
        Wavenumber of the first bin, and from bin to bin, cm^-1.

    Returns
    -------
    right : pandas.Series of bool, by track
    found : pandas.DataFrame
        One row per line that shines at all: ``event``, ``line``, ``steps`` (at which it shines),
        ``peak_counts`` and ``wavenumber_cm`` (means over these), ``covered`` (share of them),
        ``found``.
    """
    shining = lines[lines["peak_counts"] > 0]
    px = ((shining["wavenumber_cm"] - axis_first) / axis_step).to_numpy(float)
    keys = ["event", "line"]
    groups = shining.groupby(keys)
    table = groups.agg(
        steps=("step", "size"), peak_counts=("peak_counts", "mean"),
        wavenumber_cm=("wavenumber_cm", "mean"),
    ).reset_index()  # fmt: skip
    line = groups.ngroup().to_numpy()
    step = shining["step"].to_numpy(int)
    peak_step, centre = tracks["step"].to_numpy(int), tracks["centre_px"].to_numpy(float)
    track = tracks["track"].to_numpy(int)
    count = track.max() + 1 if len(track) else 0
    order = np.argsort(step, kind="stable")
    step, px, line = step[order], px[order], line[order]
    hits = []  # peak, place in the table of steps of lines
    begin, end = np.searchsorted(step, peak_step), np.searchsorted(step, peak_step + 1)
    for peak, (i, j) in enumerate(zip(begin, end)):
        near = i + np.flatnonzero(np.abs(px[i:j] - centre[peak]) <= TOLERANCE)
        hits += [(peak, place) for place in near]
    hits = np.array(hits, int).reshape(-1, 2)
    on_line = np.zeros(len(track), bool)
    on_line[hits[:, 0]] = True
    share = np.bincount(track, on_line, count) / np.maximum(np.bincount(track, minlength=count), 1)
    right = share >= RIGHT
    covered = np.zeros(len(px), bool)
    covered[hits[right[track[hits[:, 0]]], 1]] = True
    table["covered"] = np.bincount(line, covered, len(table)) / table["steps"].to_numpy()
    table["found"] = table["covered"] >= SHARED
    return pd.Series(right, name="right"), table


def rates(true_positives, found, truth):
    """Precision and recall from counts; precision of nothing is NaN, as is recall of nothing.

    Parameters
    ----------
    true_positives, found, truth : int

    Returns
    -------
    dict
        ``precision``, ``recall``.
    """
    return {
        "precision": true_positives / found if found else np.nan,
        "recall": true_positives / truth if truth else np.nan,
    }
