import numpy as np
import pandas as pd
import pytest
import torch

from helpers.atoms import detect, evaluate, heatmap
from helpers.data import DataError


@pytest.fixture(scope="module")
def header():
    return detect.load_detector("ensemble").header


def untrained(members=1):
    torch.manual_seed(3)
    return heatmap.Ensemble(members, width=4).eval()


def test_standardise_forgets_unit_offset_and_contrast():
    image = np.random.default_rng(0).random((90, 130)).astype(np.float32)
    standard = heatmap.standardise(image)
    np.testing.assert_allclose(heatmap.standardise(7 * image + 30), standard, atol=1e-3)
    assert abs(standard.mean()) < 0.05
    assert standard.std() == pytest.approx(1, abs=0.1)


def test_standardise_leaves_an_empty_hole_empty():
    image = np.random.default_rng(1).random((300, 300)).astype(np.float32)
    image[:, 150:] = 0.5
    assert abs(heatmap.standardise(image)[:, 260:]).max() < 0.1


@pytest.mark.parametrize("shape", [(3, 40, 40), (40,), (0, 5)])
def test_only_single_images_are_standardised(shape):
    with pytest.raises(DataError, match="shape"):
        heatmap.standardise(np.zeros(shape))


def test_paint_puts_x_in_the_column_and_y_in_the_row():
    target = heatmap.paint((40, 60), pd.DataFrame({"x_px": [50, 10], "y_px": [7, 30]}))
    assert target.shape == (40, 60)
    assert target[7, 50] == target[30, 10] == 1
    assert target[7, 50 + 3] == pytest.approx(np.exp(-(3**2) / (2 * heatmap.SPOT**2)))
    assert target[7, 10] < 1e-6


def test_random_crops_keep_input_and_target_together_and_repeat():
    image = np.random.default_rng(2).normal(size=(1, 96, 120)).astype(np.float32)
    x, y = heatmap.random_crops(image, image, np.random.default_rng(5), n=6, size=64)
    assert x.shape == y.shape == (6, 1, 64, 64)
    for one, other in zip(x, y, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9
    assert not torch.equal(y[0], y[1])
    again, _ = heatmap.random_crops(image, image, np.random.default_rng(5), n=6, size=64)
    assert torch.equal(x, again)


def test_ensemble_does_not_care_how_the_image_is_turned():
    network, x = untrained(2), torch.rand(1, 1, 64, 48)
    with torch.no_grad():
        upright = network(x)
        torch.testing.assert_close(network(x.flip(2)), upright.flip(2))
        turned = network(torch.rot90(x, 1, (2, 3)))
    torch.testing.assert_close(turned, torch.rot90(upright, 1, (2, 3)))
    assert upright.std() > 1e-5


def test_tiles_join_without_a_seam(monkeypatch):
    network, image = untrained(), np.random.default_rng(3).random((250, 330))
    whole = heatmap.painted_map(network, image)
    monkeypatch.setattr(heatmap, "_TILE", 96)
    tiled = heatmap.painted_map(network, image)
    assert np.ptp(whole) > 1e-3
    np.testing.assert_allclose(tiled, whole, atol=1e-3 * np.ptp(whole))


def test_calibration_is_monotone_and_can_be_neutral():
    values = np.linspace(0, 1, 11, dtype=np.float32)
    np.testing.assert_allclose(heatmap.calibrate(values, 0, 1), values, atol=1e-5)
    lifted = heatmap.calibrate(values, 0.5, 1.4)
    assert (np.diff(lifted) > 0).all()
    assert lifted[5] == pytest.approx(1 / (1 + np.exp(-0.5)))


def test_header_says_how_the_detector_was_made(header):
    assert header["made_by"] == "data/ch01/make_detector.py"
    assert set(header["trained_on"]["images"]) == {
        "021", "025", "027", "034", "037", "038", "045", "047", "048", "049", "051",
    }  # fmt: skip
    together = [fold for fold in header["folds"] if "047" in fold]
    assert together[0].count("048") == 1, "frames of one field in two folds"
    assert 0 < header["threshold"] < 1
    assert (detect.DATA / "detector.safetensors").stat().st_size < 3e6


@pytest.mark.parametrize("shape", [(300, 700), (257, 131)])
def test_atoms_are_found_where_they_are(shape):
    rng = np.random.default_rng(11)
    spacing = np.stack(np.meshgrid(np.arange(40, shape[1] - 30, 60), np.arange(30, shape[0], 50)))
    x, y = spacing.reshape(2, -1) + rng.integers(-8, 9, (2, spacing[0].size))
    inside = y < shape[0] - 12
    atoms = pd.DataFrame({"x_px": x[inside], "y_px": y[inside]})
    thickness = 60 + 30 * np.sin(np.arange(shape[1]) / 90)  # electrons per pixel
    electrons = thickness + 30 * heatmap.paint(shape, atoms, sigma=3.2)
    found = detect.detect(1.7e5 + 1e4 * rng.poisson(electrons))
    scores = evaluate.score(atoms, found)
    assert scores["precision"] > 0.9
    assert scores["recall"] > 0.9
    swapped = found.rename(columns={"x_px": "y_px", "y_px": "x_px"})
    assert evaluate.score(atoms, swapped)["recall"] < 0.3
    errors = evaluate.localisation_error(evaluate.match(atoms, found))
    assert abs(errors["bias_x"]) < 0.5
    assert abs(errors["bias_y"]) < 0.5


@pytest.mark.parametrize("method", ["ensemble", "sac-cnn"])
def test_a_constant_image_is_refused(method):
    with pytest.raises(DataError, match="contrast"):
        detect.detect(np.full((64, 64), 3.0), method)


@pytest.mark.measured
def test_shipped_detector_has_the_recorded_score_on_the_test_images(header, pt_nc):
    test = [frame for frame in pt_nc if frame.split == "test"]
    pairs = [(frame.labels, detect.detect(frame.image.to_numpy())) for frame in test]
    f1 = evaluate.score_images(pairs)["f1"].mean()
    assert f1 == pytest.approx(header["f1_test"], abs=0.005)
    assert f1 >= 0.70


@pytest.mark.measured
def test_out_of_fold_table_holds_the_candidates_of_every_training_image(header, pt_nc):
    table = pd.read_csv(detect.DATA / "out_of_fold.csv", dtype={"image": str})
    frames = {frame.name: frame.labels for frame in pt_nc if frame.split == "train"}
    assert set(table["image"]) == set(frames)
    kept = table[table["probability"] > header["threshold"]]
    f1 = [evaluate.score(frames[n], kept[kept["image"] == n])["f1"] for n in frames]
    assert np.mean(f1) == pytest.approx(header["f1_out_of_fold"], abs=0.002)
