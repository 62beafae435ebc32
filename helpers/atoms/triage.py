"""Does an image hold single atoms at all?

Mitchell et al. 2022 propose their network for sifting data sets too large to look at.  A detector
always finds something, though, and how much it finds in a bare support depends on noise, dose and
roughness.  So every image is compared with a counterpart that has the same noise and the same
support and can hold no atoms: its own negative.  Heavy atoms are bright; noise and clouds are dark
as often as bright.  The score is how much more convincing the best spots of the image are than the
best spots of its negative.
"""

import json
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import fft, stats
from scipy.ndimage import binary_erosion, gaussian_filter

from helpers.atoms.detect import Detector, load_detector
from helpers.atoms.noise import noise_variance
from helpers.atoms.peaks import maxima
from helpers.atoms.preprocess import (
    NETWORK_PIXEL_NM,
    median_background,
    normalise,
    to_network_scale,
)
from helpers.atoms.specimen import specimen_mask
from helpers.data import ROOT, DataError

LEVELS = ROOT / "data" / "ch01" / "triage.json"
SPOTS_PER_NM2 = 10 / 225  # of the best spots: far fewer than a field with atoms holds
FEWEST_SPOTS = 3
EDGE_PX = 15  # the outline of a particle is no negative of itself, so it is left out


class Triage(NamedTuple):
    """Verdict on one image."""

    holds_atoms: bool
    score: float
    level: float
    method: str = "log"

    def doubt(self, detections):
        """Say, with an image that holds no atoms, how that fits what a detector found in it.

        Parameters
        ----------
        detections : int
            Atoms that were found in the image.

        Returns
        -------
        str
            One or two sentences; "" where the image holds atoms.
        """
        if self.holds_atoms:
            return ""
        text = (
            f"This image holds no single atoms, by the score of '{self.method}' for sorting:"
            f" {self.score:.4f}, and more than {self.level:.4f} is needed."
        )
        if not detections:
            return text
        return (
            f"{text} That contradicts the {detections} detected: most of them are then noise or"
            " support, and the density and the distances from them mean nothing."
        )


def image_and_negative(counts, prepare=normalise):
    """An image and its negative, ready for a detector.

    The negative is the image mirrored about its median background.

    Parameters
    ----------
    counts : ndarray, shape (H, W)
    prepare : callable
        What the detector does to a micrograph first.  `preprocess.normalise` divides by the
        brightest pixel; the negative is then divided by that of the image, not by its own.

    Returns
    -------
    tuple of ndarray
    """
    counts = np.asarray(counts, np.float32)
    background = median_background(counts)
    foreground = counts - background
    if prepare is not normalise:
        return prepare(counts), prepare(background - foreground)
    brightest = foreground.max()
    if not brightest > 0:
        raise DataError("triage: nothing rises above the local median, as in a constant image")
    return np.clip(foreground, 0, None) / brightest, np.clip(-foreground, 0, None) / brightest


def score(counts: np.ndarray, detector: Detector) -> float:
    """How much more convincing the best spots of an image are than those of its negative.

    Parameters
    ----------
    counts : ndarray, shape (H, W)
        At the network's pixel size.
    detector : Detector
        From ``detect.load_detector``.

    Returns
    -------
    float
        Difference of the mean likelihoods of the best spots, about ten in 15 x 15 nm.  It scatters
        around 0 without atoms (how far, `decision_level` knows); it is 0 if no specimen is wider
        than its edges.
    """
    mask = specimen_mask(counts, NETWORK_PIXEL_NM)
    inner = binary_erosion(mask, iterations=EDGE_PX, border_value=1)
    if not inner.any():
        return 0.0
    count = max(FEWEST_SPOTS, round(SPOTS_PER_NM2 * inner.sum() * NETWORK_PIXEL_NM**2))
    pair = image_and_negative(counts, detector.prepare)
    image, negative = (_best(detector.likelihood(seen), inner, count) for seen in pair)
    return image - negative


def _best(response, inner, count):
    spots = maxima(response, -np.inf)
    inside = inner[spots.y_px.astype(int), spots.x_px.astype(int)]
    best = spots.probability[inside].nlargest(count)
    return float(best.mean()) if len(best) else 0.0


@cache
def decision_level(method):
    """Score above which an image is said to hold atoms, chosen on training data."""
    if not LEVELS.is_file():
        raise DataError(f"{LEVELS} is missing; data/ch01/make_triage.py makes it")
    levels = json.loads(LEVELS.read_text())["levels"]
    if method not in levels:
        raise DataError(f"triage: no level for {method!r}, expected one of {sorted(levels)}")
    return levels[method]


def holds_atoms(image, method="log"):
    """Decide whether a micrograph holds single atoms.

    Parameters
    ----------
    image : xarray.DataArray
        In counts, with ``attrs["pixel_size_nm"]``.
    method : str
        Detector of `detect.METHODS` that has a level.  The blob filter errs no more than the
        ensemble does on whole images, in a twentieth of the time.

    Returns
    -------
    Triage
    """
    counts, _ = to_network_scale(image.to_numpy(), float(image.attrs["pixel_size_nm"]))
    found = score(counts, load_detector(method))
    level = decision_level(method)
    return Triage(found > level, found, level, method)


def without_atoms(counts, rng):
    """A counterpart of a measured image with the same support, noise and roughness, but no atoms.

    The image minus its background, in units of the local noise, is a random texture plus spots.
    Random phases in Fourier space keep the strength at every length scale and scatter the spots
    into a texture without any; noise level and background are put back.

    Parameters
    ----------
    counts : ndarray, shape (H, W)
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (H, W), float32
    """
    counts = np.asarray(counts, np.float32)
    background = median_background(counts)
    noise = np.sqrt(gaussian_filter(noise_variance(counts), 16))
    spectrum = fft.rfft2((counts - background) / noise)
    # Phases of white noise: consistent with a real image, and with unit modulus everywhere.
    phase = np.exp(1j * np.angle(fft.rfft2(rng.normal(size=counts.shape))))
    texture = fft.irfft2(np.abs(spectrum) * phase, s=counts.shape)
    return (background + texture * noise).astype(np.float32)


def roc(scores, has_atoms):
    """Rates at every level (receiver operating characteristic).

    Returns
    -------
    DataFrame
        ``level``, ``true_positive_rate``, ``false_positive_rate``, levels falling.
    """
    scores, has_atoms = np.asarray(scores, float), np.asarray(has_atoms, bool)
    levels = np.unique(scores)[::-1]
    above = scores[None] >= levels[:, None]
    table = pd.DataFrame(
        {
            "level": levels,
            "true_positive_rate": above[:, has_atoms].mean(1),
            "false_positive_rate": above[:, ~has_atoms].mean(1),
        }
    )
    start = pd.DataFrame([[np.inf, 0.0, 0.0]], columns=table.columns)
    return pd.concat([start, table], ignore_index=True)


def area_under(curve):
    """Probability that an image with atoms scores higher than one without."""
    return float(np.trapezoid(curve.true_positive_rate, curve.false_positive_rate))


def choose_level(scores, has_atoms):
    """Level with the smallest mean of both error rates; in the middle where several do."""
    scores, has_atoms = np.asarray(scores, float), np.asarray(has_atoms, bool)
    edges = np.unique(scores)
    levels = (edges[1:] + edges[:-1]) / 2
    above = scores[None] > levels[:, None]
    error = (1 - above[:, has_atoms].mean(1)) + above[:, ~has_atoms].mean(1)
    best = np.flatnonzero(error <= error.min() + 1e-12)
    return float((levels[best[0]] + levels[best[-1]]) / 2)


def error_rates(scores, has_atoms, level, confidence=0.95):
    """False positives and false negatives at a level, with Wilson intervals.

    Returns
    -------
    DataFrame
        Index ``false positive`` and ``false negative``; columns ``errors``, ``n``, ``rate``,
        ``low``, ``high``.
    """
    scores, has_atoms = np.asarray(scores, float), np.asarray(has_atoms, bool)
    rows = {}
    for name, wrong in (
        ("false positive", scores[~has_atoms] > level),
        ("false negative", scores[has_atoms] <= level),
    ):
        limits = stats.binomtest(int(wrong.sum()), len(wrong)).proportion_ci(confidence, "wilson")
        rows[name] = [int(wrong.sum()), len(wrong), wrong.mean(), limits.low, limits.high]
    return pd.DataFrame(rows, index=["errors", "n", "rate", "low", "high"]).T
