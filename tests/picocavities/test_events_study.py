"""Tables of configurations, adatoms and kinetics: what they hold is what their scripts make."""

import importlib.util
import sys

import numpy as np
import pandas as pd
import pytest

from helpers.picocavities import molecule
from helpers.registry import available


def script(name):
    """A script of the chapter, with those that it imports."""
    sys.path.insert(0, str(molecule.FOLDER))
    try:
        spec = importlib.util.spec_from_file_location(name, molecule.FOLDER / f"{name}.py")
        made = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
    finally:
        sys.path.pop(0)
    return made


def table(name):
    return pd.read_csv(molecule.FOLDER / f"{name}.csv")


def test_a_row_of_the_configurations_is_made_again():
    study, rows = script("make_configurations"), table("configurations")
    row = rows[(rows["variety"] == "Au-Au") & (rows["seed"] == 2003)].set_index("method")
    for method in ("cosine", "published code"):
        again = study.one_run(2003, "Au-Au", 0, study.METHODS[method])
        for column in ("ari_first", "ari", "k", "k_first", "events_merged", "stability"):
            assert again[column] == pytest.approx(row.loc[method, column], abs=2e-4)


def test_configurations_are_judged_on_enough_campaigns_that_nothing_was_chosen_on():
    rows = table("configurations")
    assert (rows["seed"] >= 2000).all()
    assert rows.groupby(["variety", "method"])["seed"].nunique().min() >= 5
    plain = rows[rows["extra_shift_cm"] == 0].groupby("method")["ari_first"].mean()
    # the code's distance does not know wavenumber
    assert plain["published code"] < plain["wasserstein"] < plain["cosine"]


@pytest.mark.measured
@pytest.mark.skipif(
    not available("picocavity-events"), reason="the public set picocavity-events is not here"
)
def test_the_published_groups_of_measured_events_are_those_of_histograms():
    study = script("make_configurations")
    events, spectra, published = study.event_spectra()
    distance = study.DISTANCES["histogram"](spectra)
    labels, scores = study.grouping.cluster(distance, **study.PUBLISHED_CODE)
    found = study.adjusted_rand_score(events["published"], labels)
    row = table("measured_events").set_index(["distance", "k_range"]).loc["histogram"]
    assert (
        found == pytest.approx(row.loc["published code", "ari_published"], abs=1e-3) and found > 0.8
    )
    assert study.grouping.best_k(scores) == 6


def test_lines_of_adatoms_are_inverted_as_the_table_says():
    study, rows = script("make_adatoms"), table("adatoms")
    gold = study.shipped("Au", "xtb").upright()
    made = study.atlas_of(gold, {})
    found = []
    for spectrum, one in study.spectra_of(gold, range(2000, 2005)):
        heights, _ = study.invert(spectrum, made, gold)
        found.append({m: (h > 0) == (one.side == "NP") for m, h in heights.items()})
    share = pd.DataFrame(found).mean()
    exact = rows[rows["case"] == "exact"].set_index("method")
    for method in study.METHODS:
        assert abs(share[method] - exact.loc[method, "accuracy"]) < 0.35
    assert share["spectrum"] >= share["compound map"]
    assert (exact["n"] == 200).all()


def test_the_whole_way_from_scans_tells_sides_better_by_spectra_than_by_compound_maps():
    rows = table("adatoms_chain")
    assert (rows["seed"] >= 2000).all() and rows.groupby("grouping").size().min() >= 16
    right = rows[[name for name in rows if name.startswith("right")]].mean()
    assert right.idxmax() == "right, spectrum" and right["right, spectrum"] > 0.8


def test_intervals_of_kinetics_hold_the_truth_about_as_often_as_they_say():
    rows = table("kinetics")
    rows = rows[(rows["seen_by"] == "all") & rows["low"].notna()]
    inside = (rows["low"] <= rows["truth"]) & (rows["truth"] <= rows["high"])
    assert 0.88 < inside.mean() <= 1
    assert rows["seed"].nunique() == 10 and (rows["seed"] >= 2000).all()


def test_dropping_scans_without_event_makes_formation_look_fast():
    rows = table("kinetics")
    at = rows[(rows["variety"] == "commercial") & (rows["seen_by"] == "all")]
    mean = at.groupby(["quantity", "power_uw"])["value"].mean()
    truth = at[at["quantity"] == "formation_s"].groupby("power_uw")["truth"].mean()
    assert np.allclose(mean["formation_s"], truth, rtol=0.1)
    assert (mean["formation_s_dropped"] < 0.25 * truth).all()


@pytest.mark.measured
@pytest.mark.skipif(
    not available("picocavity-events"), reason="the public set picocavity-events is not here"
)
def test_the_measured_index_is_counted_as_in_the_table():
    study, kept = script("make_kinetics"), table("measured_index")
    again = study.kinetics.scans_with_picocavity(np.random.default_rng(0), study.scan_index())
    assert again["scans"].sum() == 3667 and len(again) == 11
    for column in ("share", "wilson_low", "low", "high"):
        np.testing.assert_allclose(kept[column], again[column], atol=1e-4)
