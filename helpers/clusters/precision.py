"""How well proportions and energies can be known: closed forms, before any video is taken.

A series is a chain in time seen through a confusion matrix; the variances of what is counted, and
of the energies drawn from it, follow from the rates.
"""

import numpy as np

from helpers.clusters.kinetics import line_over_inverse_temperature
from helpers.clusters.landscape import BOLTZMANN_EV_K, stationary


def log_ratio_variance(rates, frame_s, confusion, isomer, reference):
    """Variance of ln(p_i / p_j) from N frames, times N: what theory says before any video.

    The corrected proportions are means of a weight that every label carries, so that the variance
    is that of the weights given the isomer, plus that of the isomers, which are correlated in time.
    For many frames, seen each at one instant.

    Parameters
    ----------
    rates : array (n, n)
        Generator in 1/s.
    frame_s : float
        Time from frame to frame.
    confusion : array (n, n)
        Rows sum to 1.
    isomer, reference : int
        Places of the two.

    Returns
    -------
    float
    """
    p = stationary(rates)
    signal = _signal(p, isomer, reference)
    weight = np.linalg.solve(confusion, signal)
    noise = p @ (confusion @ weight**2 - signal**2)
    values, vectors = np.linalg.eigh(_symmetric(rates, p))  # detailed balance: real and negative
    part = (vectors.T @ (np.sqrt(p) * signal)) ** 2
    kept = np.exp(values * frame_s)
    moving = values < values.max() - 1e-9 * np.abs(values).max()
    return noise + (part[moving] * (1 + kept[moving]) / (1 - kept[moving])).sum()


def frames_needed(target_ev, temperature_k, variance):
    """Frames after which a free energy is known to `target_ev` (one standard deviation).

    Parameters
    ----------
    target_ev : float
        Wanted standard deviation of -k_B T ln(p_i / p_j).
    temperature_k : float
        Temperature.
    variance : float
        From `log_ratio_variance`.

    Returns
    -------
    float
    """
    return variance * (BOLTZMANN_EV_K * temperature_k / target_ev) ** 2


def validation_variance(populations, confusion, images, isomer, reference):
    """Variance of ln(p_i / p_j) that no number of frames removes: that of the confusion matrix.

    Parameters
    ----------
    populations : array (n,)
        True proportions.
    confusion : array (n, n)
        Rows sum to 1.
    images : int
        Validation images of each class.
    isomer, reference : int
        Places of the two.

    Returns
    -------
    float
    """
    weight = np.linalg.solve(confusion, _signal(populations, isomer, reference))
    scatter = confusion @ weight**2 - (confusion @ weight) ** 2
    return (populations**2 * scatter).sum() / images


def energy_sd(temperature_k, variances):
    """Standard deviation of the energy difference from those of ln(p_i / p_j).

    Parameters
    ----------
    temperature_k, variances : array (temperatures,)
        Variance of the logarithm of the ratio at every temperature, independent of each other.

    Returns
    -------
    float
        In eV.
    """
    x = line_over_inverse_temperature(np.asarray(temperature_k, float))
    return float(np.sqrt(np.linalg.inv(x.T @ (x / np.asarray(variances)[:, None]))[0, 0]))


def _signal(p, isomer, reference):
    signal = np.zeros(len(p))
    signal[isomer], signal[reference] = 1 / p[isomer], -1 / p[reference]
    return signal


def _symmetric(rates, p):
    scaled = np.sqrt(p)[:, None] * rates / np.sqrt(p)
    return (scaled + scaled.T) / 2
