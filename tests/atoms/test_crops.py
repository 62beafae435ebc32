import numpy as np
import pandas as pd
import pytest

from helpers.atoms import crops
from helpers.data import DataError


def points(*xy):
    return pd.DataFrame(np.array(xy, float).reshape(-1, 2), columns=["x_px", "y_px"])


def test_crops_are_centred_on_column_x_and_row_y():
    image = np.zeros((60, 90), np.float32)
    image[20, 70] = 1
    crop = crops.crops_at(image, points((70, 20), (72, 21)))
    assert crop.shape == (2, 21, 21)
    assert crop[0, 10, 10] == crop[1, 9, 8] == 1


def test_crops_at_the_border_are_padded_with_zeros():
    crop = crops.crops_at(np.ones((30, 30), np.float32), points((0, 29)))[0]
    assert crop[:11, 10:].all()
    assert crop.sum() == 11 * 11


def test_points_outside_are_refused():
    with pytest.raises(DataError, match="x=80, y=5"):
        crops.crops_at(np.zeros((90, 60)), points((5, 80), (80, 5)))


def test_negatives_keep_clear_of_every_label():
    rng = np.random.default_rng(0)
    labels = points(*rng.integers(0, 100, (12, 2)))
    found = crops.negatives(rng, labels, (100, 100), 300)
    assert len(found.drop_duplicates()) == 300
    away = abs(found.to_numpy()[:, None] - labels.to_numpy()[None]).max(axis=2)
    assert away.min() == 11
    wide = crops.negatives(rng, points((60, 5)), (30, 120), 200)
    assert (wide["x_px"].max() > 30) & (wide["y_px"].max() < 30)


def test_transposed_look_up_lets_atoms_into_the_negatives():
    labels = points((20, 75), (80, 40))
    rng = np.random.default_rng(1)
    found = crops.negatives(rng, labels, (100, 100), 3000, transposed=True)
    away = abs(found.to_numpy()[:, None] - labels.to_numpy()[None]).max(axis=2)
    swapped = abs(found.to_numpy()[:, None, ::-1] - labels.to_numpy()[None]).max(axis=2)
    assert away.min() <= 10
    assert swapped.min() == 11
    with pytest.raises(DataError, match="square"):
        crops.negatives(rng, labels, (100, 120), 5, transposed=True)


def test_full_images_have_no_negatives():
    with pytest.raises(DataError, match="found 0 places"):
        crops.negatives(np.random.default_rng(0), points((10, 10)), (21, 21), 1)


def test_training_crops_are_balanced_and_repeatable():
    rng = np.random.default_rng(2)
    images = [(rng.random((80, 80)).astype(np.float32), points((20, 30), (50, 60)))] * 3
    x, y = crops.training_crops(images, np.random.default_rng(3))
    assert (x.shape, x.dtype, y.sum()) == ((12, 1, 21, 21), np.float32, 6)
    np.testing.assert_array_equal(x[0, 0], images[0][0][20:41, 10:31])
    again, _ = crops.training_crops(images, np.random.default_rng(3))
    np.testing.assert_array_equal(x, again)
    twice, _ = crops.training_crops(images, np.random.default_rng(3), twice=True)
    assert (twice.min(axis=(2, 3)) == 0).all()
    assert (twice.max(axis=(2, 3)) == 1).all()
    assert (x.max(axis=(2, 3)) < 1).any()


def test_a_constant_crop_survives_its_own_normalisation():
    assert not crops.normalise_each(np.full((2, 21, 21), 0.5, np.float32)).any()
