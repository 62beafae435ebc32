"""How wrong a predicted spectrum or image is, in per cent, and how much of it is noise."""

import numpy as np

from helpers.data import DataError
from helpers.plasmons.pairs import turned


def relative_error(predicted, true, axes=(-1,)):
    """Relative error in per cent of every sample.

    100 sqrt(mean((p - t)^2) / mean((p + t)^2)), the means over the channels of a spectrum or the
    pixels of an image. It is the formula of the code that goes with the paper, where it is called
    MSE; of the definitions at hand only this one gives per cents. It is 0 for p = t, 100 for p = 0,
    and for small errors half of the root-mean-square error over the root-mean-square signal.

    Parameters
    ----------
    predicted, true : array
        Same shape.
    axes : tuple of int
        Those of one sample: (-1,) for spectra, (-2, -1) for images.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    DataError
        The shapes differ.
    """
    predicted, true = np.asarray(predicted, float), np.asarray(true, float)
    if predicted.shape != true.shape:
        raise DataError(
            f"Predictions have shape {predicted.shape}, what they should be {true.shape}: they must"
            " be equal."
        )
    above = ((predicted - true) ** 2).mean(axes)
    below = ((predicted + true) ** 2).mean(axes)
    return 100 * np.sqrt(above / np.maximum(below, 1e-30))


def noise_floor(spectra, channels=7):
    """Relative error that counting noise alone makes, for spectra whose truth is not known.

    Every spectrum against its running mean: what no smooth spectrum can explain.

    Parameters
    ----------
    spectra : array (..., E)
    channels : int
        Of the running mean, odd; its width must be less than that of a peak.

    Returns
    -------
    numpy.ndarray (...)
        In per cent.
    """
    spectra = np.asarray(spectra, float)
    around = [(0, 0)] * (spectra.ndim - 1) + [(channels // 2, channels // 2)]
    padded = np.pad(spectra, around, "edge")
    smooth = np.lib.stride_tricks.sliding_window_view(padded, channels, -1).mean(-1)
    # a mean of w channels keeps 1/w of the variance and shares it with the spectrum
    return relative_error(smooth, spectra) / np.sqrt(1 - 1 / channels)


def upright(predicted, true):
    """Whether images are more like the true ones than like these turned or mirrored.

    Parameters
    ----------
    predicted, true : array (N, w, w)

    Returns
    -------
    numpy.ndarray (N,) of bool
        By chance one in eight.
    """
    each = [relative_error(predicted, turned(true, kind), (-2, -1)) for kind in range(8)]
    return np.argmin(each, 0) == 0


def structure_correlation(error_map, haadf):
    """How much a map of errors looks like the dark-field image (supplement, Fig. S3).

    Parameters
    ----------
    error_map : array (y, x)
        NaN where there is no window.
    haadf : array (y, x)

    Returns
    -------
    correlation : float
        Pearson's coefficient over the pixels with a window.
    difference : float
        Mean squared difference of the two, each scaled to [0, 1] over these pixels.

    Raises
    ------
    DataError
        Shapes differ, or fewer than two pixels hold a window.
    """
    error_map, haadf = np.asarray(error_map, float), np.asarray(haadf, float)
    if error_map.shape != haadf.shape or np.isfinite(error_map).sum() < 2:
        raise DataError(
            f"An error map of shape {error_map.shape} with {np.isfinite(error_map).sum()} values"
            f" and an image of shape {haadf.shape}: expected equal shapes and two values or more."
        )
    here = np.isfinite(error_map)
    both = np.stack([error_map[here], haadf[here]])
    low, high = both.min(1, keepdims=True), both.max(1, keepdims=True)
    first, second = (both - low) / np.maximum(high - low, 1e-30)
    return float(np.corrcoef(both)[0, 1]), float(((first - second) ** 2).mean())
