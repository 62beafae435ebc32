"""Name the isomer in an image or in every frame of a video, with a probability, or refuse to.

The shipped network (data/ch03/isomers.safetensors, made by data/ch03/make_classifier.py) was
trained on simulated gold clusters. Its file holds all that is needed beside the weights: the size
of its pixels, the scaling that makes its probabilities frequencies, the least probability at which
a frame is accepted, and how wide the clusters were.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch.nn import functional as F

from helpers.clusters.calibration import NoiseScaling
from helpers.clusters.network import FIELDS_PX, IsomerNet, standardised
from helpers.clusters.outline import checked, diameter_nm, noise_share, resampled
from helpers.clusters.structures import ISOMERS
from helpers.registry import ROOT, DataError
from helpers.weights import load_weights, read_header

PATH = ROOT / "data" / "ch03" / "isomers.safetensors"
WINDOW_PX = max(FIELDS_PX)  # of larger images, this much around the brightest place is looked at
SMOOTH_PX = 15  # 0.75 nm: a cluster is larger, a hot pixel is not
BATCH = 256


@dataclass(frozen=True)
class Prediction:
    """
    What is said about one image.

    Attributes
    ----------
    isomer : str
        The most probable of `ISOMERS`, also when the image is rejected.
    probability : float
        Its probability; calibrated for images like the training images.
    probabilities : dict of str to float
        For every isomer.
    accepted : bool
    reason : str
        Why the image is rejected, "" when it is accepted.
    """

    isomer: str
    probability: float
    probabilities: dict
    accepted: bool
    reason: str


@dataclass(frozen=True)
class Classifier:
    """
    A trained network with what turns its scores into answers.

    Attributes
    ----------
    network : IsomerNet
    pixel_size_nm : float
        Of the frames it was trained on.
    scaling : NoiseScaling
        Scores and noise to probabilities, fitted on validation frames.
    threshold : float
        Least probability of an accepted frame, chosen on validation frames.
    diameters_nm : tuple of float
        Least and largest diameter of the clusters it was trained on.
    """

    network: IsomerNet
    pixel_size_nm: float
    scaling: NoiseScaling
    threshold: float
    diameters_nm: tuple

    def scores(self, frames):
        """Logits (N, 4) of frames (N, H, W) that have the network's pixels."""
        parts = []
        with torch.inference_mode():
            for start in range(0, len(frames), BATCH):
                parts.append(self.network(standardised(frames[start : start + BATCH])))
        return torch.cat(parts).numpy() if parts else np.empty((0, len(ISOMERS)), np.float32)

    def probabilities(self, frames):
        """Calibrated probabilities (N, 4) of frames (N, H, W) that have the network's pixels."""
        return self.scaling(self.scores(frames), noise_share(frames))


def load_classifier(path=PATH):
    """
    Read a classifier from its file.

    Raises
    ------
    DataError
        The file is missing, damaged or of another network.
    """
    network = IsomerNet(read_header(path)["branches"])
    header = load_weights(path, network)
    return Classifier(
        network=network,
        pixel_size_nm=header["pixel_size_nm"],
        scaling=NoiseScaling(header["factor"], header["power"]),
        threshold=header["threshold"],
        diameters_nm=tuple(header["diameters_nm"]),
    )


def predict(image, pixel_size_nm=None, classifier=None):
    """
    Name the isomer of the cluster in one image.

    Parameters
    ----------
    image : array or xarray.DataArray (H, W)
        One cluster, bright on dark, with some support around it; of an image larger than 3.2 nm,
        the part around the brightest place is used (`helpers.clusters.segment` finds all clusters).
    pixel_size_nm : float, optional
        Side of a pixel in nm; may be left out when `image` brings it.
    classifier : Classifier, optional
        The shipped one by default.

    Returns
    -------
    Prediction

    Raises
    ------
    DataError
        The pixel size is unknown or too large to resolve atomic columns, or the image is not
        two-dimensional, not finite, without contrast, or smaller than a cluster.
    """
    if np.ndim(image) != 2:
        raise DataError(
            f"The image has {np.ndim(image)} axes: expected rows and columns; give a series of"
            " images to predict_frames."
        )
    pixel_size_nm = pixel_size_nm or getattr(image, "attrs", {}).get("pixel_size_nm")
    classifier = classifier or shipped()
    values = predict_frames(np.asarray(image)[None], pixel_size_nm, classifier)[0]
    best = int(values.argmax())
    reason = why_not(diameter_nm(image, pixel_size_nm), values[best], classifier)
    names = dict(zip(ISOMERS, values.tolist(), strict=True))
    return Prediction(ISOMERS[best], float(values[best]), names, not reason, reason)


def why_not(diameter, probability, classifier):
    """
    Why a cluster is rejected, "" when it is accepted.

    Parameters
    ----------
    diameter : float
        Of the object in nm, as `helpers.clusters.outline.diameter_nm` measures it.
    probability : float
        Of the most probable isomer.
    classifier : Classifier

    Returns
    -------
    str
    """
    low, high = classifier.diameters_nm
    if not low <= diameter <= high:
        return (
            f"the brightest object is {diameter:.1f} nm wide, but the network was trained on"
            f" clusters of {low:.1f} to {high:.1f} nm"
        )
    if probability < classifier.threshold:
        return (
            f"the probability, {probability:.2f}, is below {classifier.threshold:.2f}: this view,"
            " at this noise, could be of another isomer"
        )
    return ""


def predict_frames(frames, pixel_size_nm, classifier=None):
    """
    Name the isomer in every frame of a series.

    Parameters
    ----------
    frames : array (N, H, W)
    pixel_size_nm : float
    classifier : Classifier, optional
        The shipped one by default.

    Returns
    -------
    array (N, 4)
        Calibrated probabilities in the order of `ISOMERS`, what
        `helpers.clusters.hidden_markov` takes.

    Raises
    ------
    DataError
        See `predict`.
    """
    frames = checked(frames, pixel_size_nm)
    classifier = classifier or shipped()
    parts = [np.empty((0, len(ISOMERS)))]
    for start in range(0, len(frames), BATCH):
        part = resampled(frames[start : start + BATCH], pixel_size_nm, classifier.pixel_size_nm)
        parts.append(classifier.probabilities(around_brightest(part)))
    return np.concatenate(parts)


def around_brightest(frames, window=WINDOW_PX):
    """The part of each frame (N, H, W) around its brightest place, at most `window` px a side."""
    frames = np.asarray(frames, np.float32)
    height, width = frames.shape[1:]
    if height <= window and width <= window:
        return frames
    x = torch.as_tensor(frames)[:, None]
    smooth = x
    for _ in range(2):  # a box twice is a tent, whose top is where a disc is
        smooth = F.avg_pool2d(smooth, SMOOTH_PX, 1, SMOOTH_PX // 2, count_include_pad=False)
    place = smooth.flatten(1).argmax(1).numpy()
    high, wide = min(window, height), min(window, width)
    top = (place // width - high // 2).clip(0, height - high)
    left = (place % width - wide // 2).clip(0, width - wide)
    return np.stack([f[t : t + high, s : s + wide] for f, t, s in zip(frames, top, left)])


@lru_cache
def shipped():
    """The classifier that comes with the package."""
    return load_classifier(PATH)
