"""Detection in dense images: the published detector, and one that learnt from dense images.

Rossi et al. 2024 (Materials and Methods) keep the network of Mitchell et al. 2022 and its training
images, and change the crops (see `dense_crops`) and the preparation of an image: the brightest
pixels are clipped before the background is subtracted, so that a hot pixel no longer sets the scale
of the image. Regions that hold several atoms are split (see `multimers`).
"""

import json
from functools import cache, partial

import numpy as np
import pandas as pd

from helpers.atoms import heatmap
from helpers.atoms.detect import Detector, likelihood_map
from helpers.atoms.detect import load_detector as sparse_detector
from helpers.atoms.multimers import PUBLISHED, split, split_maxima
from helpers.atoms.networks import SacCnn
from helpers.atoms.peaks import components, maxima, vertex
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

    The fraction is that of `peaks.vertex`, of the logarithm of the map.

    Returns
    -------
    DataFrame with ``x_px``, ``y_px``, ``probability``, the most likely first.
    """
    found = maxima(likelihood, threshold, min_distance=SEPARATION)
    x, y = found[["x_px", "y_px"]].to_numpy(int).T
    dy, dx = vertex(np.log(np.maximum(likelihood, 1e-9)), y, x)
    return found.assign(x_px=x + dx, y_px=y + dy)


def chosen_thresholds() -> dict[str, dict[str, float]]:
    """Thresholds per method: ``simulated`` validation images, ``measured`` training images."""
    return json.loads((DATA / "thresholds.json").read_text())


def _sac_cnn(method: str, positions, beside_image: bool = False) -> Detector:
    network = SacCnn()
    header = load_weights(DATA / "sac_cnn_hard.safetensors", network)
    threshold = chosen_thresholds()[method]["simulated"]
    likelihood = partial(likelihood_map, network)
    return Detector(likelihood, positions, threshold, header, prepare, beside_image)


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
    "sac-cnn": partial(_sac_cnn, "sac-cnn", components),
    "published": partial(_sac_cnn, "published", partial(split, criterion=PUBLISHED)),
    "sac-cnn + maxima": partial(_sac_cnn, "sac-cnn + maxima", split_maxima, beside_image=True),
}


@cache
def load_detector(method: str = "dense") -> Detector:
    """
    Load a detector of `METHODS` with its shipped weights and its validated threshold.

    "dense" are U-Nets trained on simulated dense images and on the measured training images;
    "ensemble" is the default of chapter 1, for sparse atoms on thick supports; "sac-cnn" is the
    network with hard negatives, trained on the measured images only, one atom per region; in
    "published" large regions are split by the published criterion, with "+ maxima" all are read by
    the maxima of the filtered image. Their thresholds are the best on simulated validation images;
    the paper's is `PUBLISHED_THRESHOLD`.

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
