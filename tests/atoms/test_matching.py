import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linear_sum_assignment

from helpers.atoms.matching import match
from helpers.data import DataError


def points(*xy):
    return pd.DataFrame(np.array(xy, float).reshape(-1, 2), columns=["x_px", "y_px"])


@pytest.mark.parametrize(
    ("dx", "dy", "found"),
    [
        (6, 0, 1),
        (6, 1, 1),
        (6, 2, 0),
        (7, 0, 0),
        (3, 3, 1),
        (4, 4, 0),
        (2, 5, 1),
        (-6, 0, 1),
        (0, -7, 0),
    ],
)
def test_box_rule_is_the_published_inequality(dx, dy, found):
    assert found == ((21 - abs(dx)) * (21 - abs(dy)) > 294)
    assert len(match(points((50, 80)), points((50 + dx, 80 + dy)))) == found


def test_x_is_the_column_and_swapping_axes_loses_everything():
    labels = points((10, 100), (200, 30))
    pairs = match(labels, points((203, 30), (10, 98)))
    assert pairs.to_dict("list") == {
        "label": [0, 1],
        "detection": [1, 0],
        "dx_px": [0.0, 3.0],
        "dy_px": [-2.0, 0.0],
    }
    swapped = labels.rename(columns={"x_px": "y_px", "y_px": "x_px"})
    assert len(match(labels, swapped)) == 0


def test_total_overlap_is_the_largest_possible():
    rng = np.random.default_rng(3)
    a, b = rng.uniform(0, 60, (12, 2)), rng.uniform(0, 60, (15, 2))
    pairs = match(points(*a), points(*b))
    inter = np.prod(np.clip(21 - abs(a[:, None] - b[None]), 0, None), axis=2)
    iou = inter / (2 * 441 - inter)
    i, j = linear_sum_assignment(iou, maximize=True)
    assert len(pairs) == (iou[i, j] > 0.5).sum() > 0


def test_distance_rule_counts_its_own_radius():
    labels, detections = points((0, 0), (10, 0)), points((6, 0), (16, 8))
    assert len(match(labels, detections, "distance", radius=6)) == 1
    assert len(match(labels, detections, "distance", radius=10)) == 2
    # a greedy nearest-first pairing would leave the first label alone
    assert list(match(labels, detections, "distance", radius=10)["label"]) == [0, 1]


def test_missing_columns_and_unknown_rule_are_named():
    with pytest.raises(DataError, match="x_px"):
        match(pd.DataFrame({"X": [1], "Y": [2]}), points())
    with pytest.raises(ValueError, match="nearest"):
        match(points(), points(), rule="nearest")


def test_nothing_has_no_pairs():
    assert len(match(points(), points())) == len(match(points((1, 1)), points())) == 0
