"""Figures on detection in dense images: what is drawn."""

import numpy as np
import pandas as pd
import pytest

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


def test_the_legend_has_the_areas_under_the_curves_drawn():
    rates = pd.read_csv(DATA / "detection_roc.csv")
    rates = rates[rates["data"] == "simulated"]
    fig = dense_score_plots.roc(rates, ["dense", "sac-cnn"])
    for ax in fig.axes:
        curves = ax.lines[1:]  # the first is the diagonal
        assert len(curves) == 4
        for line in curves:
            x, y = line.get_data()
            area = float(line.get_label().split("(")[1].strip(")"))
            assert np.trapezoid(y[::-1], x[::-1]) == pytest.approx(area, abs=0.007)
    assert "80%" in fig.axes[0].get_title()


def test_recall_above_precision():
    near = pd.read_csv(DATA / "detection_distance.csv")
    near = near[(near["data"] == "simulated") & (near["threshold_rule"] == "simulated")]
    fig = dense_score_plots.by_neighbour(near, ["dense", "log"])
    assert [ax.get_ylabel() for ax in fig.axes] == ["recall", "", "precision", ""]
    assert all(len(ax.lines) == 2 for ax in fig.axes)
    assert fig.axes[0].lines[0].get_ydata()[0] < 0.5  # atoms this close are seldom both found


def test_the_threshold_of_every_method_lies_on_its_curve():
    levels = np.array([0.2, 0.4, 0.6, 0.8])
    table = pd.concat(
        pd.DataFrame({"data": kind, "method": method, "threshold": levels, "f1": levels * scale})
        for kind in ("simulated", "measured") for method, scale in (("dense", 1), ("ensemble", 0.5))
    )  # fmt: skip
    chosen = {m: {"simulated": 0.5, "measured": 0.3} for m in ("dense", "ensemble")}
    fig = dense_score_plots.thresholds(table, ["dense", "ensemble"], chosen)
    marks = [(line.get_xdata()[0], line.get_ydata()[0]) for ax in fig.axes for line in ax.lines
             if line.get_marker() != "None"]  # fmt: skip
    np.testing.assert_allclose(marks, [(0.5, 0.5), (0.5, 0.25), (0.3, 0.3), (0.3, 0.15)])
    assert "measured, training" in fig.axes[1].get_title()
