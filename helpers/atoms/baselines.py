"""Filters that find atoms without learning: the yardstick for the networks.

The published one (Mitchell et al. 2022, Note S1 and code) is called a two-dimensional Gaussian
fit in the paper; what runs is a weighted mean under a fixed Gaussian. A Laplacian of Gaussian, the
textbook blob filter, is the stronger baseline. Both are read on the normalised image.
"""

import numpy as np
from scipy import ndimage


def template_response(image: np.ndarray) -> np.ndarray:
    """
    Mean under a 21 x 21 px Gaussian with an SD of 0.22 half-widths (2.2 px), mirrored edges.

    Read it with `peaks.components`; the paper's best threshold is 0.18.

    Parameters
    ----------
    image : (H, W) array in [0, 1]

    Returns
    -------
    (H, W) float32 array in [0, 1]
    """
    weights = np.exp(-0.5 * (np.linspace(-1, 1, 21) / 0.22) ** 2)
    weights /= weights.sum()
    rows = ndimage.correlate1d(np.asarray(image, np.float32), weights, axis=0, mode="mirror")
    return ndimage.correlate1d(rows, weights, axis=1, mode="mirror")


def log_response(image: np.ndarray, sigma: float) -> np.ndarray:
    """
    Scale-normalised Laplacian of Gaussian, positive on bright blobs of SD near ``sigma`` px.

    Read it with `peaks.maxima`.

    Parameters
    ----------
    image : (H, W) array in [0, 1]
    sigma : float
        Scale in px.

    Returns
    -------
    (H, W) float32 array
    """
    return -(sigma**2) * ndimage.gaussian_laplace(np.asarray(image, np.float32), sigma)
