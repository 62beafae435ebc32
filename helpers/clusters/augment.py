"""Frames as different as those that a classifier will meet: conditions drawn anew for each."""

import numpy as np

from helpers.clusters.recording import record

DOSE = (1e2, 1e5)  # electrons per square Angstrom, drawn evenly on a logarithmic scale
SOURCE_NM = (0.03, 0.07)  # standard deviation of the source
SUPPORT_NM = (0.0, 10.0)  # carbon film
BACKGROUND = (0.0, 1e-3)  # fraction of the beam
JITTER_PX = (0.0, 0.4)  # of the rows
USUAL_SOURCE_NM = 0.05


def random_frames(rng, images, dose=None, side=None):
    """
    Record images under random conditions, every one turned, mirrored and shifted at random.

    Parameters
    ----------
    rng : numpy.random.Generator
    images : array (N, H, W)
        Noise-free.
    dose : float or array (N,), optional
        Electrons per square Angstrom; drawn as well unless given.
    side : int, optional
        Of the frames; that of the images unless given.

    Returns
    -------
    array (N, side, side) float32
    """
    n = len(images)
    if dose is None:
        dose = np.exp(rng.uniform(*np.log(DOSE), n))
    drawn = {
        "source_nm": rng.uniform(*SOURCE_NM, n),
        "support_nm": rng.uniform(*SUPPORT_NM, n),
        "background": rng.uniform(*BACKGROUND, n),
        "jitter_px": rng.uniform(*JITTER_PX, n),
    }
    return record(rng, images, dose, side=side, **drawn)


def training_frames(rng, images, side=None):
    """
    Record images as `random_frames`, low doses more often than high ones.

    There is more to learn from noisy frames than from the clear ones, which are soon named right:
    half of the frames have less than a quarter of the range, on its logarithmic scale.

    Returns
    -------
    array (N, side, side) float32
    """
    low, high = DOSE
    return random_frames(rng, images, low * (high / low) ** rng.random(len(images)) ** 2, side)
