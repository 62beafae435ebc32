"""Figures of several studies: what is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from helpers.clusters import study_plots


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_losses_have_a_line_for_each_seed():
    long = pd.DataFrame({"seed": [0, 0, 1, 1], "epoch": [0, 1] * 2, "validation_loss": range(4)})
    short = pd.DataFrame({"epoch": [0], "validation_loss": [2.0]})
    ax = study_plots.losses(long, short).axes[0]
    assert [len(line.get_xdata()) for line in ax.lines[:3]] == [2, 2, 1]
    assert ax.lines[1].get_ydata().tolist() == [2, 3]


def test_confusions_write_mean_and_spread_where_there_is_one():
    mean, spread = np.eye(4), np.full((4, 4), 0.02)
    fig = study_plots.confusions({"low": (mean, spread), "high": (mean, np.full((4, 4), np.nan))})
    texts = [[text.get_text() for text in ax.texts] for ax in fig.axes]
    assert texts[0][0] == "100\n± 2" and texts[0][1] == "0\n± 2"
    assert texts[1][0] == "100"


def test_conditions_keep_the_methods_apart():
    table = pd.DataFrame({
        "method": ["network", "atlas"] * 2, "atoms": [147, 147, 309, 309],
        "accuracy": [0.9, 0.8, 0.95, 0.85],
    })  # fmt: skip
    table["accuracy_low"], table["accuracy_high"] = table["accuracy"] - 0.1, table["accuracy"]
    fig = study_plots.conditions([(table, "atoms", "atoms")])
    lines = [line for line in fig.axes[0].lines if line.get_marker() in "os"]
    assert [line.get_ydata().tolist() for line in lines] == [[0.9, 0.95], [0.8, 0.85]]
    assert [text.get_text() for text in fig.legends[0].texts] == ["network", "atlas"]


def test_trust_averages_over_seeds():
    bins = pd.DataFrame({
        "scaling": ["before"] * 4 + ["after"] * 4, "seed": [0, 0, 1, 1] * 2,
        "confidence": [0.4, 0.8] * 4, "correct": [0.2, 0.9, 0.4, 0.7] * 2,
    })  # fmt: skip
    curves = pd.DataFrame({
        "method": ["network"] * 4, "seed": [0, 0, 1, 1], "coverage": [0.1, 1.0] * 2,
        "risk": [0.0, 0.2, 0.0, 0.4],
    })  # fmt: skip
    left, right = study_plots.trust(bins, curves, (0.6, 0.05)).axes
    assert left.lines[1].get_ydata() == pytest.approx([0.3, 0.8])
    assert right.lines[0].get_ydata()[-1] == pytest.approx(0.3)
    assert right.lines[-1].get_xydata().tolist() == [[0.6, 0.05]]


def test_breaks_put_the_first_row_on_top_and_stay_within_bounds():
    table = pd.DataFrame({
        "clusters": ["usual", "odd"], "right": [1.0, 0.5], "half": [0.1, 0.1],
        "accepted": [0.9, 0.2],
    })  # fmt: skip
    ax = study_plots.breaks(table).axes[0]
    assert [bar.get_width() for bar in ax.patches] == [1.0, 0.5]
    assert ax.patches[0].get_y() > ax.patches[1].get_y()


def test_unrolled_shows_each_frame_beside_its_strip():
    fig = study_plots.unrolled({"frame": np.eye(8)}, {"frame": np.eye(4, 16)}, 0.05)
    assert fig.axes[1].images[0].get_array().shape == (4, 16)
    assert fig.axes[1].get_ylim()[0] > fig.axes[1].get_ylim()[1]


def test_errors_are_shares_wrong_and_never_zero():
    table = pd.DataFrame({
        "method": ["network"] * 2, "dose_per_A2": [100.0, 1000.0], "accuracy": [0.6, 1.0],
        "accuracy_low": [0.5, 0.99], "accuracy_high": [0.7, 1.0], "frames": 100,
    })  # fmt: skip
    ax = study_plots.errors(table).axes[0]
    assert ax.lines[0].get_ydata() == pytest.approx([0.4, 0.005])
    assert ax.get_yscale() == "log"
