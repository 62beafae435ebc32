"""From a scan and its stable state to tracks: lines that last a few steps (Poppe et al. 2023).

What is left over the stable state, less a floor, is searched in three stages by percentiles, each
cleaned by an opening; what hangs together is a track (Fig. 1e, f). Where the paper says nothing or
something else than the published code, the functions say so. Percentiles always find something,
also in a scan without events: only floor and opening keep noise out.
"""

from dataclasses import dataclass

import numba
import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter1d, label
from scipy.signal import savgol_coeffs

from helpers.registry import DataError

OFFSET = 0.05  # of the standard deviation of the scan
WINDOW, ORDER = 7, 2  # Savitzky-Golay
FIRST, SECOND, THIRD = 98, 96, 90  # percentiles
ROW_GAP = 5  # steps between detections that the second stage fills
COUNT_SIGMA = 5.0  # px, of the counts along wavenumber
PEAK_GAP = 2  # px: further apart are two peaks of one track


@dataclass(frozen=True)
class Stages:
    """What each stage has found, (T, W) of bool, opened.

    Attributes
    ----------
    first, second, third : ndarray
        `third` holds all that is detected.
    """

    first: np.ndarray
    second: np.ndarray
    third: np.ndarray


def residual(values, stable, offset=OFFSET):
    """What a scan has over its stable state, less a floor: the picocavity scan.

    Scan and reconstruction are smoothed (Savitzky-Golay, 7 steps, second order). The paper does
    not say along which axis; the published code takes time, and so does this. The floor is a share
    of the standard deviation of the whole scan, before smoothing as in that code.

    Parameters
    ----------
    values, stable : array (T, W)
        Preprocessed scan and its reconstruction.
    offset : float

    Returns
    -------
    ndarray, shape (T, W), float32
        Nowhere negative.

    Raises
    ------
    DataError
        Shapes differ, or the scan is shorter than the filter.
    """
    values, stable = np.asarray(values, np.float32), np.asarray(stable, np.float32)
    if values.shape != stable.shape or values.ndim != 2:
        raise DataError(f"Scan {values.shape} and stable state {stable.shape} differ in shape.")
    if len(values) < WINDOW:
        raise DataError(f"{len(values)} spectra are too few: the filter takes {WINDOW} steps.")
    return _over(values, stable, _SMOOTHING, np.float32(offset * values.std()))


def _filter_rows():
    """Weights of the filter at the first steps, inside, and at the last, (7, 7)."""
    inside = savgol_coeffs(WINDOW, ORDER, use="dot")
    # At the ends one parabola is fitted to the outermost steps.
    x = np.arange(WINDOW)
    powers = np.vander(x, ORDER + 1)
    rows = powers @ np.linalg.pinv(powers)
    rows[WINDOW // 2] = inside
    return rows.astype(np.float32)


_SMOOTHING = _filter_rows()


@numba.njit(cache=True, nogil=True, fastmath=True)
def _over(values, stable, weights, floor):
    steps, bins = values.shape
    window = len(weights)
    half = window // 2
    out = np.empty_like(values)
    for t in range(steps):
        start = min(max(t - half, 0), steps - window)
        row = out[t]
        row[:] = -floor
        for k in range(window):
            weight = weights[t - start, k]
            a, b = values[start + k], stable[start + k]
            for w in range(bins):
                row[w] += weight * (a[w] - b[w])
        for w in range(bins):
            row[w] = max(row[w], np.float32(0))
    return out


def stages(over, either=False):
    """Search the picocavity scan in three stages of percentiles.

    1. The 2 % highest pixels, never those at the floor.
    2. The 4 % highest, in rows and columns that hold detections. The paper says rows *or* columns;
       the published code asks for both, with gaps of fewer than 5 steps filled.
    3. Per row and per column, the highest 4 to 10 %, more where more was detected, and only what
       both pick. The published code smooths counts along wavenumber by 5 px, takes nothing in
       lines without counts, and adds the second stage.

    After each, an opening of 3 x 3; what touches the edge of the scan needs 3 pixels inside.

    Parameters
    ----------
    over : array (T, W)
        From :func:`residual`.
    either : bool
        Rows or columns in the second stage, in the words of the paper.

    Returns
    -------
    Stages
    """
    over = np.asarray(over)
    high, highest = _top(over, SECOND, FIRST)
    first = opened(highest)
    rows, columns = _filled(first.any(1)), first.any(0)
    seen = rows[:, None] | columns if either else rows[:, None] & columns
    second = opened(high & seen)
    if not second.any():
        return Stages(first, second, second)
    by_row = _scaled(second.sum(1, dtype=np.int32).astype(float))
    by_column = _scaled(gaussian_filter1d(second.sum(0, dtype=np.int32).astype(float), COUNT_SIGMA))
    picked = _pick(over, _allowed(by_row, over.shape[1]), _allowed(by_column, over.shape[0]))
    return Stages(first, second, opened(picked | second))


def _top(values, *percentiles):
    """Masks of the pixels above each percentile of all, without those at 0; lowest one first."""
    positive = values[values > 0]
    masks = []
    for percentile in percentiles:
        count = min(int(values.size * (1 - percentile / 100)), positive.size)
        if not count:
            masks.append(np.zeros(values.shape, bool))
            continue
        positive = np.partition(positive, positive.size - count)[positive.size - count :]
        masks.append(values >= positive[0])
    return masks


def _filled(rows):
    """Detected rows, and those of short gaps between them."""
    rows, places = rows.copy(), np.flatnonzero(rows)
    for before, after in zip(places[:-1], places[1:]):
        if after - before <= ROW_GAP:
            rows[before:after] = True
    return rows


def _scaled(counts):
    span = counts.max() - counts.min()
    return (counts - counts.min()) / span if span else np.zeros_like(counts)


def _allowed(counts, length):
    """How many pixels each line may pick, from its share of the highest count."""
    percentile = np.where(counts > 0, SECOND + counts * (THIRD - SECOND), 100)
    return (length * (1 - percentile / 100)).astype(np.int64)


@numba.njit(cache=True, nogil=True)
def _pick(values, in_row, in_column):
    """Pixels among the highest of their row and of their column."""
    steps, bins = values.shape
    lowest = np.empty(bins, values.dtype)
    buffer = np.empty(max(steps, bins), values.dtype)
    turned = np.ascontiguousarray(values.T)
    for w in range(bins):
        lowest[w] = _lowest(turned[w], in_column[w], buffer)
    out = np.zeros(values.shape, np.bool_)
    for t in range(steps):
        least = _lowest(values[t], in_row[t], buffer)
        if least < np.inf:
            for w in range(bins):
                out[t, w] = values[t, w] >= least and values[t, w] >= lowest[w]
    return out


@numba.njit(cache=True, nogil=True)
def _lowest(line, count, buffer):
    """Lowest of the `count` highest positive values of a line; infinite if there are none."""
    positive = 0
    if count > 0:
        for value in line:
            if value > 0:
                buffer[positive] = value
                positive += 1
    if not positive:
        return np.float32(np.inf)
    count = min(count, positive)
    return np.partition(buffer[:positive], positive - count)[positive - count]


def opened(mask):
    """Binary opening by 3 x 3 pixels: keeps what a full square fits into.

    Parameters
    ----------
    mask : array (T, W) of bool
    """
    across = mask[:, :-2] & mask[:, 1:-1] & mask[:, 2:]
    fits = across[:-2] & across[1:-1] & across[2:]
    along = np.zeros((mask.shape[0], fits.shape[1]), bool)
    for shift in range(3):
        along[shift : shift + len(fits)] |= fits
    out = np.zeros(mask.shape, bool)
    for shift in range(3):
        out[:, shift : shift + fits.shape[1]] |= along
    return out


def tracks(mask):
    """Detected pixels that hang together, as a table of peaks.

    Pixels that share an edge or a corner are one track; of each step it has a peak from its first
    to its last pixel, or several where more than 2 px part them (as in the published code).

    Parameters
    ----------
    mask : array (T, W) of bool

    Returns
    -------
    pandas.DataFrame
        One row per peak, in order of track and step: ``track``, ``step``, ``first_px``,
        ``last_px``, ``centre_px`` (midway between the two, as in the published code).
    """
    labels, _ = label(mask, structure=np.ones((3, 3), int))
    step, pixel = np.nonzero(mask)
    track = labels[step, pixel] - 1
    order = np.argsort(track, kind="stable")  # steps and pixels are in order already
    track, step, pixel = track[order], step[order], pixel[order]
    new = np.ones(len(track), bool)
    new[1:] = (np.diff(track) != 0) | (np.diff(step) != 0) | (np.diff(pixel) > PEAK_GAP)
    starts = np.flatnonzero(new)
    ends = np.append(starts[1:], len(track))[: len(starts)] - 1
    return pd.DataFrame(
        {
            "track": track[starts],
            "step": step[starts],
            "first_px": pixel[starts],
            "last_px": pixel[ends],
            "centre_px": (pixel[starts] + pixel[ends]) / 2,
        }
    )
