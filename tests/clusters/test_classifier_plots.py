"""Figures of the classifier: what is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from helpers.clusters import classifier_plots as plots
from helpers.clusters.structures import ISOMERS


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_motifs_have_a_row_for_each_isomer():
    image = np.eye(20)
    fig = plots.motifs({name: {"5-fold": image, "2-fold": image} for name in ISOMERS[:3]}, 0.05)
    assert len(fig.axes) == 6
    assert [ax.get_ylabel() for ax in fig.axes[::2]] == list(ISOMERS[:3])
    assert fig.axes[1].get_title(loc="center") == "2-fold"


def test_map_gives_every_place_the_value_of_the_nearest_view():
    views = pd.DataFrame(np.eye(3), columns=list("xyz")).assign(
        isomer="cuboctahedron", value=[1.0, 2.0, 3.0]
    )
    group = np.array([np.eye(3), -np.eye(3)])
    axes = {"cuboctahedron": {"100": np.array([1.0, 0, 0])}}
    ax = plots.ambiguity_map(views, {"cuboctahedron": group}, "similarity", axes).axes[0]
    filled = ax.images[0].get_array()
    assert filled[90, 90] == 3  # along the beam
    assert filled[90, 178] == 1 and filled[90, 2] == 1  # left and right
    assert filled[178, 90] == 2
    assert filled.mask[0, 0]
    assert sorted(ax.lines[0].get_xdata()) == pytest.approx([-1, 1])  # on the rim, both ends


def test_places_and_directions_of_the_map_agree():
    rng = np.random.default_rng(0)
    v = rng.normal(size=(50, 3))
    v /= np.linalg.norm(v, axis=1)[:, None]
    flat = np.array([plots._flat(d) for d in v])
    assert (np.hypot(*flat.T) <= 1 + 1e-9).all()
    back = plots._on_sphere(*flat.T)
    assert abs((back * v).sum(1)) == pytest.approx(np.ones(50))


def test_confusion_says_per_cent_and_spread():
    matrix = np.full((4, 4), 0.1) + 0.6 * np.eye(4)
    ax = plots.confusion(matrix, np.full((4, 4), 0.02)).axes[0]
    assert ax.texts[0].get_text() == "70.0\n± 2.0"
    assert len(ax.texts) == 16


def test_lines_against_dose_have_their_intervals():
    table = pd.DataFrame(
        {
            "method": ["network", "network", "atlas", "atlas"],
            "dose_per_A2": [1e3, 1e2, 1e2, 1e3],
            "accuracy": [0.9, 0.5, 0.4, 0.8],
        }
    )
    table = table.assign(
        accuracy_low=table["accuracy"] - 0.1, accuracy_high=table["accuracy"] + 0.1
    )
    fig = plots.against(table, "dose_per_A2", "dose (electrons per Å²)", log=True)
    ax = fig.axes[0]
    assert ax.get_xscale() == "log"
    assert [t.get_text() for t in fig.legends[0].get_texts()] == ["network", "atlas"]
    assert list(ax.lines[0].get_ydata()) == [0.5, 0.9]


def test_reliability_risk_and_views():
    bins = pd.DataFrame(
        {
            "scaling": ["before", "after"],
            "confidence": [0.9, 0.8],
            "correct": [0.7, 0.8],
            "correct_low": 0.6,
            "correct_high": 0.9,
        }
    )
    assert len(plots.reliability(bins).axes[0].containers) == 2
    curves = pd.DataFrame(
        {
            "method": ["network"] * 2 + ["atlas"] * 2,
            "coverage": [0.5, 1] * 2,
            "risk": [0, 0.1, 0.1, 0.2],
        }
    )
    ax = plots.risk_coverage(curves, (0.8, 0.05)).axes[0]
    assert [line.get_label() for line in ax.lines] == ["network", "atlas", "threshold of predict"]
    views = pd.DataFrame(
        {
            "isomer": ["icosahedron"] * 2,
            "dose_per_A2": [1e2, 1e3],
            "median_deg": [9, 4],
            "ninetieth_deg": [20, 8],
        }
    )
    assert len(plots.orientation_error(views).axes[0].lines) == 2


def test_field_names_clusters_and_shows_mistakes():
    found = pd.DataFrame(
        {
            "x_px": [30, 90],
            "y_px": [40, 80],
            "diameter_nm": 2.0,
            "isomer": ["icosahedron", "decahedron"],
            "accepted": [True, False],
        }
    )
    truth = pd.DataFrame({"x_px": [30, 90], "y_px": [40, 80], "class": [0, 2]})
    image = np.random.default_rng(1).random((128, 128))
    texts = [t.get_text() for t in plots.field(image, found, 0.05, truth).axes[0].texts]
    assert texts == ["ico", "deca? (is cubo)"]
