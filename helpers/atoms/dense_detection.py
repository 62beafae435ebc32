"""Detection in dense images: the published detector, and one that learnt from dense images.

Rossi et al. 2024 (Materials and Methods) keep the network of Mitchell et al. 2022 and its training
images, and change the crops (see `dense_crops`) and the preparation of an image: the brightest
pixels are clipped before the background is subtracted, so that a hot pixel no longer sets the scale
of the image. Regions that hold several atoms are split (see `multimers`).
"""

from functools import cache, partial

import numpy as np
import pandas as pd

from helpers.atoms import heatmap
from helpers.atoms.detect import Detector, components, likelihood_map, maxima
from helpers.atoms.detect import load_detector as sparse_detector
from helpers.atoms.multimers import PUBLISHED, split
from helpers.atoms.networks import SacCnn
from helpers.atoms.preprocess import normalise
from helpers.data import ROOT
from helpers.weights import load_weights, read_header

DATA = ROOT / "data" / "ch02"
CLIP_PERCENTILE = 99.9
PUBLISHED_THRESHOLD = 0.8
SPOT = 1.5  # px, of a painted atom: narrower than the image of one, so that dimers stay two
SEPARATION = 2  # px (0.06 nm): no two detections closer than this
SMOOTH = 0.75  # px
RADIUS = 3.0  # px: a detection this near an atom found it; see `make_detection.py`


def clip_bright(image: np.ndarray, percentile: float = CLIP_PERCENTILE) -> np.ndarray:
    """
    Cut off the brightest pixels of an image, as recorded, at a percentile of its values.

    (The published code also clips at zero from below. Counts are never below it, and an image
    whose offset was subtracted would lose half of its noise.)

    Parameters
    ----------
    image : (H, W) array
    percentile : float
        The paper's 99.9 leaves one pixel in a thousand at the limit.

    Returns
    -------
    (H, W) float32 array
    """
    image = np.asarray(image, np.float32)
    return np.minimum(image, np.float32(np.percentile(image, percentile)))


def prepare(image: np.ndarray) -> np.ndarray:
    """Clip, subtract the median background and scale to [0, 1]: in this order, as published."""
    return normalise(clip_bright(image))


def refined_maxima(likelihood: np.ndarray, threshold: float) -> pd.DataFrame:
    """
    Local maxima above a threshold, at least `SEPARATION` px apart, to a fraction of a pixel.

    Along each axis the parabola through the maximum and its two neighbours gives the fraction; at
    the border of the image the position stays a whole pixel.

    Returns
    -------
    DataFrame with ``x_px``, ``y_px``, ``probability``, the most likely first.
    """
    found = maxima(likelihood, threshold, min_distance=SEPARATION)
    padded = np.pad(np.log(np.maximum(likelihood, 1e-9)), 1, mode="edge")
    x, y = found[["x_px", "y_px"]].to_numpy(int).T + 1
    for name, dx, dy in (("x_px", 1, 0), ("y_px", 0, 1)):
        before, here, after = padded[y - dy, x - dx], padded[y, x], padded[y + dy, x + dx]
        bend = before - 2 * here + after
        shift = np.where(bend < 0, (before - after) / np.where(bend < 0, 2 * bend, 1), 0)
        edge = (x + dx >= padded.shape[1] - 1) if dx else (y + dy >= padded.shape[0] - 1)
        edge |= (x - dx < 1) if dx else (y - dy < 1)
        found[name] += np.where(edge, 0, np.clip(shift, -0.5, 0.5))
    return found


def _sac_cnn(positions) -> Detector:
    network = SacCnn()
    header = load_weights(DATA / "sac_cnn_hard.safetensors", network)
    return Detector(
        partial(likelihood_map, network), positions, header["threshold"], header, prepare
    )


def _dense() -> Detector:
    path = DATA / "dense_detector.safetensors"
    header = read_header(path)
    network = heatmap.Ensemble(**header["architecture"])
    load_weights(path, network)

    def likelihood(image):
        painted = heatmap.painted_map(network, image, smooth=SMOOTH)
        return heatmap.calibrate(painted, **header["calibration"])

    return Detector(likelihood, refined_maxima, header["threshold"], header, np.asarray)


METHODS = {
    "dense": _dense,
    "ensemble": partial(sparse_detector, "ensemble"),
    "sac-cnn": partial(_sac_cnn, components),
    "sac-cnn + mixtures": partial(_sac_cnn, split),
    "published": partial(_sac_cnn, partial(split, criterion=PUBLISHED)),
}


@cache
def load_detector(method: str = "dense") -> Detector:
    """
    Load a detector of `METHODS` with its shipped weights and its validated threshold.

    "dense" are U-Nets trained on simulated dense images and on the measured training images;
    "ensemble" is the default of chapter 1, for sparse atoms on thick supports; "sac-cnn" is the
    network with hard negatives, trained on the measured images only, one atom per region. With
    "+ mixtures" large regions are split by a calibrated criterion, in "published" by the published
    one; the published threshold is `PUBLISHED_THRESHOLD`.

    Raises
    ------
    ValueError
        If the method is unknown.
    """
    if method not in METHODS:
        raise ValueError(f"detection method {method!r} is unknown: use one of {sorted(METHODS)}")
    return METHODS[method]()


def detect(
    image: np.ndarray, method: str = "dense", threshold: float | None = None
) -> pd.DataFrame:
    """
    Find atoms in a dense micrograph.

    Parameters
    ----------
    image : (H, W) array
        As recorded, at about `preprocess.NETWORK_PIXEL_NM` per pixel.
    method : str
        A key of `METHODS`.
    threshold : float, optional
        The validated one when None; the paper's is `PUBLISHED_THRESHOLD`.

    Returns
    -------
    DataFrame
        ``x_px``, ``y_px``, ``probability``.

    Raises
    ------
    DataError
        If the image is not two-dimensional or constant.
    ValueError
        If the method is unknown.
    """
    return load_detector(method).find(image, threshold)
