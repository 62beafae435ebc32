"""Figures on detection in dense images: what is drawn."""

import pandas as pd

from helpers.atoms import dense_score_plots
from helpers.data import ROOT

DATA = ROOT / "data" / "ch02"


def test_one_panel_per_metal_in_the_order_of_the_atomic_number():
    rows = [
        {"metal": m, "density_nm2": d, "method": "dense", "f1": 0.9, "f1_low": 0.8, "f1_high": 0.95}
        for m in ("Pt", "Ni") for d in (1, 4)
    ]  # fmt: skip
    fig = dense_score_plots.by_density(pd.DataFrame(rows), ["dense"])
    assert [ax.get_title() for ax in fig.axes] == ["Ni", "Pt"]
    assert list(fig.axes[0].containers[0].lines[0].get_xdata()) == [1, 4]


def test_areas_stand_in_the_legend():
    rates = pd.read_csv(DATA / "detection_roc.csv")
    rates = rates[rates["data"] == "simulated"]
    fig = dense_score_plots.roc(rates, ["dense"])
    area = rates[(rates["metal"] == "Pt") & (rates["method"] == "dense")]["auc"].iloc[0]
    shown = [text.get_text() for text in fig.axes[0].get_legend().get_texts()]
    assert f"Pt ({area:.2f})" in shown and len(shown) == 4


def test_recall_above_precision():
    near = pd.read_csv(DATA / "detection_distance.csv")
    near = near[(near["data"] == "simulated") & (near["threshold_rule"] == "simulated")]
    fig = dense_score_plots.by_neighbour(near, ["dense", "log"])
    assert [ax.get_ylabel() for ax in fig.axes] == ["recall", "", "precision", ""]
    assert all(len(ax.lines) == 2 for ax in fig.axes)
    assert fig.axes[0].lines[0].get_ydata()[0] < 0.5  # atoms this close are seldom both found
