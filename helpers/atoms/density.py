"""Projected density of atoms: with its interval, and corrected for a detector's errors.

Atoms on the specimen's area, as in Mitchell et al. 2022 (Fig. 2b).  The paper gives values without
intervals and trusts the counts of the detector; here the counting error and what the detector
misses and invents are carried along.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from helpers.data import DataError
from helpers.survival import Estimate, rate


def density(count, area_nm2, confidence=0.95):
    """Projected density with the exact interval of a Poisson count (Garwood 1936).

    Parameters
    ----------
    count : int
    area_nm2 : float
        Area of the specimen in the image.
    confidence : float

    Returns
    -------
    Estimate
        In atoms per nm^2.

    Raises
    ------
    helpers.data.DataError
        If the area is not positive: there is no specimen to refer to.
    """
    if not area_nm2 > 0:
        raise DataError("the specimen's area is 0 nm^2, so it has no density: check the mask")
    return rate(count, area_nm2, confidence)


@dataclass(frozen=True)
class DetectionRatio:
    """Atoms that are there per atom that a detector reports, learnt from labelled images.

    Attributes
    ----------
    mean_log, sd_log : float
        Over images, of the logarithm of precision / recall.
    images : int
    """

    mean_log: float
    sd_log: float
    images: int


def detection_ratio(scores):
    """Learn how far a detector's counts are off.

    A detector with precision P and recall R that reports n atoms has found nP of nP/R.  In one
    image P/R is (tp + fn) / (tp + fp), labels per detection; images differ, and that spread is
    what limits the correction of a new one.

    Parameters
    ----------
    scores : DataFrame
        ``tp``, ``fp``, ``fn``, one row per labelled image; training images only, so that nothing is
        learnt from those that will be corrected.

    Returns
    -------
    DetectionRatio
    """
    # Half an atom on either side keeps the logarithm of an empty image finite.
    ratio = np.log((scores.tp + scores.fn + 0.5) / (scores.tp + scores.fp + 0.5))
    return DetectionRatio(float(ratio.mean()), float(ratio.std(ddof=1)), len(ratio))


def corrected_density(count, area_nm2, ratio, confidence=0.95):
    """Density after correction for what the detector misses and invents.

    The interval joins the spread of the ratio over images (a prediction for one more image,
    Student's t) with the counting error, both on the logarithm.

    Parameters
    ----------
    count : int
        Detected atoms.
    area_nm2 : float
    ratio : DetectionRatio
    confidence : float

    Returns
    -------
    Estimate
        In atoms per nm^2; for no detection at all, 0 with the Poisson limit scaled.
    """
    raw = density(count, area_nm2, confidence)
    factor = np.exp(ratio.mean_log)
    if count == 0:
        return Estimate(0.0, 0.0, raw.high * factor)
    variance = ratio.sd_log**2 * (1 + 1 / ratio.images) + 1 / count
    quantile = stats.t.isf((1 - confidence) / 2, ratio.images - 1)
    spread = np.exp(quantile * np.sqrt(variance))
    value = raw.value * factor
    return Estimate(value, value / spread, value * spread)


def normal_fit(values):
    """Normal distribution of densities over images (the paper's inset of Fig. 2b).

    Returns
    -------
    dict
        ``mean``, ``sd`` (ddof 1) and ``p_normal``, Shapiro and Wilk's probability of values as far
        from normal as these if they were normal.
    """
    values = np.asarray(values, float)
    return {
        "mean": float(values.mean()),
        "sd": float(values.std(ddof=1)),
        "p_normal": float(stats.shapiro(values).pvalue),
    }
