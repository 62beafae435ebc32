"""Tracks that are there at the same time are one event; its mean residual is its spectrum."""

import numpy as np
import pandas as pd

from helpers.picocavities.zipper import joined

OVERLAP = 0.7
FEWEST_TRACKS = 2  # the published code leaves events of one track out of all that follows


def with_events(tracks, overlap=OVERLAP):
    """Give every track its event.

    Two tracks are in one event when the steps they share are at least 0.7 of the duration of the
    longer one. As in the published code, shared steps are those with a peak of both, durations
    run from first to last step, and what is in one event with a third is in one event.

    Parameters
    ----------
    tracks : pandas.DataFrame
        From :func:`helpers.picocavities.zipper.zipped`.
    overlap : float

    Returns
    -------
    pandas.DataFrame
        The same with a column ``event``, from 0 in order of the first step.
    """
    number, step = tracks["track"].to_numpy(), tracks["step"].to_numpy()
    if not len(number):
        return tracks.assign(event=np.empty(0, int))
    count, start = number.max() + 1, step.min()
    there = np.zeros((count, step.max() - start + 1), np.float32)
    there[number, step - start] = 1
    first = there.argmax(1)
    duration = there.shape[1] - there[:, ::-1].argmax(1) - first
    longest = np.maximum(duration[:, None], duration)
    group = joined(np.argwhere(there @ there.T >= overlap * longest), count)
    begins = np.full(group.max() + 1, there.shape[1])
    np.minimum.at(begins, group, first)
    rank = np.empty(len(begins), int)
    rank[np.argsort(begins, kind="stable")] = np.arange(len(begins))
    return tracks.assign(event=rank[group][number])


def events(tracks, fewest=FEWEST_TRACKS):
    """Table of the events of a scan.

    Parameters
    ----------
    tracks : pandas.DataFrame
        From :func:`with_events`.
    fewest : int
        Tracks that an event has to have; 1 keeps them all.

    Returns
    -------
    pandas.DataFrame
        ``event``, ``first_step``, ``last_step`` (included), ``tracks``; in order of the first step.
    """
    number = tracks["event"].to_numpy()
    count = number.max() + 1 if len(number) else 0
    first, last = np.full(count, np.iinfo(np.int64).max), np.full(count, -1)
    np.minimum.at(first, number, tracks["step"].to_numpy())
    np.maximum.at(last, number, tracks["step"].to_numpy())
    pairs = np.unique(np.stack([number, tracks["track"].to_numpy()]), axis=1)
    sizes = np.bincount(pairs[0], minlength=count)
    table = {"event": np.arange(count), "first_step": first, "last_step": last, "tracks": sizes}
    return pd.DataFrame(table)[sizes >= fewest].reset_index(drop=True)


def spectra(over, table):
    """Spectrum of each event: mean of the residual from its first to its last step, sum 1.

    Parameters
    ----------
    over : array (T, W)
        From :func:`helpers.picocavities.tracks.residual`.
    table : pandas.DataFrame
        From :func:`events`.

    Returns
    -------
    ndarray, shape (N, W)
    """
    means = [
        over[first : last + 1].mean(0)
        for first, last in zip(table["first_step"], table["last_step"])
    ]
    means = np.reshape(means, (len(table), np.shape(over)[1]))
    return means / means.sum(1, keepdims=True)
