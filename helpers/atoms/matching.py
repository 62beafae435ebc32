"""Pair labels and detections, one to one.

The published rule (Mitchell et al. 2022, Materials and Methods, and their evaluation code): squares
of 21 px around every label and every detection, paired by the Hungarian method so that the total
intersection over union (IoU) is largest; a pair counts as found when its IoU exceeds one half, that
is (21 - |dx|)(21 - |dy|) > 294 px^2. A distance rule is offered beside it.
"""

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from helpers.data import DataError

SIDE = 21
RADIUS = 6.0


def _xy(points: pd.DataFrame, what: str) -> np.ndarray:
    if not {"x_px", "y_px"} <= set(points.columns):
        raise DataError(
            f"{what}: found columns {list(points.columns)}, expected x_px (column) and y_px (row);"
            " rename them or read the file with helpers.data.open_points."
        )
    return points[["x_px", "y_px"]].to_numpy(float)


def match(
    labels: pd.DataFrame,
    detections: pd.DataFrame,
    rule: str = "iou",
    side: float = SIDE,
    radius: float = RADIUS,
) -> pd.DataFrame:
    """
    Pair labels and detections one to one.

    Parameters
    ----------
    labels, detections : DataFrame
        Columns ``x_px`` and ``y_px``.
    rule : {"iou", "distance"}
        "iou": boxes of ``side`` px, IoU above 0.5 (the paper's rule). "distance": centres at most
        ``radius`` px apart, the largest number of pairs and then the smallest total distance.

    Returns
    -------
    DataFrame
        One row per pair: ``label`` and ``detection`` (row positions), ``dx_px`` and ``dy_px``
        (detection minus label).

    Raises
    ------
    DataError
        If a coordinate column is missing.
    ValueError
        If the rule is unknown.
    """
    a, b = _xy(labels, "labels"), _xy(detections, "detections")
    dx = b[None, :, 0] - a[:, None, 0]
    dy = b[None, :, 1] - a[:, None, 1]
    if rule == "iou":
        overlap = np.clip(side - abs(dx), 0, None) * np.clip(side - abs(dy), 0, None)
        iou = overlap / (2 * side**2 - overlap)
        cost, allowed = -iou, iou > 0.5
    elif rule == "distance":
        distance = np.hypot(dx, dy)
        allowed = distance <= radius
        cost = np.where(allowed, distance, 1e6)
    else:
        raise ValueError(f"matching rule {rule!r} is unknown: use 'iou' or 'distance'")
    i, j = linear_sum_assignment(cost)
    kept = allowed[i, j]
    i, j = i[kept], j[kept]
    return pd.DataFrame({"label": i, "detection": j, "dx_px": dx[i, j], "dy_px": dy[i, j]})
