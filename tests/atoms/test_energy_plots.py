"""Figures on energies: what is drawn."""

import numpy as np
import pandas as pd

from helpers.atoms import energy_plots


def test_bonded_arrangements_are_open():
    curve = pd.DataFrame(
        {
            "separation_A": [4.3, 4.9, 8.9],
            "relative_eV": [0.6, -0.4, 0.0],
            "nitrogen_charge_e": [-0.2, -0.3, -0.29],
            "carbons_between": [0, 1, 3],
        }
    )
    fig = energy_plots.site_energies({"4N-4N": curve})
    apart, charge, between = fig.axes
    filled, bonded = (line for line in apart.lines if line.get_marker() == "o")
    assert list(filled.get_xdata()) == [4.9, 8.9]
    assert list(bonded.get_xdata()) == [4.3] and bonded.get_markerfacecolor() == "none"
    assert apart.get_ylabel().endswith("(eV)")
    # charges are against the arrangement of lowest energy
    drawn = [line.get_xdata() for line in charge.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(np.concatenate(drawn), [0.0, 0.01, 0.1])
    assert list(between.get_xticks()) == [0, 1, 2, 3]


def test_metals_and_dimers():
    table = pd.DataFrame(
        {"kind": ["3N", "4N"], "metal": ["Pt", "Ni"], "formation_eV": [-1.1, 6.4],
         "metal_distance_A": [2.4, 1.9]}
    )  # fmt: skip
    near = pd.DataFrame(
        {"kinds": "4N-4N", "first": ["Ni", "NiCl2"], "second": ["Ni", "NiCl2"],
         "e_int_eV": [0.8, 0.5], "bare_eV": -0.5, "one_filled_eV": -0.4, "both_filled_eV": 0.2}
    )  # fmt: skip
    fig = energy_plots.metals_in_sites(table, near)
    heights = [bar.get_height() for bar in fig.axes[0].patches]
    assert np.nansum(heights) == np.float64(-1.1 + 6.4)
    assert [tick.get_text() for tick in fig.axes[0].get_xticklabels()] == ["3N", "4N"]
    plain, chloride = (line for line in fig.axes[2].lines if len(line.get_xdata()) == 3)
    assert list(plain.get_ydata()) == [-0.5, -0.4, 0.2]
    assert chloride.get_markerfacecolor() == "none"
