"""Branching ratios from the frames of series, corrected for confusion, with honest intervals.

Two things stand between counted labels and the share of time in every isomer. A classifier confuses
isomers: labels of frequency q come from proportions p as q = p C, with C the confusion matrix of a
validation set, itself known from finitely many images. And frames are not independent: a cluster
keeps its isomer for many frames, so that a long series may hold few independent looks.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t

BLOCK_PER_TIME = 5  # length of a block of frames in autocorrelation times
LEAST_BLOCKS = 10  # fewer do not tell how much the proportions vary


@dataclass(frozen=True)
class Proportions:
    """Share of time in every isomer.

    Attributes
    ----------
    value : array (n,)
        Estimate; sum 1.
    draws : array (draws, n)
        What other stretches of the series, and other validation sets, would have given; NaN where
        all frames are one stretch, which does not tell.
    frames : int
        Frames used, missing ones not counted.
    effective_frames : array (n,)
        Independent frames that would fix the counts of an isomer as well.
    blocks : int
        Independent stretches that the draws are made of; below `LEAST_BLOCKS` the intervals are
        too short.
    """

    value: np.ndarray
    draws: np.ndarray
    frames: int
    effective_frames: np.ndarray
    blocks: int

    def interval(self, level=0.95):
        """Lower and upper bound for every isomer, array (2, n)."""
        return np.quantile(self.draws, [(1 - level) / 2, (1 + level) / 2], axis=0)


def one_hot(labels, n=4):
    """Labels as rows of 0 and 1, NaN for a missing frame (-1): array (frames, n)."""
    rows = np.eye(n)[labels]
    rows[np.asarray(labels) < 0] = np.nan
    return rows


def autocorrelation_time(series):
    """Frames from one independent look to the next, for every column.

    1 + 2 sum of the autocorrelation, summed up to five times its own value (Sokal's window);
    longer sums add noise only.

    Parameters
    ----------
    series : list of array (frames, n)
        Labels as from `one_hot`, or probabilities; all series have one mean. NaN is missing.

    Returns
    -------
    array (n,)
        At least 1. A column that never changes has the longest time of the others; if none does,
        a series is one look.
    """
    mean = np.nanmean(np.concatenate(series), axis=0)
    longest = max(map(len, series))
    size = 2 ** int(np.ceil(np.log2(2 * longest)))
    sums, weights = 0, 0
    for rows in series:
        seen = ~np.isnan(rows[:, 0])
        power = np.abs(np.fft.rfft(np.where(seen[:, None], rows - mean, 0), size, axis=0)) ** 2
        sums = sums + np.fft.irfft(power, size, axis=0)[:longest]
        power = np.abs(np.fft.rfft(seen.astype(float), size)) ** 2
        weights = weights + np.fft.irfft(power, size)[:longest].round()
    covariance = sums / np.maximum(weights, 1)[:, None]
    times = np.zeros(len(mean))
    changing = covariance[0] > 1e-12
    for column in np.flatnonzero(changing):
        running = 2 * np.cumsum(covariance[:, column] / covariance[0, column]) - 1
        enough = np.arange(longest) >= 5 * running
        times[column] = max(1, running[enough.argmax() if enough.any() else -1])
    times[~changing] = times.max() if changing.any() else longest
    return times


def draw_confusions(rng, counts, draws=1000):
    """Confusion matrices that the counts of a validation set allow.

    Every row is drawn from the Dirichlet distribution of its counts plus one half (Jeffreys).

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    counts : array (n, n)
        True class in the row, called class in the column.
    draws : int
        Number of matrices.

    Returns
    -------
    array (1 + draws, n, n)
        The first is the mean of the distribution; rows sum to 1.
    """
    alpha = np.asarray(counts) + 0.5
    drawn = rng.standard_gamma(np.broadcast_to(alpha, (draws, *alpha.shape)))
    every = np.concatenate([alpha[None], drawn])
    return every / every.sum(axis=2, keepdims=True)


def corrected(frequencies, confusions, steps=500):
    """Proportions that make the frequencies of labels most likely.

    Where p = q C^-1 is a distribution it is the most likely one. Where it has negative parts, the
    likelihood is raised step by step inside the simplex (expectation and maximisation).

    Parameters
    ----------
    frequencies : array (draws, n)
        Of labels; rows sum to 1.
    confusions : array (draws, n, n)
        Rows sum to 1.
    steps : int
        Of the iteration.

    Returns
    -------
    array (draws, n)
    """
    transposed = np.swapaxes(confusions, 1, 2)
    found = np.linalg.solve(transposed, frequencies[..., None])[..., 0]
    outside = (found < 0).any(axis=1)
    q, c = frequencies[outside], confusions[outside]
    p = np.full_like(q, 1 / q.shape[1])
    for _ in range(steps):
        expected = np.einsum("bi,bij->bj", p, c)
        p = p * np.einsum("bij,bj->bi", c, q / np.maximum(expected, 1e-12))
    found[outside] = p
    return found


def proportions(rng, series, confusions=None, draws=1000):
    """Share of time in every isomer, with what chance could have made of it.

    Blocks of frames are drawn with replacement: whole blocks, several autocorrelation times long,
    are as good as independent. With few of them the scatter is widened as Student's t asks.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    series : list of array (frames, n)
        One array per series: labels as from `one_hot`, or probabilities. NaN is missing.
    confusions : array (1 + draws, n, n), optional
        From `draw_confusions`; one set for all temperatures, as the classifier is one. Without it
        the frequencies are taken as they are.
    draws : int
        Number of draws.

    Returns
    -------
    Proportions
    """
    times = autocorrelation_time(series)
    length = BLOCK_PER_TIME * times.max()
    blocks = [
        block for rows in series for block in np.array_split(rows, max(1, int(len(rows) // length)))
    ]
    sizes = np.array([(~np.isnan(block[:, 0])).sum() for block in blocks])
    sums = np.array([np.nan_to_num(block).sum(axis=0) for block in blocks])
    sums, sizes = sums[sizes > 0], sizes[sizes > 0]
    n = len(sizes)
    drawn = rng.integers(n, size=(draws, n)) + n * np.arange(draws)[:, None]
    weights = np.bincount(drawn.ravel(), minlength=draws * n).reshape(draws, n)
    if n > 1:
        wider = np.sqrt(n / (n - 1)) * t.ppf(0.975, n - 1) / norm.ppf(0.975)
        weights = 1 + wider * (weights - 1)
    weights = np.concatenate([np.ones((1, n)), weights])
    rows = (weights @ sums).clip(0)
    found = rows / rows.sum(axis=1, keepdims=True)
    if confusions is not None:
        found = corrected(found, confusions)
    if n == 1:
        found[1:] = np.nan
    frames = int(sizes.sum())
    return Proportions(found[0], found[1:], frames, frames / times, n)
