"""Register two frames of one field by normalised cross-correlation. x is the column."""

from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter


@dataclass(frozen=True)
class Registration:
    """How the second frame lies on the first.

    Attributes
    ----------
    dx_px, dy_px : float
        What to add to a position in the second frame to find its place in the first. The specimen
        itself moved by the negative of it.
    correlation : float
        Correlation coefficient of the two frames where they overlap, after filtering.
    """

    dx_px: float
    dy_px: float
    correlation: float


def register(first, second, smooth_px=2.0, background_px=20.0, largest_px=64):
    """Bring the second frame onto the first by cross-correlation of their mid-scale detail.

    Both frames are band-pass filtered, because shot noise (finer) and thickness (coarser) say
    little about the displacement, and correlated where they overlap; every displacement is judged
    by the correlation coefficient of its own overlap (Padfield 2012,
    doi:10.1109/TIP.2011.2181402), so that small overlaps are not at a disadvantage.

    Parameters
    ----------
    first, second : array_like
        Frames (H, W) of the same shape.
    smooth_px, background_px : float
        Standard deviations of the two Gaussians whose difference is the band pass.
    largest_px : int
        Largest displacement considered along either axis.

    Returns
    -------
    Registration
        To a fraction of a pixel (parabola through the maximum).

    Raises
    ------
    ValueError
        The frames differ in shape, are smaller than the displacements considered, or are constant.
    """
    frames = [np.asarray(frame, float) for frame in (first, second)]
    shape = frames[0].shape
    if frames[1].shape != shape or len(shape) != 2:
        raise ValueError(
            f"The frames have shapes {shape} and {frames[1].shape}: expected two (H, W) images of "
            "the same shape."
        )
    if min(shape) <= 2 * largest_px:
        raise ValueError(
            f"Frames of {shape} px are too small for displacements up to {largest_px} px: expected "
            "more than twice that."
        )
    detail = [gaussian_filter(f, smooth_px) - gaussian_filter(f, background_px) for f in frames]
    if min(d.std() for d in detail) == 0:
        raise ValueError("A constant frame cannot be registered.")
    score = _overlap_correlation(*detail, largest_px)
    row, column = np.unravel_index(score.argmax(), score.shape)
    dy = row - largest_px + _parabola(score[:, column], row)
    dx = column - largest_px + _parabola(score[row], column)
    return Registration(-float(dx), -float(dy), float(score[row, column]))


def _overlap_correlation(first, second, largest):
    """Correlation coefficient at all displacements up to `largest`, (2 largest + 1)^2."""
    shape = [fft.next_fast_len(n + largest, real=True) for n in first.shape]

    def spectrum(values):
        return fft.rfft2(values, s=shape)

    def correlate(a, b):
        product = fft.irfft2(np.conj(a) * b, s=shape)
        lags = np.arange(-largest, largest + 1)
        return product[np.ix_(lags, lags)]

    a, b, inside = spectrum(first), spectrum(second), spectrum(np.ones(first.shape))
    number = correlate(inside, inside)
    sum_a, sum_b = correlate(a, inside), correlate(inside, b)
    variance_a = correlate(spectrum(first**2), inside) - sum_a**2 / number
    variance_b = correlate(inside, spectrum(second**2)) - sum_b**2 / number
    covariance = correlate(a, b) - sum_a * sum_b / number
    return covariance / np.sqrt(np.maximum(variance_a * variance_b, 1e-300))


def _parabola(values, peak):
    """Offset of the maximum from the sample `peak`, by a parabola through three samples."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    left, middle, right = values[peak - 1 : peak + 2]
    curvature = left - 2 * middle + right
    return 0.5 * (left - right) / curvature if curvature < 0 else 0.0
