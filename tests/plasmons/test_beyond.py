"""Tables and figures of chapter 4 beyond the paper."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from helpers.plasmons import beyond_plots, design, peaks
from helpers.registry import ROOT

DATA = ROOT / "data" / "ch04"


def table(name):
    return pd.read_csv(DATA / f"{name}.csv")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_every_way_has_the_same_budget_for_every_wish():
    found = table("design")
    assert not found.duplicated(["wish", "way"]).any()
    assert set(found["way"]) == set(design.WAYS) == set(beyond_plots.WAYS)
    counts = found.groupby("way")["wish"].nunique()
    assert counts.min() == counts.max() >= 12
    full = found[found["way"] != "spec2im"]["simulations"]  # whose images may show no cube
    assert full.min() == full.max() == found["simulations"].max()
    assert (found["error"] <= found["first"] + 1e-9).all()


def test_kept_spectra_have_the_errors_of_the_table():
    found = table("design")
    names = list(dict.fromkeys(found["wish"]))
    with np.load(DATA / "design.npz") as kept:
        for row in found.itertuples():
            at = names.index(row.wish)
            error = design.errors_of(kept[f"{at} {row.way} spectrum"][None], kept[f"{at} wish"])[0]
            assert error == pytest.approx(row.error, abs=0.02)


def test_calibrated_intervals_cover_better_than_the_spread_as_it_is():
    found = table("intervals").query("place == 'all'")
    off = (found["measured"] - found["level"]).abs().groupby(found["kind"]).max()
    assert off["scaled spread"] < 0.1 < off["spread as it is"]


def test_the_bulk_peak_is_resolved_on_particles_only():
    found = table("peaks").query("peak == 'bulk' and method == 'ours'")
    share = found.groupby("place")["resolved"].mean()
    assert share["particle"] > 0.95 and share.drop("particle").max() < 0.05


def test_errors_are_least_on_films_like_the_training_set():
    found = table("transfer").query("direction == 'im2spec' and method == 'ours'")
    error = found.groupby("kind")["error"].mean()
    assert error.idxmin() == "like the training set"


def test_figures_show_what_the_tables_hold():
    fig = beyond_plots.peak_energies(table("peaks"))
    assert [ax.get_title().split("\n")[0] for ax in fig.axes] == list(peaks.BANDS_EV)
    assert len(beyond_plots.coverage(table("intervals_energy"), table("intervals")).axes) == 2
    fig = beyond_plots.back_projection(table("consistency"))
    assert [ax.get_title() for ax in fig.axes] == ["im2spec", "spec2im"]
    transfer = table("transfer").query("direction == 'im2spec'")
    fig = beyond_plots.other_films(transfer, table("unlike"))
    labels = [label.get_text() for label in fig.axes[0].get_yticklabels()]
    assert labels == list(dict.fromkeys(transfer["kind"]))
    fig = beyond_plots.design_errors(table("design"))
    labels = [label.get_text() for label in fig.axes[0].get_yticklabels()]
    assert labels == list(beyond_plots.WAYS[::-1])
