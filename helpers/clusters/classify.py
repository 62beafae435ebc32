"""Name the isomer in an image or in every frame of a video, with a probability, or refuse to.

The shipped network (data/ch03/isomers.safetensors, made by data/ch03/make_classifier.py) was
trained on simulated gold clusters. Its file holds all that is needed beside the weights: the size
of its pixels, the scaling that makes its probabilities frequencies, the least probability at which
a frame is accepted, and what the features of training frames look like.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch.nn import functional as F

from helpers.clusters.calibration import Scaling
from helpers.clusters.network import FIELDS_PX, IsomerNet, standardised
from helpers.clusters.structures import ISOMERS
from helpers.registry import ROOT, DataError
from helpers.weights import load_weights

PATH = ROOT / "data" / "ch03" / "isomers.safetensors"
WINDOW_PX = max(FIELDS_PX)  # of larger images, this much around the brightest place is looked at
SMALLEST_PX = 28  # 1.4 nm: below, no cluster of 147 atoms fits in
LARGEST_PIXEL_NM = 0.1  # atomic columns of gold, 0.2 nm apart, are not resolved with larger ones
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
    scaling : Scaling
        Scores to probabilities, fitted on validation frames.
    threshold : float
        Least probability of an accepted frame, chosen on validation frames.
    """

    network: IsomerNet
    pixel_size_nm: float
    scaling: Scaling
    threshold: float

    def scores(self, frames):
        """Logits (N, 4) of frames (N, H, W) that have the network's pixels."""
        parts = []
        with torch.inference_mode():
            for start in range(0, len(frames), BATCH):
                parts.append(self.network(standardised(frames[start : start + BATCH])))
        return torch.cat(parts).numpy() if parts else np.empty((0, len(ISOMERS)), np.float32)

    def probabilities(self, frames):
        """Calibrated probabilities (N, 4) of frames (N, H, W) that have the network's pixels."""
        return self.scaling(self.scores(frames))


def load_classifier(path=PATH):
    """
    Read a classifier from its file.

    Raises
    ------
    DataError
        The file is missing, damaged or of another network.
    """
    network = IsomerNet()
    header = load_weights(path, network)
    scaling = Scaling(np.array(header["factor"]), np.array(header["offset"]))
    return Classifier(network, header["pixel_size_nm"], scaling, header["threshold"])


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
    accepted = bool(values[best] >= classifier.threshold)
    reason = "" if accepted else (
        f"its probability, {values[best]:.2f}, is below {classifier.threshold:.2f}: this view, at"
        " this noise, could be of another isomer"
    )  # fmt: skip
    names = dict(zip(ISOMERS, values.tolist(), strict=True))
    return Prediction(ISOMERS[best], float(values[best]), names, accepted, reason)


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
    frames = _checked(frames, pixel_size_nm)
    classifier = classifier or shipped()
    parts = [np.empty((0, len(ISOMERS)))]
    for start in range(0, len(frames), BATCH):
        part = to_training_scale(
            frames[start : start + BATCH], pixel_size_nm, classifier.pixel_size_nm
        )
        parts.append(classifier.probabilities(around_brightest(part)))
    return np.concatenate(parts)


def to_training_scale(frames, pixel_size_nm, target_nm):
    """Frames (N, H, W) resampled to pixels of `target_nm`, smoothed first when they get larger."""
    factor = pixel_size_nm / target_nm
    if abs(factor - 1) < 0.01:
        return np.asarray(frames, np.float32)
    height, width = (max(round(n * factor), 1) for n in np.shape(frames)[1:])
    if min(height, width) < SMALLEST_PX:
        _refuse_small(np.shape(frames)[1:], pixel_size_nm)
    x = torch.as_tensor(np.asarray(frames, np.float32))[:, None]
    return F.interpolate(x, (height, width), mode="bicubic", antialias=True)[:, 0].numpy()


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


def _checked(frames, pixel_size_nm):
    frames = np.asarray(frames)
    if frames.ndim != 3 or frames.dtype.kind not in "iufb":
        raise DataError(
            f"The frames are an array of shape {frames.shape} and type {frames.dtype}: expected"
            " real numbers (frames, rows, columns)."
        )
    if pixel_size_nm is None or not np.isfinite(pixel_size_nm) or pixel_size_nm <= 0:
        raise DataError(
            f"The pixel size is {pixel_size_nm}: expected the side of a pixel in nm; without it"
            " nobody can tell 147 atoms from 561, give pixel_size_nm."
        )
    if pixel_size_nm > LARGEST_PIXEL_NM:
        raise DataError(
            f"The pixels are {pixel_size_nm:g} nm wide: expected at most {LARGEST_PIXEL_NM} nm,"
            " as wider ones do not resolve atomic columns; take an image at higher magnification."
        )
    if min(frames.shape[1:]) * pixel_size_nm < SMALLEST_PX * 0.05:
        _refuse_small(frames.shape[1:], pixel_size_nm)
    low, high = frames.min((1, 2)).astype(float), frames.max((1, 2)).astype(float)
    bad = np.flatnonzero(~(np.isfinite(low) & np.isfinite(high) & (high > low)))
    if bad.size:
        raise DataError(
            f"Frame {bad[0]} has no contrast or values that are not finite: expected an image of"
            " a cluster; leave it out."
        )
    return frames


def _refuse_small(shape, pixel_size_nm):
    height, width = (n * pixel_size_nm for n in shape)
    raise DataError(
        f"The field is {width:.2g} x {height:.2g} nm: expected at least 1.4 nm on each side, the"
        " size of the smallest cluster; crop less."
    )
