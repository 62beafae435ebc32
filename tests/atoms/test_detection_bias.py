"""Apparent and true statistics of arrangements, and the correction between them."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import cKDTree

from helpers.atoms import detection_bias as bias
from helpers.atoms.aggregates import random_share
from helpers.data import DataError

PIXEL = 15 / 512
MASK = np.ones((512, 512), bool)


def random_points(density, seed):
    side = 511 * PIXEL
    rng = np.random.default_rng(seed)
    return rng.random((rng.poisson(density * side**2), 2)) * side


@pytest.mark.parametrize("density", [1.0, 4.0])
def test_a_random_arrangement_looks_random(density):
    rows = [bias.statistics(random_points(density, s), MASK, PIXEL) for s in range(6)]
    mean = pd.DataFrame(rows).mean()
    assert mean["density_nm2"] == pytest.approx(density, rel=0.05)
    assert mean["mean_distance_nm"] == pytest.approx(1 / (2 * np.sqrt(density)), rel=0.03)
    assert mean["ratio_to_random"] == pytest.approx(1, abs=0.03)
    assert mean["share_multimers"] == pytest.approx(random_share(density), abs=0.04)


def test_merging_close_atoms_makes_randomness_look_repulsive():
    points = random_points(4.0, 0)
    close = cKDTree(points).query_pairs(0.2, output_type="ndarray")
    merged = np.delete(points, np.unique(close[:, 1]), axis=0)
    before, after = (bias.statistics(p, MASK, PIXEL) for p in (points, merged))
    assert after["density_nm2"] < before["density_nm2"]
    assert after["ratio_to_random"] > before["ratio_to_random"] + 0.1
    assert after["share_multimers"] < 0.5 * before["share_multimers"]


def test_images_with_hardly_an_atom_have_no_distances():
    assert bias.statistics(np.empty((0, 2)), MASK, PIXEL)["density_nm2"] == 0
    assert np.isnan(bias.statistics([[3.0, 3.0]], MASK, PIXEL)["mean_distance_nm"])


def test_a_known_distortion_is_taken_back():
    rng = np.random.default_rng(0)
    apparent = pd.DataFrame(
        {
            "density_nm2": rng.uniform(0.5, 4, 60),
            "mean_distance_nm": rng.uniform(0.2, 0.8, 60),
            "share_multimers": rng.uniform(0.1, 0.3, 60),
            "ratio_to_random": rng.uniform(0.6, 1.5, 60),
        }
    )
    density, ratio = apparent["density_nm2"], apparent["ratio_to_random"]
    true = pd.DataFrame(
        {
            "density_nm2": density * np.exp(0.1 + 0.1 * density * (2 - ratio)),
            "mean_distance_nm": apparent["mean_distance_nm"] * np.exp(-0.05 * density),
            "share_multimers": apparent["share_multimers"] + 0.01 * density**2 * ratio,
        }
    )
    correction = bias.fit_correction(apparent[:40], true[:40])
    corrected = bias.correct(apparent[40:], correction)
    low, high = correction["valid_nm2"]
    known = apparent[40:]["density_nm2"].between(low, high)
    assert known.sum() > 10
    pd.testing.assert_frame_equal(corrected[known], true[40:][known], check_names=False)
    beyond = pd.DataFrame([{**apparent.iloc[0], "density_nm2": 9.0}])
    assert bias.correct(beyond, correction).isna().all(axis=None)


def test_the_shipped_correction_brings_the_densities_of_pt_closer_to_the_truth():
    table = pd.read_csv(bias.DATA / "bias.csv")
    names = [*bias.QUANTITIES, "ratio_to_random"]
    for method in ("published", "validated", "dense"):
        cells = table[(table["method"] == method) & (table["metal"] == "Pt")]
        apparent = cells[[f"apparent_{name}" for name in names]].set_axis(names, axis=1)
        corrected = bias.correct(apparent, bias.load_correction(method, "Pt"))["density_nm2"]
        true = cells["true_density_nm2"]
        before, after = (d - true for d in (apparent["density_nm2"], corrected))
        assert (after**2).mean() < 0.5 * (before**2).mean()
    with pytest.raises(DataError, match="no correction"):
        bias.load_correction("dense", "Fe")


def test_corrections_help_where_little_is_lost_and_the_default_needs_them_least():
    errors = bias.correction_errors("random").set_index(["method", "metal"])
    assert set(errors.index.get_level_values("metal")) == {"Ni", "Rh", "Pd", "Pt"}
    default, published = errors.loc["dense"], errors.loc["published"]
    assert (default["density_nm2_apparent"] < published["density_nm2_apparent"]).all()
    for name in ("density_nm2", "share_multimers"):
        assert (default[f"{name}_corrected"] < 0.5 * default[f"{name}_apparent"]).all()
    assert set(bias.correction_errors("repulsive")["metal"]) == {"Ni", "Pt"}


def test_metals_without_validation_images_borrow_their_correction():
    for metal, other in bias.BORROWED.items():
        here, there = (bias.load_correction("dense", m) for m in (metal, other))
        assert here["density_nm2"] == there["density_nm2"]


def test_stored_positions_belong_to_their_images():
    images = bias.load_positions()
    assert len(images) == 180
    assert {i["arrangement"] for i in images} == {"random", "attractive", "repulsive"}
    side = 256 * PIXEL
    for image in images:
        for source in ("true", "published", "validated", "dense"):
            assert image[source].shape[1] == 2
            assert image[source].min(initial=0) >= 0 and image[source].max(initial=0) <= side
    dense = [i for i in images if i["density_nm2"] == 8 and i["arrangement"] == "random"]
    mean = np.mean([len(i["true"]) for i in dense]) / side**2
    assert mean == pytest.approx(8, rel=0.08)


def test_detectors_stand_side_by_side_for_every_metal_and_density():
    stored = pd.read_csv(bias.DATA / "bias.csv")
    table = bias.side_by_side(stored)
    assert len(table) == 24 and list(table["metal"].unique()) == ["Pt", "Ni", "Pd", "Rh"]
    row = stored.query("arrangement == 'random' and metal == 'Rh' and asked_nm2 == 4")
    shown = table.query("metal == 'Rh' and asked == 4").iloc[0]
    for method in ("published", "validated", "dense"):
        one = row[row["method"] == method].iloc[0]
        assert shown[f"share, {method}"] == one["apparent_share_multimers"]
        assert shown[f"found, {method}"] == one["apparent_density_nm2"]


def test_nuclearities_of_the_study_follow_their_closed_forms():
    table = bias.nuclearity_shares("Pt")
    cells = table.groupby(["source", "density_nm2"])["share"]
    np.testing.assert_allclose(cells.sum(), 1)
    shares = table.set_index(["source", "density_nm2", "nuclearity"])["share"]
    for density in (0.5, 1.0, 2.0):
        alone = np.exp(-np.pi * density * 0.22**2)
        assert shares["true", density, 1] == pytest.approx(alone, abs=0.05)
        assert 0.3 * (1 - alone) < shares["true", density, 2] < 1 - alone + 0.05
    assert shares["published", 8.0, 1] > 0.9 > 0.5 > shares["true", 8.0, 1]


def test_nuclearities_beyond_the_largest_count_as_it(monkeypatch):
    row = np.arange(7)[:, None] * [0.2, 0.0]  # seven in a chain
    one = {"metal": "Pt", "arrangement": "random", "density_nm2": 1.0}
    one |= dict.fromkeys(("true", "published", "validated", "dense"), row)
    monkeypatch.setattr(bias, "load_positions", lambda: [one])
    table = bias.nuclearity_shares(largest=3)
    assert table[table["source"] == "true"]["share"].tolist() == [0, 0, 1]
