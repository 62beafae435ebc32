"""Elements from images: the ranking rule, the summaries, the labels and their confidence."""

import itertools

import numpy as np
import pandas as pd
import pytest

from helpers.atoms import species
from helpers.atoms.crops import crops_at
from helpers.atoms.dense import dense_image
from helpers.atoms.dense_detection import prepare
from helpers.atoms.equivariant import train
from helpers.data import DataError

HALF = np.mgrid[-10:11, -10:11]


@pytest.fixture(scope="module")
def nipd():
    """A simulated Ni-Pd image, prepared, and its atoms."""
    simulated = dense_image(1900, {"Ni": 1.0, "Pd": 0.7}, shape=(256, 256))
    return prepare(simulated.image.to_numpy()), simulated.atoms


@pytest.mark.parametrize("order", itertools.permutations(range(3)))
def test_clusters_are_ranked_by_the_median_of_the_brightest_pixels(order):
    # Cluster brightness 0.2, 0.5, 0.8 in the top 5 % of the pixels. The dark rest misleads the
    # mean on purpose, and one blinding crop per cluster misleads a mean over crops.
    crops, labels = [], []
    for k, place in enumerate(order):
        top, rest = (0.2, 0.5, 0.8)[place], (0.15, 0.1, 0.0)[place]
        crop = np.full((5, 21, 21), rest, np.float32)
        crop[:, 8:14, 8:14] = top
        crop[0, 8:14, 8:14] = 1.0
        crops.append(crop)
        labels += [k] * 5
    membership = np.eye(3)[labels]
    found = species.brightness_order(np.concatenate(crops), membership)
    assert [order[k] for k in found] == [0, 1, 2]


def test_an_empty_cluster_is_the_darkest():
    crops = np.ones((4, 21, 21), np.float32)
    assert species.brightness_order(crops, np.tile([0.9, 0.1], (4, 1))).tolist() == [1, 0]


def test_disc_intensity_leaves_the_background_out():
    spot = np.exp(-(HALF**2).sum(0) / (2 * 1.5**2))
    crops = np.stack([spot, spot + 0.3, 2 * spot])
    a, b, c = species.disc_intensity(crops, radius=6)
    assert b == pytest.approx(a, rel=1e-6)
    assert c == pytest.approx(2 * a, rel=1e-6)
    assert a == pytest.approx(2 * np.pi * 1.5**2, rel=0.05)


def test_a_few_extreme_heights_do_not_make_a_cluster_of_their_own():
    rng = np.random.default_rng(0)
    heights = np.r_[rng.normal(1, 0.15, 300), rng.normal(2, 0.15, 150), np.linspace(5, 9, 6)]
    membership = species.mixture(heights[:, None], 2)
    label = membership.argmax(1) == membership[300:450].sum(0).argmax()
    assert not label[:300].mean() > 0.02
    assert label[300:].mean() > 0.98


def test_labels_do_not_depend_on_the_order_of_elements_or_atoms(nipd):
    image, atoms = nipd
    first = species.assign_elements(image, atoms[["x_px", "y_px"]], ["Ni", "Pd"])
    swapped = species.assign_elements(image, atoms[["x_px", "y_px"]], ["Pd", "Ni"])
    pd.testing.assert_frame_equal(first, swapped)
    turned = species.assign_elements(image, atoms[["x_px", "y_px"]][::-1], ["Ni", "Pd"])
    agree = turned["element"].to_numpy()[::-1] == first["element"].to_numpy()
    assert agree.mean() > 0.98


@pytest.mark.parametrize(("method", "least"), [("fit", 0.85), ("intensity", 0.75), ("pca", 0.6)])
def test_simulated_atoms_get_their_elements(nipd, method, least):
    image, atoms = nipd
    found = species.assign_elements(image, atoms[["x_px", "y_px"]], ["Ni", "Pd"], method)
    assert list(found.columns[:4]) == ["x_px", "y_px", "element", "confidence"]
    assert found["confidence"].between(0.5, 1).all()
    correct = found["element"].to_numpy() == atoms["element"].to_numpy()
    assert correct.mean() > least
    sure = found["confidence"] > found["confidence"].median()
    assert correct[sure].mean() > correct[~sure].mean()


def test_autoencoder_gives_pose_content_and_labels_and_can_be_handed_over(nipd):
    image, atoms = nipd
    points = atoms[["x_px", "y_px"]]
    model, _ = train(crops_at(image, points), seed=0, content=2, epochs=1)
    found = species.assign_elements(image, points, ["Ni", "Pd"], "vae", model=model)
    pose = ["angle_rad", "shift_x_px", "shift_y_px"]
    assert list(found.columns[4:]) == [*pose, "latent_1", "latent_2"]
    assert species.content(found[found.columns[4:]]).shape == (len(points), 2)
    again = species.assign_elements(image, points, ["Ni", "Pd"], "vae", model=model)
    pd.testing.assert_frame_equal(found, again)


def test_other_columns_of_the_detections_stay(nipd):
    image, atoms = nipd
    points = atoms[["x_px", "y_px"]].assign(probability=0.9)
    assert "probability" in species.assign_elements(image, points, ["Ni", "Pd"])


@pytest.mark.parametrize("error", [0.0, 0.2])
def test_calibration_repairs_overconfidence(error):
    rng = np.random.default_rng(0)
    log_odds = rng.normal(0, 2, 8000)
    right = 1 / (1 + np.exp(-log_odds))
    truth = (rng.random(8000) < (1 - error) * right + error / 2).astype(int)
    over = 1 / (1 + np.exp(-3 * log_odds))
    membership = np.stack([1 - over, over], 1)
    temperature, found = species.fit_calibration(membership, truth)
    assert temperature == pytest.approx(3, rel=0.2)
    assert found == pytest.approx(error, abs=0.05)
    softened = species.soften(membership, temperature, found)
    np.testing.assert_allclose(softened.sum(1), 1)
    assert (softened.argmax(1) == membership.argmax(1)).all()

    def gap(p):
        return species.calibration_error(p.max(1), p.argmax(1) == truth)

    assert gap(softened) < 0.02 < gap(membership)


def test_calibration_error_of_a_known_case():
    confidence = np.repeat([0.6, 0.9], 50)
    correct = np.r_[np.arange(50) < 30, np.arange(50) < 35]  # 60 % and 70 %
    assert species.calibration_error(confidence, correct, bins=2) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("elements", "sentence"),
    [
        (["Ni", "Xx"], "found 'Xx', expected symbols"),
        (["Ni"], "found Ni, expected at least two"),
        ([], "found none"),
        (["Pd", "Pd"], "found Pd, Pd, expected at least two different"),
    ],
)
def test_unusable_elements_are_refused(nipd, elements, sentence):
    image, atoms = nipd
    with pytest.raises(DataError, match=sentence):
        species.assign_elements(image, atoms, elements)


def test_unusable_images_and_points_are_refused(nipd):
    image, atoms = nipd
    points = atoms[["x_px", "y_px"]]
    with pytest.raises(DataError, match="found 30 atoms for 2 elements, expected at least 42"):
        species.assign_elements(image, points[:30], ["Ni", "Pd"])
    with pytest.raises(DataError, match="method: found 'guess', expected one of fit, intensity"):
        species.assign_elements(image, points, ["Ni", "Pd"], method="guess")
    with pytest.raises(DataError, match="found NaN"):
        species.assign_elements(np.full_like(image, np.nan), points, ["Ni", "Pd"])
    with pytest.raises(DataError, match="expected 0 to 1; pass the image through"):
        species.assign_elements(image * 1000, points, ["Ni", "Pd"])
    outside = pd.concat([points, pd.DataFrame({"x_px": [256.0], "y_px": [3.0]})])
    with pytest.raises(DataError, match="outside the image"):
        species.assign_elements(image, outside, ["Ni", "Pd"])
