"""Simulated images can take the place of the measured ones."""

import numpy as np

from helpers.atoms.stand_in import labelled_images


def test_stand_ins_are_labelled_images_of_both_parts():
    images = labelled_images(train=1, test=1)
    assert [(i.name, i.split) for i in images] == [("sim-0", "train"), ("sim-1", "test")]
    for image in images:
        assert image.image.dims == ("y", "x") and image.image.attrs["pixel_size_nm"] > 0
        assert len(image.labels) > 5 and list(image.labels) == ["x_px", "y_px"]


def test_labels_are_brighter_than_their_surroundings():
    image = labelled_images(train=1, test=0, seed=3)[0]
    counts = image.image.values
    x, y = np.rint(image.labels.to_numpy()).astype(int).T
    keep = (x > 8) & (x < counts.shape[1] - 8) & (y > 8) & (y < counts.shape[0] - 8)
    near = [counts[j - 2 : j + 3, i - 2 : i + 3].mean() for i, j in zip(x[keep], y[keep])]
    ring = [counts[j - 8 : j + 9, i - 8 : i + 9].mean() for i, j in zip(x[keep], y[keep])]
    assert np.mean(np.array(near) > ring) > 0.9


def test_the_same_seed_gives_the_same_images():
    first, again = (labelled_images(train=1, test=0, seed=5)[0] for _ in range(2))
    assert np.array_equal(first.image, again.image) and first.labels.equals(again.labels)
