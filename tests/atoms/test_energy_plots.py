"""Figures on energies: what is drawn."""

import numpy as np
import pandas as pd

from helpers.atoms import energy_plots


def test_bonded_arrangements_are_open():
    curve = pd.DataFrame({"separation_A": [4.3, 4.9, 8.9], "relative_eV": [0.6, -0.4, 0.0]})
    fig = energy_plots.against_separation(
        {"4N-4N": curve}, {"4N-4N": np.array([True, False, False])}
    )
    points = [line for line in fig.axes[0].lines if line.get_marker() == "o"]
    filled, bonded = points
    assert list(filled.get_xdata()) == [4.9, 8.9]
    assert list(bonded.get_xdata()) == [4.3] and bonded.get_markerfacecolor() == "none"
    assert fig.axes[0].get_ylabel().endswith("(eV)")


def test_the_axis_says_where_nitrogens_are_bonded():
    table = pd.DataFrame(
        {"relative_eV": [0.6, -0.4], "nitrogen_charge_e": [-0.2, -0.3], "carbons_between": [0, 1]}
    )
    fig = energy_plots.charges(table)
    assert [tick.get_text() for tick in fig.axes[1].get_xticklabels()] == ["0 (N-N)", "1"]


def test_metals_and_dimers():
    curve = pd.DataFrame({"separation_A": [4.9], "e_int_eV": [0.45]})
    fig = energy_plots.metal_interactions({"Ni": curve, "Ni-Pd": curve})
    assert [text.get_text() for text in fig.axes[0].get_legend().get_texts()] == ["Ni", "Ni-Pd"]
    table = pd.DataFrame(
        {"kind": ["3N", "4N"], "metal": ["Pt", "Ni"], "formation_eV": [-1.1, 6.4],
         "metal_distance_A": [2.4, 1.9]}
    )  # fmt: skip
    fig = energy_plots.dimers(table)
    heights = [bar.get_height() for bar in fig.axes[0].patches]
    assert np.nansum(heights) == np.float64(-1.1 + 6.4)
    assert [tick.get_text() for tick in fig.axes[0].get_xticklabels()] == ["3N", "4N"]
