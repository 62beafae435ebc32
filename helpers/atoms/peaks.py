"""Read positions from a likelihood map: regions above a threshold, or local maxima."""

import numpy as np
import pandas as pd
from scipy import ndimage
from skimage.feature import peak_local_max


def components(likelihood: np.ndarray, threshold: float) -> pd.DataFrame:
    """
    Read positions from a map as published: one atom per 4-connected region above the threshold.

    The position is the centre of the region's bounding box, rounded down; the probability is the
    largest likelihood in it.

    Returns
    -------
    DataFrame with ``x_px``, ``y_px``, ``probability``, in reading order.
    """
    labels, n = ndimage.label(likelihood > threshold)
    boxes = ndimage.find_objects(labels)
    # a bounding box [start, stop) covers the pixels start ... stop - 1
    centres = [((x.start + x.stop - 1) // 2, (y.start + y.stop - 1) // 2) for y, x in boxes]
    table = pd.DataFrame(centres, columns=["x_px", "y_px"], dtype=float)
    peak = ndimage.maximum(likelihood, labels, np.arange(1, n + 1)) if n else []
    return table.assign(probability=np.asarray(peak, float))


def maxima(likelihood: np.ndarray, threshold: float, min_distance: int = 5) -> pd.DataFrame:
    """
    Read positions from a map as local maxima above the threshold.

    A pixel counts when none within ``min_distance`` px (a square neighbourhood) is larger; of equal
    neighbours one stays.

    Returns
    -------
    DataFrame with ``x_px``, ``y_px``, ``probability``, the most likely first.
    """
    y, x = peak_local_max(
        likelihood, min_distance=min_distance, threshold_abs=threshold, exclude_border=False
    ).T
    return pd.DataFrame({"x_px": x, "y_px": y, "probability": likelihood[y, x]}, dtype=float)


def vertex(values: np.ndarray, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Refine maxima to a fraction of a pixel: where the parabola through three pixels peaks.

    Parameters
    ----------
    values : (H, W) array
    y, x : (n,) integer arrays
        Pixels that hold a maximum.

    Returns
    -------
    dy, dx : (n,) arrays, -0.5 to 0.5
        0 at the border of the image, and where the parabola has no maximum.
    """
    padded = np.pad(np.asarray(values, float), 1, constant_values=np.nan)
    shifts = []
    for dy, dx in ((1, 0), (0, 1)):
        before, here, after = (padded[y + 1 + k * dy, x + 1 + k * dx] for k in (-1, 0, 1))
        bend = before - 2 * here + after  # NaN at the border
        shift = (before - after) / np.where(bend < 0, 2 * bend, np.nan)
        shifts.append(np.clip(np.nan_to_num(shift), -0.5, 0.5))
    return tuple(shifts)
