"""Which element is each atom? Labels from an image alone, without training labels.

In a dark-field image a heavier atom is brighter, about as Z^1.6 to Z^2. Rossi et al. 2024 cut a
crop around every detected atom, let a variational autoencoder summarise the crops of the image,
split the summaries into as many clusters as there are elements with a Gaussian mixture, and give
the brightest cluster to the heaviest element. Simpler summaries go through the same mixture here:
the intensity in a disc and principal components. The default, the heights of Gaussians fitted to
all atoms together, has a mixture that knows Z-contrast (`contrast`).
"""

import json
from functools import cache

import numpy as np
import pandas as pd
from scipy import optimize
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from helpers.atoms.contrast import by_atomic_number, contrast_mixture
from helpers.atoms.crops import crops_at
from helpers.atoms.equivariant import POSE, SHIFT_PRIOR, checked, encode, train
from helpers.atoms.heights import fitted_amplitudes
from helpers.data import ROOT, DataError

CALIBRATION = ROOT / "data" / "ch02" / "species_calibration.json"
METHODS = ("fit", "intensity", "pca", "vae")
DISC_PX = 2.0
COMPONENTS = 1  # principal components
TOP_PERCENTILE = 95
EXTREME = 2  # percentile


def disc_intensity(crops: np.ndarray, radius: float = DISC_PX) -> np.ndarray:
    """
    Sum of each crop within a radius of its centre, less the background of its outer ring.

    The background is the median of the pixels further than 8 px from the centre.

    Returns
    -------
    (N,) array, in the unit of the image times pixels.
    """
    half = crops.shape[1] // 2
    distance = np.hypot(*np.mgrid[-half : half + 1, -half : half + 1])
    background = np.median(crops[:, distance > 8], axis=1)
    disc = crops[:, distance <= radius]
    return disc.sum(1) - background * disc.shape[1]


def features(image, points, method: str, seed: int = 0, model=None) -> pd.DataFrame:
    """
    What each method knows about every atom.

    Parameters
    ----------
    image : (H, W) array in [0, 1]
    points : DataFrame with ``x_px`` and ``y_px``
    method : {"fit", "intensity", "pca", "vae"}
    seed : int
        Of the training of the autoencoder.
    model : EquivariantVae, optional
        A model trained on these crops; trained here when None.

    Returns
    -------
    DataFrame, one row per point
        "fit": ``height``; "intensity": ``intensity``; "pca": ``component_1``, ...; "vae":
        ``angle_rad``, ``shift_x_px``, ``shift_y_px`` and the content ``latent_1``, ...
    """
    if method == "fit":
        return pd.DataFrame({"height": fitted_amplitudes(image, points)[0]})
    crops = checked(crops_at(image, points))
    if method == "intensity":
        return pd.DataFrame({"intensity": disc_intensity(crops)})
    if method == "pca":
        scores = PCA(COMPONENTS, svd_solver="full").fit_transform(crops.reshape(len(crops), -1))
        return pd.DataFrame(scores).rename(columns=lambda i: f"component_{i + 1}")
    if method != "vae":
        raise DataError(f"method: found {method!r}, expected one of {', '.join(METHODS)}")
    latent = encode(model or train(crops, seed)[0], crops)
    to_px = SHIFT_PRIOR * (crops.shape[1] // 2)
    pose = {
        "angle_rad": latent[:, 0],
        "shift_x_px": latent[:, 1] * to_px,
        "shift_y_px": latent[:, 2] * to_px,
    }
    content = pd.DataFrame(latent[:, POSE:]).rename(columns=lambda i: f"latent_{i + 1}")
    return pd.DataFrame(pose).join(content)


def mixture(values: np.ndarray, n: int, seed: int = 0) -> np.ndarray:
    """
    Membership of every atom in each of ``n`` Gaussian clusters (full covariance), (N, n).

    A single column is clipped to its 2nd and 98th percentile, so that a few merged pairs or false
    detections cannot form a cluster of their own, and scaled to unit spread. Latent numbers are
    left as they are, with the published 1e-4 added to the variances.
    """
    values = np.asarray(values, np.float64)
    if values.shape[1] == 1:
        values = np.clip(values, *np.percentile(values, [EXTREME, 100 - EXTREME]))
        values = (values - np.median(values)) / max(values.std(), 1e-12)
    fitted = GaussianMixture(n, reg_covar=1e-4, n_init=5, random_state=seed).fit(values)
    return fitted.predict_proba(values)


def brightness_order(crops: np.ndarray, membership: np.ndarray) -> np.ndarray:
    """
    Clusters from dark to bright by the paper's rule.

    The brightness of a crop is its 95th percentile, where its top 5 % begin; that of a cluster is
    the median over its crops. An empty cluster comes first.

    Parameters
    ----------
    crops : (N, 21, 21) array
    membership : (N, n) array
        Probability of each cluster; a crop counts for its most probable one.

    Returns
    -------
    (n,) int array
    """
    top = np.percentile(crops, TOP_PERCENTILE, axis=(1, 2))
    cluster = membership.argmax(1)
    brightness = [
        np.median(top[cluster == k]) if (cluster == k).any() else -np.inf
        for k in range(membership.shape[1])
    ]
    return np.argsort(brightness, kind="stable")


def assign_elements(
    image: np.ndarray,
    points: pd.DataFrame,
    elements,
    method: str = "fit",
    seed: int = 0,
    model=None,
    places: str = "detected",
) -> pd.DataFrame:
    """
    Give every atom an element and say how sure that is.

    Parameters
    ----------
    image : (H, W) array in [0, 1]
        Clipped and normalised (`dense_detection.prepare`).
    points : DataFrame with ``x_px`` and ``y_px``
    elements : list of str
        Symbols of the elements in the sample, such as ``["Ni", "Pd"]``, in any order.
    method : {"fit", "intensity", "pca", "vae"}
        "vae" is the paper's; "fit" labels more atoms rightly on simulated images
        (``data/ch02/species.csv``). After "fit", ask `contrast.doubtful_contrast` whether the
        labels can be.
    seed : int
        Of the autoencoder and of the start of the mixture.
    model : EquivariantVae, optional
        For "vae": a model trained on these crops.
    places : {"detected", "true"}
        What the points are. The confidence is softened so that it means a frequency on simulated
        validation images: at positions from the detector, or at the true ones.

    Returns
    -------
    DataFrame
        The columns of ``points``, ``element``, ``confidence`` (0 to 1), and those of `features`.

    Raises
    ------
    DataError
        If an element or the method is unknown, there are fewer than 21 atoms per element, the image
        holds NaN or values outside [0, 1], or a point lies outside the image.
    """
    elements = by_atomic_number(elements)
    if method not in METHODS:
        raise DataError(f"method: found {method!r}, expected one of {', '.join(METHODS)}")
    image = np.asarray(image, np.float32)
    fewest = 21 * len(elements)
    if len(points) < fewest:
        raise DataError(
            f"elements: found {len(points)} atoms for {len(elements)} elements, expected at least"
            f" {fewest}; clusters of so few mean nothing, use a larger field of view."
        )
    crops = checked(crops_at(image, points))
    found = features(image, points, method, seed, model)
    if method == "fit":
        membership = contrast_mixture(found["height"], elements)
    else:
        membership = mixture(content(found), len(elements), seed)
        membership = membership[:, brightness_order(crops, membership)]
    membership = soften(membership, *calibration(method, len(elements), places))
    return points.reset_index(drop=True).assign(
        element=np.array(elements)[membership.argmax(1)],
        confidence=membership.max(1),
        **found,
    )


def content(found: pd.DataFrame) -> np.ndarray:
    """Columns of `features` that say what an atom is, not how it lies: (N, d) array."""
    pose = ["angle_rad", "shift_x_px", "shift_y_px"]
    return found.drop(columns=pose, errors="ignore").to_numpy(float)


def soften(membership: np.ndarray, temperature: float, error: float = 0.0) -> np.ndarray:
    """
    Make probabilities less sure.

    Their logarithms are divided by a temperature (above 1, less sure), and a share of errors that
    no height tells is spread over all elements: neighbours that were lost, two atoms found as one.
    """
    logs = np.log(np.clip(membership, 1e-12, 1)) / temperature
    raised = np.exp(logs - logs.max(1, keepdims=True))
    raised /= raised.sum(1, keepdims=True)
    return (1 - error) * raised + error / raised.shape[1]


def fit_calibration(membership: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """
    Temperature and share of errors under which the true elements are most probable.

    Parameters
    ----------
    membership : (N, n) array
        Probabilities, columns in the order of the atomic number.
    truth : (N,) int array
        Column of the true element.

    Returns
    -------
    temperature, error : float
    """

    def cost(x):
        chosen = soften(membership, np.exp(x[0]), x[1])[np.arange(len(truth)), truth]
        return -np.log(np.clip(chosen, 1e-12, 1)).mean()

    bounds = [(-1, 6), (0, 0.9)]
    found = optimize.minimize(cost, (0.5, 0.05), method="L-BFGS-B", bounds=bounds)
    return float(np.exp(found.x[0])), float(found.x[1])


@cache
def _calibrations():
    return json.loads(CALIBRATION.read_text())["calibration"]


def calibration(method: str, n: int, places: str) -> tuple[float, float]:
    """Temperature and error of a method for ``n`` elements, from validation images (3 for more)."""
    return tuple(_calibrations()[places][method][str(min(n, 3))])


def calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = 10) -> float:
    """
    Expected calibration error: mean gap between confidence and share correct, in equal groups.

    Atoms are sorted by confidence and cut into groups of equal size.
    """
    order = np.argsort(confidence, kind="stable")
    groups = np.array_split(order, bins)
    gaps = [abs(confidence[g].mean() - correct[g].mean()) * len(g) for g in groups if len(g)]
    return float(sum(gaps) / len(order))
