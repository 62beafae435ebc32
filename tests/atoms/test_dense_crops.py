"""Hard negatives: where the second paper takes them, and how many."""

import numpy as np
import pandas as pd
import pytest

from helpers.atoms import dense_crops
from helpers.data import DataError


def points(*xy):
    return pd.DataFrame(np.array(xy, float).reshape(-1, 2), columns=["x_px", "y_px"])


def test_hard_negatives_lie_at_their_distance_and_never_closer_to_another_atom():
    rng = np.random.default_rng(1)
    labels = points(*rng.uniform(0, 400, (60, 2)))
    for distance in (18.0, 11.0):
        found = dense_crops.hard_negatives(rng, labels, (400, 400), 200, distance)
        away = np.hypot(*(found.to_numpy()[:, None] - labels.to_numpy()[None]).transpose(2, 0, 1))
        np.testing.assert_allclose(away.min(axis=1), distance, atol=1e-6)
        assert found.min().min() >= 0 and found.max().max() <= 399
    angle = np.arctan2(*(found.to_numpy() - labels.to_numpy()[away.argmin(axis=1)]).T)
    assert np.histogram(angle, 4, (-np.pi, np.pi))[0].min() > 25  # every direction


def test_hard_negatives_of_an_image_without_room_are_refused():
    grid = points(*np.stack(np.meshgrid(np.arange(0, 60, 8), np.arange(0, 60, 8)), -1))
    with pytest.raises(DataError, match="too dense"):
        dense_crops.hard_negatives(np.random.default_rng(0), grid, (60, 60), 10)


def test_a_quarter_of_the_negatives_is_hard():
    labels = points((60, 60), (200, 60), (60, 200), (200, 200))
    image = np.zeros((256, 256), np.float32)
    for x, y in labels.to_numpy(int):
        image[y, x] = 1
    pairs = [(image, labels)] * 10
    crops, is_atom = dense_crops.training_crops(pairs, np.random.default_rng(0), hard=9.0)
    assert crops.shape == (80, 1, 21, 21) and is_atom.mean() == 0.5
    assert (crops[is_atom == 1][:, 0, 10, 10] == 1).all()
    shows_atom = crops[is_atom == 0].max(axis=(1, 2, 3)) == 1
    assert shows_atom.mean() == 0.25
    crops, is_atom = dense_crops.training_crops(pairs, np.random.default_rng(0), hard=None)
    assert crops[is_atom == 0].max() == 0
