"""The tables of data/ch03/make_kinetics.py: what they say holds, and this code made them."""

import importlib.util

import numpy as np
import pandas as pd
import pytest

from helpers.data import ROOT

FOLDER = ROOT / "data" / "ch03"


@pytest.fixture(scope="module")
def study():
    spec = importlib.util.spec_from_file_location("make_kinetics", FOLDER / "make_kinetics.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def coverage():
    return pd.read_csv(FOLDER / "kinetics_coverage.csv")


def pooled(coverage, scenario, quantity):
    part = coverage[(coverage["scenario"] == scenario) & (coverage["quantity"] == quantity)]
    return part.groupby("estimate")["coverage"].mean()


def test_every_scenario_has_its_runs(study, coverage):
    assert list(coverage["scenario"].unique()) == list(study.SCENARIOS)
    for name, (*_, wanted) in study.SCENARIOS.items():
        part = coverage.loc[coverage["scenario"] == name, "runs"]
        assert part.max() == wanted and part.min() > 0.9 * wanted
    assert study.SCENARIOS["independent"][-1] >= 200


def test_corrected_intervals_hold_what_they_promise_and_naive_ones_do_not(coverage):
    free = pooled(coverage, "independent", "free energy")
    assert free["corrected"] > 0.92 and free["hidden Markov"] > 0.92
    assert free["counted, naive"] < 0.3 and free["counted"] < free["corrected"] - 0.05
    energy = pooled(coverage, "independent", "energy")
    assert energy["corrected"] > 0.92 and energy["hidden Markov"] > 0.92
    assert pooled(coverage, "independent", "barrier")["argmax labels"] < 0.05


def test_the_network_itself_is_corrected_by_views_it_was_not_scored_on(coverage):
    free = pooled(coverage, "network", "free energy")
    assert free["corrected"] > 0.92 > free["counted"] and free["counted, naive"] < 0.3
    barrier = pooled(coverage, "network", "barrier")
    assert barrier["argmax labels"] < 0.05 and barrier["hidden Markov"] > barrier["Viterbi path"]


def test_confusion_matrices_of_the_network_are_shares():
    table = pd.read_csv(FOLDER / "kinetics_network.csv", index_col="true")
    assert table["split"].tolist() == ["validation"] * 4 + ["test"] * 4
    shares = table[list(table.index[:4])]
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-3)
    for split in ("validation", "test"):
        own = shares[table["split"] == split].to_numpy()
        assert (own.argmax(axis=1) == range(4)).all() and np.diag(own).min() > 0.6


def test_a_small_validation_set_must_be_told_to_the_interval(coverage):
    free = pooled(coverage, "few validated", "free energy")
    assert free["corrected"] > 0.92 and free["corrected, exact"] < free["corrected"] - 0.05


def test_views_that_stay_for_a_second_spoil_the_barriers(coverage):
    fresh, stays = (
        pooled(coverage, name, "barrier")["hidden Markov"] for name in ("independent", "turning")
    )
    assert fresh > 0.9 and stays < 0.5


def test_counts_forgive_views_that_turn(coverage):
    free = pooled(coverage, "turning", "free energy")
    assert free["corrected"] > 0.9 > 0.3 > free["counted, naive"]


@pytest.mark.parametrize("scenario", ["independent", "turning"])
def test_the_coverage_table_is_made_by_this_code(study, coverage, scenario):
    """A new run lies within the scatter of the old ones."""
    rows = pd.DataFrame(study.one_run(scenario, 10_000))
    assert not rows["value"].isna().mean() > 0.05
    table = coverage[coverage["scenario"] == scenario]
    keys = ["quantity", "estimate", "temperature_k", "isomer"]
    both = rows.merge(table, on=keys)
    assert len(both) == len(rows)
    np.testing.assert_allclose(1e3 * both["true"], both["true_mev"], rtol=1e-3)
    main = both[both["estimate"].isin(["held", "corrected"]) & (both["quantity"] != "barrier")]
    error = 1e3 * (main["value"] - main["true"]) - main["median_error_mev"]
    assert (error.abs() < 6 * main["sd_mev"]).all()


def test_the_closed_form_is_right_and_fewer_than_3000_frames_give_10_mev():
    table = pd.read_csv(FOLDER / "kinetics_frames.csv")
    long = table[(table["frames_per_temperature"] >= 16_000) & (table["estimate"] != "counted")]
    ratio = long["sd_mev"] / long["closed_form_mev"]
    assert 0.9 < ratio.mean() < 1.15 and ratio.between(0.7, 1.5).all()
    one = table[(table["isomer"] == "decahedron") & (table["estimate"] == "corrected")]
    needed = one.groupby("quantity")["frames_for_10_mev"].mean()
    assert 1500 < needed["free energy at 360 K"] < 5000
    assert needed["energy"] > 100 * needed["free energy at 360 K"]


def test_naive_counts_stay_wrong_however_long_the_series():
    table = pd.read_csv(FOLDER / "kinetics_frames.csv")
    free = table[table["quantity"] == "free energy at 360 K"]
    longest = free[free["frames_per_temperature"] == free["frames_per_temperature"].max()]
    bias = longest.pivot_table(index="isomer", columns="estimate", values="median_error_mev").abs()
    assert (bias["counted"] > 2).all() and (bias["corrected"] < 1).all()


def test_rates_are_read_between_one_change_a_series_and_one_a_frame(study):
    table = pd.read_csv(FOLDER / "kinetics_window.csv")
    table["ratio"] = table["changes_per_s"] / table["true_changes_per_s"]
    hidden = table[table["estimate"] == "hidden Markov"].set_index("temperature_k")["ratio"]
    assert hidden.loc[320:370].between(0.85, 1.1).all()
    assert hidden.loc[400:].max() < 0.8
    argmax = table[table["estimate"] == "argmax labels"].set_index("temperature_k")["ratio"]
    assert argmax.loc[:350].min() > 5
    again = pd.DataFrame(study.one_window(360, 10_000)).set_index("estimate")
    kept = table[table["temperature_k"] == 360].set_index("estimate")
    difference = again["changes_per_s"] - kept["changes_per_s"]
    assert (difference.abs() < 5 * kept["changes_sd"]).all()
