"""A detector of picocavities with a false-alarm rate that is known (ours).

What is left over the stable state is divided by its noise, which the scan itself shows in the
differences from step to step, and filtered with the shape of a line. Means over 3 steps, then over
longer and longer times, are searched for what stands out; what was found is taken out before the
next search, so that bright events keep their ends and faint ones come in later. A pixel belongs to
a track when it hangs together with one that stands out. Tracks become events by their overlap, and
an event counts by all its lines together: `events` keeps those over a threshold, which is chosen so
that scans without events give the false alarms that were asked for.
"""

from dataclasses import dataclass

import numba
import numpy as np
import pandas as pd
from scipy.ndimage import label

from helpers.picocavities.events import with_events
from helpers.picocavities.preprocess import STEP
from helpers.picocavities.tracks import tracks
from helpers.picocavities.zipper import zipped

DURATIONS = (3, 6, 12, 24, 48)  # steps
SEED, GROW = 4.5, 2.5  # in noise: stands out, belongs to it
OVERLAP = 0.5  # of tracks of one event: faint lines are seen for a shorter time
TO_SIGMA = 1.4826  # of the median of absolute values of normal noise
EVERY = 4  # one step in so many is enough for a median


@dataclass(frozen=True)
class Detection:
    """What stands out of a scan.

    Attributes
    ----------
    over : ndarray, shape (T, W)
        Scan over its stable state, in noise.
    score : ndarray, shape (T, W)
        Where something was found, how far it stands out, in noise of the mean over the time at
        which it was found; 0 elsewhere.
    tracks : pandas.DataFrame
        As from :func:`helpers.picocavities.tracks.tracks`, zipped, with ``event``.
    events : pandas.DataFrame
        ``event``, ``first_step``, ``last_step``, ``tracks``, ``score``: root of the sum over the
        tracks of the square of the highest score of each. All of them, whatever the score.
    """

    over: np.ndarray
    score: np.ndarray
    tracks: pd.DataFrame
    events: pd.DataFrame


def detect(values, stable, width_cm=12.0, durations=DURATIONS):
    """Find what stands out of the stable state of a scan.

    Parameters
    ----------
    values, stable : array (T, W)
        Preprocessed scan and its stable state.
    width_cm : float
        Full width of the lines looked for, in cm^-1 (2.625 cm^-1 to a bin).
    durations : tuple of int
        Steps of the means that are searched, ascending.

    Returns
    -------
    Detection
    """
    over = in_noise(values, stable)
    shaped = _along(over, line_filter(width_cm / STEP))
    score = np.zeros_like(over)
    for steps in durations:
        if steps > len(over):
            break
        mean = _box(shaped, steps)
        # Noise of a mean is that of the scan itself: neighbouring bins are not independent.
        mean /= max(_spread(mean), np.float32(1e-9))
        found = _hanging_together(mean)
        score[found] = mean[found]
        shaped[found] = 0
    peaks = zipped(tracks(score > 0))
    peaks = with_events(peaks, OVERLAP)
    return Detection(over, score, peaks, _table(peaks, score))


def events(detection, threshold):
    """Events over a threshold.

    Parameters
    ----------
    detection : Detection
    threshold : float
        From :func:`threshold`.

    Returns
    -------
    pandas.DataFrame
    """
    table = detection.events
    return table[table["score"] > threshold].reset_index(drop=True)


def threshold(scores, scans, false_alarms):
    """Threshold that gives a rate of false alarms.

    Parameters
    ----------
    scores : array
        Of all events found in scans without events.
    scans : int
        How many those are.
    false_alarms : float
        Events per scan that may pass.

    Returns
    -------
    float
        Midway between the last score that may pass and the next; with too few scans for so low
        a rate, the highest score that was seen.
    """
    scores = np.sort(np.asarray(scores, float))[::-1]
    allowed = int(false_alarms * scans)
    if allowed >= len(scores):
        return float(scores[-1]) if len(scores) else 0.0
    return float(scores[allowed] if allowed == 0 else (scores[allowed - 1] + scores[allowed]) / 2)


def in_noise(values, stable):
    """Scan over its stable state in units of its noise, median over time taken off each bin.

    The noise of a bin is what its differences from step to step show, so that neither gain nor
    read noise of the detector need be known.

    Parameters
    ----------
    values, stable : array (T, W)

    Returns
    -------
    ndarray, shape (T, W), float32
    """
    over = np.asarray(values, np.float32) - np.asarray(stable, np.float32)
    noise = step_noise(over)
    over -= np.median(over[::EVERY], axis=0)
    # Bins that the spectrometer did not record are all the same: nothing is found there.
    over *= np.where(noise > 0, 1 / np.where(noise > 0, noise, 1), 0).astype(np.float32)
    return over


def step_noise(values):
    """Noise of each bin, from the differences between one step and the next.

    Parameters
    ----------
    values : ndarray, shape (T, W)
        Float32.

    Returns
    -------
    ndarray, shape (W,)
    """
    steps = np.abs(values[1::EVERY] - values[: len(values) - 1 : EVERY])
    return np.median(steps, axis=0) * np.float32(TO_SIGMA / np.sqrt(2))


def line_filter(width_px):
    """Line of a full width in pixels, less its mean, with a sum of squares of 1.

    Taking off the mean makes the filter blind to a background that rises or falls as a whole.
    """
    half = int(np.ceil(2 * width_px))
    line = 1 / (1 + (2 * np.arange(-half, half + 1) / width_px) ** 2)
    line -= line.mean()
    return (line / np.sqrt((line**2).sum())).astype(np.float32)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _along(values, weights):
    """Filter every spectrum; outside it is 0."""
    steps, bins = values.shape
    half = len(weights) // 2
    out = np.zeros_like(values)
    for t in range(steps):
        row, source = out[t], values[t]
        for k in range(len(weights)):
            shift, weight = k - half, weights[k]
            for w in range(max(0, -shift), min(bins, bins - shift)):
                row[w] += weight * source[w + shift]
    return out


@numba.njit(cache=True, nogil=True, fastmath=True)
def _box(values, length):
    """Sums over `length` steps around each step; over fewer at the ends."""
    steps, bins = values.shape
    before = length // 2
    out = np.empty_like(values)
    total = np.zeros(bins, values.dtype)
    for t in range(min(length - before, steps)):
        total += values[t]
    out[0] = total
    for t in range(1, steps):
        last, first = t + length - before - 1, t - before - 1
        row = out[t]
        for w in range(bins):
            if last < steps:
                total[w] += values[last, w]
            if first >= 0:
                total[w] -= values[first, w]
            row[w] = total[w]
    return out


def _spread(values):
    """Standard deviation of the noise, from a part of the pixels."""
    part = np.abs(values[::EVERY, ::3])
    part = part[part > 0]
    return np.float32(TO_SIGMA * np.median(part)) if len(part) else np.float32(0)


def _hanging_together(mean):
    """Pixels over the lower limit that hang together with one over the higher."""
    if not (mean > SEED).any():
        return np.zeros(mean.shape, bool)
    labels, count = label(mean > GROW, structure=np.ones((3, 3), int))
    keep = np.zeros(count + 1, bool)
    keep[labels[mean > SEED]] = True
    keep[0] = False
    return keep[labels]


def _table(peaks, score):
    """Events with their scores."""
    number = peaks["event"].to_numpy()
    count = number.max() + 1 if len(number) else 0
    step, first, last, track = (
        peaks[name].to_numpy() for name in ("step", "first_px", "last_px", "track")
    )
    highest = np.zeros(track.max() + 1 if count else 0)
    for at, left, right, one in zip(step, first, last, track):
        highest[one] = max(highest[one], score[at, left : right + 1].max())
    begin, end = np.full(count, np.iinfo(np.int64).max), np.full(count, -1)
    np.minimum.at(begin, number, step)
    np.maximum.at(end, number, step)
    event_of = np.zeros(len(highest), int)
    event_of[track] = number
    return pd.DataFrame(
        {
            "event": np.arange(count),
            "first_step": begin,
            "last_step": end,
            "tracks": np.bincount(event_of, minlength=count),
            "score": np.sqrt(np.bincount(event_of, highest**2, minlength=count)),
        }
    )
