"""How many electrons, how much noise: read from an image itself.

An annular detector counts electrons, so local noise variance is a straight line in the local mean.
Its slope is the gain, its zero the offset of the amplifier.  With both, counts become electrons
per pixel, whatever the microscope wrote into the file.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import convolve

_SECOND_DIFFERENCE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]]) / 6.0


@dataclass(frozen=True)
class ElectronScale:
    """Counts to electrons: ``electrons = (counts - offset) / gain``.

    Attributes
    ----------
    gain, offset : float
        Counts per electron, and counts without any electron.
    """

    gain: float
    offset: float

    def electrons(self, counts):
        """Electrons per pixel (negative where noise goes below the offset)."""
        return (np.asarray(counts, np.float64) - self.offset) / self.gain


def noise_variance(image):
    """Variance of the white noise at every pixel, before any local averaging.

    The second difference along both axes removes everything that is smooth over three pixels;
    its square has the noise variance as mean (Immerkaer 1996, doi:10.1006/cviu.1996.0060).

    Parameters
    ----------
    image : ndarray, shape (H, W)
        In counts, as recorded: smoothing or interpolation would remove the noise.

    Returns
    -------
    ndarray, shape (H, W)
        In squared counts; average it over a neighbourhood before use.
    """
    return convolve(np.asarray(image, np.float64), _SECOND_DIFFERENCE, mode="reflect") ** 2


def electron_scale(image, block=16):
    """Gain and offset from the line of local variance against local mean.

    Blocks are weighted by the inverse square of the variance that the line itself gives them,
    because the spread of a variance grows with it; three rounds settle the weights.

    Parameters
    ----------
    image : ndarray, shape (H, W)
        In counts, as recorded.
    block : int
        Side of the square blocks, px.

    Returns
    -------
    ElectronScale or None
        None where the image does not behave like counted electrons: noise that does not grow with
        brightness (a processed or an 8-bit picture), or an image so even that no line shows.
    """
    image = np.asarray(image, np.float64)
    rows, columns = (size // block for size in image.shape)
    tiles = (rows, block, columns, block)
    cut = slice(rows * block), slice(columns * block)
    mean = image[cut].reshape(tiles).mean((1, 3)).ravel()
    variance = noise_variance(image)[cut].reshape(tiles).mean((1, 3)).ravel()
    if not np.ptp(mean) > 0 or not variance.mean() > 0:
        return None
    expected = np.full_like(variance, variance.mean())
    for _ in range(3):
        (gain, intercept), covariance = np.polyfit(mean, variance, 1, w=1 / expected, cov=True)
        expected = np.maximum(gain * mean + intercept, 0.02 * variance.mean())
    if gain < 5 * np.sqrt(covariance[0, 0]):
        return None
    return ElectronScale(float(gain), float(-intercept / gain))
