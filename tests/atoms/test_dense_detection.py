"""The second paper's preparation of an image, and the detectors of dense images."""

import numpy as np
import pytest

from helpers.atoms import dense_detection as dense
from helpers.atoms.dense import dense_image
from helpers.atoms.evaluate import score

RULE = {"rule": "distance", "radius": dense.RADIUS}


def test_clipping_touches_one_pixel_in_a_thousand():
    image = np.random.default_rng(0).permutation(10_000).reshape(100, 100).astype(np.float32)
    clipped = dense.clip_bright(image)
    assert (clipped != image).sum() == 10
    assert clipped.max() == pytest.approx(9989, abs=1)
    np.testing.assert_array_equal(clipped[image < 9989], image[image < 9989])


def test_a_hot_pixel_does_not_dim_the_image():
    image = dense_image(0, {"Pt": 2.0}, shape=(128, 128)).image.to_numpy().copy()
    calm = dense.prepare(image)
    image[40, 50] = 50 * image.max()
    hot = dense.prepare(image)
    away = np.ones(image.shape, bool)
    away[39:42, 49:52] = False
    assert abs(hot - calm)[away].max() < 0.1
    unclipped = dense.normalise(image)
    assert unclipped[away].max() < 0.1  # what the published first version does to such an image


def test_maxima_are_placed_within_a_pixel():
    y, x = np.mgrid[:60, :80]
    centres = [(20.3, 30.6), (27.1, 30.4), (60.0, 12.75)]
    likelihood = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * 1.5**2)) for a, b in centres)
    found = dense.refined_maxima(likelihood.astype(np.float32), 0.3).sort_values("x_px")
    np.testing.assert_allclose(found[["x_px", "y_px"]], centres, atol=0.15)


def test_maxima_at_the_border_stay_inside():
    likelihood = np.zeros((30, 40), np.float32)
    likelihood[0, 5], likelihood[29, 39] = 0.9, 0.8
    found = dense.refined_maxima(likelihood, 0.5)
    np.testing.assert_allclose(found[["x_px", "y_px"]], [(5, 0), (39, 29)])


@pytest.mark.parametrize(
    ("method", "f1"), [("dense", 0.9), ("sac-cnn", 0.6), ("sac-cnn + maxima", 0.8)]
)
def test_the_shipped_detectors_find_what_is_there(method, f1):
    simulated = dense_image(2990, {"Pt": 2.0}, shape=(160, 192))
    found = dense.detect(simulated.image.to_numpy(), method)
    assert {"x_px", "y_px", "probability"} <= set(found.columns)
    assert score(simulated.atoms, found, **RULE)["f1"] > f1
    stricter = dense.detect(simulated.image.to_numpy(), method, threshold=0.9999)
    assert len(stricter) < len(found)


def test_the_default_resolves_what_the_published_network_merges():
    simulated = dense_image(2991, {"Pt": 8.0}, shape=(160, 160))
    image = simulated.image.to_numpy()
    recall = {m: score(simulated.atoms, dense.detect(image, m), **RULE)["recall"]
              for m in ("dense", "sac-cnn")}  # fmt: skip
    assert recall["dense"] > 0.6
    assert recall["dense"] > recall["sac-cnn"] + 0.2


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="dense"):
        dense.load_detector("yolo")


def test_every_detector_has_its_chosen_threshold():
    chosen = dense.chosen_thresholds()
    assert set(chosen) == set(dense.METHODS)
    for method in dense.METHODS:
        rule = "measured" if method == "ensemble" else "simulated"
        assert dense.load_detector(method).threshold == pytest.approx(chosen[method][rule])


def test_maxima_of_the_image_part_what_one_region_holds():
    atoms = dense_image(2992, {"Pt": 4.0}, shape=(128, 128))
    image = atoms.image.to_numpy()
    kept = {m: dense.load_detector(m).find(image, 0.9) for m in ("sac-cnn", "sac-cnn + maxima")}
    recall = {m: score(atoms.atoms, found, **RULE)["recall"] for m, found in kept.items()}
    assert recall["sac-cnn + maxima"] > recall["sac-cnn"] + 0.1
    assert kept["sac-cnn + maxima"]["region"].nunique() == len(kept["sac-cnn"])
