"""Specimen or background: a pixel classifier trained from a few scribbled rectangles.

A projected density needs the area of the specimen, not of the frame.  Mitchell et al. 2022
(Materials and Methods, Statistical Analysis) cut vacuum and bare support film away with the
trainable Weka plugin: filter responses of every pixel at several scales, and a random forest
that learns from strokes which responses belong to which region.  Here is the same idea with
scikit-image's multi-scale features and one of scikit-learn's forests.

Plain brightness is left out: the thin rim of one particle is as dark, beside its thick core, as
the support film is beside another particle.  Two kinds of features replace it that an annular
dark-field image offers and a photograph does not.  Shot noise grows with the number of
electrons, so the *ratio* of noise variances says how much thinner one place is than another,
whatever offset the amplifier added.  And a specimen has speckle above its shot noise, vacuum
and a bare film have little.

The forest is trained when it is first needed, from samples of such features in
``data/ch01/specimen_features.npz``.  That file is made by ``data/ch01/make_specimen_features.py``
from ``data/ch01/specimen_scribbles.csv`` and the eleven training images.
"""

from functools import cache

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from skimage.feature import multiscale_basic_features
from skimage.measure import block_reduce
from skimage.morphology import remove_small_holes, remove_small_objects
from skimage.transform import resize
from sklearn.ensemble import ExtraTreesClassifier

from helpers.atoms.noise import noise_variance
from helpers.data import ROOT, DataError

SAMPLES = ROOT / "data" / "ch01" / "specimen_features.npz"
COARSE_PIXEL_NM = 0.117  # the outline of a particle needs no finer grid
SMALLEST_PIECE_NM2 = 1.0  # smaller islands and holes are speckle, not outline


def pixel_features(image, pixel_size_nm):
    """Multi-scale features on a coarse grid of about 0.12 nm.

    Every feature is free of units: edges and Hessian eigenvalues belong to the image scaled to
    its 1st and 99th percentile, noise and texture are ratios.  A forest trained on the counts
    of one microscope can then be asked about another's.

    Parameters
    ----------
    image : ndarray, shape (H, W)
    pixel_size_nm : float

    Returns
    -------
    ndarray, shape (h, w, F), float32
        ``h = ceil(H / factor)`` with ``factor = round(0.117 / pixel_size_nm)``, at least 1.

    Raises
    ------
    helpers.data.DataError
        If the image is constant or smaller than 8 coarse pixels on a side.
    """
    image = np.asarray(image, np.float64)
    factor = max(1, round(COARSE_PIXEL_NM / pixel_size_nm))
    padding = [(0, -size % factor) for size in image.shape]
    padded = np.pad(image, padding, mode="reflect")
    coarse = block_reduce(padded, factor, np.mean)
    if min(coarse.shape) < 8:
        raise DataError(
            f"an image of {image.shape[0]} x {image.shape[1]} px at {pixel_size_nm:.4g} nm per "
            f"pixel is too small to find the specimen in; at least "
            f"{8 * factor} px on each side are needed"
        )
    low, high = np.percentile(coarse, [1, 99])
    if not high > low:
        raise DataError("the image is constant, there is no specimen to find in it")
    scaled = (coarse - low) / (high - low)
    filters = multiscale_basic_features(
        scaled.astype(np.float32), intensity=False, sigma_min=1, sigma_max=8
    )

    noise = gaussian_filter(block_reduce(noise_variance(padded), factor, np.mean), 4)
    floor = 1e-6 * (high - low) ** 2  # a simulated image may hold no noise at all
    dark, bright = np.percentile(noise, [2, 95])
    thickness = [np.log((noise + floor) / (level + floor)) for level in (dark, bright)]
    texture = []
    for fine, broad in ((0.5, 2), (1, 4), (2, 8)):
        speckle = gaussian_filter(coarse, fine) - gaussian_filter(coarse, broad)
        strength = gaussian_filter(speckle**2, broad)
        texture.append(np.log((strength + floor) / (noise + floor)))
    spread = [_local_deviation(scaled, sigma) for sigma in (2, 4)]
    return np.dstack([filters, *spread, *thickness, *texture]).astype(np.float32)


def _local_deviation(image, sigma):
    mean = gaussian_filter(image, sigma)
    return np.sqrt(np.maximum(gaussian_filter(image**2, sigma) - mean**2, 0))


def train_forest(features, is_specimen, seed=0):
    """Forest of extremely randomised trees on the feature vectors of scribbled pixels.

    Leaving out one training image at a time it errs less often than a forest of trees grown on
    bootstrap samples with best splits (0.9 against 1.2 % of the shipped samples).

    Parameters
    ----------
    features : ndarray, shape (N, F)
    is_specimen : ndarray of bool, shape (N,)
    seed : int

    Returns
    -------
    sklearn.ensemble.ExtraTreesClassifier
    """
    forest = ExtraTreesClassifier(
        n_estimators=100,
        min_samples_leaf=5,
        class_weight="balanced",
        random_state=seed,
        n_jobs=1,
    )
    return forest.fit(features, is_specimen)


def _samples():
    if not SAMPLES.is_file():
        raise DataError(f"{SAMPLES} is missing; data/ch01/make_specimen_features.py makes it")
    with np.load(SAMPLES, allow_pickle=False) as table:
        return table["features"].astype(np.float32), table["is_specimen"], table["image"]


@cache
def default_forest():
    """The forest behind :func:`specimen_mask`, trained once per process (under a second)."""
    features, is_specimen, _ = _samples()
    return train_forest(features, is_specimen)


def held_out_accuracy():
    """Share of scribbled samples that a forest classifies rightly without having seen their image.

    Returns
    -------
    pandas.Series
        One value per training image, indexed by its name (measured).
    """
    features, is_specimen, image = _samples()
    right = {}
    for name in np.unique(image):
        out = image == name
        forest = train_forest(features[~out], is_specimen[~out])
        right[str(name)] = np.mean(forest.predict(features[out]) == is_specimen[out])
    return pd.Series(right, name="accuracy")


def specimen_probability(image, pixel_size_nm, forest=None):
    """Share of the trees that call a pixel specimen, shape (H, W), float32.

    Parameters
    ----------
    image : ndarray, shape (H, W)
        In counts, as recorded.
    pixel_size_nm : float
    forest : classifier with ``predict_proba``, optional
        Default: :func:`default_forest`.
    """
    forest = default_forest() if forest is None else forest
    features = pixel_features(image, pixel_size_nm)
    share = forest.predict_proba(features.reshape(-1, features.shape[-1]))[:, 1]
    factor = max(1, round(COARSE_PIXEL_NM / pixel_size_nm))
    coarse = share.reshape(features.shape[:2])
    full = resize(coarse, [size * factor for size in coarse.shape], order=1, mode="edge")
    height, width = np.shape(image)
    return full[:height, :width].astype(np.float32)


def specimen_mask(image, pixel_size_nm=None, forest=None):
    """Where the specimen is (Mitchell et al. 2022, Fig. 2a).

    Parameters
    ----------
    image : xarray.DataArray or ndarray, shape (H, W)
        In counts, as recorded, before any background subtraction.
    pixel_size_nm : float, optional
        Read from ``image.attrs`` when absent.
    forest : classifier, optional

    Returns
    -------
    ndarray of bool, shape (H, W)
        Pieces and holes under 1 nm^2 are removed.
    """
    if pixel_size_nm is None:
        pixel_size_nm = image.attrs["pixel_size_nm"]
    mask = specimen_probability(np.asarray(image), pixel_size_nm, forest) > 0.5
    smallest = int(SMALLEST_PIECE_NM2 / pixel_size_nm**2)
    solid = remove_small_objects(mask, max_size=smallest)
    return remove_small_holes(solid, max_size=smallest)


def area_nm2(mask, pixel_size_nm):
    """Area of a mask in nm^2."""
    return float(np.count_nonzero(mask)) * pixel_size_nm**2
